"""F4: against the support of gradients, closed forms of random linear networks, and moments by hand."""

import math

import pytest
import torch
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets import UserError, convolution_matrix, receptive_field
from cnnviz_widgets.methods.convolution.receptive_field import ReceptiveField
from cnnviz_widgets.networks import Network


@pytest.fixture(scope="module")
def mini():
    return cnnviz.load_network("mini")


def support(values):
    rows, columns = values.any(1).nonzero().flatten().tolist(), values.any(0).nonzero().flatten().tolist()
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


@pytest.mark.parametrize(("layer", "position", "clipped"), [
    ("conv6", (0, 0), (0, 0, 81, 81)),
    ("conv4", (7, 2), (0, 76, 81, 128)),
    ("conv2", (15, 2), (4, 108, 33, 128)),
])  # fmt: skip
def test_the_clipped_box_is_where_the_gradient_is(mini, layer, position, clipped):
    found = receptive_field(mini, layer, position)
    assert found.clipped == support(found.values) == clipped
    left, top, right, bottom = found.box
    assert (bottom - top, right - left) == found.size == mini.layer(layer).receptive_field


def test_size_and_stride_of_the_last_convolution(mini):
    found = receptive_field(mini, "conv6", (0, 0), samples=1)
    assert (found.size, found.stride) == ((149, 149), (16, 16))
    assert found.box == (6 - 74, 6 - 74, 6 + 75, 6 + 75)


def stack(*convolutions):
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(convolutions[-1].out_channels, 2)
    module = nn.Sequential(*convolutions, *head).double()
    for parameter in module.parameters():
        nn.init.ones_(parameter) if parameter.ndim > 1 else nn.init.zeros_(parameter)
    return Network(module, input_size=33, mean=0.0, std=1.0)


def test_of_equal_weights_it_is_a_power_of_the_kernel():
    """Luo et al., 2016: with n kernels k of ones, the field is the n-fold convolution of k with itself."""
    network = stack(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(4)))
    found = receptive_field(network, "3", (16, 16))
    line = torch.zeros(33, dtype=torch.float64)
    line[16] = 1
    for _ in range(4):
        line = convolution_matrix([1, 1, 1], 33, padding="same").values @ line
    expected = torch.outer(line, line)
    torch.testing.assert_close(found.values / found.values.sum(), expected / expected.sum(), rtol=0, atol=1e-6)
    # Variances of independent sums add up: four times 2/3.
    assert found.ellipse.x == pytest.approx(16, abs=1e-4)
    assert found.ellipse.y == pytest.approx(16, abs=1e-4)
    assert found.ellipse.major == pytest.approx(2 * math.sqrt(4 * 2 / 3), abs=1e-4)
    assert found.ellipse.minor == pytest.approx(2 * math.sqrt(4 * 2 / 3), abs=1e-4)


def test_share_of_a_plain_kernel_and_of_a_point():
    plain = receptive_field(stack(nn.Conv2d(1, 1, 10, padding=5)), "0", (16, 16))
    assert plain.share == 0.95  # of 100 equal pixels
    point = nn.Conv2d(1, 1, 5, padding=2)
    network = stack(point)
    with torch.no_grad():
        point.weight.zero_()[0, 0, 2, 2] = 1
    found = receptive_field(network, "0", (3, 4))
    assert found.share == 1 / 25
    assert found.ellipse[:4] == pytest.approx((4, 3, 0, 0), abs=1e-6)


def made(values):
    height, width = values.shape
    everything = 0, 0, width, height
    return ReceptiveField(
        values, everything, everything, "", None, (height, width), (1, 1), torch.zeros(3, height, width), ""
    )


@pytest.mark.parametrize("angle", [-80, -30, 0, 20, 45, 89])
def test_the_ellipse_of_a_tilted_gaussian(angle):
    y, x = torch.meshgrid(*(torch.arange(121, dtype=torch.float64),) * 2, indexing="ij")
    turn = math.radians(angle)
    along = (x - 62) * math.cos(turn) + (y - 57) * math.sin(turn)
    across = (y - 57) * math.cos(turn) - (x - 62) * math.sin(turn)
    found = made((-(along**2) / (2 * 9**2) - across**2 / (2 * 4**2)).exp()).ellipse
    assert found[:2] == pytest.approx((62, 57), abs=1e-6)
    assert (found.major, found.minor) == pytest.approx((18, 8), rel=1e-6)
    assert found.angle == pytest.approx(angle, abs=1e-6)


def test_weights_of_the_channels_neither_cancel_nor_prefer():
    """By the Jacobian: with many samples, the mean is its norm over the channels times √(2/π)."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 6, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2)).double()
    found = receptive_field(Network(module, input_size=9, mean=0.0, std=1.0), "0", (2, 3), samples=256)
    expected = module[0].weight.detach()[:, 0].norm(dim=0) * math.sqrt(2 / math.pi)
    torch.testing.assert_close(found.values[2:5, 3:6], expected, rtol=0.15, atol=0)  # 5 % is one standard error


def test_the_same_seed_gives_the_same_field(mini):
    one, same, other = (receptive_field(mini, "conv3", samples=2, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.values, same.values)
    assert not torch.equal(one.values, other.values)


def test_the_effective_field_is_smaller_than_the_box_and_grows_with_depth(mini):
    fields = [receptive_field(mini, layer) for layer in ("conv2", "conv4", "conv6")]
    areas = [found.ellipse.major * found.ellipse.minor for found in fields]
    assert areas == sorted(areas)
    assert all(found.share < 0.9 for found in fields)


def test_a_picture_is_drawn_on_and_gives_the_size(mini):
    photo = cnnviz.load_image("chelsea", size=(96, 160))
    found = receptive_field(mini, "conv2", (0, 0), photo, samples=1)
    assert found.values.shape == found.picture.shape[1:] == mini.prepare(photo).shape[2:]
    assert found._repr_png_().startswith(b"\x89PNG")


def test_a_layer_without_positions_sees_everything(mini):
    found = receptive_field(mini, mini.layers[-1], samples=1)
    assert found.clipped == (0, 0, 128, 128)
    assert found.position is None


@pytest.mark.parametrize(("position", "layer"), [((99, 0), "conv6"), ((0, -1), "conv6"), ((0, 0), "fc")])
def test_a_position_that_is_not_there(mini, position, layer):
    layer = mini.layers[-1].name if layer == "fc" else layer
    with pytest.raises(UserError, match="position"):
        receptive_field(mini, layer, position)
