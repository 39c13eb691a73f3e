"""S3: whom would you trust? Maps without a label, a choice by key, and how often one was right."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import ipywidgets
import numpy as np

from cnnviz_widgets.drawing.render import Content, as_array, png
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.drawing.show import show
from cnnviz_widgets.methods.evaluation.quiz_result import QuizResult
from cnnviz_widgets.methods.evaluation.trust_quiz import Quiz, QuizTrial, known_samples, quiz_trials, trust_quiz
from cnnviz_widgets.networks import Network, load_network
from cnnviz_widgets.panels.attributions import ATTRIBUTIONS, labels
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.controls import checks
from cnnviz_widgets.panels.experiment import Experiment
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import Note, View
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.trial import Answer

METHODS = labels(
    "saliency", "guided", "input_x_gradient", "smoothgrad", "integrated_gradients", "grad_cam", "layer_cam",
    "full_grad", "guided_grad_cam",
)  # fmt: skip
OTHERWISE = "mini"  # its maps are shown where the panel's network knows too few of the samples
RIVALS = "small_plain", "small_early"
STAGE = 780, 280  # CSS px
EXAMPLE = 320  # CSS px: height of the example
TILE, COLUMNS = 160, 6  # px of a map in the review, and how many stand in a row
SILENT = "Before the end, nothing describes the maps in words: that would give the answers away."


class Questions(NamedTuple):
    """A quiz, and a PNG file of each of its questions."""

    quiz: Quiz
    files: tuple[bytes, ...]


class TrustQuiz(Panel):
    """Whom would you trust? Forced choices between maps without a label, after Selvaraju et al. (2017), figure 5.

    First a composite of pictures of different classes, and a map: which class does it explain? Then one network, early
    and at the end of its training, right both times, and both maps: which is more reasonable? Nothing is told before
    the last answer.

    result   of the answers, when all are given; ``panel.result.save("answers.json")`` keeps it
    """

    title = "Trust quiz"
    family = "evaluation"
    chapters = ("18",)
    shows = "how often you find the class in a map, with its interval, and which of two networks you would trust"
    as_call = "cnnviz.trust_quiz(net)"
    pickers = ()
    methods = checks(
        ["saliency", "grad_cam", "guided_grad_cam"], METHODS, most=4, label="Methods", help="Whose maps: up to four"
    )
    trials = option(trust_quiz, 1, 12, label="Class questions")
    comparisons = option(trust_quiz, 0, 8, label="Network questions")
    answers = option(trust_quiz, 2, 4, label="Answers", more=True)
    seed = option(trust_quiz, 0, 99, more=True)

    def build(self) -> list[ipywidgets.Widget]:
        self._memo: Memo[list[Questions]] = Memo(list)
        self._review = View("An example, and at the end all maps", "whole", controls=False, labels=True,
                            max_width=900, max_height=EXAMPLE, colormap="inferno", opacity=0.85)  # fmt: skip
        self._shares = View("Right answers", "part", controls=False, max_width=720)
        self._experiment = _Asking(self.guarded, self._done)
        self.result: QuizResult | None = None
        return [
            self.part("review", self._review),
            self.part("trials", self._experiment),
            self.part("shares", self._shares),
            self.part("note", Note()),
        ]

    def compute(self, now: Now) -> Iterator[Frame]:
        network = _network(now)
        asked = now.methods, now.answers, now.trials, now.comparisons, now.seed
        made, total = self._memo.reached(network, *asked), len(now.methods) * (now.trials + now.comparisons)
        yield Frame({"note": _note(now, network)}, 0, total)
        if not made:
            ways = {METHODS[name]: ATTRIBUTIONS[name] for name in now.methods}
            rest = quiz_trials(network, None, ways, now.answers, now.trials, RIVALS, now.comparisons, now.seed)
            example = next(rest)
            yield Frame({"review": _example(example)}, 0, total)
            found, files = [], []
            for number, one in enumerate(rest, 1):
                found.append(one)
                files.append(png(one.sheet))
                yield Frame({}, number, total)
            made.append(Questions(Quiz(tuple(found), example), tuple(files)))
        yield Frame({"trials": made[0]}, total, total)

    def _done(self, quiz: Quiz, result: QuizResult | None) -> None:
        """Show the example, or after the last answer what all maps explain."""
        self.result = result
        self._shares.widget.layout.display = "none" if result is None else None
        if result is None:
            self._review.show(_example(quiz.example))
            return
        self._shares.show(result.content())
        self._review.show(_review(quiz, [choice for choice, _ in self._experiment.answers]))

    def call(self, now: Now) -> str:
        network = _network(now)
        made: dict[str, Any] = {}
        if network is not now.network:
            made["net"] = As(network, f'cnnviz.load_network("{OTHERWISE}")')
        ways = {METHODS[name]: As(None, ATTRIBUTIONS[name].code) for name in now.methods}
        quiz = Call(
            trust_quiz, network, methods=ways, answers=now.answers, trials=now.trials, comparisons=now.comparisons,
            seed=now.seed,
        )  # fmt: skip
        return program(made | {"quiz": quiz}, "quiz")


class _Asking(Experiment[Questions, tuple[int, float]]):
    """Nothing is told before the last answer; then ``done`` gets the result."""

    def __init__(self, guarded: Any, done: Callable[[Quiz, QuizResult | None], None]) -> None:
        self._done = done
        super().__init__(guarded, "The questions are being made.")
        self.trials.milliseconds = 0
        self.trials.stage = STAGE

    def load(self, those: Questions) -> None:
        first = those.quiz.example
        self.trials.question, self.trials.choices = first.question, [*first.choices]
        asked = [(one.question, one.choices) for one in those.quiz.trials]
        self.trials.load(those.files, [(number, number) for number in range(len(asked))], asked)

    def understood(self, those: Questions, answer: Answer) -> tuple[int, float]:
        return answer.choice, answer.ms / 1000

    def told(self, those: Questions | None) -> dict[str, Any]:
        result = None
        if those and self.answers and len(self.answers) == len(those.quiz.trials):
            choices, seconds = zip(*self.answers, strict=True)
            result = those.quiz.score(choices, seconds)
        if those:
            self._done(those.quiz, result)
        return {"table": result.table if result else [], "file": result.text if result else ""}


@cache
def _bundled() -> Network:
    return load_network(OTHERWISE)


def _network(now: Now) -> Network:
    """The panel's, if it knows enough of the samples."""
    return now.network if len(known_samples(now.network)) >= now.answers else _bundled()


def _note(now: Now, network: Network) -> str:
    if network is now.network:
        return SILENT
    return f"{now.network.name} knows too few of the samples: the maps of a class are those of {network.name}. {SILENT}"


def _example(one: QuizTrial) -> Content:
    """Picture and map side by side, and the answer."""
    shown, picture = Quiz((), one).content(), rgb(one.picture)
    two: dict[str, Any] = {"names": ("picture", "map"), "columns": 2}
    if shown.values is None:
        return replace(shown, picture=np.stack([picture, as_array(shown.picture)]), **two)
    two |= {"values": np.stack([shown.values] * 2), "cells": None, "unseen": (0,)}
    return replace(shown, picture=np.stack([picture] * 2), **two)


def _review(quiz: Quiz, choices: list[int]) -> Content:
    """Every map, with what it explains and what was answered."""
    tiles, names, heads = [], [], []
    for one, choice in zip(quiz.trials, choices, strict=True):
        tiles += [np.asarray(show(result).convert("RGB").resize((TILE, TILE))) for result in one.shown]
        if one.right is None:
            heads += [f"{side}: {name}" for side, name in zip("AB", one.sides, strict=True)]
        else:
            heads.append(f"{'right' if choice == one.right else 'wrong'}: {one.of}")
        names += [f"{one.told}; you: {one.choices[choice]}"] * len(one.shown)
    told = "what the maps explain, and what you answered"
    return Content(np.stack(tiles), names=tuple(names), heads=tuple(heads), columns=COLUMNS, caption=told)
