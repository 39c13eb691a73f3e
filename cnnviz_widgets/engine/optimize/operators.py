"""Operators on the gradient before a step, and on the picture after it.

Gradient operators, ``gradient=[…]`` of ``optimize``, are functions of the gradient with respect to the pictures
(B, C, H, W). Picture operators, ``after=[…]``, are functions of an ``Update``; the four
regularizers of Yosinski et al. (2015) are of this kind. Each treats the pictures of a batch separately.
"""

from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

import torch
from torch import Tensor

from cnnviz_widgets.engine.optimize.smoothing import Sigma, frequencies, gaussian, merged, pyramid
from cnnviz_widgets.gate import Positive, Range, Share, gate
from cnnviz_widgets.pictures.given import AnyPicture
from cnnviz_widgets.renamed import module_getattr


class Update(NamedTuple):
    """The step that was just taken.

    step      its number, from 1
    pictures  (B, C, H, W), 0…1, after the step
    gradient  (B, C, H, W), of the objective by the pictures, after the gradient operators
    mean      (C, 1, 1): the network's mean color
    """

    step: int
    pictures: Tensor
    gradient: Tensor
    mean: Tensor


Gradient = Callable[[Tensor], Tensor]
After = Callable[[Update], Tensor]
Norm = Annotated[Literal["linf", "l2"], "'linf' or 'l2'"]

_EVERYTHING = (1, 2, 3)


# Of the gradient


@gate
def normalize(by: Annotated[Literal["norm", "mean"], "'norm' or 'mean'"] = "norm") -> Gradient:
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
def laplacian_normalize(levels: Annotated[int, Range(1, 16)] = 4) -> Gradient:
    """Each level of the Laplacian pyramid divided by its root mean square: all octaves equally strong."""

    def operator(gradient: Tensor) -> Tensor:
        return merged([
            level / level.square().mean(_EVERYTHING, keepdim=True).sqrt().clamp(min=1e-12)
            for level in pyramid(gradient, levels)
        ])  # fmt: skip

    return operator


@gate
def fourier_smooth(power: float = 1.0) -> Gradient:
    """A low-pass filter: each frequency f divided by (f / lowest f)^power."""

    def operator(gradient: Tensor) -> Tensor:
        height, width = gradient.shape[-2:]
        f = frequencies(height, width, gradient)
        return torch.fft.irfft2(torch.fft.rfft2(gradient) * (f.min() / f) ** power, (height, width))

    return operator


@gate
def smooth(sigma: Sigma = 1.0) -> Gradient:
    """Blurred by a Gaussian."""
    return lambda gradient: gaussian(gradient, sigma)


# Of the picture


@gate
def decay(rate: Share) -> After:
    """L2 decay toward the mean color: the difference from it is multiplied by ``1 − rate``."""
    return lambda update: update.mean + (1 - rate) * (update.pictures - update.mean)


@gate
def blur(sigma: Sigma = 0.5, every: Positive = 4) -> After:
    """Blurred by a Gaussian of σ px every ``every`` steps."""
    return _every(lambda pictures: gaussian(pictures, sigma), every)


@gate
def bilateral(
    sigma: Annotated[float, Range(above=0, most=16)] = 1.0,
    tone: Annotated[float, Range(above=0)] = 0.1,
    every: Positive = 4,
) -> After:
    """Bilateral filter: blurred, but not across edges, every ``every`` steps (Tomasi & Manduchi, 1998).

    sigma  px of the Gaussian in space
    tone   standard deviation, in 0…1, of the Gaussian of the distance between colors
    """
    return _every(lambda pictures: _bilateral(pictures, sigma, tone), every)


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
def clip_small_norms(share: Share) -> After:
    """The ``share`` of pixels nearest to the mean color are set to it, in each picture (Yosinski et al., 2015)."""
    return lambda update: _clipped(update, torch.linalg.vector_norm(update.pictures - update.mean, dim=1), share)


@gate
def clip_small_contributions(share: Share) -> After:
    """The ``share`` of pixels of least contribution ``|Σ_c (x_c − mean_c) · gradient_c|`` are set to the mean color."""
    return lambda update: _clipped(update, ((update.pictures - update.mean) * update.gradient).sum(1).abs(), share)


def _clipped(update: Update, sizes: Tensor, share: float) -> Tensor:
    number = round(share * sizes[0].numel())
    if not number:
        return update.pictures
    least = sizes.flatten(1).argsort(1)[:, :number]
    small = torch.zeros_like(sizes, dtype=torch.bool).flatten(1).scatter(1, least, True).view_as(sizes)
    return torch.where(small[:, None], update.mean, update.pictures)


def _every(work: Callable[[Tensor], Tensor], every: int) -> After:
    return lambda update: update.pictures if update.step % every else work(update.pictures)


@gate
def ball(center: AnyPicture, radius: Annotated[float, Range(above=0)], norm: Norm = "linf") -> After:
    """Projection onto the ball of ``radius`` around ``center``, in the norm "linf" or "l2"."""
    return lambda update: within(update.pictures, center.to(update.pictures), radius, norm)


def within(pictures: Tensor, center: Tensor, radius: float, norm: str) -> Tensor:
    """As ``ball``, as a plain function."""
    change = pictures - center
    if norm == "linf":
        return center + change.clamp(-radius, radius)
    length = torch.linalg.vector_norm(change, dim=_EVERYTHING, keepdim=True)
    return center + change * (radius / length.clamp(min=1e-12)).clamp(max=1)


__getattr__ = module_getattr(
    {"normalise": "normalize", "laplacian_normalise": "laplacian_normalize"}, globals().__getitem__
)
