"""X2, X3, X4: a small change that makes a network answer something else, and what is left of it in a file."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import ipywidgets
import torch
from PIL import Image
from torch import Tensor

from cnnviz_widgets.drawing.render import Content, as_array
from cnnviz_widgets.drawing.results import rgb, robust_maximum
from cnnviz_widgets.drawing.words import percent
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.adversarial._attack import Attack as State
from cnnviz_widgets.methods.adversarial._files import reopened
from cnnviz_widgets.methods.adversarial.fgsm import EpsilonSweep, epsilon_sweep, fgsm
from cnnviz_widgets.methods.adversarial.pgd import pgd
from cnnviz_widgets.methods.cam.grad_cam import grad_cam
from cnnviz_widgets.panels.call import As, Call, class_named, program
from cnnviz_widgets.panels.controls import choice, float_slider, several_classes, slider, stops
from cnnviz_widgets.panels.making import Making, StepView, seed_slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import computes
from cnnviz_widgets.panels.parts import Bars, Chart, Note, View
from cnnviz_widgets.runtime.runner import Frame

LEVELS = (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64)  # of 255
FILES = {"png": ("png", 100), "jpeg 95": ("jpeg", 95), "jpeg 85": ("jpeg", 85), "jpeg 75": ("jpeg", 75)}


class Attack(Making):
    """A small change that makes the network answer something else (Goodfellow et al. 2015, Madry et al. 2018).

    levels   ε for "linf", in levels of 255: by how much a value may change
    radius   ε for "l2": how long the change may be, for values 0…1
    steps    1 is FGSM, more are PGD
    toward   the class that the picture shall be taken for; () = any other
    times    how many times as strong the change is shown
    saved    the file that the picture is read from again: "png", or "jpeg 95", "jpeg 85", "jpeg 75"
    The rest is as in ``cnnviz.pgd``.
    """

    title = "Attack"
    family = "adversarial"
    chapters = ("13",)
    shows = "how small a change fools the network, and whether a file keeps it"
    as_call = "cnnviz.pgd(net, photo)"
    looks_back = False  # the best picture so far is kept
    at_end = "the attack is at its end: more steps go further."
    pickers = ("image", "layer")
    more = ("layer",)
    levels = stops(8, LEVELS, label="ε of 255", help="By how many of 255 levels a value may change (L∞)")
    steps = option(pgd, 1, 100, help="1 is FGSM, more are PGD: steps along the sign of the gradient")
    toward = several_classes(
        1, label="Toward", none="(any other)", help="The class that it shall be taken for; none = any other"
    )
    saved = choice(
        "png", {name: name.upper() for name in FILES}, label="Saved as", help="The file that it is opened from again"
    )
    times = slider(10, 1, 50, label="Change ×", help="How many times as strong the change is shown", more=True)
    norm = choice(
        "linf", {"linf": "L∞", "l2": "L2"}, label="Norm", help="How the size of the change is measured", more=True
    )
    radius = float_slider(
        1.0, 0.05, 10, step=0.05, label="ε (L2)", help="How long the change may be, for values 0…1", more=True
    )
    restarts = option(pgd, 1, 10, more=True)
    seed = seed_slider()

    def views(self) -> list[ipywidgets.Widget]:
        pictures = StepView("Before, the change, and after", "whole", labels=True, max_height=420)
        axes = "step", "probability"
        chances = Chart("Probabilities over the steps", *axes, share=True, height=200)
        sweep = Chart("FGSM with every ε", "ε of 255", "probability", share=True, most=5, height=200)
        looks = View("Where the network looks (Grad-CAM)", colormap="inferno", opacity=0.6, labels=True, controls=False)
        return [
            self.part("pictures", pictures),
            self.part("note", Note()),
            self.part("chances", chances),
            self.part("sweep", sweep),
            self.part("looks", looks),
            self.part("bars", Bars("Prediction after")),
        ]

    def compute(self, now: Now) -> Iterator[Frame]:
        call = _call(now)
        for state in self.keep("attack", (now.network, now.image, str(call)), partial(_states, call)):
            kind, quality = FILES[now.saved]
            after = reopened(state.changed.cpu(), kind, quality)  # type: ignore[arg-type]  # one of its two words
            answers = now.network.predict(after[0], len(now.network.classes))
            parts: dict[str, Any] = {
                "pictures": partial(_pictures, state, after, answers, now.times),
                "chances": _chances(state),
                "bars": (answers, state.aim.target and state.aim.target[0]),
            }
            if state.step == state.total:
                parts |= {"note": _note(state, now, answers), "looks": _looks(state, now, after)}
            yield Frame(parts, state.step, state.total)

    @computes
    def sweep(self, now: Now) -> Frame:
        """One gradient, and the answers along it."""
        return Frame({"sweep": _curves(_sweep(now)(), now.levels)})

    def subject(self) -> str:
        now = self._drawn or self._now()
        return f"attack {now.network.name} {_size(now).written}"

    def call(self, now: Now) -> str:
        one = now.steps == 1 and now.norm == "linf"
        return program({"state": _call(now) if one else As(None, f"cnnviz.last({_call(now)})")}, "state")

    def _kept_picture(self) -> Image.Image:
        """The picture alone, in the 8 bits that the network was shown."""
        state = self.kept("attack")
        if state is None:
            raise UserError("there is no picture yet.")
        return Image.fromarray(rgb(state.values))


def _size(now: Now) -> As:
    if now.norm == "l2":
        return As(now.radius, f"{now.radius:g}")
    return As(now.levels / 255, f"{now.levels:g} / 255")


def _toward(now: Now) -> As:
    return class_named(now.network, now.toward[0] if now.toward else None)


def _call(now: Now) -> Call:
    if now.steps == 1 and now.norm == "linf":
        return Call(fgsm, now.network, now.image, _size(now), _toward(now))
    how = {"norm": now.norm, "epsilon": _size(now), "target": _toward(now), "steps": now.steps}
    return Call(pgd, now.network, now.image, **how, restarts=now.restarts, seed=now.seed)


def _sweep(now: Now) -> Call:
    return Call(epsilon_sweep, now.network, now.image, target=_toward(now))


def _states(call: Call) -> Iterator[State]:
    made = call()
    return iter([made]) if isinstance(made, State) else made


def _pictures(state: State, after: Tensor, answers: list, times: int, at: Any = None) -> Content:
    first: Any = state.aim.network.predict(state.picture, 1)[0]
    names = [
        f"before: {first.name} {percent(first.probability)}",
        f"change × {times}",
        f"after: {answers[0].name} {percent(answers[0].probability)}",
    ]
    tiles = torch.stack([state.picture, state.amplified(times), after[0]])
    caption = f"step {state.step} of {state.total}, {state.passes} passes forward and back"
    return Content(rgb(tiles), names=tuple(names), columns=3, caption=caption)


def _chances(state: State) -> dict:
    """Of the true class and of that which it becomes, the first before the first step."""
    network, (truth,) = state.aim.network, state.aim.truth
    other = "best of the others" if state.aim.target is None else network.classes[state.aim.target[0]]
    values = state.chances[:, 0].T.tolist()
    steps = [*range(len(values[0]))]
    curves = dict(zip((network.classes[truth], other), ((steps, one) for one in values), strict=True))
    numbers = {name: percent(ys[-1]) for name, (_, ys) in curves.items()}
    return {"curves": curves, "numbers": numbers, "end": max(state.total, steps[-1], 1)}


def _curves(sweep: EpsilonSweep, levels: float) -> dict:
    at = [255 * one for one in sweep.epsilons]
    curves = {name: (at, row) for name, row in zip(sweep.classes, sweep.probabilities.T.tolist(), strict=True)}
    return {"curves": curves, "end": at[-1], "marker": min(levels, at[-1])}


def _note(state: State, now: Now, answers: list) -> str:
    norms, classes = state.norms, now.network.classes
    answer = answers[0]
    wanted = state.aim.target
    holds = answer.index == wanted[0] if wanted else answer.index != state.aim.truth[0]
    done = "Fooled" if holds else "Not fooled"
    target = f" It was to become {classes[wanted[0]]}." if wanted and not holds else ""
    truth = classes[state.aim.truth[0]]
    return (
        f"{done}, as {now.saved.upper()}: {answer.name}, {percent(answer.probability)}.{target} The change, in 8 bits, "
        f"is at most {norms['linf'] * 255:.0f} of 255 levels, length {norms['l2']:.2f}, {norms['l0']:,} pixels; "
        f"structural similarity {state.ssim:.3f}. The class before, {truth}, is the network's own answer."
    )


def _looks(state: State, now: Now, after: Tensor) -> Content:
    """Grad-CAM of the class that is answered, before and after."""
    maps = [grad_cam(now.network, one, None, now.layer) for one in (state.picture, after[0])]
    tiles = torch.stack([state.picture, after[0]])
    values = torch.stack([one.values / robust_maximum(one.values, 1) for one in maps])
    names = tuple(f"{when}: {one.of}" for when, one in zip(("before", "after"), maps, strict=True))
    return Content(rgb(tiles), as_array(values), low=0, high=1, names=names, columns=2, caption=f"at {now.layer}")
