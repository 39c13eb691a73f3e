"""X12: a network that learns to make adversarial changes, live, beside PGD and noise."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import ipywidgets
import torch

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.methods.adversarial.train_attacker import (
    COLUMNS,
    GENERATOR,
    NOISE,
    PGD,
    SHOWN,
    AttackerState,
    train_attacker,
)
from cnnviz_widgets.networks import load_network
from cnnviz_widgets.panels.attack import LEVELS
from cnnviz_widgets.panels.call import As, Call
from cnnviz_widgets.panels.controls import choice, slider, stops
from cnnviz_widgets.panels.growth import Plan
from cnnviz_widgets.panels.making import Making, StepView, steps_slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.parts import Chart, Note
from cnnviz_widgets.panels.photographs import photographs
from cnnviz_widgets.panels.transfer import NETWORKS
from cnnviz_widgets.pictures import load_dataset
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.runtime.runner import Frame

SELDOM = 1.0  # s between two looks at the pictures


class Attacker(Making):
    """A generator learns to change any picture in one pass (AdvGAN: Xiao et al. 2018), beside PGD and noise.

    It practices on squares of every other photograph, of the session's dataset or else of the samples; all that is
    shown and counted are the photographs between them.

    against    the bundled network that is to be fooled
    levels     ε, in levels of 255: by how much a value may change
    times      how many times as strong the changes are shown
    Other settings as in ``cnnviz.train_attacker``; ``loss``, ``realism`` and ``learning_rate`` steer the
    training under way.
    """

    title = "Attacker"
    family = "adversarial"
    chapters = ("13",)
    shows = "a network that learns to fool another one in a single pass, beside PGD"
    as_call = "cnnviz.train_attacker(net, photos)"
    looks_back = False  # of an earlier step there is nothing but its successes, which the chart shows
    pickers = ()
    against = choice("small_plain", {one: one for one in NETWORKS}, label="Against", help="The network to be fooled")
    levels = stops(
        8, [one for one in LEVELS if one >= 1], label="ε of 255", help="By how many of 255 levels a value may change"
    )
    realism = option(train_attacker, 0, 5, step=0.1, label="Realism")
    steps = steps_slider(train_attacker, 2000, help="Training steps in a round")
    loss: Any = option(
        train_attacker, words={"cross_entropy": "cross entropy", "margin": "margin"}, label="Loss", more=True
    )
    learning_rate = option(train_attacker, 0.0005, 0.01, step=0.0005, form=".4f", label="Learning rate", more=True)
    batch = option(train_attacker, 2, 64, step=2, label="Batch", more=True)
    pictures = slider(64, 4, 512, label="Pictures", help="How many are used: of the dataset, or the samples", more=True)
    times = slider(10, 1, 50, label="Change ×", help="How many times as strong the changes are shown", more=True)
    seed = option(train_attacker, 0, 99, more=True)

    def views(self) -> list[ipywidgets.Widget]:
        self._seconds: Memo[dict] = Memo(dict)
        pictures = StepView("Pictures that it was not trained on", "whole", labels=True, max_width=1076)
        successes = Chart("Pictures that are fooled", "step", "share", share=True, height=240)
        course = Chart("Loss of the generator", "step", "loss", top=None, height=240)
        return [
            self.part("pictures", pictures),
            self.part("successes", successes),
            self.part("losses", course),
            self.part("note", Note()),
        ]

    def compute(self, now: Now) -> Iterator[Frame]:
        plan, total, shown, measured = _plan(now), now.rounds * now.steps, 0.0, 0
        losses = self._memo("losses", dict[int, float]).reached(*plan.of)
        if not losses:
            yield Frame({"pictures": partial(_begun, now)}, 0, total)
        for _, state in self.grow(plan, now.rounds):
            losses[state.step] = state.training.losses["attack"]
            parts: dict[str, Any] = {}
            if len(state.successes) != measured:
                parts, measured = {"successes": _successes(state, total)}, len(state.successes)
            if state.step == total or time.monotonic() - shown > SELDOM:
                parts |= {"pictures": partial(_pictures, state, now.times), "losses": _losses(losses, total)}
                shown = time.monotonic()
            if state.step == total:
                parts["note"] = self._note(state)
            yield Frame(parts, state.step, total)

    def _note(self, state: AttackerState) -> str:
        seconds = self._seconds.reached(state)
        seconds.update(seconds or state.seconds())
        quick, slow = (1000 * seconds[name] for name in (GENERATOR, PGD))
        counts = ", ".join(f"{name} {one}" for name, one in state.counted.items())
        return (
            f"Fooled, after rounding to 8 bits: {counts}. One picture takes the generator {quick:.1f} ms, and "
            f"PGD of ten steps {slow:.0f} ms, {slow / quick:.0f} times as long; the training is not counted."
        )

    def subject(self) -> str:
        return f"attacker {(self._drawn or self._now()).against}"

    def call(self, now: Now) -> str:
        lines = [f'network = cnnviz.load_network("{now.against}")', f"photos = {photographs(now).written}"]
        return "\n".join([*lines, *self.program(_plan(now), now.rounds), "state"])


def _plan(now: Now) -> Plan:
    network, photos = As(Call(load_network, now.against), "network"), As(photographs(now).value, "photos")
    how = {name: getattr(now, name) for name in ("loss", "realism", "batch", "learning_rate", "seed")}

    def begin(number: int, _: AttackerState | None) -> Call:
        epsilon = As(now.levels / 255, f"{now.levels:g} / 255")
        return Call(train_attacker, network, photos, epsilon=epsilon, **how, steps=number * now.steps)

    others = (now.against, now.levels, now.batch, now.seed, now.pictures, now.dataset)
    return Plan("state", (now.steps, *others), begin)


def _successes(state: AttackerState, total: int) -> dict:
    """Of the generator over the steps; PGD and noise do not learn."""
    steps, counts = zip(*state.successes, strict=True)
    curves: dict[str, Any] = {GENERATOR: (steps, [one.share for one in counts])}
    numbers = {GENERATOR: f"{counts[-1].share:.0%}"}
    for name in (PGD, NOISE):
        curves[name] = ((0, total), [state.counted[name].share] * 2)
        numbers[name] = f"{state.counted[name].share:.0%}"
    return {"curves": curves, "numbers": numbers, "end": total}


def _losses(losses: dict[int, float], total: int) -> dict:
    steps = sorted(losses)
    values = [losses[step] for step in steps]
    return {"curves": {"loss": (steps, values)}, "numbers": {"loss": f"{values[-1]:.2f}"}, "end": total}


def _begun(now: Now, at: None) -> Content:
    """The photographs that will be shown, and gray where their changes will be."""
    network, photos = load_network(now.against), load_dataset(photographs(now).value())
    held = [network.prepare(photos[number][0])[0] for number in range(1, len(photos), 2)[:SHOWN]]
    if not held:
        return Content()  # the training says why
    empty = [torch.full_like(held[0], 0.5)] * (COLUMNS - 1)
    return Content(rgb(torch.stack([tile for one in held for tile in (one, *empty)])), columns=COLUMNS)


def _pictures(state: AttackerState, times: int, at: None) -> Content:
    return state.compared(times)
