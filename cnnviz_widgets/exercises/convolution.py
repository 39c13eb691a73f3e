"""Chapter 01: a convolution by hand, as a matrix, and what its units see."""

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import prod
from operator import mul
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz_widgets.exercises.feedback import Wrong, check, given, number, refute, tensor
from cnnviz_widgets.exercises.question import Question
from cnnviz_widgets.methods.convolution.convolution_matrix import convolution_matrix

SIZE, KERNEL, PADDING, STRIDE, DILATION = 64, 5, 4, 2, 3  # of the output whose size is to be found


@check
def check_output_size(answer: Any) -> str:
    """answer: places along an axis of 64 px for a kernel of 5 with dilation 3, padding 4 on both sides, stride 2."""
    given(answer, "put the number in `answer`.")
    span, room = DILATION * (KERNEL - 1) + 1, SIZE + 2 * PADDING

    def places(length: int) -> int:
        return length // STRIDE + 1

    mistakes = {
        "the padding is on both sides: it counts twice.": places(SIZE + PADDING - span),
        "the padding is missing.": places(SIZE - span),
        "the window's first place counts, too: + 1.": places(room - span) - 1,
        "the dilation is missing: from the first weight to the last there are 3 · (5 − 1) + 1 places.": places(
            room - KERNEL
        ),
        "only one gap is added to the kernel: there is one behind each of its weights but the last.": places(
            room - KERNEL - DILATION
        ),
        "the stride is missing: the window moves by 2.": room - span + 1,
        "the window must stay inside: its own length is to be subtracted first.": room // STRIDE,
    }
    value = number(answer)
    if value % 1:
        raise Wrong("the window takes whole steps: what is left at the end of the axis is cut off, `//`.")
    if refute(value, places(room - span), mistakes):
        return f"(64 + 2 · 4 − 3 · (5 − 1) − 1) // 2 + 1 = {places(room - span)}."
    raise Wrong("take (in + 2 · padding − dilation · (kernel − 1) − 1) // stride + 1.")


@check
def check_conv2d(function: Callable[..., Tensor]) -> str:
    """function(image, kernel, stride, padding): what a network calls convolution; (H, W) and (h, w) to a map."""
    given(function, "write the function `my_conv2d`.")
    draw = torch.Generator().manual_seed(0)
    image, kernel = torch.rand(9, 12, generator=draw).double(), torch.randn(3, 4, generator=draw).double()
    for stride, padding in ((1, 0), (1, 2), (2, 0), (3, 1)):
        before = image.clone(), kernel.clone()
        answer = function(image, kernel, stride, padding)
        given(answer, "`my_conv2d` returns nothing yet: let it return the map.")
        if not (torch.equal(image, before[0]) and torch.equal(kernel, before[1])):
            raise Wrong("`my_conv2d` writes into what it is given: make a new tensor for the padded image.")
        _compare(answer, image, kernel, stride, padding)
    return "Four loops, and torch computes the same: you have written the layer that gave these networks their name."


def _compare(answer: Any, image: Tensor, kernel: Tensor, stride: int, padding: int) -> None:
    """Wrong, with what is wrong, unless the answer is the correlation."""

    def slid(padded: Tensor, weights: Tensor = kernel, stride: int | tuple[int, int] = stride) -> Tensor:
        return F.conv2d(padded[None, None], weights[None, None], stride=stride)[0, 0]

    around = F.pad(image, [padding] * 4)
    right = slid(around)
    mistakes = {
        "you flipped the kernel. That is the convolution of mathematics; a network lays the kernel on as it is.": slid(
            around, kernel.flip(0, 1)
        ),
        "the kernel is flipped upside down.": slid(around, kernel.flip(0)),
        "the kernel is flipped left to right.": slid(around, kernel.flip(1)),
        "the products are averaged: a convolution adds them up.": right / kernel.numel(),
        "the kernel is missing: this adds up what lies under the window.": slid(around, torch.ones_like(kernel)),
        "negative sums are cut off: there is no ReLU in a convolution.": right.clamp(min=0),
        "rows and columns of the result are swapped.": right.T,
        "the last row and the last column are missing: (in + 2 · padding − kernel) // stride + 1 places.": right[
            :-1, :-1
        ],
    }
    if padding:
        mistakes |= {
            "padding on one side only, behind the end: zeros belong on both sides.": slid(
                F.pad(image, [0, padding, 0, padding])
            ),
            "padding on one side only, before the start: zeros belong on both sides.": slid(
                F.pad(image, [padding, 0, padding, 0])
            ),
            "the padding is missing.": slid(image),
            "only the rows are padded: zeros belong on the left and on the right, too.": slid(
                F.pad(image, [0, 0, padding, padding])
            ),
            "only the columns are padded: zeros belong above and below, too.": slid(
                F.pad(image, [padding, padding, 0, 0])
            ),
            "the border is padded with copies of the edge: zeros are asked for.": slid(
                F.pad(image[None], [padding] * 4, mode="replicate")[0]
            ),
            "the border is padded with ones: zeros are asked for.": slid(F.pad(image, [padding] * 4, value=1.0)),
        }
    if stride > 1:
        dense = slid(around, stride=1)
        mistakes |= {
            "the stride is missing: the window moves by one place at a time.": dense,
            "the stride is in the rows only.": slid(around, stride=(stride, 1)),
            "the stride is in the columns only.": slid(around, stride=(1, stride)),
            "the map has the right size, but its windows lie side by side: multiply the place by the stride.": dense[
                : right.shape[0], : right.shape[1]
            ],
        }
    case = f" (stride {stride}, padding {padding})."
    numbers = hasattr(answer, "__len__") and not isinstance(answer, str)
    tried = f"Tried with stride {stride} and padding {padding}."
    if numbers and refute(answer, right, {f"{sentence} {tried}": wrong for sentence, wrong in mistakes.items()}):
        return
    values = tensor(answer, tuple(right.shape), f"the map for stride {stride} and padding {padding}")
    raise Wrong(
        f"some sums are off by {float((values - right).abs().max()):.3g}{case} At row r, column c it is the sum of "
        "`kernel * window`, where the window begins at row r · stride, column c · stride of the padded image."
    )


@check
def check_matrix(function: Callable[[Tensor, int, int], Tensor]) -> str:
    """function(kernel, height, width): the matrix C of a convolution, without padding, of an image of that size."""
    given(function, "write the function `my_matrix`.")
    kernel, height, width = torch.tensor([[1.0, 2, 3], [4, 5, 6]]).double(), 4, 5
    right = convolution_matrix(kernel, (height, width)).values
    answer = function(kernel, height, width)
    given(answer, "`my_matrix` returns nothing yet: let it return a tensor (outputs, inputs).")
    outputs, inputs = right.shape
    shapes: dict[tuple[int, ...], str] = {
        (inputs, outputs): "this is the transposed one, Cᵀ: a row for each *output*",
        (inputs, inputs): "a window that does not fit in gives no output: leave its row out",
    }
    values = tensor(answer, (outputs, inputs), "the matrix", shapes)
    flat = torch.zeros(inputs, dtype=torch.float64)  # a row of the first window, of which others are shifts
    flat[:3], flat[width : width + 3] = kernel
    dense = torch.zeros(inputs, dtype=torch.float64)
    dense[: kernel.numel()] = kernel.flatten()
    starts = [row * width + column for row in range(height - 1) for column in range(width - 2)]
    mistakes = {
        "you flipped the kernel: the network's convolution lays it on as it is.": convolution_matrix(
            kernel.flip(0, 1), (height, width)
        ).values,
        "the kernel's second row stands right behind its first: in the flattened image it is a whole row, 5 numbers, "
        "further.": torch.stack([dense.roll(start) for start in starts]),
        "each row is the one before, moved by one. At the end of an image's row the window must jump to the next, or "
        "it wraps round the border.": torch.stack([flat.roll(number) for number in range(outputs)]),
        "only ones: the weights of the kernel belong there.": (right != 0).double(),
        "the outputs are in the order of the columns: go through the places row by row.": right.view(
            height - 1, width - 2, inputs
        )
        .transpose(0, 1)
        .reshape(outputs, inputs),
        "the inputs are in the order of the columns: flatten the image row by row.": right.view(outputs, height, width)
        .transpose(1, 2)
        .reshape(outputs, inputs),
    }
    if refute(values, right, mistakes):
        zeros = float((right == 0).double().mean())
        return (
            f"Few numbers, shared and mostly 0 ({zeros:.0%} here): that is all that makes a dense layer a convolution. "
            "Its gradient is the product with `C.T`."
        )
    wrong = (values - right).abs().amax(1).nonzero()[0].item()
    raise Wrong(f"row {wrong} is not what output {divmod(wrong, width - 2)} reads.")


@check
def check_receptive_field(function: Callable[[Sequence[int], Sequence[int]], Any]) -> str:
    """function(kernels, strides): pixels along an axis that a unit of the last of these layers sees."""
    given(function, "write the function `my_field`.")
    for kernels, strides in (((3, 5), (1, 1)), ((3, 4), (2, 3)), ((7, 3, 3, 5), (2, 2, 1, 3))):
        answer = function(list(kernels), list(strides))
        given(answer, "`my_field` returns nothing yet: let it return one number.")
        jumps = [1, *accumulate(strides, mul)]  # pixels from one unit to the next, below each layer and after the last
        more = [kernel - 1 for kernel in kernels]
        right = 1 + sum(k * jump for k, jump in zip(more, jumps, strict=False))
        mistakes = {
            "the strides are missing: behind a stride of 2, one step is two pixels.": 1 + sum(more),
            "a layer's own stride does not change what *it* sees, only what the next ones do: grow the field first, "
            "then multiply the jump.": 1 + sum(k * jump for k, jump in zip(more, jumps[1:], strict=True)),
            "the sizes are added up: each layer adds kernel − 1, as its window and that of the layer below share a "
            "pixel.": sum(kernels),
            "each layer adds kernel − 1 steps, not kernel.": 1
            + sum(k * jump for k, jump in zip(kernels, jumps, strict=False)),
            "the first pixel is missing: begin with 1, not with 0.": right - 1,
            "the sizes are multiplied: they add up, as windows overlap.": prod(kernels),
            "the layers are taken from the last to the first.": 1
            + sum(k * jump for k, jump in zip(more[::-1], [1, *accumulate(strides[::-1], mul)], strict=False)),
            "the jump is what was asked in the step before: return the size of the field.": jumps[-1],
            "a jump is the *product* of the strides below, not their sum.": 1
            + sum(k * (1 + sum(strides[:at])) for at, k in enumerate(more)),
            "only the stride of the layer just below is counted: the jump is the product of all of them.": 1
            + sum(k * jump for k, jump in zip(more, [1, *strides], strict=False)),
        }
        layers = ", ".join(f"kernel {k} stride {s}" for k, s in zip(kernels, strides, strict=True))
        told = {f"{sentence} The layers: {layers}.": wrong for sentence, wrong in mistakes.items()}
        value = number(answer)
        if not refute(value, right, told):
            raise Wrong(
                f"for {layers} it must not be {value:g}: begin with 1, and let each layer add (kernel − 1) · jump."
            )
    return "Depth adds, strides multiply: that is why a network halves its maps again and again."


def ask_checkerboard() -> Question:
    """Which of four ways to enlarge a map by two leaves no checkerboard."""
    return Question(
        "A decoder is to enlarge its maps by two, without a checkerboard. Which layer do you take?",
        {
            "a": (
                "A transposed convolution with kernel 3 and stride 2.",
                "along an axis its windows overlap in every second place: 1 2 1 2 …, and in two dimensions 1, 2, 2, 4.",
            ),
            "b": (
                "A transposed convolution with kernel 5 and stride 2: large windows overlap more.",
                "more, but not evenly: 2 and 3 windows take turns. The stride must divide the kernel.",
            ),
            "c": (
                "Repeat every pixel twice, then an ordinary convolution with stride 1.",
                "With stride 1 every place is covered equally often. Kernel 4 with stride 2 overlaps evenly too, but "
                "training may still give its weights unequal shares.",
            ),
            "d": (
                "A transposed convolution with kernel 1 and stride 2.",
                "its windows leave every second place without any: 1 0 1 0 … is the worst checkerboard.",
            ),
        },
        right="c",
    )
