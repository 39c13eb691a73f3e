"""Terms on statistics over all positions of a layer: Gram matrices, means, deviations, covariances; and on colors.

``gram``, ``moments``, ``covariance`` and ``color`` are relative, whatever the network, layer and size of the picture:
0 where the statistics are the given ones, −1 where they are all 0. If the given ones are all 0, as the colors of a
black picture, nothing is divided.
"""

from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import interpolate, normalize

from cnnviz_widgets.engine.optimize.objectives.algebra import BoundTerm, Term, remembers_call
from cnnviz_widgets.engine.optimize.objectives.units import AnyLayer, custom, name_of, shape_of, squared_size
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Positive, gate
from cnnviz_widgets.networks import Network

TINY = 1e-12
Mask = Annotated[Tensor, "a tensor (h, w) of weights 0…1"]
Measure = Callable[[Tensor, Tensor | None], tuple[Tensor, ...]]  # maps (B, C, h, w), mask (h, w) -> statistics (B, …)


class _Gram(Function):
    """``FᵀF`` of rows (B, N, C), as one product each way: the gradient of a symmetric matrix is made symmetric."""

    @staticmethod
    def forward(ctx, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        return rows.mT @ rows

    @staticmethod
    def backward(ctx, slope: Tensor) -> Tensor:
        (rows,) = ctx.saved_tensors
        return rows @ (slope + slope.mT)


def rows_of(maps: Tensor) -> Tensor:
    """(B, C, h, w), or (B, C), as (B, places, C); without a copy where the maps are in the order of channels last."""
    return maps.flatten(2).mT if maps.ndim > 2 else maps[:, None]


def gram_matrices(maps: Tensor, mask: Tensor | None = None, axes: Tensor | None = None) -> Tensor:
    """(B, C, C): ``Σ m F Fᵀ / Σ m`` over the places, of maps (B, C, h, w) and a mask (h, w) of weights, or none.

    With axes (C, k), of what the channels are along these, (B, k, k).
    """
    rows = rows_of(maps)
    if axes is not None:
        rows = rows @ axes.to(rows)
    if mask is None:
        return _Gram.apply(rows) / rows.shape[1]
    weight = mask.to(rows).flatten()
    return _Gram.apply(rows * weight.sqrt()[:, None]) / weight.sum().clamp(min=TINY)


def mean_and_deviation(maps: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """(B, C) each, over the places: the mean, and the standard deviation without Bessel's correction."""
    rows = rows_of(maps)
    weight = rows.new_ones(rows.shape[1]) if mask is None else mask.to(rows).flatten()
    weight = (weight / weight.sum().clamp(min=TINY))[:, None]
    mean = (weight * rows).sum(1)
    variance = (weight * (rows - mean[:, None]).square()).sum(1)
    return mean, (variance + TINY).sqrt()  # a root has no slope at 0, where a channel is the same everywhere


@remembers_call
@gate
def gram(
    layer: AnyLayer,
    of: Tensor,
    mask: Mask | None = None,
    of_mask: Mask | None = None,
    components: Positive | None = None,
) -> Term:
    """Minus the distance of Gram matrices, ``−‖G − G₀‖² / ‖G₀‖²``: the texture of a layer (Gatys et al., 2015).

    of          the layer's activations (C, h, w) of the picture whose texture is wanted, of any size; or a Gram matrix
                (C, C), as ``cnnviz.gram`` makes it
    mask        (h, w), weights 0…1, of any size: the part of the picture that is to have it
    of_mask     likewise: the part of the other picture that has it
    components  compare the Gram matrices of so many principal components of ``of``, not of the channels; None = all
    """
    matrix = of.detach() if of.ndim == 2 else _wanted(of, of_mask, lambda *maps: (gram_matrices(*maps),))[0]
    if components is None or components >= len(matrix):
        return _statistic("gram", layer, of, (matrix,), mask, lambda maps, part: (gram_matrices(maps, part),))
    sizes, axes = torch.linalg.eigh(matrix)  # the smallest first
    axes, wanted = axes[:, -components:], sizes[-components:].diag()
    return _statistic("gram", layer, of, (wanted,), mask, lambda maps, part: (gram_matrices(maps, part, axes),))


@remembers_call
@gate
def moments(layer: AnyLayer, of: Tensor, mask: Mask | None = None, of_mask: Mask | None = None) -> Term:
    """Minus the distance of means and deviations, ``−(‖μ − μ₀‖² + ‖σ − σ₀‖²) / (‖μ₀‖² + ‖σ₀‖²)`` (Huang et al., 2017).

    of             the layer's activations (C, h, w) of the picture whose texture is wanted, of any size
    mask, of_mask  as in ``gram``
    """
    return _statistic("moments", layer, of, _wanted(of, of_mask, mean_and_deviation), mask, mean_and_deviation)


@remembers_call
@gate
def covariance(layer: AnyLayer, of: Tensor, mask: Mask | None = None, of_mask: Mask | None = None) -> Term:
    """Minus the distance of means and covariances of the channels, relative as above: Gram matrices without the mean.

    of             the layer's activations (C, h, w) of the picture whose texture is wanted, of any size
    mask, of_mask  as in ``gram``
    """
    return _statistic("covariance", layer, of, _wanted(of, of_mask, mean_and_covariance), mask, mean_and_covariance)


@remembers_call
@gate
def color(of: Tensor, mask: Mask | None = None, of_mask: Mask | None = None) -> Term:
    """Minus the distance of the mean color and the covariance of the channels of the picture itself, relative as above.

    of             a picture (C, h, w), values 0…1, of any size
    mask, of_mask  as in ``gram``
    """
    wanted = _wanted(of, of_mask, mean_and_covariance)

    def bind_term(network: Network, count: int) -> BoundTerm:
        _check_channels("of", of, network.channels, "of the network's pictures")
        value = _distance(wanted, mask, mean_and_covariance)
        return BoundTerm(lambda inputs: value(inputs.pictures), distance=True)

    return Term(f"color({shape_of(of)})", bind_term)


@remembers_call
@gate
def diversity(layer: AnyLayer) -> Term:
    """Similarity of a picture to the others of its batch: mean cosine of their Gram matrices, 0…1. Subtract it."""

    def value(maps: Tensor) -> Tensor:
        if len(maps) == 1:
            return maps.new_zeros(1)
        grams = normalize(gram_matrices(maps).flatten(1), dim=1)
        alike = grams @ grams.mT
        return (alike.sum(1) - alike.diagonal()) / (len(maps) - 1)

    return custom(value, layer, name=f"diversity({name_of(layer)})")


def _statistic(
    name: str, layer: AnyLayer, of: Tensor, wanted: tuple[Tensor, ...], mask: Tensor | None, measure: Measure
) -> Term:
    def bind_term(network: Network, count: int) -> BoundTerm:
        found = network.layer(layer)
        _check_channels("of", of, found.channels, f"of layer {found.name!r}")
        value = _distance(wanted, mask, measure)
        return BoundTerm(lambda inputs: value(inputs.activations[found.name]), (found.name,), distance=True)

    part = "" if mask is None else f", mask={shape_of(mask)}"
    return Term(f"{name}({name_of(layer)}, {shape_of(of)}{part})", bind_term)


def _distance(wanted: tuple[Tensor, ...], mask: Tensor | None, measure: Measure) -> Callable[[Tensor], Tensor]:
    """Maps -> minus the squared distance of their statistics from the wanted ones, over the square of these, (B,)."""
    size = squared_size(torch.cat([one.double().flatten() for one in wanted])[None])

    def value(maps: Tensor) -> Tensor:
        found = measure(maps, _resized(mask, maps))
        missed = [(one - aim.to(one)).flatten(1).square().sum(1) for one, aim in zip(found, wanted, strict=True)]
        return -sum(missed) / size.to(maps)

    return value


def _wanted(of: Tensor, of_mask: Tensor | None, measure: Measure) -> tuple[Tensor, ...]:
    if of.ndim != 3:
        raise UserError(f"of must be activations (C, h, w), not of shape {tuple(of.shape)}.")
    maps = of.detach()[None]
    return tuple(one[0] for one in measure(maps, _resized(of_mask, maps)))


def _resized(mask: Tensor | None, maps: Tensor) -> Tensor | None:
    """A mask of any size as the shares that it has of the places of maps."""
    if mask is None or mask.shape == maps.shape[-2:]:
        return mask
    return interpolate(mask.to(maps)[None, None], maps.shape[-2:], mode="area")[0, 0]


def mean_and_covariance(maps: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """(B, C) and (B, C, C), over the places; divided by their number, or by the sum of the mask."""
    mean, _ = mean_and_deviation(maps, mask)
    return mean, gram_matrices(maps, mask) - mean[:, :, None] * mean[:, None]


def _check_channels(name: str, of: Tensor, channels: int, where: str) -> None:
    if of.ndim not in (2, 3) or len(of) != channels:
        raise UserError(f"{name} must have the {channels} channels {where} first, not the shape {tuple(of.shape)}.")
