"""Redirected ReLU gradients, as in lucid, for the first steps of an optimization.

In noise, a unit may be inactive everywhere, and the gradient of its value with respect to the picture is then 0. Where
a ReLU would block the whole gradient of a picture, the part that makes its inputs larger is let through instead.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cnnviz_widgets.engine.relu_rules import Rectifiers


class RedirectedReLU(Rectifiers):
    """Context for a forward pass: its backward pass redirects the gradients of ReLUs."""

    def rectify(self, func: Callable, x: Tensor, rest: list, kwargs: dict) -> Tensor:
        return _Redirected.apply(x, func, rest, kwargs)


class _Redirected(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, func: Callable, rest: list, kwargs: dict) -> Tensor:
        before = x.clone()  # func may work in place
        out = func(x, *rest, **kwargs)
        if out is x:
            ctx.mark_dirty(x)
        ctx.save_for_backward((out > 0) & (out == before))
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (active,) = ctx.saved_tensors
        passed = gradient * active
        blocked = ~passed.flatten(1).any(1).view(-1, *[1] * (gradient.ndim - 1))
        return torch.where(blocked, gradient.clamp(min=0), passed), None, None, None
