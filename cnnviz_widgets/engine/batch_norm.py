"""BatchNorm in evaluation: a multiplication and an addition for each channel, with a faster backward pass.

On a CPU torch's own backward pass takes several times as long as that multiplication, and keeps the layer's input
for it. What to multiply by is worked out for all layers at once: for each alone it would take as long as is gained.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from cnnviz_widgets.engine.exchanged import Exchanged
from cnnviz_widgets.networks.held import parts_of


class _Affine(NamedTuple):
    """``scale`` times the layer's input (B, channels, rows, columns), plus ``shift``; both (channels, 1, 1)."""

    scale: Tensor
    shift: Tensor


class _Here(threading.local):
    def __init__(self) -> None:
        self.affine: dict[nn.Module, _Affine] = {}  # of the layers in this thread's backward pass


_here = _Here()


@contextmanager
def quick_batch_norm(module: nn.Module) -> Iterator[None]:
    """Context in which a pass must run forward and back, to the picture alone, for the backward pass to be faster.

    Both in it, since a module that saves memory computes parts of itself once more in the backward pass.
    """
    parts = (part for part in parts_of(module) if isinstance(part, nn.BatchNorm2d))
    norms = {part: numbers for part in parts if (numbers := _numbers(part))}
    before = _here.affine
    _here.affine = before | dict(zip(norms, _affine(norms), strict=True))
    try:
        with _exchanged if norms else nullcontext():
            yield
    finally:
        _here.affine = before


def _numbers(norm: nn.BatchNorm2d) -> tuple[Tensor, ...] | None:
    """Its means, variances, weights and biases, if its backward pass can be faster."""
    mean, variance, weight, bias = norm.running_mean, norm.running_var, norm.weight, norm.bias
    usual = type(norm).forward in (_BatchNorm.forward, _forward) and "forward" not in vars(norm)
    if not usual or mean is None or variance is None or weight is None or bias is None:
        return None
    return (mean, variance, weight, bias) if mean.device.type == "cpu" and mean.dtype.itemsize >= 4 else None


def _affine(norms: dict[nn.BatchNorm2d, tuple[Tensor, ...]]) -> list[_Affine]:
    if not norms:
        return []
    mean, variance, weight, bias = (torch.cat(one).detach() for one in zip(*norms.values(), strict=True))
    sizes = [norm.num_features for norm in norms]
    eps = variance.new_tensor([norm.eps for norm in norms]).repeat_interleave(torch.tensor(sizes))
    scale = (variance + eps).rsqrt_().mul_(weight)
    shift = torch.addcmul(bias, mean, scale, value=-1)
    return [_Affine(*both) for both in zip(*(one.view(-1, 1, 1).split(sizes) for one in (scale, shift)), strict=True)]


def _forward(norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    affine = _here.affine.get(norm)  # of another module, or in another thread: none
    goes_back = torch.is_grad_enabled() and x.requires_grad and not norm.training
    if affine and goes_back and x.ndim == 4 and x.dtype == affine.scale.dtype:
        return torch.addcmul(affine.shift, x, affine.scale)
    return _BatchNorm.forward(norm, x)


_exchanged = Exchanged(nn.BatchNorm2d, _forward)
