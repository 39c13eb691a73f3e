"""M3 to M6: feature visualization by activation maximization."""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal

import torch

from cnnviz_widgets.engine.optimize import objectives as terms
from cnnviz_widgets.engine.optimize import operators, parametrizations, transforms
from cnnviz_widgets.engine.optimize.loop import OptimizationState, optimize
from cnnviz_widgets.engine.optimize.objectives import AnyLayer, Objective, Several
from cnnviz_widgets.engine.optimize.parametrizations import MOST_PICTURES, Parametrization, Size
from cnnviz_widgets.engine.optimize.transforms import Transform
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Positive, Range, Rate, gate
from cnnviz_widgets.methods.generation.load_decoder import Decoder, as_prior
from cnnviz_widgets.networks import Network

__all__ = ["diverse", "interpolate", "visualize"]
example = dict(size=32, steps=2)

SIZE = 128  # px
OBJECTIVES: dict[str, Callable[[AnyLayer, Several], Objective]] = {"channel": terms.channel, "neuron": terms.neuron}

Family = Literal["none", "frequency", "robustness", "both", "preconditioned"]

# The rows of the table of Olah et al. (2017): parametrization, blur after every step, random transforms.
FAMILIES: dict[Family, tuple[Callable[..., Parametrization], bool, Callable[[], Sequence[Transform]]]] = {
    "none": (parametrizations.pixels, False, tuple),
    "frequency": (parametrizations.pixels, True, tuple),
    "robustness": (parametrizations.pixels, False, transforms.robust),
    "both": (parametrizations.pixels, True, transforms.robust),
    "preconditioned": (parametrizations.fourier, False, transforms.robust),
}


@gate
def visualize(
    network: Network,
    layer: AnyLayer,
    channel: Several,
    *,
    objective: Literal["channel", "neuron"] = "channel",
    negative: bool = False,
    family: Family = "preconditioned",
    size: Size = SIZE,
    prior: Annotated[Any, OWN] = None,
    steps: Positive = 256,
    learning_rate: Rate = 0.05,
    **options: Any,
) -> Iterator[OptimizationState]:
    """Feature visualization: a picture that maximizes the activation of a unit (Olah et al., 2017).

    channel    from 0; a list gives one picture per channel, in one run
    objective  "channel" (the mean of its map) or "neuron" (the unit at the center of its map)
    negative   minimize the activation instead
    family     regularization: "none", "frequency" (blur after every step), "robustness" (random transforms), "both", or
               "preconditioned" (decorrelated Fourier parametrization, with random transforms)
    size       of the picture, in px: a number, (height, width), or None for the network's own
    prior      a decoder of one of the network's layers (see ``load_decoder``), whose code is optimized, beginning with
               that of plain gray: a learned prior (Dosovitskiy & Brox, 2016), in the decoder's own size
    Other arguments as in ``optimize``. Yields OptimizationState, as that does.

        last(visualize(load_network("mini"), "conv5", 12)).values
    """
    if not isinstance(channel, int) and not len(channel):
        raise UserError("channel must be at least one channel, not an empty list.")
    unit = OBJECTIVES[objective](layer, channel)
    picture, blurred, moves = FAMILIES[family]
    count = 1 if isinstance(channel, int) else len(channel)
    if prior is not None and blurred:
        raise UserError(f"family must be one without blur for a prior, not {family!r}.")
    return optimize(
        network,
        -unit if negative else unit,
        picture(size, count) if prior is None else _learned(network, as_prior(prior, network), count),
        moves(),
        steps=steps,
        learning_rate=learning_rate,
        after=[operators.blur(0.5, every=1)] if blurred else (),
        **options,
    )


def _learned(network: Network, decoder: Decoder, count: int) -> Parametrization:
    """The decoder's pictures, from the code of plain gray on."""
    gray = torch.full((count, network.channels, *decoder.module.size), 0.5)
    return parametrizations.decoded(decoder.module, network.activations(gray, decoder.layer)[decoder.layer])


@gate
def diverse(
    network: Network,
    layer: AnyLayer,
    channel: int,
    k: Annotated[int, Range(2, MOST_PICTURES)] = 4,
    *,
    weight: Rate = 0.9,
    size: Size = SIZE,
    steps: Positive = 256,
    **options: Any,
) -> Iterator[OptimizationState]:
    """``k`` different pictures at once that all maximize one channel (Wei et al., 2015; Olah et al., 2017).

    weight   of the diversity term: share of the channel's activation that a picture loses if it is equal to the others,
             by the mean cosine of the layer's Gram matrices
    """
    aim = terms.channel(layer, channel) * (1 - weight * terms.diversity(layer))
    picture = parametrizations.fourier(size, k)
    return optimize(network, aim, picture, transforms.robust(), steps=steps, **options)


@gate
def interpolate(
    network: Network,
    unit_a: "Objective | tuple[AnyLayer, int]",
    unit_b: "Objective | tuple[AnyLayer, int]",
    n: Annotated[int, Range(2, MOST_PICTURES)] = 5,
    *,
    size: Size = SIZE,
    steps: Positive = 256,
    **options: Any,
) -> Iterator[OptimizationState]:
    """Interpolation between two units: ``n`` pictures that maximize ``(1 − t) · a + t · b``, t from 0 to 1.

    unit_a, unit_b   objectives, or (layer, channel)
    """
    a, b = (one if isinstance(one, Objective) else terms.channel(*one) for one in (unit_a, unit_b))
    shares = [i / (n - 1) for i in range(n)]
    picture = parametrizations.fourier(size, n)
    aim = a * [1 - share for share in shares] + b * shares
    return optimize(network, aim, picture, transforms.robust(), steps=steps, **options)
