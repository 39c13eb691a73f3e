"""Tuning curves: Gabor kernels, colors in closed form, selectivity by hand."""

import math

import pytest
import torch
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.drawing.polar import BESIDE, place, polar
from cnnviz_widgets.methods.units.tuning import selectivity

SIDE = 40


def kernel_network(kernel: torch.Tensor, **how) -> cnnviz.Network:
    """A float64 network whose layer "0" is a convolution with these kernels (N, 3, k, k); units are at every pixel."""
    convolution = nn.Conv2d(3, len(kernel), kernel.shape[-1], padding=kernel.shape[-1] // 2, **how).double()
    convolution.weight.data = kernel.double()
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(len(kernel), 2).double()
    return cnnviz.Network(nn.Sequential(convolution, *head).eval(), input_size=SIDE, mean=0.0, std=1.0)


def gabor(degrees: float, period: float = 6, side: int = 15) -> torch.Tensor:
    """(3, side, side): stripes in a direction, counterclockwise from the right, under a bell."""
    down, right = torch.meshgrid(*[torch.arange(side, dtype=torch.float64) - side // 2] * 2, indexing="ij")
    turn = math.radians(degrees)
    across = -down * math.cos(turn) - right * math.sin(turn)
    bell = torch.exp(-(right**2 + down**2) / (2 * 3.5**2))
    return (bell * torch.cos(2 * math.pi * across / period)).expand(3, -1, -1)


def test_a_gabor_kernel_peaks_at_its_own_angle_and_period():
    angles = (0.0, 30.0, 75.0, 120.0)
    network = kernel_network(torch.stack([gabor(one) for one in angles]), bias=False)
    found = cnnviz.last(cnnviz.tuning(network, "0"), progress=False)
    assert found.angles.tolist() == [5.0 * at for at in range(36)]
    for channel, angle in enumerate(angles):
        one = found.of_channel(channel)
        assert one.preferred == angle
        best = one.variants[int(one.responses[channel].amax(0).argmax())]
        assert best.size == 6
        assert best.phase == 0
    fewer = cnnviz.last(cnnviz.tuning(network, "0", 1, angles=12, sizes=[6.0], phases=1), progress=False)
    torch.testing.assert_close(fewer.of_channels, found.responses[:, ::3, 1:2].amax(2), rtol=0, atol=0)


def test_an_activation_is_the_inner_product_of_kernel_and_stimulus():
    network = kernel_network(gabor(20.0)[None], bias=False)
    found = cnnviz.last(cnnviz.tuning(network, "0", angles=4, phases=2, contrast=0.5, places=3, seed=4), progress=False)
    assert found.total == len(found.variants) == 4 * 2 * 3
    picture = found.picture(45.0)
    middle, half = SIDE // 2, 7
    patch = picture[:, middle - half : middle + half + 1, middle - half : middle + half + 1].double()
    torch.testing.assert_close((patch * gabor(20.0)).sum(), found.values[1].double(), rtol=1e-6, atol=1e-6)
    assert 0.25 <= float(picture.min()) < float(picture.max()) <= 0.75
    by_network = network.activations(picture[None].double(), "0")["0"][0, 0, middle, middle]
    torch.testing.assert_close(by_network.double(), found.values[1].double(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("weights", [(1.0, 0.0, 0.0), (0.3, -0.8, 0.4), (-0.5, 0.2, 0.9)])
def test_the_hue_tuning_of_a_color_kernel_is_a_cosine(weights):
    """Of a 1×1 kernel w: w · (0.5 + 0.5 cos(h − 120° k)) = Σw / 2 + A/2 cos(h − h0)."""
    kernel = torch.tensor(weights, dtype=torch.float64)
    network = kernel_network(kernel.view(1, 3, 1, 1), bias=False)
    found = cnnviz.last(cnnviz.tuning(network, "0", 0, "color", angles=72), progress=False)
    turns = torch.tensor([0.0, 2 * math.pi / 3, 4 * math.pi / 3], dtype=torch.float64)
    x, y = (kernel * turns.cos()).sum(), (kernel * turns.sin()).sum()
    hues = torch.deg2rad(found.angles.double())
    closed = kernel.sum() / 2 + torch.hypot(x, y) / 2 * (hues - torch.atan2(y, x)).cos()
    torch.testing.assert_close(found.values.double(), closed, rtol=0, atol=1e-12)
    off = (found.preferred - math.degrees(math.atan2(y, x)) + 180) % 360 - 180
    assert abs(off) <= 2.5 + 1e-9


def test_a_curve_is_preferred_by_a_kernel_that_looks_like_it():
    like = cnnviz.last(cnnviz.tuning(kernel_network(gabor(0.0)[None]), "0", 0, "curve", angles=24, sizes=[8.0]))
    for bulge in (0.0, 105.0, 240.0):
        picture = like.picture(bulge)
        middle = SIDE // 2
        kernel = picture[:, middle - 10 : middle + 11, middle - 10 : middle + 11] - 0.5
        network = kernel_network(kernel[None], bias=False)
        found = cnnviz.last(cnnviz.tuning(network, "0", 0, "curve", angles=24, sizes=[8.0]), progress=False)
        assert found.preferred == bulge  # by Cauchy and Schwarz


def test_selectivity_by_hand():
    angles = torch.arange(36) * 5.0
    turn = torch.deg2rad(2 * angles.double())
    assert float(selectivity(1 + turn.cos(), angles, 180)) == pytest.approx(0.5, abs=1e-12)  # half of the amplitude
    assert float(selectivity(3 + turn.cos(), angles, 180)) == pytest.approx(1 / 6, abs=1e-12)
    delta = torch.zeros(36).index_fill(0, torch.tensor(7), 2.5)
    assert float(selectivity(delta, angles, 180)) == pytest.approx(1, abs=1e-12)
    assert float(selectivity(torch.ones(36), angles, 180)) == pytest.approx(0, abs=1e-12)
    assert float(selectivity(-torch.ones(36), angles, 180)) == 0
    around = torch.arange(36) * 10.0
    opposite = torch.zeros(36).index_fill(0, torch.tensor([3, 21]), 1.0)  # 30° and 210°
    assert float(selectivity(opposite, around, 360)) == pytest.approx(0, abs=1e-12)


def test_mean_and_max_are_over_what_is_not_the_angle():
    network = cnnviz.load_network("mini")
    how = dict(layer="conv2", channel=3, angles=6, phases=2, sizes=[6.0, 10.0])
    most, mean = (cnnviz.last(cnnviz.tuning(network, **how, pool=pool), progress=False) for pool in ("max", "mean"))
    torch.testing.assert_close(most.responses, mean.responses, rtol=0, atol=0)
    torch.testing.assert_close(most.of_channels, most.responses.flatten(2).max(2).values, rtol=0, atol=0)
    torch.testing.assert_close(mean.of_channels, most.responses.sum(2) / 4)
    sizes = most.by_size()
    assert list(sizes) == ["period 6 px", "period 10 px"]
    torch.testing.assert_close(torch.tensor([one for _, one in sizes.values()]).amax(0), most.values)


def test_one_pass_serves_every_channel_and_layers_without_positions():
    network = cnnviz.load_network("mini")
    how = dict(angles=4, phases=1, sizes=[10.0])
    found = cnnviz.last(cnnviz.tuning(network, "conv3", 5, **how), progress=False)
    other = cnnviz.last(cnnviz.tuning(network, "conv3", 60, **how), progress=False)
    torch.testing.assert_close(found.of_channel(60).values, other.values, rtol=0, atol=0)
    scores = cnnviz.last(cnnviz.tuning(network, "fc", 7, **how), progress=False)
    expected = network.logits(scores.picture(90.0))[7]
    torch.testing.assert_close(scores.values[2], expected.cpu(), rtol=1e-4, atol=1e-5)


def test_stimuli_are_about_the_field_of_the_unit_in_the_middle():
    """A unit's own field, shown alone on gray, gives what the whole picture gives."""
    network = cnnviz.load_network("mini")
    found = cnnviz.last(cnnviz.tuning(network, "conv2", 9, "color", angles=4, sizes=[8.0]), progress=False)
    layer = network.layer("conv2")
    left, top, right, bottom = layer.field((8, 8), (128, 128))
    picture = found.picture(0.0)
    inside = torch.zeros(128, 128, dtype=torch.bool)
    inside[top:bottom, left:right] = True
    colored = (picture - 0.5).abs().amax(0) > 0
    assert bool((inside | ~colored).all())
    row, column = colored.nonzero().double().mean(0).tolist()
    assert (row, column) == pytest.approx(((top + bottom - 1) / 2, (left + right - 1) / 2), abs=0.01)


def test_a_network_without_colors():
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    network = cnnviz.Network(module, input_size=16)
    with pytest.raises(cnnviz.UserError, match=r"stimulus must be 'grating' or 'curve'"):
        cnnviz.tuning(network, "0", 0, "color")
    assert cnnviz.last(cnnviz.tuning(network, "0", angles=4), progress=False).picture().shape == (1, 16, 16)


def test_the_number_at_the_outer_ring_stands_where_the_curve_is_far():
    """At 22.5°, 67.5°, … beyond the ring; a curve has its peak at one of these."""
    angles, between = [float(one) for one in range(0, 360, 5)], [22.5 + 45 * one for one in range(8)]
    for peak in (22.5, 67.5, 202.5):
        values = [math.exp(-(((one - peak + 180) % 360 - 180) ** 2) / 800) for one in angles]
        drawn = polar(angles, values, 360, 0, [])
        written = {}
        for angle in between:
            x, y = map(round, place(angle, BESIDE))
            written[angle] = (drawn[y - 6 : y + 7, x - 6 : x + 7] < 128).any()
        assert sum(written.values()) == 1
        (number,) = (angle for angle, there in written.items() if there)
        assert abs((number - peak + 180) % 360 - 180) >= 90
