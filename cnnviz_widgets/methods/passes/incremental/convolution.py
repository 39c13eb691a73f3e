"""A convolution in the quicker of two ways.

The second is for kernels of 3 × 3, where there are many channels: 36 multiplications for a tile of 4 × 4 outputs, not
144. Inputs and kernels are seen as polynomials, which are multiplied at six points along each axis (Winograd,
"Arithmetic Complexity of Computations", 1980; Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2016).
"""

from functools import cached_property
from math import ceil, inf
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

KERNEL, TILE = 3, 4  # inputs and outputs along a side
SIZE = TILE + KERNEL - 1
POINTS = (0, 0.5**0.5, -(0.5**0.5), 2**0.5, -(2**0.5))  # rounding harms these least; the sixth is infinity
AT_ONCE = 12 << 20  # bytes: memory for larger tensors is asked from the system each time

# In multiplications as a convolution does them: to transform a value, to multiply there, to read a part of the kernels
TRANSFORM, MULTIPLY, READ = 200, 1.2, 40


class Convolution:
    """As ``conv2d``. weight (K, C / groups, h, w), channels_last; bias (K,) or None."""

    def __init__(
        self, weight: Tensor, bias: Tensor | None, stride: tuple[int, int], dilation: tuple[int, int], groups: int
    ) -> None:
        self.weight, self._bias = weight, bias
        self._how = {"stride": stride, "dilation": dilation, "groups": groups}
        self._has_tiles = (
            weight.device.type == "cpu"
            and weight.dtype in (torch.float32, torch.float64)
            and (*weight.shape[2:], *stride, *dilation, groups) == (KERNEL, KERNEL, 1, 1, 1, 1, 1)
        )

    def __call__(self, values: Tensor, padding: tuple[int, int] = (0, 0)) -> Tensor:
        """Of values (n, C, H, W), the sums (n, K, H', W'), channels_last."""
        if self._has_tiles:
            height, width = (side + 2 * pad - KERNEL + 1 for side, pad in zip(values.shape[-2:], padding, strict=True))
            in_tiles, plain = self._costs(len(values), height, width)
            if in_tiles < plain:
                return self._tiles(values, padding, height, width)
        return F.conv2d(values, self.weight, self._bias, padding=padding, **self._how)

    def cost(self, count: int, height: int, width: int) -> float:
        """Of so many outputs, in multiplications."""
        return min(self._costs(count, height, width))

    def changed(self, change: Tensor, padding: tuple[int, int]) -> Tensor:
        """The change of the sums, at a stride of 1, for a change (n, C, H, W) of the inputs."""
        return F.conv2d(change, self.weight, padding=padding, **self._how)

    def _costs(self, count: int, height: int, width: int) -> tuple[float, float]:
        """In tiles, where that is possible, and as a plain convolution."""
        plain = count * height * width * self.weight.numel()
        if not self._has_tiles:
            return inf, plain
        channels, inputs = self.weight.shape[:2]
        tiles = count * ceil(height / TILE) * ceil(width / TILE)
        each = MULTIPLY * channels * inputs + TRANSFORM * (channels + inputs)
        return SIZE**2 * (tiles * each + READ * channels * inputs), plain

    def _tiles(self, values: Tensor, padding: tuple[int, int], height: int, width: int) -> Tensor:
        rows, columns = ceil(height / TILE), ceil(width / TILE)
        (above, below), (left, right) = (
            (pad, TILE * count + KERNEL - 1 - side - pad)
            for pad, count, side in zip(padding, (rows, columns), values.shape[-2:], strict=True)
        )
        values = F.pad(values, (left, right, above, below)).contiguous(memory_format=torch.channels_last)
        channels, inputs = self.weight.shape[:2]
        of_each, _, down, across = values.stride()
        out = values.new_empty(len(values), rows, TILE, columns, TILE, channels)
        bytes_each = SIZE**2 * rows * columns * max(inputs, channels) * values.element_size()
        at_once = max(1, AT_ONCE // bytes_each)
        for some, sums in zip(values.split(at_once), out.split(at_once), strict=True):
            tiles = some.as_strided(
                (SIZE, SIZE, len(some), rows, columns, inputs), (down, across, of_each, TILE * down, TILE * across, 1)
            )
            there = self._transforms.inputs @ tiles.reshape(SIZE**2, -1)
            products = torch.bmm(there.view(SIZE**2, -1, inputs), self._kernels)
            back = self._transforms.outputs @ products.view(SIZE**2, -1)
            sums.copy_(back.view(TILE, TILE, len(some), rows, columns, channels).permute(2, 3, 0, 4, 1, 5))
        if self._bias is not None:
            out += self._bias
        out = out.view(len(values), TILE * rows, TILE * columns, channels).permute(0, 3, 1, 2)
        return out[..., :height, :width]

    @cached_property
    def _transforms(self) -> "_Transforms":
        return _Transforms(*(torch.from_numpy(np.kron(one, one)).to(self.weight) for one in _along_an_axis()))

    @cached_property
    def _kernels(self) -> Tensor:
        """At each point (36, C, K)."""
        places = self.weight.permute(2, 3, 1, 0).reshape(KERNEL**2, -1)
        return (self._transforms.kernels @ places).view(SIZE**2, *self.weight.shape[1::-1])


class _Transforms(NamedTuple):
    """What is multiplied with coefficients to get the values at the points, and with those to get outputs."""

    inputs: Tensor
    kernels: Tensor
    outputs: Tensor


def _along_an_axis() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(6, 6) for inputs, (6, 3) for kernels, (4, 6) for outputs."""
    inputs, kernels, outputs = np.zeros((SIZE, SIZE)), np.zeros((SIZE, KERNEL)), np.zeros((TILE, SIZE))
    for place, point in enumerate(POINTS):
        others = POINTS[:place] + POINTS[place + 1 :]
        inputs[place, :-1] = np.poly(others)[::-1]
        kernels[place] = point ** np.arange(KERNEL) / np.prod(np.subtract(point, others))
        outputs[:, place] = point ** np.arange(TILE)
    inputs[-1] = np.poly(POINTS)[::-1]
    kernels[-1, -1] = outputs[-1, -1] = 1
    return inputs, kernels, outputs
