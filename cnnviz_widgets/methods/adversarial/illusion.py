"""X13: pictures that fool people: illusions made by code, with the measure that proves what is really there."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import cos, pi, sin
from typing import Annotated, Literal

import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.optimize.balls import in_8_bits
from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import Range, Share, gate
from cnnviz_widgets.pictures.given import AnyPicture
from cnnviz_widgets.pictures.load import load_image

__all__ = ["Hybrid", "Illusion", "hybrid", "illusion"]
example = dict(size=128)

Kind = Literal["checker_shadow", "cafe_wall", "hering", "ebbinghaus", "mach_bands", "kanizsa"]
Size = Annotated[int, Range(64, 1024)]
RED, BLACK, GRAY = (0.84, 0.15, 0.16), 0.0, 0.5


@dataclass(frozen=True, eq=False, repr=False)
class Illusion(Result):
    """An illusion, and its measure.

    values    (3, H, W), 0…1, on the 8-bit grid
    proof     (3, H, W): the same with the measure drawn into it
    places    (x, y, width, height) in px of the things that look different, or bent, and are not
    seems, is what most people see, and what is there
    """

    values: Tensor
    proof: Tensor
    places: tuple[tuple[int, int, int, int], ...]
    seems: str
    fact: str
    of: str
    convention: str = "picture, values 0…1"

    def content(self) -> Content:
        return Content(rgb(self.values), before=rgb(self.proof), caption=f"it seems: {self.seems}; it is: {self.fact}")


@gate
def illusion(kind: Kind, strength: Share = 1.0, *, size: Size = 256) -> Illusion:
    """An optical illusion, made by code.

    kind      "checker_shadow" (Adelson, 1995): two squares of the same gray; "cafe_wall" (Gregory & Heard, 1979) and
              "hering" (1861): parallel lines; "ebbinghaus": two discs of the same size; "mach_bands" (1865): even
              bands; "kanizsa" (1955): an even ground with discs on it, of which sectors are cut out
    strength  of what deceives: at 0 there is none of it. What is measured is the same at every strength, but for
              "mach_bands", whose steps become smaller
    size      px of a side

        illusion("checker_shadow").proof
    """
    picture, proof, places, seems, fact = _KINDS[kind](strength, size)
    return Illusion(_in_8_bits(picture), _in_8_bits(proof), places, seems, fact, kind.replace("_", " "))


def _in_8_bits(picture: Tensor) -> Tensor:
    """(H, W) or (3, H, W) → (3, H, W)."""
    return in_8_bits(picture).expand(3, *picture.shape[-2:]).float().contiguous()


_Made = tuple[Tensor, Tensor, tuple[tuple[int, int, int, int], ...], str, str]


def _checker_shadow(strength: float, size: int) -> _Made:
    """A light square in the shadow reflects as much as a dark one in the light: reflectance × light."""
    cell, dark, light = size // 8, 96 / 255, 192 / 255
    y, x = _grid(size)
    odd = ((x // cell + y // cell) % 2).bool()
    reflectance = torch.where(odd, dark, light)
    across = (x + y - size) / cell  # a diagonal shadow, in cells from its middle; its edges are soft
    shade = ((across.abs() - 2.5) / 1.5).clamp(0, 1)
    shade = 0.5 + 0.5 * shade * shade * (3 - 2 * shade)
    lit, shaded = (1 * cell, 0), (4 * cell, 4 * cell)  # (x, y) of a dark square, and of a light one in the shadow
    picture = GRAY + strength * (reflectance * shade - GRAY)
    for left, top in (lit, shaded):
        picture[top : top + cell, left : left + cell] = dark
    picture = picture.expand(3, -1, -1).clone()
    proof = picture.clone()
    middle = cell // 2
    for step in torch.linspace(0, 1, 4 * size).tolist():  # a bar of that gray from the one to the other
        at_x, at_y = (round(a + step * (b - a)) + middle for a, b in zip(lit, shaded, strict=True))
        proof[:, at_y - cell // 6 : at_y + cell // 6, at_x - cell // 6 : at_x + cell // 6] = dark
    places = tuple((left, top, cell, cell) for left, top in (lit, shaded))
    return picture, proof, places, "the lower square is lighter", f"both are {round(255 * dark)} of 255"


def _cafe_wall(strength: float, size: int) -> _Made:
    """Rows of black and white tiles, shifted to and fro, between gray lines."""
    tile, line = size // 8, max(2, size // 128)
    y, x = _grid(size)
    row = y // tile
    shift = tile * strength * torch.tensor([0.0, 0.25, 0.5, 0.25])[row.long() % 4]
    picture = (((x + shift) // tile) % 2).to(torch.float64)
    lines = [number * tile for number in range(1, 8)]
    for top in lines:
        picture[top - line // 2 : top - line // 2 + line] = GRAY
    proof = _colored(picture)
    for top in lines:
        proof[:, top - line // 2 : top - line // 2 + line] = _red()
    places = tuple((0, top - line // 2, size, line) for top in lines)
    return picture, proof, places, "the gray lines slope", f"all {len(lines)} are rows of pixels"


def _hering(strength: float, size: int) -> _Made:
    """Two straight lines over rays from the middle."""
    y, x = _grid(size)
    across, down = x + 0.5 - size / 2, y + 0.5 - size / 2
    angle = torch.atan2(down, across)
    radius = torch.hypot(across, down)
    apart = (angle / pi * 20 + 0.5).remainder(1) - 0.5  # of the nearest of 40 rays, in their distance
    width = apart.abs() * pi / 20 * radius  # px from its middle
    ray = (1.2 * size / 256 - width + 0.5).clamp(0, 1)
    picture = 1 - strength * 0.8 * ray
    thick = max(2, size // 64)
    tops = [size // 2 - size // 8 - thick // 2, size // 2 + size // 8 - thick // 2]
    proof = _colored(1 - 0.25 * (1 - picture))
    for top in tops:
        picture[top : top + thick] = BLACK
        proof[:, top : top + thick] = _red()
    places = tuple((0, top, size, thick) for top in tops)
    return picture, proof, places, "the lines bend", f"both are rows of pixels, {tops[1] - tops[0]} px apart everywhere"


def _ebbinghaus(strength: float, size: int) -> _Made:
    """Two equal discs, one among large ones, one among small ones."""
    radius, near = size / 20, size // 4
    y, x = _grid(size)
    picture = torch.ones(size, size, dtype=torch.float64)
    centers = (near, size // 2), (size - near, size // 2)
    for (left, top), grown in zip(centers, (0.6, -0.4), strict=True):
        ring = radius * (1 + strength * grown)
        away = 1.25 * (radius + ring)
        for number in range(6):
            turn = 2 * pi * number / 6
            picture = picture * (1 - 0.45 * _disc(x, y, left + away * cos(turn), top + away * sin(turn), ring))
    for left, top in centers:
        one = _disc(x, y, left, top, radius)
        picture = picture * (1 - one) + 0.2 * one
    proof = _colored(picture)
    high, low = round(size // 2 - radius), round(size // 2 + radius)
    for top in (high, low):
        proof[:, top - 1 : top + 1] = _red()
    side = 2 * int(radius) + 2
    places = tuple((left - side // 2, top - side // 2, side, side) for left, top in centers)
    return picture, proof, places, "the right disc is larger", f"both are {2 * radius:.0f} px wide"


def _mach_bands(strength: float, size: int) -> _Made:
    """Steps of gray, each even in itself."""
    steps = 8
    _, x = _grid(size)
    number = (x * steps // size).double()
    picture = 0.5 + strength * (0.15 + 0.7 * number / (steps - 1) - 0.5)
    proof = _colored(picture)
    level = ((1 - picture[0]) * (size - 1)).round().long().clamp(1, size - 2)
    for thick in (-1, 0):
        proof[:, level + thick, torch.arange(size)] = torch.tensor(RED, dtype=torch.float64)[:, None]
    edges = [-(-one * size // steps) for one in range(steps + 1)]
    places = tuple((left, 0, right - left, size) for left, right in pairwise(edges))
    return picture, proof, places, "each band is lighter at its left edge", f"each of the {steps} is one gray"


def _kanizsa(strength: float, size: int) -> _Made:
    """Three discs; out of each the corner of a triangle is cut, of which nothing else is drawn."""
    y, x = _grid(size)
    corners = [
        (size / 2 + 0.36 * size * sin(turn), 0.56 * size - 0.36 * size * cos(turn))
        for turn in (0, 2 * pi / 3, 4 * pi / 3)
    ]
    inside = torch.ones(size, size, dtype=torch.float64)  # of the triangle, with an edge of one pixel
    for number, (left, top) in enumerate(corners):
        away = _along(corners[number - 1], (left, top), x + 0.5, y + 0.5)
        inside = inside * (0.5 - away).clamp(0, 1)
    discs = torch.zeros_like(inside)
    for left, top in corners:
        discs = discs.maximum(_disc(x, y, left, top, 0.18 * size))
    picture = 1 - 0.85 * discs * (1 - strength * inside)
    proof = _colored(1 - 0.15 * discs)
    proof = proof * (1 - discs) + _red() * discs
    side, middle = size // 10, size // 2  # two squares on either side of the edge that is seen below
    edge = round(corners[1][1])
    places = tuple((middle - side // 2, top, side, side) for top in (edge - side - 2, edge + 2))
    return picture, proof, places, "a white triangle, brighter than the ground", "all of the ground is 255 of 255"


def _along(start: tuple[float, float], end: tuple[float, float], x: Tensor, y: Tensor) -> Tensor:
    """Distance in px from the line through two points, above 0 on its left."""
    across, down = end[0] - start[0], end[1] - start[1]
    return (across * (start[1] - y) - down * (start[0] - x)) / (across**2 + down**2) ** 0.5


_KINDS: dict[str, Callable[[float, int], _Made]] = {
    "checker_shadow": _checker_shadow,
    "cafe_wall": _cafe_wall,
    "hering": _hering,
    "ebbinghaus": _ebbinghaus,
    "mach_bands": _mach_bands,
    "kanizsa": _kanizsa,
}


def _grid(size: int) -> tuple[Tensor, Tensor]:
    """Row and column of each pixel, float64."""
    one = torch.arange(size, dtype=torch.float64)
    y, x = torch.meshgrid(one, one, indexing="ij")
    return y, x


def _disc(x: Tensor, y: Tensor, left: float, top: float, radius: float) -> Tensor:
    """How much of each pixel is inside, with an edge of one pixel."""
    return (radius + 0.5 - torch.hypot(x + 0.5 - left, y + 0.5 - top)).clamp(0, 1)


def _colored(gray: Tensor) -> Tensor:
    return gray.expand(3, -1, -1).clone()


def _red() -> Tensor:
    return torch.tensor(RED, dtype=torch.float64)[:, None, None]


@dataclass(frozen=True, eq=False, repr=False)
class Hybrid(Result):
    """Two pictures in one, at two distances.

    values     (3, H, W), 0…1
    low, high  (3, H, W): what it is made of, below and above ``cutoff``; their spectra have no frequency in common
    scale      values = 0.5 + scale · (low + high − 0.5), so that they fit into 0…1
    """

    values: Tensor
    low: Tensor
    high: Tensor
    scale: float
    cutoff: float
    of: str
    convention: str = "picture, values 0…1"

    @gate
    def seen_from(self, distance: Annotated[float, Range(1, 32)]) -> Tensor:
        """(3, H, W): as from so many times as far, in the middle of a gray field of the same size."""
        height, width = self.values.shape[-2:]
        small = max(1, round(height / distance)), max(1, round(width / distance))
        field = torch.full_like(self.values, GRAY)
        top, left = (height - small[0]) // 2, (width - small[1]) // 2
        field[:, top : top + small[0], left : left + small[1]] = resize(self.values[None], small)[0].clamp(0, 1)
        return field

    def content(self) -> Content:
        return Content(rgb(self.values), caption=f"{self.of}, cutoff {self.cutoff:g} periods per picture")


@gate
def hybrid(
    far: AnyPicture, near: AnyPicture, *, cutoff: Annotated[float, Range(1, 256)] = 8.0, size: Size = 256
) -> Hybrid:
    """A picture that shows ``far`` from afar and ``near`` from close by (Oliva, Torralba & Schyns, 2006).

    far, near  (C, H, W), values 0…1; their middle squares are taken
    cutoff     periods per picture: ``far`` keeps those below, ``near``, in gray, those above
    size       px of a side

    The filters fall to exactly 0 at the cutoff, so that no frequency shows both.
    """
    if not cutoff < size / 4:
        raise UserError(f"cutoff must be below a quarter of size, {size / 4:g}, not {cutoff:g}.")
    pictures = [_square(name, one, size) for name, one in (("far", far), ("near", near))]
    frequency = torch.hypot(
        torch.fft.fftfreq(size, 1 / size, dtype=torch.float64)[:, None],
        torch.fft.rfftfreq(size, 1 / size, dtype=torch.float64)[None],
    )
    keep_low = _falling(frequency / cutoff)  # 1 up to half the cutoff, 0 from the cutoff on
    keep_high = 1 - _falling(frequency / (2 * cutoff))  # 0 up to the cutoff, 1 from twice the cutoff on
    low = torch.fft.irfft2(torch.fft.rfft2(pictures[0]) * keep_low, (size, size))
    gray = pictures[1].mean(0, keepdim=True).expand(3, -1, -1)
    high = torch.fft.irfft2(torch.fft.rfft2(gray) * keep_high, (size, size))
    most = float((low + high - GRAY).abs().max())
    scale = min(1.0, 0.5 / most)
    values = (GRAY + scale * (low + high - GRAY)).clamp(0, 1)
    return Hybrid(values.float(), low, high, scale, cutoff, "hybrid")


def _falling(share: Tensor) -> Tensor:
    """Half a cosine: 1 up to ½, and exactly 0 from 1 on."""
    return torch.where(share < 1, 0.5 + 0.5 * torch.cos(pi * (2 * share - 1).clamp(0, 1)), 0.0)


def _square(name: str, picture: Tensor, size: int) -> Tensor:
    """(3, size, size), float64: the middle."""
    if picture.ndim != 3:
        raise UserError(f"{name} must be one picture (C, H, W), not of shape {tuple(picture.shape)}.")
    with naming(name):
        whole = load_image(picture)
    height, width = whole.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    cut = whole[None, :, top : top + side, left : left + side].double()
    return resize(cut, (size, size))[0].clamp(0, 1)
