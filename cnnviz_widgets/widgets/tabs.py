"""A row of tabs."""

from collections.abc import Sequence

import traitlets as t

from cnnviz_widgets.widgets.front_end import BrowserWidget


class Tabs(BrowserWidget):
    """Titles, of which one is selected; what belongs to it is shown by whoever observes ``selected``, its number.

    ``ipywidgets.Tab`` does not come back when a page is loaded again while its cell is out of sight.

    Tab goes to the row, the arrow keys, Home and End select. ``label`` says to a screen reader what they are of.
    """

    module = "tabs.js"

    titles = t.List(t.Unicode()).tag(sync=True)
    selected = t.Int(0, min=0).tag(sync=True)
    label = t.Unicode("").tag(sync=True)

    def __init__(self, titles: Sequence[str], label: str) -> None:
        super().__init__(titles=list(titles), label=label)

    @t.validate("selected")
    def _one_of_them(self, proposal: dict) -> int:
        return min(proposal["value"], len(self.titles) - 1)
