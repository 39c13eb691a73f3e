"""Which layers hold the style of a picture, and which its content."""

from typing import NamedTuple

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network
from cnnviz_widgets.networks.layers import Layer

COUNT = 4  # of style layers
DEPTH = 2 / 3  # of the network: deeper layers say what is there, not how it is painted


class StyleLayers(NamedTuple):
    """Names of layers."""

    style: tuple[str, ...]
    content: str


def style_layers(network: Network) -> StyleLayers:
    """Four layers, evenly spread over the first two thirds of the network, and the middle of these for the content.

    Counted are whole blocks and what comes after a ReLU: of SqueezeNet ``features.1, .4, .7, .9``, and ``.5``.
    """
    blocks = tuple(f"{layer.name}." for layer in network.layers if layer.block)
    whole = [layer for layer in network.layers if not layer.name.startswith(blocks) and _has_places(layer)]
    found = [one for one in whole if one.block or "ReLU" in one.kind] or whole
    if not found:
        raise UserError(f"network must have layers with spatial positions; {network.name} has none.")
    last = max(1, round(DEPTH * len(found))) - 1
    at = sorted({round(number * last / (COUNT - 1)) for number in range(COUNT)})
    return StyleLayers(tuple(found[number].name for number in at), found[last // 2].name)


def _has_places(layer: Layer) -> bool:
    return layer.spatial and max(layer.shape[1:]) > 1
