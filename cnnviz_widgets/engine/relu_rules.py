"""What a ReLU passes back: three rules that differ nowhere else.

With the activation ``f`` before the ReLU and the signal ``R`` that arrives from above, what goes on down is

- ``"backprop"``   ``(f > 0) · R``            the gradient (Simonyan et al., 2014)
- ``"deconvnet"``  ``(R > 0) · R``            Zeiler & Fergus, 2014
- ``"guided"``     ``(f > 0) · (R > 0) · R``  Springenberg et al., 2015

Rectifiers are caught as they are called, not looked up among the modules: ``nn.ReLU``, ``F.relu``, ``x.relu_()`` and
``x.clamp(min=0)`` all count, in place or not, however often a module is used.

The papers know only the ReLU. Its relatives (ReLU6, leaky, parametric and randomized ReLU, ELU, CELU, SELU, SiLU,
Hardswish, GELU, Mish, Softplus) follow the same idea, with their own slope in the place of ``f > 0``: "guided" is the
unit's gradient for the positive part of the signal alone; "deconvnet" does not ask what the unit did, and passes the
positive part on as it is. Where a slope is below 0, as SiLU's is for ``f < -1.28``, guided backprop turns a positive
signal round, as a negative weight would. What saturates on both sides, such as the sigmoid of a gate, is no rectifier:
its gradient is passed back in every rule.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from cnnviz_widgets.gate import gate
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.runtime.interrupts import guarded

RuleName = Literal["backprop", "deconvnet", "guided"]
RULES = get_args(RuleName)

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
# The same of those whose slope is not just 0 or 1: they are rectifiers whatever their arguments are.
_RELATIVES = dict.fromkeys(
    ("leaky_relu", "prelu", "rrelu", "elu", "celu", "selu", "silu", "hardswish", "gelu", "mish", "softplus"),
    lambda x, *_, **__: True,
)


@gate
def relu_rule(rule: RuleName) -> AbstractContextManager:
    """Context in which a forward pass must run for its backward pass to obey ``rule``, one of ``RULES``.

    The backward pass itself may run outside. Warns if a rule other than "backprop" met no rectifier to act on.
    """
    return nullcontext() if rule == "backprop" else guarded(Rule(rule))


class Rectifiers(TorchFunctionMode):
    """Context in which rectifiers that a gradient goes through are called by ``rectify``; ``met`` counts them.

    They are those of slope 0 or 1, unless ``caught`` says otherwise.
    """

    caught = _RECTIFIES
    met = 0

    def rectify(self, func: Callable, x: Tensor, rest: list, kwargs: dict) -> Tensor:
        """``func(x, *rest, **kwargs)``, with a backward pass of its own."""
        raise NotImplementedError

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = dict(kwargs or {})
        rectifies = self.caught.get(getattr(func, "__name__", "").strip("_"))
        if rectifies is None:
            return func(*args, **kwargs)
        x, *rest = args or (kwargs.pop("input"),)
        if not (torch.is_grad_enabled() and x.requires_grad and rectifies(x, *rest, **kwargs)):
            return func(x, *rest, **kwargs)
        self.met += 1
        return self.rectify(func, x, rest, kwargs)


class Rule(Rectifiers):
    caught = _RECTIFIES | _RELATIVES
    acting = True  # while it is not, "guided" passes the plain gradient back

    def __init__(self, rule: str) -> None:
        super().__init__()
        self.rule = rule

    def rectify(self, func: Callable, x: Tensor, rest: list, kwargs: dict) -> Tensor:
        if self.rule == "deconvnet":
            return _WithoutSlope.apply(x, func, rest, kwargs)
        out = func(x, *rest, **kwargs)
        out.register_hook(lambda signal: _positive(signal) if self.acting else signal)
        return out

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        super().__exit__(kind, error, trace)
        if kind is None and not self.met:
            remark(f"The rule {self.rule!r} met no ReLU: this is plain backprop.")


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
