"""W1, W2: the kernels of a convolution."""

from dataclasses import replace
from types import SimpleNamespace

import ipywidgets

from cnnviz_widgets.drawing.results import Filters as Bank
from cnnviz_widgets.methods.filters.filters import filters
from cnnviz_widgets.panels.controls import choice, current_convolution, default
from cnnviz_widgets.panels.maps import channel_map, over_picture
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import Mark, View
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer


class Filters(Panel):
    """The kernels that a convolution has learned. Click one to see where in the picture it answers.

    The first layer's kernels are small color pictures. A later layer has one gray kernel per input channel: each
    bracket holds those of one output channel.

    scale   stretch every kernel to the full range, or all by the same factor
    """

    title = "Filters"
    family = "filters"
    chapters = ("02",)
    shows = "the weights of a layer, as pictures"
    as_call = "cnnviz.filters(net)"
    quick = True
    pickers = ("image", "convolution")
    scale = choice(
        default(Bank.tiles, "scale"),
        ["each", "all"],
        label="Scale",
        help="Stretch each kernel to full contrast, or all alike",
    )

    def build(self) -> list[ipywidgets.Widget]:
        bank = View("Kernels: click one", cursor="tile", controls=False)
        bank.image.on_click(self.guarded(self._choose))
        self._parts["chosen"] = Mark(bank, "selected")
        return [
            self.part("bank", bank),
            self.part("answer", View("Where it answers", colormap="RdBu", opacity=0.8)),
        ]

    def _choose(self, pointer: Pointer) -> None:
        session = self.session
        session.layer = current_convolution(session.network, session.layer).name
        session.channel = pointer.tile

    @computes("network", "layer", "scale")
    def compute(self, now: SimpleNamespace) -> Frame:
        layer = current_convolution(now.network, now.layer)
        bank = filters(now.network, layer.name)
        content = bank.content(now.scale)
        if not now.network.trained:
            content = replace(content, caption=f"{content.caption}, untrained")
        return Frame({"bank": content})

    @computes("network", "image", "layer", "channel")
    def look(self, now: SimpleNamespace) -> Frame:
        """The map of one kernel, before the ReLU: red where the picture agrees, blue where it is the opposite."""
        layer = current_convolution(now.network, now.layer)
        channel = now.channel if layer.name == now.layer else 0
        values = channel_map(now.network, now.image, layer.name, channel)
        caption = f"filter {channel}: {values.min():.3g} … {values.max():.3g}"
        content = over_picture(now.network, now.image, values, caption, signed=True)
        return Frame({"answer": content, "chosen": channel})

    def call(self, now: SimpleNamespace) -> str:
        layer = current_convolution(now.network, now.layer).name
        return (
            "from cnnviz_widgets.drawing.render import draw\n\n"
            f"bank = cnnviz.filters(net, {layer!r})\ndraw(bank.content({now.scale!r}))"
        )
