"""The terms of an objective, step by step: what panels in the making show beside their pictures."""

import time
from collections.abc import Mapping
from typing import Any

from cnnviz_widgets.drawing.words import number

POINTS = 200  # of a curve
INTERVAL = 0.25  # s: charts are slow to draw


class Terms:
    """What each term was worth in every step, as curves for a ``Chart``.

    known  step -> term -> its value
    """

    def __init__(self) -> None:
        self.known: dict[int, dict[str, float]] = {}
        self._drawn = 0.0

    def note(self, step: int, terms: Mapping[str, float]) -> None:
        """Keep those of a step; a first one begins anew."""
        if step == 1:
            self.known, self._drawn = {}, 0.0
        self.known[step] = {**terms}

    def chart(self, step: int, end: int) -> dict[str, Any]:
        """``{"curves": …}`` up to a step of ``end``; nothing while what was drawn is new, but for the end."""
        if step < end and time.monotonic() - self._drawn < INTERVAL:
            return {}
        self._drawn = time.monotonic()
        steps = [one for one in self.known if one <= step]
        few = sorted({*steps[:: -(-len(steps) // POINTS)], steps[-1]})
        last = self.known[few[-1]]
        curves = {name: [one for one in few if name in self.known[one]] for name in last}  # some came on the way
        return {
            "curves": {
                "curves": {name: (own, [self.known[one][name] for one in own]) for name, own in curves.items()},
                "numbers": {name: number(float(f"{value:.3g}")) for name, value in last.items()},
                "end": end,
            }
        }
