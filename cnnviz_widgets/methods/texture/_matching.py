"""Objectives on statistics: that a part of the picture has those of other pictures, or of parts of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from cnnviz_widgets.engine.optimize import objectives
from cnnviz_widgets.engine.optimize.objectives import Objective
from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import came
from cnnviz_widgets.methods.texture._view import View
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import as_picture

Match = Literal["gram", "moments", "covariance"]
TERMS: dict[str, Callable[..., Objective]] = {
    "gram": objectives.gram,
    "moments": objectives.moments,
    "covariance": objectives.covariance,
}


class Source(NamedTuple):
    """Where statistics are from: a picture (C, H, W), or the part of it in a mask (h, w); its weight among others."""

    picture: Tensor
    mask: Tensor | None = None
    weight: float = 1.0


class Region(NamedTuple):
    """A part of the picture that is made, None = all of it; what it is to look like; and its weight in the loss."""

    mask: Tensor | None
    sources: Sequence[Source]
    weight: float = 1.0


def style_objective(
    view: View,
    regions: Sequence[Region],
    layers: Mapping[str, Any],
    match: Match,
    side: float,
    components: int | None = None,
) -> Objective:
    """Minus the mean relative distance over the layers: 0 where all is reached, about −1 where nothing is done.

    layers      name -> weight, or a tensor of one for each picture
    side        px of the shorter side of the pictures that statistics are of
    components  as in ``objectives.gram``
    """
    seen: dict[int, dict[str, Tensor]] = {}
    for region in regions:
        for picture, *_ in region.sources:
            if id(picture) not in seen:
                seen[id(picture)] = view.features(scaled(picture, side), [*layers])
    options = {} if components is None else {"components": components}
    return summed(
        TERMS[match](name, of, region.mask, of_mask, **options) * (weight * region.weight / len(layers))
        for name, weight in layers.items()
        for region in regions
        for of, of_mask in [_mixed([seen[id(one.picture)][name] for one in region.sources], region.sources)]
    )


def color_objective(regions: Sequence[Region]) -> Objective:
    """The same for colors."""
    return summed(
        region.weight * objectives.color(of, region.mask, of_mask)
        for region in regions
        for of, of_mask in [_mixed([one.picture for one in region.sources], region.sources)]
    )


def _mixed(several: Sequence[Tensor], sources: Sequence[Source]) -> tuple[Tensor, Tensor | None]:
    """Maps (C, h, w) of several sources as one, and the weights of its places: statistics are means over these."""
    if len(sources) == 1:
        return several[0], sources[0].mask
    weights = []
    for maps, source in zip(several, sources, strict=True):
        mask = maps.new_ones(maps.shape[1:]) if source.mask is None else _as_large(source.mask, maps)
        weights.append(source.weight * mask.flatten() / mask.sum())
    return torch.cat([maps.flatten(1) for maps in several], 1)[:, None], torch.cat(weights)[None]


def _as_large(mask: Tensor, maps: Tensor) -> Tensor:
    return interpolate(mask.to(maps)[None, None], maps.shape[-2:], mode="area")[0, 0]


def summed(terms: Iterable[Objective]) -> Objective:
    return reduce(add, terms)


def shares(masks: Sequence[Tensor]) -> list[float]:
    """Of the area, those of each mask."""
    areas = [float(mask.float().mean()) for mask in masks]
    return [area / sum(areas) for area in areas]


# Pictures


def scaled(picture: Tensor, side: float) -> Tensor:
    """(C, H, W) with a shorter side of so many px."""
    factor = side / min(picture.shape[-2:])
    height, width = (max(1, round(factor * one)) for one in picture.shape[-2:])
    return picture if (height, width) == picture.shape[-2:] else resize(picture[None], (height, width))[0].clamp(0, 1)


def opaque(name: str, picture: Tensor, network: Network) -> Tensor:
    """(C, H, W) as the network takes it, in its own size; alpha is laid over white. UserError for several pictures."""
    if picture.ndim == 4 and len(picture) == 1:
        picture = picture[0]
    if picture.ndim != 3:
        raise UserError(f"{name} must be one picture (C, H, W), not {came(picture)}.")
    if len(picture) == 4 != network.channels:
        picture = picture[3:] * picture[:3] + 1 - picture[3:]
    with naming(name):
        return network.prepare(picture, resize=False)[0]


def all_opaque(name: str, pictures: Tensor | Sequence[Tensor], network: Network) -> list[Tensor]:
    """Of one picture, or of several, given in any form."""
    several = [pictures] if isinstance(pictures, Tensor) and pictures.ndim < 4 else [*pictures]
    if not several:
        raise UserError(f"{name} must be at least one picture.")
    return [opaque(name, as_picture(name, one), network) for one in several]
