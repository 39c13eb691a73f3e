"""ReLUs that wake: what a ReLU would stop altogether goes through it at the start.

From noise, a unit may be off everywhere, and its gradient with respect to the picture is then 0: there is nowhere to
go. Where nothing at all of a picture's signal would pass a ReLU, all of it passes that would make an input of it larger
(as in lucid).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cnnviz_widgets.engine.relu_rules import Rectifiers


class Waking(Rectifiers):
    """Context in which a forward pass must run for its backward pass to wake ReLUs."""

    def rectify(self, func: Callable, x: Tensor, rest: list, kwargs: dict) -> Tensor:
        return _Wakes.apply(x, func, rest, kwargs)


class _Wakes(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, func: Callable, rest: list, kwargs: dict) -> Tensor:
        before = x.clone()  # func may work in place
        out = func(x, *rest, **kwargs)
        if out is x:
            ctx.mark_dirty(x)
        ctx.save_for_backward((out > 0) & (out == before))
        return out

    @staticmethod
    def backward(ctx: Any, signal: Tensor) -> tuple[Tensor, None, None, None]:
        (open_,) = ctx.saved_tensors
        passed = signal * open_
        stopped = ~passed.flatten(1).any(1).view(-1, *[1] * (signal.ndim - 1))
        return torch.where(stopped, signal.clamp(min=0), passed), None, None, None
