"""The channels of a layer that compute nearly the same as one of them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnviz_widgets.content import Content
from cnnviz_widgets.drawing.results import Filters, Result
from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.gate import Positive, gate
from cnnviz_widgets.methods.filters.filters import filters
from cnnviz_widgets.methods.units.atlas import unit_layer
from cnnviz_widgets.networks import Layer, Network

__all__ = ["UnitNeighbors", "unit_neighbors"]


@dataclass(frozen=True, eq=False, repr=False)
class UnitNeighbors(Result):
    """Channels whose weights are most similar to those of one.

    values    (k,): cosines, the greatest first
    channels  which they are; among equal cosines the lower number comes first
    kernels   (k, in, kernel height, kernel width): their weights
    """

    values: Tensor
    channels: tuple[int, ...]
    kernels: Tensor
    layer: str
    channel: int
    convention: str = "cosines of weights"

    @property
    def of(self) -> str:
        return f"{self.layer} channel {self.channel}"

    def content(self) -> Content:
        """Their kernels."""
        return Filters(self.kernels, self.layer).content()


@gate
def unit_neighbors(
    network: Network, layer: "str | Layer | nn.Module | None" = None, channel: int = 0, k: Positive = 8
) -> UnitNeighbors:
    """The channels of a convolution whose weights are most similar to those of one, by their cosine.

    layer  a convolution, or the ReLU behind one; None = the first convolution
    k      how many; all others, where the layer has fewer
    A channel without weights has the cosine 0 with every other. Raises UserError for a layer that is no convolution.

        unit_neighbors(load_network("mini"), "conv1", 7).channels
    """
    weights = filters(network, None if layer is None else unit_layer(network, layer))
    channel = whole_number("channel", channel, 0, len(weights.values) - 1, f"in layer {weights.of!r}")
    rows = weights.values.flatten(1).double()
    rows = rows / rows.norm(dim=1, keepdim=True).clamp(min=torch.finfo(rows.dtype).tiny)
    cosines = rows @ rows[channel]
    others = [one for one in cosines.argsort(descending=True, stable=True).tolist() if one != channel][:k]
    return UnitNeighbors(cosines[others], tuple(others), weights.values[others], weights.of, channel)
