"""T2, T4: the numbers that describe a texture, as the papers write them."""

from torch import Tensor

from cnnviz_widgets.engine.optimize.objectives.statistics import TINY, Mask, gram_matrices, mean_and_deviation
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import gate

__all__ = ["gatys_layer_loss", "gram", "moments"]


@gate
def gram(maps: Tensor, mask: Mask | None = None) -> Tensor:
    """The Gram matrix of the channels of a layer (Gatys et al., 2015): ``G_ij = Σ m F_i F_j / Σ m`` over the places.

    maps  (C, h, w), or (B, C, h, w) for a batch
    mask  (h, w), weights 0…1; None = 1 everywhere, so that the sum is divided by the number of places
    Returns (C, C), or (B, C, C).
    """
    batch = _batch(maps, mask)
    return gram_matrices(batch, mask).reshape(*maps.shape[:-2], maps.shape[-3])


@gate
def moments(maps: Tensor, mean: Tensor | None = None, std: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel over its places; or the maps with given ones (AdaIN).

    Huang & Belongie, 2017.

    maps       (C, h, w), or (B, C, h, w) for a batch
    mean, std  (C,) or (B, C): the moments that the maps are to have; give both or none
    Deviations are divided by the number of places, not by one less. Returns (mean, std), (C,) or (B, C) each; or maps
    as large as those that were given. A channel that is the same everywhere gets its new mean, and stays without a
    deviation.
    """
    batch = _batch(maps, None)
    if (mean is None) != (std is None):
        raise UserError("mean and std must both be given, or none of them.")
    own_mean, own_std = (one.reshape(maps.shape[:-2]) for one in mean_and_deviation(batch))
    if mean is None or std is None:
        return own_mean, own_std
    channels = own_mean.shape[-1]
    for name, one in (("mean", mean), ("std", std)):
        if one.shape[-1:] != (channels,) or one.ndim > own_mean.ndim:
            raise UserError(f"{name} must have {channels} numbers, one for each channel, not {tuple(one.shape)}.")
    centered = maps - own_mean[..., None, None]
    return centered * (std / own_std.clamp(min=TINY**0.5))[..., None, None] + mean[..., None, None]


@gate
def gatys_layer_loss(maps: Tensor, style: Tensor) -> Tensor:
    """The loss of one layer as Gatys et al. (2015) write it: ``Σ (G − A)² / (4 N² M²)``, with ``G = F Fᵀ`` a sum.

    maps, style  (N, h, w): N channels; M places of ``maps``
    Returns a tensor with one number.
    """
    if maps.ndim != 3 or style.ndim != 3 or len(maps) != len(style):
        raise UserError(
            f"maps and style must be (channels, h, w) with as many channels, not {tuple(maps.shape)} and "
            f"{tuple(style.shape)}."
        )
    if maps.device != style.device:
        raise UserError(f"maps and style must be on one device, not on {maps.device} and {style.device}.")
    count, places = len(maps), maps[0].numel()
    difference = gram_matrices(maps[None])[0] * places - gram_matrices(style[None])[0] * style[0].numel()
    return difference.square().sum() / (4 * count**2 * places**2)


def _batch(maps: Tensor, mask: Tensor | None) -> Tensor:
    if maps.ndim not in (3, 4) or not maps.is_floating_point():
        raise UserError(f"maps must be a tensor (C, h, w) or (B, C, h, w) of floats, not {tuple(maps.shape)}.")
    if mask is not None and mask.shape != maps.shape[-2:]:
        raise UserError(f"mask must have the size of the maps, {tuple(maps.shape[-2:])}, not {tuple(mask.shape)}.")
    return maps if maps.ndim == 4 else maps[None]
