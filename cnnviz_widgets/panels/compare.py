"""S2: every method on one picture, what each costs, and how the class score follows the pixels that it shows."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import ipywidgets

from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.methods.evaluation.deletion_curve import Curve, deletion_curve, insertion_curve
from cnnviz_widgets.panels.attributions import ATTRIBUTIONS, labels
from cnnviz_widgets.panels.call import As, Call, class_named, program
from cnnviz_widgets.panels.controls import checks
from cnnviz_widgets.panels.maps import Tiles
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import Chart, View
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.traits import OneOf

METHODS = labels(*(name for name in ATTRIBUTIONS if name != "gradient"))
CURVES = {"deletion": deletion_curve, "insertion": insertion_curve}


class Compare(Panel):
    """All methods on one picture, the quick ones first, each with the time that it took.

    Then the test: how soon does the class probability drop when the pixels that a method calls important are deleted,
    the most important first (a small area is good), and how soon does it rise when they are inserted (a large area is
    good; Petsiuk et al. 2018)?

    chosen   the method whose curves stand out, "" = none; click its map
    """

    title = "Compare"
    family = "evaluation"
    chapters = ("18",)
    shows = "all these maps of one picture, with their time, deletion and insertion curves"
    as_call = "cnnviz.deletion_curve(net, photo, heatmap)"
    pickers = ("image", "target", "layer")
    steps = option(
        deletion_curve, 5, 100, step=5, help="Number of deletion and insertion steps: more are slower", more=True
    )
    methods = checks(list(METHODS), METHODS, most=len(METHODS), label="Methods", help="Which methods are compared")
    chosen = OneOf(("", *METHODS), "").tag(setting=True)

    def build(self) -> list[ipywidgets.Widget]:
        look = {"colormap": "inferno", "opacity": 0.85, "labels": True, "max_height": 720}
        self._tiles = Tiles()
        axes = "share of the pixels", "probability"
        return [
            self.tiles("maps", View("Click a map: its curves stand out", "whole", **look), self._choose),
            self.part("deletion", Chart("Deletion: low is good", *axes, share=True)),
            self.part("insertion", Chart("Insertion: high is good", *axes, share=True)),
        ]

    def _choose(self, name: str) -> None:
        self.chosen = "" if self.chosen == name else name

    def compute(self, now: Now) -> Iterator[Frame]:
        self._tiles.about(now.network, now.image, now.target, now.layer)
        picture, total = rgb(now.network.prepare(now.image)[0]), 2 * len(now.methods)
        calls = {name: _call(now, name) for name in now.methods}
        labels = {name: METHODS[name] for name in calls}
        chosen = now.methods.index(now.chosen) if now.chosen in now.methods else None
        for number, content in self._tiles.grow(picture, calls, labels, times=True, network=now.network):
            room = {} if number else self._curves(now, {})
            yield Frame({"maps": content, "maps_chosen": chosen, **room}, number, total)
        maps = self._tiles.found(now.methods)
        asked = {(name, now.steps): partial(_both, now, result) for name, result in maps.items()}
        for number, found in self._tiles.find(asked, {key: METHODS[key[0]] for key in asked}):
            yield Frame(
                self._curves(now, {name: both for (name, _), both in found.items()}), len(calls) + number, total
            )

    def _curves(self, now: Now, known: dict[str, dict[str, Curve]]) -> dict[str, Any]:
        """Both charts: those that are known, the best first in the legend, and room for the others."""
        fits, frame = self._tiles.fits, {}
        every = [METHODS[name] for name in now.methods if fits(name) and fits((name, now.steps))]
        for part in CURVES:
            found = {METHODS[name]: both[part] for name, both in known.items()}
            ranked = sorted(found.items(), key=lambda one: one[1].area, reverse=part == "insertion")
            points = {name: (curve.fractions.tolist(), curve.values.tolist()) for name, curve in found.items()}
            frame[part] = {
                "curves": dict.fromkeys(every, ((), ())) | points,
                "numbers": {name: f"{curve.area:.3f}" for name, curve in ranked}
                | {name: "…" for name in every if name not in found},
                "strong": METHODS.get(now.chosen),
            }
        return frame

    def call(self, now: Now) -> str:
        curves = {part: _curve(now, curve, As(None, "result")) for part, curve in CURVES.items()}
        return program(
            {"maps": {name: _call(now, name) for name in now.methods if self._tiles.fits(name)}},
            "for name, result in maps.items():",
            *(f"    {part} = {call}" for part, call in curves.items()),
            "    print(name, deletion.area, insertion.area)",
            "display(*maps.values())",
        )


def _call(now: Now, method: str) -> Call:
    return ATTRIBUTIONS[method].call(now.network, now.image, class_named(now.network, now.target), now.layer)


def _curve(now: Now, curve: Any, result: Any) -> Call:
    target = class_named(now.network, now.target)
    return Call(curve, now.network, now.image, result, target, steps=now.steps)


def _both(now: Now, result: Any) -> dict[str, Curve]:
    return {part: _curve(now, curve, result)() for part, curve in CURVES.items()}
