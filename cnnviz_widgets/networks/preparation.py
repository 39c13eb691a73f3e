"""What is done to a picture before it enters a network: size, channels, and the scale of its values."""

from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as transforms

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came
from cnnviz_widgets.networks.failures import kind_of
from cnnviz_widgets.networks.sizes import Size
from cnnviz_widgets.pictures.load import MOST_PIXELS

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, as PIL's "L"


@dataclass(frozen=True)
class Preparation:
    """The picture that a network takes; the fields are described at ``Network``."""

    input_size: Size | None
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: int | None
    interpolation: str

    @classmethod
    def of(
        cls, module: nn.Module, input_size: Any, mean: Any, std: Any, resize: int | None, interpolation: Any
    ) -> "Preparation":
        """From the arguments of ``Network``. UserError names the one that is wrong."""
        size, channels = _size(input_size), _channels(module, mean, std)
        means = _per_channel("mean", mean, IMAGENET_MEAN, channels)
        deviations = _per_channel("std", std, IMAGENET_STD, channels)
        if min(deviations) <= 0:
            raise UserError(f"std must be positive, not {came(std)}.")
        if not isinstance(interpolation, str) or interpolation not in ("bilinear", "bicubic", "nearest"):
            raise UserError(f'interpolation must be "bilinear", "bicubic" or "nearest", not {came(interpolation)}.')
        return cls(size, channels, means, deviations, resize, interpolation)

    def prepared(self, image: Tensor, *, resize: bool) -> Tensor:
        """(B, C, H, W), values 0…1, of a picture (C, H, W) or (B, C, H, W)."""
        pictures = _with_channels(_checked(image), self.channels)
        if not resize or self.input_size in (None, tuple(pictures.shape[-2:])):
            return pictures
        pictures = _without_far_ends(pictures, self.input_size)
        shorter = self.resize or _covering(self.input_size, pictures.shape[-2:])
        scaled = transforms.resize(pictures, [shorter], InterpolationMode(self.interpolation), antialias=True)
        return transforms.center_crop(scaled, list(self.input_size)).clamp(0, 1)

    def normalized(self, pictures: Tensor, device: torch.device, dtype: torch.dtype, *, written_over: bool) -> Tensor:
        """(pictures - mean) / std."""
        pictures = pictures.to(device, dtype)
        mean, std = (pictures.new_tensor(one)[:, None, None] for one in (self.mean, self.std))
        return (pictures.sub_(mean) if written_over else pictures - mean).div_(std)


def _checked(image: Any) -> Tensor:
    """A batch (B, C, H, W) of numbers 0…1."""
    if not isinstance(image, Tensor):
        raise UserError(f"image must be a tensor, as load_image(…) returns, not {came(image)}.")
    if image.ndim not in (3, 4) or image.numel() == 0:
        raise UserError(f"image must have the shape (C, H, W) or (B, C, H, W), not {tuple(image.shape)}.")
    if not image.is_floating_point():
        raise UserError(f"image must have floating-point values 0…1, not {image.dtype}: load_image(…) converts it.")
    least, most = (bound.item() for bound in image.detach().aminmax())
    if not (abs(least) < float("inf") and abs(most) < float("inf")):
        raise UserError("image has values that are not finite (NaN or infinity).")
    if least < -0.1 or most > 1.1:
        raise UserError(f"image must have values 0…1, but they go from {least:.4g} to {most:.4g}.")
    image = image.detach()  # what led to the picture is no part of what is found out about it
    image = image.float() if image.dtype.itemsize < 4 else image
    return image if image.ndim == 4 else image[None]


def _with_channels(pictures: Tensor, channels: int) -> Tensor:
    came = pictures.shape[1]
    if came == channels:
        return pictures
    if (came, channels) == (1, 3):
        return pictures.expand(-1, 3, -1, -1)
    if (came, channels) == (3, 1):
        return (pictures * pictures.new_tensor(_LUMINANCE)[:, None, None]).sum(1, keepdim=True)
    raise UserError(f"image must have {channels} channels, not {came} (its shape must be (C, H, W) or (B, C, H, W)).")


def _covering(target: tuple[int, int], size: Sequence[int]) -> int:
    """The shorter side of the smallest picture with the proportions of ``size`` that covers ``target``."""
    shorter = min(size)
    return max(-(-shorter * wanted // there) for wanted, there in zip(target, size, strict=True))


def _without_far_ends(pictures: Tensor, target: tuple[int, int]) -> Tensor:
    """Of very long pictures only what is near the center: scaled up whole they would take gigabytes."""
    longest = 8 * min(pictures.shape[-2:]) * max(target) // min(target)
    size = [min(side, longest) for side in pictures.shape[-2:]]
    return pictures if size == list(pictures.shape[-2:]) else transforms.center_crop(pictures, size)


def _size(size: Any) -> tuple[int, int] | None:
    if size is None:
        return None
    both = (size, size) if isinstance(size, int) else size
    if not isinstance(both, Sequence) or len(both) != 2 or not all(type(one) is int and one > 0 for one in both):
        raise UserError(f"input_size must be a positive number, (height, width) or None, not {came(size)}.")
    if prod(both) > MOST_PIXELS:
        raise UserError(f"input_size must be of at most {MOST_PIXELS // 10**6} million pixels, not {came(size)}.")
    return tuple(both)


def _channels(module: nn.Module, *given: float | Sequence[float] | None) -> int:
    for values in given:
        if isinstance(values, Sequence):
            return len(values)
    convolutions = (part for part in module.modules() if kind_of(part).startswith("Conv"))
    named = next((count for part in convolutions if isinstance(count := getattr(part, "in_channels", None), int)), None)
    kernels = (weight.shape[1] for weight in module.parameters() if weight.ndim == 4)  # traced and exported modules
    return named or next(kernels, 3)


def _per_channel(name: str, given: Any, imagenet: tuple[float, ...], channels: int) -> tuple[float, ...]:
    if given is None:
        return imagenet if channels == 3 else (0.5,) * channels
    if isinstance(given, Sized) and not len(given):
        raise UserError(f"{name} must be a number or one for each channel, not an empty list.")
    values = tuple(map(float, given)) if isinstance(given, Iterable) else (float(given),) * channels
    if len(values) != channels:
        raise UserError(f"{name} has {len(values)} values, but the network's pictures have {channels} channels.")
    return values
