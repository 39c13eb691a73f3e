"""X7: a patch on a photograph."""

from typing import Annotated

from torch import Tensor

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, gate
from cnnviz_widgets.methods.adversarial._sticking import Shape, cover, stuck
from cnnviz_widgets.pictures.given import AnyPicture, check_values

__all__ = ["apply_patch"]


@gate
def apply_patch(
    image: AnyPicture,
    patch: AnyPicture,
    position: tuple[float, float] | None = None,
    *,
    angle: Annotated[float, Range(-360, 360)] = 0.0,
    scale: Annotated[float, Range(0.01, 100)] = 1.0,
    shape: Shape = "circle",
) -> Tensor:
    """The photograph with a patch on it, (C, H, W), 0…1.

    image     (C, H, W), values 0…1: as large as the network's pictures, for a patch in its own size
    patch     (C, h, w), values 0…1
    position  (x, y) of its middle in px of the photograph; None = the middle
    angle     degrees, counterclockwise
    scale     px of the photograph for one of the patch
    shape     "circle", of which the corners of the patch are no part, or "square"

    At whole pixels and right angles its values are moved, and not mixed. What lies outside the photograph is cut off.
    """
    for name, picture in (("image", image), ("patch", patch)):
        if picture.ndim != 3:
            raise UserError(f"{name} must be one picture (C, H, W), not of shape {tuple(picture.shape)}.")
        check_values(name, picture)
    if patch.shape[0] != image.shape[0]:
        raise UserError(f"patch must have {image.shape[0]} channels, as image has, not {patch.shape[0]}.")
    height, width = image.shape[-2:]
    side = scale * max(patch.shape[-2:])
    if side > max(height, width):
        raise UserError(f"patch must not be larger than image, {height}×{width} px: it would be {side:.0f} px.")
    x, y = position or (width / 2, height / 2)
    if patch.shape[-1] != patch.shape[-2]:
        raise UserError(f"patch must be as high as it is wide, not {patch.shape[-2]}×{patch.shape[-1]} px.")
    covered = cover(patch.shape[-1], shape)
    return stuck(image, patch.to(image), covered, x, y, angle, scale).clamp(0, 1)
