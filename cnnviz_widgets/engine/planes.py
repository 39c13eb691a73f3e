"""One number for every pixel, of whatever a method returned."""

from typing import Any

from torch import Tensor

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.pictures.given import as_picture


def plane(
    heatmap: Any, size: tuple[int, ...] | None = None, *, absolute: bool = False, name: str = "heatmap"
) -> Tensor:
    """(H, W), float64, on the CPU: of values (C, H, W) the sum over channels, of their sizes if ``absolute``.

    heatmap  a result with ``values``, or a tensor
    size     that the map must have: (height, width)
    name     of the argument, for what is wrong with it
    UserError for another shape, and for numbers that are not finite.
    """
    values = heatmap if isinstance(heatmap, Tensor) else getattr(heatmap, "values", None)
    if not isinstance(values, Tensor):
        raise UserError(f"{name} must be a result with values, or a tensor (H, W), not a {type(heatmap).__name__}.")
    if getattr(getattr(heatmap, "picture", None), "ndim", 3) == 4:
        raise UserError(f"{name} must be of one picture, not of a batch of {len(values)}.")
    values = as_picture(name, values).cpu().double()
    values = values.abs() if absolute else values
    values = values.sum(0) if values.ndim == 3 else values
    if values.ndim != 2 or (size is not None and values.shape != size):
        wanted = "shape (H, W)" if size is None else f"the picture's {size[0]}×{size[1]} pixels"
        raise UserError(f"{name} must have {wanted}, not {'×'.join(map(str, values.shape))}.")
    if not values.isfinite().all():
        raise UserError(f"{name} has values that are not finite (NaN or infinity).")
    return values


def varied(values: Tensor) -> Tensor:
    """The map as it is; UserError if it is constant."""
    if values.min() == values.max():
        raise UserError(f"heatmap is constant ({values.min():.4g} everywhere): no pixel stands out in it.")
    return values
