"""Convolutions of a gradient step, quicker than torch's own on a CPU.

Their kernels may be copied once to the memory format in which they are read, for many passes. And the backward pass of
the first convolution takes most of the time of a step.

On a CPU the usual one treats the few channels of a picture as if they were many. With stride s, the pixels that are a
rows and b columns beyond a multiple of s are met by every s-th weight only: what comes back to all s² kinds of
pixels is one small convolution of the signal with stride 1, whose channels are then laid out among each other.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnviz_widgets.engine.exchanged import Exchanged
from cnnviz_widgets.networks.held import parts_of

LARGE = 2**18  # weights, from which on to reorder them takes clearly longer than a call of Python


class Packed:
    """Kernels of a convolution in the blocks in which oneDNN reads them for inputs of the size that came first.

    there, back  from the input to the output, and from the gradient there to that of the input
    """

    there: Tensor | None = None
    back: Tensor | None = None


Kernels = Mapping[nn.Module, Tensor | Packed]


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


def channels_last(module: nn.Module, *, many: bool = False) -> Kernels:
    """The kernels of its convolutions, copied to the memory format of pictures that are quickest to compute.

    In another one they are reordered in every pass, which takes about as long as the pass over one picture.

    many  for many passes: the large ones of stride 1 are copied to oneDNN's own blocks, in the first of these passes.
          Others it reorders to them in every pass, also channels last: a tenth of ResNet-18's time for one picture
    """
    kernels: dict[nn.Module, Tensor | Packed] = {}
    for part in parts_of(module):
        if not isinstance(part, nn.Conv2d):  # others, of TorchScript, have no such dictionary
            continue
        kernel = part._parameters.get("weight")
        if kernel is None or kernel is not part.weight:
            continue
        if many and _packs(part, kernel):
            kernels[part] = Packed()
        elif kernel[0, 0].numel() > 1 and not kernel.is_contiguous(memory_format=torch.channels_last):
            kernels[part] = kernel.detach().clone(memory_format=torch.channels_last)
    return kernels


def _packs(part: nn.Conv2d, kernel: Tensor) -> bool:
    """With stride 1, the way back is a convolution, too: with the kernel turned round."""
    taken = kernel.dtype == torch.float32 and kernel.device.type == "cpu" and kernel.numel() >= LARGE
    return taken and _is_plain(part) and part.stride == (1, 1) and min(_padding_back(part)) >= 0 and _can_pack()


@cache
def _can_pack() -> bool:
    """Whether this torch has oneDNN, and its functions for blocks, which are no public ones, answer as expected."""
    part, kernel = nn.Conv2d(16, 16, 1, device="meta"), 2 * torch.eye(16)[:, :, None, None]  # no random numbers drawn
    x = torch.ones(1, 16, 2, 2).contiguous(memory_format=torch.channels_last)
    try:
        answer = _convolved(x, _in_blocks(kernel, part, [0, 0], x.shape), None, [0, 0], part)
    except (AttributeError, RuntimeError, TypeError):
        return False
    return torch.equal(answer, 2 * x)


def _padding(part: nn.Conv2d) -> list[int]:
    return [int(one) for one in part.padding]


def _padding_back(part: nn.Conv2d) -> list[int]:
    sides = zip(part.kernel_size, part.dilation, _padding(part), strict=True)
    return [(size - 1) * apart - padding for size, apart, padding in sides]


def _is_plain(part: nn.Conv2d) -> bool:
    """Whether it is what its numbers say: some classes do more."""
    usual = type(part)._conv_forward is nn.Conv2d._conv_forward and part.padding_mode == "zeros"
    return usual and part.groups == 1 and isinstance(part.padding, tuple)


def _gains(part: nn.Conv2d) -> bool:
    stride = part.stride[0] > 1 and part.stride[0] == part.stride[1]
    return _is_plain(part) and stride and part.dilation == (1, 1) and part.in_channels <= 4


def _forward(part: nn.Conv2d, x: Tensor) -> Tensor:
    kernel = _here.kernels.get(part, part.weight)
    if isinstance(kernel, Packed):
        if x.ndim == 4 and x.dtype == torch.float32:
            return _InBlocks.apply(x, kernel, part)
        kernel = part.weight
    output = part._conv_forward(x, kernel, part.bias)
    if part is _here.first and output.requires_grad and output.device.type == "cpu" and output.ndim == 4:
        quick = _Quick.apply(x, kernel, [output], part.stride[0], part.padding)
        for hook in (output._backward_hooks or {}).values():  # of those who wait for the gradient of the output
            quick.register_hook(hook)
        return quick
    return output


_exchanged = Exchanged(nn.Conv2d, _forward)


class _InBlocks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Packed, part: nn.Conv2d) -> Tensor:
        ctx.kernel, ctx.part = kernel, part
        if kernel.there is None:
            kernel.there = _in_blocks(part.weight.detach(), part, _padding(part), x.shape)
        return _convolved(x, kernel.there, part.bias, _padding(part), part)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, signal: Tensor) -> tuple[Tensor, None, None]:
        kernel, part, padding = ctx.kernel, ctx.part, _padding_back(ctx.part)
        signal = signal.contiguous(memory_format=torch.channels_last)
        if kernel.back is None:
            turned = part.weight.detach().transpose(0, 1).contiguous().flip(2, 3)
            kernel.back = _in_blocks(turned, part, padding, signal.shape)
        return _convolved(signal, kernel.back, None, padding, part), None, None


def _in_blocks(kernel: Tensor, part: nn.Conv2d, padding: Sequence[int], size: torch.Size) -> Tensor:
    reorder = torch.ops.mkldnn._reorder_convolution_weight
    return reorder(kernel.contiguous(), padding, part.stride, part.dilation, 1, size)


def _convolved(x: Tensor, kernel: Tensor, bias: Tensor | None, padding: Sequence[int], part: nn.Conv2d) -> Tensor:
    convolve = torch.ops.mkldnn._convolution_pointwise  # torch.mkldnn_convolution answers with its channels first
    return convolve(x, kernel, bias, padding, part.stride, part.dilation, 1, "none", [], "")


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
