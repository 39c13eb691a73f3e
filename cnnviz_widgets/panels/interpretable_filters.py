"""I1: what a filter means that was trained to mean a part, beside filters that were not."""

from collections.abc import Iterator
from typing import Any

import ipywidgets

from cnnviz_widgets.methods.interpretable.train_interpretable import InterpretableState, load_interpretable
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.controls import choice, slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import Chart, Note, View
from cnnviz_widgets.runtime.runner import Frame

LAST, STEADIEST = 15, 15  # numbers of bundled filters
LOOK = {"maps": "maps", "masks": "masks"}


class InterpretableFilters(Panel):
    """One filter in twelve pictures, after three trainings of one network (Zhang et al. 2018).

    The network is a bundled one for rendered chairs and tables, whose parts are known. "plain" was trained to tell
    kinds; "loss" also so that each of its filters fires at one place; "loss + mask" passes on nothing but that place.

    filter   its number; of two trainings, filters of one number have only their first weights in common
    look     the "maps", or the "masks": the region around the greatest value of each map
    """

    title = "Interpretable filters"
    family = "interpretable"
    chapters = ("05",)
    shows = "where a filter fires that was trained to mean a part, and how steadily"
    as_call = "cnnviz.load_interpretable()"
    pickers = ()
    filter = slider(STEADIEST, 0, LAST, label="Filter", help="Which filter of the last convolution")
    look = choice("maps", LOOK, label="Show", help="The filter's maps, or the masks of the masked pass")

    def build(self) -> list[ipywidgets.Widget]:
        maps = View(
            "Twelve pictures that no training has seen", "whole", colormap="inferno", labels=True, max_width=860
        )
        axes = "corner: front or back, right or left", "spread, in diagonals"
        return [
            self.part("maps", maps),
            self.part("spread", Chart("This filter: spread of its distances", *axes, top=None)),
            self.part("every", Chart("All filters, the steadiest first", "filter", "location instability", top=None)),
            self.part("course", Chart("During the training", "step", "location instability", top=None)),
            self.part("note", Note()),
        ]

    def compute(self, now: Now) -> Iterator[Frame]:
        state = load_interpretable()
        yield Frame({"maps": state.compared(now.filter, now.look == "masks"), "course": _course(state)}, 0, 1)
        measured = {"spread": _spread(state, now.filter), "every": _every(state), "note": _told(state)}
        yield Frame(measured, 1, 1)

    def call(self, now: Now) -> str:
        of = As(None, "state")
        shown = Call(InterpretableState.compared, of, now.filter, masks=now.look == "masks")
        return program({"state": Call(load_interpretable)}, f'cnnviz.show({shown}, colormap="inferno", width=1100)')


def _spread(state: InterpretableState, filter: int) -> dict:
    """By training, how much the distance to each landmark varies, where the filter fires."""
    curves: dict[str, Any] = {}
    for name, spread in state.spreads(filter).items():
        known = spread.isfinite().all()
        curves[name] = (range(len(spread)), spread.tolist()) if known else ((), ())
    numbers = {name: f"{float(state.instability[name][filter]):.3f}" for name in curves}
    return {
        "curves": curves, "end": len(state.landmarks) - 1, "ticks": [_short(name) for name in state.landmarks],
        "numbers": {name: "silent" if text == "nan" else text for name, text in numbers.items()},
    }  # fmt: skip


def _short(landmark: str) -> str:
    """As "top front left" is written at an axis: "top f l"."""
    part, *where = landmark.split()
    return " ".join([part, *(word[0] for word in where)])


def _every(state: InterpretableState) -> dict:
    curves, numbers = {}, {}
    for name, spread in state.instability.items():
        ranked = spread[spread.isfinite()].sort().values.tolist()
        curves[name], numbers[name] = (range(len(ranked)), ranked), f"{len(ranked)} of {len(spread)} fire"
    return {"curves": curves, "numbers": numbers, "end": max(1, state.filters - 1)}


def _course(state: InterpretableState) -> dict:
    steps = [one.step for one in state.course]
    curves = {}
    for at, name in enumerate(state.trainings):
        points = [(step, one.instability[at]) for step, one in zip(steps, state.course, strict=True)]
        known = [point for point in points if point[1] == point[1]]
        curves[name] = [x for x, _ in known], [y for _, y in known]
    last = state.course[-1].instability
    return {"curves": curves, "numbers": {n: f"{v:.3f}" for n, v in zip(curves, last, strict=True)}, "end": state.total}


def _told(state: InterpretableState) -> str:
    last = state.course[-1]
    rows = zip(state.trainings, last.accuracy, last.instability, last.filters, strict=True)
    found = "; ".join(
        f"{name}: {right:.0%} of the kinds right, instability {spread:.3f} ({count} filters)"
        for name, right, spread, count in rows
    )
    return f"On {len(state.held.labels)} pictures that were held out, after {state.step} steps. {found}."
