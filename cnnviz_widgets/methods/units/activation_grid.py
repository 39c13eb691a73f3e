"""A6: the strongest channels at every position of a layer."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import Tensor, nn

from cnnviz_widgets.content import Content
from cnnviz_widgets.drawing.render import as_array, falls_below
from cnnviz_widgets.drawing.results import Result, rgb, robust_maximum
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, gate
from cnnviz_widgets.methods.activations.activations import activations
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["ActivationGrid", "activation_grid"]

MOST = 32  # channels of a position
Strongest = Annotated[int, Range(1, MOST)]


@dataclass(frozen=True, eq=False, repr=False)
class ActivationGrid(Result):
    """At every position of a layer's maps the channels with the greatest activations.

    values    (k, h, w), the greatest first
    channels  (k, h, w): which they are; among equal values the lower number comes first
    picture   (C, H, W), 0…1: what was looked at, as the network sees it
    layer     its name
    """

    values: Tensor
    channels: Tensor
    picture: Tensor
    layer: str
    convention: str = "greatest activations at each position"
    look: ClassVar[dict] = {"colormap": "inferno", "opacity": 0.7}

    @property
    def of(self) -> str:
        return self.layer

    @property
    def listed(self) -> tuple[int, ...]:
        """All channels that are among the strongest anywhere: first those that are the strongest, as they are seen."""
        return tuple(dict.fromkeys(self.channels.flatten().tolist()))

    def content(self) -> Content:
        """The greatest activation of any channel, over the picture."""
        greatest = self.values[0]
        high, signed = robust_maximum(greatest), falls_below(greatest)
        return Content(
            rgb(self.picture), as_array(greatest), low=-high if signed else 0, high=high, signed=signed,
            caption=f"{self.layer}: the strongest channel at each of {greatest.shape[0]}×{greatest.shape[1]} positions",
        )  # fmt: skip


@gate
def activation_grid(
    network: Network, image: AnyPicture, layer: "str | Layer | nn.Module | None" = None, k: Strongest = 4
) -> ActivationGrid:
    """The channels that are strongest at every position of a layer (Olah et al., 2018).

    image  (3, H, W), values 0…1
    layer  None = ``network.default_layer``
    k      how many channels of each position; all, where the layer has fewer
    Raises UserError for a layer without positions.

        activation_grid(load_network("mini"), load_image("chelsea"), "conv4").channels[0]
    """
    found = network.default_layer if layer is None else network.layer(layer)
    if not found.spatial:
        raise UserError(f"layer must have spatial positions, which {found.name!r} has not.")
    maps = activations(network, image, found)
    order = maps.values.sort(dim=0, descending=True, stable=True)
    return ActivationGrid(order.values[:k], order.indices[:k], maps.picture, found.name)
