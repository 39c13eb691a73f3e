"""A convolution with kernels of 3 × 3, tile by tile, in fewer multiplications.

Tiles and kernels are seen as polynomials, which are multiplied at points, as many along each axis as their product has
coefficients: 36 multiplications for a tile of 4 × 4, not 144 (Winograd, "Arithmetic Complexity of Computations", 1980).
What a tile gives is larger than it, and overlaps what the next ones give.
"""

from functools import cached_property, lru_cache
from itertools import product
from math import ceil, prod
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

KERNEL = 3
REACH = KERNEL - 1
POINTS = {  # by the side of a tile, those that rounding harms least, as found by search; the last is infinity
    3: (-1.28, -0.38, 0.38, 1.28),
    4: (-1.54, -0.65, 0, 0.65, 1.54),
    5: (-1.77, -0.85, -0.28, 0.28, 0.85, 1.77),
}
AT_ONCE = 12 << 20  # bytes: memory for larger tensors is asked from the system each time

# What takes as long as so many multiplications in a plain convolution: to multiply at a point, or in a step from
# coefficients to points or back; to read and write a value on such a step; to read a value of the kernels, to make one
MULTIPLY, STEP, TOUCH, READ, MAKE = 1.5, 9, 70, 5, 100


class Tiles:
    """weight (K, C, 3, 3), float32 or float64, on the CPU; tiles have ``side`` × ``side`` places."""

    def __init__(self, weight: Tensor, side: int) -> None:
        self._weight, self._side, self._size = weight, side, side + REACH
        self._could_have_saved = 0.0

    def cost(self, count: int, sides: tuple[int, int]) -> float:
        """Of so many maps (H, W), in multiplications."""
        channels, inputs = self._weight.shape[:2]
        tiles = count * prod(ceil(side / self._side) for side in sides)
        steps = inputs * (TOUCH + STEP * self._side) + channels * (TOUCH + STEP * self._size)
        return self._size**2 * (tiles * (steps + MULTIPLY * inputs * channels) + READ * inputs * channels)

    def pays(self, saving: float) -> bool:
        """Whether with one more such saving, all could have saved as much as the kernels cost to make."""
        self._could_have_saved += saving
        return self._could_have_saved >= MAKE * self._size**2 * prod(self._weight.shape[:2])

    def __call__(self, values: Tensor, padding: tuple[int, int]) -> Tensor:
        """Of values (n, C, H, W), with up to 2 zeros around them, the sums (n, K, H', W'), channels_last."""
        (height, width), (channels, inputs) = values.shape[-2:], self._weight.shape[:2]
        side, size, transforms = self._side, self._size, self._transforms
        rows, columns = ceil(height / side), ceil(width / side)
        values = F.pad(values, (0, side * columns - width, 0, side * rows - height)).permute(0, 2, 3, 1)
        tiles = values.reshape(-1, rows, side, columns, side, inputs)
        out = values.new_zeros(len(values), rows + 1, side, columns + 1, side, channels)
        bytes_each = size**2 * rows * columns * max(inputs, channels) * values.element_size()
        at_once = max(1, AT_ONCE // bytes_each)
        # Along an axis: to which tiles, to which of their places, which coefficients
        to_itself = slice(None, -1), slice(None), slice(side)
        to_the_next = slice(1, None), slice(REACH), slice(side, None)
        for some, sums in zip(tiles.split(at_once), out.split(at_once), strict=True):
            there = _along_both_axes(transforms.tiles, some.permute(2, 4, 0, 1, 3, 5))
            products = torch.bmm(there.view(size**2, -1, inputs), self._kernels)
            back = _along_both_axes(transforms.back, products.view(size, size, -1))
            back = back.view(size, size, -1, rows, columns, channels).permute(2, 3, 0, 4, 1, 5)
            for (down, y, of_y), (across, x, of_x) in product((to_itself, to_the_next), repeat=2):
                sums[:, down, y, across, x] += back[:, :, of_y, :, of_x]
        out = out.view(len(values), side * (rows + 1), side * (columns + 1), channels).permute(0, 3, 1, 2)
        top, left = (REACH - pad for pad in padding)
        return out[..., top : height + REACH - top, left : width + REACH - left]

    @property
    def _transforms(self) -> "_Transforms":
        return _transforms(self._side, self._weight.dtype)

    @cached_property
    def _kernels(self) -> Tensor:
        """At each point (size², C, K)."""
        at_points = _along_both_axes(self._transforms.kernels, self._weight.permute(2, 3, 1, 0))
        return at_points.view(self._size**2, *self._weight.shape[1::-1])


class _Transforms(NamedTuple):
    """From the coefficients of tiles and of kernels to values at the points, and back to those of their product."""

    tiles: Tensor
    kernels: Tensor
    back: Tensor


@lru_cache
def _transforms(side: int, dtype: torch.dtype) -> _Transforms:
    return _Transforms(*(torch.from_numpy(matrix).to(dtype) for matrix in _along_an_axis(side)))


def _along_both_axes(matrix: Tensor, values: Tensor) -> Tensor:
    """Of values (a, a, …), what a matrix (b, a) makes of them down the rows and along the columns: (b, b, n)."""
    after, before = matrix.shape
    return matrix @ (matrix @ values.reshape(before, -1)).view(after, before, -1)


def _along_an_axis(side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(size, side) for tiles, (size, 3) for kernels, (size, size) back, where size = side + 2."""
    points, size = POINTS[side], side + REACH
    tiles, kernels, back = np.zeros((size, side)), np.zeros((size, KERNEL)), np.zeros((size, size))
    for place, point in enumerate(points):
        others = points[:place] + points[place + 1 :]
        tiles[place] = point ** np.arange(side)
        # Backwards: what a kernel sees before a place is what that place changes after it.
        kernels[place] = point ** np.arange(KERNEL)[::-1] / np.prod(np.subtract(point, others))
        back[:-1, place] = np.poly(others)[::-1]
    tiles[-1, -1] = kernels[-1, 0] = 1
    back[:, -1] = np.poly(points)[::-1]
    return tiles, kernels, back
