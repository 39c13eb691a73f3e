"""O1, O2: slide a square over the picture, and see how the score drops and which class wins instead."""

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import ipywidgets
import numpy as np

from cnnviz_widgets.drawing.render import Content, as_array
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.drawing.words import percent
from cnnviz_widgets.methods.gradients.saliency import neuron_gradient
from cnnviz_widgets.methods.occlusion.occlusion import OcclusionState, occluded, occlusion, positions, strongest_map
from cnnviz_widgets.networks import Network, Prediction
from cnnviz_widgets.panels.call import As, Call, class_named
from cnnviz_widgets.panels.controls import toggle
from cnnviz_widgets.panels.guess import GuessedPlace
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import Bars, Mark, View
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer
from cnnviz_widgets.widgets.traits import Area, OneOf, Place

PAINT = {"covered": "#56b4e9"}  # of the brush: a color that no map of a drop has
NAMED, OTHER = 7, 7  # kinds that have a color of their own; the kind of all others, which is gray


class Occlusion(Panel):
    """How a class score drops where a square covers the picture (Zeiler & Fergus 2014, figure 7).

    size, stride, fill, shape, score
            as in ``cnnviz.occlusion``
    figure  whether the figure's other views are shown: the drop in the strongest feature map of a layer, that map
            projected to pixels, and the most probable class at every position
    area    what is covered instead of a square: a rectangle (x, y, width, height) that was dragged on the map, or a
            mask (H, W) of 0 and 1 that was painted there; or None
    place   (x, y) of the covered position that is shown beside the map, or None = nothing covered
    guess   "place" asks where the score will drop most before the map is shown: click there; "" asks nothing
    """

    title = "Occlusion"
    family = "occlusion"
    chapters = ("06",)
    shows = "how much a class loses when a square hides a place"
    as_call = "cnnviz.occlusion(net, photo)"
    quick = True
    pickers = ("image", "target", "layer")
    more = ("layer",)
    size = option(occlusion, 4, 128, step=4, label="Square")
    stride = option(occlusion, 2, 64, step=2)
    fill = option(occlusion)
    shape = option(occlusion)
    score = option(occlusion)
    figure = toggle(
        False, label="Zeiler & Fergus Fig. 7 views", help="Also the strongest feature map, and the most probable class"
    )
    place = Place(None).tag(setting=True)
    guess = OneOf(("", "place"), "").tag(setting=True)
    area = Area(None).tag(setting=True)

    def __init__(self, network: Any = None, image: Any = None, **settings: Any) -> None:
        super().__init__(network, image, **settings)
        self.observe(lambda _: self._arrange(), "figure")
        self._arrange()

    def build(self) -> list[ipywidgets.Widget]:
        side = min(self.session.network.prepare(self.session.image).shape[-2:])
        if self.size > side:
            self.size = max(4, side // 4)
        look: dict[str, Any] = {"colormap": "inferno", "opacity": 0.6, "group": secrets.token_hex(4)}
        question = "Where will the score drop most? Click there."
        title = "Drop in score (blue: rise)"
        self._map = GuessedPlace(title, question=question, **look)
        views = {
            "map": self._map,
            "covered": View("What the network sees", controls=False),
            "activation": View("Drop in activation, per position", **look),
            "projection": View("The strongest map, projected to pixels", controls=False, group=look["group"]),
            "labels": View("Most probable class, per position", **look),
        }
        for name in ("map", "activation", "labels"):
            views[name].image.on_hover(self.guarded(self._look_under))
            views[name].image.on_click(self.guarded(self._look_under))
        self._map.asked_by(self, "place", self._reveal)
        self._map.image.brush = PAINT
        self._map.image.on_region(self.guarded(lambda area: self.set_trait("area", area)))
        self._map.image.on_mask(self.guarded(lambda mask: self.set_trait("area", mask if mask.any() else None)))
        self.observe(lambda _: self._mark_area(), "area")
        self._parts["square"] = Mark(views["map"], "rectangle")
        self._memo = Memo(_Reached)
        self._uncovered: Memo[list[Prediction]] = Memo(list)
        widgets = {name: self.part(name, view) for name, view in views.items()}
        bars = self.part("bars", Bars("Class probabilities"))
        self._rest = [widgets[name] for name in ("activation", "projection", "labels")]
        return [widgets["map"], widgets["covered"], bars, *self._rest]

    def _on_change(self, change: dict) -> None:
        if change["name"] in ("network", "image"):
            self.area = None  # it was chosen in another picture
        super()._on_change(change)

    def _arrange(self) -> None:
        """The rest of the figure, and the choice of its layer, are there only if they are asked for."""
        layer = [self.controls["layer"]] if "layer" in self.controls else []
        for widget in (*self._rest, *layer):
            widget.layout.display = None if self.figure else "none"

    def _mark_area(self) -> None:
        """Show what is covered in the map, where it was not dragged or painted just now."""
        painted = isinstance(self.area, np.ndarray)
        self._map.image.region = None if painted else self.area
        mask: Any = self.area if painted else None
        before: Any = self._map.image.mask
        if not np.array_equal(mask, before):
            self._map.image.mask = mask

    def _reveal(self) -> None:
        """After a guess: cover the place where the drop is greatest."""
        if self._map.guess is not None:
            self.place = self._map.greatest

    def _look_under(self, pointer: Pointer | None) -> None:
        pointing = not self._map.waits and self._map.image.tool == "point"
        if pointer is not None and pointing:  # the last place stays when the pointer leaves
            self.area, self.place = None, (pointer.x, pointer.y)

    def compute(self, now: Now) -> Iterator[Frame]:
        reached = self._memo.reached(now.network, now.image, now.target, _options(now))
        if reached.state is None or (now.figure and now.layer != reached.state.layer):
            for state in _occlusion(now)():
                yield self._frame(state, reached.kinds, now)
            reached.state = state
        else:
            yield self._frame(reached.state, reached.kinds, now)

    def _frame(self, state: OcclusionState, kinds: dict[int, int], now: Now) -> Frame:
        assert isinstance(state.baseline, float)  # of the one target
        score = percent(state.baseline) if now.score == "probability" else f"{state.baseline:.3f}"
        uncovered = f"{score} uncovered: {state.of}"
        parts = {"map": replace(state.content(), caption=uncovered)}
        if now.figure:
            parts |= {"activation": _activation(state), "labels": _labels(state, kinds, now.network)}
        return Frame(parts, state.step, state.total)

    @computes
    def project(self, now: Now) -> Frame:
        """The strongest map of the layer, projected to pixels."""
        if not now.figure:
            return Frame()
        return Frame({"projection": strongest_map(now.network, now.image, now.layer).content()})

    @computes
    def look(self, now: Now) -> Frame:
        """The picture under the square nearest to the chosen place, and the probabilities of its classes."""
        picture, everything = now.network.prepare(now.image)[0], len(now.network.classes)
        before = self._uncovered.reached(now.network, now.image)
        if not before:
            before += now.network.predict(picture, everything)
        target = before[0].index if now.target is None else now.target
        place, size, square = now.place, now.size, None
        how, what = (size, now.fill, now.shape), ""
        if now.area is not None:
            picture = occluded(now.network, now.image, fill=now.fill, area=now.area)
            painted = isinstance(now.area, np.ndarray)
            what = f"{now.area.sum()} px painted" if painted else "{2} × {3} at x {0}, y {1}".format(*now.area)
        elif place is not None:
            top, left = (
                _nearest(positions(side, size, now.stride), at - size / 2)
                for side, at in zip(picture.shape[-2:], place[::-1], strict=True)
            )
            picture = occluded(now.network, now.image, top, left, *how)
            square, what = (left, top, size, size), f"at x {left}, y {top}"
        after = now.network.predict(picture, everything) if what else before
        caption = (
            f"{_share(before, target)} → {_share(after, target)} · {what}" if what else "Hover, drag or paint the map"
        )
        covered = Content(rgb(picture), caption=caption)
        return Frame({"square": square, "covered": covered, "bars": (after, target)})

    def call(self, now: Now) -> str:
        if now.area is not None:
            covered = Call(occluded, now.network, now.image, fill=now.fill, area=now.area)
            return f"display(net.predict({covered}))\n{self._map_code(now)}"
        return self._map_code(now)

    def _map_code(self, now: Now) -> str:
        if not now.figure:
            return f"cnnviz.last({_occlusion(now)})"
        channel = As(None, "state.channel")
        projected = Call(neuron_gradient, now.network, now.image, now.layer, channel, "map", rule="deconvnet")
        return "\n".join(
            [
                f"state = cnnviz.last({_occlusion(now)})",
                "lost = state.uncovered_activation - state.activation",
                "labels = [[net.classes[index] for index in row] for row in state.labels.tolist()]",
                f"display({projected})",
                "state",
            ]
        )


def _nearest(starts: Sequence[int], wanted: float) -> int:
    return min(starts, key=lambda start: abs(start - wanted))


def _share(predictions: list[Prediction], target: int) -> str:
    """The probability of a class, to read."""
    return percent(next(one.probability for one in predictions if one.index == target))


@dataclass
class _Reached:
    """The last state of an occlusion that has come to its end, and the color of each class in it."""

    state: OcclusionState | None = None
    kinds: dict[int, int] = field(default_factory=dict)


def _options(now: Now) -> dict[str, Any]:
    return {"size": now.size, "stride": now.stride, "fill": now.fill, "shape": now.shape, "score": now.score}


def _occlusion(now: Now) -> Call:
    layer = {"layer": now.layer} if now.figure else {}
    target = class_named(now.network, now.target)
    return Call(occlusion, now.network, now.image, target, **_options(now), **layer)


def _activation(state: OcclusionState) -> Content:
    assert isinstance(state.uncovered_activation, float)  # of the one picture
    assert state.activation is not None
    lost = state.uncovered_activation - state.activation
    caption = f"{state.layer} · channel {state.channel}: sum {state.uncovered_activation:.5g}"
    high = max(1e-12, float(lost.abs().max()))
    return Content(
        rgb(state.picture), as_array(lost), low=-high, high=high, extent=_extent(state), caption=caption, signed=True
    )


def _labels(state: OcclusionState, known: dict[int, int], network: Network) -> Content:
    """The classes in colors, those that win most often; a class keeps its color (``known``) as the map is refined."""
    labels = state.labels.numpy()
    often = [index for index, _ in Counter(labels.flatten().tolist()).most_common(NAMED)]
    for index in known.keys() - often:
        del known[index]
    free = iter(kind for kind in range(NAMED) if kind not in known.values())
    known |= {index: next(free) for index in often if index not in known}
    kinds, names = np.full(labels.shape, OTHER), [""] * NAMED
    for index, kind in known.items():
        kinds[labels == index] = kind
        names[kind] = network.classes[index]
    others = len(np.unique(labels)) - len(often)
    levels = (*names, *([f"{others} others"] if others else []))
    top = f"{np.sum(labels == state.target)} of {labels.size} squares: {state.of}"
    return Content(rgb(state.picture), kinds, extent=_extent(state), caption=top, levels=levels)


def _extent(state: OcclusionState) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of the map of positions: each is the center of its square."""

    def ends(starts: tuple[int, ...]) -> tuple[float, float]:
        step = (starts[-1] - starts[0]) / (len(starts) - 1) if len(starts) > 1 else state.size
        first, last = (start + state.size / 2 for start in (starts[0], starts[-1]))
        return first - step / 2, last + step / 2

    (top, bottom), (left, right) = ends(state.tops), ends(state.lefts)
    return left, top, right, bottom
