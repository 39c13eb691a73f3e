"""Priors: terms on the picture itself, before the transforms. They are costs: subtract them."""

from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor

from cnnviz_widgets.engine.optimize.objectives.algebra import BoundTerm, Term, TermInputs, remembers_call
from cnnviz_widgets.engine.optimize.smoothing import Sigma, gaussian
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Positive, Range, gate
from cnnviz_widgets.networks import Network


@remembers_call
@gate
def l1(around: float = 0.5) -> Term:
    """``Σ |x − around|``, with values 0…1."""
    return _prior(f"l1({_changed(around, 0.5)})", lambda pictures: (pictures - around).abs())


@remembers_call
@gate
def l2() -> Term:
    """``Σ x²`` of the picture as the network takes it, in standard deviations from the mean color (Simonyan, 2014)."""

    def bind_term(network: Network, count: int) -> BoundTerm:
        return BoundTerm(lambda inputs: network.normalize(inputs.pictures).square().flatten(1).sum(1))

    return Term("l2()", bind_term)


@remembers_call
@gate
def total_variation(beta: Annotated[float, Range(above=0, most=100)] = 2.0) -> Term:
    """``Σ ((x[i, j+1] − x[i, j])² + (x[i+1, j] − x[i, j])²)^(β/2)``, with values 0…1 (Mahendran & Vedaldi, 2015).

    The differences beyond the last row and column are 0.
    """

    def value(pictures: Tensor) -> Tensor:
        across = torch.nn.functional.pad(pictures.diff(dim=-1), (0, 1))
        down = torch.nn.functional.pad(pictures.diff(dim=-2), (0, 0, 0, 1))
        squares = across.square() + down.square()
        if beta == 2:
            return squares
        flat = squares == 0  # there the power is not differentiable
        return torch.where(flat, 0, torch.where(flat, 1, squares) ** (beta / 2))

    return _prior(f"total_variation({_changed(beta, 2.0)})", value)


@remembers_call
@gate
def blur_penalty(sigma: Sigma = 1.0) -> Term:
    """``½ Σ (x − blurred x)²``, with the blurred picture held constant: the gradient leads toward it."""
    return _prior(
        f"blur_penalty({_changed(sigma, 1.0)})",
        lambda pictures: (pictures - gaussian(pictures.detach(), sigma)).square() / 2,
    )


@remembers_call
@gate
def boundary(width: Positive = 16, around: float = 0.5) -> Term:
    """``½ Σ (x − around)²`` over a frame of ``width`` px: keeps the object away from the border."""

    def value(pictures: Tensor) -> Tensor:
        inner = torch.zeros_like(pictures[:1, :1])
        inner[..., width:-width, width:-width] = 1
        return (1 - inner) * (pictures - around).square() / 2

    return _prior(f"boundary({width}{'' if around == 0.5 else f', {around:g}'})", value)


@remembers_call
@gate
def opacity() -> Term:
    """The mean of alpha, 0…1, of a parametrization with ``alpha=True``.

    Subtracted, it makes transparent what the objective does not need.
    """

    def value(inputs: TermInputs) -> Tensor:
        if inputs.alpha is None:
            raise UserError("opacity() needs pictures with alpha: a parametrization with alpha=True.")
        return inputs.alpha.flatten(1).mean(1)

    return Term("opacity()", lambda network, count: BoundTerm(value))


def _prior(name: str, value: Callable[[Tensor], Tensor]) -> Term:
    return Term(name, lambda network, count: BoundTerm(lambda inputs: value(inputs.pictures).flatten(1).sum(1)))


def _changed(value: float, usual: float) -> str:
    return "" if value == usual else f"{value:g}"
