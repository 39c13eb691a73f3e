"""A1: every feature map of a layer, and one of them large."""

import secrets
from typing import Any, ClassVar

import ipywidgets

from cnnviz_widgets.drawing.render import falls_below
from cnnviz_widgets.drawing.results import ActivationMaps
from cnnviz_widgets.methods.activations.activations import activations
from cnnviz_widgets.panels.call import As, Call
from cnnviz_widgets.panels.maps import over_picture, strongest
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import Mark, View
from cnnviz_widgets.panels.session import Session
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer


class Activations(Panel):
    """The feature maps of a layer (Yosinski et al. 2015). Click a map to see it large.

    order         "index", or "strength": the channel with the greatest value first
    normalize_by  one gray scale for the whole "layer", so that channels can be compared, or one for each "channel"
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

    def __init__(
        self, network: Any = None, image: Any = None, *, session: Session | None = None, **settings: Any
    ) -> None:
        if session is None:
            given = {"network": network, "image": image}
            session = Session(**{name: one for name, one in given.items() if one is not None})
            network = image = None
            if not {"layer", "channel", "position"} & settings.keys():
                _choose(session)
        super().__init__(network, image, session=session, **settings)

    def build(self) -> list[ipywidgets.Widget]:
        group = secrets.token_hex(4)  # what is pointed at in the grid is found on the photograph
        grid = View("All channels: click one", colormap="gray", cursor="tile", controls=False, group=group)
        grid.image.on_click(self.guarded(self._choose))
        self._parts["chosen"] = Mark(grid, "selected")
        return [
            self.part("grid", grid),
            self.part("large", View("The chosen channel", colormap="inferno", opacity=0.7, group=group)),
        ]

    def _choose(self, pointer: Pointer) -> None:
        self.session.channel = self._parts["grid"].image.content.keys[pointer.tile]  # of what is on the screen

    def compute(self, now: Now) -> Frame:
        return Frame({"grid": _grid(now, _maps(now)())()})

    @computes
    def look(self, now: Now) -> Frame:
        """The chosen map, large."""
        maps = _maps(now)()
        values = maps.values[now.channel].numpy()
        row, column = strongest(values)
        caption = f"channel {now.channel}: at most {values.max():.3g} at ({row}, {column})"
        signed = falls_below(maps.values)  # as in the grid: one zero for both
        content = over_picture(now.network, now.image, now.layer, values, caption, signed=signed)
        return Frame({"large": content, "chosen": maps.order(now.order).tolist().index(now.channel)})

    def call(self, now: Now) -> str:
        return (
            "from cnnviz_widgets.drawing.render import draw\n\n"
            f"maps = {_maps(now)}\n"
            f"chosen = maps.values[{now.channel}]\n"
            f"draw({_grid(now)}, colormap='gray')"
        )


def _choose(session: Session) -> None:
    """A layer in the middle, and its strongest channel: the last layer has many maps, and most of them are black."""
    layers = [layer for layer in session.network.layers if layer.spatial]
    layers = [layer for layer in layers if layer.kind == "ReLU"] or layers
    if layers:
        session.layer = layers[len(layers) // 2].name
        maps = activations(session.network, session.image, session.layer)
        session.channel = int(maps.order("strength")[0])


def _maps(now: Now) -> Call:
    return Call(activations, now.network, now.image, now.layer)


def _grid(now: Now, maps: ActivationMaps | None = None) -> Call:
    return Call(ActivationMaps.content, As(maps, "maps"), by=now.order, normalize_by=now.normalize_by)
