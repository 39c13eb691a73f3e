"""T7: what a style network does with the contrast of a photograph."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.picture_networks import StyleNetwork
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Range, gate
from cnnviz_widgets.methods.style.load_style import load_style
from cnnviz_widgets.pictures.given import AnyPicture, check_values
from cnnviz_widgets.runtime.device import callers_modes_off
from cnnviz_widgets.runtime.interrupts import guarded

__all__ = ["ContrastResponse", "contrast_response"]
example = dict(source="stained_glass")

Contrast = Annotated[float, Range(0.05, 4)]
CONTRASTS = (0.25, 0.5, 1.0, 2.0)


@dataclass(frozen=True, eq=False, repr=False)
class ContrastResponse(Result):
    """What a network paints at several contrasts.

    values      (contrasts, 3, H, W), 0…1: what it paints, ``sigmoid(f(x))``, without the photograph beneath
    painted     (contrasts, 3, H, W), 0…1: the whole result, ``sigmoid(½ logit(x) + f(x))``
    photos      (contrasts, 3, H, W): what it was given, around the mean of the photograph, not clipped
    contrasts   1 is the photograph itself
    difference  for each contrast, the mean absolute difference of ``values`` from those of the photograph itself
    """

    values: Tensor
    painted: Tensor
    photos: Tensor
    contrasts: tuple[float, ...]
    difference: tuple[float, ...]
    of: str
    convention: str = "pictures, values 0…1, one for each contrast"

    def content(self) -> Content:
        names = [f"contrast {c:g}: {d:.3f}" for c, d in zip(self.contrasts, self.difference, strict=True)]
        return Content(picture=rgb(self.values), names=tuple(names), caption=self.of)


@gate
def contrast_response(
    source: Annotated[Any, OWN], image: AnyPicture, contrasts: Sequence[Contrast] = CONTRASTS
) -> ContrastResponse:
    """What a style network paints on one photograph at several contrasts (Ulyanov et al., 2016).

    Instance norm divides by the deviation of the picture itself, so that what is painted does not change; batch norm
    divides by a deviation that was fixed in the training, so that contrast is still in it.

    source     a style, as for ``load_style``, that ``train_style`` has made
    image      (1 or 3, H, W), values 0…1
    contrasts  factors of the differences from the mean of the photograph
    """
    check_values("image", image)
    if image.ndim != 3 or len(image) not in (1, 3) or min(image.shape[-2:]) < 16:
        raise UserError(f"image must be (1 or 3, H, W), at least 16 px a side, not {tuple(image.shape)}.")
    if not len(contrasts):
        raise UserError("contrasts must name at least one contrast.")
    style = load_style(source)
    network = style.module
    if not isinstance(network, StyleNetwork):
        raise UserError("source must be a style that train_style has made.")
    photo, where = image.expand(3, -1, -1), next(network.parameters())
    factors = [float(one) for one in contrasts]
    mean = photo.mean()
    photos = torch.stack([mean + factor * (photo - mean) for factor in [1.0, *factors]]).to(where)
    with guarded(*callers_modes_off(where.device), torch.no_grad()):
        change = network.change(photos)
        whole = network.merged(photos.clamp(0, 1), change)
    first, *others = torch.sigmoid(change).cpu()
    painted = torch.stack(others)
    return ContrastResponse(
        painted,
        whole[1:].cpu(),
        photos[1:].cpu(),
        tuple(factors),
        tuple((painted - first).abs().mean((1, 2, 3)).tolist()),
        style.name,
    )
