"""Small networks from pictures to pictures: one for styles, and one that enlarges."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Norm = Literal["instance", "batch"]
EDGE = 1e-3  # values nearer to 0 and 1 have a logit as large as here


class PictureNetwork(nn.Module):
    """From pictures (B, 3, H, W) to pictures, values 0…1.

    layout  the arguments that build it, as a file holds them
    """

    layout: dict[str, Any]


class StyleNetwork(PictureNetwork):
    """A picture in another style, by one pass (Johnson et al., 2016; instance norm: Ulyanov et al., 2016).

    widths  channels after each of the three convolutions that reduce the picture to a quarter of its sides
    blocks  residual ones, between these and two enlargements (nearest neighbor, then a convolution: Odena et al., 2016)
    norm    "instance": over the places of each picture; "batch": over all pictures of a batch
    The result is ``sigmoid(½ logit(x) + f(x))``: the photograph is half there from the first step of the training on.
    """

    def __init__(self, widths: Sequence[int] = (16, 32, 48), blocks: int = 4, norm: Norm = "instance") -> None:
        super().__init__()
        self.layout = {"widths": tuple(widths), "blocks": blocks, "norm": norm}
        first, second, third = widths
        self.reduce = nn.Sequential(
            *_convolution(3, first, 9, norm, stride=2), *_convolution(first, second, 3, norm, stride=2),
            *_convolution(second, third, 3, norm),
        )  # fmt: skip
        self.blocks = nn.Sequential(*(_Block(third, norm) for _ in range(blocks)))
        self.enlarge = nn.Sequential(
            nn.Upsample(scale_factor=2), *_convolution(third, second, 3, norm),
            nn.Upsample(scale_factor=2), *_convolution(second, first, 3, norm),
            nn.Conv2d(first, 3, 3, padding=1, padding_mode="reflect"),
        )  # fmt: skip

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (B, 3, H, W), values 0…1, of any size from 16 px on, as such."""
        return self.merged(pictures, self.change(pictures))

    def change(self, pictures: Tensor) -> Tensor:
        """``f(x)``, as large as the pictures."""
        height, width = pictures.shape[-2:]
        whole = F.pad(pictures, (0, -width % 4, 0, -height % 4), "reflect")
        return self.enlarge(self.blocks(self.reduce(whole - 0.5)))[..., :height, :width]

    @staticmethod
    def merged(pictures: Tensor, change: Tensor) -> Tensor:
        """``sigmoid(½ logit(x) + f(x))``."""
        return torch.sigmoid(0.5 * torch.logit(pictures, eps=EDGE) + change)


class TransformerNet(PictureNetwork):
    """The network of PyTorch's example "fast neural style", whose trained files are about: 1.68 million parameters.

    It takes and returns values 0…255; here they are 0…1, as everywhere.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layout = {}
        convolutions = {"conv1": (3, 32, 9, 1), "conv2": (32, 64, 3, 2), "conv3": (64, 128, 3, 2)}
        ups = {"deconv1": (128, 64, 3, 1), "deconv2": (64, 32, 3, 1), "deconv3": (32, 3, 9, 1)}
        for name, (inputs, outputs, kernel, stride) in (convolutions | ups).items():
            self.add_module(name, _Padded(inputs, outputs, kernel, stride))
        for number in range(1, 6):
            self.add_module(f"res{number}", _PaddedBlock(128))
        for name, channels in {"in1": 32, "in2": 64, "in3": 128, "in4": 64, "in5": 32}.items():
            self.add_module(name, _InstanceNorm(channels))

    def forward(self, pictures: Tensor) -> Tensor:
        height, width = pictures.shape[-2:]
        part: dict[str, Any] = dict(self.named_children())
        x = 255 * F.pad(pictures, (0, -width % 4, 0, -height % 4), "reflect")
        for number in (1, 2, 3):
            x = part[f"in{number}"](part[f"conv{number}"](x)).relu()
        for number in range(1, 6):
            x = part[f"res{number}"](x)
        for number in (1, 2):
            enlarged = F.interpolate(x, scale_factor=2.0)
            x = part[f"in{number + 3}"](part[f"deconv{number}"](enlarged)).relu()
        return (part["deconv3"](x) / 255).clamp(0, 1)[..., :height, :width]


class Upscaler(PictureNetwork):
    """Enlarges pictures: bicubic interpolation, plus details from a residual network on the small picture.

    The details come by sub-pixel convolution (Shi et al., 2016); the last kernels begin at 0, as bicubic interpolation.
    """

    def __init__(self, factor: int = 4, width: int = 48, blocks: int = 3) -> None:
        super().__init__()
        self.layout = {"factor": factor, "width": width, "blocks": blocks}
        self.factor = factor
        self.first = nn.Conv2d(3, width, 3, padding=1, padding_mode="replicate")
        self.blocks = nn.Sequential(*(_Block(width, None) for _ in range(blocks)))
        self.last = nn.Conv2d(width, 3 * factor**2, 3, padding=1, padding_mode="replicate")
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]  # it has one

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (B, 3, h, w), values 0…1, as (B, 3, factor · h, factor · w), values about 0…1."""
        details = self.last(self.blocks(self.first(pictures - 0.5)))
        return self.plain(pictures) + F.pixel_shuffle(details, self.factor)

    def plain(self, pictures: Tensor) -> Tensor:
        """As large, by bicubic interpolation alone."""
        return F.interpolate(pictures, scale_factor=float(self.factor), mode="bicubic", align_corners=False)


class _InstanceNorm(nn.InstanceNorm2d):
    """As its base, by group norm with one channel a group: that one has no need to copy maps that are channels-last."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(x, self.num_features, self.weight, self.bias, self.eps)


class _Block(nn.Module):
    """A residual block (He et al., 2016) without a ReLU after the sum."""

    def __init__(self, width: int, norm: Norm | None) -> None:
        super().__init__()
        first, second = _convolution(width, width, 3, norm), _convolution(width, width, 3, norm)
        self.change = nn.Sequential(*first, *second[:-1])

    def forward(self, x: Tensor) -> Tensor:
        return x + self.change(x)


def _convolution(inputs: int, outputs: int, kernel: int, norm: Norm | None, stride: int = 1) -> list[nn.Module]:
    """A convolution, a normalization and a ReLU; without a normalization, which takes its place, there is a bias."""
    padding: Literal["replicate", "reflect"] = "replicate" if norm is None else "reflect"
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=norm is None, padding_mode=padding)
    kinds = {"instance": _InstanceNorm, "batch": nn.BatchNorm2d}
    norms = [] if norm is None else [kinds[norm](outputs)]
    return [convolution, *norms, nn.ReLU(inplace=True)]


class _Padded(nn.Module):
    """A convolution of the example, under its name there."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(inputs, outputs, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        side = self.conv2d.kernel_size[0] // 2
        return self.conv2d(F.pad(x, (side, side, side, side), "reflect"))


class _PaddedBlock(nn.Module):
    """A residual block of the example, with its names."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = _Padded(width, width, 3, 1), _Padded(width, width, 3, 1)
        self.in1, self.in2 = _InstanceNorm(width), _InstanceNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.in2(self.conv2(self.in1(self.conv1(x)).relu()))
