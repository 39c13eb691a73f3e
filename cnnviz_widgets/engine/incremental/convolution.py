"""A convolution, in the quickest of some ways."""

from math import prod
from operator import itemgetter
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz_widgets.engine.incremental.tiles import KERNEL, POINTS, REACH, Tiles
from cnnviz_widgets.engine.incremental.windows import pair

Pair = tuple[int, int]  # down the rows and along the columns


class Convolution:
    """As ``conv2d``. weight (K, C / groups, h, w), channels_last; bias (K,) or None."""

    def __init__(self, weight: Tensor, bias: Tensor | None, stride: Pair, dilation: Pair, groups: int) -> None:
        self.weight, self._bias = weight, bias
        self._how: dict[str, Any] = {"stride": stride, "dilation": dilation, "groups": groups}
        has_tiles = (
            weight.device.type == "cpu"
            and weight.dtype in (torch.float32, torch.float64)
            and (*weight.shape[2:], *stride, *dilation, groups) == (KERNEL, KERNEL, 1, 1, 1, 1, 1)
        )
        self._tiles = [Tiles(weight, side) for side in POINTS] if has_tiles else []

    def __call__(self, values: Tensor, padding: Pair = (0, 0)) -> Tensor:
        """Of values (n, C, H, W), the sums (n, K, H', W'), channels_last."""
        return self._sums(values, padding, self._bias)

    def changed(self, change: Tensor, padding: Pair) -> Tensor:
        """The change of the sums for a change (n, C, H, W) of the values."""
        return self._sums(change, padding, None)

    def cost(self, count: int, sides: Pair, padding: Pair = (0, 0)) -> float:
        """Of so many maps (H, W), at a stride of 1, in multiplications."""
        in_tiles = [cost for cost, _ in self._in_tiles(count, sides, padding)]
        return min([self._plain_cost(count, sides, padding), *in_tiles])

    def _sums(self, values: Tensor, padding: Pair, bias: Tensor | None) -> Tensor:
        size = len(values), pair(values.shape[-2:]), padding
        least: float = self._plain_cost(*size)
        quickest: Tiles | None = None
        for cost, tiles in sorted(self._in_tiles(*size), key=itemgetter(0), reverse=True):
            if cost < least and tiles.pays(least - cost):
                least, quickest = cost, tiles
        if quickest is None:
            return F.conv2d(values, self.weight, bias, padding=padding, **self._how)
        sums = quickest(values, padding)
        return sums if bias is None else sums.add_(bias[:, None, None])

    def _in_tiles(self, count: int, sides: Pair, padding: Pair) -> list[tuple[float, Tiles]]:
        """Those that are possible, and what they cost."""
        return [(tiles.cost(count, sides), tiles) for tiles in self._tiles if max(padding) <= REACH]

    def _plain_cost(self, count: int, sides: Pair, padding: Pair) -> int:
        """Each weight meets as many values as there are, less what the kernel reaches beyond the zeros around them."""
        axes = zip(sides, padding, self.weight.shape[-2:], self._how["dilation"], strict=True)
        places = (side + min(0, 2 * pad - dilation * (kernel - 1)) for side, pad, kernel, dilation in axes)
        return count * prod(places) * self.weight.numel()
