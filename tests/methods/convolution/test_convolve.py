"""``convolve`` against numpy, scipy and torch, which have nothing of it, and against what a hand computes."""

import numpy as np
import pytest
import scipy.signal
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import cnnviz_widgets as cnnviz
from cnnviz_widgets.errors import UserError

THIRDS = [1 / 3] * 3
SOBEL = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
EXACT = dict(rtol=1e-12, atol=1e-12)


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_by_hand():
    signal = [3, 6, 9, 3, 0, 6]
    assert cnnviz.convolve(signal, THIRDS).values.tolist() == pytest.approx([6, 6, 4, 3], abs=1e-12)
    same = cnnviz.convolve(signal, THIRDS, padding="same").values.tolist()
    assert same == pytest.approx([3, 6, 6, 4, 3, 2], abs=1e-12)
    assert cnnviz.convolve([1, 2, 3, 4], [1, 0, -1]).values.tolist() == [-2, -2]
    assert cnnviz.convolve([1, 2, 3, 4], [1, 0, -1], flip=True).values.tolist() == [2, 2]
    edges = cnnviz.convolve(np.arange(25).reshape(5, 5), SOBEL, stride=2, padding=1).values
    assert edges.tolist() == [[8, 6, -14], [44, 8, -52], [58, 6, -64]]


@pytest.mark.parametrize(
    ("size", "kernel", "padding", "stride", "dilation", "expected"), [(224, 11, 2, 4, 1, 55), (10, 3, 0, 1, 3, 4)]
)
def test_sizes(size, kernel, padding, stride, dilation, expected):
    found = cnnviz.convolve(np.zeros(size), np.ones(kernel), stride, padding, dilation)
    assert found.values.shape == (expected,)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.integers(1, 20), st.sampled_from(["valid", "same"]), st.integers(0, 99))
def test_flipped_is_numpys_convolution(kernel, more, padding, seed):
    signal, weights = random(kernel + more, seed=seed), random(kernel, seed=seed + 1)
    found = cnnviz.convolve(signal, weights, padding=padding, flip=True)
    np.testing.assert_allclose(found.values, np.convolve(signal, weights, padding), **EXACT)


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.integers(1, 6)] * 2), st.tuples(*[st.integers(0, 9)] * 2), st.booleans(), st.integers(0, 99))
def test_an_image_is_what_scipy_finds(kernel, more, flip, seed):
    image = random(*(k + m for k, m in zip(kernel, more, strict=True)), seed=seed)
    weights = random(*kernel, seed=seed + 1)
    peer = scipy.signal.convolve2d if flip else scipy.signal.correlate2d
    found = cnnviz.convolve(image, weights, flip=flip)
    np.testing.assert_allclose(found.values, peer(image, weights, "valid"), **EXACT)


@settings(max_examples=80, deadline=None)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 14), st.integers(1, 14)),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.integers(1, 4),
    st.one_of(st.integers(0, 4), st.just("valid")),
    st.integers(1, 3),
)
def test_a_networks_kernel_is_a_sum_over_its_window(shape, kernel, stride, padding, dilation):
    """By loops over places, weights and channels; and where it does not fit, that is said."""
    image, weights = random(*shape), random(shape[0], *kernel, seed=1)
    zeros = 0 if padding == "valid" else padding
    padded = np.pad(image, ((0, 0), (zeros, zeros), (zeros, zeros)))
    spans = [dilation * (k - 1) + 1 for k in kernel]
    if any(span > side for span, side in zip(spans, padded.shape[1:], strict=True)):
        with pytest.raises(UserError, match="kernel"):
            cnnviz.convolve(image, weights, stride, padding, dilation)
        return
    rows, columns = (range(0, side - span + 1, stride) for side, span in zip(padded.shape[1:], spans, strict=True))
    expected = [
        [
            sum(
                weights[c, i, j] * padded[c, top + i * dilation, left + j * dilation]
                for c in range(shape[0])
                for i in range(kernel[0])
                for j in range(kernel[1])
            )
            for left in columns
        ]
        for top in rows
    ]
    found = cnnviz.convolve(image, weights, stride, padding, dilation)
    np.testing.assert_allclose(found.values, expected, **EXACT)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 7), st.integers(1, 3), st.integers(0, 20))
def test_same_is_torchs(kernel, dilation, more):
    signal, weights = torch.from_numpy(random(kernel + more)), torch.from_numpy(random(kernel, seed=1))
    found = cnnviz.convolve(signal, weights, padding="same", dilation=dilation)
    expected = F.conv1d(signal[None, None], weights[None, None], padding="same", dilation=dilation)[0, 0]
    torch.testing.assert_close(found.values, expected, rtol=1e-12, atol=1e-12)
    strided = cnnviz.convolve(signal, weights, stride=2, padding="same", dilation=dilation)
    assert torch.allclose(strided.values, expected[::2], rtol=1e-12, atol=1e-12)


def test_a_kernel_goes_over_each_channel_by_itself():
    image, weights = random(3, 8, 9), random(3, 3, seed=1)
    found = cnnviz.convolve(image, weights, padding="same")
    assert found.values.shape == (3, 8, 9)
    for channel, plane in enumerate(image):
        np.testing.assert_allclose(found.values[channel], scipy.signal.correlate2d(plane, weights, "same"), **EXACT)


def test_is_drawn_as_a_picture_where_its_weights_add_up_to_1():
    photo = torch.rand(3, 8, 9, generator=torch.Generator().manual_seed(0))
    sharpen, edges = [[0, -1, 0], [-1, 5, -1], [0, -1, 0]], SOBEL
    colors = cnnviz.convolve(photo, sharpen).content()
    assert colors.picture.shape == (6, 7, 3)
    assert colors.values is None
    gray = cnnviz.convolve(photo[0], sharpen).content()
    expected = (scipy.signal.correlate2d(photo[0], sharpen, "valid").clip(0, 1) * 255).round()
    assert np.abs(gray.picture[..., 0] - expected).max() <= 1
    signed = cnnviz.convolve(photo[0], edges).content()
    assert signed.signed
    np.testing.assert_allclose(signed.values, cnnviz.convolve(photo[0], edges).values, rtol=1e-6)


def test_parameters_against_a_dense_layer():
    found = cnnviz.convolve(torch.zeros(600, 800), torch.ones(5, 5), padding="same")
    assert found.parameters == 25
    assert found.dense_parameters_per_output == 480_000
    assert found.dense_parameters == torch.nn.Linear(1, 1, bias=False).weight.numel() * 480_000**2
    small = cnnviz.convolve(torch.zeros(3, 4, 4), torch.ones(3, 3, 3))
    dense = torch.nn.Linear(3 * 4 * 4, 2 * 2, bias=False)
    assert small.dense_parameters == dense.weight.numel()
    assert small.dense_parameters_per_output == dense.in_features


@pytest.mark.parametrize("flip", [False, True])
def test_says_which_of_the_two_it_is(flip):
    found = cnnviz.convolve([1, 2, 3], [1, 2], flip=flip)
    assert ("flipped" in found.convention) is flip
    assert ("correlation" in found.convention) is not flip
    assert found.flipped is flip


@pytest.mark.parametrize(
    ("signal", "kernel", "said"),
    [
        ([1, 2], [1, 2, 3], "kernel"),
        ([1, 2, 3], [[1, 2]], "fit"),
        (np.zeros((2, 5, 5)), np.zeros((3, 2, 2)), "fit"),
        ([[1, 2], [3]], [1], "signal must be numbers"),
        ([1, float("nan")], [1], "finite"),
        ([True, False], [1], "signal must be numbers"),
    ],
)
def test_what_does_not_fit(signal, kernel, said):
    with pytest.raises(UserError, match=said):
        cnnviz.convolve(signal, kernel)
