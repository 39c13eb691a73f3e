"""The quicker way back through the first convolution against autograd's own, in float64."""

import threading

import pytest
import torch
from torch import nn

from cnnviz_widgets.engine.convolutions import quick_convolutions

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
    ],
)
def test_others_go_their_usual_way(convolution):
    x = torch.randn(1, convolution.in_channels, 12, 12)
    assert "_Quick" not in back(convolution, x, True)[1].grad_fn.name()


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
