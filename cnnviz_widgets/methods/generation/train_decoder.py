"""N2: a network that learns to invert the features of a layer."""

from collections.abc import Iterator
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnviz_widgets.engine.crops import Crops
from cnnviz_widgets.engine.feature_decoder import FeatureDecoder
from cnnviz_widgets.engine.optimize.objectives import AnyLayer
from cnnviz_widgets.engine.training import Losses, Steps, TrainingState, from_scratch
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Range, Rate, Seed, gate
from cnnviz_widgets.networks import Network

__all__ = ["train_decoder"]
example = dict(steps=2, batch=2)

PREVIEWS = 3  # pictures, each above what the decoder makes of its features


@gate
def train_decoder(
    network: Network,
    layer: AnyLayer | None,
    images: Annotated[Any, OWN],
    *,
    batch: Annotated[int, Range(1, 256)] = 8,
    steps: Steps = 400,
    learning_rate: Rate = 3e-3,
    seed: Seed = 0,
    start: Annotated[Any, OWN] = None,
) -> Iterator[TrainingState]:
    """Train a network that makes the picture of a layer's features (Dosovitskiy & Brox, 2016).

    network        whose features are inverted; it is not changed
    layer          with maps; None = ``network.default_layer``
    images         to practice on, whatever ``load_dataset`` takes; some thousand do
    batch          pictures in a step, squares drawn at random, of the network's own size
    learning_rate  of Adam, at first; it falls to 0 along a cosine
    seed           of the first weights and the squares
    start          a state to go on from, or the path of a file that its ``save`` wrote; other arguments may differ

    What is made small is the mean squared difference of pixels. Yields TrainingState after every step: ``preview`` has
    the first three pictures, and below them what the decoder makes of their features; ``load_decoder(state)`` puts it
    to use. UserError for a layer without maps, and for a network that takes no pictures in color.

        *_, state = train_decoder(load_network("mini"), "relu3", scenes(2000), steps=200)
    """
    found = network.default_layer if layer is None else network.layer(layer)
    if not found.spatial:
        raise UserError(f"layer must have maps to be decoded; {found.name!r} has none.")
    if network.channels != 3:
        raise UserError(f"network must take pictures in color; {network.name} takes {network.channels} channels.")
    height, width = network.probed_size
    crops = Crops(images, max(height, width))

    def features(pictures: Tensor) -> Tensor:
        return network.activations(pictures, found.name)[found.name]

    def losses(decoder: nn.Module, generator: torch.Generator, step: int) -> Losses:
        pictures = crops.draw(batch, generator)[..., :height, :width].to(network.device)
        return {"picture": F.mse_loss(decoder(features(pictures)), pictures)}

    def view(decoder: nn.Module) -> Tensor:

        pictures = crops.middles(PREVIEWS, max(height, width))[..., :height, :width].to(network.device)
        return torch.cat([pictures, decoder(features(pictures))])

    channels, rows, columns = found.shape
    of = (channels, rows, columns), (height, width), found.name, network.fingerprint
    return from_scratch(
        lambda: FeatureDecoder(*of), losses, view,
        where=network.device, steps=steps, learning_rate=learning_rate, seed=seed, start=start,
        of=f"decoder of {found.name}",
    )  # fmt: skip
