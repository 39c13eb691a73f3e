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
    names = [one.name for one in network.layers if _convolution(network, one.name)]
    if not names:
        raise UserError(f"{network!r} has no convolution, so there are no filters to see.")
    name = names[0] if layer is None else network.layer(layer).name
    convolution = _convolution(network, name)
    if convolution is None:
        raise UserError(f"layer must be a convolution ({_few(names)}), not {name!r}, a {network.layer(name).kind}.")
    with network.lock:  # in training mode, spectral norm moves its buffers whenever the weight is read
        weight = convolution.weight.detach().cpu().clone()
    return Filters(weight, of=name)


def _convolution(network: Network, layer: str) -> nn.Conv2d | None:
    module = network.module.get_submodule(layer.split("#")[0])
    return module if isinstance(module, nn.Conv2d) else None


def _few(names: list[str]) -> str:
    return ", ".join(names if len(names) <= 6 else [*names[:3], "…", *names[-2:]])
