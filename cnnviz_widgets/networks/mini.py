"""The architecture of ``mini``, the small network that is there without a download."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

from torch import Tensor, nn

INPUT_SIZE = 128
WEIGHTS = Path(__file__).parent / "weights"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def mini(classes: int = 50, *, batch_norm: bool = False) -> nn.Sequential:
    """Six convolutions, each with a ReLU; max-pooling; global average pooling; one linear layer.

    The 9×9 kernels of ``conv1`` are large enough to be looked at. Trained with ``batch_norm=True``, shipped with the
    normalization folded into the convolutions (:func:`fold`), so every unit is a convolution followed by a ReLU.
    """
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    channels = 3

    def conv(number: int, width: int, kernel: int, stride: int = 1) -> None:
        nonlocal channels
        parts[f"conv{number}"] = nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=not batch_norm)
        if batch_norm:
            parts[f"norm{number}"] = nn.BatchNorm2d(width)
        parts[f"relu{number}"] = nn.ReLU()
        channels = width

    conv(1, 64, kernel=9, stride=4)
    parts["pool1"] = nn.MaxPool2d(2)
    conv(2, 128, kernel=3)
    conv(3, 128, kernel=3)
    parts["pool3"] = nn.MaxPool2d(2)
    conv(4, 256, kernel=3)
    conv(5, 256, kernel=3)
    conv(6, 256, kernel=3)
    parts["gap"] = nn.AdaptiveAvgPool2d(1)
    parts["flatten"] = nn.Flatten()
    parts["fc"] = nn.Linear(channels, classes)
    return nn.Sequential(parts)


def fold(trained: nn.Module) -> nn.Sequential:
    """The same function without BatchNorm: its scale and shift go into the convolution before it."""
    trained = trained.eval()
    parts: dict[str, Any] = dict(trained.named_children())
    folded = mini(parts["fc"].out_features).eval()
    for name, part in folded.named_children():
        if name.startswith("conv"):
            fused = nn.utils.fuse_conv_bn_eval(parts[name], parts[name.replace("conv", "norm")])
            part.load_state_dict(fused.state_dict())
    folded.get_submodule("fc").load_state_dict(parts["fc"].state_dict())
    return folded


def mini_history() -> dict[int, Tensor]:
    """The first layer's weights (64, 3, 9, 9) after some epochs of the training that made ``mini``, by epoch."""
    from safetensors.torch import load_file

    saved = load_file(WEIGHTS / "history.safetensors")
    return {int(name.removeprefix("epoch")): saved[name].float() for name in sorted(saved)}
