"""Small networks for pictures of 64 px, of the same 50 classes as ``mini`` but of other shapes, and a robust one."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

INPUT_SIZE = 64


def plain(classes: int = 50) -> nn.Sequential:
    """Five convolutions and one max-pooling; a small ``mini``."""
    return _sequence(
        *_convolution(3, 32, kernel=7, stride=4),
        *_convolution(32, 64),
        *_convolution(64, 64),
        nn.MaxPool2d(2),
        *_convolution(64, 112),
        *_convolution(112, 112),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(112, classes),
    )


def residual(classes: int = 50) -> nn.Sequential:
    """Two residual blocks (He et al., 2016); no pooling but the last."""
    return _sequence(
        *_convolution(3, 48, kernel=5, stride=4),
        Residual(48, 48),
        Residual(48, 96, stride=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(96, classes),
    )


def wide(classes: int = 50) -> nn.Sequential:
    """Large kernels and average pooling; the linear layer sees four places."""
    return _sequence(
        *_convolution(3, 48, kernel=9, stride=4),
        nn.AvgPool2d(2),
        *_convolution(48, 80, kernel=5),
        *_convolution(80, 64, kernel=5),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 4, classes),
    )


SMALL: dict[str, Callable[[int], nn.Sequential]] = {
    "small_plain": plain,
    "small_residual": residual,
    "small_wide": wide,
    "small_robust": plain,
    "small_early": plain,
}


class Residual(nn.Module):
    """Two convolutions, to whose output the input is added."""

    def __init__(self, channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.first = nn.Sequential(*_convolution(channels, width, stride=stride))
        self.second = nn.Sequential(*_convolution(width, width)[:-1])
        same = stride == 1 and channels == width
        self.skip = nn.Identity() if same else nn.Conv2d(channels, width, 1, stride)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Any:
        return self.relu(self.skip(x) + self.second(self.first(x)))


def _convolution(channels: int, width: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(width), nn.ReLU()]


def _sequence(*parts: nn.Module) -> nn.Sequential:
    """Parts by kind and number: conv1, norm1, relu1, conv2, …"""
    counts: dict[str, int] = {}
    named: OrderedDict[str, nn.Module] = OrderedDict()
    for part in parts:
        kind = _KINDS[type(part)]
        counts[kind] = counts.get(kind, 0) + 1
        named[f"{kind}{counts[kind]}"] = part
    return nn.Sequential(named)


_KINDS = {
    nn.Conv2d: "conv",
    nn.BatchNorm2d: "norm",
    nn.ReLU: "relu",
    nn.MaxPool2d: "pool",
    nn.AvgPool2d: "pool",
    nn.AdaptiveAvgPool2d: "gap",
    nn.Flatten: "flatten",
    nn.Linear: "fc",
    Residual: "block",
}
