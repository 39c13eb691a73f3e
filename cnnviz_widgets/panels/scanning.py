"""Base of the panels that look units up in a scan: where there is none, a few pictures are looked at, then more."""

import time
from collections.abc import Iterator
from typing import Any, ClassVar
from weakref import WeakSet

import ipywidgets

from cnnviz_widgets.content import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.methods.activations.top_examples import Example
from cnnviz_widgets.methods.scan.scan import Scan, scan
from cnnviz_widgets.networks import Network
from cnnviz_widgets.networks.layers import convolutions
from cnnviz_widgets.panels.call import As, Call
from cnnviz_widgets.panels.controls import slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import Mark, View
from cnnviz_widgets.pictures import Dataset, Picture, load_dataset, scenes
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.actions import Actions

FEW, MANY, MOST = 32, 500, 5000  # pictures: at first, at the press of the button, on the slider
_made: "WeakSet[Scan]" = WeakSet()  # by panels; others are never thrown away
_rendered = load_dataset(scenes(MOST))


class Scanning(Panel):
    """``compute`` fills the session's scan, and ``look`` shows what is found in it, while it is filled.

    amount  pictures that are looked at, of the session's dataset or else of ``cnnviz.scenes``, where the session has no
            scan that somebody has given
    """

    pickers: ClassVar[tuple[str, ...]] = ("layer", "channel")
    amount = slider(FEW, FEW, MOST, label="Pictures", help="How many pictures of the data set are looked at", more=True)

    @classmethod
    def first_view(cls, session: Any) -> None:
        """A convolution in the middle: its fields are smaller than the picture, and it has a negative side."""
        layers = convolutions(session.network.layers)
        if layers:
            session.layer = layers[len(layers) // 2].name

    def more_pictures(self) -> ipywidgets.Widget:
        """The button that lets many pictures be looked at."""
        self._more = Actions(
            {"scan": (f"Scan {MANY} pictures", "Look at more pictures; the list fills while you look")}
        )
        self._more.on_action(self.guarded(lambda _: self._scan_many()))
        return self._more

    def _scan_many(self) -> None:
        self.amount = max(self.amount, min(MANY, _total(self.session.dataset)))

    def whole_picture(self) -> ipywidgets.Widget:
        """The picture of a patch, with the unit's field drawn on it."""
        view = View("The whole picture and the receptive field", max_width=320)
        self._parts["field"] = Mark(view, "rectangle")
        return self.part("whole", view)

    def compute(self, now: Now) -> Iterator[Frame]:
        given = self.session.scan
        if given is not None and given not in _made:
            self._more.asleep = ("scan",)
            yield Frame()
            return
        call = _scan(now)
        layers, total = call.options["layers"], min(now.amount, _total(now.dataset))
        known = given is not None and given.network is now.network and given.pictures is call.given[1].value
        going_on = {"resume": given} if known and given and set(layers or ()) <= set(given.layers) else {}
        if going_on and given:
            call.options["layers"] = list(given.layers)
        began, before = time.perf_counter(), given.step if going_on and given else 0
        quickest = float("inf")  # seconds for a picture: few at once, as at first, take longer
        for state in call(**going_on):
            quickest = min(quickest, (time.perf_counter() - began) / max(1, state.step - before))
            _made.add(state)
            self.session.scan = state
            self._offer(state, quickest)
            began, before = time.perf_counter(), state.step
            yield Frame({}, min(state.step, total), total)

    def _offer(self, state: Scan, seconds: float) -> None:
        wanted = min(MANY, state.total)
        left = wanted - state.step
        self._more.asleep = ("scan",) if left <= 0 else ()
        about = f"about {max(1, round(left * seconds))} s" if left > 0 else "done"
        self._more.write("scan", f"Scan {wanted} pictures ({about})")

    def choose(self, key: tuple[int | None, tuple[int, int] | None]) -> None:
        """Make a patch's picture and position those of the session."""
        number, position = key
        state = self.session.scan
        if number is None or state is None:
            return
        picture, name = state.dataset[number]
        source = state.dataset.source and f"{state.dataset.source}[{number}][0]"
        with self.session.turn:
            self.session.selection = (number,)
            self.session.image = Picture(picture, source, name)
            self.session.position = position

    def shown_whole(self, now: Now, examples: tuple[Example, ...]) -> dict[str, Any]:
        """Parts: the picture of the example that is selected, or of the first one, and its field."""
        if not examples:
            return {"whole": Content(), "field": None}
        chosen = next((one for one in examples if (one.index,) == now.selection), examples[0])
        left, top, right, bottom = chosen.window
        where = f" at {chosen.position}" if chosen.position else ""
        caption = f"{chosen.name}: {chosen.value:.3g}{where}"
        return {
            "whole": Content(rgb(chosen.picture), caption=caption),
            "field": (left, top, right - left, bottom - top),
        }


def scan_lines(now: Now) -> dict[str, Any]:
    """The line of a program that leaves the scan in a variable."""
    if now.scan is not None and now.scan not in _made:
        return {"scan": As(now.scan, "...  # the scan that you gave to the panel")}
    call = _scan(now)
    if now.scan is not None and now.scan.layers != _convolutions(now.network):
        call.options["layers"] = list(now.scan.layers)
    return {"scan": As(None, f"cnnviz.last({call})")}


def _scan(now: Now) -> Call:
    """Of every convolution, and of the layer that is looked at."""
    dataset = _rendered if now.dataset is None else now.dataset
    dataset = dataset.for_channels(now.network.channels)
    pictures = As(dataset, f"cnnviz.scenes({MOST})" if now.dataset is None else dataset.source or "...")
    layers = _convolutions(now.network)
    asked = [] if now.layer in layers else [*layers, now.layer]
    part = (0, min(now.amount, len(dataset)))
    return Call(scan, now.network, pictures, layers=asked or None, part=None if part[1] == len(dataset) else part)


def _convolutions(network: Network) -> tuple[str, ...]:
    return tuple(layer.name for layer in convolutions(network.layers))


def _total(dataset: Dataset | None) -> int:
    return MOST if dataset is None else len(dataset)
