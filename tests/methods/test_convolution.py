"""Against ``conv2d``. The tiles have tests of their own."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from cnnviz_widgets.engine.incremental import tiles
from cnnviz_widgets.engine.incremental.convolution import Convolution

PLAIN = {"stride": (1, 1), "dilation": (1, 1), "groups": 1}


def random(*shape, dtype=torch.float64):
    return torch.randn(shape, dtype=dtype).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (2, 0), (5, 3)])
def test_in_tiles(monkeypatch, padding):
    for cost in ("MULTIPLY", "STEP", "TOUCH", "READ", "MAKE"):
        monkeypatch.setattr(tiles, cost, 0)
    torch.manual_seed(0)
    values, weight, bias = random(5, 7, 9, 14), random(9, 7, 3, 3), torch.randn(9, dtype=torch.float64)
    for bias_or_none in (bias, None):
        convolve = Convolution(weight, bias_or_none, **PLAIN)
        expected = F.conv2d(values, weight, bias_or_none, padding=padding)
        torch.testing.assert_close(convolve(values, padding), expected, rtol=0, atol=1e-12)
        without_bias = F.conv2d(values, weight, padding=padding)
        torch.testing.assert_close(convolve.changed(values, padding), without_bias, rtol=0, atol=1e-12)


def flops(work):
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


@pytest.mark.parametrize("side", [7, 8, 9, 10, 12, 15, 16])
def test_many_channels_are_worth_it(side):
    values, weight = (random(*shape, dtype=torch.float32) for shape in [(16, 512, side, side), (512, 512, 3, 3)])
    convolve = Convolution(weight, None, **PLAIN)
    convolve(values, (2, 2))  # makes the kernels
    assert flops(lambda: convolve(values, (2, 2))) < 0.35 * flops(lambda: F.conv2d(values, weight, padding=2))


def test_kernels_are_made_once_they_pay():
    values, weight = (random(*shape, dtype=torch.float32) for shape in [(16, 256, 4, 4), (256, 256, 3, 3)])
    convolve = Convolution(weight, None, **PLAIN)
    plain = flops(lambda: F.conv2d(values, weight, padding=2))
    each = [flops(lambda: convolve(values, (2, 2))) for _ in range(12)]
    assert each[0] == each[1] == plain
    assert each[-1] < 0.5 * plain


def test_few_channels_are_not():
    values, weight = (random(*shape, dtype=torch.float32) for shape in [(16, 16, 12, 12), (16, 16, 3, 3)])
    found = Convolution(weight, None, **PLAIN)(values, (1, 1))
    assert torch.equal(found, F.conv2d(values, weight, padding=1))


@pytest.mark.parametrize(
    ("sides", "padding", "how"),
    [((9, 12), (0, 0), {}), ((9, 12), (1, 1), {}), ((9, 12), (2, 2), {}), ((9, 12), (0, 2), {"dilation": (2, 1)})],
)
def test_cost(sides, padding, how):
    """How many values each weight meets, apart from the zeros around them; with a padding of 1, some more."""
    weight = random(4, 3, 3, 3)
    ones = torch.ones(1, 3, *sides, dtype=torch.float64)
    met = F.conv2d(ones, torch.ones_like(weight), padding=padding, **how).sum()
    cost = Convolution(weight, None, **{**PLAIN, **how}).cost(1, sides, padding)
    assert float(met) <= cost <= 1.2 * float(met)


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
