"""Presets do what their papers say, and what they make is what the network takes for the class."""

import pytest
import torch
from ascent import run
from benchmarks.made_pictures import probabilities
from torch import nn

from cnnviz_widgets.engine.optimize import objectives as o
from cnnviz_widgets.engine.optimize import operators
from cnnviz_widgets.engine.optimize import parametrizations as p
from cnnviz_widgets.engine.optimize import transforms as t
from cnnviz_widgets.engine.states import last
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.features.class_model import RECIPES, class_model
from cnnviz_widgets.networks import Network, load_network


@pytest.fixture
def small() -> Network:
    module = nn.Sequential(
        nn.Conv2d(3, 8, 5, 2), nn.ReLU(), nn.Conv2d(8, 12, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(12, 4),
    )  # fmt: skip
    return Network(module.double(), input_size=20, classes=["ant", "bee", "cat", "dog"])


def same(a, b):
    assert torch.equal(last(a, progress=False).values, last(b, progress=False).values)


def test_simonyan_in_full(small):
    by_hand = run(
        small, o.logit("bee") - 1e-3 * o.l2(), p.pixels(sd=0.0), steps=5, optimizer="normalized", learning_rate=0.015
    )
    assert torch.equal(last(class_model(small, "bee", "simonyan", steps=5), progress=False).values, by_hand.values)


def test_cs231n_in_full(small):
    by_hand = run(
        small, o.logit(2) - 1e-3 * o.l2(), p.pixels(24, 2, sd=0.01), [t.jitter(16, wrap=True)], steps=12, seed=4,
        optimizer="normalized", learning_rate=0.015, after=[operators.blur(0.5, 10)],
    )  # fmt: skip
    made = last(class_model(small, 2, "cs231n", size=24, batch=2, steps=12, seed=4), progress=False)
    assert torch.equal(made.values, by_hand.values)


@pytest.mark.parametrize(
    ("preset", "after"),
    [
        ("yosinski-1", [operators.blur(0.5, 4), operators.clip_small_norms(0.5)]),
        ("yosinski-2", [operators.decay(0.3), operators.clip_small_norms(0.2)]),
        ("yosinski-3", [operators.decay(1e-4), operators.blur(1.0, 4)]),
        ("yosinski-4", [operators.blur(0.5, 4), operators.clip_small_contributions(0.9)]),
    ],
)
def test_yosinski_in_full(small, preset, after):
    by_hand = run(
        small, o.logit(0), p.pixels(sd=10 / 255), steps=8, optimizer=RECIPES[preset].optimizer,
        learning_rate=RECIPES[preset].learning_rate, after=after,
    )  # fmt: skip
    assert torch.equal(last(class_model(small, 0, preset, steps=8), progress=False).values, by_hand.values)


@pytest.mark.parametrize("preset", RECIPES)
def test_a_trained_network_likes_it_better_than_nothing(preset):
    network = load_network("mini", device="cpu")
    made = last(class_model(network, "monarch", preset, size=64, steps=40), progress=False).values
    nothing = torch.tensor(network.mean)[:, None, None].expand_as(made)
    wanted = network.class_index("monarch")
    before, after = network.forward(network.normalize(torch.stack([nothing, made])))[0][:, wanted]
    assert after > before + 1


def test_changes_of_a_preset(small):
    same(class_model(small, 0, "cs231n", jitter=0, l2=0.0, steps=6), class_model(small, 0, blur=0.5, blur_every=10,
         picture="pixels", optimizer="normalized", learning_rate=0.015, fading=1.0, pad=0, jitter=0, scale=0.0,
         rotate=0.0, soften=0.0, color=0.0, flip=False, l2=0.0, steps=6))  # fmt: skip


def test_several_classes_in_one_run(small):
    together = last(class_model(small, ["bee", 3], "simonyan", steps=5), progress=False)
    for picture, target in zip(together.values, ("bee", 3), strict=True):
        alone = last(class_model(small, target, "simonyan", steps=5), progress=False).values
        torch.testing.assert_close(picture, alone)


def test_it_goes_on(small):
    whole = list(class_model(small, 1, steps=8, snapshots=[2]))
    rest = last(class_model(small, 1, steps=8, snapshots=[2], start=whole[3]), progress=False)
    assert torch.equal(rest.values, whole[-1].values)
    assert list(rest.snapshots) == [2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: class_model(n, "gnu"), "gnu"),
        (lambda n: class_model(n, 0, "simonjan"), "preset must be one of 'simonyan', .* not 'simonjan'"),
        (lambda n: class_model(n, 0, l3=1), "unknown option 'l3'; a recipe has picture, sd"),
        (lambda n: class_model(n, 0, picture="cppn"), "picture must be one of 'pixels', 'fourier', not 'cppn'"),
        (lambda n: class_model(n, 0, steps=0), "steps must be"),
        (lambda n: class_model(n, 0, batch=0), "batch must be"),
        (lambda n: class_model(n, 0, small_norms=2), "share must be a number 0…1, not 2"),
    ],
)
def test_bad_input_is_one_sentence(small, call, message):
    with pytest.raises(UserError, match=message) as error:
        call(small)
    assert "\n" not in str(error.value)


def least(network, name, **options):
    """The smallest probability of the class under changes that its model was not optimized with."""
    picture = last(class_model(network, name, **options), progress=False).values
    return min(probabilities(network, picture, name).values())


def test_the_network_takes_it_for_the_class_also_moved_in_other_ways():
    assert least(load_network("mini", device="cpu"), "goldfish", steps=64, size=96) > 0.95


def test_a_real_class_model(real_squeezenet):
    assert least(real_squeezenet, "dalmatian", steps=96, size=128) > 0.95
