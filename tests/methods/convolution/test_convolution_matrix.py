"""``convolution_matrix`` against a hand, torch's convolutions and autograd."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import cnnviz_widgets as cnnviz
from cnnviz_widgets.errors import UserError

EXACT = dict(rtol=1e-12, atol=1e-12)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_by_hand():
    found = cnnviz.convolution_matrix(np.arange(1, 10).reshape(3, 3), (4, 4))
    matrix, picture = found.values, torch.arange(16, dtype=torch.float64)
    assert matrix[0].tolist() == [1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 0, 0, 0, 0]
    assert (matrix @ picture).tolist() == [303, 348, 483, 528]
    back = matrix.T @ torch.ones(4, dtype=torch.float64)
    assert back.view(4, 4).tolist() == [[1, 3, 5, 3], [5, 12, 16, 9], [11, 24, 28, 15], [7, 15, 17, 9]]
    assert found.output_shape == (2, 2)
    assert found.sparsity == 28 / 64


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(*[st.integers(1, 4)] * 2),
    st.tuples(*[st.integers(0, 5)] * 2),
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(1, 2),
)
def test_its_products_are_the_convolution_and_its_transpose(kernel, more, stride, padding, dilation):
    """The transpose: torch's transposed convolution, and the gradient that autograd finds."""
    sides = tuple(dilation * (k - 1) + 1 + m for k, m in zip(kernel, more, strict=True))
    weights, picture = random(*kernel), random(*sides, seed=1).requires_grad_()
    ways = dict(stride=stride, padding=padding, dilation=dilation)
    found = cnnviz.convolution_matrix(weights, sides, **ways)
    expected = F.conv2d(picture[None, None], weights[None, None], **ways)
    assert expected.shape[2:] == found.output_shape
    torch.testing.assert_close(found.values @ picture.detach().flatten(), expected.detach().flatten(), **EXACT)
    upstream = random(*expected.shape, seed=2)
    (gradient,) = torch.autograd.grad(expected, picture, upstream)
    back = (found.values.T @ upstream.flatten()).view(sides)
    torch.testing.assert_close(back, gradient, **EXACT)
    over = [
        side - ((there - 1) * stride - 2 * padding + dilation * (k - 1) + 1)
        for side, there, k in zip(sides, found.output_shape, kernel, strict=True)
    ]
    if max(over) < max(stride, dilation):  # what torch takes
        written = F.conv_transpose2d(upstream, weights[None, None], **ways, output_padding=tuple(over))
        torch.testing.assert_close(back, written[0, 0], **EXACT)


def test_a_signal_has_a_toeplitz_matrix():
    found = cnnviz.convolution_matrix([1, 2, 3], 5, padding="same").values
    assert found.tolist() == [[2, 3, 0, 0, 0], [1, 2, 3, 0, 0], [0, 1, 2, 3, 0], [0, 0, 1, 2, 3], [0, 0, 0, 1, 2]]
    signal = random(5)
    torch.testing.assert_close(found @ signal, cnnviz.convolve(signal, [1, 2, 3], padding="same").values, **EXACT)


@pytest.mark.parametrize(
    ("kernel", "shape", "said"),
    [
        ([1, 2, 3], (4, 4), "shape must have as many"),
        ([1, 2, 3], 2, "shape must be at least"),
        ([1], 4096, "too large"),
    ],
)
def test_what_does_not_fit(kernel, shape, said):
    with pytest.raises(UserError, match=said):
        cnnviz.convolution_matrix(kernel, shape)
