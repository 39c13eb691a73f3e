"""Against ``conv2d``, in tiles of every side."""

import pytest
import torch
import torch.nn.functional as F

from cnnviz_widgets.engine.incremental import tiles
from cnnviz_widgets.engine.incremental.tiles import POINTS, Tiles

ROUNDING = {3: 4.6, 4: 8.4, 5: 20}  # times that of a plain product with as many terms, on the same processor


def random(*shape):
    return torch.randn(shape, dtype=torch.float64).contiguous(memory_format=torch.channels_last)


@pytest.fixture(params=POINTS)
def side(request):
    return request.param


@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (2, 0)])
@pytest.mark.parametrize("sides", [(3, 3), (6, 7), (9, 14), (13, 4)])
def test_against_conv2d(monkeypatch, side, sides, padding):
    monkeypatch.setattr(tiles, "AT_ONCE", 100_000)  # so that five pictures are not computed at once
    torch.manual_seed(0)
    values, weight = random(5, 7, *sides), random(9, 7, 3, 3)
    expected = F.conv2d(values, weight, padding=padding)
    found = Tiles(weight, side)(values, padding)
    assert found.stride(1) == 1
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-13 * float(expected.abs().max()))


def test_a_view(side):
    whole, weight = random(2, 8, 20, 20), random(3, 4, 3, 3)
    part = whole[:, 2:6, 3:15, 1:]
    expected = F.conv2d(part, weight)
    torch.testing.assert_close(Tiles(weight, side)(part, (0, 0)), expected, rtol=0, atol=1e-12)


def rounding(side):
    torch.manual_seed(0)
    values, weight = random(4, 256, 15, 15).relu(), random(256, 256, 3, 3)
    rows, columns = values.permute(0, 2, 3, 1).reshape(-1, 256), weight[:, :, 0, 0].T.contiguous()
    plain = relative(rows.float() @ columns.float(), rows @ columns)
    return relative(Tiles(weight.float(), side)(values.float(), (0, 0)), F.conv2d(values, weight)) / plain


def relative(found, exact):
    """The size of the error, as a share of the whole."""
    return float((found - exact).norm() / exact.norm())


def test_rounding(side):
    assert rounding(side) < ROUNDING[side]


def test_the_usual_points_round_more(monkeypatch):
    monkeypatch.setitem(POINTS, 4, (0, 1, -1, 2, -2))
    tiles._transforms.cache_clear()
    try:
        assert rounding(4) > 1.5 * ROUNDING[4]
    finally:
        tiles._transforms.cache_clear()
