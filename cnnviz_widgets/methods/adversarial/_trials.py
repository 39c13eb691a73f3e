"""Two-choice trials with pictures that are changed, changed upside down, and unchanged: their order and their count."""

import random
from collections.abc import Iterable
from itertools import product
from statistics import median
from typing import NamedTuple

from cnnviz_widgets.engine.counts import Counted

CONDITIONS = {"after": "changed", "flipped": "change flipped", "before": "unchanged"}
LATE = 25  # ms that a picture may stand too long: a frame and a half of a usual screen


class Trial(NamedTuple):
    """A photograph, in one of the ``CONDITIONS``, and the class (0 or 1) that it is changed toward, or would be."""

    photo: int
    target: int
    condition: str


class Given(NamedTuple):
    """An answer: the class that was chosen, and for how long the picture stood; frames None = until the answer."""

    trial: Trial
    choice: int
    frames: int | None
    ms: float


def balanced(photos: int, seed: int) -> tuple[Trial, ...]:
    """Every photograph in every condition with both targets, once, in an order by seed.

    An unchanged picture has a target, too: who prefers one of the two classes chooses it in half of these trials.
    """
    trials = [Trial(*one) for one in product(range(photos), (0, 1), CONDITIONS)]
    random.Random(seed).shuffle(trials)
    return tuple(trials)


def in_time(given: Given, milliseconds: float) -> bool:
    return given.frames is None or given.ms <= milliseconds + LATE


def counted(answers: Iterable[Given], milliseconds: float) -> dict[str, Counted]:
    """By condition, how often the target was chosen, of the trials whose picture did not stand too long."""
    hits = {condition: [0, 0] for condition in CONDITIONS}
    for given in answers:
        if in_time(given, milliseconds):
            hits[given.trial.condition][0] += given.choice == given.trial.target
            hits[given.trial.condition][1] += 1
    return {condition: Counted(*both) for condition, both in hits.items()}


def timing(answers: list[Given], milliseconds: float) -> str:
    """For how long the pictures stood, in words."""
    if not answers:
        return ""
    flashed = [given for given in answers if given.frames is not None]
    if not flashed:
        return "Reduced motion is asked for: every picture stood until it was answered."
    late = sum(not in_time(given, milliseconds) for given in flashed)
    frames = median(given.frames or 0 for given in flashed)
    out = f" {late} of {len(flashed)} are left out: the picture stood more than {LATE} ms too long." if late else ""
    return f"A picture stood for {frames:g} frames, {median(given.ms for given in flashed):.0f} ms (median).{out}"
