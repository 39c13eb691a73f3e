"""A few names, each with a button that takes it away, and a field that adds one."""

import traitlets as t

from cnnviz_widgets.widgets.front_end import BrowserWidget, spoken


class Tags(BrowserWidget):
    """Up to ``most`` names.

    names        those that are there
    options      what the field completes; anything may be typed, so ``names`` may hold what is not in it
    description  what is chosen; ``tooltip`` says more, ``placeholder`` what no name means
    """

    module = "tags.js"

    names = t.Tuple().tag(sync=True, from_json=lambda value, _: tuple(value))
    options = t.List(t.Unicode()).tag(sync=True)
    most = t.Int(4, min=1).tag(sync=True)
    description = t.Unicode("").tag(sync=True, to_json=spoken)
    tooltip = t.Unicode("").tag(sync=True, to_json=spoken)
    placeholder = t.Unicode("").tag(sync=True, to_json=spoken)
