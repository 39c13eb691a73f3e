"""X7: an adversarial patch: a sticker that is taken for a class, wherever it lies (Brown et al., 2017)."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from torch import Tensor

from cnnviz_widgets.engine.optimize import objectives
from cnnviz_widgets.engine.optimize.loop import OptimizationState, optimize
from cnnviz_widgets.engine.optimize.parametrizations import pixels, unwoken
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import OWN, Positive, Range, Rate, gate
from cnnviz_widgets.methods.adversarial._sticking import Places, Shape, Sticking, cover, side_of
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.dataset import load_dataset

__all__ = ["patch"]
example = dict(steps=2, samples=2)

Degrees = Annotated[float, Range(0, 180)]
Area = Annotated[float, Range(0.001, 0.5)]


@gate
def patch(
    network: Network,
    images: Annotated[Any, OWN],
    target: int | str,
    *,
    area: Area = 0.05,
    shape: Shape = "circle",
    degrees: Degrees = 20.0,
    sizes: Annotated[float, Range(0, 0.9)] = 0.2,
    smoothness: Rate = 0.0,
    printable: Rate = 0.0,
    steps: Positive = 150,
    samples: Annotated[int, Range(1, 256)] = 8,
    learning_rate: Rate = 0.05,
    **options: Any,
) -> Iterator[OptimizationState]:
    """Train a patch that makes a network see a class, whatever else is in the picture (Brown et al., 2017).

    images      photographs to train on: a folder, a list, a batch, whatever ``load_dataset`` takes; some 30 do
    target      class index or name
    area        share of the network's picture that the patch covers
    shape       "circle" or "square"
    degrees     it is turned by up to so much, either way
    sizes       it is scaled by 1 − sizes … 1 + sizes
    smoothness  weight of the total variation per pixel: smoother patches survive printing and cameras
    printable   weight of the squared distance to the nearest color that a printer has
    samples     photographs in a step, each with a place, an angle and a size of its own
    Other arguments as in ``optimize``. Yields OptimizationState, whose ``values`` are the patch, (C, side, side): of a
    circle, the corners do not count. ``apply_patch`` puts it to use, ``patch_success`` tries it on other photographs.
    UserError where all of ``images`` are taken for the class as they are.

        *_, state = patch(load_network("mini"), samples(), "goldfish")
        apply_patch("chelsea", state.values)
    """
    photos = tuple(prepared(network, images))
    size = photos[0].shape[-2:]
    side = side_of(area, size, shape)
    if side > min(size):
        raise UserError(f"area must be smaller: a {shape} of {area:.0%} would not fit into {size[0]}×{size[1]} px.")
    index = network.class_index(target)
    if all(network.top(network.logits(photo)).item() == index for photo in photos):
        raise UserError(f"images are all taken for {network.classes[index]!r} without a patch.")
    goal = -objectives.cross_entropy(index)
    if smoothness:
        goal = goal - smoothness / side**2 * objectives.total_variation()
    if printable:
        goal = goal - printable * objectives.unprintable()
    return optimize(
        network,
        goal,
        unwoken(pixels((side, side))),
        (Sticking(photos, cover(side, shape), Places(degrees, sizes)),),
        steps=steps,
        samples=samples,
        learning_rate=learning_rate,
        **options,
    )


def prepared(network: Network, images: Any) -> list[Tensor]:
    """Every picture as the network sees it, (C, H, W)."""
    (pictures,) = prepared_for([network], images)
    return pictures


def prepared_for(networks: Sequence[Network], images: Any) -> list[list[Tensor]]:
    """As each of several networks sees every picture, which is read once."""
    with naming("images"):
        dataset = load_dataset(images, channels=max(one.channels for one in networks))
        pictures = [[one.prepare(picture)[0] for one in networks] for picture, _ in dataset]
        return [*map(list, zip(*pictures, strict=True))]
