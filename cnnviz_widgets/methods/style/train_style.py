"""T6, T7: a network that paints in one style, in one pass."""

from collections.abc import Iterator
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from cnnviz_widgets.engine.crops import Crops
from cnnviz_widgets.engine.optimize import objectives
from cnnviz_widgets.engine.optimize.objectives import AnyLayer, TermInputs
from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.engine.picture_networks import Norm, StyleNetwork
from cnnviz_widgets.engine.training import Losses, Steps, TrainingState, from_scratch
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import OWN, Range, Rate, Seed, gate
from cnnviz_widgets.methods.style.perceptual import Perceptual
from cnnviz_widgets.methods.texture._view import Layers, layer_of_content, style_layers
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["train_style"]
example = dict(steps=2, size=32, style_size=64, batch=2)

PREVIEWS, PREVIEW = 3, 160  # pictures, px


@gate
def train_style(
    network: Network,
    style: AnyPicture,
    images: Annotated[Any, OWN],
    *,
    layers: Layers = None,
    content_layer: AnyLayer | None = None,
    alpha: Rate = 3.0,
    beta: Rate = 20.0,
    smoothness: Rate = 2.0,
    style_size: Annotated[int, Range(32, 1024)] = 256,
    size: Annotated[int, Range(32, 512)] = 128,
    batch: Annotated[int, Range(1, 64)] = 2,
    norm: Norm = "instance",
    steps: Steps = 4000,
    learning_rate: Rate = 3e-3,
    seed: Seed = 0,
    start: Annotated[Any, OWN] = None,
) -> Iterator[TrainingState]:
    """Train a network that paints in the style of a picture, in one pass (Johnson et al., 2016).

    network        whose features say how far a picture is from the photograph and from the style; it is not changed
    style          (3, H, W), values 0…1
    images         photographs to practice on: a folder, a list, a batch, whatever ``load_dataset`` takes; some 200 do
    layers         of the style, as names or {name: weight}; None = four, from the first to two thirds of the depth
    content_layer  whose features are kept; None = at a third of the depth
    alpha, beta    weights of the content and of the style; both losses are relative: 0 = reached, about 1 = not at all
    smoothness     weight of the total variation per pixel
    style_size     px of the style's shorter side: the larger, the broader the strokes
    size, batch    px of a side of the squares that are cut from the photographs, and how many of them are in a step
    norm           "instance" takes the contrast of each picture out (Ulyanov et al., 2016), "batch" that of a batch
    learning_rate  of Adam, at first; it falls to 0 along a cosine
    seed           of the first weights and of the squares
    start          a state to go on from, or the path of a file that its ``save`` wrote; other arguments may differ

    Yields TrainingState after every step: ``losses``, ``preview`` of the first three photographs, and ``network``,
    which ``load_style(state)`` puts to use. In several processes (torch.distributed), ``batch`` is that of all of them.

        *_, state = train_style(load_network("squeezenet1_0"), "stained_glass", "photographs", steps=400)
        load_style(state)("chelsea")
    """
    painting, content = style_layers(network, layers), layer_of_content(network, content_layer)
    loss = Perceptual(network, content, _scaled(network, style, style_size), painting)
    variation = objectives.total_variation().bind(network, batch)
    crops = Crops(images, size)

    def losses(painter: nn.Module, generator: torch.Generator, step: int) -> Losses:
        photos = crops.draw(batch, generator).to(network.device)
        made = painter(photos)
        found = loss(made, photos)
        (edges,) = variation(TermInputs(made, None, {}, None)).values()
        return {
            "content": alpha * found["content"],
            "style": beta * found["style"],
            "variation": smoothness * edges.mean() / size**2,
        }

    def view(painter: nn.Module) -> Tensor:
        return painter(crops.middles(PREVIEWS, PREVIEW).to(network.device))

    return from_scratch(
        lambda: StyleNetwork(norm=norm), losses, view,
        where=network.device, steps=steps, learning_rate=learning_rate, seed=seed, start=start, of="style",
    )  # fmt: skip


def _scaled(network: Network, style: Tensor, side: int) -> Tensor:
    """The style (3, h, w), whose shorter side is as long as said."""
    with naming("style"):
        pictures = network.prepare(style, resize=False)
    if len(pictures) != 1:
        raise UserError(f"style must be one picture (C, H, W), not a batch of {len(pictures)}.")
    height, width = pictures.shape[-2:]
    shorter = min(height, width)
    return resize(pictures, (round(height * side / shorter), round(width * side / shorter)))[0].clamp(0, 1)
