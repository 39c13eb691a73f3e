"""S1: does a map show what the network has learned? Randomize its layers, and see whether the map changes."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from math import isfinite
from typing import Any

import ipywidgets
import torch
import torch.nn.functional as F
from torch import Tensor
from traitlets import default

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb, robust_maximum
from cnnviz_widgets.methods.evaluation.sanity_check import (
    SanityState,
    Similarity,
    edge_map,
    sanity_check,
    sanity_checks,
    stages,
)
from cnnviz_widgets.panels.attributions import ATTRIBUTIONS, labels
from cnnviz_widgets.panels.call import As, Call, class_named, program
from cnnviz_widgets.panels.controls import checks, choice, counter
from cnnviz_widgets.panels.growth import Kept
from cnnviz_widgets.panels.maps import Tiles
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import Chart, View
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.runtime.runner import Frame

METHODS = labels(
    "saliency", "guided", "input_x_gradient", "smoothgrad", "integrated_gradients", "grad_cam", "guided_grad_cam"
)
MEASURES = {
    "spearman": "rank correlation",
    "spearman_signed": "rank correlation, signed",
    "ssim": "SSIM",
    "hog": "HOG correlation",
}
EDGES = "edge detector"
THUMBNAIL = 64  # px of the longer side of a picture in the matrix
LINE = 80  # letters that have room above the maps

States = tuple[dict[str, SanityState], ...]  # of every step: name of a method, or the edge detector -> its state


class Sanity(Panel):
    """Sanity checks for saliency maps (Adebayo et al. 2018): the network's layers are randomized, one after the other.

    A map that stays as it was does not show what was learned. An edge detector, which knows no network, shows how such
    a map can look.

    measure  of the similarity to the map of the trained network: "spearman", "spearman_signed", "ssim" or "hog"
    step     how many layers are random in the large maps: 0 = none; in the mode "independent", which one it is
    """

    title = "Sanity check"
    family = "evaluation"
    chapters = ("08",)
    shows = "what is left of a map when the network's layers become random, beside an edge detector"
    as_call = "cnnviz.sanity_check(cnnviz.saliency, net, photo)"
    pickers = ("image", "target")
    mode = option(
        sanity_check, label="Randomize", help="More and more layers, from the output down, or one at a time",
        words={"cascading": "cascading", "independent": "independent"},
    )  # fmt: skip
    measure = choice(
        "spearman", MEASURES, label="Similarity", help="How maps are compared to the trained network's", more=True
    )
    methods = checks(
        ["saliency", "guided", "grad_cam", "guided_grad_cam"], METHODS, most=5, label="Methods", help="Up to five",
        more=True,
    )  # fmt: skip
    step = counter(
        lambda network: len(stages(network)), label="Layers randomized", help="How many, from the output down"
    )

    def build(self) -> list[ipywidgets.Widget]:
        look = {"colormap": "inferno", "labels": True}
        large = View("The maps", "most", opacity=1, max_width=760, max_height=480, **look)
        matrix = View("All steps: click one", "whole", cursor="tile", controls=False, max_width=1076, **look)
        self._tiles, self._memo = Tiles(), Memo(Kept)
        chart = Chart("Similarity to the original map", "randomized layers", "similarity")
        return [
            self.part("large", large),
            self.part("similarity", chart),
            self.tiles("matrix", matrix, lambda cell: setattr(self, "step", cell[1])),
        ]

    @default("step")
    def _some_layers(self) -> int:
        return -(-len(stages(self.session.network)) // 2)

    def stop(self) -> None:
        if self._memo.held:
            self._memo.held.halted = True
        super().stop()

    def reset(self) -> None:
        self._memo.forget()
        super().reset()

    def compute(self, now: Now) -> Iterator[Frame]:
        names = stages(now.network)
        kept = self._memo.reached(now.network, now.image, now.target, now.methods, now.mode)
        for states in kept.states(partial(_states, now, names)):
            rows = _rows(now, states)
            parts = {
                "large": self._large(now, names, rows, states),
                "similarity": _similarity(now, names, rows, states),
                "matrix": _matrix(now, names, rows, states),
                "matrix_chosen": now.step,
            }
            yield Frame(parts, len(states), len(names) + 1)

    def _large(self, now: Now, names: list[str], rows: list[str], states: States) -> Content:
        """The maps of the step that is chosen."""
        state = states[now.step] if now.step < len(states) else {}
        for row, one in state.items():
            self._tiles.put({row: one.result})
        heads = {row: f"{row} · {_number(state[row], now)}" if row in state else row for row in rows}
        random = names[: now.step] if now.mode == "cascading" else names[now.step - 1 : now.step]
        caption = f"randomized: {_listed(random)}" if now.step else "the trained network"
        return self._tiles.content(rgb(now.network.prepare(now.image)[0]), heads, caption, known=state)

    def call(self, now: Now) -> str:
        target, layers = class_named(now.network, now.target), As(stages(now.network), "layers")
        check = Call(sanity_check, As(None, "method"), now.network, now.image, target, mode=now.mode, layers=layers)
        rows = _rows(now, (self._memo.held and self._memo.held.last) or ())
        methods = {name: As(None, ATTRIBUTIONS[name].code) for name in now.methods if METHODS[name] in rows}
        return program(
            {"layers": layers.value, "methods": methods},
            f"states = {{name: list({check}) for name, method in methods.items()}}",
            f"display(*(steps[{now.step}] for steps in states.values()))",
        )


def _states(now: Now, names: list[str]) -> Iterator[States]:
    """The states so far; at first none, so that there is room for all."""
    states: States = ()
    yield states
    methods: dict[str, Any] = {METHODS[name]: ATTRIBUTIONS[name] for name in now.methods}
    every = sanity_checks(methods, now.network, now.image, now.target, now.mode, names)
    edges, equal = edge_map(now.network.prepare(now.image)[0]), Similarity(1.0, 1.0, 1.0, 1.0)
    for found in every:
        one = next(iter(found.values()))
        states = (*states, {**found, EDGES: replace(one, result=edges, similarity=equal, edges=equal)})
        yield states


def _rows(now: Now, states: States) -> list[str]:
    """The methods that are shown: those that fit, as soon as that is known."""
    return list(states[0]) if states else [*(METHODS[name] for name in now.methods), EDGES]


def _similarity(now: Now, names: list[str], rows: list[str], states: States) -> dict[str, Any]:
    curves, numbers = {}, {}
    for row in rows:
        values = [getattr(state[row].similarity, now.measure) for state in states]
        points = [(step, value) for step, value in enumerate(values) if isfinite(value)]  # constant maps have none
        curves[row] = [step for step, _ in points], [value for _, value in points]
        numbers[row] = _number(states[now.step][row], now) if now.step < len(states) else "…"
    return {"curves": curves, "numbers": numbers, "marker": now.step, "end": len(names)}


def _matrix(now: Now, names: list[str], rows: list[str], states: States) -> Content:
    """A row for each method, a column for each step; what is not yet known is empty."""
    columns = ["trained", *names]
    known = {(row, step): _thumbnail(state[row].values) for step, state in enumerate(states) for row in rows}
    empty = torch.full_like(_thumbnail(now.network.prepare(now.image)[0]), torch.nan)
    cells = [(row, step) for row in rows for step in range(len(columns))]
    return Content(
        values=torch.stack([known.get(cell, empty) for cell in cells]).numpy(),
        low=0,
        high=[float(robust_maximum(known[cell])) if cell in known else 1.0 for cell in cells],
        columns=len(columns),
        names=tuple(f"{row} · {columns[step]}" for row, step in cells),
        keys=tuple(cells),
        heads=tuple(row * (step == 0) for row, step in cells),
        caption=f"randomized, from left to right: none, {_listed(names)}",
    )


def _listed(names: list[str]) -> str:
    """All of them, or the first two and the last where a line is too short."""
    every = ", ".join(names)
    return every if len(every) <= LINE else f"{names[0]}, {names[1]} … {names[-1]} ({len(names)} in all)"


def _number(state: SanityState, now: Now) -> str:
    value = getattr(state.similarity, now.measure)
    return f"{value:.2f}" if isfinite(value) else "constant"


def _thumbnail(values: Tensor) -> Tensor:
    """(h, w): the sizes of a map (H, W) or of a gradient (C, H, W), at most THUMBNAIL px wide and high."""
    sizes = values.abs() if values.ndim == 2 else values.abs().amax(0)
    share, (height, width) = min(1.0, THUMBNAIL / max(sizes.shape)), sizes.shape
    return F.adaptive_avg_pool2d(sizes[None], (max(1, round(share * height)), max(1, round(share * width))))[0]
