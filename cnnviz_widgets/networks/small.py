"""A small network for pictures of 64 px, of the same 50 classes as ``mini``; one was trained to be robust."""

from collections import OrderedDict
from collections.abc import Callable

from torch import nn

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


SMALL: dict[str, Callable[[int], nn.Sequential]] = {
    "small_plain": plain,
    "small_robust": plain,
}


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
    nn.AdaptiveAvgPool2d: "gap",
    nn.Flatten: "flatten",
    nn.Linear: "fc",
}
