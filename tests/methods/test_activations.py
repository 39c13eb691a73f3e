"""Against a forward hook by hand."""

import pytest
import torch
from torch import nn

from cnnviz_widgets import activations
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network


@pytest.fixture
def network():
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 7 * 9, 5)
    )
    return Network(module, input_size=(16, 20))


@pytest.mark.parametrize("layer", ["0", "1", "2", "4"])
def test_a_hook_by_hand(network, layer):
    picture = torch.rand(3, 16, 20)
    seen = []
    hook = network.module.get_submodule(layer).register_forward_hook(lambda _, __, out: seen.append(out.clone()))
    with torch.no_grad():
        network.module(network.normalize(picture[None]))
    hook.remove()
    maps = activations(network, picture, layer)
    expected = seen[0][0] if seen[0].ndim == 4 else seen[0][0][:, None, None]
    torch.testing.assert_close(maps.values, expected, rtol=1e-5, atol=1e-6)
    assert maps.of == layer
    assert maps.picture.shape == (3, 16, 20)


def test_sparsity_and_order(network):
    maps = activations(network, torch.rand(3, 16, 20), "1")
    zeros = [float((one == 0).float().mean()) for one in maps.values]
    assert maps.channel_sparsity.tolist() == pytest.approx(zeros)
    assert maps.sparsity == pytest.approx(sum(zeros) / len(zeros))
    assert maps.order().tolist() == list(range(8))
    strength = maps.values.amax((1, 2))[maps.order("strength")]
    assert (strength[:-1] >= strength[1:]).all()
    assert sorted(maps.order("strength").tolist()) == list(range(8))
    assert maps.content("strength").names[0] == f"channel {int(maps.order('strength')[0])}"


def test_default_layer(network):
    assert activations(network, torch.rand(3, 16, 20)).of == network.default_layer.name


def test_bad_input(network):
    picture = torch.rand(3, 16, 20)
    with pytest.raises(UserError, match="one picture"):
        activations(network, torch.stack([picture, picture]), "1")
    with pytest.raises(UserError, match="'77'"):
        activations(network, picture, "77")
    with pytest.raises(UserError, match="by must be one of 'index', 'strength'"):
        activations(network, picture, "1").order("size")
