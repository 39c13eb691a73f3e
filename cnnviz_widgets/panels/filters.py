"""W1, W2: the kernels of a convolution."""

from dataclasses import replace
from typing import ClassVar

import ipywidgets

from cnnviz_widgets.drawing.results import Filters as Bank
from cnnviz_widgets.methods.filters.filters import filters
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.controls import current_convolution
from cnnviz_widgets.panels.maps import channel_over
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.runtime.runner import Frame


class Filters(Panel):
    """The kernels that a convolution has learned. Click one to see its feature map.

    The first layer's kernels are small color pictures. A later layer has one gray kernel per input channel: each
    bracket holds those of one output channel.

    normalize_by  as in ``cnnviz.Filters.content``
    """

    title = "Filters"
    family = "filters"
    chapters = ("02",)
    shows = "the weights of a layer, as pictures"
    as_call = "cnnviz.filters(net)"
    quick = True
    pickers = ("image", "convolution")
    old_names: ClassVar = {"scale": ("normalize_by", {"each": "filter", "all": "layer"})}
    normalize_by = option(Bank.content)

    def build(self) -> list[ipywidgets.Widget]:
        bank = View("Kernels: click one", cursor="tile", controls=False)
        answer = View("Feature map", colormap="RdBu", opacity=0.8)
        return [self.tiles("bank", bank, self._choose), self.part("answer", answer)]

    def _choose(self, channel: int) -> None:
        session = self.session
        session.layer = current_convolution(session.network, session.layer).name
        session.channel = channel

    def compute(self, now: Now) -> Frame:
        content = _tiles(now)()
        if not now.network.trained:
            content = replace(content, caption=f"{content.caption}, untrained")
        return Frame({"bank": content})

    @computes
    def look(self, now: Now) -> Frame:
        """The map of one kernel, before the ReLU: red where the picture is like it, blue where it is the opposite."""
        layer, channel = current_convolution(now.network, now.layer).name, now.channel
        if layer != now.layer:
            channel = 0
        return Frame({
            "answer": channel_over(now.network, now.image, layer, channel, signed=True),
            "bank_chosen": channel,
        })  # fmt: skip

    def call(self, now: Now) -> str:
        return program({"bank": _bank(now)}, f"cnnviz.show({_tiles(now)}, width=900)")


def _bank(now: Now) -> Call:
    return Call(filters, now.network, current_convolution(now.network, now.layer).name)


def _tiles(now: Now) -> Call:
    return Call(Bank.content, As(_bank(now), "bank"), normalize_by=now.normalize_by)
