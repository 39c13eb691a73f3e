"""T4: style transfer over a grid of weights and layers (Gatys et al., 2016, fig. 3)."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import torch

from cnnviz_widgets.engine.optimize import objectives
from cnnviz_widgets.engine.optimize.loop import OptimizationState
from cnnviz_widgets.engine.optimize.objectives import AnyLayer, Objective
from cnnviz_widgets.engine.optimize.optimizers import AnyOptimizer
from cnnviz_widgets.engine.pooling import Pooling
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Positive, Range, Rate, came, gate
from cnnviz_widgets.methods.texture._matching import (
    Match,
    Region,
    Source,
    color_objective,
    opaque,
    scaled,
    style_objective,
    summed,
)
from cnnviz_widgets.methods.texture._painting import LearningRate, Size, Start, painted
from cnnviz_widgets.methods.texture._view import Layers, View, layer_of_content, style_layers
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["transfer_grid"]
example = dict(size=32, steps=2, betas=[1, 100])


@gate
def transfer_grid(
    network: Network,
    content: AnyPicture,
    style: AnyPicture,
    betas: Sequence[float] = (1, 10, 100, 1000),
    layers: Layers = None,
    *,
    alpha: Rate = 1.0,
    content_layer: AnyLayer | None = None,
    match: Match = "gram",
    color: Rate = 0.5,
    size: Annotated[int, Range(8, 4096)] = 128,
    pooling: Pooling = "max",
    steps: Positive = 100,
    optimizer: AnyOptimizer = "adam",
    learning_rate: LearningRate = None,
    snapshots: Sequence[int] = (),
    start: Start = None,
) -> Iterator[OptimizationState]:
    """Style transfer for several weights of the style and several depths, all in one run (Gatys et al., 2016, fig. 3).

    betas   the columns: weights of the style
    layers  the rows: with the first layer of the style, with the first two, and so on
    size    px of the shorter side
    Other arguments as in ``cnnviz.transfer``. Yields OptimizationState with layers × betas pictures, row by row.

        last(transfer_grid(load_network("mini"), load_image("chelsea"), load_image("retina"))).values
    """
    weights = torch.as_tensor(betas, dtype=torch.float64).flatten()
    if not len(weights) or not (weights.isfinite() & (weights >= 0)).all():
        raise UserError(f"betas must be at least one number, each of at least 0, not {came(betas)}.")
    view, names = View(network, pooling), [*style_layers(network, layers)]
    photo, painting = scaled(opaque("content", content, network), size), opaque("style", style, network)
    full: Size = (photo.shape[-2], photo.shape[-1])
    view.check_memory(full)
    kept, rows = layer_of_content(network, content_layer), len(names)
    regions = [Region(None, [Source(painting)])]

    def objective(at: Size) -> Objective:
        in_rows = {  # each row is the mean over its layers
            name: torch.cat([weights * (rows / (row + 1) if row >= depth else 0) for row in range(rows)])
            for depth, name in enumerate(names)
        }
        aim = alpha * objectives.target_features(kept, view.features(photo, [kept])[kept])
        terms = [aim, style_objective(view, regions, in_rows, match, size)]
        return summed([*terms, color_objective(regions) * (color * weights).repeat(rows)] if color else terms)

    return painted(
        view,
        [full],
        objective,
        photo,
        of=f"style transfer, {rows} depths × {len(weights)} weights",
        steps=steps,
        optimizer=optimizer,
        learning_rate=learning_rate,
        seed=0,
        start=start,
        snapshots=snapshots,
        count=rows * len(weights),
    )
