"""T8: a network that enlarges pictures."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from cnnviz_widgets.engine.crops import Crops
from cnnviz_widgets.engine.optimize.objectives import AnyLayer
from cnnviz_widgets.engine.picture_networks import Upscaler
from cnnviz_widgets.engine.training import Losses, Steps, TrainingState, from_scratch
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import OWN, Range, Rate, Seed, gate
from cnnviz_widgets.methods.style.perceptual import Perceptual
from cnnviz_widgets.methods.style.upscale import shrunk
from cnnviz_widgets.methods.texture._view import at_depths
from cnnviz_widgets.networks import Network
from cnnviz_widgets.runtime.device import device as device_in_use

__all__ = ["train_upscaler"]
example = dict(steps=2, size=32, batch=2)

PREVIEWS, PREVIEW = 3, 160  # pictures, px
EDGES = 2 / 9  # depth of the layer that is compared: deeper ones leave the places of edges open


@gate
def train_upscaler(
    images: Annotated[Any, OWN],
    *,
    loss: Literal["pixel", "perceptual"] = "pixel",
    network: Network | None = None,
    layer: AnyLayer | None = None,
    factor: Annotated[int, Range(2, 8)] = 4,
    size: Annotated[int, Range(32, 512)] = 96,
    batch: Annotated[int, Range(1, 64)] = 8,
    steps: Steps = 2400,
    learning_rate: Rate = 2e-3,
    seed: Seed = 0,
    start: Annotated[Any, OWN] = None,
) -> Iterator[TrainingState]:
    """Train a network that enlarges pictures, by pixels (Dong et al., 2014) or by features (Johnson et al., 2016).

    images         large pictures, whatever ``load_dataset`` takes; they are shrunk, and to be made large again
    loss           "pixel": the mean absolute difference, which blurs what is uncertain; "perceptual": also the relative
                   distance of the features in a layer of ``network``, which draws it sharp, right or wrong
    network        for the perceptual loss; it is not changed
    layer          of the network; None = at a depth of 2/9, where edges and textures are
    factor         how many times longer the sides become
    size, batch    px of a side of the large squares, and how many of them are in a step
    learning_rate  of Adam, at first; it falls to 0 along a cosine
    seed           of the first weights and of the squares
    start          a state to go on from, or the path of a file that its ``save`` wrote; other arguments may differ

    Yields TrainingState after every step; ``upscale(photo, state)`` puts it to use. UserError for a size that is not a
    multiple of the factor, and for a perceptual loss without a network.

        *_, state = train_upscaler("photographs", steps=500)
        upscale("chelsea", state)
    """
    if size % factor:
        raise UserError(f"size must be a multiple of factor, which is {factor}, not {size}.")
    features = None
    if loss == "perceptual":
        if network is None:
            raise UserError('network must be given for loss="perceptual": whose features are compared.')
        with naming("layer"):
            name = at_depths(network, [EDGES])[0] if layer is None else network.layer(layer).name
        features = Perceptual(network, name)
    where = device_in_use() if network is None else network.device
    crops = Crops(images, size)

    def losses(upscaler: nn.Module, generator: torch.Generator, step: int) -> Losses:
        large = crops.draw(batch, generator).to(where)
        made = upscaler(shrunk(large, factor))
        pixel = {"pixel": (made - large).abs().mean()}
        return pixel if features is None else {"features": features(made, large)["content"], **pixel}

    def view(upscaler: nn.Module) -> Tensor:
        side = PREVIEW // factor * factor
        return upscaler(shrunk(crops.middles(PREVIEWS, side).to(where), factor))

    return from_scratch(
        lambda: Upscaler(factor), losses, view,
        where=where, steps=steps, learning_rate=learning_rate, seed=seed, start=start, of="upscaler",
    )  # fmt: skip
