"""T8: a small picture enlarged by a network, beside bicubic interpolation and the original."""

from threading import Lock

import ipywidgets
import torch
from torch.nn.functional import interpolate

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.methods.style.upscale import UpscaleTable, shrunk, upscale_table
from cnnviz_widgets.panels.call import As, Call
from cnnviz_widgets.panels.controls import slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import Mark, View
from cnnviz_widgets.pictures import load_image
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer
from cnnviz_widgets.widgets.traits import Place

SHOWN = 256  # px of a side of a window on the screen
FACTOR = 4  # of the bundled upscaler


class SuperResolution(Panel):
    """The picture is shrunk four times and enlarged again by a network (Dong et al. 2014; Shi et al. 2016).

    Click it: the same place four times, by bicubic interpolation, by the network, small, and in the original.

    size    px to which the shorter side is scaled, before it is shrunk
    window  px of a side of what is shown enlarged
    self_ensemble  the mean over eight flips and quarter turns
    place   (x, y) of its middle; None = the middle of the picture
    """

    title = "Super-resolution"
    family = "style"
    chapters = ("16",)
    shows = "a picture enlarged by a network, and what it cannot know"
    as_call = "cnnviz.upscale(photo)"
    pickers = ("image",)
    size = slider(256, 128, 512, step=32, label="Size", help="px of the shorter side, before it is shrunk four times")
    window = slider(64, 24, 128, step=8, label="Window", help="px of a side of what is shown enlarged")
    self_ensemble = option(upscale_table, label="Self-ensemble")
    place = Place(None).tag(setting=True)

    def build(self) -> list[ipywidgets.Widget]:
        self._tables, self._turn = Memo[list[UpscaleTable]](list), Lock()
        whole = View("The original: click a place", controls=False, max_width=448)
        whole.image.on_click(self.guarded(self._look_at))
        self._parts["rectangle"] = Mark(whole, "rectangle")
        zoomed = View("The same place", labels=True, controls=False, max_width=560)
        every = View("The whole picture, by each", "whole", labels=True, controls=False, max_width=1076)
        return [self.part("whole", whole), self.part("zoomed", zoomed), self.part("every", every)]

    def _look_at(self, pointer: Pointer) -> None:
        self.place = pointer.x, pointer.y

    def compute(self, now: Now) -> Frame:
        table = self._compared(now)
        return Frame({"whole": Content(picture=rgb(table.shown[-1])), "every": table.content()})

    @computes
    def zoom(self, now: Now) -> Frame:
        """The place that was clicked."""
        table = self._compared(now)
        height, width = table.shown.shape[-2:]
        side = min(now.window, height, width)
        x, y = now.place or (width // 2, height // 2)
        left, top = (min(max(0, at - side // 2), most - side) for at, most in ((x, width), (y, height)))
        windows = table.shown[..., top : top + side, left : left + side]
        small = shrunk(table.shown[-1:], FACTOR)[..., top // FACTOR :, left // FACTOR :]
        tiles = [small[..., : side // FACTOR, : side // FACTOR], *windows.split(1)]
        shown = torch.cat([interpolate(one, (SHOWN, SHOWN), mode="nearest") for one in tiles])
        names = ("small", *table.of, "original")
        return Frame({"rectangle": (left, top, side, side), "zoomed": Content(picture=rgb(shown), names=names)})

    def call(self, now: Now) -> str:
        return f"large = {_picture(now).written}\n{_call(now)}"

    def _compared(self, now: Now) -> UpscaleTable:
        """What both computations show: computed once."""
        with self._turn:
            known = self._tables.reached(now.image, now.size, now.self_ensemble)
            if not known:
                known.append(_call(now)())
            return known[0]


def _picture(now: Now) -> As:
    return As(load_image(now.image, size=now.size), f"cnnviz.load_image(photo, size={now.size})")


def _call(now: Now) -> Call:
    return Call(upscale_table, As([_picture(now).value], "[large]"), self_ensemble=now.self_ensemble)
