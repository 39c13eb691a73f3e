"""The quicker way through convolutions, the first one above all, against torch's own, in float64."""

import threading

import pytest
import torch
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine import convolutions as engine
from cnnviz_widgets.engine.convolutions import Packed, channels_last, quick_convolutions

SHAPES = [  # kernel, stride, padding, (height, width)
    (7, 2, 3, (33, 40)),
    (7, 2, 0, (32, 41)),
    (11, 4, 2, (50, 63)),
    (3, 2, 1, (9, 8)),
    (2, 3, 0, (11, 13)),  # pixels that no unit sees
    ((5, 3), 2, (1, 2), (17, 20)),
    (1, 2, 0, (6, 7)),
]


def back(module, x, quick):
    """The gradient of a random direction, and the name of the way there."""
    x = x.clone().requires_grad_()
    if quick:
        with quick_convolutions(module):
            out = module(x)
    else:
        out = module(x)
    direction = torch.randn(out.shape, dtype=out.dtype, generator=torch.Generator().manual_seed(1))
    return torch.autograd.grad((out * direction).sum(), x)[0], out


class Own(nn.Conv2d):
    def _conv_forward(self, x, weight, bias):
        return 2 * super()._conv_forward(x, weight, bias)


@pytest.mark.parametrize(("kernel", "stride", "padding", "size"), SHAPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_gradient_is_autograds(kernel, stride, padding, size, channels):
    torch.manual_seed(0)
    convolution = nn.Conv2d(channels, 5, kernel, stride, padding, dtype=torch.float64)
    x = torch.randn(2, channels, *size, dtype=torch.float64)
    (quick, out), (usual, same) = back(convolution, x, True), back(convolution, x, False)
    assert "_Quick" in out.grad_fn.name()
    assert torch.equal(out, same)
    assert quick.shape == x.shape
    torch.testing.assert_close(quick, usual, rtol=0, atol=1e-12)


@pytest.mark.parametrize("inplace", [False, True])
def test_a_relu_may_follow_in_place(inplace):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(inplace), nn.Conv2d(8, 4, 3)).double()
    x = torch.randn(1, 3, 20, 20, dtype=torch.float64).contiguous(memory_format=torch.channels_last)
    (quick, out), (usual, same) = back(module, x, True), back(module, x, False)
    assert torch.equal(out, same)
    torch.testing.assert_close(quick, usual, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "convolution",
    [
        nn.Conv2d(3, 4, 3),
        nn.Conv2d(3, 6, 3, 2, groups=3),
        nn.Conv2d(3, 4, 3, 2, dilation=2),
        nn.Conv2d(3, 4, 3, (2, 1)),
        nn.Conv2d(3, 4, 3, 2, 1, padding_mode="reflect"),
        nn.Conv2d(8, 4, 3, 2),
        Own(3, 4, 3, 2),
    ],
    ids=str,
)
def test_others_go_their_usual_way(convolution):
    x = torch.randn(1, convolution.in_channels, 12, 12)
    (quick, out), (usual, _) = back(convolution, x, True), back(convolution, x, False)
    assert "_Quick" not in out.grad_fn.name()
    assert torch.equal(quick, usual)


def test_nothing_stays_and_other_threads_are_left_alone():
    convolution, seen = nn.Conv2d(3, 4, 3, 2), []
    x = torch.randn(1, 3, 12, 12).requires_grad_()
    with quick_convolutions(convolution):
        thread = threading.Thread(target=lambda: seen.append(convolution(x).grad_fn.name()))
        thread.start()
        thread.join()
    assert "_Quick" not in seen[0]
    assert not convolution._forward_hooks
    assert "_Quick" not in convolution(x).grad_fn.name()


def convolutions():
    torch.manual_seed(0)
    parts = [nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 6, 3), nn.Conv2d(6, 6, 3, groups=6), nn.Conv2d(6, 4, 1)]
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten()).double().eval()


def test_kernels_in_another_format_give_the_same():
    module = convolutions()
    x = torch.randn(2, 3, 20, 20, dtype=torch.float64)
    usual, same = back(module, x, False)
    kernels = channels_last(module)
    assert [*kernels] == [module[0], module[2]]  # kernels of one pixel or one channel are the same in both formats
    with quick_convolutions(module, kernels):
        out = module(leaf := x.contiguous(memory_format=torch.channels_last).requires_grad_())
        direction = torch.randn(out.shape, dtype=out.dtype, generator=torch.Generator().manual_seed(1))
        (quick,) = torch.autograd.grad((out * direction).sum(), leaf)
    torch.testing.assert_close(out, same, rtol=0, atol=1e-12)
    torch.testing.assert_close(quick, usual, rtol=0, atol=1e-12)
    assert all(part.weight.is_contiguous() for part in kernels)


LARGE = [
    nn.Conv2d(128, 256, 3, padding=1),
    nn.Conv2d(160, 192, (3, 5), padding=(0, 4), bias=False),
    nn.Conv2d(256, 128, 3, padding=2, dilation=2),
    nn.Conv2d(512, 640, 1),
]


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN")
@pytest.mark.parametrize("convolution", LARGE, ids=str)
@pytest.mark.parametrize("batch", [1, 3])
def test_kernels_in_blocks_give_the_same(convolution, batch):
    kernels = channels_last(convolution, many=True)
    assert isinstance(kernels[convolution], Packed)
    for size in ((9, 12), (14, 10)):  # the blocks are made for the first size; the second takes them, too
        x = torch.randn(batch, convolution.in_channels, *size)
        usual, same = back(convolution, x, False)
        with quick_convolutions(convolution, kernels):
            out = convolution(leaf := x.contiguous(memory_format=torch.channels_last).requires_grad_())
            direction = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
            (quick,) = torch.autograd.grad((out * direction).sum(), leaf)
        assert "_InBlocks" in out.grad_fn.name()
        assert out.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(out, same, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(quick, usual, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "convolution",
    [
        nn.Conv2d(128, 256, 3, 2),
        nn.Conv2d(512, 512, 3, groups=4),
        nn.Conv2d(128, 256, 3, padding=3),  # more than what the kernel sees: the way back is no convolution
        nn.Conv2d(128, 256, 3, padding="same"),
        nn.Conv2d(128, 256, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(128, 256, 3, dtype=torch.float64),
        nn.Conv2d(8, 8, 3),
        Own(128, 256, 3),
    ],
    ids=str,
)
def test_what_is_not_packed(convolution):
    assert not isinstance(channels_last(convolution, many=True).get(convolution), Packed)


def missing(*_):
    raise AttributeError("'_OpNamespace' 'mkldnn' object has no attribute")


def other_arguments(*_):
    raise RuntimeError("expected at most 5 arguments")


@pytest.mark.parametrize("function", [missing, other_arguments, lambda *_: torch.zeros(1, 16, 2, 2)])
@pytest.mark.parametrize("name", ["_in_blocks", "_convolved"])
def test_without_torchs_functions_for_blocks_nothing_is_packed(name, function, monkeypatch):
    """They are no public ones: another torch may have none, or others."""
    monkeypatch.setattr(engine, name, function)
    engine._can_pack.cache_clear()
    kernels = channels_last(LARGE[0], many=True)
    engine._can_pack.cache_clear()
    assert not isinstance(kernels[LARGE[0]], Packed)


def test_weights_that_change_in_a_run_count():
    run_with_other_weights(convolutions(), 2, 1e-9)


def test_weights_in_blocks_that_change_in_a_run_count():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 128, 3, 2), nn.ReLU(), nn.Conv2d(128, 256, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    ).eval()
    run_with_other_weights(module, 2, 1e-4)


def run_with_other_weights(module, changed, exactness):
    network = cnnviz.Network(module, input_size=20)
    assert network.prefers_channels_last
    run = cnnviz.optimize(network, cnnviz.objectives.logit(1), cnnviz.parametrizations.pixels(), steps=2)
    first = next(run)
    with torch.no_grad():
        network.module[changed].weight.mul_(-1.5)
    expected = float(network.logits(first.values)[1])
    assert sum(next(run).terms.values()) == pytest.approx(expected, rel=exactness)
