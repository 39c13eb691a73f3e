"""T5: a doodle becomes a painting: each region gets the texture of a region of the painting (Champandard, 2016)."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from cnnviz_widgets.engine.optimize import objectives
from cnnviz_widgets.engine.optimize.loop import OptimizationState
from cnnviz_widgets.engine.optimize.objectives import AnyLayer, Objective
from cnnviz_widgets.engine.optimize.optimizers import AnyOptimizer
from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.engine.pooling import Pooling
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Positive, Range, Rate, came, gate
from cnnviz_widgets.methods.texture._matching import (
    Match,
    Region,
    Source,
    color_objective,
    opaque,
    shares,
    style_objective,
    summed,
)
from cnnviz_widgets.methods.texture._painting import LearningRate, Size, Start, painted, sizes_to
from cnnviz_widgets.methods.texture._view import Layers, View, layer_of_content, style_layers
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["doodle"]
example = dict(size=32, steps=2)

MOST_REGIONS = 16
LabelMap = Annotated[Tensor, OWN]


@gate
def doodle(
    network: Network,
    style: AnyPicture,
    style_mask: LabelMap,
    mask: LabelMap,
    content: AnyPicture | None = None,
    *,
    names: Sequence[str] | None = None,
    alpha: Rate = 1.0,
    beta: Rate = 100.0,
    layers: Layers = None,
    content_layer: AnyLayer | None = None,
    match: Match = "gram",
    color: Rate = 0.5,
    size: Annotated[int, Range(8, 4096)] = 192,
    scales: Annotated[int, Range(1, 6)] = 1,
    pooling: Pooling = "max",
    steps: Positive = 130,
    optimizer: AnyOptimizer = "adam",
    learning_rate: LearningRate = None,
    snapshots: Sequence[int] = (),
    start: Start = None,
) -> Iterator[OptimizationState]:
    """A painting from a sketch of regions, each with the texture of a region of another painting (Champandard, 2016).

    style       (C, h, w), values 0…1: the painting
    style_mask  (h, w) of any size, whole numbers: the region of each of its pixels, such as 0 for sky and 1 for field.
                ``cnnviz.suggest_mask`` makes one
    mask        (H, W) of any size: the regions of the picture to be made, which has its proportions
    content     a picture whose content is kept, scaled to that size; None = none
    names       of the regions, in the order of their numbers, for errors
    size        px of the shorter side
    start       a state to go on from, also after ``mask`` has changed; or a picture to begin with. None = the regions
                in their mean colors
    Other arguments as in ``cnnviz.transfer``. Yields OptimizationState. UserError for a region of ``mask`` that
    ``style_mask`` does not have.

        painting = load_image("retina")
        last(doodle(load_network("mini"), painting, suggest_mask(painting, 3), suggest_mask(load_image("coffee"), 3)))
    """
    view, painting = View(network, pooling), opaque("style", style, network)
    there, wanted = _labels("style_mask", style_mask), _labels("mask", mask)
    if missing := sorted({*wanted} - {*there}):
        raise UserError(
            f"style_mask must have every region of mask: there is no region {_named(missing[0], names)} in it."
        )
    factor = size / min(mask.shape)
    full: Size = (max(1, round(factor * mask.shape[0])), max(1, round(factor * mask.shape[1])))
    view.check_memory(full)
    weights, kept = style_layers(network, layers), layer_of_content(network, content_layer)
    photo = None if content is None else opaque("content", content, network)
    regions = [
        Region(one, [Source(painting, there[label])], share)
        for (label, one), share in zip(wanted.items(), shares([*wanted.values()]), strict=True)
    ]

    def objective(at: Size) -> Objective:
        terms = [beta * style_objective(view, regions, weights, match, min(at))] if beta else []
        if beta and color:
            terms.append(beta * color * color_objective(regions))
        if photo is not None:
            features = view.features(resize(photo[None], at)[0].clamp(0, 1), [kept])[kept]
            terms.append(alpha * objectives.target_features(kept, features))
        if not terms:
            raise UserError("beta must be above 0 where there is no content.")
        return summed(terms)

    return painted(
        view,
        sizes_to(full, scales),
        objective,
        _mean_colors(regions, full),
        of=f"doodle, regions: {len(regions)}",
        steps=steps,
        optimizer=optimizer,
        learning_rate=learning_rate,
        seed=0,
        start=start,
        snapshots=snapshots,
    )


def _labels(name: str, mask: Any) -> dict[int, Tensor]:
    """By region, where it is: (h, w) of 0 and 1."""
    whole = isinstance(mask, Tensor) and not (mask.is_floating_point() or mask.is_complex() or mask.is_meta)
    if not whole or mask.ndim != 2 or not mask.numel():
        raise UserError(f"{name} must be a tensor (h, w) of whole numbers, the region of each pixel, not {came(mask)}.")
    labels = mask.unique().tolist()
    if len(labels) > MOST_REGIONS:
        raise UserError(f"{name} must have at most {MOST_REGIONS} regions, not {len(labels)}: labels, not colors.")
    return {int(label): (mask == label).float() for label in labels}


def _named(label: int, names: Sequence[str] | None) -> str:
    return f"{label} ({names[label]})" if names is not None and 0 <= label < len(names) else str(label)


def _mean_colors(regions: Sequence[Region], size: Size) -> Tensor:
    """(C, H, W): each region in the mean color of its source."""
    canvas = torch.zeros(len(regions[0].sources[0].picture), *size)
    for mask, ((picture, part, _), *_), _ in regions:
        assert mask is not None  # a doodle's regions and their sources are parts
        assert part is not None
        source = interpolate(part[None, None], picture.shape[-2:], mode="area")[0, 0]
        mean = (picture.cpu() * source.cpu()).sum((1, 2)) / source.sum().cpu().clamp(min=1e-12)
        canvas += mean[:, None, None] * interpolate(mask[None, None].cpu(), size, mode="area")[0]
    return canvas.clamp(0, 1)
