"""A1: every feature map of a layer, and one of them large."""

from types import SimpleNamespace

import ipywidgets

from cnnviz_widgets.drawing.results import ActivationMaps
from cnnviz_widgets.methods.activations.activations import activations
from cnnviz_widgets.panels.controls import choice, default
from cnnviz_widgets.panels.maps import over_picture, strongest
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import Mark, View
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer


class Activations(Panel):
    """What each channel of a layer answers to the picture (Yosinski et al. 2015). Click a map to see it large.

    order   by number, or the strongest channel first
    scale   one gray scale for the layer, so that channels can be compared, or one for each map
    """

    title = "Activations"
    family = "activations"
    chapters = ("03",)
    shows = "where each channel of a layer is active"
    as_call = "cnnviz.activations(net, photo)"
    quick = True
    pickers = ("image", "layer", "channel")
    order = choice(
        default(ActivationMaps.content, "by"),
        ["index", "strength"],
        label="Order",
        help="By number, or the strongest channel first",
    )
    scale = choice(
        default(ActivationMaps.content, "scale"), {"layer": "layer", "each": "channel"},
        label="Normalize by", help="White is the greatest value of the layer, or of each channel",
    )  # fmt: skip

    def build(self) -> list[ipywidgets.Widget]:
        grid = View("All channels: click one", colormap="gray", cursor="tile", controls=False)
        grid.image.on_click(self.guarded(self._choose))
        self._parts["chosen"] = Mark(grid, "selected")
        return [
            self.part("grid", grid),
            self.part("large", View("The chosen channel", colormap="inferno", opacity=0.7)),
        ]

    def _choose(self, pointer: Pointer) -> None:
        name = self._parts["grid"].image.content.names[pointer.tile]  # of what is on the screen: "channel 17"
        self.session.channel = int(name.split()[-1])

    @computes("network", "image", "layer", "order", "scale")
    def compute(self, now: SimpleNamespace) -> Frame:
        return Frame({"grid": activations(now.network, now.image, now.layer).content(now.order, now.scale)})

    @computes("network", "image", "layer", "channel", "order")
    def look(self, now: SimpleNamespace) -> Frame:
        """The chosen map, large."""
        maps = activations(now.network, now.image, now.layer)
        values = maps.values[now.channel].numpy()
        row, column = strongest(values)
        caption = f"channel {now.channel}: at most {values.max():.3g} at ({row}, {column})"
        content = over_picture(now.network, now.image, values, caption)
        return Frame({"large": content, "chosen": maps.order(now.order).tolist().index(now.channel)})

    def call(self, now: SimpleNamespace) -> str:
        return (
            "from cnnviz_widgets.drawing.render import draw\n\n"
            f"maps = cnnviz.activations(net, photo, {now.layer!r})\n"
            f"chosen = maps.values[{now.channel}]\n"
            f"draw(maps.content({now.order!r}, {now.scale!r}), colormap='gray')"
        )
