"""Against ``conv2d``."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from cnnviz_widgets.methods.passes.incremental import convolution
from cnnviz_widgets.methods.passes.incremental.convolution import Convolution

PLAIN = {"stride": (1, 1), "dilation": (1, 1), "groups": 1}


def random(*shape, dtype=torch.float64):
    return torch.randn(shape, dtype=dtype).contiguous(memory_format=torch.channels_last)


@pytest.fixture
def always_in_tiles(monkeypatch):
    for cost in ("TRANSFORM", "MULTIPLY", "READ"):
        monkeypatch.setattr(convolution, cost, 0)


@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (2, 0), (5, 3)])
@pytest.mark.parametrize("sides", [(3, 3), (6, 7), (9, 14), (13, 4)])
def test_in_tiles(always_in_tiles, monkeypatch, sides, padding):
    monkeypatch.setattr(convolution, "AT_ONCE", 100_000)  # so that five pictures are not computed at once
    torch.manual_seed(0)
    values, weight, bias = random(5, 7, *sides), random(9, 7, 3, 3), torch.randn(9, dtype=torch.float64)
    for bias_or_none in (bias, None):
        found = Convolution(weight, bias_or_none, **PLAIN)(values, padding)
        expected = F.conv2d(values, weight, bias_or_none, padding=padding)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-13 * float(expected.abs().max()))


def test_a_view_in_tiles(always_in_tiles):
    whole, weight = random(2, 8, 20, 20), random(3, 4, 3, 3)
    part = whole[:, 2:6, 3:15, 1:]
    torch.testing.assert_close(Convolution(weight, None, **PLAIN)(part), F.conv2d(part, weight), rtol=0, atol=1e-12)


def test_rounding_in_tiles(always_in_tiles):
    """Eight units in the last place: the points 0, ±1, ±2, which are the usual ones, round twice as much."""
    torch.manual_seed(0)
    values, weight = random(4, 256, 14, 14).relu(), random(256, 256, 3, 3)
    exact = F.conv2d(values, weight)
    error = Convolution(weight.float(), None, **PLAIN)(values.float()) - exact
    assert float(error.norm() / exact.norm()) < 10 * torch.finfo(torch.float32).eps


def flops(work):
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def test_many_channels_are_worth_it():
    values, weight = random(16, 512, 16, 16, dtype=torch.float32), random(512, 512, 3, 3, dtype=torch.float32)
    convolve = Convolution(weight, None, **PLAIN)
    assert flops(lambda: convolve(values, (1, 1))) < 0.35 * flops(lambda: F.conv2d(values, weight, padding=1))


@pytest.mark.parametrize(
    ("shape", "how"),
    [
        ((16, 8, 3, 3), {}),
        ((512, 512, 3, 3), {"stride": (2, 2)}),
        ((512, 512, 3, 3), {"dilation": (1, 2)}),
        ((512, 256, 3, 3), {"groups": 2}),
        ((512, 512, 5, 5), {}),
    ],
)
def test_all_else_is_a_plain_convolution(shape, how):
    how = {**PLAIN, **how}
    values, weight = random(4, shape[1] * how["groups"], 16, 16, dtype=torch.float32), random(*shape).float()
    assert torch.equal(Convolution(weight, None, **how)(values, (1, 1)), F.conv2d(values, weight, padding=1, **how))
