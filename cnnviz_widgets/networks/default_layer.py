"""The layer that is a good first choice for looking at features, and why it is chosen."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks.layers import Layer

if TYPE_CHECKING:
    from cnnviz_widgets.networks.network import Network

_TRIED = 16  # layers at once, when it is tried which of them reach the scores: they take memory


def default_layer(network: "Network", outputs: int) -> tuple[Layer, str]:
    """(layer, reason): the last one with positions that is no pooling layer and not the scores (``outputs`` channels).

    UserError for a network without layers.
    """
    if not network.layers:
        raise UserError(f"{network.name} has no layers to choose from: its forward pass calls no modules.")
    spatial = [layer for layer in network.layers if layer.spatial and max(layer.shape[1:]) > 1]
    features = [one for one in spatial if "Pool" not in one.kind and one.channels != outputs]
    if not spatial:
        return network.layers[-1], "the last layer: no layer of this network has spatial positions"
    chosen = (features or spatial)[-1]
    reached = _last_read(network, features or spatial) if chosen.layout and chosen.layout.grid else chosen
    size = "×".join(map(str, reached.shape[1:]))
    if reached is chosen:
        return chosen, f"the last layer whose features have spatial positions ({size})"
    return reached, f"the last layer of which all {size} positions reach the scores: later only another token does"


def _last_read(network: "Network", layers: Sequence[Layer]) -> Layer:
    """The last of the layers whose maps reach the scores; near the end class tokens alone may do so.

    The gradient that is propagated back is NaN: it also passes weights of 0, which heads often have before training.
    """
    batch = network.normalize(torch.zeros(1, network.channels, *network.probed_size))
    for end in range(len(layers), 0, -_TRIED):
        names = [layer.name for layer in layers[max(0, end - _TRIED) : end]]
        with network.lock:
            scores, values = network.forward(batch, names, grad_from=names[0])
            if not scores.requires_grad:
                break
            nans = torch.full_like(scores, torch.nan)
            gradients = torch.autograd.grad(scores, list(values.values()), nans, allow_unused=True)
        read = [name for name, one in zip(names, gradients, strict=True) if one is not None and one.isnan().any()]
        if read:
            return network.layer(read[-1])
    return layers[-1]
