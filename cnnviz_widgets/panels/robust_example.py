"""X8: turn, zoom and disturb an adversarial example, and see its label hold or fall."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import ipywidgets
import torch
from PIL import Image
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.drawing.words import percent
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.adversarial._attack import Attack as State
from cnnviz_widgets.methods.adversarial.robust_example import posed, robust_example, seen_as
from cnnviz_widgets.panels.attack import LEVELS
from cnnviz_widgets.panels.call import As, Call, class_named, program
from cnnviz_widgets.panels.controls import float_slider, several_classes, slider, stops
from cnnviz_widgets.panels.making import Making, StepView, seed_slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import computes
from cnnviz_widgets.panels.parts import Chart, View
from cnnviz_widgets.runtime.runner import Frame

UNITS = {"angle": "degrees", "zoom": "factor", "noise": "standard deviation, of 255"}
ANGLES = range(-90, 91, 10)  # as far as the slider goes
KINDS = ("robust", "plain")


class RobustExample(Making):
    """A picture that stays what it is taken for when it is turned (Athalye et al. 2018), beside a plain attack.

    toward              the class that the picture shall be taken for; () = the tenth most probable
    levels              ε, in levels of 255
    angle, zoom, noise  the pose in which both are shown: degrees, a factor, a standard deviation for values 0…1
    The rest is as in ``cnnviz.robust_example``.
    """

    title = "Robust example"
    family = "adversarial"
    chapters = ("13",)
    shows = "an example that still fools when it is turned, zoomed and disturbed"
    as_call = 'cnnviz.robust_example(net, photo, "goose")'
    looks_back = False  # the steps are all of the same picture
    at_end = "both attacks are at their end: more steps go further."
    pickers = ("image",)
    angle = slider(0, -90, 90, label="Angle", help="By how many degrees both are turned")
    zoom = float_slider(1.0, 0.5, 2.0, step=0.05, label="Zoom", help="By what factor both are enlarged")
    noise = float_slider(0.0, 0, 0.3, step=0.01, label="Noise", help="Standard deviation, for values 0…1")
    toward = several_classes(
        1, label="Toward", none="(the tenth)", help="The class that it shall be taken for; none = the tenth"
    )
    levels = stops(8, LEVELS, label="ε of 255", help="By how many of 255 levels a value may change", more=True)
    steps = option(robust_example, 1, 200, more=True)
    samples = option(robust_example, 1, 16, more=True)
    lab = option(robust_example, 0, 1, step=0.01, label="LAB distance", more=True)
    seed = seed_slider()

    def views(self) -> list[ipywidgets.Widget]:
        self._curves: dict[str, dict] = {}  # the curves, once both attacks are at their end
        pictures = StepView("Before, the robust example, and the plain attack, in this pose", "whole", labels=True)
        pictures.image.max_height = 420
        charts = {
            vary: Chart(f"Probability of the class, by {vary}", unit, "probability", share=True, height=180)
            for vary, unit in UNITS.items()
        }
        changes = View("What was changed, × 10", labels=True, controls=False, max_height=260)
        parts = {"pictures": pictures, **charts, "changes": changes}
        return [self.part(name, part) for name, part in parts.items()]

    def compute(self, now: Now) -> Iterator[Frame]:
        calls = {kind: _call(now, kind) for kind in KINDS}
        total = 2 * now.steps
        states: dict[str, State] = {}
        for number, (kind, call) in enumerate(calls.items()):
            for state in self.keep(kind, (now.network, now.image, str(call)), call):
                states[kind] = state
                yield Frame(
                    {"pictures": partial(_posed, states.copy(), self._pose())}, number * now.steps + state.step, total
                )
        self._curves = _strips(states)
        ends = {"pictures": partial(_posed, states, self._pose()), "changes": _changes(states)}
        yield Frame(ends | _marked(self._curves, self._pose()), total, total)

    def _pose(self) -> dict[str, float]:
        """As it is now: turning a picture is no other run."""
        return {"angle": self.angle, "zoom": self.zoom, "noise": self.noise}

    @computes
    def turn(self, now: Now) -> Frame:
        """Both in the pose that is set, and where it is on the curves."""
        pose = {"angle": now.angle, "zoom": now.zoom, "noise": now.noise}
        states = {kind: self.kept(kind) for kind in KINDS if self.kept(kind) is not None}
        pictures = {"pictures": partial(_posed, states, pose)} if states else {}
        return Frame(pictures | _marked(self._curves, pose))

    def subject(self) -> str:
        now = self._drawn or self._now()
        return f"robust {now.network.classes[_target(now)]}"

    def call(self, now: Now) -> str:
        made = {kind: As(None, f"cnnviz.last({_call(now, kind)})") for kind in KINDS}
        return program(made, "display(robust, plain)")

    def _kept_picture(self) -> Image.Image:
        state = self.kept("robust")
        if state is None:
            raise UserError("there is no picture yet.")
        return Image.fromarray(rgb(state.values))


def _target(now: Now) -> int:
    """The class that was chosen, or the tenth: one that the picture is not."""
    if now.toward:
        return now.toward[0]
    return now.network.predict(now.image, 10)[-1].index


def _call(now: Now, kind: str) -> Call:
    transforms = [] if kind == "robust" else [As((), "()")]
    how = {"samples": now.samples, "lab": now.lab} if kind == "robust" else {}
    epsilon = As(now.levels / 255, f"{now.levels:g} / 255")
    target = class_named(now.network, _target(now))
    options = {"epsilon": epsilon, "steps": now.steps, **how, "seed": now.seed}
    return Call(robust_example, now.network, now.image, target, *transforms, **options)


def _in_pose(picture: Tensor, pose: dict[str, float]) -> Tensor:
    for vary in ("zoom", "angle", "noise"):
        if pose[vary] != {"zoom": 1.0}.get(vary, 0.0):
            picture = posed(picture, vary, pose[vary])
    return picture


def _posed(states: dict[str, State], pose: dict[str, float], at: Any = None) -> Content:
    first = next(iter(states.values()))
    pictures = [first.aim.pictures, *(state.changed for state in states.values())]
    network = first.aim.network
    shown = torch.cat([_in_pose(one, pose) for one in pictures])
    answers: list[Any] = [best[0] for best in network.predict(shown, 1)]
    names = tuple(
        f"{name}: {answer.name} {percent(answer.probability)}"
        for name, answer in zip(("before", *states), answers, strict=True)
    )
    said = f"turned by {pose['angle']:g}°, zoomed by {pose['zoom']:g}, noise {pose['noise']:g}"
    return Content(rgb(shown), names=names, columns=3, caption=f"{said}; {first.bound * 255:.3g}/255")


def _changes(states: dict[str, State]) -> Content:
    tiles = torch.stack([state.amplified() for state in states.values()])
    return Content(rgb(tiles), names=tuple(states), columns=2)


def _strips(states: dict[str, State]) -> dict[str, dict]:
    """The probability of the target over the whole range of each transform."""
    parts = {}
    for vary in UNITS:
        curves = {}
        for kind, state in states.items():
            assert state.aim.target is not None  # as it is asked for
            at = ANGLES if vary == "angle" else None
            seen = seen_as(state.aim.network, state.values, vary, at)  # type: ignore[arg-type]  # one of its words
            places = [_place(vary, one) for one in seen.at]
            curves[kind] = (places, seen.probabilities[:, state.aim.target[0]].tolist())
        parts[vary] = {"curves": curves, "begin": min(places), "end": max(places)}
    return parts


def _marked(strips: dict[str, dict], pose: dict[str, float]) -> dict[str, dict]:
    return {vary: strip | {"marker": _place(vary, pose[vary])} for vary, strip in strips.items()}


def _place(vary: str, value: float) -> float:
    """On the axis of the chart."""
    return value * 255 if vary == "noise" else value
