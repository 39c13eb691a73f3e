"""W1, W2: the kernels of a convolution."""

from dataclasses import replace
from typing import ClassVar

import ipywidgets

from cnnviz_widgets.drawing.results import Filters as Bank
from cnnviz_widgets.methods.filters.filters import filters
from cnnviz_widgets.panels.call import As, Call
from cnnviz_widgets.panels.controls import current_convolution
from cnnviz_widgets.panels.maps import channel_map, over_picture
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import Mark, View
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer


class Filters(Panel):
    """The kernels that a convolution has learned. Click one to see its feature map.

    The first layer's kernels are small color pictures. A later layer has one gray kernel per input channel: each
    bracket holds those of one output channel.

    normalize_by  whose least and greatest weights are black and white: each "filter"'s, or the "layer"'s
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
        bank.image.on_click(self.guarded(self._choose))
        self._parts["chosen"] = Mark(bank, "selected")
        return [self.part("bank", bank), self.part("answer", View("Feature map", colormap="RdBu", opacity=0.8))]

    def _choose(self, pointer: Pointer) -> None:
        session = self.session
        session.layer = current_convolution(session.network, session.layer).name
        session.channel = pointer.tile

    def compute(self, now: Now) -> Frame:
        content = _tiles(now, _bank(now)())()
        if not now.network.trained:
            content = replace(content, caption=f"{content.caption}, untrained")
        return Frame({"bank": content})

    @computes
    def look(self, now: Now) -> Frame:
        """The map of one kernel, before the ReLU: red where the picture is like it, blue where it is the opposite."""
        layer, channel = current_convolution(now.network, now.layer), now.channel
        if layer.name != now.layer:
            channel = 0
        values = channel_map(now.network, now.image, layer.name, channel)
        caption = f"filter {channel}: {values.min():.3g} … {values.max():.3g}"
        content = over_picture(now.network, now.image, layer.name, values, caption, signed=True)
        return Frame({"answer": content, "chosen": channel})

    def call(self, now: Now) -> str:
        return f"from cnnviz_widgets.drawing.render import draw\n\nbank = {_bank(now)}\ndraw({_tiles(now)})"


def _bank(now: Now) -> Call:
    return Call(filters, now.network, current_convolution(now.network, now.layer).name)


def _tiles(now: Now, bank: Bank | None = None) -> Call:
    return Call(Bank.content, As(bank, "bank"), normalize_by=now.normalize_by)
