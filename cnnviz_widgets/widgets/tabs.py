"""A row of tabs."""

from collections.abc import Sequence

import traitlets as t
from anywidget import AnyWidget

from cnnviz_widgets.widgets.front_end import front_end


class Tabs(AnyWidget):
    """Titles, of which one is selected; what belongs to it is shown by whoever observes ``selected``, its number.

    ``ipywidgets.Tab`` does not come back when a page is loaded again while its cell is out of sight.

    Tab goes to the row, the arrow keys, Home and End select. ``label`` says to a screen reader what they are of.
    """

    _esm = front_end("tabs.js")
    _css = front_end("tabs.css")

    titles = t.List(t.Unicode()).tag(sync=True)
    selected = t.Int(0, min=0).tag(sync=True)
    label = t.Unicode("").tag(sync=True)

    def __init__(self, titles: Sequence[str], label: str) -> None:
        super().__init__(titles=list(titles), label=label)

    @t.validate("selected")
    def _one_of_them(self, proposal: dict) -> int:
        return min(proposal["value"], len(self.titles) - 1)
