"""Tile i is the min–max scaled weight i, and nothing else."""

import pytest
import torch
import torchvision
from torch import nn

from cnnviz_widgets import filters
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.relu, self.second = nn.Conv2d(3, 6, 5), nn.ReLU(), nn.Conv2d(6, 4, (3, 2))
        self.score = nn.Linear(4, 3)

    def forward(self, x):
        return self.score(self.second(self.relu(self.first(x))).mean((2, 3)))


@pytest.fixture
def network():
    return Network(Small(), input_size=16)


def scaled(weight):
    return (weight - weight.min()) / (weight.max() - weight.min())


def test_color_tiles(network):
    bank = filters(network)
    weights = network.module.first.weight.detach()
    assert bank.of == "first"
    assert bank.colored
    for tile, picture, weight in zip(bank.tiles(), bank.pictures(), weights, strict=True):
        torch.testing.assert_close(tile, scaled(weight), rtol=0, atol=0)
        assert (picture == (tile * 255).round().byte().permute(1, 2, 0).numpy()).all()
    torch.testing.assert_close(bank.tiles("layer"), scaled(weights), rtol=0, atol=0)


def test_one_gray_block_per_filter_of_a_later_layer(network):
    bank = filters(network, "second")
    weights = network.module.second.weight.detach()
    assert not bank.colored
    assert bank.tiles().shape == (4, 6, 3, 2)
    pictures = bank.pictures()
    assert pictures.shape == (4, 2 * 3 + 1, 3 * 2 + 2, 3)  # 2 rows of 3 kernels, a line between them
    for filter_, picture in enumerate(pictures):
        torch.testing.assert_close(bank.tiles()[filter_], scaled(weights[filter_]), rtol=0, atol=0)
        for kernel in range(6):
            top, left = kernel // 3 * 4, kernel % 3 * 3
            gray = (bank.tiles()[filter_, kernel] * 255).round().byte().numpy()
            assert (picture[top : top + 3, left : left + 2] == gray[..., None]).all()
    assert (pictures[:, 3] == 0).all()
    assert (pictures[:, :, 2] == 0).all()


def test_a_constant_filter_is_middle_gray(network):
    network.module.first.weight.data[2] = 0.7
    assert (filters(network).tiles()[2] == 0.5).all()


def test_values_are_a_copy(network):
    filters(network).values.zero_()
    assert network.module.first.weight.abs().sum() > 0


@pytest.mark.parametrize(
    ("name", "shape"), [("alexnet", (64, 3, 11, 11)), ("resnet18", (64, 3, 7, 7)), ("densenet121", (64, 3, 7, 7))]
)
def test_the_first_layers_of_the_lecture(name, shape):
    network = Network(getattr(torchvision.models, name)(weights=None))
    assert filters(network).values.shape == shape


def test_what_is_no_convolution(network):
    with pytest.raises(UserError, match="layer must be a convolution \\(first, second\\), not 'relu', a ReLU"):
        filters(network, "relu")
    with pytest.raises(UserError, match="'secnd'"):
        filters(network, "secnd")
    with pytest.raises(UserError, match="no convolution"):
        filters(Network(nn.Sequential(nn.Flatten(), nn.Linear(48, 5)), input_size=4))
