"""A beside B: what a panel showed when Pin was pressed stays beside what it shows now."""

from collections.abc import Iterable, Mapping
from typing import Any

import ipywidgets
from torch import Tensor

from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels.parts import Note
from cnnviz_widgets.pictures import source_of
from cnnviz_widgets.runtime.memo import same
from cnnviz_widgets.widgets.tree import close_tree

WORDS = {"image": "picture", "target": "class"}  # traits that a reader knows by another name
LONG = 40  # letters of a value; longer ones are not written


class Pinned:
    """Copies of a panel's parts as they are, and a line that says which settings are others now.

    parts     of the panel; those that are out of sight, or have nothing to show, are left out
    settings  trait -> its value when the parts were drawn
    """

    def __init__(self, parts: Iterable[Any], settings: Mapping[str, Any]) -> None:
        visible = [part for part in parts if hasattr(part, "twin") and part.widget.layout.display != "none"]
        self.parts = [twin for twin in (part.twin() for part in visible) if twin is not None]
        for twin in self.parts:
            twin.widget.add_class("cnnviz-pinned")
        self._settings, self._note = settings, Note()
        self._note.widget.add_class("cnnviz-pinned-settings")
        self.widgets: list[ipywidgets.Widget] = [*(part.widget for part in self.parts), self._note.widget]

    def compare(self, now: Mapping[str, Any]) -> None:
        """Say what was not as it is now."""
        changed = []
        for name, before in self._settings.items():
            if not same(before, now[name]):
                words = [_text(name, settings) for settings in (self._settings, now)]
                long = max(map(len, words)) > LONG
                word = WORDS.get(name, name.replace("_", " "))
                changed.append(f"another {word}" if long else f"{word} {words[0]} (now {words[1]})")
        self._note.show(
            f"Pinned with {', '.join(changed)}." if changed else "Pinned with the settings as they are now."
        )

    def close(self) -> None:
        """Free every widget."""
        close_tree(*self.widgets)


def _text(name: str, settings: Mapping[str, Any]) -> str:
    """A setting in few words."""
    value = settings[name]
    if name == "target" and value is not None:
        return settings["network"].classes[value]
    if isinstance(value, Network):
        return value.name
    if isinstance(value, Tensor):
        return (source_of(value) or "given as a tensor").partition('"')[2].rstrip('")') or "of another source"
    if value is None:
        return "by itself"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
