"""Expanded weights: by hand, as the composed kernel of two convolutions, and as the network's own linear part."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import get_model

import cnnviz_widgets as cnnviz
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network


def of(*parts, size=32, channels=3):
    end = nn.AdaptiveAvgPool2d(1), nn.Flatten()
    module = nn.Sequential(nn.Conv2d(channels, channels, 1), *parts, *end).double().eval()
    return Network(module, input_size=size, mean=[0] * channels, std=[1] * channels)


def test_two_convolutions_by_hand():
    first, second = nn.Conv2d(1, 2, (1, 2)), nn.Conv2d(2, 1, (1, 2))
    first.weight.data = torch.tensor([[[[1.0, 2.0]]], [[[0.0, -1.0]]]])
    second.weight.data = torch.tensor([[[[1.0, 0.0]], [[3.0, 1.0]]]])
    found = cnnviz.circuit(of(first, nn.ReLU(), second, size=9, channels=1), "3", 0, "0")
    assert found.values.tolist() == [[[1, -1, -1]]]
    assert not found.cropped


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("relu", [nn.ReLU(), nn.ReLU(inplace=True), nn.GELU(), nn.Identity()])
def test_two_convolutions_are_one_transposed_convolution(stride, relu):
    first, second = nn.Conv2d(3, 4, 3, stride, padding=1), nn.Conv2d(4, 5, 3, padding=1)
    found = cnnviz.circuit(of(first, relu, second, size=36), "3", 2, "0")
    wanted = F.conv_transpose2d(second.weight[2:3], first.weight, stride=stride)[0]
    torch.testing.assert_close(found.values.double(), wanted.detach(), rtol=0, atol=1e-7)


def test_a_layer_and_the_one_before_it_are_its_kernel_in_groups_too():
    grouped = nn.Conv2d(4, 6, 3, groups=2)
    found = cnnviz.circuit(of(nn.Conv2d(3, 4, 1), nn.ReLU(), grouped), "3", 4)
    assert found.inputs == "1"
    torch.testing.assert_close(found.values[2:].double(), grouped.weight[4].detach(), rtol=0, atol=1e-7)
    assert (found.values[:2] == 0).all()


def test_max_pooling_is_the_mean():
    one = nn.Conv2d(3, 2, 1)
    found = cnnviz.circuit(of(nn.MaxPool2d(2), one), "2", 1, "0")
    wanted = one.weight[1].expand(3, 2, 2) / 4
    torch.testing.assert_close(found.values.double(), wanted.detach(), rtol=0, atol=1e-7)


def test_a_residual_sum_counts():
    """Of a real block: the way around the convolutions is one more weight in the middle."""
    network = cnnviz.Network(get_model("resnet18", weights=None).eval(), input_size=64)
    block = network.module.layer1[0]
    found = cnnviz.circuit(network, "layer1.0", 5, "maxpool")
    with torch.no_grad():
        first, second = (
            conv.weight * (norm.weight / (norm.running_var + norm.eps).sqrt())[:, None, None, None]
            for conv, norm in ((block.conv1, block.bn1), (block.conv2, block.bn2))
        )
        wanted = F.conv_transpose2d(second[5:6], first)[0]
        wanted[5, 2, 2] += 1
    torch.testing.assert_close(found.values, wanted, rtol=0, atol=1e-6)


def test_the_strongest_first_on_one_scale():
    found = cnnviz.circuit(cnnviz.load_network("mini"), "conv3", 7)
    norms = found.norms[found.order]
    assert (norms[:-1] >= norms[1:]).all()
    content = found.content(5)
    assert content.keys == tuple(found.order[:5].tolist())
    assert content.range[1].item() == pytest.approx(found.values.abs().max().item())


def test_the_network_stays_as_it_is():
    network = cnnviz.load_network("mini")
    before = {name: one.clone() for name, one in network.module.state_dict().items()}
    cnnviz.circuit(network, "conv6", 0, "conv4")
    assert all(torch.equal(one, before[name]) for name, one in network.module.state_dict().items())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"layer": "conv1"}, "layer must have a convolution before it, which 'conv1' has not: name the inputs."),
        ({"layer": "conv2", "inputs": "conv4"}, "inputs must be a layer that 'conv2' is computed from, not 'conv4'."),
        ({"layer": "conv2", "channel": 1000}, "channel must be"),
        ({"layer": "fc", "inputs": "conv4"}, "layer must have spatial positions, which 'fc' has not."),
        ({"layer": "conv2", "inputs": "fc"}, "inputs must have spatial positions, which 'fc' has not."),
    ],
)
def test_bad_input(arguments, sentence):
    with pytest.raises(UserError) as error:
        cnnviz.circuit(cnnviz.load_network("mini"), **arguments)
    assert sentence in str(error.value)
