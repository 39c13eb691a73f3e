"""M1, M2: the picture that a network takes for a perfect example of a class."""

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import ipywidgets
from traitlets import observe

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.drawing.words import percent
from cnnviz_widgets.engine.optimize import OptimizationState
from cnnviz_widgets.methods.features.class_model import RECIPES, Recipe, class_model
from cnnviz_widgets.panels.call import class_named
from cnnviz_widgets.panels.controls import choice, default, float_slider, slider, toggle
from cnnviz_widgets.panels.making import (
    STOPS,
    Making,
    Reel,
    Run,
    heading,
    in_rounds,
    rounds_slider,
    seed_slider,
    seen_at,
    steps_slider,
)
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.parts import Bars, Chart
from cnnviz_widgets.runtime.runner import Frame

PRESETS = {
    "distill": "Distill 2017",
    "simonyan": "Simonyan 2014",
    "cs231n": "CS231n",
    **{f"yosinski-{number}": f"Yosinski 2015, setting {number}" for number in range(1, 5)},
}
PRESET = default(class_model, "preset")
USUAL = RECIPES[PRESET]
POINTS = 200  # of a curve
CHART_INTERVAL = 0.25  # s: charts are slow to draw
CONTROLS = {  # of a recipe's fields
    "picture": "picture", "l2": "l2", "total_variation": "total_variation", "decay": "decay", "sigma": "blur",
    "every": "blur_every", "small_norms": "small_norms", "small_contributions": "small_contributions",
    "jitter": "jitter", "pad": "pad", "scale": "scale", "rotate": "rotate", "soften": "soften", "color": "color",
    "flip": "flip",
}  # fmt: skip


class ClassModel(Making):
    """A picture that raises a class score as far as it goes, from noise (Simonyan et al. 2014).

    preset   what to begin with; it moves all other controls: "distill" (Olah et al. 2017), "simonyan", "cs231n",
             "yosinski-1" … "yosinski-4" (the four settings of Yosinski et al. 2015)
    starts   pictures made side by side, each from other noise
    sigma    px of a blur of the picture at every so many steps (``every``)
    The other settings are the fields of a recipe of ``cnnviz.class_model``; 0 is without.
    """

    title = "Class model"
    family = "features"
    chapters = ("10",)
    shows = "what the network takes a class to look like, and what every regularizer does"
    as_call = 'cnnviz.class_model(net, "goldfish")'
    pickers = ("target",)
    preset = choice(PRESET, PRESETS, label="Preset", help="A published way to make it: moves all other controls")
    steps = steps_slider(USUAL.steps)
    rounds = rounds_slider()
    starts = slider(
        default(class_model, "batch"), 1, 4, label="Starts", help="Pictures side by side, each from other noise"
    )
    seed = seed_slider("Of the noise, and of all that is drawn at random")
    costs = heading("What keeps noise away", "Terms that cost, and what is done to the picture after a step")
    picture = choice(
        USUAL.picture, ["pixels", "fourier"], label="Basis", help="What a step moves: pixels, or their frequencies"
    )
    l2 = float_slider(USUAL.l2, 0, 0.01, step=0.0001, form=".4f", label="L2", help="How much every strong color costs")
    total_variation = float_slider(
        USUAL.total_variation, 0, 0.1, step=0.001, form=".3f", label="Variation", help="How much every edge costs"
    )
    decay = float_slider(
        USUAL.decay, 0, 0.5, step=0.01, label="Decay", help="What fades toward the mean color in every step"
    )
    sigma = float_slider(
        USUAL.blur, 0, 2, step=0.1, form=".1f", label="Blur", help="The picture is blurred so much, in pixels"
    )
    every = slider(USUAL.blur_every, 1, 20, label="Blur every", help="Steps from one blur to the next")
    small_norms = float_slider(
        USUAL.small_norms, 0, 0.95, step=0.05, label="Clip pale", help="Share of pixels, the palest, that become gray"
    )
    small_contributions = float_slider(
        USUAL.small_contributions, 0, 0.95, step=0.05, label="Clip idle",
        help="Share of pixels, those that do least for the score, that become gray",
    )  # fmt: skip
    chances = heading("How the network sees it", "At random in every step: only what stays is worth making")
    jitter = slider(USUAL.jitter, 0, 32, label="Jitter", help="The picture moves by up to so many pixels")
    pad = slider(USUAL.pad, 0, 32, label="Pad", help="Pixels of gray around the picture")
    scale = float_slider(USUAL.scale, 0, 0.5, step=0.05, label="Scale", help="It grows and shrinks by up to so much")
    rotate = float_slider(
        USUAL.rotate, 0, 45, step=1, form=".0f", label="Rotate", help="It turns by up to so many degrees"
    )
    soften = float_slider(
        USUAL.soften, 0, 4, step=0.1, form=".1f", label="Soften", help="It is blurred by up to so many pixels"
    )
    color = float_slider(
        USUAL.color, 0, 0.5, step=0.05, label="Color", help="The network sees it lighter, darker, flatter, tinted"
    )
    flip = toggle(USUAL.flip, label="Flip", help="The network sees its mirror image as often")

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **dict(sorted(settings.items(), key=lambda item: item[0] != "preset")))

    @observe("preset")
    def _take_preset(self, change: dict) -> None:
        recipe = RECIPES[change["new"]]
        with self.hold_trait_notifications():
            for name, field in {"steps": "steps", **CONTROLS}.items():
                setattr(self, name, getattr(recipe, field))

    def views(self) -> list[ipywidgets.Widget]:
        self._terms: dict[int, dict[str, float]] = {}  # step -> what each term added in it
        self._sure: dict[int, list[float]] = {}  # step -> the class's probability in each picture
        picture = self.part("picture", Reel("The class, as the network sees it", labels=True))
        curves = Chart("What each term adds", "step", "", most=4, top=None)
        bars = Bars("What the network says to it")
        bars.widget.layout.margin = "8px 0 0"
        beside = ipywidgets.VBox([self.part("curves", curves), self.part("bars", bars)]).add_class("cnnviz-part")
        return [picture, beside]

    def compute(self, now: Now) -> Iterator[Frame]:
        now = now.but(target=_target(now))  # asked for once
        total, charted = now.rounds * now.steps, 0.0
        for state in self._run("picture", now, _run(now)):
            noted = self._note(now, state)
            parts = {"picture": partial(_content, now, state, self._sure), **noted}  # first what one waits for
            if time.monotonic() - charted > CHART_INTERVAL or state.step == total:
                charted = time.monotonic()
                parts["curves"] = self._chart(now, state)
            yield Frame(parts, state.step, total)

    def _note(self, now: Now, state: OptimizationState) -> dict[str, Any]:
        """Write down what the curves show and, now and then, ask the network; its answer is drawn."""
        if state.step == 1:
            self._terms, self._sure = {}, {}
        self._terms[state.step] = {name: value / now.starts for name, value in state.terms.items()}
        if state.step in self._sure or not (state.step in STOPS or state.step % now.steps == 0):
            return {}
        pictures = state.values.reshape(-1, *state.values.shape[-3:])
        answers = now.network.predict(pictures, len(now.network.classes))
        self._sure[state.step] = [next(p.probability for p in answer if p.index == now.target) for answer in answers]
        return {"bars": (answers[0], now.target)}

    def _chart(self, now: Now, state: OptimizationState) -> dict[str, Any]:
        steps = [step for step in self._terms if step <= state.step]
        few = sorted({*steps[:: -(-len(steps) // POINTS)], steps[-1]})
        terms = self._terms[few[-1]]
        return {
            "curves": {name: (few, [self._terms[step][name] for step in few]) for name in terms},
            "numbers": {name: f"{value:.3g}" for name, value in terms.items()},
            "end": now.rounds * now.steps,
        }

    def subject(self) -> str:
        now = self._drawn or self._now()
        return f"{now.network.classes[_target(now)]} {now.preset}"

    def call(self, now: Now) -> str:
        return in_rounds(_run(now), now) + "\nstate"


def _run(now: Now) -> Run:
    target = json.loads(class_named(now.network, _target(now)).written)  # its name, where that is one class's only
    options = {"batch": now.starts} if now.starts > 1 else {}
    if now.starts > 1 and not RECIPES[now.preset].sd:
        options["sd"] = Recipe.sd  # without noise they would all be the same
    return Run("class_model", target, now.preset, **options, **_changes(now), seed=now.seed)


def _target(now: Now) -> int:
    return now.network.predict(now.image, 1)[0].index if now.target is None else now.target


def _changes(now: Now) -> dict[str, Any]:
    """What is not as in the preset."""
    recipe = RECIPES[now.preset]
    chosen = {field: getattr(now, name) for name, field in CONTROLS.items()}
    return {field: value for field, value in chosen.items() if value != getattr(recipe, field)}


def _content(now: Now, state: OptimizationState, known: dict[int, list[float]], at: int | None) -> Content:
    """The pictures of a step, with the probability of the class when that was looked at last."""
    step, pictures = seen_at(state, at)
    sure = known[max(one for one in known if one <= step)]
    names = [now.network.classes[now.target]] if now.starts == 1 else [f"start {n + 1}" for n in range(now.starts)]
    changed = "".join(f", {name} {value}" for name, value in _changes(now).items())
    return Content(
        rgb(pictures if now.starts > 1 else pictures[None]),
        names=[f"{name} · {percent(share)}" for name, share in zip(names, sure, strict=True)],
        caption=f"{PRESETS[now.preset]}{changed}: step {step} of {now.rounds * now.steps}",
    )
