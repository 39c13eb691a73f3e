"""What a check answers, and what all checks share.

A check is a function under ``@check``. It returns the sentence for a right answer, and raises ``NotYet`` or ``Wrong``
for the others: no check ever fails in a notebook, unless that is graded. Most compare the answer with the right one and
then with what the usual mistakes give (``refute``), so that a mistake is recognized by its own result.
"""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import torch
from torch import Tensor

from cnnviz_widgets.language import said
from cnnviz_widgets.runtime.host import grading

P = ParamSpec("P")
_LIBRARIES = (str(Path(__file__).resolve().parents[1]), str(Path(torch.__file__).parents[1]))
_HINTS = {  # a part of what PyTorch says, and what is behind it
    "does not require grad": "PyTorch has not followed it from the start: `requires_grad_()` comes before, and no "
    "`no_grad`, `detach` or `item` in between.",
    "only for scalar outputs": "A gradient is that of one number, such as the score `[0, target]`.",
    "not have been used in the graph": "The score does not depend on this tensor: a copy of it is another one.",
    "'tuple'": "`autograd.grad` and `saved_tensors` give a tuple, even for one tensor: take its `[0]`.",
    "must match the size": "Axes are matched from the right: give the smaller one axes of length 1, as `keepdim=True` "
    "leaves them.",
    "value of Tensor with more than one": "`and`, `or` and `if` want one truth value: join masks with `*` or `&`.",
    "'NoneType'": "Something is `None` there: only a tensor that you have called `requires_grad_()` on has a `.grad`, "
    "and only after `backward()`.",
}


@dataclass(frozen=True, repr=False)
class Feedback:
    """right: True, False, or None for no answer yet.   text: why.   True in an ``if`` only when right."""

    right: bool | None
    text: str

    def __bool__(self) -> bool:
        return self.right is True

    @property
    def verdict(self) -> str:
        return {True: "✔ Right.", False: "✘ Not quite:", None: "… Not yet:"}[self.right]

    def __repr__(self) -> str:
        return f"{self.verdict} {self.text}"

    def _repr_markdown_(self) -> str:
        return f"**{said(self.verdict)}** {said(self.text)}"

    def require(self) -> "Feedback":
        """This feedback, if the answer is right; else AssertionError with its text, which is what graders count."""
        if not self:
            raise AssertionError(said(self.text))
        return self


class NotYet(Exception):
    """There is no answer; the message says what to hand in."""


class Wrong(Exception):
    """The message says what is wrong with the answer."""


def check(function: Callable[P, str]) -> Callable[P, Feedback]:
    """Make a check: what it returns, and what it or the student's code raises, becomes Feedback.

    While a notebook is graded, feedback that is not right is raised, see ``Feedback.require``.
    """

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> Feedback:
        feedback = answered(*args, **kwargs)
        return feedback.require() if grading() else feedback

    def answered(*args: P.args, **kwargs: P.kwargs) -> Feedback:
        try:
            return Feedback(True, function(*args, **kwargs))
        except NotYet as missing:
            return Feedback(None, str(missing))
        except Wrong as mistake:
            return Feedback(False, str(mistake))
        except Exception as error:
            message = " ".join(f"{type(error).__name__}: {error}".split())
            hint = next((f" {hint}" for part, hint in _HINTS.items() if part in message), "")
            return Feedback(False, f"the code stopped with `{message}`{_place(error)}.{hint}")

    return checked


def _place(error: Exception) -> str:
    """Where in the student's own code it happened."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_LIBRARIES)]
    return f", in line {frames[-1].lineno} of the cell with `{frames[-1].name}`" if frames else ""


def given(answer: Any, todo: str) -> None:
    """NotYet, with what is to be done, if there is no answer."""
    if answer is None or answer is ...:
        raise NotYet(todo)


def number(answer: Any) -> float:
    """One finite number, or Wrong."""
    try:
        value = float(answer)
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(f"one number is asked for, not `{_short(answer)}`.") from None
    if value - value != 0:
        raise Wrong(f"`{value}` is not a finite number: is something divided by zero?")
    return value


def whole_numbers(answer: Any, names: tuple[str, ...]) -> tuple[int, ...]:
    """As many whole numbers as there are names, or Wrong."""
    try:
        values = [float(value) for value in answer]
    except (TypeError, ValueError, RuntimeError):
        values = []
    if len(values) != len(names) or any(value % 1 != 0 for value in values):
        raise Wrong(f"whole numbers ({', '.join(names)}) are asked for, not `{_short(answer)}`.")
    return tuple(map(int, values))


def tensor(
    answer: Any, shape: tuple[int, ...], name: str, hints: Mapping[tuple[int, ...], str] | None = None
) -> Tensor:
    """The answer, called ``name``, as float64 of this shape; or Wrong. ``hints`` explains other shapes."""
    if not isinstance(answer, Tensor):
        try:
            answer = torch.as_tensor(answer)
        except (TypeError, ValueError, RuntimeError):
            if hasattr(answer, "indices"):
                raise Wrong(f"{name} is a pair, as `max(dim)` returns it: take its `values`.") from None
            raise Wrong(f"{name} cannot be read as numbers: it is `{_short(answer)}`.") from None
    if tuple(answer.shape) != shape:
        hint = (hints or {}).get(tuple(answer.shape), "")
        raise Wrong(f"{name} has the shape {tuple(answer.shape)}, {shape} is asked for{hint and ': ' + hint}.")
    values = answer.detach().cpu().double()
    if not values.isfinite().all():
        raise Wrong(f"{name} has values that are not finite: is something divided by zero?")
    return values


def same(a: Any, b: Any) -> bool:
    """Equal but for rounding in float32."""
    a, b = torch.as_tensor(a).double(), torch.as_tensor(b).double()
    return a.shape == b.shape and torch.allclose(a, b, rtol=1e-4, atol=1e-5 * float(b.abs().max()))


def refute(answer: Any, right: Any, mistakes: Mapping[str, Any]) -> bool:
    """Whether the answer is right; Wrong, with the first sentence whose mistake gives this very answer."""
    if same(answer, right):
        return True
    for sentence, result in mistakes.items():
        if same(answer, result):
            raise Wrong(sentence)
    return False


def _short(answer: Any) -> str:
    if isinstance(answer, Tensor) and answer.numel() > 3:
        return f"a tensor of the shape {tuple(answer.shape)}"
    text = " ".join(repr(answer).split())
    return text if len(text) <= 60 else text[:57] + "…"
