"""T4: style transfer by optimization (Gatys et al., 2016)."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Literal

from torch import Tensor

from cnnviz_widgets.engine.optimize import objectives
from cnnviz_widgets.engine.optimize.loop import OptimizationState
from cnnviz_widgets.engine.optimize.objectives import AnyLayer, Objective
from cnnviz_widgets.engine.optimize.optimizers import AnyOptimizer
from cnnviz_widgets.engine.pooling import Pooling
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Positive, Range, Rate, Seed, came, gate
from cnnviz_widgets.methods.style.keep_color import with_colors_of
from cnnviz_widgets.methods.texture._matching import (
    Match,
    Region,
    Source,
    all_opaque,
    color_objective,
    opaque,
    scaled,
    shares,
    style_objective,
    summed,
)
from cnnviz_widgets.methods.texture._painting import NOISE, LearningRate, Size, Start, painted, sizes_to
from cnnviz_widgets.methods.texture._view import Layers, View, layer_of_content, style_layers
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["transfer"]
example = dict(size=32, steps=2, begin="noise")

Side = Annotated[int, Range(8, 4096)] | None


@gate
def transfer(
    network: Network,
    content: AnyPicture,
    style: AnyPicture | Sequence[AnyPicture],
    alpha: Rate = 1.0,
    beta: Rate = 100.0,
    *,
    weights: Sequence[float] | None = None,
    masks: Sequence[Tensor] | None = None,
    layers: Layers = None,
    content_layer: AnyLayer | None = None,
    match: Match = "gram",
    color: Rate = 0.5,
    smoothness: Rate = 0.0,
    size: Side = 256,
    style_size: Annotated[float, Range(0.1, 4)] = 1.0,
    scales: Annotated[int, Range(1, 6)] = 1,
    pooling: Pooling = "max",
    keep_color: bool = False,
    begin: Literal["content", "noise"] = "content",
    steps: Positive = 80,
    optimizer: AnyOptimizer = "lbfgs",
    learning_rate: LearningRate = None,
    snapshots: Sequence[int] = (),
    seed: Seed = 0,
    start: Start = None,
) -> Iterator[OptimizationState]:
    """Style transfer: the content of a photograph, painted in the style of another picture (Gatys et al., 2016).

    content        (C, H, W), values 0…1
    style          a picture of any size, or several
    alpha, beta    weights of content and style. Both losses are relative, 0 where all is reached and about 1 where
                   nothing is done, whatever the network, its layers and the size
    weights        of several styles: shares of a mixture, or of the loss where each has its own mask
    masks          (h, w) of any size, values 0…1, one for each style: where it is painted; None = everywhere
    layers         of the style, as names or {name: weight}; None = four, from the first to two thirds of the depth
    content_layer  whose features are kept; None = at a third of the depth
    match          statistics that are the style: "gram", "moments" (mean and deviation of each channel), "covariance"
    color          weight of the style's colors, as a share of ``beta``
    smoothness     weight of the total variation of a pixel
    size           px of the shorter side; None = as the content is
    style_size     shorter side of the styles, as a share of that: the size of the brush
    scales         sizes through which the picture is made, each half of the next, with 30 steps in all but the last
    pooling        of the network: its own "max", "average" or "l2"
    keep_color     show the result in the colors of the content; see ``cnnviz.keep_color``
    begin          with the "content" or with "noise"
    optimizer      as in ``optimize``; learning_rate None = one that suits it
    start          a state to go on from; ``size``, ``scales``, ``begin`` and ``seed`` do not change then, all else
                   may, and steers the picture from the next step on. Or a picture to begin with
    A network whose first layer has a stride of 4 px gets all pictures in double size.
    Yields OptimizationState after every step. UserError for a size that does not fit into memory, with one that does.

        last(transfer(load_network("mini"), load_image("chelsea"), load_image("retina"))).values
    """
    view = View(network, pooling)
    photo, styles = opaque("content", content, network), all_opaque("style", style, network)
    photo = photo if size is None else scaled(photo, size)
    full: Size = (photo.shape[-2], photo.shape[-1])
    view.check_memory(full)
    regions = _regions(styles, weights, masks)
    painting, kept = style_layers(network, layers), layer_of_content(network, content_layer)

    def objective(at: Size) -> Objective:
        side = min(at)
        terms: list[Objective] = []
        if alpha or not beta:
            terms.append(alpha * objectives.target_features(kept, view.features(scaled(photo, side), [kept])[kept]))
        if beta:
            terms.append(beta * style_objective(view, regions, painting, match, style_size * side))
        if beta and color:
            terms.append(beta * color * color_objective(regions))
        if smoothness:
            terms.append(-smoothness / (at[0] * at[1]) * objectives.total_variation())
        return summed(terms)

    return painted(
        view,
        sizes_to(full, scales),
        objective,
        photo if begin == "content" else NOISE,
        of=f"style transfer, α {alpha:g}, β {beta:g}",
        steps=steps,
        optimizer=optimizer,
        learning_rate=learning_rate,
        seed=seed,
        start=start,
        snapshots=snapshots,
        finish=partial(with_colors_of, photo) if keep_color else None,
    )


def _regions(styles: Sequence[Tensor], weights: Sequence[float] | None, masks: Sequence[Tensor] | None) -> list[Region]:
    weights = [1.0] * len(styles) if weights is None else [float(one) for one in weights]
    if len(weights) != len(styles) or min(weights) < 0 or not 0 < sum(weights) < float("inf"):
        raise UserError(
            f"weights must be a number of at least 0 for each of {len(styles)} styles, not all 0, not {came(weights)}."
        )
    if masks is None:
        total = sum(weights)
        used = [(one, weight / total) for one, weight in zip(styles, weights, strict=True) if weight]
        return [Region(None, [Source(one, None, weight) for one, weight in used])]
    if len(masks) != len(styles):
        raise UserError(f"masks must be one for each of {len(styles)} styles, not {len(masks)}.")
    for mask in masks:
        if not isinstance(mask, Tensor) or mask.is_meta or mask.ndim != 2 or not mask.float().mean() > 0:
            raise UserError(
                f"masks must be tensors (h, w), values 0…1, and none of them 0 everywhere, not {came(mask)}."
            )
    return [
        Region(mask.float(), [Source(one)], weight * share)
        for one, mask, weight, share in zip(styles, masks, weights, shares(masks), strict=True)
    ]
