"""The projective field against the receptive field, of which it is the transpose, and a closed form."""

import pytest
import torch
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets import UserError, projective_field
from cnnviz_widgets.networks import Network


def linear(*layers, size=16):
    torch.manual_seed(0)
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten()
    return Network(nn.Sequential(*layers, *head).double(), input_size=size, mean=0.0, std=1.0)


@pytest.mark.parametrize("pixel", [(0, 0), (64, 31), (127, 90)])
def test_a_unit_sees_a_pixel_just_if_the_pixel_is_in_its_field(pixel):
    mini = cnnviz.load_network("mini")
    found = projective_field(mini, "conv3", pixel, samples=4)
    layer, seeing = mini.layer("conv3"), 0
    for row, column in torch.cartesian_prod(*(torch.arange(side) for side in found.values.shape)).tolist():
        left, top, right, bottom = layer.field((row, column), (128, 128))
        sees = top <= pixel[0] < bottom and left <= pixel[1] < right
        assert bool(found.values[row, column] > 0) == sees
        seeing += sees
    assert found.count == seeing


def test_of_one_kernel_it_is_the_kernel_turned_by_half_a_circle():
    convolution = nn.Conv2d(1, 1, 5, padding=2)
    network = linear(convolution)
    found = projective_field(network, "0", (6, 9)).values
    expected = torch.zeros(16, 16, dtype=torch.float64)
    expected[4:9, 7:12] = convolution.weight.detach()[0, 0].flip(0, 1).abs()
    torch.testing.assert_close(found / found.max(), expected / expected.max(), rtol=1e-5, atol=1e-7)


def test_a_stride_larger_than_the_kernel_leaves_pixels_out():
    network = linear(nn.Conv2d(3, 2, 1, stride=2))
    seen, unseen = projective_field(network, "0", (4, 6)), projective_field(network, "0", (4, 7))
    assert (seen.box, seen.count) == ((3, 2, 4, 3), 1)
    assert (unseen.box, unseen.count, float(unseen.values.max())) == (None, 0, 0.0)
    assert unseen._repr_png_().startswith(b"\x89PNG")


def test_a_layer_without_positions():
    found = projective_field(linear(nn.Conv2d(3, 2, 3)), "2", (4, 6))
    assert (found.values.shape, found.count) == ((1, 1), 1)
    assert found.values.item() > 0


def test_the_same_seed_gives_the_same_and_the_size_is_that_of_the_image():
    mini = cnnviz.load_network("mini")
    photo = cnnviz.load_image("chelsea", size=(96, 160))
    one, same, other = (projective_field(mini, "conv2", (9, 9), photo, samples=1, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.values, same.values)
    assert not torch.equal(one.values, other.values)
    assert one.values.shape == mini.activations(photo, "conv2")["conv2"].shape[-2:]


def test_a_pixel_that_is_not_there():
    with pytest.raises(UserError, match="pixel must be"):
        projective_field(cnnviz.load_network("mini"), "conv2", (128, 0))
