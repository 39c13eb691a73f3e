"""A1: every feature map of a layer, and one of them large."""

import secrets
from functools import partial
from typing import ClassVar

import ipywidgets

from cnnviz_widgets.drawing.render import falls_below
from cnnviz_widgets.drawing.results import ActivationMaps
from cnnviz_widgets.methods.activations.activations import activations
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.maps import one_over
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.panels.session import Session
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.runtime.runner import Frame


class Activations(Panel):
    """The feature maps of a layer (Yosinski et al. 2015). Click a map to see it large.

    order, normalize_by  as ``by`` and ``normalize_by`` of ``cnnviz.ActivationMaps.content``
    """

    title = "Activations"
    family = "activations"
    chapters = ("03",)
    shows = "where each channel of a layer is active"
    as_call = "cnnviz.activations(net, photo)"
    quick = True
    pickers = ("image", "layer", "channel")
    old_names: ClassVar = {"scale": ("normalize_by", {"each": "channel"})}
    order = option(ActivationMaps.content, name="by", label="Order")
    normalize_by = option(ActivationMaps.content)

    @classmethod
    def first_view(cls, session: Session) -> None:
        """A layer in the middle, and its strongest channel: the last one has many maps, and most of them are black."""
        layers = [layer for layer in session.network.layers if layer.spatial]
        layers = [layer for layer in layers if layer.kind == "ReLU"] or layers
        if layers:
            session.layer = layers[len(layers) // 2].name
            maps = activations(session.network, session.image, session.layer)
            session.channel = int(maps.order("strength")[0])

    def build(self) -> list[ipywidgets.Widget]:
        self._reached: Memo[list[ActivationMaps]] = Memo(list)
        group = secrets.token_hex(4)  # what is pointed at in the grid is found on the photograph
        grid = View("All channels: click one", colormap="gray", cursor="tile", controls=False, group=group)
        return [
            self.tiles("grid", grid, partial(setattr, self.session, "channel")),
            self.part("large", View("The chosen channel", colormap="inferno", opacity=0.7, group=group)),
        ]

    def compute(self, now: Now) -> Frame:
        self._reached.forget()  # the weights may have changed
        return Frame({"grid": _grid(now, self._maps(now))()})

    @computes
    def look(self, now: Now) -> Frame:
        """The chosen map, large."""
        maps = self._maps(now)
        signed = falls_below(maps.values)  # as in the grid: one zero for both
        large = one_over(now.network, maps, now.channel, signed=signed)
        return Frame({"large": large, "grid_chosen": maps.order(now.order).tolist().index(now.channel)})

    def call(self, now: Now) -> str:
        chosen = As(None, f"maps.values[{now.channel}]")
        return program({"maps": _call(now), "chosen": chosen}, f'cnnviz.show({_grid(now)}, colormap="gray", width=900)')

    def _maps(self, now: Now) -> ActivationMaps:
        """Of one pass, for both views."""
        reached = self._reached.reached(now.network, now.image, now.layer)
        if not reached:
            reached.append(_call(now)())
        return reached[0]


def _call(now: Now) -> Call:
    return Call(activations, now.network, now.image, now.layer)


def _grid(now: Now, maps: ActivationMaps | None = None) -> Call:
    return Call(ActivationMaps.content, As(maps, "maps"), by=now.order, normalize_by=now.normalize_by)
