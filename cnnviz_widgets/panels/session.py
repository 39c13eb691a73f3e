"""What panels share: choose a channel in one, and the others follow."""

import operator
import secrets
import time
from collections.abc import Callable, Iterable
from numbers import Integral
from threading import RLock, Thread
from typing import Any
from weakref import WeakSet

from torch import nn
from traitlets import HasTraits, TraitType, observe

from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import came
from cnnviz_widgets.methods.scan.scan import Scan
from cnnviz_widgets.networks import Network, load_network
from cnnviz_widgets.panels import cells
from cnnviz_widgets.pictures import Dataset, Picture, load_dataset, load_image, samples

UNSET = object()
PATIENCE = 3.0  # s: some panels go on for minutes


class Checked(TraitType):
    """What a method of its owner makes of a value; the default is not checked.

    traitlets' own ``validate`` never sees None, and sees nothing before the end of ``hold_trait_notifications``.
    """

    def __init__(self, check: str, default: Any = None) -> None:
        self._check, self._default = check, default
        super().__init__(UNSET)

    def validate(self, owner: "Session", value: Any) -> Any:
        return self._default if value is UNSET else getattr(owner, self._check)(value)


class Session(HasTraits):
    """The network, the picture, and what is chosen in them.

    network   a Network, a module, or a name for ``load_network``
    image     (C, H, W), values 0…1; anything that ``load_image`` takes, with the network's number of channels, may be
              assigned
    dataset   many pictures, in which examples are looked for; anything that ``load_dataset`` takes; or None
    scan      what a pass over many pictures has found, a ``cnnviz.Scan`` of this network; or None
    selection numbers of pictures that are chosen: of the scan, else of the data set, else of the samples
    target    class index; a class name may be assigned; None = the network's own first choice
    layer     name of a layer; starts at ``network.default_layer``
    channel   index of a channel of that layer
    position  (row, column) in that layer's maps, or None = the strongest place

    What is not in the network raises UserError and changes nothing. A new network or layer resets what no longer fits.
    """

    network = Checked("_a_network")
    image = Checked("_a_picture")
    dataset = Checked("_pictures")
    scan = Checked("_a_scan")
    selection = Checked("_numbers", ())
    target = Checked("_a_class")
    layer = Checked("_a_layer", "")
    channel = Checked("_a_channel", 0)
    position = Checked("_a_position")

    def __init__(self, network: Any = "mini", image: Any = "chelsea", **chosen: Any) -> None:
        self.turn = RLock()  # whoever changes it, or a panel's own traits, from several threads
        self.panels: WeakSet[Any] = WeakSet()  # that look at it
        self.css = f"cnnviz-session-{secrets.token_hex(4)}"  # a class of theirs
        super().__init__()
        self.network = network
        self.image = image
        if unknown := [name for name in chosen if name not in SHARED]:
            raise UserError(f"Session has no {unknown[0]!r}: it takes {', '.join(SHARED)}.")
        for name in in_order(chosen):
            setattr(self, name, chosen[name])

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in SHARED:
            return super().__setattr__(name, value)
        with self.turn:  # what depends on it follows before anybody else changes something
            super().__setattr__(name, value)

    def when_at_rest(self, then: Callable[[], None]) -> None:
        """Call ``then`` once no panel computes any more, or has done so for ``PATIENCE`` s: at once, or by a thread."""
        panels = list(self.panels)

        def wait() -> None:
            end = time.monotonic() + PATIENCE
            for panel in panels:
                panel.wait(max(0.0, end - time.monotonic()))
            then()

        if all(panel.wait(0) for panel in panels):
            then()
        else:
            Thread(target=wait, daemon=True, name="cnnviz-at-rest").start()

    def _a_network(self, value: Any) -> Network:
        with naming("network"):
            return self._prepared(value)

    def _prepared(self, value: Any) -> Network:
        network = load_network(value) if isinstance(value, str) else value
        if isinstance(network, nn.Module):
            name = cells.name_of(network)
            network = Network(network, source=name and f"cnnviz.Network({name})")
        if not isinstance(network, Network):
            kind = "None" if value is None else type(value).__name__
            raise UserError(f"network must be a Network, a torch module or a name such as 'resnet18', not {kind}.")
        _ = network.default_layer  # a network that does not run is refused here, while nothing has changed
        return network

    def _a_picture(self, value: Any) -> Any:
        channels = self.network.channels
        name = cells.name_of(value)
        with naming("image"):
            picture = load_image(value, channels=channels)
        if name and picture.source is None:
            more = "" if len(picture) == 3 else f", channels={channels}"
            picture = Picture(picture, f"cnnviz.load_image({name}{more})")
        return picture

    def _pictures(self, value: Any) -> Dataset | None:
        if value is None:
            return None
        dataset = load_dataset(value)
        dataset.source = dataset.source or cells.name_of(value)
        return dataset

    def _a_scan(self, value: Any) -> Scan | None:
        if value is None:
            return None
        if not isinstance(value, Scan):
            raise UserError(f"scan must be one that cnnviz.scan or cnnviz.load_scan gives, or None, not {came(value)}.")
        if value.network is not self.network and value.network.fingerprint != self.network.fingerprint:
            raise UserError(f"scan must be one of this {self.network.name}: weights or preparation differ.")
        return value

    def _numbers(self, value: Any) -> tuple[int, ...]:
        total = self.scan.total if self.scan is not None else len(samples() if self.dataset is None else self.dataset)
        try:
            numbers = tuple(map(operator.index, value))
        except TypeError:
            numbers = (-1,)
        if any(not 0 <= one < total for one in numbers):
            raise UserError(f"selection must be numbers of the {total:,} pictures at hand, not {came(value)}.")
        return numbers

    def _a_class(self, value: Any) -> int | None:
        return None if value is None or value == "" else self.network.class_index(value)

    def _a_layer(self, value: Any) -> str:
        return self.network.layer(value).name

    def _a_channel(self, value: Any) -> int:
        channels = self.network.layer(self.layer).channels
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        if not whole or not 0 <= value < channels:
            raise UserError(f"channel must be 0 … {channels - 1} in {self.layer}, not {came(value)}.")
        return int(value)

    def _a_position(self, value: Any) -> tuple[int, int] | None:
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
            raise UserError(f"position must be (row, column) in the {size} map of {self.layer}, not {came(value)}.")
        return row, column

    @observe("network")
    def _new_network(self, change: dict) -> None:
        with self.hold_trait_notifications():
            self.layer = self.network.default_layer.name
            self.target, self.position, self.channel = None, None, 0
            self.scan = None

    @observe("image")
    def _new_image(self, change: dict) -> None:
        if self.network.input_size is None:  # the maps have another size now
            self.position = None

    @observe("dataset")
    def _new_dataset(self, change: dict) -> None:
        self.selection = ()
        if self.scan is not None and self.scan.pictures is not self.dataset:
            self.scan = None

    @observe("scan")
    def _new_scan(self, change: dict) -> None:
        before, now = change["old"], change["new"]
        if not (isinstance(before, Scan) and isinstance(now, Scan) and before.pictures is now.pictures):
            self.selection = ()

    @observe("layer")
    def _new_layer(self, change: dict) -> None:
        with self.hold_trait_notifications():
            self.position = None
            if self.channel >= self.network.layer(self.layer).channels:
                self.channel = 0


SHARED = ("network", "image", "dataset", "scan", "selection", "target", "layer", "channel", "position")


def in_order(names: Iterable[str]) -> list[str]:
    """Names of traits in the order in which they must be set: the layer before the channel, a panel's own last."""
    return sorted(names, key=lambda name: SHARED.index(name) if name in SHARED else len(SHARED))
