"""What shows where a picture is covered, taken away, or not there yet."""

from typing import Literal, get_args

import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from cnnviz_widgets.errors import UserError

Fill = Literal["gray", "mean", "black", "blurred", "noise"]
FILLS = get_args(Fill)


def fill_picture(picture: Tensor, fill: str) -> Tensor:
    """What shows where the picture (C, H, W) is covered, of the same shape: one of ``FILLS``."""
    if fill == "gray":
        return torch.full_like(picture, 0.5)
    if fill == "mean":
        return picture.mean((1, 2), keepdim=True).expand_as(picture)
    if fill == "black":
        return torch.zeros_like(picture)
    if fill == "blurred":
        sigma = min(picture.shape[-2:]) / 16
        side = 2 * int(3 * sigma) + 1
        return gaussian_blur(gaussian_blur(picture, [side, 1], [sigma, sigma]), [1, side], [sigma, sigma])
    if fill == "noise":  # the same each time, so that what ``occluded`` shows is what ``occlusion`` saw
        return torch.rand(picture.shape, generator=torch.Generator().manual_seed(0)).to(picture)
    raise UserError(f"fill must be one of {', '.join(map(repr, FILLS))}, not {fill!r}.")
