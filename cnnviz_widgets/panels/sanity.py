"""S1: does a map show what the network has learned? Randomize its layers, and see whether the map changes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple

import ipywidgets
import torch
import torch.nn.functional as F
from torch import Tensor
from traitlets import default

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb, robust_maximum
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.evaluation.sanity_check import Similarity, edge_map, sanity_check, similarity
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels.attributions import ATTRIBUTIONS, labels
from cnnviz_widgets.panels.call import As, Call, class_named
from cnnviz_widgets.panels.controls import checks, choice, counter
from cnnviz_widgets.panels.maps import Tiles
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import Chart, Mark, View
from cnnviz_widgets.remarks import listening, remark
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer

METHODS = labels(
    "saliency", "guided", "input_x_gradient", "smoothgrad", "integrated_gradients", "grad_cam", "guided_grad_cam"
)
MEASURES = {
    "spearman": "rank correlation",
    "spearman_signed": "rank correlation, signed",
    "ssim": "SSIM",
    "hog": "HOG correlation",
}
EDGES = "edges"
LABELS = {**METHODS, EDGES: "edge detector"}
STAGES, THUMBNAIL = 20, 64  # at most so many columns; px of the longer side of a picture in the matrix
LINE = 80  # letters that have room above the maps


class Sanity(Panel):
    """Sanity checks for saliency maps (Adebayo et al. 2018): the network's layers are randomized, one after the other.

    A map that stays as it was does not show what was learned. An edge detector, which knows no network, shows how such
    a map can look.

    methods  up to five
    mode     "cascading": more and more layers are random, from the output down; "independent": one at a time
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
        ["saliency", "guided", "grad_cam", "guided_grad_cam"],
        METHODS,
        most=5,
        label="Methods",
        help="Up to five",
        more=True,
    )
    step = counter(
        lambda network: len(stages(network)), label="Layers randomized", help="How many, from the output down"
    )

    def build(self) -> list[ipywidgets.Widget]:
        look = {"colormap": "inferno", "labels": True}
        large = View("The maps", "most", opacity=1, max_width=760, max_height=480, **look)
        matrix = View("All steps: click one", "whole", cursor="tile", controls=False, max_width=1076, **look)
        matrix.image.on_click(self.guarded(self._choose))
        self._parts["column"] = Mark(matrix, "selected")
        self._tiles = Tiles()
        self._memo = Memo(_Reached)
        self._reached = _Reached()
        chart = Chart(
            "Similarity to the trained network's map", "randomized layers, from the output down", "similarity"
        )
        return [self.part("large", large), self.part("similarity", chart), self.part("matrix", matrix)]

    @default("step")
    def _some_layers(self) -> int:
        return -(-len(stages(self.session.network)) // 2)

    def _choose(self, pointer: Pointer) -> None:
        _, self.step = self._parts["matrix"].image.content.keys[pointer.tile]  # of what is on the screen

    def stop(self) -> None:
        self._reached.halted = True
        super().stop()

    def reset(self) -> None:
        self._reached.halted = False
        super().reset()

    def compute(self, now: Now) -> Iterator[Frame]:
        names, step, _ = stages(now.network), now.step, now.measure
        if not names:
            raise UserError(f"{now.network.name} has no visible layers with parameters that could be randomized.")
        reached = self._memo.reached(now.network, now.image, now.target, now.methods, now.mode)
        self._reached, reached.rest = reached, reached.rest or _states(now)
        for sentence in reached.heard:
            remark(sentence)
        while True:
            rows = _rows(reached, now)
            yield Frame(
                {
                    "large": self._large(now, names, rows, reached.states),
                    "similarity": _similarity(now, names, rows, reached.states),
                    "matrix": _matrix(now, names, rows, reached.states),
                    "column": step,
                },
                len(reached.states),
                len(names) + 1,
            )
            if reached.halted or not self._go_on(reached):
                return

    def _go_on(self, reached: "_Reached") -> bool:
        """Let one more layer be randomized; False if there is none. What was found before is kept."""
        heard: list[str] = []
        try:
            with listening(heard.append):
                state = next(reached.rest, None)
        except Exception:
            self._memo.forget()  # to be told again when it is asked for again
            raise
        for sentence in heard:
            remark(sentence)
        reached.heard += heard
        reached.states += [] if state is None else [state]
        return state is not None

    def _large(self, now: Now, names: list[str], rows: list[str], states: "list[_State]") -> Content:
        """The maps of the step that is chosen."""
        state = states[now.step] if now.step < len(states) else None
        heads = {name: LABELS[name] for name in rows}
        if state is not None:
            for name, result in state.results.items():
                self._tiles.put({name: result})
                heads[name] += f" · {_number(getattr(state.similarities[name], now.measure))}"
        random = names[: now.step] if now.mode == "cascading" else names[now.step - 1 : now.step]
        caption = f"randomized: {_listed(random)}" if now.step else "the trained network"
        picture = rgb(now.network.prepare(now.image)[0])
        return self._tiles.content(picture, heads, caption, known=state.results if state else ())

    def call(self, now: Now) -> str:
        named = class_named(now.network, now.target)
        target = As(now.target, named.written if now.target is None else "target")
        layers = As(stages(now.network), "layers")
        check = Call(sanity_check, As(None, "method"), now.network, now.image, target, mode=now.mode, layers=layers)
        return "\n".join(
            [
                *([] if now.target is None else [f"target = {named.written}"]),
                f"layers = {stages(now.network)}",
                "methods = {",
                *(f'    "{name}": {_function(now, name)},' for name in _rows(self._reached, now) if name != EDGES),
                "}",
                f"states = {{name: list({check}) for name, method in methods.items()}}",
                f"display(*(steps[{now.step}] for steps in states.values()))",
            ]
        )


class _State(NamedTuple):
    """Of each method, and the edge detector: its map, and how similar it is to the map of the trained network."""

    results: dict[str, Any]
    similarities: dict[str, Similarity]


@dataclass
class _Reached:
    """The states so far and those that follow, what the methods had to say, and whether Stop was pressed.

    Then what is there is looked at, and nothing more is computed.
    """

    states: list[_State] = field(default_factory=list)
    rest: Iterator[_State] | None = None
    heard: list[str] = field(default_factory=list)
    halted: bool = False


def _states(now: Now) -> Iterator[_State]:
    """All methods at once, so that there is one copy of the network."""
    picture = now.network.prepare(now.image)[0]
    target = now.network.predict(picture, 1)[0].index if now.target is None else now.target
    trained = {}
    for name in now.methods:
        try:
            trained[name] = ATTRIBUTIONS[name].call(now.network, now.image, target)()
        except UserError as error:  # the others go on
            remark(f"{LABELS[name]}: {error}")
    results: dict[str, Any] = {}

    def every(network: Network, image: Tensor, target: int) -> Any:
        if network is now.network:
            results.update(trained)
        else:
            results.update({name: ATTRIBUTIONS[name].call(network, image, target)() for name in trained})
        return results[next(iter(trained))]

    if trained:
        edges, equal = edge_map(picture), Similarity(1.0, 1.0, 1.0, 1.0)
        for _ in sanity_check(every, now.network, now.image, target, mode=now.mode, layers=stages(now.network)):
            found = {name: similarity(result, trained[name], picture.shape[-2:]) for name, result in results.items()}
            yield _State({**results, EDGES: edges}, {**found, EDGES: equal})


def _rows(reached: _Reached, now: Now) -> list[str]:
    """The methods that are shown: those that fit, as soon as that is known."""
    return list(reached.states[0].results) if reached.states else [*now.methods, EDGES]


def _similarity(now: Now, names: list[str], rows: list[str], states: list[_State]) -> dict[str, Any]:
    curves, numbers = {}, {}
    for name in rows:
        values = [getattr(state.similarities[name], now.measure) for state in states]
        points = [(step, value) for step, value in enumerate(values) if isfinite(value)]  # constant maps have none
        curves[LABELS[name]] = [step for step, _ in points], [value for _, value in points]
        numbers[LABELS[name]] = _number(values[now.step]) if now.step < len(values) else "…"
    return {"curves": curves, "numbers": numbers, "marker": now.step, "end": len(names)}


def _matrix(now: Now, names: list[str], rows: list[str], states: list[_State]) -> Content:
    """A row for each method, a column for each step; what is not yet known is empty."""
    columns = ["trained", *names]
    known = {(row, step): _thumbnail(state.results[row].values) for step, state in enumerate(states) for row in rows}
    empty = torch.full_like(_thumbnail(now.network.prepare(now.image)[0]), torch.nan)
    cells = [(row, step) for row in rows for step in range(len(columns))]
    return Content(
        values=torch.stack([known.get(cell, empty) for cell in cells]),
        low=0,
        high=[float(robust_maximum(known[cell])) if cell in known else 1.0 for cell in cells],
        columns=len(columns),
        names=[f"{LABELS[row]} · {columns[step]}" for row, step in cells],
        keys=cells,
        heads=[LABELS[row] * (step == 0) for row, step in cells],
        caption=f"randomized, from left to right: none, {_listed(names)}",
    )


def _function(now: Now, method: str) -> str:
    """A function of network, picture and target, as code."""
    call = ATTRIBUTIONS[method].call(now.network, now.image, As(0, "target"))
    return f"lambda net, photo, target: {call}" if call.options else f"cnnviz.{call.function.__name__}"


def stages(network: Network) -> list[str]:
    """The parts that become random one by one, the last first: layers, or blocks of them if there are too many."""
    layers = [layer.name.partition("#")[0] for layer in network.layers if layer.parameters and not layer.block]
    cuts = [
        list(dict.fromkeys(".".join(name.split(".")[:depth]) for name in reversed(layers)))
        for depth in range(1, 1 + max((name.count(".") + 1 for name in layers), default=0))
    ]
    return max((cut for cut in cuts if len(cut) <= STAGES), key=len, default=(cuts or [[]])[0][:STAGES])


def _listed(names: list[str]) -> str:
    """All of them, or the first two and the last where a line is too short."""
    every = ", ".join(names)
    return every if len(every) <= LINE else f"{names[0]}, {names[1]} … {names[-1]} ({len(names)} in all)"


def _number(similarity: float) -> str:
    return f"{similarity:.2f}" if isfinite(similarity) else "constant"


def _thumbnail(values: Tensor) -> Tensor:
    """(h, w): the sizes of a map (H, W) or of a gradient (C, H, W), at most THUMBNAIL px wide and high."""
    sizes = values.abs() if values.ndim == 2 else values.abs().amax(0)
    share = min(1.0, THUMBNAIL / max(sizes.shape))
    return F.adaptive_avg_pool2d(sizes[None], [max(1, round(share * side)) for side in sizes.shape])[0]
