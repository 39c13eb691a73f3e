"""I1: the loss that makes a filter fire at one part of an object (Zhang, Wu and Zhu, 2018)."""

import math
from functools import lru_cache

import torch
from torch import Tensor

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came, gate

__all__ = ["filter_loss", "filter_templates", "template_mask"]

BETA = 4  # how fast a template falls with the distance
STRENGTH = 0.5  # τ n²
LARGEST = 64  # cells a side: n⁴ numbers are held


@gate
def filter_loss(maps: Tensor) -> Tensor:
    """Minus the mutual information of a filter's maps and the places of a part, in nats (Zhang et al., 2018).

    maps  (B, n, n): what one filter gives for B pictures, ReLU included; or (B, K, n, n): of K filters
    Returns a number, or (K,); each at least −log(n² + 1) and at least −log B, 0 for maps that are all the same. It can
    be differentiated, in any precision.

    The places are the n² cells of a map, and none; all are equally likely (α = n² / (1 + n²)), as of pictures that all
    show an object. Each has a template T, see ``filter_templates``, and p(x | T) = exp(Σ xT) / Z_T over the B maps. The
    loss is low if every map has one narrow peak, or nothing, and if the peaks are at many places. As τ = 0.5 / n²,
    activations must be as large as some n for it to tell them apart.

        filter_loss(activations(load_network("mini"), load_image("chelsea"), "conv6").values.relu()[:9])
    """
    size = _side(maps, least=3)
    scores = maps.flatten(-2) @ _templates(size, maps.dtype, maps.device).T * (STRENGTH / size**2)  # (B, K?, n² + 1)
    given = scores.log_softmax(0)  # log p(x | T)
    overall = given.logsumexp(-1, keepdim=True) - math.log(size**2 + 1)  # log p(x)
    return -(given.exp() * (given - overall)).sum((0, -1)) / (size**2 + 1)


@gate
def template_mask(maps: Tensor) -> Tensor:
    """What the masked forward pass keeps of each map: the region around its greatest value (Zhang et al., 2018).

    maps  (…, n, n): activations, ReLU included
    Returns the same shape, 0…1: max(0, 1 − β d / n) at the L1 distance d from the greatest value, the first of several.
    ``maps * template_mask(maps)`` is the masked pass: the paper's, without the constant τ.
    """
    size = _side(maps, least=2)
    peaks = maps.detach().flatten(-2).argmax(-1)
    return _templates(size, maps.dtype, maps.device)[peaks].unflatten(-1, (size, size)).clamp(min=0)


@gate
def filter_templates(size: int, tau: float = 1.0) -> Tensor:
    """The n² + 1 templates of maps of n × n: one for each place, the last one for none.

    size  n;  tau  τ, the largest size of a value; 0.5 / n² in the paper
    Returns (n² + 1, n, n) float64: τ max(−1, 1 − β d / n) at the L1 distance d from the place, β = 4; and −τ.

        filter_templates(3)[4]
    """
    if not 2 <= size <= LARGEST:
        raise UserError(f"size must be from 2 to {LARGEST}, not {came(size)}.")
    return tau * _templates(size, torch.float64, torch.device("cpu")).view(-1, size, size)


def _side(maps: Tensor, least: int) -> int:
    """n; UserError for what are no square maps."""
    square = maps.ndim >= least and maps.shape[-1] == maps.shape[-2] and 2 <= maps.shape[-1] <= LARGEST
    if not square or not maps.is_floating_point() or not maps.numel():
        shape = "(B, n, n) / (B, K, n, n)" if least == 3 else "(…, n, n)"
        raise UserError(f"maps must be numbers {shape} with n from 2 to {LARGEST}, not {came(maps)}.")
    if maps.is_meta or not bool(maps.isfinite().all()):
        raise UserError("maps has values that are not finite (NaN or infinity).")
    return maps.shape[-1]


@lru_cache(maxsize=4)
def _templates(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """(n² + 1, n²), for τ = 1."""
    cells = torch.cartesian_prod(torch.arange(size), torch.arange(size)).double()
    fall = (1 - BETA * torch.cdist(cells, cells, p=1) / size).clamp(min=-1)
    return torch.cat([fall, -torch.ones(1, size**2, dtype=torch.float64)]).to(device, dtype)
