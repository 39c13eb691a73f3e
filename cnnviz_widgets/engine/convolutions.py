"""Convolutions of a gradient step, quicker than torch's own on a CPU.

Their kernels may be copied once to the memory format of the pictures, for many passes. And the backward pass of the
first convolution takes most of the time of a step.

On a CPU the usual one treats the few channels of a picture as if they were many. With stride s, the pixels that are a
rows and b columns beyond a multiple of s are met by every s-th weight only: what comes back to all s² kinds of
pixels is one small convolution of the signal with stride 1, whose channels are then laid out among each other.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnviz_widgets.engine.exchanged import Exchanged
from cnnviz_widgets.networks.held import parts_of

Kernels = Mapping[nn.Module, Tensor]


class _Here(threading.local):
    def __init__(self) -> None:
        self.first: nn.Module | None = None  # of the module in this thread's backward pass
        self.kernels: Kernels = {}


_here = _Here()


@contextmanager
def quick_convolutions(module: nn.Module, kernels: Kernels | None = None) -> Iterator[None]:
    """Context in which a pass must run forward and back, to the picture alone, for the backward pass to be faster.

    kernels  what convolutions use instead of their own, see ``channels_last``
    """
    first = next((part for part in parts_of(module) if isinstance(part, nn.Conv2d)), None)
    before = _here.first, _here.kernels
    _here.first = first if first is not None and _gains(first) else None
    _here.kernels = kernels or {}
    try:
        with _exchanged:
            yield
    finally:
        _here.first, _here.kernels = before


def channels_last(module: nn.Module) -> Kernels:
    """The kernels of its convolutions, copied to the memory format of pictures that are quickest to compute.

    In another one they are reordered in every pass, which takes about as long as the pass over one picture.
    """
    return {
        part: kernel.detach().clone(memory_format=torch.channels_last)
        for part in parts_of(module)
        if isinstance(part, nn.Conv2d)
        and (kernel := part._parameters.get("weight")) is not None
        and kernel is part.weight
        and kernel[0, 0].numel() > 1
        and not kernel.is_contiguous(memory_format=torch.channels_last)
    }


def _gains(part: nn.Conv2d) -> bool:
    plain = part.groups == 1 and part.dilation == (1, 1) and part.padding_mode == "zeros"
    stride = part.stride[0] > 1 and part.stride[0] == part.stride[1]
    return plain and stride and isinstance(part.padding, tuple) and part.in_channels <= 4


def _forward(part: nn.Conv2d, x: Tensor) -> Tensor:
    kernel = _here.kernels.get(part, part.weight)
    output = part._conv_forward(x, kernel, part.bias)
    if part is _here.first and output.requires_grad and output.device.type == "cpu" and output.ndim == 4:
        quick = _Quick.apply(x, kernel, [output], part.stride[0], part.padding)
        for hook in (output._backward_hooks or {}).values():  # of those who wait for the gradient of the output
            quick.register_hook(hook)
        return quick
    return output


_exchanged = Exchanged(nn.Conv2d, _forward)


class _Quick(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, output: list[Tensor], stride: int, padding: tuple[int, int]
    ) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.size, ctx.dtype, ctx.stride, ctx.padding = x.shape[2:], x.dtype, stride, padding
        return output[0].detach()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, signal: Tensor) -> tuple[Tensor, None, None, None, None]:
        (weight,), stride = ctx.saved_tensors, ctx.stride
        outputs, channels, *size = weight.shape
        rows, columns = (-(-side // stride) for side in size)  # how often a kind of pixel is met
        whole = F.pad(weight, (0, columns * stride - size[1], 0, rows * stride - size[0]))
        kinds = whole.view(outputs, channels, rows, stride, columns, stride).flip(2, 4).permute(1, 3, 5, 0, 2, 4)
        kernel = kinds.reshape(channels * stride**2, outputs, rows, columns).to(signal.dtype)
        back = F.pixel_shuffle(F.conv2d(signal, kernel, padding=(rows - 1, columns - 1)), stride)
        (top, left), (height, width) = ctx.padding, ctx.size
        below, right = height + top - back.shape[2], width + left - back.shape[3]
        return F.pad(back, (-left, right, -top, below)).to(ctx.dtype), None, None, None, None
