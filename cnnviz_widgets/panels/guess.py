"""Predict, then reveal: views that ask for a guess before they show what they have, keep it, and show both."""

import html
import random
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from math import hypot
from threading import RLock
from typing import Any, Generic, TypeVar

import ipywidgets
import numpy as np

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.language import said
from cnnviz_widgets.panels.controls import NATURAL
from cnnviz_widgets.panels.maps import center
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import Mark, View
from cnnviz_widgets.widgets import Pointer

G = TypeVar("G")


class Guessed(View, Generic[G]):
    """A view that, if it asks, shows only a part of its content until somebody has guessed the rest.

    ``asked_by`` lets it ask while the trait ``guess`` of a panel says so. A reset asks again.

    guess  what was guessed, or None
    """

    def __init__(self, heading: str, room: str = "part", **traits: Any) -> None:
        super().__init__(heading, room, **traits)
        self._title = heading
        self._asks = False
        self.guess: G | None = None
        self._whole = Content()
        self._turn = RLock()  # the worker shows what is new, and a click answers
        self._told: Callable[[], None] = lambda: None

    @property
    def waits(self) -> bool:
        """Whether it has asked, and nobody has answered."""
        return self._asks and self.guess is None

    def asked_by(self, panel: Panel, word: str, told: Callable[[], None] = lambda: None) -> None:
        """Ask as long as ``panel.guess`` is ``word``; ``told`` is called when that changes, and after a guess."""
        self._told = told
        self.image.on_click(panel.guarded(self._click))  # of the view's click handlers, this must be the last
        panel.observe(lambda _: self.ask(panel.guess == word), "guess")
        self.ask(panel.guess == word)

    def ask(self, asks: bool = True) -> None:
        """Ask from now on, or no more."""
        with self._turn:
            self._asks, self.guess = asks, None
            (self.widget.children[0].add_class if asks else self.widget.children[0].remove_class)("cnnviz-asking")
            self._draw()
        self._told()

    def show(self, content: Any) -> None:
        with self._turn:
            self._whole = content
            self._draw()

    def reset(self) -> None:
        """As at the beginning: also ask again."""
        super().reset()
        self.ask(self._asks)

    def answer(self, guess: G) -> None:
        """Take a guess, if one is waited for, and there is something to guess."""
        with self._turn:
            if not self.waits or not self._ready:
                return
            self.guess = guess
            self._draw()
        self._told()

    def _draw(self) -> None:
        shown, self.heading = self._whole, self._title
        if self.waits:
            shown, self.heading = self._hidden(shown)
        elif self.guess is not None and self._ready:
            self.heading = self._verdict(self.guess)
        self.widget.children[0].value = html.escape(said(self.heading))
        super().show(shown)

    @property
    def _ready(self) -> bool:
        """Whether there is something to guess."""
        return bool(self._whole.count)

    def _click(self, pointer: Pointer) -> None:
        """Make a guess of a click, where that is how one guesses."""

    def _hidden(self, content: Content) -> tuple[Content, str]:
        """What is shown of a content while it waits, and the question."""
        raise NotImplementedError

    def _verdict(self, guess: G) -> str:
        """How good a guess was, in a sentence."""
        raise NotImplementedError


class GuessedPlace(Guessed[tuple[int, int]]):
    """A map over a picture: where will it be greatest? A click (or Enter, at the cursor) answers, and becomes a cross.

    question  what is asked
    """

    def __init__(self, heading: str, room: str = "part", *, question: str, **traits: Any) -> None:
        super().__init__(heading, room, **traits)
        self._question = question

    @property
    def greatest(self) -> tuple[int, int]:
        """(x, y) of the middle of the region with the greatest value: a square that was covered has many pixels."""
        content, values = self._whole, np.asarray(self._whole.values)
        from scipy.ndimage import label  # when it is asked for: it takes a tenth of a second to import

        regions, _ = label(values == np.nanmax(values))
        row, column = (float(places.mean()) for places in (regions == 1).nonzero())
        height, width = content.size
        x, y = center(content, row, column)
        return min(int(x), width - 1), min(int(y), height - 1)

    @property
    def _ready(self) -> bool:
        return self._whole.values is not None

    def _click(self, pointer: Pointer) -> None:
        self.answer((pointer.x, pointer.y))

    def _draw(self) -> None:
        super()._draw()
        Mark(self, "crosshair").show(self.guess)

    def _hidden(self, content: Content) -> tuple[Content, str]:
        return Content(content.picture), self._question

    def _verdict(self, guess: tuple[int, int]) -> str:
        (x, y), wide = self.greatest, self._whole.size[1]
        off = hypot(guess[0] - x, guess[1] - y)
        near = "right there" if off <= wide / 16 else "near" if off <= wide / 5 else "elsewhere"
        return f"Your guess (+) is {near}: {off:.0f} px from the greatest value, at x {x}, y {y} of {wide} px."


class GuessedTile(Guessed[Hashable]):
    """Pictures side by side: which of them is …? They stand in another order and without names until one is clicked.

    Before all are there, nothing is asked: those that are quick would be known by that.

    sought  the key of the tile that is asked for
    """

    def ask(self, asks: bool = True) -> None:
        self.sought: Hashable = None
        self._order: list[int] = []
        super().ask(asks)

    @property
    def _ready(self) -> bool:
        return self.sought in self._whole.keys and len(self._order) == self._whole.count

    def _click(self, pointer: Pointer) -> None:
        self.answer(self.image.content.keys[pointer.tile])

    def _draw(self) -> None:
        waiting = any(name.endswith("…") for name in self._whole.names)
        if self.waits and not self._ready and not waiting and self._whole.count > 1:
            self.sought = random.choice(self._whole.keys)
            self._order = random.sample(range(self._whole.count), self._whole.count)
        super()._draw()
        told = self.guess is not None and self._ready
        self.image.selected = self._whole.keys.index(self.sought) if told else None

    def _hidden(self, content: Content) -> tuple[Content, str]:
        if not self._ready:
            return Content(None if content.pictures is None else content.pictures[0], caption="…"), self._title
        return _anonymous(_ordered(content, self._order)), f"Which one is {self._name(self.sought)}? Click it."

    def _verdict(self, guess: Hashable) -> str:
        if guess == self.sought:
            return f"Right: you found {self._name(guess)}."
        return f"You clicked {self._name(guess)}; {self._name(self.sought)} has the frame."

    def _name(self, key: Hashable) -> str:
        return self._whole.names[self._whole.keys.index(key)]


class GuessedName(Guessed[str]):
    """Pictures: what are they of? The buttons below them answer.

    question  what is asked
    """

    def __init__(self, heading: str, room: str = "part", *, question: str, **traits: Any) -> None:
        self._question, self._right = question, ""
        self._buttons = ipywidgets.ToggleButtons(options=[], description=said("Your guess"), tooltips=[], style=NATURAL)
        self._buttons.style.button_width = "auto"
        super().__init__(heading, room, **traits)
        self.widget.children += (self._buttons,)
        self._buttons.observe(self._press, "value")

    def offer(self, names: Sequence[str], right: str) -> None:
        """What there is to choose from, and what would be right."""
        with self._turn:
            if (tuple(names), right) != (self._buttons.options, self._right):
                self._right = right
                self._buttons.options = tuple(names)
                self._buttons.value = None
                self.guess = None
            self._draw()

    def _press(self, change: dict) -> None:
        if change["new"] is not None:
            self.answer(change["new"])

    def _draw(self) -> None:
        super()._draw()
        self._buttons.layout.display = None if self.waits else "none"
        if self.guess is None:
            self._buttons.value = None

    def _hidden(self, content: Content) -> tuple[Content, str]:
        return _anonymous(content), self._question

    def _verdict(self, guess: str) -> str:
        return f"Right: it is {guess}." if guess == self._right else f"It is {self._right}; you said {guess}."


def _anonymous(content: Content) -> Content:
    """Without a word that tells what the tiles are."""
    return replace(content, names=("?",) * content.count, heads=(), caption="")


def _ordered(content: Content, order: Sequence[int]) -> Content:
    """Its tiles in another order."""
    at = list(order)
    arrays = ("picture", "values", "cells", "before", "low", "high")
    words = ("names", "keys", "heads", *(["fields"] if len(content.fields) > 1 else []))
    each = {name: getattr(content, name) for name in (*arrays, *words)}
    moved: dict[str, Any] = {n: np.asarray(one)[at] for n, one in each.items() if n in arrays and np.ndim(one)}
    moved |= {name: tuple(each[name][tile] for tile in at) for name in words if each[name]}
    return replace(content, **moved, unseen=tuple(new for new, tile in enumerate(at) if tile in content.unseen))
