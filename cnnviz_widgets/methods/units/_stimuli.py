"""Synthetic stimuli about a place: gratings, curves and colored disks, turned by an angle."""

from collections.abc import Callable
from math import cos, radians, sin, tau
from typing import NamedTuple

import torch
from torch import Tensor

CURVE = 8.0  # px: period across a curve, twice the width of its line
REACH = 16.0  # px along a curve: the standard deviation of where it fades


class Stimulus(NamedTuple):
    """A kind of stimuli.

    turn    degrees after which they repeat themselves
    sizes   in px, usual ones;  size  what these are
    angle   what the angle is;  phased  whether they have phases
    draw    (px to the right of the place, px above it, angle and phase in radians, size) → (1 or 3, H, W), −1…1
    """

    turn: int
    sizes: tuple[float, ...]
    size: str
    angle: str
    phased: bool
    draw: Callable[[Tensor, Tensor, float, float, float], Tensor]


def _grating(right: Tensor, up: Tensor, angle: float, phase: float, period: float) -> Tensor:
    """Stripes in the direction of the angle."""
    return (tau * (up * cos(angle) - right * sin(angle)) / period + phase).cos()[None]


def _curve(right: Tensor, up: Tensor, angle: float, phase: float, radius: float) -> Tensor:
    """An arc through the place that bulges in the direction of the angle; phase 0 is a bright line, π a dark one."""
    x, y = right + radius * cos(angle), up + radius * sin(angle)  # from the center of its circle
    across = torch.hypot(x, y) - radius
    aside = torch.atan2(y * cos(angle) - x * sin(angle), x * cos(angle) + y * sin(angle))
    fade = (-((2 * across / CURVE) ** 2 + (aside / min(1.0, REACH / radius)) ** 2) / 2).exp()
    return (fade * (tau * across / CURVE + phase).cos())[None]


def _disk(right: Tensor, up: Tensor, angle: float, phase: float, diameter: float) -> Tensor:
    """A disk of the hue of the angle: red, green and blue are cosines, 120° apart, and their sum is that of gray."""
    inside = (diameter / 2 - torch.hypot(right, up) + 0.5).clamp(0, 1)
    return torch.stack([cos(angle - turn) * inside for turn in (0, tau / 3, 2 * tau / 3)])


STIMULI = {
    "grating": Stimulus(180, (4, 6, 10, 16), "period", "direction of the stripes", True, _grating),
    "curve": Stimulus(360, (8, 16, 32), "radius", "direction of the bulge", True, _curve),
    "color": Stimulus(360, (8, 32, 128), "diameter", "hue", False, _disk),
}


def drawn(
    kind: Stimulus,
    angle: float,
    size: float,
    phase: float,
    place: tuple[float, float],
    extent: tuple[int, int],
    channels: int,
    contrast: float,
) -> Tensor:
    """(channels, H, W) float64, 0…1: a stimulus on gray.

    angle, phase  degrees;  size  px
    place         (y, x) px; pixel i has its center at i
    extent        (H, W)
    """
    y, x = (torch.arange(side, dtype=torch.float64) - at for side, at in zip(extent, place, strict=True))
    right, up = torch.broadcast_tensors(x, -y[:, None])
    pattern = kind.draw(right, up, radians(angle), radians(phase), size)
    return (0.5 + contrast / 2 * pattern).expand(channels, -1, -1)
