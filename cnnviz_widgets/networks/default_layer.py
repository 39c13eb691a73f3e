"""The layer that is a good first choice for looking at features, and why it is chosen."""

from collections.abc import Callable, Sequence

from cnnviz_widgets.networks.layers import Layer

_TRIED = 16  # layers at once, when it is tried which of them reach the scores: they take memory

Reach = Callable[[Sequence[Layer]], Sequence[bool]]  # layers in forward order → which of them reach the scores


def default_layer(layers: Sequence[Layer], outputs: int, reach: Reach) -> tuple[Layer, str]:
    """(layer, reason): the last one with positions that is no pooling layer and not the scores (``outputs`` channels).

    Of a network with tokens, the last whose maps reach the scores: near the end class tokens alone may do so.
    """
    spatial = [layer for layer in layers if layer.spatial and max(layer.shape[1:]) > 1]
    features = [one for one in spatial if "Pool" not in one.kind and one.channels != outputs]
    if not spatial:
        return layers[-1], "the last layer: no layer of this network has spatial positions"
    chosen = (features or spatial)[-1]
    reached = _last(features or spatial, reach) if chosen.layout and chosen.layout.grid else chosen
    size = "×".join(map(str, reached.shape[1:]))
    if reached is chosen:
        return chosen, f"the last layer whose features have spatial positions ({size})"
    return reached, f"the last layer of which all {size} positions reach the scores: later only another token does"


def _last(layers: Sequence[Layer], reach: Reach) -> Layer:
    for end in range(len(layers), 0, -_TRIED):
        tried = layers[max(0, end - _TRIED) : end]
        if read := [layer for layer, reaches in zip(tried, reach(tried), strict=True) if reaches]:
            return read[-1]
    return layers[-1]
