"""T3: what layers know of the content of a photograph, and of the style of a painting (Gatys et al., 2016, fig. 1)."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import torch

from cnnviz_widgets.engine.optimize import objectives
from cnnviz_widgets.engine.optimize.loop import OptimizationState
from cnnviz_widgets.engine.optimize.objectives import Objective
from cnnviz_widgets.engine.optimize.optimizers import AnyOptimizer
from cnnviz_widgets.engine.pooling import Pooling
from cnnviz_widgets.gate import Positive, Range, Rate, Seed, gate
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
from cnnviz_widgets.methods.texture._painting import NOISE, LearningRate, Size, Start, painted
from cnnviz_widgets.methods.texture._view import Layers, View, style_layers
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["reconstructions"]
example = dict(size=32, steps=2)


@gate
def reconstructions(
    network: Network,
    photo: AnyPicture,
    painting: AnyPicture,
    layers: Layers = None,
    *,
    match: Match = "gram",
    color: Rate = 0.5,
    size: Annotated[int, Range(8, 4096)] = 128,
    pooling: Pooling = "max",
    steps: Positive = 150,
    optimizer: AnyOptimizer = "adam",
    learning_rate: LearningRate = None,
    snapshots: Sequence[int] = (),
    seed: Seed = 0,
    start: Start = None,
) -> Iterator[OptimizationState]:
    """Content and style reconstructions from noise, layer by layer, all in one run (Gatys et al., 2016, fig. 1).

    photo     (C, H, W), values 0…1, whose content is reconstructed, from each layer by itself
    painting  (C, h, w), values 0…1, whose style is: from the first layer, from the first two, and so on
    layers    names; None = four, from the first to two thirds of the depth
    size      px of the shorter side of the photograph and of the painting; all pictures are as large as the photograph
    Other arguments as in ``cnnviz.transfer``. Yields OptimizationState with twice as many pictures as layers: first
    those of the content.

        last(reconstructions(load_network("mini"), load_image("chelsea"), load_image("retina"))).values
    """
    view, names = View(network, pooling), [*style_layers(network, layers)]
    content, style = scaled(opaque("photo", photo, network), size), opaque("painting", painting, network)
    full: Size = (content.shape[-2], content.shape[-1])
    view.check_memory(full)
    count = len(names)
    regions = [Region(None, [Source(style)])]

    def objective(at: Size) -> Objective:
        features = view.features(content, names)
        each = torch.eye(count, 2 * count).tolist()
        so_far = {  # the mean over the layers that a picture is reconstructed from
            name: torch.tensor([0.0] * (count + row) + [count / (row + below + 1) for below in range(count - row)])
            for row, name in enumerate(names)
        }
        terms = [objectives.target_features(name, features[name]) * one for name, one in zip(names, each, strict=True)]
        terms.append(style_objective(view, regions, so_far, match, size))
        if color:
            terms.append(color_objective(regions) * ([0.0] * count + [color] * count))
        return summed(terms)

    return painted(
        view,
        [full],
        objective,
        NOISE,
        of=f"reconstructions of content and style from {', '.join(names)}",
        steps=steps,
        optimizer=optimizer,
        learning_rate=learning_rate,
        seed=seed,
        start=start,
        snapshots=snapshots,
        count=2 * count,
    )
