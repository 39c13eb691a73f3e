"""A few names, each with a button that takes it away, and a field that adds one."""

from typing import Any

import traitlets as t
from anywidget import AnyWidget

from cnnviz_widgets.widgets.front_end import front_end


class Tags(AnyWidget):
    """Up to ``most`` names.

    names        those that are there
    options      what the field completes; anything may be typed, so ``names`` may hold what is not in it
    description  what is chosen; ``tooltip`` says more, ``placeholder`` what no name means
    """

    _esm = front_end("tags.js")
    _css = front_end("tags.css")

    names = t.Tuple().tag(sync=True, from_json=lambda value, _: tuple(value))
    options = t.List(t.Unicode()).tag(sync=True)
    most = t.Int(4, min=1).tag(sync=True)
    description = t.Unicode("").tag(sync=True)
    tooltip = t.Unicode("").tag(sync=True)
    placeholder = t.Unicode("").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        if unknown := set(traits) - set(self.trait_names()):
            raise TypeError(f"Tags has no {', '.join(sorted(unknown))}.")
        super().__init__(**traits)
