"""BatchNorm in evaluation: a multiplication and an addition for each channel, and a quicker way back through it.

On a CPU torch's own way back takes several times as long as the multiplication that it is, and keeps the layer's input
for it. What to multiply by is worked out for all layers at once: for each alone it would take as long as is gained.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


class Affine(NamedTuple):
    """``scale`` times the layer's input (B, channels, rows, columns), plus ``shift``; both (channels, 1, 1)."""

    scale: Tensor
    shift: Tensor


def quick_batch_norm(module: nn.Module) -> AbstractContextManager:
    """Context in which a forward pass must run for its way back, to the picture alone, to be the quicker one."""
    gains = any(isinstance(part, nn.BatchNorm2d) for part in module.modules())
    return QuickBatchNorm(module) if gains else nullcontext()


class QuickBatchNorm(TorchFunctionMode):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self._module = module

    def __enter__(self) -> "QuickBatchNorm":
        norms = [part for part in self._module.modules() if isinstance(part, nn.BatchNorm2d) and _gains(part)]
        keys = [_key(one.running_mean, one.running_var, one.weight, one.bias, one.eps) for one in norms]
        self._affine = dict(zip(keys, _affine(norms), strict=True))
        return super().__enter__()

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        affine = self.affine(func, args, kwargs)
        return torch.addcmul(affine.shift, args[0], affine.scale) if affine else func(*args, **(kwargs or {}))

    def affine(self, func: Callable, args: tuple, kwargs: dict | None) -> Affine | None:
        """What this call does, if it is that of a layer whose way back can be quicker."""
        if func is not F.batch_norm:
            return None
        x, *statistics = args  # that is how torch hands its arguments on, whether they were named or not
        found = self._affine.get(_key(*statistics, **kwargs))
        gains = found and torch.is_grad_enabled() and x.requires_grad and x.ndim == 4 and x.dtype == found.scale.dtype
        return found if gains else None


def _gains(norm: nn.BatchNorm2d) -> bool:
    numbers = norm.running_mean, norm.running_var, norm.weight, norm.bias
    return all(one is not None and one.device.type == "cpu" and one.dtype.itemsize >= 4 for one in numbers)


def _key(
    mean: Tensor, variance: Tensor, weight: Tensor, bias: Tensor, eps: float, training: bool = False, **_: Any
) -> tuple:
    return training, eps, *map(id, (mean, variance, weight, bias))


@torch.no_grad()
def _affine(norms: list[nn.BatchNorm2d]) -> list[Affine]:
    if not norms:
        return []
    names = "running_mean", "running_var", "weight", "bias"
    mean, variance, weight, bias = (torch.cat([getattr(norm, name) for norm in norms]) for name in names)
    sizes = [norm.num_features for norm in norms]
    eps = variance.new_tensor([norm.eps for norm in norms]).repeat_interleave(torch.tensor(sizes))
    scale = (variance + eps).rsqrt_().mul_(weight)
    shift = torch.addcmul(bias, mean, scale, value=-1)
    return [Affine(*both) for both in zip(*(one.view(-1, 1, 1).split(sizes) for one in (scale, shift)), strict=True)]
