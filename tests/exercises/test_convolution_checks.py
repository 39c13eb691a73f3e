import pytest
import torch
import torch.nn.functional as F

from cnnviz_widgets.exercises import (
    ask_checkerboard,
    check_conv2d,
    check_matrix,
    check_output_size,
    check_receptive_field,
)

SIZES = {
    "counts twice": 28,
    "padding is missing": 26,
    "first place counts": 29,
    "dilation is missing": 34,
    "only one gap": 33,
    "stride is missing": 60,
    "own length is to be subtracted": 36,
    "whole steps": 30.5,
    "take (in": 99,
}


@pytest.mark.parametrize("says", SIZES)
def test_wrong_size(says):
    feedback = check_output_size(SIZES[says])
    assert feedback.right is False
    assert says in feedback.text


def test_right_and_missing_size():
    layer = torch.nn.Conv1d(1, 1, 5, stride=2, padding=4, dilation=3)
    assert check_output_size(layer(torch.zeros(1, 1, 64)).shape[-1])
    assert check_output_size(None).right is None


def by_loops(image, kernel, stride, padding):
    (height, width), (h, w) = image.shape, kernel.shape
    padded = torch.zeros(height + 2 * padding, width + 2 * padding, dtype=image.dtype)
    padded[padding : padding + height, padding : padding + width] = image
    rows, columns = (height + 2 * padding - h) // stride + 1, (width + 2 * padding - w) // stride + 1
    found = torch.zeros(rows, columns, dtype=image.dtype)
    for row in range(rows):
        for column in range(columns):
            top, left = row * stride, column * stride
            found[row, column] = (padded[top : top + h, left : left + w] * kernel).sum()
    return found


def slid(padded, kernel, stride=1):
    return F.conv2d(padded[None, None], kernel[None, None], stride=stride)[0, 0]


def around(image, padding, **how):
    return F.pad(image[None], [padding] * 4, **how)[0]


CONVOLUTIONS = {
    "you flipped the kernel": lambda x, k, s, p: slid(around(x, p), k.flip(0, 1), s),
    "upside down": lambda x, k, s, p: slid(around(x, p), k.flip(0), s),
    "left to right": lambda x, k, s, p: slid(around(x, p), k.flip(1), s),
    "are averaged": lambda x, k, s, p: by_loops(x, k, s, p) / k.numel(),
    "kernel is missing": lambda x, k, s, p: slid(around(x, p), torch.ones_like(k), s),
    "no ReLU": lambda x, k, s, p: by_loops(x, k, s, p).relu(),
    "columns of the result are swapped": lambda x, k, s, p: by_loops(x, k, s, p).T,
    "the last row and the last column": lambda x, k, s, p: by_loops(x, k, s, p)[:-1, :-1],
    "one side only, behind the end": lambda x, k, s, p: slid(F.pad(x, [0, p, 0, p]), k, s),
    "one side only, before the start": lambda x, k, s, p: slid(F.pad(x, [p, 0, p, 0]), k, s),
    "the padding is missing": lambda x, k, s, p: slid(x, k, s),
    "only the rows are padded": lambda x, k, s, p: slid(F.pad(x, [0, 0, p, p]), k, s),
    "only the columns are padded": lambda x, k, s, p: slid(F.pad(x, [p, p, 0, 0]), k, s),
    "copies of the edge": lambda x, k, s, p: slid(around(x, p, mode="replicate"), k, s),
    "padded with ones": lambda x, k, s, p: slid(around(x, p, value=1.0), k, s),
    "the stride is missing": lambda x, k, s, p: slid(around(x, p), k),
    "in the rows only": lambda x, k, s, p: slid(around(x, p), k, (s, 1)),
    "in the columns only": lambda x, k, s, p: slid(around(x, p), k, (1, s)),
    "lie side by side": lambda x, k, s, p: slid(around(x, p), k)[
        : by_loops(x, k, s, p).shape[0], : by_loops(x, k, s, p).shape[1]
    ],
    "writes into": lambda x, k, s, p: slid(around(x.mul_(2), p), k, s),
    "some sums are off": lambda x, k, s, p: by_loops(x, k, s, p) + 0.1,
    "has the shape": lambda x, k, s, p: by_loops(x, k, s, p)[:2],
    "the code stopped with": lambda x, k, s, p: x @ k,
    "cannot be read": lambda x, k, s, p: "map",
}


@pytest.mark.parametrize("says", CONVOLUTIONS)
def test_wrong_convolution(says):
    feedback = check_conv2d(CONVOLUTIONS[says])
    assert feedback.right is False
    assert says in feedback.text


def test_right_and_missing_convolution():
    assert check_conv2d(by_loops)
    assert check_conv2d(lambda *given: by_loops(*given).tolist())
    assert check_conv2d(lambda *_: None).right is None
    assert check_conv2d(None).right is None


def matrix(kernel, height, width):
    (h, w), rows = kernel.shape, []
    for top in range(height - h + 1):
        for left in range(width - w + 1):
            picture = torch.zeros(height, width, dtype=kernel.dtype)
            picture[top : top + h, left : left + w] = kernel
            rows.append(picture.flatten())
    return torch.stack(rows)


def shifted(kernel, height, width, dense=False):
    row = torch.zeros(height * width, dtype=kernel.dtype)
    if dense:
        row[: kernel.numel()] = kernel.flatten()
        return torch.stack([row.roll(r * width + c) for r in range(height - 1) for c in range(width - 2)])
    for number, weights in enumerate(kernel):
        row[number * width : number * width + len(weights)] = weights
    return torch.stack([row.roll(number) for number in range((height - 1) * (width - 2))])


MATRICES = {
    "you flipped the kernel": lambda k, h, w: matrix(k.flip(0, 1), h, w),
    "right behind its first": lambda k, h, w: shifted(k, h, w, dense=True),
    "wraps round the border": shifted,
    "only ones": lambda k, h, w: matrix(torch.ones_like(k), h, w),
    "outputs are in the order of the columns": lambda k, h, w: (
        matrix(k, h, w).view(h - 1, w - 2, -1).transpose(0, 1).flatten(0, 1)
    ),
    "inputs are in the order of the columns": lambda k, h, w: matrix(k, h, w).view(-1, h, w).transpose(1, 2).flatten(1),
    "the transposed one": lambda k, h, w: matrix(k, h, w).T,
    "a window that does not fit in": lambda k, h, w: torch.zeros(h * w, h * w),
    "row 2 is not what output (0, 2)": lambda k, h, w: matrix(k, h, w).index_fill(0, torch.tensor(2), 0.0),
}


@pytest.mark.parametrize("says", MATRICES)
def test_wrong_matrix(says):
    feedback = check_matrix(MATRICES[says])
    assert feedback.right is False
    assert says in feedback.text


def test_right_and_missing_matrix():
    assert check_matrix(matrix)
    assert check_matrix(lambda *_: None).right is None
    assert check_matrix(None).right is None


def field(kernels, strides, *, size=1, grow=lambda kernel: kernel - 1, late=True):
    jump = 1
    for kernel, stride in zip(kernels, strides, strict=True):
        jump *= 1 if late else stride
        size += grow(kernel) * jump
        jump *= stride if late else 1
    return size


def summed(kernels, strides):
    size, jump = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        size, jump = size + (kernel - 1) * jump, jump + stride
    return size


FIELDS = {
    "the strides are missing": lambda k, s: field(k, [1] * len(s)),
    "a layer's own stride": lambda k, s: field(k, s, late=False),
    "the sizes are added up": lambda k, s: sum(k),
    "kernel − 1 steps": lambda k, s: field(k, s, grow=lambda kernel: kernel),
    "the first pixel is missing": lambda k, s: field(k, s, size=0),
    "the sizes are multiplied": lambda k, s: k[0] * k[1],
    "from the last to the first": lambda k, s: field(k[::-1], s[::-1]),
    "return the size": lambda k, s: torch.tensor(s).prod(),
    "not their sum": summed,
    "the layer just below": lambda k, s: 1 + sum((one - 1) * jump for one, jump in zip(k, [1, *s], strict=False)),
    "it must not be": lambda k, s: 1000,
    "one number is asked for": lambda k, s: "wide",
}


@pytest.mark.parametrize("says", FIELDS)
def test_wrong_field(says):
    feedback = check_receptive_field(FIELDS[says])
    assert feedback.right is False
    assert says in feedback.text


def test_right_and_missing_field():
    assert check_receptive_field(field)
    assert check_receptive_field(lambda *_: None).right is None
    assert check_receptive_field(None).right is None


def test_the_question():
    asked = ask_checkerboard()
    assert asked.feedback.right is None
    for answer, right in {"a": False, "b": False, "c": True, "d": False}.items():
        asked.answer = answer
        assert asked.feedback.right is right
