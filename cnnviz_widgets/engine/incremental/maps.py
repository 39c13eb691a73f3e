"""Windows cut out of maps, and put back."""

from functools import lru_cache
from operator import sub
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz_widgets.engine.incremental.windows import Window

Margins = tuple[tuple[int, int], tuple[int, int]]  # (above, below), (left, right)
NONE: Margins = ((0, 0), (0, 0))
Index = tuple[Any, ...]
MANY = 4096  # of the whole numbers that are worked out once for all pictures


class Map(NamedTuple):
    """What a layer gives for one picture: (height, width, channels), with margins around it."""

    places: Tensor
    margins: Margins

    @classmethod
    def of(cls, value: Tensor, margins: Margins = NONE, fill: float = 0.0) -> "Map":
        """Of a value (1, C, H, W), with ``fill`` in the margins."""
        return cls(padded(value, margins, fill)[0].permute(1, 2, 0).contiguous(), margins)

    def at(self, window: Window) -> Tensor:
        """The window of each position: (n, C, height, width), channels_last."""
        (tops, height), (_, width) = window
        across, channels = self.places.shape[1:]
        # Rows of windows lie in one piece each: copied as such, some times as fast as stacking slices.
        rows = self.places.as_strided((self.places.shape[:2].numel() - width + 1, width * channels), (channels, 1))
        crops = rows.index_select(0, _first_places(window, self.margins, across).to(rows.device))
        return crops.view(len(tops), height, width, channels).permute(0, 3, 1, 2)


def padded(value: Tensor, margins: Margins, fill: float = 0.0) -> Tensor:
    (above, below), (left, right) = margins
    return value if margins == NONE else F.pad(value, (left, right, above, below), value=fill)


def moved(values: Tensor, here: Window, there: Window, around: Map) -> Tensor:
    """Of values (n, C, height, width) that are ``here`` those that are ``there``; around them, those of a map."""
    inside, moves = _moves(here, there)
    if inside:
        return values[moves[0][1]]
    out = around.at(there)
    for to, where in moves:
        out[to] = values[where]
    return out


@lru_cache(MANY)
def _first_places(window: Window, margins: Margins, across: int) -> Tensor:
    """Of every row of every window, the number of its first place in a map that is ``across`` places wide."""
    (tops, height), (lefts, _) = window
    (above, _), (before, _) = margins
    starts = [(above + top) * across + before + left for top, left in zip(tops, lefts, strict=True)]
    return (torch.tensor(starts)[:, None] + torch.arange(0, height * across, across)).flatten()


@lru_cache(MANY)
def _moves(here: Window, there: Window) -> tuple[bool, list[tuple[Index, Index]]]:
    """Whether ``there`` lies within ``here``; and what goes where: at once, if it is alike for all positions."""
    axes = list(zip(here, there, strict=True))
    offsets = list(zip(*(map(sub, ours.starts, other.starts) for ours, other in axes), strict=True))
    alike = len(set(offsets)) == 1
    sizes = [(ours.length, other.length) for ours, other in axes]
    within = alike and all(other - ours <= offset <= 0 for offset, (ours, other) in zip(offsets[0], sizes, strict=True))
    moves = []
    for one, offset in [(slice(None), offsets[0])] if alike else enumerate(offsets):
        (rows, to_rows), (columns, to_columns) = (_overlap(*axis) for axis in zip(offset, sizes, strict=True))
        moves.append(((one, ..., to_rows, to_columns), (one, ..., rows, columns)))
    return within, moves


def _overlap(offset: int, lengths: tuple[int, int]) -> tuple[slice, slice]:
    """Where an interval and one that begins ``offset`` before it overlap, seen from the first and from the second."""
    ours, other = lengths
    start, stop = max(0, -offset), min(ours, other - offset)
    stop = max(start, stop)
    return slice(start, stop), slice(start + offset, stop + offset)
