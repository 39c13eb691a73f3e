"""Controls of what depends on the session: of its own traits, and of a panel's traits that its network limits."""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

import ipywidgets
from traitlets import Tuple

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.language import said
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.networks.zoo import available
from cnnviz_widgets.panels.controls.pictures import NATURAL, PictureRow, came_by_itself
from cnnviz_widgets.panels.session import Session
from cnnviz_widgets.pictures import samples, source_of
from cnnviz_widgets.widgets.network_strip import NetworkStrip
from cnnviz_widgets.widgets.tags import Tags

Complain = Callable[[Exception | None], None]  # tells what is wrong; None = nothing any more


class Owner(Protocol):
    """What a control needs of its panel."""

    session: Session
    complain: Complain
    observe: Callable[..., None]
    traits: Callable[..., dict[str, Any]]


class _Shared(ipywidgets.Widget):
    """A control of something that the session holds: follows it, and lets go of it when closed."""

    chooses: str  # the session's trait
    _follows: tuple[str, ...] = ()
    _keeps_what_is_wrong = False  # to be corrected; else the control goes back to what holds
    session: Session
    _bound = False

    def _bind(self, session: Session, complain: Complain, *controls: ipywidgets.Widget) -> None:
        self.session, self._complain, self._bound = session, complain, True
        self._follow()
        session.observe(self._follow, list(self._follows))
        for control in controls or [self]:
            control.observe(self._choose, "value")

    def _follow(self, _: Any = None) -> None:
        self._showing = True  # a list of options that changes selects its first one: nobody chose that
        try:
            self._show()
        finally:
            self._showing = False

    def _show(self) -> None:
        """Show what the session holds."""
        raise NotImplementedError

    def _chosen(self, value: Any) -> None:
        """Give the session what the user chose."""
        raise NotImplementedError

    def _choose(self, change: dict) -> None:
        if self._showing:
            return
        try:
            self._chosen(change["new"])
        except Exception as error:  # loading a network may raise anything, and a callback's error is seen by nobody
            self._complain(error)
            if not self._keeps_what_is_wrong:
                self._follow()
        else:
            self._complain(None)

    def close(self) -> None:
        if self._bound:
            self.session.unobserve(self._follow, list(self._follows))
            self._bound = False
        super().close()


class ClassPicker(_Shared, ipywidgets.Combobox):
    """A text field that completes class names; empty = the top class. What is no class is explained, not taken."""

    chooses = "target"
    _follows = ("network", "target")
    _keeps_what_is_wrong = True

    def __init__(self, session: Session, complain: Complain) -> None:
        super().__init__(
            placeholder=said("(the top class)"),
            description=said("Class"),
            tooltip=said(
                "The class that is explained: type a part of its name; empty means the network's first choice"
            ),
            continuous_update=False,
            style=NATURAL,
        )
        self._bind(session, complain)

    def _show(self) -> None:
        self.options = class_labels(self.session.network.classes)
        self.value = "" if self.session.target is None else self.options[self.session.target]

    def _chosen(self, value: str) -> None:
        self.session.target = self.options.index(value) if value in self.options else value
        self._follow()


class LayerStrip(_Shared, NetworkStrip):
    """The whole network, layer by layer; those that have maps can be chosen."""

    chooses = "layer"
    _follows = ("network", "layer")
    _folded = False

    def __init__(self, session: Session, complain: Complain) -> None:
        super().__init__("Layer", "The layer that is looked at, from input to output", folded=self._folded)
        if not self._folded:
            self.add_class("cnnviz-wide")
        self._bind(session, complain)

    def _offered(self) -> list[Layer]:
        return [layer for layer in self.session.network.layers if layer.spatial]

    def _current(self) -> str:
        return self.session.layer

    def _show(self) -> None:
        self.layers, self.value = _boxes(self.session.network, self._offered()), self._current()

    def _chosen(self, value: str) -> None:
        self.session.layer = value


class LayerWalk(LayerStrip):
    """Those can be chosen that have maps of more than one place, and the one that is."""

    def _offered(self) -> list[Layer]:
        return [one for one in super()._offered() if max(one.shape[1:]) > 1 or one.name == self._current()]


class LayerPicker(LayerStrip):
    """A list of the layers that have maps; a button opens the strip."""

    _folded = True


def _boxes(network: Network, offered: list[Layer]) -> list[dict[str, Any]]:
    """All layers for a ``NetworkStrip``; those that are offered can be chosen."""
    boxes, names = [], {layer.name for layer in offered}
    for layer in network.layers:
        size = dict(zip(("channels", "height", "width"), (*layer.shape, 0, 0), strict=False))
        what = {"name": layer.name, "label": layer.label, "kind": layer.kind, "can": layer.name in names}
        boxes.append(what | size)
    return boxes


class _OfNetwork(ipywidgets.Widget):
    """A control of a panel's own trait that depends on the session's network, and lets go of it when closed."""

    _bound = False

    def _bind(self, panel: Owner) -> None:
        self._panel, self._bound = panel, True
        self._offer()
        panel.session.observe(self._offer, "network")

    def _offer(self, _: Any = None) -> None:
        """What can be chosen in the network."""
        raise NotImplementedError

    def close(self) -> None:
        if self._bound:
            self._panel.session.unobserve(self._offer, "network")
            self._bound = False
        super().close()


class CountSlider(_OfNetwork, ipywidgets.IntSlider):
    """From 0 to a number that the network has."""

    def __init__(self, panel: Owner, count: Callable[[Network], int], description: str, tooltip: str) -> None:
        super().__init__(description=said(description), tooltip=said(tooltip), style=NATURAL)
        self._count = count
        self._bind(panel)

    def _offer(self, _: Any = None) -> None:
        self.max = self._count(self._panel.session.network)


class LayerChoice(_OfNetwork, NetworkStrip):
    """A layer that has maps; "" = none, which is called ``none``."""

    def __init__(self, panel: Owner, description: str, tooltip: str, none: str) -> None:
        super().__init__(description, tooltip, folded=True, none=none)
        self._bind(panel)

    def _offer(self, _: Any = None) -> None:
        network = self._panel.session.network
        offered = [layer for layer in network.layers if layer.spatial]
        self.layers = _boxes(network, offered)
        if self.value not in (layer.name for layer in offered):  # of another network
            self.value = ""


class ClassTags(_OfNetwork, Tags):
    """Several classes. What is no class is explained, not taken.

    value   their indices; () = what the panel takes by itself
    """

    value = Tuple()

    def __init__(self, panel: Owner, most: int, description: str, tooltip: str, none: str) -> None:
        super().__init__(most=most, description=description, tooltip=tooltip, placeholder=none)
        if most > 1:
            self.add_class("cnnviz-wide")
        self._showing = False
        self._bind(panel)
        self.observe(self._show, "value")
        self.observe(self._choose, "names")

    def _offer(self, _: Any = None) -> None:
        self.options = list(class_labels(self._panel.session.network.classes))

    def _show(self, _: Any = None) -> None:
        self._showing = True
        self.names = tuple(self.options[index] for index in self.value)
        self._showing = False

    def _choose(self, change: dict) -> None:
        if self._showing:
            return
        before, classes = self.value, self._panel.session.network.classes
        try:
            self.value = tuple(self.options.index(n) if n in self.options else classes.index(n) for n in change["new"])
        except Exception as error:  # a callback's error is seen by nobody
            self.value = before
            self._panel.complain(error)
        else:
            self._panel.complain(None)
        self._show()


class ConvolutionPicker(LayerPicker):
    """The layers that have kernels; the first one where the session looks at something else."""

    def _offered(self) -> list[Layer]:
        return convolutions(self.session.network)

    def _current(self) -> str:
        names = [layer.name for layer in self._offered()]
        return self.session.layer if self.session.layer in names else next(iter(names), "")


class ChannelSlider(_Shared, ipywidgets.IntSlider):
    """The channel of the session's layer."""

    chooses = "channel"
    _follows = ("network", "layer", "channel")

    def __init__(self, session: Session, complain: Complain) -> None:
        super().__init__(description=said("Channel"), tooltip=said("The feature map that is looked at"), style=NATURAL)
        self._bind(session, complain)

    def _show(self) -> None:
        self.max = self.session.network.layer(self.session.layer).channels - 1
        self.value = self.session.channel

    def _chosen(self, value: int) -> None:
        self.session.channel = value


class NetworkPicker(_Shared, ipywidgets.Dropdown):
    """The networks that need no download, and the one that was given."""

    chooses = "network"
    _follows = ("network",)

    def __init__(self, session: Session, complain: Complain) -> None:
        super().__init__(description=said("Network"), tooltip=said("The network that is looked at"), style=NATURAL)
        self._given = session.network
        self._bind(session, complain)

    def _show(self) -> None:
        network = self.session.network
        self.options = tuple(dict.fromkeys([network.name, self._given.name, *available()]))
        self.value = network.name

    def _chosen(self, value: str) -> None:
        self.session.network = self._given if value == self._given.name else value


class PicturePicker(_Shared, PictureRow):
    """A sample picture, or one of the user's own. A badge tells of samples that show nothing the network knows."""

    chooses = "image"
    _follows = ("image", "network")

    def __init__(self, session: Session, complain: Complain) -> None:
        options = [(said(self.OWN), self.OWN), *((one, one) for one in samples())]
        super().__init__(options, "Picture", "A photograph to look at", streams=True, followers=session.css)
        self._badge = ipywidgets.HTML().add_class("cnnviz-badge")
        self.children += (self._badge,)
        self._bind(session, complain, self._list, self._upload, self._camera)

    def _show(self) -> None:
        sample, classes = sample_of(self.session.image), self.session.network.classes
        self._list.value = sample or self.OWN
        known = sample is None or set(samples().classes(sample)) & set(classes)
        unknown = "a style" if sample in samples().styles else f"not among its {len(classes)} classes"
        self._badge.value = "" if known else said(unknown)

    def _chosen(self, value: Any) -> None:
        try:
            if value and value != self.OWN:
                self.session.image = came_by_itself(value)
        finally:
            self._taken()
            self._follow()

    def _choose(self, change: dict) -> None:
        if change["new"] and change["owner"] is self._camera and self._camera.following:
            self.session.when_at_rest(partial(self._follow_camera, change, self.session.image))
        else:
            super()._choose(change)

    def _follow_camera(self, change: dict, before: Any) -> None:
        """Take a picture of a stream, unless another was chosen while it waited, and ask for the next one.

        The browser takes that meanwhile: it is here when the panels are at rest again.
        """
        if self._bound and self.session.image is before:
            super()._choose(change)
        self._taken()
        self._camera.answer()


def convolutions(network: Network) -> list[Layer]:
    """The layers that have kernels to look at."""
    return [layer for layer in network.layers if layer.kind == "Conv2d"]


def current_convolution(network: Network, layer: str) -> Layer:
    """The named layer if it has kernels, else the network's first one that has."""
    layers = convolutions(network)
    if not layers:
        raise UserError(f"{network.name} has no Conv2d layer whose kernels could be shown.")
    return next((one for one in layers if one.name == layer), layers[0])


PICKERS = {
    "network": NetworkPicker,
    "image": PicturePicker,
    "convolution": ConvolutionPicker,
    "target": ClassPicker,
    "layer": LayerPicker,
    "walk": LayerWalk,
    "strip": LayerStrip,
    "channel": ChannelSlider,
}


def sample_of(image: Any) -> str | None:
    """The name of the sample that a picture is."""
    return next((name for name in samples() if source_of(image) == f'cnnviz.load_image("{name}")'), None)


def class_labels(classes: Iterable[str]) -> tuple[str, ...]:
    """Class names, with a number where two classes bear the same one."""
    names = list(classes)
    count = Counter(names)
    return tuple(f"{n} ({i})" if count[n] > 1 else n for i, n in enumerate(names))
