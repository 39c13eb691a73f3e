"""The widgets that belong to a widget: its children, layouts, styles, scales, marks, axes …"""

from collections.abc import Iterator
from typing import Any

from ipywidgets import DOMWidget, Widget

from cnnviz_widgets.widgets.front_end import FrontEnd


def tree(widget: Widget) -> list[Widget]:
    """The widget and every widget that hangs from its traits, each once, the widget itself first.

    The ``FrontEnd`` belongs to all, and to none.
    """
    found: dict[int, Widget] = {}
    waiting = [widget]
    while waiting:
        one = waiting.pop()
        if id(one) not in found:
            found[id(one)] = one
            for value in one.trait_values(sync=True).values():
                waiting.extend(_widgets_in(value))
    return list(found.values())


def close_tree(*widgets: Widget) -> None:
    """Close widgets with all that hangs from them: a box's own ``close`` would leave its children behind."""
    for widget in widgets:
        for one in tree(widget):
            one.close()


def has_class(widget: DOMWidget, name: str) -> bool:
    """Whether a CSS class was added to a widget."""
    return name in widget._dom_classes


def _widgets_in(value: Any) -> Iterator[Widget]:
    if isinstance(value, FrontEnd):
        return
    if isinstance(value, Widget):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _widgets_in(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _widgets_in(one)
