"""Units: each call is the loop with what it says, and families differ as the paper says they do."""

import pytest
import torch
from ascent import run
from torch import nn

from cnnviz_widgets.engine.optimize import objectives as o
from cnnviz_widgets.engine.optimize import parametrizations as p
from cnnviz_widgets.engine.optimize import transforms as t
from cnnviz_widgets.engine.states import last
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.features.class_model import class_model
from cnnviz_widgets.methods.features.invert import invert
from cnnviz_widgets.methods.features.visualize import FAMILIES, diverse, interpolate, visualize
from cnnviz_widgets.networks import Network, load_network
from cnnviz_widgets.pictures import load_image


@pytest.fixture
def small() -> Network:
    module = nn.Sequential(
        nn.Conv2d(3, 8, 5, 2), nn.ReLU(), nn.Conv2d(8, 12, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 4)
    )
    return Network(module.double(), input_size=20)


def end(states):
    return last(states, progress=False)


def test_visualize_in_full(small):
    options = {"steps": 4, "seed": 3}
    by_hand = run(small, o.channel("2", 5), p.fourier(32), t.robust(), **options)
    assert torch.equal(end(visualize(small, "2", 5, size=32, **options)).values, by_hand.values)
    by_hand = run(small, -o.neuron("2", 5), p.pixels(32), **options)
    made = end(visualize(small, "2", 5, objective="neuron", negative=True, family="none", size=32, **options))
    assert torch.equal(made.values, by_hand.values)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("negative", [True, False])
def test_up_and_down(small, family, negative):
    states = list(visualize(small, "2", 1, family=family, negative=negative, size=24, steps=40))
    first, final = (float(small.activations(states[i].values, "2")["2"][1].mean()) for i in (0, -1))
    assert (final < first) == negative


def test_a_list_of_channels_is_a_grid(small):
    made = end(visualize(small, "2", [3, 0, 7], size=(16, 20), steps=3))
    assert made.values.shape == (3, 3, 16, 20)
    assert made.of == 'channel("2", [3, 0, 7])'


def test_diverse_pictures_are_less_alike(small):
    def alike(weight):
        pictures = end(diverse(small, "2", 1, 3, weight=weight, size=24, steps=60)).values
        maps = small.activations(pictures, "2")["2"].flatten(2)
        grams = nn.functional.normalize((maps @ maps.mT).flatten(1), dim=1)
        return float((grams @ grams.T).sum() - 3) / 6

    assert alike(0.9) < alike(0.0) - 0.01


def test_the_ends_of_an_interpolation_are_the_units(small):
    a, b = o.channel("2", 1), o.neuron("0", 3)
    state = end(interpolate(small, a, b, 3, size=24, steps=2))
    assert state.of == '[1, 0.5, 0] * channel("2", 1) + [0, 0.5, 1] * neuron("0", 3)'
    noise = run(small, o.l1(), p.fourier(24, 3), t.robust(), steps=1, learning_rate=0.0, optimizer="sgd")
    start = p.decoded(lambda x: x, noise.values)

    def steps(objective):
        return run(small, objective, start, steps=1, optimizer="sgd", learning_rate=1.0).parameters[0]

    both = steps(a * [1, 0.5, 0] + b * [0, 0.5, 1])
    torch.testing.assert_close(both[0], steps(a)[0])
    torch.testing.assert_close(both[2], steps(b)[2])
    torch.testing.assert_close(both[1], (steps(a)[1] + steps(b)[1]) / 2)


def test_interpolate_takes_layer_and_channel(small):
    state = end(interpolate(small, ("2", 1), ("2", 2), 2, size=24, steps=1))
    assert state.of == '[1, 0] * channel("2", 1) + [0, 1] * channel("2", 2)'


def test_families_have_less_of_the_high_frequencies():
    """Share of the power above a quarter of the sampling rate, on a trained network."""
    network = load_network("mini", device="cpu")

    def high(family):
        picture = end(visualize(network, "conv5", 12, family=family, size=64, steps=48)).values
        power = torch.fft.rfft2(picture - picture.mean((1, 2), keepdim=True)).abs().square().sum(0)
        f = torch.hypot(torch.fft.fftfreq(64)[:, None], torch.fft.rfftfreq(64))
        return float(power[f > 0.25].sum() / power.sum())

    share = {family: high(family) for family in FAMILIES}
    for family in ("frequency", "robustness", "both", "preconditioned"):
        assert share[family] < 0.6 * share["none"], share
    assert share["both"] < share["robustness"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: visualize(n, "2", 12), "channel must be a whole number from 0 to 11 in layer '2', not 12"),
        (lambda n: visualize(n, "22", 1), "no layer '22'"),
        (lambda n: visualize(n, "2", 1, objective="unit"), "objective must be one of 'channel', 'neuron', not 'unit'"),
        (lambda n: visualize(n, "2", 1, family="distil"), "family must be one of 'none', .* not 'distil'"),
        (lambda n: diverse(n, "2", 1, 1), "k must be a whole number at least 2, not 1"),
        (lambda n: interpolate(n, ("2", 1), ("2", 2), 1), "n must be a whole number at least 2, not 1"),
        (lambda n: interpolate(n, ("2", 1), ("3", 20)), "no layer|channel must be"),
    ],
)
def test_bad_input_is_one_sentence(small, call, message):
    with pytest.raises(UserError, match=message) as error:
        call(small)
    assert "\n" not in str(error.value)


def test_every_technique_begins_with_a_photograph():
    net, photo = load_network("mini"), load_image("chelsea")
    middle = photo[:, :, 75:375]  # of 300 × 451 px
    for states in (
        visualize(net, "conv5", 1, size=48, start=photo),
        diverse(net, "conv5", 1, 2, size=48, start=photo),
        interpolate(net, ("conv5", 1), ("conv5", 2), 2, size=48, start=photo),
        class_model(net, 0, size=48, start=photo),
        class_model(net, 0, "simonyan", size=48, start=photo),
        invert(net, photo, "relu2", start=photo),
    ):
        pictures = next(states).values
        for picture in pictures.reshape(-1, *pictures.shape[-3:]):
            seen = torch.stack([nn.functional.adaptive_avg_pool2d(one, 6).flatten() for one in (picture, middle)])
            assert torch.corrcoef(seen)[0, 1] > 0.95
