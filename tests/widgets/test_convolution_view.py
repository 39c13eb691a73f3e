"""The browser's convolutions are torch's; what the widget refuses."""

import json

import numpy as np
import pytest
import torch
from javascript import node
from torch.nn.functional import conv1d, conv2d, conv_transpose1d, conv_transpose2d

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.widgets.convolution_view import ConvolutionView
from cnnviz_widgets.widgets.tree import close_tree

CASES, SIGNALS = 200, 60


def case(rng: np.random.Generator, signal: bool) -> dict:
    """A random convolution whose output has at least one cell."""
    while True:
        kernel = rng.normal(size=(1 if signal else rng.integers(1, 6), rng.integers(1, 6)))
        pixels = rng.normal(size=(1 if signal else rng.integers(1, 13), rng.integers(1, 13)))
        if not signal and len(pixels) == len(kernel) == 1:  # that is a signal, which gets no rows of zeros
            continue
        stride, dilation = (int(rng.integers(1, 4)) for _ in range(2))
        padding = "same" if stride == 1 and rng.random() < 0.25 else int(rng.integers(0, 4))
        wide = np.array(pixels.shape) + (2 * padding if padding != "same" else 99)
        if ((np.array(kernel.shape) - 1) * dilation < wide)[int(signal) :].all():
            numbers = {"input": pixels.tolist(), "kernel": kernel.tolist()}
            return numbers | {"stride": stride, "padding": padding, "dilation": dilation}


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(("signal", "count"), [(False, CASES), (True, SIGNALS)], ids=["pictures", "signals"])
def test_the_browser_computes_what_torch_computes(signal, count):
    rng = np.random.default_rng(0)
    cases = [case(rng, signal) for _ in range(count)]
    found = json.loads(node("convolution_cases.mjs", given=json.dumps({"cases": cases, "overlaps": []})))
    convolve, transposed = (conv1d, conv_transpose1d) if signal else (conv2d, conv_transpose2d)
    for at, one in enumerate(cases):
        pixels, kernel = (torch.tensor(one[name], dtype=torch.float64) for name in ("input", "kernel"))
        pixels, kernel = (each[0] if signal else each for each in (pixels, kernel))
        how = {"stride": one["stride"], "dilation": one["dilation"]}
        theirs = convolve(pixels[None, None], kernel[None, None], padding=one["padding"], **how)[0, 0]
        theirs = theirs[None] if signal else theirs
        assert found["sizes"][at] == list(theirs.shape)
        np.testing.assert_allclose(found["outputs"][at], theirs, rtol=0, atol=1e-6)
        np.testing.assert_allclose(found["products"][at], theirs.flatten(), rtol=0, atol=1e-6)
        leaf = torch.zeros_like(pixels, requires_grad=True)  # the columns of C sum to the gradient of the output's sum
        convolve(leaf[None, None], kernel[None, None], padding=one["padding"], **how).sum().backward()
        np.testing.assert_allclose(found["columns"][at], leaf.grad.flatten(), rtol=0, atol=1e-6)
        if one["padding"] == 0:
            back = transposed(torch.ones_like(theirs.reshape(theirs.shape[int(signal) :]))[None, None],
                              kernel[None, None], **how)[0, 0]  # fmt: skip
            inside = tuple(slice(0, side) for side in back.shape)
            np.testing.assert_allclose(leaf.grad[inside], back, rtol=0, atol=1e-6)


def test_the_overlap_is_that_of_a_transposed_convolution_of_ones():
    every = [(taps, stride, n, dilation) for taps in range(1, 6) for stride in (1, 2, 3) for n in (1, 4, 7)
             for dilation in (1, 2)]  # fmt: skip
    found = json.loads(node("convolution_cases.mjs", given=json.dumps({"cases": [], "overlaps": every})))["overlaps"]
    for (taps, stride, n, dilation), ours in zip(every, found, strict=True):
        theirs = conv_transpose1d(torch.ones(1, 1, n), torch.ones(1, 1, taps), stride=stride, dilation=dilation)
        assert ours == theirs.flatten().tolist()


def test_what_it_takes():
    view = ConvolutionView(input=np.arange(16.0).reshape(4, 4), kernel=[1, 0, -1.5], padding="same")
    assert view.input[1] == [4, 5, 6, 7]
    assert view.kernel == [[1, 0, -1.5]]
    for name, wrong in {
        "input": [[1, 2], [3]], "kernel": [[float("nan")]],
        "stride": 0, "padding": "valid", "dilation": 1.5,
        "place": None,
    }.items():  # fmt: skip
        before = getattr(view, name)
        with pytest.raises(UserError, match=f"^{name} must be"):
            setattr(view, name, wrong)
        assert getattr(view, name) == before
    close_tree(view)
