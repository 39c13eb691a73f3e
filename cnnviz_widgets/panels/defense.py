"""X11: adversarial training, live, beside the same training without attacks."""

import time
from collections.abc import Iterator
from typing import Any

import ipywidgets

from cnnviz_widgets.methods.adversarial.train_robust import DefenseState, train_robust
from cnnviz_widgets.panels.call import Call
from cnnviz_widgets.panels.growth import Plan
from cnnviz_widgets.panels.making import Making, StepView, steps_slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.parts import Chart
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.runtime.runner import Frame

SELDOM = 0.5  # s between two looks at the gradients
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)  # of the attacks at the end, in ε of the training
NAMES = {
    "plain": "plain",
    "plain_attacked": "plain, attacked",
    "robust": "robust",
    "robust_attacked": "robust, attacked",
}


class Defense(Making):
    """Adversarial training (Madry et al. 2018) of a small network on handwritten digits, beside a control.

    Both begin with the same weights and see the same digits; one of them sees each digit changed against it. In the
    end both meet attacks of several sizes.

    epsilon, learning_rate, batch, seed
             as in ``cnnviz.train_robust``
    """

    title = "Defense"
    family = "adversarial"
    chapters = ("13",)
    shows = "what adversarial training wins, what it costs, and its gradients"
    as_call = "cnnviz.train_robust()"
    looks_back = False  # of an earlier step there is nothing but its accuracy, which the chart shows
    pickers = ()
    epsilon = option(train_robust, 0.02, 0.4, step=0.01, label="ε in training")
    steps = steps_slider(train_robust, 1000, help="Training steps in a round")
    learning_rate = option(train_robust, 0.001, 0.02, step=0.001, form=".3f", label="Learning rate", more=True)
    batch = option(train_robust, 8, 256, step=8, label="Batch", more=True)
    seed = option(train_robust, 0, 99, more=True)

    def views(self) -> list[ipywidgets.Widget]:
        self._strengths: Memo[list[dict]] = Memo(list)
        gradients = StepView(
            "Digits; below them the gradient of the plain network's loss, then of the robust one's (gray is 0)",
            "whole",
            max_width=900,
            max_height=420,
        )
        course = Chart("Accuracy during the training", "step", "share that is right", share=True, height=240)
        attacks = Chart(
            "Accuracy under attack, after the training", "ε, 0…1", "share that is right", share=True, height=240
        )
        return [
            self.part("gradients", gradients),
            self.part("course", course),
            self.part("attacks", attacks),
        ]

    def compute(self, now: Now) -> Iterator[Frame]:
        total, shown, measured = now.rounds * now.steps, 0.0, 0
        for _, state in self.grow(_plan(now), now.rounds):
            parts: dict[str, Any] = {}
            if len(state.accuracies) != measured:
                parts["course"], measured = _course(state, total), len(state.accuracies)
            if state.step == total or time.monotonic() - shown > SELDOM:
                content, shown = state.content(), time.monotonic()
                parts["gradients"] = lambda at, content=content: content
            if state.step == total:
                parts["attacks"] = self._attacks(state)
            yield Frame(parts, state.step, total)

    def _attacks(self, state: DefenseState) -> dict:
        known = self._strengths.reached(state)
        if not known:
            sizes = [state.epsilon * strength for strength in STRENGTHS]
            plain, robust = zip(*(state.accuracy(size) for size in sizes), strict=True)
            curves = {
                "plain": (sizes, [one.share for one in plain]),
                "robust": (sizes, [one.share for one in robust]),
            }
            trained = {"plain": 0, "robust": state.epsilon}
            numbers = {name: f"trained at {epsilon:g}" for name, epsilon in trained.items()}
            known.append({"curves": curves, "numbers": numbers, "end": sizes[-1]})
        return known[0]

    def subject(self) -> str:
        return "defense"

    def call(self, now: Now) -> str:
        return "\n".join([*self.program(_plan(now), now.rounds), "state"])


def _plan(now: Now) -> Plan:
    how = {name: getattr(now, name) for name in ("epsilon", "learning_rate", "batch", "seed")}

    def begin(number: int, _: DefenseState | None) -> Call:
        return Call(train_robust, **how, steps=number * now.steps)

    return Plan("state", (now.steps, now.epsilon, now.batch, now.seed), begin)


def _course(state: DefenseState, total: int) -> dict:
    steps = [one.step for one in state.accuracies]
    curves = {words: (steps, [getattr(one, name) for one in state.accuracies]) for name, words in NAMES.items()}
    numbers = {words: f"{values[-1]:.0%}" for words, (_, values) in curves.items()}
    return {"curves": curves, "numbers": numbers, "end": total}
