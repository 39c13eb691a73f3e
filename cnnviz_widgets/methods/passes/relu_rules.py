"""What a ReLU passes back: three rules that differ nowhere else.

With the activation ``f`` before the ReLU and the signal ``R`` that arrives from above, what goes on down is

- ``"backprop"``   ``(f > 0) · R``            the gradient (Simonyan et al., 2014)
- ``"deconvnet"``  ``(R > 0) · R``            Zeiler & Fergus, 2014
- ``"guided"``     ``(f > 0) · (R > 0) · R``  Springenberg et al., 2015

Rectifiers are caught as they are called, not looked up among the modules: ``nn.ReLU``, ``F.relu``, ``x.relu_()`` and
``x.clamp(min=0)`` all count, in place or not, however often a module is used. For a rectifier with a ceiling, such as
ReLU6, ``f > 0`` reads "where its slope is not 0".
"""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from cnnviz_widgets.errors import UserError

RULES = ("backprop", "deconvnet", "guided")

# Name of a torch function, without the underscore of its in-place form -> whether these arguments make it a rectifier.
_RECTIFIES: dict[str, Callable[..., bool]] = {
    "relu": lambda x, inplace=False: True,
    "relu6": lambda x, inplace=False: True,
    "hardtanh": lambda x, min_val=-1.0, max_val=1.0, inplace=False: _is_zero(min_val),
    "threshold": lambda x, threshold, value, inplace=False: _is_zero(threshold) and _is_zero(value),
    "clamp": lambda x, min=None, max=None, **_: _is_zero(min),
    "clip": lambda x, min=None, max=None, **_: _is_zero(min),
    "clamp_min": lambda x, min, **_: _is_zero(min),
}


def relu_rule(rule: str) -> AbstractContextManager:
    """Context in which a forward pass must run for its backward pass to obey ``rule``, one of ``RULES``.

    The backward pass itself may run outside. Warns if a rule other than "backprop" met no rectifier to act on.
    """
    if rule not in RULES:
        raise UserError(f"rule must be one of {', '.join(map(repr, RULES))}, not {rule!r}.")
    return nullcontext() if rule == "backprop" else _Rule(rule)


class _Rule(TorchFunctionMode):
    def __init__(self, rule: str) -> None:
        super().__init__()
        self.rule = rule
        self.met = 0

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = dict(kwargs or {})
        rectifies = _RECTIFIES.get(getattr(func, "__name__", "").strip("_"))
        if rectifies is None:
            return func(*args, **kwargs)
        x, *rest = args or (kwargs.pop("input"),)
        if not (torch.is_grad_enabled() and x.requires_grad and rectifies(x, *rest, **kwargs)):
            return func(x, *rest, **kwargs)
        self.met += 1
        if self.rule == "deconvnet":
            return _WithoutSlope.apply(x, func, rest, kwargs)
        out = func(x, *rest, **kwargs)
        out.register_hook(_positive)
        return out

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        super().__exit__(kind, error, trace)
        if kind is None and not self.met:
            warnings.warn(f"The rule {self.rule!r} met no ReLU on its way: this is plain backprop.", stacklevel=3)


class _WithoutSlope(torch.autograd.Function):
    """A rectifier that passes the positive part of the signal back, wherever it was itself on or off."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rectify: Callable, rest: list, kwargs: dict) -> Tensor:
        out = rectify(x, *rest, **kwargs)
        if out is x:
            ctx.mark_dirty(x)
        return out

    @staticmethod
    def backward(ctx: Any, signal: Tensor) -> tuple[Tensor, None, None, None]:
        return _positive(signal), None, None, None


def _positive(signal: Tensor) -> Tensor:
    return signal.clamp(min=0)


def _is_zero(bound: Any) -> bool:
    return isinstance(bound, (int, float)) and bound == 0
