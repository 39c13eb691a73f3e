"""M1, M2: class models by gradient ascent on a class score."""

import json
import random
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any, ClassVar

import ipywidgets
from traitlets import observe

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.drawing.words import percent
from cnnviz_widgets.engine.optimize import OptimizationState
from cnnviz_widgets.methods.features.class_model import RECIPES, Recipe, class_model
from cnnviz_widgets.panels.call import Call, class_named, program
from cnnviz_widgets.panels.controls import declared
from cnnviz_widgets.panels.growth import Plan
from cnnviz_widgets.panels.guess import GuessedName
from cnnviz_widgets.panels.making import STOPS, Making, StepView, at_step, heading, planned, seed_slider, steps_slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import argument, option
from cnnviz_widgets.panels.parts import Bars, Chart
from cnnviz_widgets.panels.terms import Terms
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.traits import OneOf

PRESETS = {
    "distill": "Distill 2017",
    "simonyan": "Simonyan 2014",
    "cs231n": "CS231n",
    **{f"yosinski-{number}": f"Yosinski 2015, setting {number}" for number in range(1, 5)},
}
USUAL = partial(Recipe, **vars(RECIPES[argument(class_model, "preset").default]))
CHOICES = 5  # classes to guess from

of_recipe = partial(option, USUAL, more=True)


class ClassModel(Making):
    """A picture that maximizes a class score, from noise (Simonyan et al. 2014).

    preset   what to begin with; it moves all other controls: "distill" (Olah et al. 2017), "simonyan", "cs231n",
             "yosinski-1" … "yosinski-4" (the four settings of Yosinski et al. 2015)
    starts   pictures made side by side, each from different noise
    sigma    px of a blur of the picture at every so many steps (``every``)
    guess    "class" asks for which of five classes the picture is made before it tells; without a target, the seed
             draws that class; "" asks nothing
    The other settings are the fields of a recipe of ``cnnviz.class_model``; 0 turns one off. Those below
    "Regularization" and "Random transforms", but for the parameterization, steer a run under way.
    """

    title = "Class model"
    family = "features"
    chapters = ("10",)
    shows = "what the network has learned of a class, and what every regularizer does"
    as_call = 'cnnviz.class_model(net, "goldfish")'
    pickers = ("target",)
    old_names: ClassVar = {"colour": ("color", {})}
    preset = option(class_model, words=PRESETS, help="A published recipe: it moves all other controls")
    steps = steps_slider(USUAL)
    starts = option(
        class_model, 1, 4, name="batch", label="Starts", help="Pictures side by side, each from different noise"
    )
    seed = seed_slider()
    costs = heading("Regularization", "Penalties, and operators on the picture after a step")
    picture = of_recipe(label="Parameterization", help="What a step moves: pixels, or their frequencies")
    l2 = of_recipe(0, 0.01, step=0.0001, form=".4f", label="L2")
    total_variation = of_recipe(0, 0.1, step=0.001, form=".3f", label="Total variation weight")
    decay = of_recipe(0, 0.5, step=0.01)
    sigma = of_recipe(0, 2, step=0.1, form=".1f", name="blur")
    every = of_recipe(1, 20, name="blur_every")
    small_norms = of_recipe(0, 0.95, step=0.05, label="Clip small norm")
    small_contributions = of_recipe(0, 0.95, step=0.05, label="Clip small contribution")
    chances = heading("Random transforms", "Drawn anew in every step, before the network")
    jitter = of_recipe(0, 32)
    pad = of_recipe(0, 32)
    scale = of_recipe(0, 0.5, step=0.05)
    rotate = of_recipe(0, 45, form=".0f")
    soften = of_recipe(0, 4, step=0.1, form=".1f", label="Blur (random)")
    color = of_recipe(0, 0.5, step=0.05)
    flip = of_recipe()
    guess = OneOf(("", "class"), "").tag(setting=True)

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **dict(sorted(settings.items(), key=lambda item: item[0] != "preset")))

    @observe("preset")
    def _take_preset(self, change: dict) -> None:
        with self.hold_trait_notifications():
            for name, field in {"steps": "steps", **fields()}.items():
                setattr(self, name, getattr(RECIPES[change["new"]], field))

    def views(self) -> list[ipywidgets.Widget]:
        self._terms = Terms()
        self._sure: dict[int, list[float]] = {}  # step -> the class's probability in each picture
        self._picture = _GuessedSteps("The class model", question="Which class is it made for?", labels=True)
        picture = self.part("picture", self._picture)  # first, also in a saved notebook
        self._parts["choices"] = SimpleNamespace(show=lambda choices: self._picture.offer(*choices))
        curves = self.part("curves", Chart("Terms of the objective", "step", "", most=4, top=None))
        bars = self.part("bars", Bars("Prediction of the network"))
        bars.layout.margin = "8px 0 0"
        self._telling = curves, bars  # they name the class
        self._picture.asked_by(self, "class", self._reveal)
        return [picture, ipywidgets.VBox(self._telling).add_class("cnnviz-part")]

    def _reveal(self) -> None:
        """Show what names the class when nothing is asked; after a guess, choose that class."""
        for widget in self._telling:
            widget.layout.display = "none" if self._picture.waits else None
        if self._picture.guess is not None:
            self.session.target = _target(self._now())

    def compute(self, now: Now) -> Iterator[Frame]:
        total, choices = now.rounds * now.steps, _choices(now) if now.guess else []
        now = now.but(target=_target(now))  # predicted once
        if choices:
            yield Frame({"choices": (choices, now.network.classes[now.target])}, 0, total)
        for _, state in self.grow(_plan(now), now.rounds):
            self._terms.note(state.step, {name: value / now.starts for name, value in state.terms.items()})
            seen = self._predicted(now, state)
            parts = {"picture": partial(_content, now, state, self._sure), **seen}  # first what one waits for
            yield Frame(parts | self._terms.chart(state.step, total), state.step, total)

    def _predicted(self, now: Now, state: OptimizationState) -> dict[str, Any]:
        """Now and then, what the network makes of the pictures."""
        if state.step == 1:
            self._sure = {}
        if state.step in self._sure or not (state.step in STOPS or state.step % now.steps == 0):
            return {}
        pictures = state.values.reshape(-1, *state.values.shape[-3:])
        answers = now.network.predict(pictures, len(now.network.classes))
        self._sure[state.step] = [next(p.probability for p in answer if p.index == now.target) for answer in answers]
        return {"bars": (answers[0], now.target)}

    def subject(self) -> str:
        now = self._drawn or self._now()
        return f"{now.network.classes[_target(now)]} {now.preset}"

    def call(self, now: Now) -> str:
        return program(*self.program(_plan(now), now.rounds), "state")


class _GuessedSteps(StepView, GuessedName):
    """Pictures in the making, of which one may guess what they will be."""


def fields() -> dict[str, str]:
    """Trait -> field of a recipe, but for the steps, which are those of a round."""
    tagged = {name: getattr(ClassModel, name).metadata["of"] for name in declared(ClassModel, "of")}
    return {name: field for name, (function, field) in tagged.items() if function is USUAL and name != "steps"}


def _plan(now: Now) -> Plan:
    target = _target(now)
    noise = {"sd": Recipe.sd} if now.starts > 1 and not RECIPES[now.preset].sd else {}  # that they are not the same
    named = json.loads(class_named(now.network, target).written)  # its name, where that is one class's only
    call = Call(class_model, now.network, named, now.preset, batch=now.starts, **noise, **_changes(now))
    return planned("state", now, call, target, now.preset, now.picture, now.starts)


def _target(now: Now) -> int:
    """The class that was chosen, or drawn to be guessed, or the top class of the picture."""
    if now.target is not None:
        return now.target
    return _drawn(now)[0] if now.guess else now.network.predict(now.image, 1)[0].index


def _drawn(now: Now) -> list[int]:
    classes = range(len(now.network.classes))
    return random.Random(now.seed).sample(classes, min(CHOICES, len(classes)))


def _choices(now: Now) -> list[str]:
    """The names of the right class and of others that were drawn, in the order of the alphabet."""
    few = list(dict.fromkeys([_target(now), *_drawn(now)]))[:CHOICES]
    return sorted({now.network.classes[index] for index in few})


def _changes(now: Now) -> dict[str, Any]:
    """What is not as in the preset."""
    recipe = RECIPES[now.preset]
    chosen = {field: getattr(now, name) for name, field in fields().items()}
    return {field: value for field, value in chosen.items() if value != getattr(recipe, field)}


def _content(now: Now, state: OptimizationState, known: dict[int, list[float]], at: int | None) -> Content:
    """The pictures of a step, with the last probability of the class that is known then."""
    step, pictures = at_step(state, at)
    sure = known[max(one for one in known if one <= step)]
    names = [now.network.classes[now.target]] if now.starts == 1 else [f"start {n + 1}" for n in range(now.starts)]
    changed = "".join(f", {name} {value}" for name, value in _changes(now).items())
    return Content(
        rgb(pictures if now.starts > 1 else pictures[None]),
        names=tuple(f"{name} · {percent(share)}" for name, share in zip(names, sure, strict=True)),
        caption=f"{PRESETS[now.preset]}{changed}: step {step} of {now.rounds * now.steps}",
    )
