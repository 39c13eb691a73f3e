"""Textures by statistics: how many numbers, of which components, and that they are reached."""

import numpy as np
import pytest
import torch
from torch import nn

from cnnviz_widgets import (
    Network,
    gram,
    last,
    load_image,
    load_network,
    objectives,
    optimize,
    parametrizations,
    texture,
    texture_numbers,
)
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.texture._view import View


def layered(*channels):
    torch.manual_seed(0)
    parts = [nn.Conv2d(before, after, 1) for before, after in zip((3, *channels), channels, strict=False)]
    module = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels[-1], 2))
    return Network(module.eval(), input_size=16)


def test_how_many_numbers():
    five = layered(64, 64, 128, 256, 512)
    names = ["0", "1", "2", "3", "4"]
    assert texture_numbers(five, names) == 176_640
    assert texture_numbers(five, names, "moments") == 2 * 1024
    assert texture_numbers(five, names, "covariance") == 176_640 + 1024
    assert texture_numbers(load_network("squeezenet1_0", weights=None)) == 119_728
    for most in (5, 100, 1000, 10_000, 10**6):
        assert 0.7 * min(most, 176_640) <= texture_numbers(five, names, parameters=most) <= most
    with pytest.raises(UserError, match="parameters must be at least 5, one for each layer, not 4"):
        texture_numbers(five, names, parameters=4)
    with pytest.raises(UserError, match="parameters must be None for match='moments'"):
        texture_numbers(five, names, "moments", 100)


def value(network, term, picture):
    start = parametrizations.pixels(tuple(picture.shape[-2:]))
    return next(iter(next(optimize(network, term, start, start=picture, steps=1, learning_rate=0)).terms.values()))


def test_principal_components_by_numpy():
    network = Network(layered(12).module.double(), input_size=16)
    picture, style = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    maps, of = (View(network, "max").features(one, ["0"])["0"] for one in (picture, style))
    rows, wanted = (one.flatten(1).numpy() for one in (maps, of))
    axes, _, _ = np.linalg.svd(wanted, full_matrices=False)
    for count in (1, 3, 12):
        found, aim = (axes[:, :count].T @ one @ one.T @ axes[:, :count] / 256 for one in (rows, wanted))
        expected = -((found - aim) ** 2).sum() / (aim**2).sum()
        assert value(network, objectives.gram("0", of, components=count), picture) == pytest.approx(expected, rel=1e-9)
    assert value(network, objectives.gram("0", of, components=3), style) == pytest.approx(0, abs=1e-20)


def test_covariances_by_numpy():
    network = Network(layered(5).module.double(), input_size=16)
    picture, style = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    maps, of = (View(network, "max").features(one, ["0"])["0"].flatten(1).numpy() for one in (picture, style))
    missed = [
        ((a - b) ** 2).sum() for a, b in ((maps.mean(1), of.mean(1)), (np.cov(maps, bias=True), np.cov(of, bias=True)))
    ]
    size = (of.mean(1) ** 2).sum() + (np.cov(of, bias=True) ** 2).sum()
    term = objectives.covariance("0", torch.from_numpy(of)[:, None])
    assert value(network, term, picture) == pytest.approx(-sum(missed) / size, rel=1e-9)


@pytest.mark.parametrize("match", ["gram", "moments", "covariance"])
def test_it_is_reached(match):
    """Color statistics of a picture can be had by its own pixels in other places."""
    network = Network(layered(6).module.double(), input_size=16)
    style = torch.rand(3, 24, 24, dtype=torch.float64)
    states = [*texture(network, style, ["0"], match, size=24, steps=60)]
    assert states[-1].loss < 1e-4 * states[0].loss
    assert states[0].of == f"texture by {texture_numbers(network, ['0'], match)} numbers"
    if match == "gram":
        of = View(network, "max")
        one, other = (gram(of.features(picture, ["0"])["0"]) for picture in (states[-1].values, style))
        torch.testing.assert_close(one, other, rtol=0.05, atol=0.01)


def test_the_first_layer_alone_is_reached():
    """Its loss bends down around the gray noise that a texture begins with."""
    states = texture(load_network("mini"), load_image("stained_glass"), ["relu1"], size=64, steps=50, color=0, scales=1)
    losses = [state.loss for state in states]
    assert losses[0] > 0.5
    assert losses[-1] < 0.01


def test_fewer_numbers_match_less():
    network = load_network("mini")
    sample = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))
    few, all_ = (
        last(texture(network, sample, size=64, steps=20, parameters=count), progress=False) for count in (200, None)
    )
    assert few.of == "texture by 180 numbers"
    assert all_.of == f"texture by {texture_numbers(network):,} numbers"
    assert not torch.equal(few.values, all_.values)
