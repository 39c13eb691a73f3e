"""S2: every method on one picture, what each costs, and whether the class hangs on what it shows."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import ipywidgets
from torch import Tensor

from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.methods.evaluation.deletion_curve import Curve, deletion_curve, insertion_curve
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels.attributions import ATTRIBUTIONS, labels
from cnnviz_widgets.panels.controls import checks, default, slider
from cnnviz_widgets.panels.maps import Tiles, caption, target_code
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import Chart, Mark, View
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer
from cnnviz_widgets.widgets.traits import OneOf

METHODS = labels(*(name for name in ATTRIBUTIONS if name != "gradient"))


class Compare(Panel):
    """All methods on one picture, the quick ones first, each with the time that it took.

    Then the test: how soon does the class go when the pixels that a method calls important are taken away, the most
    important first (deletion: a small area is good), and how soon does it come when they are put back (insertion: a
    large area is good; Petsiuk et al. 2018)?

    methods  which ones
    steps    in which the pixels are taken away or put back
    chosen   the method whose curves stand out, "" = none; click its map
    """

    title = "Compare"
    family = "evaluation"
    chapters = ("09",)
    shows = "all these maps of one picture, with their time, deletion and insertion curves"
    as_call = "cnnviz.deletion_curve(net, photo, heatmap)"
    pickers = ("image", "target", "layer")
    steps = slider(
        default(deletion_curve, "steps"), 5, 100, step=5, label="Steps",
        help="In which pixels are taken away, or put back: more are slower",
    )  # fmt: skip
    methods = checks(list(METHODS), METHODS, most=len(METHODS), label="Methods", help="Which methods are compared")
    chosen = OneOf(("", *METHODS), "").tag(setting=True)

    def build(self) -> list[ipywidgets.Widget]:
        look = {"colormap": "inferno", "opacity": 0.85, "labels": True, "max_width": 1076, "max_height": 720}
        maps = View("Click a map: its curves stand out", "whole", **look)
        maps.image.on_click(self.guarded(self._choose))
        self._parts["selected"] = Mark(maps, "selected")
        self._tiles = Tiles()
        axes = {"x": "share of the pixels", "y": "probability"}
        return [
            self.part("maps", maps),
            self.part("deletion", Chart("Deletion: low is good", **axes)),
            self.part("insertion", Chart("Insertion: high is good", **axes)),
        ]

    def _choose(self, pointer: Pointer) -> None:
        name = self._drawn.methods[pointer.tile]  # of what is on the screen
        self.chosen = "" if self.chosen == name else name

    def compute(self, now: Now) -> Iterator[Frame]:
        picture = now.network.prepare(now.image)[0]
        target = now.network.predict(picture, 1)[0].index if now.target is None else now.target
        self._tiles.about(now.network, now.image, target, now.layer)
        total = 2 * len(now.methods)
        if self._tiles.empty:  # room for all that will come
            yield Frame(self._maps(now, picture, {}, target) | self._curves(now, {}), 0, total)
        shown = {}
        for number, name in enumerate(now.methods, 1):
            waited, method = name not in self._tiles.known, ATTRIBUTIONS[name]
            ask = partial(method, now.network, now.image, target, **method.arguments(now.network, now.layer))
            result = self._tiles.know(name, ask, METHODS[name]).result
            if result is not None:
                shown[name] = result
                self._tiles.put(name, result)
            if waited or number == len(now.methods):
                yield Frame(self._maps(now, picture, shown, target), number, total)
        curves = {}
        for number, (name, result) in enumerate(shown.items(), 1):
            waited = (name, now.steps) not in self._tiles.known
            ask = partial(_both, now.network, now.image, result, target, now.steps)
            both = self._tiles.know((name, now.steps), ask, METHODS[name]).result
            curves |= {} if both is None else {name: both}
            if waited or number == len(shown):
                yield Frame(self._curves(now, curves), len(now.methods) + number, total)

    def _maps(self, now: Now, picture: Tensor, shown: dict[str, Any], target: int) -> dict[str, Any]:
        known = self._tiles.known
        times = {name: f" · {_time(known[name].seconds)}" for name in now.methods if name in known}
        names = {name: METHODS[name] + times.get(name, "") for name in now.methods}
        what = caption(now.network.classes[target], {METHODS[name]: result for name, result in shown.items()})
        content = self._tiles.content(rgb(picture), names, what)
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
        lines = [f"target = {target_code(now.network, now.target)}", "maps = {"]
        for name in filter(self._tiles.fits, now.methods):
            method = ATTRIBUTIONS[name]
            lines.append(f"    {name!r}: {method.code('target', **method.arguments(now.network, now.layer))},")
        lines += ["}", "for name, result in maps.items():"]
        lines += ["    for curve in (cnnviz.deletion_curve, cnnviz.insertion_curve):"]
        lines += [f"        print(name, curve(net, photo, result, target, steps={now.steps}).area)"]
        return "\n".join([*lines, "display(*maps.values())"])


def _both(network: Network, image: Tensor, result: Any, target: int, steps: int) -> tuple[Curve, Curve]:
    curves = deletion_curve, insertion_curve
    return tuple(curve(network, image, result, target, steps=steps) for curve in curves)


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"
