"""O1, O2: slide a square over the picture and watch the class go, and what the network takes it for instead."""

import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import ipywidgets
import numpy as np

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.fills import FILLS
from cnnviz_widgets.methods.occlusion.occlusion import (
    SCORES,
    SHAPES,
    OcclusionState,
    occluded,
    occlusion,
    positions,
    strongest_map,
)
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels.controls import choice, default, slider, toggle
from cnnviz_widgets.panels.maps import class_argument, same
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import Bars, Mark, View
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer
from cnnviz_widgets.widgets.traits import Place

NAMED, OTHER = 7, 7  # kinds that have a color of their own; the kind of all others, which is gray


class Occlusion(Panel):
    """What the class depends on: cover a place, and see what is left of its score (Zeiler & Fergus 2014, figure 7).

    size    side of the square, in pixels of the picture as the network sees it
    stride  pixels between two positions of the square
    fill    what the square is filled with
    shape   "square", or "disc", of that diameter
    score   of the class: its "probability" or its "logit"
    figure  the whole figure: also what the strongest feature map of a layer loses, what that map sees in the picture,
            and the most probable class at every position
    place   (x, y) of the covered place that is shown beside the map, or None = nothing covered
    """

    title = "Occlusion"
    family = "occlusion"
    chapters = ("06",)
    shows = "how much a class loses when a square hides a place"
    as_call = "cnnviz.occlusion(net, photo)"
    quick = True
    pickers = ("image", "target", "layer")
    more = ("layer",)
    size = slider(
        default(occlusion, "size"),
        4,
        128,
        step=4,
        label="Square",
        help="Side of the square that covers the picture, in pixels",
    )
    stride = slider(
        default(occlusion, "stride"), 2, 64, step=2, label="Stride",
        help="Pixels between two positions: small is fine, and slow",
    )  # fmt: skip
    fill = choice(default(occlusion, "fill"), FILLS, label="Fill", help="What the square is filled with")
    shape = choice(
        default(occlusion, "shape"), SHAPES, label="Shape", help="A disc has no corners, which are features themselves"
    )
    score = choice(
        default(occlusion, "score"), SCORES, label="Score",
        help="What is measured of the class: after or before softmax",
    )  # fmt: skip
    figure = toggle(False, label="Figure 7", help="Also the strongest feature map of a layer, and the likeliest class")
    place = Place(None).tag(setting=True)

    def __init__(self, network: Any = None, image: Any = None, **settings: Any) -> None:
        super().__init__(network, image, **settings)
        self.observe(lambda _: self._arrange(), "figure")
        self._arrange()

    def build(self) -> list[ipywidgets.Widget]:
        side = min(self.session.network.prepare(self.session.image).shape[-2:])
        if self.size > side:
            self.size = max(4, side // 4)
        look = {"colormap": "inferno", "opacity": 0.6, "group": secrets.token_hex(4)}
        views = {
            "map": View("Score lost (blue: gained), mean over squares", **look),
            "covered": View("What the network sees", controls=False),
            "activation": View("Activation lost, square by square", **look),
            "projection": View("What the strongest map sees", controls=False, group=look["group"]),
            "labels": View("Top class, square by square", **look),
        }
        for name in ("map", "activation", "labels"):
            views[name].image.on_hover(self.guarded(self._look_under))
            views[name].image.on_click(self.guarded(self._look_under))
        self._parts["square"] = Mark(views["map"], "rectangle")
        self._of: tuple = ()
        self._state: OcclusionState | None = None  # what was reached
        self._kinds: dict[int, int] = {}  # class -> its color
        widgets = {name: self.part(name, view) for name, view in views.items()}
        bars = self.part("bars", Bars("What it answers"))
        self._rest = [widgets[name] for name in ("activation", "projection", "labels")]
        return [widgets["map"], widgets["covered"], bars, *self._rest]

    def _arrange(self) -> None:
        """The rest of the figure, and the choice of its layer, are there only if they are asked for."""
        layer = [self.controls["layer"]] if "layer" in self.controls else []
        for widget in (*self._rest, *layer):
            widget.layout.display = None if self.figure else "none"

    def _look_under(self, pointer: Pointer | None) -> None:
        if pointer is not None:  # the last place stays when the pointer leaves
            self.place = (pointer.x, pointer.y)

    @computes("network", "image", "target", "size", "stride", "fill", "shape", "score", "layer", "figure")
    def compute(self, now: SimpleNamespace) -> Iterator[Frame]:
        how = {"size": now.size, "stride": now.stride, "fill": now.fill, "shape": now.shape, "score": now.score}
        of = now.network, now.image, now.target, how
        if not same(of, self._of):
            self._of, self._state, self._kinds = of, None, {}
        state, layer = self._state, now.layer if now.figure else None
        if state is not None and layer in (None, state.layer):
            yield self._frame(state, now)
        else:
            for state in occlusion(now.network, now.image, now.target, layer=layer, **how):
                yield self._frame(state, now)
            self._state = state

    def _frame(self, state: OcclusionState, now: SimpleNamespace) -> Frame:
        uncovered = f"{state.baseline:.3f} uncovered: {state.of}"
        parts = {"map": replace(state.content(), caption=uncovered)}
        if now.figure:
            parts |= {"activation": self._activation(state), "labels": self._labels(state, now.network)}
        return Frame(parts, state.step, state.total)

    def _activation(self, state: OcclusionState) -> Content:
        lost = state.uncovered_activation - state.activation
        caption = f"{state.layer} · channel {state.channel}: sum {state.uncovered_activation:.5g}"
        high = max(1e-12, float(lost.abs().max()))
        return Content(
            rgb(state.picture), lost, low=-high, high=high, extent=_extent(state), caption=caption, signed=True
        )

    def _labels(self, state: OcclusionState, network: Network) -> Content:
        """The classes in colors, those that win most often; a class keeps its color while the map is refined."""
        labels = state.labels.numpy()
        often = [index for index, _ in Counter(labels.flatten().tolist()).most_common(NAMED)]
        self._kinds = {index: kind for index, kind in self._kinds.items() if index in often}
        free = iter(kind for kind in range(NAMED) if kind not in self._kinds.values())
        self._kinds |= {index: next(free) for index in often if index not in self._kinds}
        kinds = np.full(labels.shape, OTHER)
        for index, kind in self._kinds.items():
            kinds[labels == index] = kind
        names = [""] * NAMED
        for index, kind in self._kinds.items():
            names[kind] = network.classes[index]
        others = len(np.unique(labels)) - len(often)
        levels = (*names, *([f"{others} others"] if others else []))
        top = f"{np.sum(labels == state.target)} of {labels.size} squares: {state.of}"
        return Content(rgb(state.picture), kinds, extent=_extent(state), caption=top, levels=levels)

    @computes("network", "image", "layer", "figure")
    def project(self, now: SimpleNamespace) -> Frame:
        """What the strongest map of the layer sees."""
        if not now.figure:
            return Frame()
        return Frame({"projection": strongest_map(now.network, now.image, now.layer).content()})

    @computes("network", "image", "target", "size", "stride", "fill", "shape", "place")
    def look(self, now: SimpleNamespace) -> Frame:
        """The picture under the square nearest to the chosen place, and what the network says to it."""
        picture = now.network.prepare(now.image)[0]
        target = now.network.predict(picture, 1)[0].index if now.target is None else now.target
        square = None
        caption = "all of it: hover the map"
        if now.place is not None:
            extent = picture.shape[-2:]
            top, left = (
                min(positions(n, now.size, now.stride), key=lambda p, at=at: abs(p + now.size / 2 - at))
                for n, at in zip(extent, now.place[::-1], strict=True)
            )
            picture = occluded(now.network, now.image, top, left, now.size, now.fill, now.shape)
            square = (left, top, now.size, now.size)
            caption = f"covered at x {left}, y {top}"
        return Frame(
            {
                "square": square,
                "covered": Content(rgb(picture), caption=caption),
                "bars": (now.network.predict(picture), target),
            }
        )

    def call(self, now: SimpleNamespace) -> str:
        options = {"size": now.size, "stride": now.stride, "fill": now.fill, "shape": now.shape, "score": now.score}
        options |= {"layer": now.layer} if now.figure else {}
        arguments = "".join(f", {name}={value!r}" for name, value in options.items())
        states = f"states = cnnviz.occlusion(net, photo{class_argument(now.network, now.target)}{arguments})"
        if not now.figure:
            return f"{states}\ncnnviz.last(states)"
        return "\n".join(
            [
                states,
                "state = cnnviz.last(states)",
                "lost = state.uncovered_activation - state.activation",
                "labels = [[net.classes[index] for index in row] for row in state.labels.tolist()]",
                f"display(cnnviz.neuron_gradient(net, photo, {now.layer!r}, state.channel, 'map', rule='deconvnet'))",
                "state",
            ]
        )


def _extent(state: OcclusionState) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of the map of positions: each is the center of its square."""

    def ends(starts: tuple[int, ...]) -> tuple[float, float]:
        step = (starts[-1] - starts[0]) / (len(starts) - 1) if len(starts) > 1 else state.size
        first, last = (start + state.size / 2 for start in (starts[0], starts[-1]))
        return first - step / 2, last + step / 2

    (top, bottom), (left, right) = ends(state.tops), ends(state.lefts)
    return left, top, right, bottom
