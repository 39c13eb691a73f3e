"""N1: a network that learns to draw chairs and tables from their parameters."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnviz_widgets.engine.generators import ObjectGenerator, RayGenerator, painted, places
from cnnviz_widgets.engine.schedules import faded
from cnnviz_widgets.engine.training import Losses, Steps, TrainingState, initialized, train
from cnnviz_widgets.gate import OWN, Range, Rate, Seed, gate
from cnnviz_widgets.methods.generation._views import Views, mirrored, rendered
from cnnviz_widgets.pictures.objects import KINDS
from cnnviz_widgets.runtime.device import device as device_in_use

__all__ = ["train_generator"]
example = dict(steps=2, pictures=16, batch=4)

PREVIEWS = 6  # pictures, each above what the generator should have drawn
MASK = 0.2  # weight of the mask's cross entropy
RAYS = 96  # of each picture in a step
EDGES = 10  # times as often as others, rays are drawn that meet pixels with an edge beside them
CONTRAST = 0.03  # from where on there is one
RISE = 50  # steps in which the learning rate rises


@gate
def train_generator(
    *,
    pictures: Annotated[int, Range(16, 100_000)] = 3000,
    up: Literal["resize", "transposed", "rays"] = "resize",
    batch: Annotated[int, Range(1, 1024)] = 16,
    steps: Steps = 1000,
    learning_rate: Rate = 3e-3,
    seed: Seed = 0,
    start: Annotated[Any, OWN] = None,
) -> Iterator[TrainingState]:
    """Train a network that draws chairs and tables from their parameters (Dosovitskiy et al., 2017).

    pictures       rendered before the first step, about 7 ms each; every second one in a step is mirrored
    up             how maps are enlarged: "resize", by nearest neighbor and a convolution, or "transposed", by
                   transposed convolutions, which leave a checkerboard (Odena et al., 2016). With "rays" there are no
                   maps: the camera's ray through each pixel is followed through boxes in space, whose places, sizes
                   and brightness are learned (after Mildenhall et al., 2020, and Tulsiani et al., 2017), and a step
                   takes 96 rays of each picture. The bundled generator is one of these
    batch          pictures in a step
    learning_rate  of Adam, at most: it rises in 50 steps, then falls to 0 along a cosine
    seed           of the pictures, the first weights (He et al., 2015) and the order
    start          a state to go on from, or the path of a file that its ``save`` wrote; other arguments may differ

    Of each kind, a window of 30° of azimuths is never learned. Yields TrainingState after every step: ``preview`` has
    six views of these windows, and below them the rendered truth; ``load_generator(state)`` puts it to use.

        *_, state = train_generator(pictures=1000, steps=300)
        load_generator(state)("armchair", azimuth=30).values
    """
    where = device_in_use()
    learned, unseen = _at(rendered(pictures, seed), where), _at(rendered(PREVIEWS, seed, learned=False), where)
    sides = [(*one, _edges(one.shade)) for one in (learned, mirrored(learned))]

    def losses(generator: Any, random: torch.Generator, step: int) -> Losses:
        chosen = torch.randint(pictures, (batch,), generator=random).to(where)
        half = (batch + 1) // 2
        parameters, shade, cover, edges = (
            torch.cat([one[chosen[:half]], other[chosen[half:]]]) for one, other in zip(*sides, strict=True)
        )
        if up == "rays":
            pixels = _drawn_pixels(edges, random)
            drawn = _at_pixels(generator, parameters, pixels)
            shade, cover = (one.flatten(1).gather(1, pixels) for one in (shade, cover))
        else:
            drawn = generator(parameters)
        return {
            "picture": F.mse_loss(drawn[:, 0], shade),
            "mask": MASK * F.binary_cross_entropy_with_logits(drawn[:, 1], cover),
        }

    def view(generator: nn.Module) -> Tensor:
        colors = torch.full((PREVIEWS, 3), 0.8, device=where)
        made, _ = painted(generator(unseen.parameters), colors)
        logits = torch.stack([unseen.shade, unseen.cover.logit(eps=1e-6)], 1)
        return torch.cat([made, painted(logits, colors)[0]])

    return train(
        initialized(RayGenerator if up == "rays" else lambda: ObjectGenerator(up), seed).to(where),
        losses,
        view,
        steps=steps,
        learning_rate=lambda step: learning_rate * min(1.0, step / RISE) * faded((step - 1) / steps),
        seed=seed,
        start=start,
        of="generator",
    )


def _drawn_pixels(edges: Tensor, random: torch.Generator) -> Tensor:
    """(B, 96): numbers of pixels."""
    often = 1 + (EDGES - 1) * edges.flatten(1).float()
    return torch.multinomial(often.cpu(), RAYS, replacement=True, generator=random).to(edges.device)


def _at_pixels(generator: RayGenerator, parameters: Tensor, pixels: Tensor) -> Tensor:
    """(B, 2, 96): what the generator draws there."""
    placement = parameters[:, len(KINDS) :]
    at = places(placement).gather(1, pixels[..., None].expand(-1, -1, 2))
    return generator.shade(generator.code(parameters), placement, at).mT


def _edges(shade: Tensor) -> Tensor:
    """(N, 64, 64): which pixels have an edge within a pixel of them."""
    most, least = F.max_pool2d(shade, 3, 1, 1), -F.max_pool2d(-shade, 3, 1, 1)
    return most - least > CONTRAST


def _at(views: Views, where: torch.device) -> Views:
    return Views(*(one.to(where) for one in views))
