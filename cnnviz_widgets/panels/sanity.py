"""S1: does a map show what the network has learned? Take that away, layer by layer, and see."""

from collections.abc import Iterator
from math import isfinite
from typing import Any, NamedTuple

import ipywidgets
import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb, robust_maximum
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.evaluation.sanity_check import Similarity, edge_map, sanity_check, similarity
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels.attributions import ATTRIBUTIONS, labels
from cnnviz_widgets.panels.controls import checks, choice, counter, default
from cnnviz_widgets.panels.maps import Tiles, same, target_code
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import Chart, Mark, View
from cnnviz_widgets.remarks import listening, remark
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
    """Sanity checks for saliency maps (Adebayo et al. 2018): the network forgets what it has learned, layer by layer.

    A map that stays as it was does not show what was learned. An edge detector, which knows no network, shows how such
    a map can look.

    methods  up to five
    mode     "cascading": layers become random one after the other, the last one first; "independent": one at a time
    measure  of the likeness to the map of the trained network: "spearman", "spearman_signed", "ssim" or "hog"
    step     how many layers are random in the large maps: 0 = none; in the mode "independent", which one it is
    """

    title = "Sanity check"
    family = "evaluation"
    chapters = ("08",)
    shows = "what is left of a map when the network's layers become random, beside an edge detector"
    as_call = "cnnviz.sanity_check(cnnviz.saliency, net, photo)"
    pickers = ("image", "target")
    mode = choice(
        default(sanity_check, "mode"),
        ["cascading", "independent"],
        label="Randomize",
        help="From the output down: more and more layers become random, or each by itself",
    )
    measure = choice(
        "spearman", MEASURES, label="Measure", help="How the likeness to the trained network's map is measured"
    )
    methods = checks(
        ["saliency", "guided", "grad_cam", "guided_grad_cam"], METHODS, most=5, label="Methods", help="Up to five"
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
        self._of: tuple = ()
        self._states: list[_State] = []
        self._rest: Iterator[_State] = iter(())
        self._heard: list[str] = []
        self._halted = False  # Stop was pressed: what is there is looked at, and nothing more is computed
        chart = Chart("Likeness to the trained map", "random layers, from the output down", "likeness")
        return [self.part("large", large), self.part("likeness", chart), self.part("matrix", matrix)]

    def _choose(self, pointer: Pointer) -> None:
        columns = self._parts["matrix"].image.content.columns
        self.step = pointer.tile % columns

    def stop(self) -> None:
        self._halted = True
        super().stop()

    def reset(self) -> None:
        self._halted = False
        super().reset()

    def compute(self, now: Now) -> Iterator[Frame]:
        of = now.network, now.image, now.target, now.methods, now.mode
        if not same(of, self._of):
            self._of, self._states, self._rest, self._heard, self._halted = of, [], _states(now), [], False
        for sentence in self._heard:
            remark(sentence)
        names = stages(now.network)
        if not names:
            raise UserError(f"{now.network.name} has no layers that can be seen and have weights to make random.")
        total, new = len(names) + 1, True
        while True:
            parts = {"large": self._large(now, names), "likeness": self._likeness(now, names), "column": now.step}
            yield Frame(parts | ({"matrix": self._matrix(now, names)} if new else {}), len(self._states), total)
            new = not self._halted and self._go_on()
            if not new:
                return

    def _go_on(self) -> bool:
        """Let the networks forget one more layer; False if there is none. What was found before is kept."""
        heard: list[str] = []
        try:
            with listening(heard.append):
                state = next(self._rest, None)
        except Exception:
            self._of = ()  # to be told again when it is asked for again
            raise
        for sentence in heard:
            remark(sentence)
        self._heard += heard
        self._states += [] if state is None else [state]
        return state is not None

    def _rows(self, now: Now) -> list[str]:
        """The methods that are shown: those that fit, as soon as that is known."""
        return list(self._states[0].results) if self._states else [*now.methods, EDGES]

    def _large(self, now: Now, names: list[str]) -> Content:
        """The maps of the step that is chosen."""
        state = self._states[now.step] if now.step < len(self._states) else None
        heads = {name: LABELS[name] for name in self._rows(now)}
        if state is not None:
            for name, result in state.results.items():
                self._tiles.put(name, result)
                heads[name] += f" · {_number(getattr(state.likeness[name], now.measure))}"
        random = names[: now.step] if now.mode == "cascading" else names[now.step - 1 : now.step]
        caption = f"random: {_listed(random)}" if now.step else "the trained network"
        picture = rgb(now.network.prepare(now.image)[0])
        return self._tiles.content(picture, heads, caption, known=state.results if state else ())

    def _likeness(self, now: Now, names: list[str]) -> dict[str, Any]:
        curves, numbers = {}, {}
        for name in self._rows(now):
            values = [getattr(state.likeness[name], now.measure) for state in self._states]
            points = [(step, value) for step, value in enumerate(values) if isfinite(value)]  # constant maps have none
            curves[LABELS[name]] = [step for step, _ in points], [value for _, value in points]
            numbers[LABELS[name]] = _number(values[now.step]) if now.step < len(values) else "…"
        return {"curves": curves, "numbers": numbers, "marker": now.step, "end": len(names)}

    def _matrix(self, now: Now, names: list[str]) -> Content:
        """A row for each method, a column for each step; what is not yet known is empty."""
        rows, columns = self._rows(now), ["trained", *names]
        known = {
            (row, step): _thumbnail(state.results[row].values)
            for step, state in enumerate(self._states)
            for row in rows
        }
        empty = torch.full_like(_thumbnail(now.network.prepare(now.image)[0]), torch.nan)
        places = [(row, step) for row in rows for step in range(len(columns))]
        return Content(
            values=torch.stack([known.get(place, empty) for place in places]),
            low=0,
            high=[float(robust_maximum(known[place])) if place in known else 1.0 for place in places],
            columns=len(columns),
            names=[f"{LABELS[row]} · {columns[step]}" for row, step in places],
            heads=[LABELS[row] * (step == 0) for row, step in places],
            caption=f"from left to right random: none, {_listed(names)}",
        )

    def call(self, now: Now) -> str:
        lines = [f"target = {target_code(now.network, now.target)}", f"layers = {stages(now.network)}", "methods = {"]
        names = [name for name in self._rows(now) if name != EDGES]
        lines += [f"    {name!r}: lambda net, photo, target: {ATTRIBUTIONS[name].code('target')}," for name in names]
        check = f"cnnviz.sanity_check(method, net, photo, target, mode={now.mode!r}, layers=layers)"
        lines += ["}", f"states = {{name: list({check}) for name, method in methods.items()}}"]
        return "\n".join([*lines, f"display(*(steps[{now.step}] for steps in states.values()))"])


class _State(NamedTuple):
    """Of each method, and the edge detector: its map, and how alike that is to the map of the trained network."""

    results: dict[str, Any]
    likeness: dict[str, Similarity]


def _states(now: Now) -> Iterator[_State]:
    """All methods at once, so that there is one copy of the network."""
    picture = now.network.prepare(now.image)[0]
    target = now.network.predict(picture, 1)[0].index if now.target is None else now.target
    trained = {}
    for name in now.methods:
        try:
            trained[name] = ATTRIBUTIONS[name](now.network, now.image, target)
        except UserError as error:  # the others go on
            remark(f"{LABELS[name]}: {error}")
    results: dict[str, Any] = {}

    def every(network: Network, image: Tensor, target: int) -> Any:
        known = network is now.network
        results.update(trained if known else {name: ATTRIBUTIONS[name](network, image, target) for name in trained})
        return results[next(iter(trained))]

    if trained:
        edges = edge_map(picture)
        for _ in sanity_check(every, now.network, now.image, target, mode=now.mode, layers=stages(now.network)):
            likeness = {name: similarity(result, trained[name], picture.shape[-2:]) for name, result in results.items()}
            unmoved = Similarity(1.0, 1.0, 1.0, 1.0)
            yield _State({**results, EDGES: edges}, {**likeness, EDGES: unmoved})


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


def _number(likeness: float) -> str:
    return f"{likeness:.2f}" if isfinite(likeness) else "constant"


def _thumbnail(values: Tensor) -> Tensor:
    """(h, w): the sizes of a map (H, W) or of a gradient (C, H, W), at most THUMBNAIL px wide and high."""
    sizes = values.abs() if values.ndim == 2 else values.abs().amax(0)
    share = min(1.0, THUMBNAIL / max(sizes.shape))
    return F.adaptive_avg_pool2d(sizes[None], [max(1, round(share * side)) for side in sizes.shape])[0]
