"""W1, W2: the weights of a convolution, as pictures."""

from torch import nn

from cnnviz_widgets.drawing.results import Filters
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import gate
from cnnviz_widgets.networks import Layer, Network

__all__ = ["filters"]


@gate
def filters(network: Network, layer: "str | Layer | nn.Module | None" = None) -> Filters:
    """The kernels that a convolution has learned.

    A kernel answers most to the picture that looks like it (of all pictures of the same contrast), so the first
    layer's show what the network looks for; a later layer's say little, because their inputs are no colors.

    layer   a convolution; None = the first one.
    Returns Filters, values (out, in, kernel height, kernel width).
    Raises UserError if the layer is unknown or no convolution.
    """
    names = [one.name for one in network.layers if _is_convolution(network, one)]
    if not names:
        raise UserError(f"{network!r} has no convolution, so there are no filters to see.")
    name = names[0] if layer is None else network.layer(layer).name
    if name not in names:
        raise UserError(f"layer must be a convolution ({_few(names)}), not {name!r}, a {network.layer(name).kind}.")
    with network.lock:  # in training mode, spectral norm moves its buffers whenever the weight is read
        weight = _module(network, name).weight.detach().cpu().clone()
    return Filters(weight, of=name)


def _module(network: Network, name: str) -> nn.Module:
    return network.module.get_submodule(name.split("#")[0])


def _is_convolution(network: Network, layer: Layer) -> bool:
    return isinstance(_module(network, layer.name), nn.Conv2d)


def _few(names: list[str]) -> str:
    return ", ".join(names if len(names) <= 6 else [*names[:3], "…", *names[-2:]])
