"""T2: textures that have the statistics of a sample in the layers of a network (Gatys et al., 2015)."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from cnnviz_widgets.engine.optimize.loop import OptimizationState
from cnnviz_widgets.engine.optimize.objectives import Objective
from cnnviz_widgets.engine.optimize.optimizers import AnyOptimizer
from cnnviz_widgets.engine.pooling import Pooling
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Positive, Range, Rate, Seed, gate
from cnnviz_widgets.methods.texture._matching import (
    Match,
    Region,
    Source,
    color_objective,
    opaque,
    style_objective,
)
from cnnviz_widgets.methods.texture._painting import NOISE, LearningRate, Size, Start, painted, sizes_to
from cnnviz_widgets.methods.texture._view import Layers, View, style_layers
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["texture", "texture_numbers"]
example = dict(size=32, steps=2)


@gate
def texture(
    network: Network,
    sample: AnyPicture,
    layers: Layers = None,
    match: Match = "gram",
    parameters: Positive | None = None,
    *,
    size: Annotated[int, Range(8, 4096)] = 256,
    sample_size: Annotated[float, Range(0.1, 4)] = 1.0,
    color: Rate = 0.5,
    scales: Annotated[int, Range(1, 6)] = 2,
    pooling: Pooling = "average",
    steps: Positive = 150,
    optimizer: AnyOptimizer = "lbfgs",
    learning_rate: LearningRate = None,
    snapshots: Sequence[int] = (),
    seed: Seed = 0,
    start: Start = None,
) -> Iterator[OptimizationState]:
    """From noise, a picture with the statistics of a sample: the same texture, in other places (Gatys et al., 2015).

    sample       (C, h, w), values 0…1
    layers       names or {name: weight}; None = four, from the first to two thirds of the depth
    match        statistics of the layers: "gram", "moments" (means and deviations), "covariance" (and means)
    parameters   describe the texture by at most so many numbers: Gram matrices of as many principal components of each
                 layer; None = of all channels. See ``cnnviz.texture_numbers``
    size         px of a side of the texture
    sample_size  shorter side of the sample, as a share of that
    scales       sizes through which the texture is made, each half of the next, with 30 steps in all but the last
    pooling      of the network: "average" or "l2" leave less of a lattice than its own, "max"
    color        weight of the mean and the covariance of the colors, beside the layers, which count 1 together
    Other arguments as in ``cnnviz.transfer``. Yields OptimizationState; ``of`` says how many numbers are matched.

        last(texture(load_network("mini"), load_image("gravel"))).values
    """
    view, full = View(network, pooling), (size, size)
    picture, weights = opaque("sample", sample, network), style_layers(network, layers)
    components = _components(network, weights, match, parameters)
    view.check_memory(full)
    regions = [Region(None, [Source(picture)])]

    def objective(at: Size) -> Objective:
        aim = style_objective(view, regions, weights, match, sample_size * min(at), components)
        return aim + color * color_objective(regions) if color else aim

    return painted(
        view,
        sizes_to(full, scales),
        objective,
        NOISE,
        of=f"texture by {_numbers(network, weights, match, components):,} numbers",
        steps=steps,
        optimizer=optimizer,
        learning_rate=learning_rate,
        seed=seed,
        start=start,
        snapshots=snapshots,
    )


@gate
def texture_numbers(
    network: Network, layers: Layers = None, match: Match = "gram", parameters: Positive | None = None
) -> int:
    """How many numbers describe a texture: ``C(C + 1) / 2`` for the Gram matrix of a layer of C channels.

    2 C for "moments", and ``C + C(C + 1) / 2`` for "covariance". Arguments as in ``cnnviz.texture``.
    """
    weights = style_layers(network, layers)
    return _numbers(network, weights, match, _components(network, weights, match, parameters))


def _components(network: Network, layers: dict[str, float], match: Match, parameters: int | None) -> int | None:
    """The greatest number of components of each layer that is described by at most so many numbers."""
    if parameters is None:
        return None
    if match != "gram":
        raise UserError(f"parameters must be None for match={match!r}: only Gram matrices are reduced to components.")
    if parameters < len(layers):
        raise UserError(f"parameters must be at least {len(layers)}, one for each layer, not {parameters}.")
    most = max(network.layer(name).channels for name in layers)
    return max(k for k in range(1, most + 1) if _numbers(network, layers, match, k) <= parameters)


def _numbers(network: Network, layers: dict[str, float], match: Match, components: int | None) -> int:
    channels = [min(network.layer(name).channels, components or 2**31) for name in layers]
    pairs = sum(count * (count + 1) // 2 for count in channels)
    return {"gram": pairs, "moments": 2 * sum(channels), "covariance": sum(channels) + pairs}[match]
