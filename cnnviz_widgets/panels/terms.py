"""The terms of an objective, step by step: what panels in the making show beside their pictures."""

import time
from typing import Any

from cnnviz_widgets.engine.optimize import OptimizationState

POINTS = 200  # of a curve
INTERVAL = 0.25  # s: charts are slow to draw


class Terms:
    """What each term was worth in every step, as curves for a ``Chart``."""

    def __init__(self) -> None:
        self._known: dict[int, dict[str, float]] = {}  # step -> value of each term in it
        self._drawn = 0.0

    def note(self, state: OptimizationState, pictures: int = 1) -> None:
        """Keep those of a state, as their means over so many pictures; a first step begins anew."""
        if state.step == 1:
            self._known = {}
        self._known[state.step] = {name: value / pictures for name, value in state.terms.items()}

    def chart(self, step: int, end: int) -> dict[str, Any]:
        """``{"curves": …}`` up to a step of ``end``; nothing while what was drawn is new, but for the end."""
        if step < end and time.monotonic() - self._drawn < INTERVAL:
            return {}
        self._drawn = time.monotonic()
        steps = [one for one in self._known if one <= step]
        few = sorted({*steps[:: -(-len(steps) // POINTS)], steps[-1]})
        last = self._known[few[-1]]
        curves = {name: [one for one in few if name in self._known[one]] for name in last}  # some came on the way
        return {
            "curves": {
                "curves": {name: (own, [self._known[one][name] for one in own]) for name, own in curves.items()},
                "numbers": {name: f"{value:.3g}" for name, value in last.items()},
                "end": end,
            }
        }
