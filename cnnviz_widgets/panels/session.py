"""What panels share: choose a channel in one, and the others follow."""

import operator
from collections.abc import Iterable
from typing import Any

from torch import nn
from traitlets import Any as AnyTrait
from traitlets import HasTraits, Int, Unicode, observe, validate

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network, load_network
from cnnviz_widgets.panels import cells
from cnnviz_widgets.pictures import Dataset, load_dataset, load_image, remember, source_of


class Session(HasTraits):
    """The network, the picture, and what is chosen in them.

    network   a Network, a module, or a name for ``load_network``
    image     (C, H, W), values 0…1; anything that ``load_image`` takes may be assigned
    dataset   many pictures, in which examples are looked for; anything that ``load_dataset`` takes; or None
    target    class index; a class name may be assigned; None = the network's own first choice
    layer     name of a layer; starts at ``network.default_layer``
    channel   index of a channel of that layer
    position  (row, column) in that layer's maps, or None = the strongest place

    What is not in the network raises UserError and changes nothing. A new network or layer resets what no longer fits.
    """

    network = AnyTrait()
    image = AnyTrait()
    dataset = AnyTrait(None, allow_none=True)
    target = AnyTrait(None, allow_none=True)
    layer = Unicode()
    channel = Int(0)
    position = AnyTrait(None, allow_none=True)

    def __init__(self, network: Any = "mini", image: Any = "chelsea", **chosen: Any) -> None:
        super().__init__()
        self.network = network
        self.image = image
        if unknown := [name for name in chosen if name not in SHARED]:
            raise UserError(f"Session has no {unknown[0]!r}: it takes {', '.join(SHARED)}.")
        for name in in_order(chosen):
            setattr(self, name, chosen[name])

    @validate("network")
    def _a_network(self, proposal: dict) -> Network:
        value = proposal["value"]
        network = load_network(value) if isinstance(value, str) else value
        if isinstance(network, nn.Module):
            name = cells.name_of(network)
            network = Network(network, source=name and f"cv.Network({name})")
        if not isinstance(network, Network):
            kind = type(value).__name__
            raise UserError(f"network must be a Network, a torch module or a name such as 'resnet18', not {kind}.")
        _ = network.default_layer  # a network that does not run is refused here, while nothing has changed
        return network

    @validate("image")
    def _a_picture(self, proposal: dict) -> Any:
        picture, name = load_image(proposal["value"]), cells.name_of(proposal["value"])
        if name and source_of(picture) is None:
            remember(picture, f"cv.load_image({name})")
        return picture

    @validate("dataset")
    def _pictures(self, proposal: dict) -> Dataset | None:
        value = proposal["value"]
        if value is None:
            return None
        dataset = load_dataset(value)
        dataset.source = dataset.source or cells.name_of(value)
        return dataset

    @validate("target")
    def _a_class(self, proposal: dict) -> int | None:
        value = proposal["value"]
        return None if value is None or value == "" else self.network.class_index(value)

    @validate("layer")
    def _a_layer(self, proposal: dict) -> str:
        return self.network.layer(proposal["value"]).name

    @validate("channel")
    def _a_channel(self, proposal: dict) -> int:
        channels = self.network.layer(self.layer).channels
        if not 0 <= proposal["value"] < channels:
            raise UserError(f"channel must be 0 … {channels - 1} in {self.layer}, not {proposal['value']}.")
        return proposal["value"]

    @validate("position")
    def _a_position(self, proposal: dict) -> tuple[int, int] | None:
        value = proposal["value"]
        if value is None:
            return None
        extent = self.network.layer(self.layer).shape[1:]
        try:
            row, column = map(operator.index, value)
            fits = 0 <= row < extent[0] and 0 <= column < extent[1]
        except (TypeError, ValueError, IndexError):
            fits = False
        if not fits:
            size = "×".join(map(str, extent)) or "1×1"
            raise UserError(f"position must be (row, column) in the {size} map of {self.layer}, not {value!r}.")
        return row, column

    @observe("network")
    def _new_network(self, change: dict) -> None:
        with self.hold_trait_notifications():
            self.target, self.position, self.channel = None, None, 0
            self.layer = self.network.default_layer.name

    @observe("image")
    def _new_image(self, change: dict) -> None:
        if self.network.input_size is None:  # the maps have another size now
            self.position = None

    @observe("layer")
    def _new_layer(self, change: dict) -> None:
        with self.hold_trait_notifications():
            self.position = None
            if self.channel >= self.network.layer(self.layer).channels:
                self.channel = 0


SHARED = ("network", "image", "dataset", "target", "layer", "channel", "position")


def in_order(names: Iterable[str]) -> list[str]:
    """Names of traits in the order in which they must be set: the layer before the channel, a panel's own last."""
    return sorted(names, key=lambda name: SHARED.index(name) if name in SHARED else len(SHARED))
