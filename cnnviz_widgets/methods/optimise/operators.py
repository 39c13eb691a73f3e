"""What is done to the gradient before a step, and to the picture after one.

Gradient operators, ``gradient=[…]`` of ``optimise``, are functions of the gradient with respect to the pictures
(B, C, H, W). Picture operators, ``after=[…]``, are functions of an ``Update``; so are all that Yosinski et al. (2015)
regularise with. Each treats every picture of a batch by itself.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import gate
from cnnviz_widgets.methods.checks import whole_number
from cnnviz_widgets.methods.optimise.smoothing import frequencies, gaussian, merged, pyramid


class Update(NamedTuple):
    """A step that has just been made.

    step      its number, from 1
    pictures  (B, C, H, W), 0…1, after the step
    gradient  (B, C, H, W), of the objective, along which it went
    mean      (C, 1, 1): the network's mean colour, which stands for "nothing"
    """

    step: int
    pictures: Tensor
    gradient: Tensor
    mean: Tensor


Gradient = Callable[[Tensor], Tensor]
After = Callable[[Update], Tensor]
Norm = Literal["linf", "l2"]

_EVERYTHING = (1, 2, 3)


# Of the gradient


@gate
def normalise(by: Literal["norm", "mean"] = "norm") -> Gradient:
    """Divided by its Euclidean "norm", or by the "mean" of its absolute values."""

    def operator(gradient: Tensor) -> Tensor:
        sizes = (
            gradient.abs().mean(_EVERYTHING, keepdim=True)
            if by == "mean"
            else torch.linalg.vector_norm(gradient, dim=_EVERYTHING, keepdim=True)
        )
        return gradient / sizes.clamp(min=1e-12)

    return operator


@gate
def laplacian_normalise(levels: int = 4) -> Gradient:
    """Every octave of frequencies made equally strong: each level of the Laplacian pyramid has standard deviation 1."""
    levels = whole_number("levels", levels, 1)

    def operator(gradient: Tensor) -> Tensor:
        return merged([
            level / level.square().mean(_EVERYTHING, keepdim=True).sqrt().clamp(min=1e-12)
            for level in pyramid(gradient, levels)
        ])  # fmt: skip

    return operator


@gate
def fourier_smooth(power: float = 1.0) -> Gradient:
    """High frequencies made weaker: each one divided by (f / lowest f)^power."""

    def operator(gradient: Tensor) -> Tensor:
        height, width = gradient.shape[-2:]
        f = frequencies(height, width, gradient)
        return torch.fft.irfft2(torch.fft.rfft2(gradient) * (f.min() / f) ** power, (height, width))

    return operator


@gate
def smooth(sigma: float = 1.0) -> Gradient:
    """Blurred by a Gaussian."""
    return lambda gradient: gaussian(gradient, sigma)


# Of the picture


@gate
def decay(rate: float) -> After:
    """Towards the mean colour: what differs from it is multiplied by ``1 − rate``."""
    _check_share("rate", rate)
    return lambda update: update.mean + (1 - rate) * (update.pictures - update.mean)


@gate
def blur(sigma: float = 0.5, every: int = 4) -> After:
    """Blurred by a Gaussian at every so many steps."""
    return _now_and_then(lambda pictures: gaussian(pictures, sigma), every)


@gate
def bilateral(sigma: float = 1.0, tone: float = 0.1, every: int = 4) -> After:
    """Blurred within objects but not across their edges, at every so many steps (Tomasi & Manduchi, 1998).

    sigma  px of the Gaussian in space
    tone   standard deviation, in 0…1, of the Gaussian of the distance between colours
    """
    return _now_and_then(lambda pictures: _bilateral(pictures, sigma, tone), every)


def _bilateral(pictures: Tensor, sigma: float, tone: float) -> Tensor:
    reach = max(1, round(2 * sigma))
    height, width = pictures.shape[-2:]
    around = torch.nn.functional.pad(pictures, [reach] * 4, "replicate")
    total, weights = torch.zeros_like(pictures), torch.zeros_like(pictures[:, :1])
    for y in range(2 * reach + 1):
        for x in range(2 * reach + 1):
            other = around[..., y : y + height, x : x + width]
            apart = (other - pictures).square().sum(1, keepdim=True) / tone**2
            weight = torch.exp(-0.5 * (apart + ((y - reach) ** 2 + (x - reach) ** 2) / sigma**2))
            total, weights = total + weight * other, weights + weight
    return total / weights


@gate
def clip_small_norms(share: float) -> After:
    """Of each picture, the ``share`` of pixels that differ least from the mean colour become the mean colour."""
    _check_share("share", share)
    return lambda update: _clipped(update, torch.linalg.vector_norm(update.pictures - update.mean, dim=1), share)


@gate
def clip_small_contributions(share: float) -> After:
    """The ``share`` of pixels that contribute least, ``|Σ_c (x_c − mean_c) · gradient_c|``, become the mean colour."""
    _check_share("share", share)
    return lambda update: _clipped(update, ((update.pictures - update.mean) * update.gradient).sum(1).abs(), share)


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise UserError(f"{name} must be a number 0…1, not {value!r}.")


def _clipped(update: Update, sizes: Tensor, share: float) -> Tensor:
    number = round(share * sizes[0].numel())
    if not number:
        return update.pictures
    least = sizes.flatten(1).argsort(1)[:, :number]
    small = torch.zeros_like(sizes, dtype=torch.bool).flatten(1).scatter(1, least, True).view_as(sizes)
    return torch.where(small[:, None], update.mean, update.pictures)


def _now_and_then(work: Callable[[Tensor], Tensor], every: int) -> After:
    every = whole_number("every", every, 1)
    return lambda update: update.pictures if update.step % every else work(update.pictures)


@gate
def ball(centre: Tensor, radius: float, norm: Norm = "linf") -> After:
    """The nearest pictures that differ from ``centre`` by no more than ``radius``, in the norm "linf" or "l2"."""
    check_ball(radius, norm)
    return lambda update: within(update.pictures, centre.to(update.pictures), radius, norm)


def check_ball(radius: float, norm: str) -> None:
    """UserError if there is no such ball."""
    if norm not in ("linf", "l2"):
        raise UserError(f"norm must be 'linf' or 'l2', not {norm!r}.")
    if not radius > 0:
        raise UserError(f"the radius (bound) must be above 0, not {radius!r}.")


def within(pictures: Tensor, centre: Tensor, radius: float, norm: str) -> Tensor:
    """As ``ball``, as a plain function."""
    change = pictures - centre
    if norm == "linf":
        return centre + change.clamp(-radius, radius)
    length = torch.linalg.vector_norm(change, dim=_EVERYTHING, keepdim=True)
    return centre + change * (radius / length.clamp(min=1e-12)).clamp(max=1)
