"""Networks that are never the same twice are told, once; no others."""

import warnings

import pytest
import torch
import torch.nn.functional as F
from architectures import ARCHITECTURES, module_of, with_statistics
from torch import nn

import cnnviz_widgets as cnnviz


class Net(nn.Module):
    def __init__(self, unsteady):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(8, 4)
        self.unsteady = unsteady

    def forward(self, x):
        maps = self.conv(x)
        if self.unsteady == "statistics":
            maps = F.batch_norm(maps, None, None, self.norm.weight, self.norm.bias, training=True)
        pooled = maps.relu().mean((2, 3))
        if self.unsteady == "dropout":
            pooled = F.dropout(pooled, 0.5, training=True)
        if self.unsteady == "noise":
            pooled = pooled + torch.randn_like(pooled)
        return self.head(pooled)


def remarks(call):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        call()
    return [str(one.message) for one in told if "other scores" in str(one.message)]


@pytest.fixture
def photo():
    return torch.rand(3, 24, 24)


@pytest.mark.parametrize(
    ("unsteady", "says"),
    [("dropout", "each time"), ("noise", "each time"), ("statistics", "in the company of others")],
)
@pytest.mark.parametrize("method", ["predict", "saliency", "deletion_curve"])
def test_it_is_told_once(photo, unsteady, says, method):
    network = cnnviz.Network(Net(unsteady).eval(), input_size=24)
    call = {
        "predict": lambda: network.predict(photo),
        "saliency": lambda: cnnviz.saliency(network, photo),
        "deletion_curve": lambda: (
            cnnviz.saliency(network, photo),
            cnnviz.deletion_curve(network, photo, photo, steps=3),
        ),
    }[method]
    told = remarks(call)
    assert len(told) == 1
    assert says in told[0]
    assert not remarks(call)


def test_the_users_random_numbers_are_left_alone(photo):
    network = cnnviz.Network(Net("statistics").eval(), input_size=24)
    _ = network.layers
    before = torch.get_rng_state()
    assert network.steadiness_note
    assert torch.equal(torch.get_rng_state(), before)


def test_an_ordinary_network_makes_no_pass_for_it(photo):
    network, passes = cnnviz.Network(Net("").eval(), input_size=24), []
    _ = network.layers
    network.module.register_forward_hook(lambda *_: passes.append(1))
    assert not network.steadiness_note
    assert not passes


def test_statistics_that_were_never_kept(photo):
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, track_running_stats=False), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    with torch.no_grad():
        module[1].bias.uniform_()
    assert not cnnviz.Network(nn.Sequential(*module[:1], *module[2:]).eval(), input_size=24).steadiness_note
    module.insert(2, nn.ReLU())
    assert "company" in cnnviz.Network(module.eval(), input_size=24).steadiness_note


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_ordinary_networks_are_not(name):
    assert not cnnviz.Network(with_statistics(module_of(name)), input_size=64).steadiness_note


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_rounding_is_no_change(dtype):
    assert not cnnviz.Network(Net("").eval().to(dtype), input_size=24).steadiness_note


def test_the_panel_says_it(photo):
    panel = cnnviz.panels.Occlusion(cnnviz.Network(Net("dropout").eval(), input_size=24), photo).run()
    assert "each time" in panel._bar.note
    panel.close()
