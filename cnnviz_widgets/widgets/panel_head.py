"""The title over a panel, which also tells a screen reader what the panel and its controls are."""

import traitlets as t

from cnnviz_widgets.widgets.front_end import BrowserWidget, spoken


class PanelHead(BrowserWidget):
    """A heading. The box that it stands in becomes a region of that name.

    ipywidgets' sliders, number fields and rows of buttons have no accessible names: in the same box they get those of
    the labels beside them.
    """

    module = "panel_head.js"

    title = t.Unicode("").tag(sync=True, to_json=spoken)

    def __init__(self, title: str) -> None:
        super().__init__(title=title)
