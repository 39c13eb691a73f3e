"""Gram matrices, moments and colors: by hand, by numpy, by finite differences."""

import numpy as np
import pytest
import torch
from torch import nn

from cnnviz_widgets import Network, gatys_layer_loss, gram, last, moments, objectives, optimize, parametrizations
from cnnviz_widgets.engine.optimize.objectives.statistics import gram_matrices, mean_and_deviation
from cnnviz_widgets.errors import UserError

F = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [1.0, 0.0]]], dtype=torch.float64)
MAPS = torch.rand(2, 5, 6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_a_gram_by_hand():
    assert gram(F).tolist() == [[7.5, 1.25], [1.25, 0.5]]
    assert gram(F, torch.eye(2)).tolist() == [[8.5, 0], [0, 0]]


def test_grams_by_numpy():
    for order in (torch.contiguous_format, torch.channels_last):
        found = gram(MAPS.contiguous(memory_format=order))
        for one, maps in zip(found, MAPS.numpy(), strict=True):
            flat = maps.reshape(5, -1)
            np.testing.assert_allclose(one, np.dot(flat, flat.T) / 42, rtol=1e-13)


def test_masks_that_add_up_to_one_share_the_whole_gram():
    masks = torch.rand(3, 6, 7, dtype=torch.float64).softmax(0)
    parts = sum(mask.sum() * gram(MAPS, mask) for mask in masks) / 42
    torch.testing.assert_close(parts, gram(MAPS), rtol=1e-12, atol=0)


def test_where_things_are_does_not_matter():
    places = torch.randperm(42)
    shuffled = MAPS.flatten(2)[..., places].reshape(MAPS.shape)
    torch.testing.assert_close(gram(shuffled), gram(MAPS), rtol=1e-12, atol=0)


@pytest.mark.parametrize("mask", [None, torch.rand(6, 7, dtype=torch.float64)])
def test_the_gradients_are_those_of_finite_differences(mask):
    maps = MAPS.clone().requires_grad_()
    free = torch.rand(2, 5, 5, dtype=torch.float64)  # the way back may not lean on its being symmetric
    assert torch.autograd.gradcheck(lambda x: (gram_matrices(x, mask) * free).sum((1, 2)), maps)
    assert torch.autograd.gradcheck(lambda x: mean_and_deviation(x, mask), maps)


def test_moments_are_those_of_instance_normalization():
    mean, std = moments(MAPS)
    torch.testing.assert_close(mean, MAPS.mean((2, 3)))
    torch.testing.assert_close(std, MAPS.std((2, 3), correction=0))
    one = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]], dtype=torch.float64)
    expected = torch.tensor([-1.3416407865, -0.4472135955, 0.4472135955, 1.3416407865], dtype=torch.float64)
    for maps in (one, 10 * one + 3):
        found = moments(maps, torch.zeros(1), torch.ones(1)).flatten()
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_moments_can_be_given():
    mean, std = torch.rand(2, 2, 5, dtype=torch.float64)
    found = moments(moments(MAPS, mean, std))
    torch.testing.assert_close(found, (mean, std), rtol=1e-9, atol=1e-9)
    flat = torch.ones(3, 4, 4)
    assert torch.equal(
        moments(flat, torch.arange(3.0), torch.ones(3)), torch.arange(3.0)[:, None, None].expand(3, 4, 4)
    )


def test_the_loss_of_the_paper():
    style = torch.rand(5, 4, 4, dtype=torch.float64)
    a, b = (np.dot(x.reshape(5, -1), x.reshape(5, -1).T) for x in (MAPS[0].numpy(), style.numpy()))
    assert float(gatys_layer_loss(MAPS[0], style)) == pytest.approx(
        ((a - b) ** 2).sum() / (4 * 5**2 * 42**2), rel=1e-12
    )


@pytest.fixture
def network():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 5, 3, padding=1), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4)
    )
    return Network(module.double().eval(), input_size=12, classes=list("abcd"))


def value(network, term, picture):
    """Of a term at a picture, just before the first step."""
    start = parametrizations.pixels(tuple(picture.shape[-2:]))
    return next(iter(next(optimize(network, term, start, start=picture, steps=1, learning_rate=0)).terms.values()))


@pytest.mark.parametrize("name", ["gram", "moments", "color"])
def test_terms_are_relative(network, name):
    """0 where it is reached; 1 away where the statistics are nothing."""
    style = torch.rand(3, 12, 12, dtype=torch.float64)
    if name == "color":
        term, same = objectives.color(style), style[:, :, torch.randperm(12)]
        assert value(network, term, same) == pytest.approx(0, abs=1e-12)
        assert value(network, term, torch.zeros(3, 8, 8, dtype=torch.float64)) == pytest.approx(-1, abs=1e-9)
    else:
        maps = network.activations(style, "1")["1"]
        term = getattr(objectives, name)("1", maps)
        assert value(network, term, style) == pytest.approx(0, abs=1e-12)
        assert value(network, 3 * term, style.flip(1)) < 0


def test_terms_are_as_large_where_activations_are_small():
    module = nn.Conv2d(3, 5, 3, bias=False).double()
    style, other = torch.rand(2, 3, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = []
    for _ in range(2):
        network = Network(nn.Sequential(module, nn.AdaptiveAvgPool2d(1), nn.Flatten()), input_size=12)
        maps = network.activations(style, "0")["0"]
        found.append([value(network, term("0", maps), other) for term in (objectives.gram, objectives.target_features)])
        module.weight.data *= 1e-7
    assert found[1] == pytest.approx(found[0], rel=1e-6)


def test_colors_of_black_are_not_divided_by_nothing(network):
    black, half = torch.zeros(3, 12, 12, dtype=torch.float64), torch.full((3, 12, 12), 0.5, dtype=torch.float64)
    assert value(network, objectives.color(black), half) == pytest.approx(-3 * 0.25, abs=1e-6)
    assert value(network, objectives.color(black), black) == 0


@pytest.mark.parametrize("picture", [torch.full((3, 12, 12), 0.5), torch.zeros(3, 12, 12)])
def test_statistics_of_one_color_are_finite(network, picture):
    style = torch.rand(3, 12, 12, dtype=torch.float64)
    maps = network.activations(style, "1")["1"]
    every = objectives.gram("1", maps) + objectives.moments("1", maps) + objectives.color(style)
    start = parametrizations.pixels((12, 12))
    state = last(optimize(network, every, start, start=picture.double(), steps=3), progress=False)
    assert state.values.isfinite().all()


def test_a_mask_asks_for_a_part_only(network):
    style = torch.rand(3, 12, 12, dtype=torch.float64)
    maps = network.activations(style, "1")["1"]
    left = torch.zeros(24, 24)
    left[:, :12] = 1
    term = objectives.gram("1", maps, left)
    start = parametrizations.pixels((12, 12))
    state = next(optimize(network, term, start, start=torch.full((3, 12, 12), 0.5).double(), steps=1, optimizer="sgd"))
    moved = (state.values - 0.5).abs().amax((0, 1))
    assert (moved[:7] > 0).all()
    assert (moved[7:] == 0).all()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: gram(torch.rand(4)), "maps must be a tensor"),
        (lambda: gram(F, torch.rand(3, 3)), "mask must have the size of the maps"),
        (lambda: moments(F, torch.zeros(2)), "mean and std must both be given"),
        (lambda: moments(F, torch.zeros(3), torch.ones(3)), "mean must have 2 numbers"),
        (lambda: gatys_layer_loss(F, MAPS[0]), "maps and style must be"),
    ],
)
def test_bad_input(call, sentence):
    with pytest.raises(UserError, match=sentence):
        call()


def test_terms_of_another_layer(network):
    with pytest.raises(UserError, match="of must have the 5 channels of layer '1' first, not the shape"):
        next(optimize(network, objectives.gram("1", torch.rand(4, 3, 3))))
