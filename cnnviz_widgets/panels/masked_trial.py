"""X13: does what fools networks move a person, too? A picture for 70 ms, a mask, and a choice between two classes."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any

import ipywidgets
import torch
from PIL import Image
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.drawing.words import percent
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.adversarial._trials import CONDITIONS, Given, Trial, balanced, counted, timing
from cnnviz_widgets.methods.adversarial.human_example import HumanExample, human_example
from cnnviz_widgets.networks import load_network
from cnnviz_widgets.panels.attack import LEVELS
from cnnviz_widgets.panels.call import As, Call, program, written
from cnnviz_widgets.panels.controls import choice, slider, stops
from cnnviz_widgets.panels.experiment import Experiment
from cnnviz_widgets.panels.making import Making, StepView
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.parts import Note
from cnnviz_widgets.pictures import load_image
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.trial import Answer

NETWORKS = ("small_plain", "small_residual", "small_wide")
PAIRS = {  # classes for which the control is one: upside down, "bee" or "monarch" stay bee and monarch to the networks
    "birds": ("goose", "king penguin"),
    "boneless": ("snail", "jellyfish"),
}
OTHERS = ("astronaut", "coffee", "motorcycle_left", "china", "camera")  # they show none of these classes
BLOCK = 4  # px of the squares of a mask


class MaskedTrial(Making):
    """Do examples for networks move people, too? Two-choice trials with a mask, as in Elsayed et al. (2018).

    pair          the two classes between which one chooses: "birds" or "boneless"; the photographs show neither
    levels        ε, in levels of 255
    milliseconds  for which a picture stands before its mask
    photographs   the one of the panel, and so many less one of the samples; each is shown six times
    The rest is as in ``cnnviz.human_example``. ``answers`` are those that were given: they are in no file.
    """

    title = "Masked trial"
    family = "adversarial"
    chapters = ("13",)
    shows = "what you see in 70 ms of a picture that was changed for several networks"
    as_call = 'cnnviz.human_example(networks, photo, "goose")'
    looks_back = False  # the steps are all of the same picture
    at_end = "the pictures are at their end: more steps go further."
    pickers = ("image",)
    pair = choice(
        "birds", {name: " or ".join(both) for name, both in PAIRS.items()}, label="Choice",
        help="The two classes that one chooses from; the photographs show neither",
    )  # fmt: skip
    levels = stops(
        32, LEVELS[: LEVELS.index(32) + 1], label="ε of 255", help="By how many of 255 levels a value may change"
    )
    milliseconds = slider(70, 20, 200, step=10, label="Milliseconds", help="For which a picture stands before its mask")
    photographs = slider(3, 1, 1 + len(OTHERS), label="Photographs", help="Each is shown six times", more=True)
    steps = option(human_example, 1, 100, more=True)
    widest = option(human_example, 0, 6, step=0.5, form=".1f", label="Blur at the corners", more=True)
    seed = slider(0, 0, 99, label="Seed", help="Of the order of the trials", more=True)

    def views(self) -> list[ipywidgets.Widget]:
        pictures = StepView("One of the pictures, and what the networks see", "whole", labels=True, max_height=180)
        self._experiment = _Experiment(self.guarded, "The pictures are being made.")
        return [
            self.part("pictures", pictures),
            self.part("note", Note()),
            self.part("trials", self._experiment),
        ]

    @property
    def answers(self) -> tuple[Given, ...]:
        return tuple(self._experiment.answers)

    def compute(self, now: Now) -> Iterator[Frame]:
        photos = [now.image, *map(_sample, OTHERS[: now.photographs - 1])]
        calls = [_call(now, photo, name) for photo in photos for name in PAIRS[now.pair]]
        made: list[HumanExample] = []
        for number, call in enumerate(calls):
            of = (now.image if call.given[1] is now.image else None, str(call))
            for state in self.keep(number, of, call):
                parts = {} if number else {"pictures": partial(_content, state)}
                yield Frame(parts, number * now.steps + state.step, len(calls) * now.steps)
            made.append(state)
        trials = balanced(len(photos), now.seed)
        those = _Set(PAIRS[now.pair], tuple(made), trials, now.milliseconds)
        yield Frame({"trials": those, "note": _held_out(now, made[0])}, 1, 1)

    def subject(self) -> str:
        return f"for networks and people {PAIRS[self.pair][0]}"

    def call(self, now: Now) -> str:
        networks = As(None, f"[cnnviz.load_network(name) for name in {written(list(NETWORKS))}]")
        first = _call(now, now.image, PAIRS[now.pair][0])
        return program({"networks": networks, "made": As(None, f"cnnviz.last({first})")}, "made")

    def _kept_picture(self) -> Image.Image:
        state = self.kept(0)
        if state is None:
            raise UserError("there is no picture yet.")
        return Image.fromarray(rgb(state.values))


@dataclass(frozen=True)
class _Set:
    """Two classes, the examples of every photograph toward each of them, the trials, and how long a picture stands."""

    classes: tuple[str, str]
    made: tuple[HumanExample, ...]
    trials: tuple[Trial, ...]
    milliseconds: int

    def files(self) -> tuple[list[bytes], list[tuple[int, int]]]:
        """PNG files, and for every trial the numbers of its picture and of its mask."""
        files: dict[Any, bytes] = {}
        for number, one in enumerate(self.made):
            photo, target = divmod(number, 2)
            kinds = {"before": one.picture, "after": one.values, "flipped": one.flipped}
            files |= {(photo, target, kind): _png(picture) for kind, picture in kinds.items()}
            files[photo, "mask"] = _png(_mask(one.picture, photo))
        numbers = {key: number for number, key in enumerate(files)}
        return [*files.values()], [(numbers[trial], numbers[trial.photo, "mask"]) for trial in self.trials]


class _Experiment(Experiment[_Set, Given]):
    def load(self, those: _Set) -> None:
        left, right = those.classes
        self.trials.question = f"Which is it: {left} or {right}?"
        self.trials.choices = [left, right]
        self.trials.milliseconds = those.milliseconds
        self.trials.load(*those.files())

    def understood(self, those: _Set, answer: Answer) -> Given:
        return Given(those.trials[answer.trial], answer.choice, answer.frames, answer.ms)

    def told(self, those: _Set | None) -> dict[str, Any]:
        asked = those.milliseconds if those else 0
        found = counted(self.answers, asked)
        rows = [[CONDITIONS[name], str(one) if one.total else "–"] for name, one in found.items()]
        head = ["picture", "answered as it was changed (95% interval)"]
        return {"table": [head, *rows], "note": timing(self.answers, asked)}


def _sample(name: str) -> As:
    return As(load_image(name), f'cnnviz.load_image("{name}")')


def _call(now: Now, photo: Any, target: str) -> Call:
    networks = As([load_network(name) for name in NETWORKS], "networks")
    epsilon = As(now.levels / 255, f"{now.levels:g} / 255")
    how = {"epsilon": epsilon, "steps": now.steps, "widest": now.widest}
    return Call(human_example, networks, photo, target, **how)


def _content(state: HumanExample, at: Any = None) -> Content:
    return state.content()


def _held_out(now: Now, made: HumanExample) -> str:
    """What the panel's network says, for which nothing was made."""
    answers = made.asked(now.network)
    said = {kind: f"{name}, {percent(chance)}" for kind, (name, chance) in answers.items()}
    return (
        f"{now.network.name}, for which nothing was made, sees before: {said['before']}; changed toward {made.of}: "
        f"{said['after']}; with the change flipped: {said['flipped']}."
    )


def _mask(picture: Tensor, seed: int) -> Tensor:
    """The same squares of the picture in another order: as bright, and of no shape."""
    channels, height, width = picture.shape
    rows, columns = height // BLOCK, width // BLOCK
    squares = picture[:, : rows * BLOCK, : columns * BLOCK].reshape(channels, rows, BLOCK, columns, BLOCK)
    flat = squares.permute(1, 3, 0, 2, 4).flatten(0, 1)
    order = random.Random(seed).sample(range(len(flat)), len(flat))
    mixed = flat[torch.tensor(order)].unflatten(0, (rows, columns)).permute(2, 0, 3, 1, 4)
    return mixed.reshape(channels, rows * BLOCK, columns * BLOCK)


def _png(picture: Tensor) -> bytes:
    file = BytesIO()
    Image.fromarray(rgb(picture)).save(file, "PNG")
    return file.getvalue()
