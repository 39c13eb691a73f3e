"""All panels in one view, on one session."""

import base64
from typing import Any

import ipywidgets
from PIL import Image

from cnnviz_widgets.panels import cells
from cnnviz_widgets.panels.activations import Activations
from cnnviz_widgets.panels.class_activation import ClassActivation
from cnnviz_widgets.panels.class_model import ClassModel
from cnnviz_widgets.panels.compare import Compare
from cnnviz_widgets.panels.controls import PICKERS
from cnnviz_widgets.panels.deep_dream import DeepDream
from cnnviz_widgets.panels.feature_visualisation import FeatureVisualisation
from cnnviz_widgets.panels.filters import Filters
from cnnviz_widgets.panels.gradients import Gradients
from cnnviz_widgets.panels.inversion import Inversion
from cnnviz_widgets.panels.occlusion import Occlusion
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.sanity import Sanity
from cnnviz_widgets.panels.session import Session
from cnnviz_widgets.pictures.render import coarse, png
from cnnviz_widgets.widgets.tree import tree

QUICK: tuple[type[Panel], ...] = (Filters, Activations, Occlusion, Gradients, ClassActivation)
PANELS = (*QUICK, Sanity, Compare, ClassModel, FeatureVisualisation, DeepDream, Inversion)
SHARED_PICKERS = ("network", "image", "target")


class Lab(ipywidgets.VBox):
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
        self.panels = [panel(session=self.session, hide=SHARED_PICKERS) for panel in PANELS]
        self._tabs = ipywidgets.Tab([ipywidgets.VBox() for _ in self.panels], titles=[p.title for p in self.panels])
        self._tabs.observe(lambda _: self._open().show(), "selected_index")
        pickers = [PICKERS[name](self.session, lambda error: self._open()._complain(error)) for name in SHARED_PICKERS]
        super().__init__([ipywidgets.Box(pickers).add_class("cnnviz-controls"), self._tabs])
        self.add_class("cnnviz-lab")
        cells.replace_earlier(self)

    def _open(self) -> Panel:
        """The panel on top. It is put into its tab only now: a chart that is drawn unseen has no size."""
        index = self._tabs.selected_index or 0
        self._tabs.children[index].children = [self.panels[index]]
        return self.panels[index]

    def run(self) -> "Lab":
        """Compute every panel now."""
        for panel in self.panels:
            panel.run()
        return self

    def close(self) -> None:
        """Free every widget of every panel. The session stays."""
        for panel in self.panels:
            panel.close()
        for widget in tree(self)[1:]:
            widget.close()
        super().close()

    def snapshot(self) -> bytes:
        """The panels that have computed, one below the other, as a PNG."""
        sheets = [panel.sheet() for panel in self.panels if panel.shown] or [self._open().run().sheet()]
        page = Image.new("RGB", (max(s.width for s in sheets), sum(s.height for s in sheets)), "white")
        top = 0
        for sheet in sheets:
            page.paste(sheet, (0, top))
            top += sheet.height
        return png(coarse(page))

    def __repr__(self) -> str:
        return f"Lab({self.session.network.name})"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict | None:
        self._open()
        if cells.has_reader():
            self._open().show()
        else:
            for panel in self.panels[: len(QUICK)]:
                panel.run()
        bundle = super()._repr_mimebundle_(**kwargs)
        if isinstance(bundle, dict):
            bundle["image/png"] = base64.b64encode(self.snapshot()).decode()
        return bundle


def lab(network: Any = None, image: Any = None, *, dataset: Any = None, session: Session | None = None) -> Lab:
    """Every panel, on one session: ``cv.lab(net, photo)``; ``dataset``: see ``Session``."""
    return Lab(network, image, dataset=dataset, session=session)
