"""W3: a small network is trained, and every epoch of it can be looked at."""

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import ipywidgets

from cnnviz_widgets.content import Content
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.filters.train_live import LiveState, train_live, untrained
from cnnviz_widgets.panels.call import As, Call
from cnnviz_widgets.panels.controls import choice
from cnnviz_widgets.panels.growth import Growth, Plan
from cnnviz_widgets.panels.guess import GuessedName
from cnnviz_widgets.panels.making import Making, StepView
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.parts import Chart
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.traits import OneOf


class Training(Making):
    """A small network learns, live: its filters, what excites its units, its accuracy (Zeiler & Fergus 2014, figure 4).

    Stop and Continue at any time; the slider goes back to the epochs before.

    source   "scenes": rendered shapes; "dataset": the session's, if its entries have labels
    guess    "epoch" asks after which epoch some filters were so; "" asks nothing
    Other settings as in ``cnnviz.train_live``; ``learning_rate`` steers the training under way.
    """

    title = "Training"
    family = "filters"
    chapters = ("02",)
    shows = "a small network as it learns: filters, patches and accuracy after every epoch"
    as_call = "cnnviz.train_live()"
    in_rounds = "epochs", "epoch"
    pickers = ()
    epochs = option(train_live, 1, 40, label="Epochs")
    classes = option(train_live, 2, 24, label="Classes")
    learning_rate = option(train_live, 0.001, 0.02, step=0.001, form=".3f", label="Learning rate")
    source = choice(
        "scenes", {"scenes": "rendered scenes", "dataset": "the data set"}, label="Pictures",
        help="Rendered shapes, or the data set of the session, whose entries must have labels", more=True,
    )  # fmt: skip
    each = option(train_live, 8, 500, label="Of each class", more=True)
    batch = option(train_live, 2, 128, label="Batch", more=True)
    seed = option(train_live, 0, 99, more=True)
    guess = OneOf(("", "epoch"), "").tag(setting=True)

    def views(self) -> list[ipywidgets.Widget]:
        question = "After which epoch were the filters so?"
        self._filters = _GuessedEpoch("Filters of the first layer", question=question, max_width=420)
        self._parts["choices"] = SimpleNamespace(show=lambda choices: self._filters.offer(*choices))
        filters = self.part("filters", self._filters)
        patches = StepView("Best patches, last convolution", max_width=320)
        accuracy = Chart("Accuracy", "epoch", "share of pictures right", share=True, height=240)
        self._telling = self.part("patches", patches), self.part("accuracy", accuracy)
        return [filters, *self._telling]

    def tools(self) -> list[ipywidgets.Widget]:
        tools = super().tools()
        self._telling = *self._telling, *tools
        self._filters.asked_by(self, "epoch", self._reveal)
        return tools

    def stops(self, total: int) -> list[int]:
        return [*range(total)]

    def _reveal(self) -> None:
        """Show what tells the epoch when nothing is asked."""
        for widget in self._telling:
            widget.layout.display = "none" if self._filters.waits else None

    def compute(self, now: Now) -> Iterator[Frame]:
        measured, total = 0, now.rounds * now.epochs
        if self.state is None and not now.guess:  # while the pictures are made
            epoch, tiles = 0, untrained(now.classes, now.seed).content()
            first = replace(tiles, caption=f"after epoch {epoch}")
            yield Frame({"filters": lambda at: first}, 0)
        for _, state in self.grow(_plan(now), now.rounds):
            parts: dict[str, Any] = {}
            whole = state.step == state.total
            if len(state.epochs) != measured or whole:
                measured = len(state.epochs)
                asked = _asked(now, state) if now.guess and whole else None
                if asked is not None:
                    parts["choices"] = [f"epoch {one}" for one in _choices(state)], f"epoch {asked}"
                parts |= {
                    "filters": partial(self._tiles, state, asked, bool(now.guess)),
                    "patches": state.patches,
                    "accuracy": _accuracy(state, total),
                }
            yield Frame(parts, state.step, state.total)

    def _tiles(self, state: LiveState, asked: int | None, asks: bool, at: int | None) -> Content:
        """The filters after an epoch: that which is asked for while somebody guesses."""
        if asks and self._filters.waits:
            return Content() if asked is None else _tiles(state, asked)
        return _tiles(state, at)

    @property
    def state(self) -> LiveState | None:
        """What the training has reached."""
        growth = self._memo("state", Growth).held
        return growth and growth.last

    def subject(self) -> str:
        return "training"

    def call(self, now: Now) -> str:
        return "\n".join([*self.program(_plan(now), now.rounds), "state"])


class _GuessedEpoch(StepView, GuessedName):
    """Filters of a training, of which one may guess how long it was."""


def _plan(now: Now) -> Plan:
    how = {name: getattr(now, name) for name in ("classes", "each", "batch", "learning_rate", "seed")}
    given = []
    if now.source == "dataset":
        if now.dataset is None:
            raise UserError("source must be 'scenes' where the session has no data set.")
        given = [As(now.dataset, now.dataset.source or "...  # the dataset that you gave to the panel")]

    def begin(number: int, _: LiveState | None) -> Call:
        return Call(train_live, *given, **how, epochs=number * now.epochs)

    fixed = ("epochs", "classes", "each", "batch", "seed", "source")
    return Plan("state", (*(getattr(now, name) for name in fixed), *(one.value for one in given)), begin)


def _tiles(state: LiveState, at: int | None) -> Content:
    one, tiles = state.after(at), state.filters(at).content()
    return replace(tiles, caption=f"after epoch {one.epoch}")


def _accuracy(state: LiveState, total: int) -> dict[str, Any]:
    epochs = [one.epoch for one in state.epochs]
    shares = {"learned": [one.learned for one in state.epochs], "held out": [one.unseen for one in state.epochs]}
    numbers = {name: f"{values[-1]:.0%}" for name, values in shares.items()}
    return {"curves": {name: (epochs, values) for name, values in shares.items()}, "numbers": numbers, "end": total}


def _choices(state: LiveState) -> list[int]:
    """Epochs to choose from, from none to all."""
    last = state.epochs[-1].epoch
    return sorted({0, 1, last // 4, last // 2, last})


def _asked(now: Now, state: LiveState) -> int:
    return random.Random(now.seed).choice(_choices(state))
