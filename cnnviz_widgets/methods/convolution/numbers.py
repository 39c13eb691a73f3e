"""F1: an image is numbers: a part of a picture as the numbers 0…255 that it consists of, and as a network gets them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Count, Range, gate
from cnnviz_widgets.methods.convolution._window import array
from cnnviz_widgets.networks.preparation import IMAGENET_MEAN, IMAGENET_STD
from cnnviz_widgets.pictures.given import AnyPicture, check_values

__all__ = ["PixelNumbers", "numbers"]
example = dict(size=4)

Side = Annotated[int, Range(1, 256)]
Colors = Annotated[Sequence[float] | None, OWN]


@dataclass(frozen=True, eq=False, repr=False)
class PixelNumbers(Result):
    """A square of a picture as numbers.

    values      (h, w, C), whole numbers 0…255: rows, columns, and the colors of each pixel, as picture files have them
    normalized  (C, h, w): (values / 255 − mean) / std, each color a plane of its own, as a network gets them
    mean, std   of each color, in 0…1
    position    (row, column) of the first pixel
    shape       (C, H, W) of the whole picture
    """

    values: Tensor
    normalized: Tensor
    mean: tuple[float, ...]
    std: tuple[float, ...]
    position: tuple[int, int]
    shape: tuple[int, ...]
    of: str
    convention: str = "red, green and blue of each pixel, 0…255, (H, W, C)"

    @property
    def planes(self) -> Tensor:
        """(C, h, w), 0…255: the same numbers, one matrix for each color."""
        return self.values.permute(2, 0, 1)

    def content(self) -> Content:
        return Content(rgb(self.planes / 255), caption=self.of)


@gate
def numbers(
    image: AnyPicture,
    position: tuple[Count, Count] = (0, 0),
    size: Side = 8,
    *,
    mean: Colors = None,
    std: Colors = None,
) -> PixelNumbers:
    """The numbers of a part of a picture: what it is in a file, and what a network gets.

    image      (C, H, W), values 0…1, with 1 or 3 colors
    position   (row, column) of the upper left pixel of the part
    size       pixels of its side; at the picture's end it is what is left of that
    mean, std  of each color of the pictures that a network was trained on, in 0…1; None = ImageNet's for three colors,
               else 0.5, as a ``Network`` has them
    Returns PixelNumbers, values (h, w, C): whole numbers 0…255. ``planes`` has the same as (C, h, w), and
    ``normalized`` what (x − mean) / std makes of them.
    Raises UserError for a batch, a position outside of the picture, and a mean or std that does not fit.

        numbers(load_image("chelsea"), (60, 100)).planes[0]
    """
    check_values("image", image)
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise UserError(
            f"image must be one picture (C, H, W) with 1 or 3 colors, not {'×'.join(map(str, image.shape))}."
        )
    channels, *sides = image.shape
    if any(at >= side for at, side in zip(position, sides, strict=True)):
        raise UserError(
            f"position must be (row, column) within the picture's {sides[0]}×{sides[1]} px, not {position}."
        )
    colored = channels == 3
    means = _per_color("mean", mean, IMAGENET_MEAN if colored else (0.5,), channels)
    deviations = _per_color("std", std, IMAGENET_STD if colored else (0.5,), channels)
    if not (deviations > 0).all():
        raise UserError(f"std must be above 0, not {deviations.tolist()}.")
    top, left = position
    part = image[:, top : top + size, left : left + size].detach().cpu().double()
    planes = (part.clamp(0, 1) * 255).round()
    return PixelNumbers(
        planes.permute(1, 2, 0).contiguous(),
        (planes / 255 - means[:, None, None]) / deviations[:, None, None],
        tuple(means.tolist()),
        tuple(deviations.tolist()),
        (top, left),
        (channels, *sides),
        f"rows {top}…{top + part.shape[1] - 1}, columns {left}…{left + part.shape[2] - 1} of {sides[0]}×{sides[1]} px",
    )


def _per_color(name: str, given: Sequence[float] | None, usual: tuple[float, ...], channels: int) -> Tensor:
    if given is None:
        return torch.tensor(usual, dtype=torch.float64)
    found = array(name, given, range(1, 2), f"({channels},), one for each color")
    if len(found) != channels:
        raise UserError(f"{name} must be {channels} numbers, one for each color, not {len(found)}.")
    return found
