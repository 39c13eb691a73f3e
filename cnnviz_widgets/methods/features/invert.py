"""V1: inversion of deep features (Mahendran & Vedaldi, 2015)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.engine.optimize import objectives
from cnnviz_widgets.engine.optimize.hog import hog
from cnnviz_widgets.engine.optimize.loop import OptimizationState, optimize
from cnnviz_widgets.engine.optimize.objectives import AnyLayer
from cnnviz_widgets.engine.optimize.parametrizations import decoded, laplacian
from cnnviz_widgets.engine.schedules import faded
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Positive, Range, Rate, gate
from cnnviz_widgets.methods.activations.activations import one_picture
from cnnviz_widgets.methods.generation.load_decoder import as_prior
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["InversionLadder", "inversion_ladder", "invert", "invert_hog"]
example = dict(steps=2)

CODES = 0.1  # learning rate of codes, in those of pixels: a step in a code moves many pixels


@gate
def invert(
    network: Network,
    image: AnyPicture,
    layer: AnyLayer | None = None,
    *,
    prior: Annotated[Any, OWN] = None,
    beta: Annotated[float, Range(above=0, most=100)] = 2.0,
    smoothness: Rate = 0.5,
    steps: Positive = 256,
    learning_rate: Rate = 0.1,
    **options: Any,
) -> Iterator[OptimizationState]:
    """Feature inversion: from noise, a picture with the same features as ``image`` (Mahendran & Vedaldi, 2015).

    image       (C, H, W), values 0…1
    layer       whose features are matched; None = that of ``prior``, else ``network.default_layer``
    prior       a decoder of this layer, see ``load_decoder``: the picture is what it makes of a code, which begins with
                the features and is optimized in place of pixels (Dosovitskiy & Brox, 2016); None = pixels, from noise
    beta        exponent of the total variation: 1 keeps edges, 2 is smoother
    smoothness  weight of the total variation per pixel, relative to the feature loss, which is 1 for features of 0
    learning_rate
                at first; a tenth of it for a code
    Other arguments as in ``optimize``; ``start=decoder(features).values`` begins with what a
    decoder draws. Yields OptimizationState.

        last(invert(load_network("mini"), load_image("chelsea"), "relu3")).values
    """
    if layer is None and prior is not None:
        layer = as_prior(prior, network).layer
    layer = network.default_layer if layer is None else network.layer(layer)
    decoder = None if prior is None else as_prior(prior, network, layer.name)
    picture = one_picture(network, image)
    features = network.activations(picture, layer.name)[layer.name]
    if not features.any():
        raise UserError(f"image gives nothing but zeros at layer {layer.name!r}: there is nothing to invert.")
    height, width = picture.shape[-2:]
    rate = learning_rate if decoder is None else CODES * learning_rate
    smooth = smoothness / (height * width) * objectives.total_variation(beta)
    return optimize(
        network,
        objectives.target_features(layer, features) - smooth,
        laplacian((height, width)) if decoder is None else decoded(decoder.module, features[None]),
        steps=steps,
        learning_rate=lambda step: rate * faded(step / steps, 0.02),
        **options,
    )


@dataclass(frozen=True, eq=False, repr=False)
class InversionLadder(Result):
    """Inversions of several layers, as far as they are done.

    step, total  over all layers
    layers       names of those that are done, and of the one that is being made
    states       the last state of each
    picture      (C, H, W), 0…1: what they are inversions of
    """

    step: int
    total: int
    layers: tuple[str, ...]
    states: tuple[OptimizationState, ...]
    picture: Tensor
    convention: str = "pictures, values 0…1"
    of: str = "inversions"

    @cached_property
    def values(self) -> Tensor:
        """(layers, C, H, W), 0…1."""
        return torch.stack([state.values for state in self.states])

    @property
    def psnr(self) -> dict[str, float]:
        """By layer, the PSNR of its picture against the original, in dB."""
        return {layer: psnr(state.values, self.picture) for layer, state in zip(self.layers, self.states, strict=True)}

    def content(self) -> Content:
        names = ["original", *(f"{layer}: {near:.1f} dB" for layer, near in self.psnr.items())]
        return Content(picture=rgb(torch.cat([self.picture[None], self.values])), names=tuple(names))


@gate
def inversion_ladder(
    network: Network, image: AnyPicture, layers: Sequence[AnyLayer] | None = None, **options: Any
) -> Iterator[InversionLadder]:
    """Inversions of one layer after another: which information each layer keeps.

    layers   in any order; None = eight, evenly spread over the network
    Other arguments as in ``invert``. Yields InversionLadder after every step.
    """
    picture = one_picture(network, image)
    names = [network.layer(layer).name for layer in layers or spread(network)]
    if not names:
        raise UserError("layers must name at least one layer.")
    runs = [invert(network, picture, name, **options) for name in names]

    def states() -> Iterator[InversionLadder]:
        done: tuple[OptimizationState, ...] = ()
        for number, run in enumerate(runs):
            for state in run:
                yield InversionLadder(
                    number * state.total + state.step,
                    len(runs) * state.total,
                    tuple(names[: number + 1]),
                    (*done, state),
                    picture.cpu(),
                )
            done = (*done, state)

    return states()


@gate
def invert_hog(
    image: AnyPicture,
    *,
    cell: Positive = 8,
    beta: Annotated[float, Range(above=0, most=100)] = 2.0,
    smoothness: Rate = 20.0,
    steps: Positive = 256,
    learning_rate: Rate = 0.05,
    **options: Any,
) -> Iterator[OptimizationState]:
    """Inversion of histograms of oriented gradients, written as a small network: see ``hog``.

    image       (1 or 3, H, W), values 0…1; colors are converted to luminance; the result is gray, (1, H, W)
    cell        side of a histogram's cell in px
    smoothness  weight of the total variation per pixel, relative to the feature loss
    Other arguments as in ``invert``. The histograms ignore the sign of gradients: the picture may be a negative.
    """
    sides = image.shape[-2:]
    cell = whole_number("cell", cell, 1, max(1, min(sides) // 2), "for two by two cells in the picture")
    network = hog(sides, cell)
    how: dict[str, Any] = {"beta": beta, "smoothness": smoothness, "steps": steps, "learning_rate": learning_rate}
    return invert(network, image, "blocks", **how, **options)


def psnr(one: Tensor, other: Tensor) -> float:
    """Peak signal-to-noise ratio of pictures 0…1, in dB."""
    return float(-10 * (one.double() - other.double()).square().mean().clamp(min=1e-10).log10())


def spread(network: Network, number: int = 8) -> list[str]:
    """``number`` layers, or fewer, from input to output: whole blocks, not their parts, with positions if any has."""
    number = whole_number("number", number, 2)
    blocks = tuple(f"{layer.name}." for layer in network.layers if layer.block)
    whole = [layer for layer in network.layers if not layer.name.startswith(blocks)]
    placed = [layer for layer in whole if layer.spatial and max(layer.shape[1:]) > 1]
    placed = placed or [layer for layer in whole if layer.kind != "Flatten"]
    if not placed:
        raise UserError(f"{network.name} has no layer with spatial positions, nor any other to invert.")
    at = {round(i * (len(placed) - 1) / (number - 1)) for i in range(number)}
    return [placed[i].name for i in sorted(at)]
