"""Gaussian blur, resizing, Laplacian pyramids and frequencies of pictures (B, C, H, W)."""

from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz_widgets.gate import Range

Sigma = Annotated[float, Range(0, 1000)]  # px


def gaussian(pictures: Tensor, sigma: float) -> Tensor:
    """Convolved with a Gaussian of standard deviation ``sigma`` px, cut off at 4σ; the border is a mirror."""
    if sigma < 1e-3:  # not one pixel is reached, and 0 could not be divided by
        return pictures
    height, width = pictures.shape[-2:]
    across = _blur_matrix(width, sigma, pictures)
    down = across if height == width else _blur_matrix(height, sigma, pictures)
    return down.mT @ (pictures @ across)  # on a CPU several times as fast as convolutions, backward above all


def _blur_matrix(length: int, sigma: float, like: Tensor) -> Tensor:
    """(length, length): row i is the blurred unit impulse at i."""
    reach = min(int(4 * sigma + 0.5), length - 1)
    offsets = torch.arange(-reach, reach + 1, dtype=like.dtype, device=like.device)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    single = torch.eye(length, dtype=like.dtype, device=like.device)[:, None]
    return F.conv1d(F.pad(single, (reach, reach), "reflect"), (kernel / kernel.sum())[None, None])[:, 0]


def resize(pictures: Tensor, size: tuple[int, ...]) -> Tensor:
    """Bilinear, and antialiased where it gets smaller."""
    return F.interpolate(pictures, size, mode="bilinear", antialias=True, align_corners=False)


def pyramid(pictures: Tensor, levels: int) -> list[Tensor]:
    """Laplacian pyramid: the details of each octave, finest first, and last the coarse rest: ``levels`` pictures."""
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
