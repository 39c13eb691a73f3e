"""What happens to the picture on its way into the network, at random and anew in every step.

An object that is there only for one position, size and angle is none; these make the optimizer find others. A list of
them is applied in order. Neighbors that only move pixels are multiplied into one matrix, so that the picture is
resampled once, however many they are. They draw from the run's own generator, for each picture of a batch by itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from cnnviz_widgets.engine.optimize.smoothing import Sigma, gaussian
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, Share, gate

FARTHEST = 1024  # px that a picture is moved or widened by
Amount = Annotated[float, Range(0)]

Transform = Callable[[Tensor, Generator], Tensor]  # pictures (B, C, H, W) and the run's generator → pictures


@dataclass(frozen=True)
class Frame:
    """Where each pixel of the new pictures comes from.

    size     (height, width) of the new pictures, in px
    matrix   (B, 3, 3): (x, y, 1) of a new pixel → of the old one; px from the center, x to the right, y down
    outside  what is beyond the old picture: a gray value, or "reflect"
    """

    size: tuple[int, int]
    matrix: Tensor
    outside: float | str = "reflect"


@dataclass(frozen=True)
class Geometric:
    """A transform that only moves pixels: it changes the frame."""

    change: Callable[[Frame, Generator], Frame]

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
            frame = Frame(tuple(pictures.shape[-2:]), torch.eye(3, dtype=torch.float64).repeat(len(pictures), 1, 1))
            for geometric in waiting:
                frame = geometric.change(frame, generator)
            pictures, waiting = resampled(pictures, frame), []
        if transform is not None:
            pictures = transform(pictures, generator)
    return pictures


def resampled(pictures: Tensor, frame: Frame) -> Tensor:
    """The pictures in a frame, bilinear."""
    if not frame.matrix.abs().max() < 1e6:  # torch reads beyond the picture where a coordinate is no number
        raise UserError("transforms must move pixels by finite numbers, at most a million times the picture.")
    (old_height, old_width), (height, width) = pictures.shape[-2:], frame.size
    half = torch.tensor([old_width, old_height], dtype=torch.float64) / 2  # in which grid_sample counts
    toward = frame.matrix[:, None, :2] / half[:, None]  # (B, 1, 2, 3)
    across, down = (torch.arange(side, dtype=torch.float64)[:, None] - (side - 1) / 2 for side in (width, height))
    row, column = toward[..., 0] * across, toward[..., 1] * down + toward[..., 2]  # (B, W, 2), (B, H, 2)
    grid = column.to(pictures)[:, :, None] + row.to(pictures)[:, None]
    if frame.outside == "reflect":
        return F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
    return F.grid_sample(pictures - frame.outside, grid, align_corners=False) + frame.outside


@gate
def pad(
    pixels: Annotated[int, Range(0, FARTHEST)],
    fill: Annotated[Share | Literal["reflect"], "a gray value 0…1 or 'reflect'"] = 0.5,
) -> Geometric:
    """A border on every side: a gray value, or "reflect"."""
    return Geometric(
        lambda frame, _: Frame((frame.size[0] + 2 * pixels, frame.size[1] + 2 * pixels), frame.matrix, fill)
    )


@gate
def jitter(pixels: Annotated[int, Range(0, FARTHEST)], wrap: bool = False) -> Transform:
    """Moved by whole pixels, up to so many in each of the four directions.

    wrap   what leaves on one side comes back on the other (the same move for all pictures of a batch); otherwise what
           appears is the border of ``pad``, or without one the picture's mirror image
    """

    def draw(shape: tuple[int, ...], generator: Generator) -> Tensor:
        return torch.randint(-pixels, pixels + 1, shape, generator=generator)

    def rolled(pictures: Tensor, generator: Generator) -> Tensor:
        return pictures.roll(draw((2,), generator).tolist(), (-2, -1))

    def moved(frame: Frame, generator: Generator) -> Frame:
        change = _eyes(frame)
        change[:, :2, 2] = draw((len(change), 2), generator).double()
        return _then(frame, change)

    return rolled if wrap else Geometric(moved)


@gate
def scale(least: float = 0.9, greatest: float = 1.1) -> Geometric:
    """Enlarged about the center, by a factor between these; the size of the picture stays."""
    if not 0 < least <= greatest:
        raise UserError(f"least and greatest must be factors above 0 in this order, not {least!r} and {greatest!r}.")

    def scaled(frame: Frame, generator: Generator) -> Frame:
        change = _eyes(frame)
        change[:, 0, 0] = change[:, 1, 1] = 1 / _between(least, greatest, frame, generator)
        return _then(frame, change)

    return Geometric(scaled)


@gate
def rotate(degrees: Annotated[float, Range(-360, 360)] = 5.0) -> Geometric:
    """Turned about the center, by up to so many degrees either way."""

    def turned(frame: Frame, generator: Generator) -> Frame:
        angle = torch.deg2rad(_between(-degrees, degrees, frame, generator))
        change = _eyes(frame)
        change[:, 0, 0] = change[:, 1, 1] = angle.cos()
        change[:, 0, 1], change[:, 1, 0] = -angle.sin(), angle.sin()
        return _then(frame, change)

    return Geometric(turned)


@gate
def flip() -> Geometric:
    """Half of the time left and right change places."""

    def flipped(frame: Frame, generator: Generator) -> Frame:
        change = _eyes(frame)
        change[:, 0, 0] = 1 - 2 * torch.randint(2, (len(change),), generator=generator).double()
        return _then(frame, change)

    return Geometric(flipped)


@gate
def blur(least: Sigma = 0.0, greatest: Sigma = 1.0) -> Transform:
    """Blurred by a Gaussian of so many px, the same for all pictures of a batch."""

    def blurred(pictures: Tensor, generator: Generator) -> Tensor:
        sigma = least + (greatest - least) * float(torch.rand((), generator=generator))
        return gaussian(pictures, sigma) if sigma else pictures

    return blurred


@gate
def color(brightness: Amount = 0.1, contrast: Amount = 0.1, tint: Amount = 0.05) -> Transform:
    """Lighter or darker, flatter or harder, and tinted: each by up to so much."""

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
    """What makes objects that stay under small changes: pad, jitter, scale, rotate, jitter (Olah et al., 2017)."""
    return pad(12), jitter(8), scale(0.9, 1.1), rotate(5), jitter(4)


def over_colors(pictures: Tensor, alpha: Tensor, generator: Generator) -> Tensor:
    """Pictures (B, C, H, W) that are transparent in part, over soft random colors: what is seen through is no use."""
    count, channels, *size = pictures.shape
    spots = torch.rand(count, channels, 4, 4, generator=generator).to(pictures)
    return alpha * pictures + (1 - alpha) * F.interpolate(spots, tuple(size), mode="bicubic").clamp(0, 1)


def _eyes(frame: Frame) -> Tensor:
    return torch.eye(3, dtype=torch.float64).repeat(len(frame.matrix), 1, 1)


def _then(frame: Frame, change: Tensor) -> Frame:
    return Frame(frame.size, frame.matrix @ change, frame.outside)


def _between(least: float, greatest: float, frame: Frame, generator: Generator) -> Tensor:
    """(B,) numbers."""
    return least + (greatest - least) * torch.rand(len(frame.matrix), generator=generator, dtype=torch.float64)
