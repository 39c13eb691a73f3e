"""Random transforms of the picture before it enters the network, drawn anew in every step (robustness).

The optimizer then finds patterns that keep their effect when they are moved, scaled or turned. A list of transforms is
applied in order. Neighbors that only move pixels are multiplied into one affine matrix, so that the picture is
resampled once. They draw from the run's own generator, for each picture of a batch separately.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from cnnviz_widgets.engine.optimize.smoothing import Sigma, gaussian
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, Share, gate
from cnnviz_widgets.renamed import module_getattr

FARTHEST = 1024  # px that a picture is moved or widened by
Amount = Annotated[float, Range(0)]

Transform = Callable[[Tensor, Generator], Tensor]  # pictures (B, C, H, W) and the run's generator → pictures


@dataclass(frozen=True)
class Affine:
    """An affine map: where each pixel of the new pictures comes from.

    size     (height, width) of the new pictures, in px
    matrix   (B, 3, 3): (x, y, 1) of a new pixel → of the old one; px from the center, x to the right, y down
    outside  what is beyond the old picture: a gray value, or "reflect"
    """

    size: tuple[int, ...]
    matrix: Tensor
    outside: float | Literal["reflect"] = "reflect"


@dataclass(frozen=True)
class Geometric:
    """A transform that only moves pixels: it changes the affine map."""

    change: Callable[[Affine, Generator], Affine]

    def __call__(self, pictures: Tensor, generator: Generator) -> Tensor:
        return apply([self], pictures, generator)


def apply(transforms: Sequence[Transform], pictures: Tensor, generator: Generator) -> Tensor:
    """All of them in order, neighboring geometric ones in one resampling."""
    waiting: list[Geometric] = []
    for transform in (*transforms, None):
        if isinstance(transform, Geometric):
            waiting.append(transform)
            continue
        if waiting:
            affine = Affine(tuple(pictures.shape[-2:]), torch.eye(3, dtype=torch.float64).repeat(len(pictures), 1, 1))
            for geometric in waiting:
                affine = geometric.change(affine, generator)
            pictures, waiting = warp(pictures, affine), []
        if transform is not None:
            pictures = transform(pictures, generator)
    return pictures


def warp(pictures: Tensor, affine: Affine) -> Tensor:
    """The pictures under an affine map, with bilinear sampling."""
    if not affine.matrix.abs().max() < 1e6:  # torch reads beyond the picture where a coordinate is no number
        raise UserError("transforms must move pixels by finite numbers, at most a million times the picture.")
    (old_height, old_width), (height, width) = pictures.shape[-2:], affine.size
    half = torch.tensor([old_width, old_height], dtype=torch.float64) / 2  # in which grid_sample counts
    toward = affine.matrix[:, None, :2] / half[:, None]  # (B, 1, 2, 3)
    across, down = (torch.arange(side, dtype=torch.float64)[:, None] - (side - 1) / 2 for side in (width, height))
    row, column = toward[..., 0] * across, toward[..., 1] * down + toward[..., 2]  # (B, W, 2), (B, H, 2)
    grid = column.to(pictures)[:, :, None] + row.to(pictures)[:, None]
    if affine.outside == "reflect":
        return F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
    return F.grid_sample(pictures - affine.outside, grid, align_corners=False) + affine.outside


@gate
def pad(
    pixels: Annotated[int, Range(0, FARTHEST)],
    fill: Annotated[Share | Literal["reflect"], "a gray value 0…1 or 'reflect'"] = 0.5,
) -> Geometric:
    """A border on every side: a gray value, or "reflect"."""
    return Geometric(
        lambda affine, _: Affine((affine.size[0] + 2 * pixels, affine.size[1] + 2 * pixels), affine.matrix, fill)
    )


@gate
def jitter(pixels: Annotated[int, Range(0, FARTHEST)], wrap: bool = False) -> Transform:
    """Translated by a whole number of pixels, up to ``pixels`` in each direction.

    wrap   roll: what leaves on one side enters on the other (the same shift for all pictures of a batch). Otherwise the
           border of ``pad`` appears, or without one the picture's mirror image
    """

    def draw(shape: tuple[int, ...], generator: Generator) -> Tensor:
        return torch.randint(-pixels, pixels + 1, shape, generator=generator)

    def rolled(pictures: Tensor, generator: Generator) -> Tensor:
        return pictures.roll(draw((2,), generator).tolist(), (-2, -1))

    def moved(affine: Affine, generator: Generator) -> Affine:
        change = _identity(affine)
        change[:, :2, 2] = draw((len(change), 2), generator).double()
        return _composed(affine, change)

    return rolled if wrap else Geometric(moved)


@gate
def scale(least: float = 0.9, greatest: float = 1.1) -> Geometric:
    """Enlarged about the center, by a factor between these; the size of the picture stays."""
    if not 0 < least <= greatest:
        raise UserError(f"least and greatest must be factors above 0 in this order, not {least!r} and {greatest!r}.")

    def scaled(affine: Affine, generator: Generator) -> Affine:
        change = _identity(affine)
        change[:, 0, 0] = change[:, 1, 1] = 1 / _between(least, greatest, affine, generator)
        return _composed(affine, change)

    return Geometric(scaled)


@gate
def rotate(degrees: Annotated[float, Range(-360, 360)] = 5.0) -> Geometric:
    """Rotated about the center, by up to ``degrees`` in either direction."""

    def turned(affine: Affine, generator: Generator) -> Affine:
        angle = torch.deg2rad(_between(-degrees, degrees, affine, generator))
        change = _identity(affine)
        change[:, 0, 0] = change[:, 1, 1] = angle.cos()
        change[:, 0, 1], change[:, 1, 0] = -angle.sin(), angle.sin()
        return _composed(affine, change)

    return Geometric(turned)


@gate
def flip() -> Geometric:
    """Mirrored left to right, with probability ½."""

    def flipped(affine: Affine, generator: Generator) -> Affine:
        change = _identity(affine)
        change[:, 0, 0] = 1 - 2 * torch.randint(2, (len(change),), generator=generator).double()
        return _composed(affine, change)

    return Geometric(flipped)


@gate
def blur(least: Sigma = 0.0, greatest: Sigma = 1.0) -> Transform:
    """Blurred by a Gaussian; σ in px is drawn between these, one for all pictures of a batch."""

    def blurred(pictures: Tensor, generator: Generator) -> Tensor:
        sigma = least + (greatest - least) * float(torch.rand((), generator=generator))
        return gaussian(pictures, sigma) if sigma else pictures

    return blurred


@gate
def retina(
    widest: Sigma = 2.0, sharp: Annotated[float, Range(0, 0.99)] = 0.25, levels: Annotated[int, Range(1, 32)] = 4
) -> Transform:
    """Blurred by a Gaussian that grows with the distance from the middle, as sight does outside of the fovea.

    widest  σ in px at the corners
    sharp   nothing is blurred up to this share of the way from the middle to a corner; from there on σ grows linearly
    levels  the picture is blurred so many times, and what lies between two of them is their mean, weighted linearly
    """

    def seen(pictures: Tensor, generator: Generator) -> Tensor:
        down, across = (torch.arange(side) - (side - 1) / 2 for side in pictures.shape[-2:])
        away = torch.hypot(down[:, None], across)
        level = levels * ((away / away.max().clamp(min=1) - sharp) / (1 - sharp)).clamp(min=0).to(pictures)
        blurred = (gaussian(pictures, widest * number / levels) for number in range(levels + 1))
        return reduce(add, ((1 - (level - at).abs()).clamp(min=0) * one for at, one in enumerate(blurred)))

    return seen


@gate
def color(brightness: Amount = 0.1, contrast: Amount = 0.1, tint: Amount = 0.05) -> Transform:
    """Brightness, contrast and tint changed at random, each by up to the given amount (values 0…1)."""

    def colored(pictures: Tensor, generator: Generator) -> Tensor:
        def draw(channels: int, most: float) -> Tensor:
            drawn = 2 * torch.rand(len(pictures), channels, 1, 1, generator=generator) - 1
            return (most * drawn).to(pictures)

        harder = (pictures - 0.5) * (1 + draw(1, contrast)) + 0.5
        return harder + draw(1, brightness) + draw(pictures.shape[1], tint)

    return colored


@gate
def noise(sd: Amount = 0.05) -> Transform:
    """Independent noise on every value."""
    return lambda pictures, generator: pictures + sd * torch.randn(pictures.shape, generator=generator).to(pictures)


@gate
def robust() -> tuple[Transform, ...]:
    """The transforms of Olah et al. (2017): pad, jitter, scale, rotate, jitter."""
    return pad(12), jitter(8), scale(0.9, 1.1), rotate(5), jitter(4)


def over_colors(pictures: Tensor, alpha: Tensor, generator: Generator) -> Tensor:
    """Partly transparent pictures (B, C, H, W) over smooth random colors, so that transparency gains nothing."""
    count, channels, *size = pictures.shape
    spots = torch.rand(count, channels, 4, 4, generator=generator).to(pictures)
    return alpha * pictures + (1 - alpha) * F.interpolate(spots, tuple(size), mode="bicubic").clamp(0, 1)


def _identity(affine: Affine) -> Tensor:
    return torch.eye(3, dtype=torch.float64).repeat(len(affine.matrix), 1, 1)


def _composed(affine: Affine, change: Tensor) -> Affine:
    return Affine(affine.size, affine.matrix @ change, affine.outside)


def _between(least: float, greatest: float, affine: Affine, generator: Generator) -> Tensor:
    """(B,) numbers."""
    return least + (greatest - least) * torch.rand(len(affine.matrix), generator=generator, dtype=torch.float64)


__getattr__ = module_getattr({"Frame": "Affine", "colour": "color"}, globals().__getitem__)
