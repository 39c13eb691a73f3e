"""F1: a square of a picture as the numbers that it is."""

from typing import Any

import ipywidgets
from torch import Tensor

from cnnviz_widgets.drawing.render import Content, as_array
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.methods.convolution.numbers import PixelNumbers, numbers
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import Mark, Note, View
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.image_view import Region
from cnnviz_widgets.widgets.traits import Place

COLORS = ("red", "green", "blue")
SIDES = 4, 16  # px of the square: larger ones have no room for their numbers


class Pixels(Panel):
    """A picture is numbers: drag the square, and read its pixels as a file has them, and as a network gets them.

    corner  (x, y) of the square's upper left pixel; None = in the middle of the picture
    size    px of its side
    """

    title = "Pixels"
    family = "convolution"
    chapters = ("01",)
    shows = "the numbers of a picture: red, green and blue, 0…255, and what a network gets"
    as_call = "cnnviz.numbers(photo, (60, 100))"
    size = option(numbers, *SIDES, label="Size of the square")
    corner: Any = Place(None).tag(setting=True)

    def build(self) -> list[ipywidgets.Widget]:
        stage = View("The picture: drag the square", controls=False)
        stage.image.on_region(self.guarded(self._drag))
        stage.image.tool, stage.image.keeps_size = "rectangle", True
        self._parts["box"] = Mark(stage, "region")
        large: dict[str, Any] = {"labels": True, "numbers": True, "controls": False, "smooth": False}
        file = View("In a file: whole numbers 0…255", "whole", colormap="gray", max_width=1220, **large)
        given = View("What the network gets: (number / 255 − mean) / std", "whole", max_width=1220, **large)
        return [
            self.part("stage", stage),
            self.part("square", View("The square, enlarged", controls=False, smooth=False, max_width=360)),
            self.part("file", file),
            self.part("given", given),
            self.part("note", Note()),
        ]

    def _drag(self, box: Region | None) -> None:
        """The middle of a rectangle is that of the square, whose size is chosen beside it."""
        if box is not None:
            left, top, wide, tall = box
            half = self._now().size // 2
            self.corner = max(0, left + wide // 2 - half), max(0, top + tall // 2 - half)
        self._parts["box"].show(_box(self._now()))

    def compute(self, now: Now) -> Frame:
        found = _call(now)()
        bound = float(found.normalized.abs().max()) or 1.0
        return Frame({
            "stage": Content(rgb(_picture(now).value)),
            "box": _box(now),
            "square": found.content(),
            "file": _tiles(found.planes, low=0, high=255),
            "given": _tiles(found.normalized, low=-bound, high=bound, signed=True),
            "note": _told(found),
        })  # fmt: skip

    def call(self, now: Now) -> str:
        return program({"square": _call(now)}, "print(square.planes)", "print(square.normalized)", "square")


def _box(now: Now) -> Region:
    """(x, y, width, height) of the square, moved into the picture."""
    height, width = now.image.shape[-2:]
    side = min(now.size, height, width)
    x, y = now.corner or ((width - side) // 2, (height - side) // 2)
    return min(x, width - side), min(y, height - side), side, side


def _call(now: Now) -> Call:
    x, y, side, _ = _box(now)
    net = now.network
    scale = {"mean": As(net.mean, "net.mean"), "std": As(net.std, "net.std")}
    return Call(numbers, _picture(now), (y, x), side, **scale)


def _picture(now: Now) -> As:
    """With the colors that the network takes."""
    if now.network.channels == len(COLORS):
        return As(now.image, "photo")
    return As(now.network.prepare(now.image, resize=False)[0].cpu(), "net.prepare(photo, resize=False)[0]")


def _tiles(planes: Tensor, **how: Any) -> Content:
    names = COLORS if len(planes) == len(COLORS) else ("gray",)
    return Content(values=as_array(planes), names=names, columns=len(planes), **how)


def _told(found: PixelNumbers) -> str:
    (row, column), first = found.position, found.values[0, 0].int().tolist()
    channels, *sides = found.shape
    file, tensor = (" × ".join(map(str, one)) for one in ((*sides, channels), (channels, *sides)))
    return (
        f"The picture is {channels * sides[0] * sides[1]:,} numbers. A file keeps them pixel by pixel, "
        f"(H, W, C) = {file}: that in row {row}, column {column} is {', '.join(map(str, first))}. A network gets them "
        f"color by color, (C, H, W) = {tensor}."
    )
