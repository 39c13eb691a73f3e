"""All panels in one view, on one session."""

from typing import Any

import ipywidgets
from PIL import Image

from cnnviz_widgets.gate import gate
from cnnviz_widgets.panels import cells
from cnnviz_widgets.panels.activations import Activations
from cnnviz_widgets.panels.class_activation import ClassActivation
from cnnviz_widgets.panels.class_model import ClassModel
from cnnviz_widgets.panels.compare import Compare
from cnnviz_widgets.panels.controls import PICKERS
from cnnviz_widgets.panels.deep_dream import DeepDream
from cnnviz_widgets.panels.displayed import Displayed
from cnnviz_widgets.panels.feature_visualization import FeatureVisualization
from cnnviz_widgets.panels.filters import Filters
from cnnviz_widgets.panels.gradients import Gradients
from cnnviz_widgets.panels.inversion import Inversion
from cnnviz_widgets.panels.occlusion import Occlusion
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.sanity import Sanity
from cnnviz_widgets.panels.session import Session
from cnnviz_widgets.widgets.tabs import Tabs
from cnnviz_widgets.widgets.tree import tree

QUICK: tuple[type[Panel], ...] = (Filters, Activations, Occlusion, Gradients, ClassActivation)
PANELS = (*QUICK, Sanity, Compare, ClassModel, FeatureVisualization, DeepDream, Inversion)
SHARED_PICKERS = ("network", "image", "target")


class Lab(Displayed):
    """Tabs, one per panel. The network, the picture and the class are chosen above them, for all.

    A panel computes when its tab is first opened; where no browser is, the quick ones do.
    """

    def __init__(
        self, network: Any = None, image: Any = None, *, dataset: Any = None, session: Session | None = None
    ) -> None:
        self.panels: list[Panel] = []
        every = {"network": network, "image": image, "dataset": dataset}
        given = {name: value for name, value in every.items() if value is not None}
        self.session = session or Session(**given)
        for name, value in (given if session else {}).items():
            setattr(self.session, name, value)
        try:
            for panel in PANELS:
                self.panels.append(panel(session=self.session, hide=SHARED_PICKERS))
        except BaseException:
            for panel in self.panels:
                panel.close()
            raise
        self._tabs = Tabs([panel.title for panel in self.panels], "Panels")
        self._tabs.observe(lambda _: self._open().show(), "selected")
        self._page = ipywidgets.Box().add_class("cnnviz-page")
        pickers = [PICKERS[name](self.session, lambda error: self._open().complain(error)) for name in SHARED_PICKERS]
        super().__init__()
        self.children = [ipywidgets.Box(pickers).add_class("cnnviz-controls"), self._tabs, self._page]
        self.add_class("cnnviz-lab")
        cells.replace_earlier(self)

    def _open(self) -> Panel:
        """The panel on top. Only it is in the page: a chart that is drawn unseen has no size."""
        panel = self.panels[self._tabs.selected]
        self._page.children = [panel]
        return panel

    def show(self) -> None:
        if cells.has_reader():
            self._open().show()
        else:
            self._open()
            for panel in self.panels[: len(QUICK)]:
                panel.run()

    def run(self) -> "Lab":
        """Compute every panel now."""
        for panel in self.panels:
            panel.run()
        return self

    def close(self) -> None:
        """Free every widget of every panel. The session stays."""
        if self._closed:
            return
        self._closed = True
        for panel in self.panels:
            panel.close()
        for widget in tree(self)[1:]:
            widget.close()
        super().close()

    def sheets(self) -> list[Image.Image]:
        """Those of the panels that have computed."""
        return [
            sheet for panel in self.panels if panel.shown for sheet in panel.sheets()
        ] or self._open().run().sheets()

    @property
    def at_rest(self) -> bool:
        return all(panel.at_rest for panel in self.panels)

    @property
    def on_screen(self) -> bool:
        return any(panel.on_screen for panel in self.panels)

    @property
    def gone(self) -> bool:
        return any(panel.gone for panel in self.panels) and not self.on_screen

    def __repr__(self) -> str:
        return f"Lab({self.session.network.name})"


@gate
def lab(network: Any = None, image: Any = None, *, dataset: Any = None, session: Session | None = None) -> Lab:
    """Every panel, on one session: ``cnnviz.lab(net, photo)``; ``dataset``: see ``Session``."""
    return Lab(network, image, dataset=dataset, session=session)
