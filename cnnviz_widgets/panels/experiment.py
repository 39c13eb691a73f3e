"""A part of panels that ask people: trials in the browser, and what was answered. The answers are in no file."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import ipywidgets

from cnnviz_widgets.widgets.trial import Answer, Trials

S = TypeVar("S")  # a set of trials
A = TypeVar("A")  # an answer to one of them


class Experiment(Generic[S, A]):
    """``show`` takes a set of trials: answers to another one are forgotten.

    trials   their widget;   answers  those that were given, in their order
    """

    def __init__(self, guarded: Callable[[Callable[[Any], None]], Callable[[Any], None]], waiting: str) -> None:
        self.answers: list[A] = []
        self._set: S | None = None
        self.trials = Trials(waiting=waiting)
        self.trials.on_answer(guarded(self._hear))
        self.widget = ipywidgets.Box([self.trials]).add_class("cnnviz-part").add_class("cnnviz-whole")

    def show(self, those: S) -> None:
        if those == self._set:
            return
        self._set = those
        with self.trials.hold_sync():
            self.load(those)
        self.reset()

    def reset(self) -> None:
        self.answers = []
        self._tell()

    def load(self, those: S) -> None:
        """Give the trials to their widget."""
        raise NotImplementedError

    def understood(self, those: S, answer: Answer) -> A:
        """What an answer means."""
        raise NotImplementedError

    def told(self, those: S | None) -> dict[str, Any]:
        """Traits of the widget that say what was answered so far."""
        raise NotImplementedError

    def _hear(self, answer: Answer | None) -> None:
        if answer is None:
            return self.reset()
        assert self._set is not None  # whose pictures the browser has
        self.answers.append(self.understood(self._set, answer))
        self._tell()

    def _tell(self) -> None:
        with self.trials.hold_sync():
            for name, value in self.told(self._set).items():
                setattr(self.trials, name, value)
