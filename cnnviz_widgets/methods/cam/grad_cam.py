"""C2: Grad-CAM and its variants: weighted sums of a layer's maps, which differ only in their weights."""

from collections.abc import Callable
from itertools import chain
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnviz_widgets.drawing.results import Heatmap
from cnnviz_widgets.engine.backward import descend, in_pieces, like
from cnnviz_widgets.engine.targets import Goal, Target, goal
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import gate
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.pictures.given import AnyPicture
from cnnviz_widgets.remarks import remark

__all__ = ["grad_cam", "grad_cam_pp", "hires_cam", "layer_cam"]

AnyLayer = str | Layer | nn.Module | None


@gate
def grad_cam(
    network: Network,
    image: AnyPicture,
    target: Target = None,
    layer: AnyLayer = None,
    *,
    relu: bool = True,
    upsample: bool = True,
    counterfactual: bool = False,
) -> Heatmap:
    """Grad-CAM (Selvaraju et al., 2017): where a layer supports a score ``s``.

    It is ``ReLU(Σ_k α_k A_k)`` with ``α_k = mean(∂s/∂A_k)``: the layer's maps ``A_k``, and means over their positions.

    image           (3, H, W) or (B, 3, H, W), values 0…1, any device
    target          class index or name, None = the top class of each picture, a ``Neuron`` of this layer or a deeper
                    one, or a callable that turns the logits (B, classes) into (B,) numbers; for a batch also a list of
                    classes, one per picture
    layer           with positions (C, h, w); None = ``network.default_layer`` (``default_layer_reason`` says why)
    relu            False keeps what is negative: positions that oppose the score
    upsample        bilinearly, to the size of the picture as the network sees it; False = as large as the layer
    counterfactual  explain ``-s``: what would have to go for the score to rise
    Returns a Heatmap, values (H, W) or (B, H, W), without ``upsample`` (h, w) or (B, h, w), never scaled: the
    contribution of each position to the score, to first order, if a channel's gradient is the same at all of them. The
    map covers the whole picture, though the receptive field of a unit may have its center beside the unit's cell.
    Raises UserError for an unknown class or layer, a layer without positions, or one that comes after the target's. A
    map that is the same everywhere comes with a warning that says why.

        grad_cam(load_network("mini"), load_image("chelsea"), "tabby").values
    """
    return _cam(network, image, target, layer, "Grad-CAM", mean_gradient, relu, upsample, counterfactual)


@gate
def grad_cam_pp(
    network: Network,
    image: AnyPicture,
    target: Target = None,
    layer: AnyLayer = None,
    *,
    relu: bool = True,
    upsample: bool = True,
    counterfactual: bool = False,
) -> Heatmap:
    """Grad-CAM++: a feature counts alike at one position or many (Chattopadhay et al., 2018). The rest as ``grad_cam``.

    ``α_k = Σ a·ReLU(g)``, sums over positions, with ``g = ∂s/∂A_k`` and ``a = g² / (2g² + g³·ΣA_k)``: derivatives of
    the paper's ``exp(s)`` but for the common factor ``exp(s)``. It is meant for layers after a ReLU; with negative maps
    the denominator can come near 0.
    """
    return _cam(network, image, target, layer, "Grad-CAM++", _plus_plus, relu, upsample, counterfactual)


@gate
def hires_cam(
    network: Network,
    image: AnyPicture,
    target: Target = None,
    layer: AnyLayer = None,
    *,
    relu: bool = True,
    upsample: bool = True,
    counterfactual: bool = False,
) -> Heatmap:
    """HiResCAM: every position has its own gradient, ``Σ_k g_k·A_k`` (Draelos & Carin, 2020). The rest as ``grad_cam``.

    Where the score is linear in the layer, the values without ``relu`` and ``upsample`` add up to it, but for its bias.
    """
    return _cam(network, image, target, layer, "HiResCAM", _gradient, relu, upsample, counterfactual)


@gate
def layer_cam(
    network: Network,
    image: AnyPicture,
    target: Target = None,
    layer: AnyLayer = None,
    *,
    relu: bool = True,
    upsample: bool = True,
    counterfactual: bool = False,
) -> Heatmap:
    """LayerCAM: ``Σ_k ReLU(g_k)·A_k``, fine in early layers, too (Jiang et al., 2021). The rest as ``grad_cam``."""
    return _cam(network, image, target, layer, "LayerCAM", _positive, relu, upsample, counterfactual)


# Weights by maps and ∂s/∂maps, both (n, C, h, w): one for each channel, (n, C, 1, 1), or one for each position as well.


def mean_gradient(maps: Tensor, gradient: Tensor) -> Tensor:
    return gradient.mean((2, 3), keepdim=True)


def _plus_plus(maps: Tensor, gradient: Tensor) -> Tensor:
    each = gradient.clamp(min=0) / (2 + gradient * maps.sum((2, 3), keepdim=True))  # a·ReLU(g), reduced by g²
    return each.sum((2, 3), keepdim=True)


def _gradient(maps: Tensor, gradient: Tensor) -> Tensor:
    return gradient


def _positive(maps: Tensor, gradient: Tensor) -> Tensor:
    return gradient.clamp(min=0)


def _cam(
    network: Network,
    image: AnyPicture,
    target: Target,
    layer: AnyLayer,
    method: str,
    weigh: Callable[[Tensor, Tensor], Tensor],
    relu: bool,
    upsample: bool,
    counterfactual: bool,
) -> Heatmap:
    pictures = network.prepare(image)
    aim = goal(network, target, len(pictures))
    name = with_places(network, layer, aim)

    def work(piece: range) -> tuple[Tensor, list]:
        batch = lambda: network.normalize(pictures[piece.start : piece.stop])  # noqa: E731
        maps, gradient, _, start = descend(network, batch, aim, piece, name)
        maps, gradient = wide(maps), wide(-gradient if counterfactual else gradient)
        return (weigh(maps, gradient) * maps).sum(1), start

    raw, start = gather(network, work, pictures)
    method = "negated " * counterfactual + f"{aim.unit} {method}"
    return heatmap(network, image, pictures, raw, aim, start, name, method, relu, upsample)


def with_places(network: Network, layer: AnyLayer, aim: Goal) -> str:
    """The name of the layer to look at, the default one for None; UserError for one that a map cannot be made of."""
    chosen = network.default_layer if layer is None else network.layer(layer)
    if not has_places(chosen):
        if len(chosen.shape) == 2:
            raise UserError(
                f"layer must have spatial positions, but the {chosen.shape[1]} of {chosen.name!r} lie on no known grid."
            )
        raise UserError(f"layer must have more than one position, but {chosen.name!r} has the shape {chosen.shape}.")
    order = [one.name for one in network.layers]
    if aim.layer is not None and order.index(chosen.name) > order.index(aim.layer):
        raise UserError(f"layer must be {aim.layer!r}, the target's, or one before it, not {chosen.name!r}.")
    return chosen.name


def has_places(layer: Layer) -> bool:
    return layer.spatial and max(layer.shape[1:]) > 1


def wide(values: Tensor) -> Tensor:
    """In float32 at least."""
    return values.detach().to(torch.promote_types(values.dtype, torch.float32))


def gather(network: Network, work: Callable[[range], tuple], pictures: Tensor) -> list[Any]:
    """``work`` done for all pictures, its tensors on the CPU and its lists put together."""
    parts = zip(*in_pieces(network, work, len(pictures), pictures.shape[-2:]), strict=True)
    return [torch.cat(one).cpu() if isinstance(one[0], Tensor) else [*chain(*one)] for one in parts]


def heatmap(
    network: Network,
    image: Tensor,
    pictures: Tensor,
    raw: Tensor,
    aim: Goal,
    start: list,
    layer: str,
    method: str,
    relu: bool,
    upsample: bool,
) -> Heatmap:
    """The result for weighted sums (B, h, w) on the CPU, with a remark on each that is the same everywhere."""
    if not raw.isfinite().all():
        raise UserError(f"the maps of layer {layer!r}, or their gradients, are not finite (NaN or infinity).")
    names = [aim.name(one) for one in start]
    values = raw.clamp(min=0) if relu else raw
    for one, value, name in zip(raw, values, names, strict=True):
        if value.min() == value.max():
            remark(f"The map of {name!r} in layer {layer!r} is the same everywhere: {_why(one, value)}.")
    cells = None
    if upsample:
        size, cells = tuple(pictures.shape[-2:]), values
        values = F.interpolate(values[:, None], size, mode="bilinear", align_corners=False)[:, 0]
    return Heatmap(
        like(image, values),
        like(image, pictures.cpu()),
        convention=f"{method}, {'positive part' if relu else 'signed'}, "
        + ("bilinearly upsampled" if upsample else "as large as the layer")
        + network.layer(layer).omission,
        of=like(image, names),
        target=like(image, start),
        signed=not relu,
        layer=layer,
        cells=None if cells is None else like(image, cells),
    )


def _why(raw: Tensor, value: Tensor) -> str:
    if not raw.any():
        return "its maps or their gradients are 0"
    if not value.any():
        return "no position supports it, and relu=False shows those that oppose it"
    return "so are the layer's maps, or it has just one position"
