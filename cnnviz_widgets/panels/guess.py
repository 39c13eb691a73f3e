"""Predict, then reveal: a view that asks for a guess before it shows its map, keeps it, and shows both."""

import html
from collections.abc import Callable
from dataclasses import replace
from math import hypot
from threading import RLock
from typing import Any

import numpy as np
from scipy.ndimage import label

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.panels.maps import center
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.widgets import Pointer


class GuessedPlace(View):
    """A map over a picture. If ``ask`` was called, it first asks where the map will be greatest.

    Until a click (or Enter, at the cursor) answers, the picture is shown without the map. Then both are: the guess is
    the cross, and the heading says how far it is from the greatest value. A reset asks again.

    question  what is asked
    found     is called with (x, y) of the greatest value, in px of the picture, when the guess is there
    """

    def __init__(self, heading: str, question: str, found: Callable[[tuple[int, int]], None], **traits: Any) -> None:
        super().__init__(heading, **traits)
        self._title, self._question, self._found = heading, question, found
        self._asks, self.guess = False, None
        self._content = Content()
        self._lock = RLock()  # the worker shows what is new, and a click answers

    guess: tuple[int, int] | None

    @property
    def waits(self) -> bool:
        """Whether it has asked, and nobody has answered."""
        return self._asks and self.guess is None

    def ask(self, asks: bool = True) -> None:
        """Ask from now on, or no more."""
        with self._lock:
            self._asks, self.guess = asks, None
            (self.widget.children[0].add_class if asks else self.widget.children[0].remove_class)("cnnviz-asking")
            self._draw()

    def show(self, content: Content) -> None:
        with self._lock:
            self._content = content
            self._draw()

    def reset(self) -> None:
        """As at the beginning: also ask again."""
        super().reset()
        self.ask(self._asks)

    def answer(self, pointer: Pointer) -> None:
        """Take a click as the guess, if one is waited for. Of the view's click handlers this must be the last."""
        with self._lock:
            if not self.waits or self._content.values is None:
                return
            self.guess = pointer.x, pointer.y
            self._draw()
            self._found(_greatest(self._content))

    def _draw(self) -> None:
        content, told = self._content, self._title
        if self.waits:
            told = self._question
            content = replace(
                content, values=None, low=None, high=None, extent=None, cells=None, signed=False, caption=""
            )
        elif self.guess is not None and content.values is not None:
            told = _distance(self.guess, content)
        self.heading = told
        self.widget.children[0].value = html.escape(told)
        self.image.crosshair = self.guess
        super().show(content)


def _greatest(content: Content) -> tuple[int, int]:
    """(x, y) of the middle of the region with the greatest value: a square that was covered has many pixels."""
    regions, _ = label(content.values == np.nanmax(content.values))
    row, column = (float(places.mean()) for places in (regions == 1).nonzero())
    height, width = content.size
    x, y = center(replace(content, extent=content.extent or (0, 0, width, height)), row, column)
    return min(int(x), width - 1), min(int(y), height - 1)


def _distance(guess: tuple[int, int], content: Content) -> str:
    """How far a guess is from the greatest value, in words."""
    (x, y), wide = _greatest(content), content.size[1]
    off = hypot(guess[0] - x, guess[1] - y)
    near = "right there" if off <= wide / 16 else "near" if off <= wide / 5 else "elsewhere"
    return f"Your guess (+) is {near}: {off:.0f} px from the greatest value, at x {x}, y {y} of {wide} px."
