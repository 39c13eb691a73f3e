"""Windows cut out of maps, and put back."""

from operator import sub
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz_widgets.methods.passes.incremental.windows import Window

Margins = tuple[tuple[int, int], tuple[int, int]]  # (above, below), (left, right)
NONE: Margins = ((0, 0), (0, 0))


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
        (tops, height), (lefts, width) = window
        (above, _), (before, _) = self.margins
        across, channels = self.places.shape[1:]
        # Rows of windows lie in one piece each: copied as such, some times as fast as stacking slices.
        starts = [(above + top) * across + before + left for top, left in zip(tops, lefts, strict=True)]
        first = torch.tensor(starts, device=self.places.device)[:, None]
        down = torch.arange(0, height * across, across, device=self.places.device)
        rows = self.places.as_strided((self.places.shape[:2].numel() - width + 1, width * channels), (channels, 1))
        crops = rows.index_select(0, (first + down).flatten())
        return crops.view(len(tops), height, width, channels).permute(0, 3, 1, 2)


def padded(value: Tensor, margins: Margins, fill: float = 0.0) -> Tensor:
    (above, below), (left, right) = margins
    return value if margins == NONE else F.pad(value, (left, right, above, below), value=fill)


def moved(values: Tensor, here: Window, there: Window, around: Map) -> Tensor:
    """Of values (n, C, height, width) that are ``here`` those that are ``there``; around them, those of a map."""
    axes = list(zip(here, there, strict=True))
    offsets = list(zip(*(map(sub, ours.starts, other.starts) for ours, other in axes), strict=True))
    alike = len(set(offsets)) == 1
    sizes = [(ours.length, other.length) for ours, other in axes]
    if alike and all(-ours + other <= offset <= 0 for offset, (ours, other) in zip(offsets[0], sizes, strict=True)):
        (rows, _), (columns, _) = (_overlap(*axis) for axis in zip(offsets[0], sizes, strict=True))
        return values[..., rows, columns]
    out = around.at(there)
    for one, offset in [(slice(None), offsets[0])] if alike else enumerate(offsets):
        (rows, to_rows), (columns, to_columns) = (_overlap(*axis) for axis in zip(offset, sizes, strict=True))
        out[one, ..., to_rows, to_columns] = values[one, ..., rows, columns]
    return out


def _overlap(offset: int, lengths: tuple[int, int]) -> tuple[slice, slice]:
    """Where an interval and one that begins ``offset`` before it overlap, seen from the first and from the second."""
    ours, other = lengths
    start, stop = max(0, -offset), min(ours, other - offset)
    stop = max(start, stop)
    return slice(start, stop), slice(start + offset, stop + offset)
