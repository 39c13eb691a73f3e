"""Balls around a photograph: the nearest allowed change of it, in 8 bits, or drawn at random.

A change (B, C, H, W) is allowed if it lies in the ball of its picture and if the changed picture has values 0…1: it is
between ``low = −picture`` and ``high = 1 − picture``. A projection onto the ball, then one onto 0…1, does not lead to
the nearest such change, but for "linf"; these functions do, each picture by itself.
"""

from typing import Annotated, Literal

import torch
from torch import Generator, Tensor

Ball = Annotated[Literal["linf", "l2", "l1", "l0"], "one of 'linf', 'l2', 'l1', 'l0'"]

LEVELS = 255
HALVINGS = 60  # until a float64 does not change any more


def in_8_bits(values: Tensor) -> Tensor:
    """To the nearest of the levels that a picture file has."""
    return (values * LEVELS).round() / LEVELS


def length(change: Tensor, norm: str) -> Tensor:
    """(B,): the greatest value ("linf"), the Euclidean length ("l2"), the sum ("l1"), the pixels that differ ("l0")."""
    if norm == "l0":
        return (change != 0).any(1).flatten(1).sum(1)
    order = {"linf": torch.inf, "l2": 2, "l1": 1}[norm]
    return torch.linalg.vector_norm(change.flatten(1), order, dim=1)


def box(low: Tensor, high: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
    """The least and the greatest allowed changes of the norm "linf"; radius (B, 1, 1, 1)."""
    return low.maximum(-radius), high.minimum(radius)


def whole_levels(radius: Tensor) -> Tensor:
    """As many whole steps of 1/255 as there are in it."""
    return (radius * LEVELS * (1 + 1e-6)).floor() / LEVELS


def nearest(change: Tensor, low: Tensor, high: Tensor, bound: Tensor, norm: str) -> Tensor:
    """The allowed change at the least Euclidean distance from ``change``; ``bound`` (B,) are the radii."""
    radius = bound.to(change).view(-1, 1, 1, 1)
    if norm == "linf":
        return change.clamp(*box(low, high, radius))
    inside = torch.minimum(torch.maximum(change, low), high)
    if norm == "l0":
        return inside * _greatest(change.square() - (change - inside).square(), bound)
    if bool((length(inside, norm) <= radius.flatten()).all()):
        return inside
    shrunk = _shrunk(change, low, high, radius) if norm == "l2" else _thresholded(change, inside, radius)
    return torch.where(length(inside, norm).view(-1, 1, 1, 1) <= radius, inside, shrunk)


def rounded(change: Tensor, low: Tensor, high: Tensor, bound: Tensor, norm: str) -> Tensor:
    """An allowed change in whole steps of 1/255: rounded, and where that would leave the ball, less of it upward.

    low and high must be on the same steps, as they are for a picture of 8 bits.
    """
    if norm == "linf":
        return in_8_bits(change).clamp(*box(low, high, whole_levels(bound.to(change).view(-1, 1, 1, 1))))
    sizes = change.abs() * LEVELS
    whole = sizes.floor()
    rest = sizes - whole
    up = rest >= 0.5
    if norm in ("l2", "l1"):
        up = up & (rest >= _least_rest(whole, rest, bound.to(change) * LEVELS, norm))
    steps = (whole + up) * change.sign() / LEVELS
    return torch.minimum(torch.maximum(steps, low), high)


def drawn(low: Tensor, high: Tensor, bound: Tensor, norm: str, generator: Generator) -> Tensor:
    """A random allowed change: of "linf" uniform, else in a random direction and of a random length, or k pixels."""
    noise = torch.randn(low.shape, generator=generator, dtype=torch.float32).to(low)
    share = torch.rand(len(low), generator=generator).to(low).view(-1, 1, 1, 1)
    radius = bound.to(low).view(-1, 1, 1, 1)
    if norm == "linf":
        change = (2 * torch.rand(low.shape, generator=generator, dtype=torch.float32).to(low) - 1) * radius
    elif norm == "l0":
        change = noise
    else:
        change = noise * share * radius / length(noise, norm).view(-1, 1, 1, 1)
    return nearest(change, low, high, bound, norm)


def _greatest(gains: Tensor, count: Tensor) -> Tensor:
    """(B, 1, H, W): 1 at the pixels of the greatest gain, so many in each picture, else 0."""
    of_pixels = gains.sum(1, keepdim=True)
    rank = of_pixels.flatten(1).argsort(dim=1, descending=True, stable=True).argsort(dim=1).view_as(of_pixels)
    return (rank < count.to(rank.device).view(-1, 1, 1, 1)).to(gains)


def _shrunk(change: Tensor, low: Tensor, high: Tensor, radius: Tensor) -> Tensor:
    """The nearest point on the sphere: the change times a factor s, cut off at low and high (Karush, Kuhn, Tucker).

    Its squared length is a concave function of s², made of straight pieces: Newton's method comes to the s that makes
    it radius² from below, in as many steps as it meets pieces.
    """
    wanted, squares = radius.square(), change.square()
    factor = wanted / _sum(squares).clamp(min=1e-30)  # s², without the cuts
    for _ in range(HALVINGS):
        far = change * factor.sqrt()
        cut = torch.minimum(torch.maximum(far, low), high)
        free = cut == far
        slope = _sum(squares * free)
        missing = (wanted - _sum(cut.square())) / slope.clamp(min=1e-30)
        missing = torch.where(slope > 0, missing.clamp(min=0), 0)
        factor = factor + missing
        if not (missing > torch.finfo(change.dtype).eps * factor).any():
            break
    return torch.minimum(torch.maximum(change * factor.sqrt(), low), high)


def _thresholded(change: Tensor, inside: Tensor, radius: Tensor) -> Tensor:
    """The nearest point on the l1 sphere: every size less a threshold, not below 0 and not above that of ``inside``."""
    sizes, most = change.abs(), inside.abs()
    least, greatest = torch.zeros_like(radius).expand(len(change), 1, 1, 1), sizes.amax((1, 2, 3), keepdim=True)
    for _ in range(HALVINGS):
        middle = (least + greatest) / 2
        too_long = _sum((sizes - middle).clamp(min=0).minimum(most)) > radius
        least, greatest = torch.where(too_long, middle, least), torch.where(too_long, greatest, middle)
    return (sizes - greatest).clamp(min=0).minimum(most) * change.sign()


def _least_rest(whole: Tensor, rest: Tensor, bound: Tensor, norm: str) -> Tensor:
    """(B, 1, 1, 1): from which rest on sizes may be rounded up for the whole to stay in the ball."""
    order = 2 if norm == "l2" else 1
    most, below = bound.view(-1, 1, 1, 1) ** order, whole**order
    gains = torch.where(rest >= 0.5, (whole + 1) ** order - below, 0)
    least, greatest = torch.full_like(most, 0.5), torch.full_like(most, 1.0)
    used, room = _sum(below), most * (1 + 1e-6)
    if bool((used + _sum(gains) <= room).all()):
        return least
    for _ in range(24):
        middle = (least + greatest) / 2
        too_long = used + _sum(gains * (rest >= middle)) > room
        least, greatest = torch.where(too_long, middle, least), torch.where(too_long, greatest, middle)
    return greatest


def _sum(values: Tensor) -> Tensor:
    """Over each picture, (B, 1, 1, 1)."""
    return values.sum((1, 2, 3), keepdim=True)
