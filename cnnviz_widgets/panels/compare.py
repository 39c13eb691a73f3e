"""S2: every method on one picture, what each costs, and how the class score follows the pixels that it shows."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import ipywidgets
from torch import Tensor

from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.methods.evaluation.deletion_curve import Curve, deletion_curve, insertion_curve
from cnnviz_widgets.panels.attributions import ATTRIBUTIONS, labels
from cnnviz_widgets.panels.call import As, Call, class_named
from cnnviz_widgets.panels.controls import checks
from cnnviz_widgets.panels.maps import Tiles, caption
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import Chart, Mark, View
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer
from cnnviz_widgets.widgets.traits import OneOf

METHODS = labels(*(name for name in ATTRIBUTIONS if name != "gradient"))
CURVES = deletion_curve, insertion_curve


class Compare(Panel):
    """All methods on one picture, the quick ones first, each with the time that it took.

    Then the test: how soon does the class probability drop when the pixels that a method calls important are deleted,
    the most important first (a small area is good), and how soon does it rise when they are inserted (a large area is
    good; Petsiuk et al. 2018)?

    methods  which ones
    steps    of deletion and of insertion
    chosen   the method whose curves stand out, "" = none; click its map
    """

    title = "Compare"
    family = "evaluation"
    chapters = ("09",)
    shows = "all these maps of one picture, with their time, deletion and insertion curves"
    as_call = "cnnviz.deletion_curve(net, photo, heatmap)"
    pickers = ("image", "target", "layer")
    steps = option(
        deletion_curve,
        5,
        100,
        step=5,
        label="Steps",
        help="Number of deletion and insertion steps: more are slower",
        more=True,
    )
    methods = checks(list(METHODS), METHODS, most=len(METHODS), label="Methods", help="Which methods are compared")
    chosen = OneOf(("", *METHODS), "").tag(setting=True)

    def build(self) -> list[ipywidgets.Widget]:
        look = {"colormap": "inferno", "opacity": 0.85, "labels": True, "max_height": 720}
        maps = View("Click a map: its curves stand out", "whole", **look)
        maps.image.on_click(self.guarded(self._choose))
        self._parts["selected"] = Mark(maps, "selected")
        self._tiles = Tiles()
        axes = {"x": "share of the pixels", "y": "probability", "share": True}
        return [
            self.part("maps", maps),
            self.part("deletion", Chart("Deletion: low is good", **axes)),
            self.part("insertion", Chart("Insertion: high is good", **axes)),
        ]

    def _choose(self, pointer: Pointer) -> None:
        name = self._parts["maps"].image.content.keys[pointer.tile]  # of what is on the screen
        self.chosen = "" if self.chosen == name else name

    def compute(self, now: Now) -> Iterator[Frame]:
        steps, picture, total = now.steps, now.network.prepare(now.image)[0], 2 * len(now.methods)
        target = now.network.predict(picture, 1)[0].index if now.target is None else now.target
        self._tiles.about(now.network, now.image, target, now.layer)
        if self._tiles.empty:  # room for all that will come
            yield Frame(self._maps(now, picture, {}, target) | self._curves(now, {}), 0, total)
        maps: dict[str, Any] = {}
        for number, maps in self._tiles.find({name: _call(now, name, target) for name in now.methods}, METHODS):
            self._tiles.put(maps)
            yield Frame(self._maps(now, picture, maps, target), number, total)
        asked = {(name, steps): partial(_both, now, result, target) for name, result in maps.items()}
        for number, found in self._tiles.find(asked, {key: METHODS[key[0]] for key in asked}):
            curves = {name: both for (name, _), both in found.items()}
            yield Frame(self._curves(now, curves), len(now.methods) + number, total)

    def _maps(self, now: Now, picture: Tensor, shown: dict[str, Any], target: int) -> dict[str, Any]:
        known = self._tiles.known
        times = {name: f" · {_time(known[name].seconds)}" for name in now.methods if name in known}
        names = {name: METHODS[name] + times.get(name, "") for name in now.methods}
        what = caption(now.network.classes[target], {METHODS[name]: result for name, result in shown.items()})
        content = self._tiles.content(rgb(picture), names, what, network=now.network)
        return {"maps": content, "selected": now.methods.index(now.chosen) if now.chosen in now.methods else None}

    def _curves(self, now: Now, curves: dict[str, tuple[Curve, Curve]]) -> dict[str, Any]:
        fits, frame = self._tiles.fits, {}
        every = [METHODS[name] for name in now.methods if fits(name) and fits((name, now.steps))]
        for place, (part, sign) in enumerate((("deletion", 1), ("insertion", -1))):
            found = {METHODS[name]: both[place] for name, both in curves.items()}
            ranked = sorted(found, key=lambda name, found=found, sign=sign: sign * found[name].area)
            points = {name: (one.fractions.tolist(), one.values.tolist()) for name, one in found.items()}
            areas = {name: f"{found[name].area:.3f}" for name in ranked}
            frame[part] = {
                "curves": dict.fromkeys(every, ((), ())) | points,
                "numbers": areas | {name: "…" for name in every if name not in areas},
                "strong": METHODS.get(now.chosen),
            }
        return frame

    def call(self, now: Now) -> str:
        named = class_named(now.network, now.target)
        target = As(now.target, named.written if now.target is None else "target")
        fitting = list(filter(self._tiles.fits, now.methods))
        curves = [_curve(now, curve, As(None, "result"), target) for curve in CURVES]
        return "\n".join(
            [
                *([] if now.target is None else [f"target = {named.written}"]),
                "maps = {",
                *(f'    "{name}": {_call(now, name, target)},' for name in fitting),
                "}",
                "for name, result in maps.items():",
                f"    print(name, {curves[0]}.area, {curves[1]}.area)",
                "display(*maps.values())",
            ]
        )


def _call(now: Now, method: str, target: int | As) -> Call:
    return ATTRIBUTIONS[method].call(now.network, now.image, target, now.layer)


def _curve(now: Now, curve: Any, result: Any, target: int | As) -> Call:
    return Call(curve, now.network, now.image, result, target, steps=now.steps)


def _both(now: Now, result: Any, target: int) -> tuple[Curve, ...]:
    return tuple(_curve(now, curve, result, target)() for curve in CURVES)


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"
