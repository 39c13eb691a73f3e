"""A patch on a photograph: at a place, turned and scaled, as if it were stuck on."""

from dataclasses import dataclass
from math import cos, hypot, pi, radians, sin, sqrt
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

Shape = Literal["circle", "square"]


def side_of(area: float, size: tuple[int, ...], shape: Shape) -> int:
    """px of the side, or diameter, of a patch that covers this share of a picture of (height, width)."""
    pixels = area * size[0] * size[1]
    return max(1, round(sqrt(pixels if shape == "square" else 4 * pixels / pi)))


def cover(side: int, shape: Shape) -> Tensor:
    """(1, side, side), float64: how much of each pixel the patch covers; a circle has an edge of one pixel."""
    if shape == "square":
        return torch.ones(1, side, side, dtype=torch.float64)
    one = torch.arange(side, dtype=torch.float64) + 0.5 - side / 2
    return (side / 2 + 0.5 - torch.hypot(one[:, None], one[None])).clamp(0, 1)[None]


def stuck(
    photo: Tensor, patch: Tensor, covered: Tensor, x: float, y: float, angle: float = 0.0, scale: float = 1.0
) -> Tensor:
    """The photo (C, H, W) under a patch (C, h, w); differentiable by the patch.

    covered  (1, h, w): how much of each pixel the patch covers
    x, y     of its middle, in px of the photo; the middle of its first pixel is at 0.5
    angle    degrees counterclockwise
    scale    px of the photo for one of the patch

    In float64, so that whole turns and whole pixels move values, and do not mix them.
    """
    (height, width), (tall, wide) = photo.shape[-2:], patch.shape[-2:]
    turn = radians(angle)
    down, right = (torch.arange(side, dtype=torch.float64) + 0.5 - at for side, at in ((height, y), (width, x)))
    across = (right[None] * _exact(cos(turn)) - down[:, None] * _exact(sin(turn))) / scale
    along = (right[None] * _exact(sin(turn)) + down[:, None] * _exact(cos(turn))) / scale
    grid = torch.stack([across * 2 / wide, along * 2 / tall], -1)[None].to(patch.device)
    layers = torch.cat([patch.double() * covered.to(patch.device), covered.to(patch.device)])
    *colors, mask = F.grid_sample(layers[None], grid, align_corners=False)[0]
    return (photo.double() * (1 - mask) + torch.stack(colors)).to(photo.dtype)


def _exact(value: float) -> float:
    """Sines and cosines of right angles are whole numbers."""
    return round(value) if abs(value - round(value)) < 1e-15 else value


@dataclass(frozen=True)
class Places:
    """Where patches are stuck at random: anywhere where they are whole.

    degrees  they are turned by at most so much, either way
    sizes    they are scaled by 1 − sizes … 1 + sizes
    """

    degrees: float
    sizes: float

    def draw(self, photo: Tensor, side: int, generator: Generator) -> tuple[float, float, float, float]:
        """(x, y, angle, scale) for ``stuck``."""
        height, width = photo.shape[-2:]
        at_x, at_y, turn, size = (2 * torch.rand(4, generator=generator, dtype=torch.float64) - 1).tolist()
        scale = 1 + self.sizes * size
        angle = self.degrees * turn
        half = min(side * scale / 2 * hypot(1, sin(radians(2 * angle))), min(height, width) / 2)
        return width / 2 + at_x * (width / 2 - half), height / 2 + at_y * (height / 2 - half), angle, scale


@dataclass(frozen=True, eq=False)
class Sticking:
    """A transform: the patch (1, C, h, w) → a photograph with it, (1, C, H, W), both drawn anew each time."""

    photos: tuple[Tensor, ...]
    covered: Tensor
    places: Places

    def __call__(self, patch: Tensor, generator: Generator) -> Tensor:
        number = int(torch.randint(len(self.photos), (), generator=generator))
        photo = self.photos[number].to(patch)
        place = self.places.draw(photo, patch.shape[-1], generator)
        return stuck(photo, patch[0], self.covered, *place)[None]
