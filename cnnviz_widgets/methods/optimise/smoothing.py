"""Blurs and pyramids of pictures (B, C, H, W), of which priors, operators and parametrisations are made."""

import torch
import torch.nn.functional as F
from torch import Tensor


def gaussian(pictures: Tensor, sigma: float) -> Tensor:
    """Convolved with a Gaussian of standard deviation ``sigma`` px, cut off at 4σ; the border is a mirror."""
    for axis in (-2, -1):
        pictures = _along(pictures, sigma, axis)
    return pictures


def _along(pictures: Tensor, sigma: float, axis: int) -> Tensor:
    reach = min(int(4 * sigma + 0.5), pictures.shape[axis] - 1)
    if reach == 0:
        return pictures
    offsets = torch.arange(-reach, reach + 1, dtype=pictures.dtype, device=pictures.device)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, *((-1, 1) if axis == -2 else (1, -1)))
    sides = (0, 0, reach, reach) if axis == -2 else (reach, reach, 0, 0)
    batch, channels, *size = pictures.shape
    alone = pictures.reshape(batch * channels, 1, *size)  # every channel is a picture of its own
    return F.conv2d(F.pad(alone, sides, "reflect"), kernel).view_as(pictures)


def resize(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear, and antialiased where it gets smaller."""
    return F.interpolate(pictures, size, mode="bilinear", antialias=True, align_corners=False)


def pyramid(pictures: Tensor, levels: int) -> list[Tensor]:
    """What each octave adds to the coarser ones, finest first, and last what is left: ``levels`` pictures in all."""
    details = []
    for _ in range(levels - 1):
        height, width = pictures.shape[-2:]
        coarse = resize(pictures, ((height + 1) // 2, (width + 1) // 2))
        details.append(pictures - resize(coarse, (height, width)))
        pictures = coarse
    return [*details, pictures]


def merged(levels: list[Tensor] | tuple[Tensor, ...]) -> Tensor:
    """The picture that has this pyramid; inverse of ``pyramid``."""
    *details, pictures = levels
    for detail in reversed(details):
        pictures = detail + resize(pictures, detail.shape[-2:])
    return pictures


def frequencies(height: int, width: int, like: Tensor) -> Tensor:
    """(H, W // 2 + 1): cycles per pixel of each term of ``rfft2``; the constant term counts as the lowest one."""
    down = torch.fft.fftfreq(height, dtype=like.dtype, device=like.device)
    across = torch.fft.rfftfreq(width, dtype=like.dtype, device=like.device)
    return torch.hypot(down[:, None], across).clamp(min=1 / max(height, width))
