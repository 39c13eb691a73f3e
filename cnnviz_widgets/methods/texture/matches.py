"""What a pixel of a grown texture was compared with: its surroundings, and the places of the sample like them."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from cnnviz_widgets.methods.texture.grow_texture import EQUAL, TextureGrowth


@dataclass(frozen=True, eq=False)
class Matches:
    """How well the sample's windows match the surroundings of one pixel.

    around    (C, window, window), what the pixel has seen; 0.5 where nothing was
    known     (window, window), bool: where something was
    distance  (h, w), weighted mean squared difference at each place of the sample; NaN where no whole window is
    places    (n, 2), row and column of those from which one was drawn, the nearest first
    drawn     (2,), the one that was
    """

    around: Tensor
    known: Tensor
    distance: Tensor
    places: Tensor
    drawn: Tensor


def matches(
    sample: Tensor, growth: TextureGrowth, row: int, column: int, window: int, tolerance: float = 0.1
) -> Matches | None:
    """The comparison by which a pixel was filled; None for one that is not, or that saw nothing.

    sample and the options as in ``grow_texture``, which made the growth
    """
    turn, reach = growth.turn, window // 2
    if turn[row, column] <= 0:
        return None
    sample = sample.squeeze(0) if sample.ndim == 4 else sample
    rows, columns = slice(row, row + window), slice(column, column + window)
    margin = [reach] * 4
    seen = pad((turn >= 0) & (turn < turn[row, column]), margin)[rows, columns]
    around = torch.where(seen, pad(growth.values, margin)[:, rows, columns], 0.5)
    axis = (torch.arange(window) - reach) / (window / 6.4)
    weight = torch.exp(-0.5 * (axis[:, None] ** 2 + axis**2)) * seen
    windows = sample.unfold(1, window, 1).unfold(2, window, 1)  # (C, h', w', window, window)
    missed = ((windows - around[:, None, None]).square().sum(0) * weight).sum((2, 3)) / weight.sum()
    distance = torch.full(sample.shape[1:], torch.nan)
    distance[reach : reach + missed.shape[0], reach : reach + missed.shape[1]] = missed
    good = (distance <= missed.min() * (1 + tolerance) + EQUAL).nonzero()
    nearest = good[distance[tuple(good.T)].argsort()]
    return Matches(around, seen, distance, nearest, growth.source[:, row, column])
