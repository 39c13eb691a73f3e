"""F6: why transposed convolutions checker, and what cures it."""

from typing import ClassVar

import ipywidgets

from cnnviz_widgets.methods.convolution.overlap import overlap
from cnnviz_widgets.methods.convolution.upsample_compare import upsample_compare
from cnnviz_widgets.panels.call import Call, program
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.panels.sliding import Sliding
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.convolution_view import MOST, Grid
from cnnviz_widgets.widgets.traits import Number

WINDOWS = 6  # along each axis


def _ones(side: int) -> list[list[int]]:
    return [[1] * side] * side


class Checkerboard(Sliding):
    """How many windows overlap, and what that does to a picture (Odena et al. 2016).

    kernel  rows of ones: only how many there are counts here
    stride  of the transposed convolution, which is the factor by which it enlarges
    place   (row, column) of the window that is framed
    """

    title = "Checkerboard"
    family = "convolution"
    chapters = ("01",)
    shows = "where the windows of a transposed convolution overlap, and the pattern that it leaves in a picture"
    as_call = "cnnviz.upsample_compare(photo, kernel=3, factor=2)"
    drawings = ("overlap",)
    tools = ("play", "stride")
    presets: ClassVar = {f"{side} × {side}": _ones(side) for side in range(2, 7)}
    kernel = Grid(_ones(3)).tag(setting=True)
    stride = Number(2, 1, MOST, whole=True).tag(setting=True)

    def build(self) -> list[ipywidgets.Widget]:
        enlarged = View("The picture made smaller, and enlarged in two ways", "whole", controls=False, labels=True)
        return [self.part("view", self.slid("Overlap of windows", windows=WINDOWS)), self.part("enlarged", enlarged)]

    def compute(self, now: Now) -> Frame:
        return Frame({"view": (None, _counts(now)()), "enlarged": _enlarged(now)().content()})

    def call(self, now: Now) -> str:
        return program(f"display({_counts(now)})", str(_enlarged(now)))


def _counts(now: Now) -> Call:
    return Call(overlap, len(now.kernel), now.stride, WINDOWS, dimensions=2)


def _enlarged(now: Now) -> Call:
    return Call(upsample_compare, now.image, len(now.kernel), now.stride)
