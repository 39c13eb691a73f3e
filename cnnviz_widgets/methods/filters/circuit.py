"""W4: the weights between a unit and the units of an earlier layer (Olah et al., 2020)."""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result
from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.engine.linear import linear
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import Range, gate
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.networks.layers import convolutions

__all__ = ["Circuit", "circuit"]


@dataclass(frozen=True, eq=False, repr=False)
class Circuit(Result):
    """How each channel of an earlier layer excites or inhibits a unit, place by place.

    values     (C, h, w): expanded weights, the unit's output per unit of the input at that place
    layer, channel, inputs
               the unit's, and the earlier layer
    cropped    whether the unit nearest to the middle looks beyond the border of the maps: weights are missing there
    """

    values: Tensor
    layer: str
    channel: int
    inputs: str
    cropped: bool
    convention: str = "weights with the rectifiers left out and max pooling as the mean"

    @property
    def of(self) -> str:
        return f"{self.layer} channel {self.channel} from {self.inputs}"

    @property
    def norms(self) -> Tensor:
        """(C,): how much each channel counts."""
        return self.values.flatten(1).norm(dim=1)

    @property
    def order(self) -> Tensor:
        """(C,): channel numbers, the one that counts most first."""
        return self.norms.argsort(descending=True, stable=True)

    @gate
    def content(self, k: Annotated[int, Range(1, 256)] = 24) -> Content:
        """The k channels that count most: red excites, blue inhibits, on one scale."""
        order = self.order[:k]
        high = float(self.values.abs().max()) or 1.0
        sums = self.values.sum((1, 2))
        return Content(
            values=self.values[order].numpy(), low=-high, high=high, signed=True, keys=tuple(order.tolist()),
            names=tuple(f"channel {one}, sum {float(sums[one]):+.2g}" for one in order),
            heads=tuple(map(str, order.tolist())), caption=f"{self.of} (red +, blue −)",
        )  # fmt: skip


@gate
def circuit(
    network: Network,
    layer: "str | Layer | nn.Module | None" = None,
    channel: int = 0,
    inputs: "str | Layer | nn.Module | None" = None,
) -> Circuit:
    """The expanded weights from the channels of an earlier layer to a unit: the linear part of what lies between.

    layer    of the unit; None = ``network.default_layer``
    channel  its channel; the unit is the one in the middle of the map
    inputs   the earlier layer; None = the convolution before ``layer``

    With every rectifier left out and max pooling taken as the mean, a network is linear between two layers, and its
    weights are a gradient, whatever convolutions, strides, groups, normalizations and sums lie there. For two
    convolutions they are ``conv_transpose2d(W2, W1, stride=s1)``.
    Raises UserError for a layer without spatial positions, and for inputs that do not come before it.

        circuit(load_network("mini"), "conv3", 7).content()
    """
    found = network.default_layer if layer is None else network.layer(layer)
    number = whole_number("channel", channel, 0, found.channels - 1, f"in layer {found.name!r}")
    with naming("inputs"):
        before = _before(network, found) if inputs is None else network.layer(inputs)
    for name, one in {"layer": found, "inputs": before}.items():
        if not one.spatial:
            raise UserError(f"{name} must have spatial positions, which {one.name!r} has not.")
    blank = torch.zeros(1, network.channels, *network.probed_size, device=network.device)
    with linear():
        _, values = network.forward(network.normalize(blank), [before.name, found.name], to_output=False, grad=True)
    maps, earlier = values[found.name], values[before.name]
    row, column = (side // 2 for side in maps.shape[-2:])
    try:
        (slope,) = torch.autograd.grad(maps[0, number, row, column], earlier)
    except RuntimeError:  # nothing leads from there to here
        raise UserError(f"inputs must be a layer that {found.name!r} is computed from, not {before.name!r}.") from None
    weights = slope[0].float().cpu()
    seen = weights.abs().amax(0) > 0
    if not seen.any():
        return Circuit(weights[:, :1, :1], found.name, number, before.name, False)
    (top, bottom), (left, right) = (ends(seen.any(1 - axis)) for axis in (0, 1))
    height, width = seen.shape
    cropped = found.name != before.name and (top == 0 or left == 0 or bottom == height or right == width)
    return Circuit(weights[:, top:bottom, left:right].clone(), found.name, number, before.name, cropped)


def ends(used: Tensor) -> tuple[int, int]:
    """Of the first and behind the last that is True."""
    at = used.nonzero().flatten()
    return int(at[0]), int(at[-1]) + 1


def _before(network: Network, layer: Layer) -> Layer:
    """The convolution before that which makes the layer."""
    names = [one.name for one in network.layers]
    before = convolutions(network.layers[: names.index(layer.name) + 1])
    if len(before) < 2:
        raise UserError(f"layer must have a convolution before it, which {layer.name!r} has not: name the inputs.")
    return before[-2]
