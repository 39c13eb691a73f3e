"""X1: ten numbers and a linear classifier: why a small change of every input is a large change of the score."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, gate

__all__ = ["TOY_INPUT", "TOY_WEIGHTS", "LinearToy", "linear_toy", "long_toy"]

TOY_INPUT = (2, -1, 3, -2, 2, 2, 1, -4, 5, 1)
TOY_WEIGHTS = (-1, -1, 1, -1, 1, -1, 1, 1, -1, 1)

Numbers = Annotated[Sequence[float] | Tensor, "a list of numbers"]


@dataclass(frozen=True, eq=False, repr=False)
class LinearToy(Result):
    """A linear classifier ``score = w · x``, ``P = 1 / (1 + e^−score)``, and its input a step away.

    x, w     (n,), float64
    step     s: every input changes by ``s · sign(w)``
    """

    x: Tensor
    w: Tensor
    step: float
    convention: str = "inputs"
    of: str = "linear classifier"

    @property
    def change(self) -> Tensor:
        """(n,): ``step · sign(w)``."""
        return self.step * self.w.sign()

    @property
    def values(self) -> Tensor:
        """(n,): the input after the step."""
        return self.x + self.change

    @property
    def scores(self) -> tuple[float, float]:
        """Before and after; they differ by step · ‖w‖₁."""
        return float(self.w @ self.x), float(self.w @ self.values)

    @property
    def probabilities(self) -> tuple[float, float]:
        """Before and after."""
        before, after = torch.tensor(self.scores, dtype=torch.float64).sigmoid().tolist()
        return before, after

    def content(self) -> Content:
        rows = torch.stack([self.x, self.w, self.change, self.values])
        (first, second), (p, q) = self.scores, self.probabilities
        return Content(
            values=np.asarray(rows),
            low=-float(rows.abs().max()) or -1.0,
            high=float(rows.abs().max()) or 1.0,
            signed=True,
            caption=f"w · x = {first:g}, P = {p:.4g}; after the step {second:g}, P = {q:.4g}",
        )


@gate
def linear_toy(
    x: Numbers = TOY_INPUT, w: Numbers = TOY_WEIGHTS, step: Annotated[float, Range(-1e6, 1e6)] = 0.5
) -> LinearToy:
    """A linear classifier by hand: every input moves by ``step · sign(w)``, and the score by ``step · ‖w‖₁``.

    x     inputs, n numbers
    w     weights, as many
    step  how far every input moves; the sign of its weight says in which direction

        linear_toy().probabilities   # 0.0474 becomes 0.88
    """
    inputs, weights = (_numbers(name, given) for name, given in (("x", x), ("w", w)))
    if len(inputs) != len(weights):
        raise UserError(f"w must have as many numbers as x, {len(inputs)}, not {len(weights)}.")
    return LinearToy(inputs, weights, float(step))


@gate
def long_toy(
    count: Annotated[int, Range(1, 1_000_000)] = 1000, change: Annotated[float, Range(0, 1e6)] = 5.0
) -> LinearToy:
    """The ten numbers, repeated until there are ``count`` inputs, with weights that leave the score as it is.

    Its step is the one that changes the score by ``change``: the more inputs there are, the smaller it is.
    """
    times = -(-count // len(TOY_INPUT))
    x = torch.tensor(TOY_INPUT, dtype=torch.float64).repeat(times)[:count]
    w = torch.tensor(TOY_WEIGHTS, dtype=torch.float64).repeat(times)[:count] / max(1.0, count / len(TOY_WEIGHTS)) ** 0.5
    x = x / max(1.0, count / len(TOY_INPUT)) ** 0.5
    return LinearToy(x, w, change / float(w.abs().sum()))


def _numbers(name: str, given: Sequence[float] | Tensor) -> Tensor:
    try:
        numbers = torch.as_tensor(given, dtype=torch.float64).detach().cpu()
    except (TypeError, ValueError, RuntimeError, OverflowError):
        numbers = torch.empty(0)
    if numbers.ndim != 1 or not len(numbers) or not numbers.isfinite().all():
        raise UserError(f"{name} must be a list of finite numbers, not {given!r:.60}.")
    return numbers
