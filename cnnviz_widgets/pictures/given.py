"""A picture as an argument: a tensor as it is, and whatever else ``load_image`` reads."""

import os
from typing import Annotated, Any

import numpy as np
from PIL import Image
from torch import Tensor, strided

from cnnviz_widgets import gate
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.pictures.load import MOST_PIXELS, load_image
from cnnviz_widgets.runtime.batching import memory_budget

#: (C, H, W) or (B, C, H, W), values 0…1. In place of a tensor there may be a sample's name, a path, bytes, a PIL
#: picture or a numpy array.
AnyPicture = Annotated[Tensor, "picture"]

_READ = (str, os.PathLike, bytes, np.ndarray, Image.Image)


def as_picture(name: str, value: Any) -> Any:
    """The picture that is meant, without any graph that led to it; ``gate.NO`` if none is."""
    if isinstance(value, _READ):
        return load_image(value)
    if not isinstance(value, Tensor):
        return gate.NO
    if value.is_meta or value.layout is not strided:
        kind = "on the device meta" if value.is_meta else f"of layout {value.layout}"
        raise UserError(f"{name} must be a dense tensor that holds its values, not one {kind}.")
    if value.ndim >= 2 and value.shape[-1] * value.shape[-2] > MOST_PIXELS:
        raise UserError(
            f"{name} is too large, {value.shape[-2]}×{value.shape[-1]} pixels: at most {MOST_PIXELS // 10**6} million "
            "are read; scale it down."
        )
    if value.numel() * 4 > value.untyped_storage().nbytes() and _larger_than_memory(value):
        raise UserError(
            f"{name} of shape {tuple(value.shape)} does not fit into memory: give fewer or smaller pictures."
        )
    return value.detach() if value.requires_grad else value


def check_values(name: str, picture: Tensor) -> None:
    """UserError unless the values are finite floats in 0…1, but for rounding."""
    if not picture.is_floating_point() or not picture.numel():
        raise UserError(f"{name} must have floating-point values 0…1, not {gate.came(picture)}.")
    least, most = (bound.item() for bound in picture.aminmax())
    if not -0.1 <= least <= most <= 1.1:
        raise UserError(f"{name} must have values 0…1, but they go from {least:.4g} to {most:.4g}.")


def _larger_than_memory(value: Tensor) -> bool:
    """Of a tensor that was expanded: whether it would be, once its values are written out."""
    return value.numel() > 2**24 and value.numel() * 4 > memory_budget(value.device)


gate.know(
    AnyPicture, "a picture: a tensor (C, H, W), as load_image(…) returns, a path, a PIL picture or an array", as_picture
)
