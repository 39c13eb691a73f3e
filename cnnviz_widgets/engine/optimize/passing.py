"""Functions whose gradient passes where that of the function itself would be lost."""

from typing import Any

import torch
from torch import Tensor


class Straight(torch.autograd.Function):
    """``second`` in the place of ``first``, of which the gradient is that of ``second``: for rounding."""

    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor) -> Tensor:
        return second.detach()  # a view of size 1 has other strides, by which convolutions miss the memory format

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


class Cut(torch.autograd.Function):
    """Cut off below 0 and above 1. Values of exactly 0 and 1, black and white, pass their gradient: they can return."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.save_for_backward((values >= 0) & (values <= 1))
        return values.clamp(0, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (passed,) = ctx.saved_tensors
        return gradient * passed
