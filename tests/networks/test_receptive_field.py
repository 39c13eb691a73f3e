"""Receptive fields: against the closed form, and against the pixels that really have a gradient."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision import models

from cnnviz_widgets.networks import Layer, Network


def layers_of(module: nn.Module, size: tuple[int, int]) -> tuple[Layer, ...]:
    return Network(module.eval(), input_size=size, output=lambda y: y.flatten(1)).layers


class Last(nn.Module):
    """Makes a function a layer."""

    def __init__(self, function, **parts):
        super().__init__()
        self.inner = Function(function, **parts)

    def forward(self, x):
        return self.inner(x)


class Function(nn.ModuleDict):
    def __init__(self, function, **parts):
        super().__init__(parts)
        self.function = function

    def forward(self, x):
        return self.function(x, self)


def positive(module: nn.Module) -> nn.Module:
    """No two paths cancel, and no ReLU is closed."""
    for parameter in module.parameters():
        parameter.data.uniform_(0.1, 1)
    return module.double().eval()


def support(module: nn.Module, size: tuple[int, int], row: int, column: int, tries: int = 1) -> torch.Tensor:
    """Which pixels (H, W) unit (row, column) depends on; over several pictures, as max-pooling chooses among them."""
    seen = torch.zeros(size, dtype=torch.bool)
    for _ in range(tries):
        picture = torch.rand(1, 3, *size, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(module(picture.clone())[0, :, row, column].sum(), picture)
        seen |= gradient[0].abs().sum(0) > 0
    return seen


def window(layer: Layer, size: tuple[int, int], row: int, column: int) -> torch.Tensor:
    """Which pixels the layer says: all along an axis whose field is as large as the picture."""
    said = torch.zeros(size, dtype=torch.bool)
    slices = []
    for axis, place in enumerate((row, column)):
        center = layer.offset[axis] + place * layer.stride[axis]
        reach = (layer.receptive_field[axis] - 1) / 2
        whole = layer.receptive_field[axis] >= size[axis]
        slices.append(slice(None) if whole else slice(max(0, round(center - reach)), max(0, round(center + reach) + 1)))
    said[tuple(slices)] = True
    return said


def bounds(pixels: torch.Tensor) -> list[tuple[int, int]]:
    """First and last row, first and last column. (A dilated convolution leaves holes.)"""
    places = [pixels.any(1).nonzero(), pixels.any(0).nonzero()]
    return [(place.min().item(), place.max().item()) for place in places]


@settings(max_examples=40)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from("cma"), st.integers(1, 5), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2)),
        min_size=1,
        max_size=6,
    )
)
def test_closed_form(steps):
    """Kernels k, strides s, paddings p, dilations d: size 1 + Σ (k-1) d Π s, offset Σ ((k-1) d / 2 - p) Π s."""
    parts, size, jump, offset, channels = [], 1, 1, 0.0, 3
    extent = 200
    for kind, kernel, stride, padding, dilation in steps:
        padding = min(padding, kernel // 2)
        dilation = 1 if kind == "a" else dilation
        reach = (kernel - 1) * dilation
        if (extent + 2 * padding - reach - 1) // stride + 1 < 1:
            break
        extent = (extent + 2 * padding - reach - 1) // stride + 1
        parts.append(
            {
                "c": lambda k, s, p, d, c=channels: nn.Conv2d(c, 4, k, s, p, d),
                "m": lambda k, s, p, d: nn.MaxPool2d(k, s, p, d),
                "a": lambda k, s, p, d: nn.AvgPool2d(k, s, p),
            }[kind](kernel, stride, padding, dilation)
        )
        channels = 4 if kind == "c" else channels
        size += reach * jump
        offset += (reach / 2 - padding) * jump
        jump *= stride
    if not parts:
        return
    last = layers_of(nn.Sequential(*parts), (200, 200))[-1]
    assert last.receptive_field == (size, size)
    assert last.stride == (jump, jump)
    assert last.offset == pytest.approx((offset, offset))


def conv(channels: int, *arguments, **options) -> nn.Conv2d:
    return nn.Conv2d(channels, 3, *arguments, **options)


EXACT = {
    "not square": nn.Sequential(conv(3, (3, 5), (2, 1), (0, 2)), nn.AvgPool2d((1, 2))),
    "dilation": nn.Sequential(nn.ReLU(inplace=True), conv(3, 2, dilation=4), nn.BatchNorm2d(3), conv(3, 2, dilation=3)),
    "same padding": nn.Sequential(conv(3, 4, padding="same", dilation=2), conv(3, 3, padding="same", dilation=2)),
    "circular": nn.Sequential(
        conv(3, 3, padding=1, padding_mode="circular"), nn.ZeroPad2d((1, 2, 3, 4)), conv(3, 3, 2)
    ),
    "ceil mode": nn.Sequential(conv(3, 3), nn.AvgPool2d(3, 2, ceil_mode=True), conv(3, 2)),
    "adaptive pooling": nn.Sequential(conv(3, 3, padding=1), nn.AdaptiveAvgPool2d((10, 8))),
    "functional": Last(lambda x, p: F.avg_pool2d(F.relu_(F.conv2d(x, p["a"].weight, padding=2)), 2), a=conv(3, 5)),
    "concat": Last(
        lambda x, p: torch.cat([p["a"](x), p["b"](x)], 1), a=conv(3, 3, padding=1), b=conv(3, (1, 7), padding=(0, 3))
    ),
    "sum": Last(lambda x, p: p["a"](x).add_(x), a=conv(3, 3, padding=1)),
    "slices": Last(lambda x, p: F.pad(p["a"](x)[:, :, 1::2, ..., 3:], (0, 0, 0, 0, 1, 1)), a=conv(3, 3)),
    "channels last": Last(lambda x, p: p["a"](x.permute(0, 2, 3, 1)).movedim(-1, 1), a=nn.Linear(3, 3)),
    "shuffle": Last(
        lambda x, p: p["a"](x).view(1, 3, 1, 20, 24).transpose(1, 2).reshape(1, 3, 20, 24), a=conv(3, 3, padding=1)
    ),
    "split": Last(lambda x, p: torch.cat([p["a"](x).chunk(3, 1)[0], x], 1), a=conv(3, 3, padding=1)),
    "gate": Last(lambda x, p: x * torch.sigmoid(p["a"](x).mean((2, 3), keepdim=True)), a=conv(3, 3)),
    "gate by rows": Last(lambda x, p: x + p["a"](x).mean(3, keepdim=True), a=conv(3, 1)),
    "mix": Last(lambda x, p: (x.flatten(2) @ torch.ones(480, 480, dtype=x.dtype)).view_as(x)),
}
SIZE = (20, 24)


@pytest.mark.parametrize("name", EXACT)
def test_gradient_support_is_the_field(name):
    module = EXACT[name]
    last = layers_of(module.float(), SIZE)[-1]
    module = positive(module)
    for row, column in [(0, 0), (last.shape[1] // 2, last.shape[2] // 3)]:
        if name in ("circular", "same padding") and row == 0:
            continue  # what is outside comes from the other side; the border lies in a hole of the dilated window
        assert bounds(support(module, SIZE, row, column)) == bounds(window(last, SIZE, row, column))


CONTAINED = {
    "max pooling": nn.Sequential(
        conv(3, 3), nn.MaxPool2d(3, 2, ceil_mode=True), conv(3, 3, padding=1), nn.MaxPool2d(2)
    ),
    "transposed": nn.Sequential(conv(3, 3, 2), nn.ConvTranspose2d(3, 3, 4, 2, 1), conv(3, 3)),
    "uneven adaptive pooling": nn.Sequential(nn.AdaptiveAvgPool2d((7, 9)), conv(3, 3)),
    "bilinear": nn.Sequential(conv(3, 3, 2), nn.Upsample(scale_factor=2, mode="bilinear")),
    "nearest": nn.Sequential(conv(3, 3, 2), nn.Upsample(size=(13, 30)), conv(3, 3)),
    "aligned": nn.Sequential(conv(3, 3, 2), nn.Upsample(scale_factor=3, mode="bilinear", align_corners=True)),
    "space to depth": nn.Sequential(conv(3, 3, padding=1), nn.PixelUnshuffle(2)),
    "group norm": nn.Sequential(nn.GroupNorm(1, 3), conv(3, 3)),
}


@pytest.mark.parametrize("name", CONTAINED)
def test_gradient_support_is_inside_the_field(name):
    module = CONTAINED[name]
    last = layers_of(module.float(), SIZE)[-1]
    module = positive(module)
    for row, column in [(0, 0), (2, 3), (last.shape[1] - 1, last.shape[2] - 1)]:
        seen = bounds(support(module, SIZE, row, column, tries=40 if name == "max pooling" else 1))
        said = bounds(window(last, SIZE, row, column))
        for (first, end), (said_first, said_end) in zip(seen, said, strict=True):
            assert said_first <= first
            assert end <= said_end
            if last.receptive_field < SIZE:
                assert said_end - said_first <= end - first + 6


@pytest.mark.parametrize(
    ("name", "layer", "size", "stride"),
    [
        ("alexnet", "features.12", 195, 32),
        ("vgg16", "features.30", 212, 32),
        ("resnet18", "layer4", 435, 32),
        ("resnet50", "layer4.2.conv3", 427, 32),
        ("squeezenet1_0", "features.12", 155, 16),
        ("densenet121", "features.norm5", 2071, 32),
    ],
)
def test_known_networks(name, layer, size, stride):
    """By hand, or from the table of Araujo et al. (resnet50: stride in its second convolution)."""
    with torch.device("meta"):
        module = models.get_model(name)
    network = Network(module.to_empty(device="cpu"), input_size=64)
    found = network.layer(layer)
    assert found.receptive_field == (size, size)
    assert found.stride == (stride, stride)


def test_real_architectures(module):
    """Fields of blocks with branches, gates and shuffles contain what really has a gradient."""
    size = (64, 64)
    network = Network(module, input_size=size)
    picture = torch.rand(1, 3, *size)
    spatial = [layer for layer in network.layers if layer.spatial and min(layer.shape[1:]) > 1]
    for layer in spatial[:: max(1, len(spatial) // 4)]:
        batch = network.normalize(picture).requires_grad_()
        _, values = network.forward(batch, layer, to_output=False, grad=True)
        row, column = layer.shape[1] // 2, layer.shape[2] - 1
        (gradient,) = torch.autograd.grad(values[layer.name][0, :, row, column].sum(), batch)
        if layer.receptive_field < size:
            assert not (gradient[0].abs().sum(0).bool() & ~window(layer, size, row, column)).any()


def test_behind_the_last_place_is_the_whole_picture(network):
    last = network.layers[-1]
    assert last.receptive_field == (64, 64)
    assert last.offset == (31.5, 31.5)
    assert last.stride == (64, 64)
