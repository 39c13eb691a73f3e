"""Traits that refuse a value in one sentence: which trait, what came, what is allowed. What was there stays."""

import math
import numbers
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from traitlets import HasTraits, TraitType

from cnnviz_widgets import renamed
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came

_WHOLE = 2**53  # up to here a browser knows every whole number


class Told(TraitType):
    """A trait whose ``allowed`` says in words what it takes."""

    @property
    def allowed(self) -> str:
        raise NotImplementedError

    def refuse(self, value: Any) -> NoReturn:
        raise UserError(f"{self.name} must be {self.allowed}, not {came(value)}.")


class Number(Told):
    """A finite number from ``low`` to ``high``, or a whole one.

    traitlets' own ``Float`` takes NaN, which is neither below its ``min`` nor above its ``max``.
    """

    def __init__(
        self, default: float, low: float = -math.inf, high: float = math.inf, *, whole: bool = False, help: str = ""
    ) -> None:
        self.min, self.max, self.whole = low, high, whole
        super().__init__(default, help=help)

    @property
    def allowed(self) -> str:
        low = f"from {self.min:g}" if math.isfinite(self.min) else ""
        high = f"to {self.max:g}" if math.isfinite(self.max) else ""
        return " ".join(filter(None, ["a whole number" if self.whole else "a finite number", low, high]))

    def validate(self, owner: HasTraits, value: Any) -> float:
        kind = numbers.Integral if self.whole else numbers.Real
        number, most = isinstance(value, kind) and not isinstance(value, bool), sys.float_info.max
        if number and self.min <= value <= self.max and abs(value) <= (_WHOLE if self.whole else most):
            return int(value) if self.whole else float(value)
        self.refuse(value)


NAMED = 12  # words that a sentence lists


class OneOf(Told):
    """One of a few words."""

    def __init__(self, values: Iterable[str], default: str, help: str = "") -> None:
        self.values = tuple(values)
        super().__init__(default, help=help)

    @property
    def allowed(self) -> str:
        first, rest = self.values[:NAMED], len(self.values) - NAMED
        return f"one of {', '.join(map(repr, first))}{f' and {rest} others' if rest > 0 else ''}"

    def validate(self, owner: HasTraits, value: Any) -> str:
        value = renamed.word(value, self.values)
        return value if isinstance(value, str) and value in self.values else self.refuse(value)


class Flag(Told):
    """True or False."""

    allowed = "True or False"

    def validate(self, owner: HasTraits, value: Any) -> bool:
        return value if isinstance(value, bool) else self.refuse(value)


class Place(Told):
    """(x, y) in whole numbers from 0, or None."""

    allowed = "(x, y), two whole numbers from 0, or None"
    count = 2

    def validate(self, owner: HasTraits, value: Any) -> tuple[int, ...] | None:
        if value is None:
            return None
        whole = isinstance(value, tuple | list) and all(
            isinstance(one, numbers.Integral) and not isinstance(one, bool) and 0 <= int(one) <= _WHOLE for one in value
        )
        return tuple(map(int, value)) if whole and len(value) == self.count else self.refuse(value)


class Area(Place):
    """(x, y, width, height) in whole numbers from 0, or None."""

    allowed = "(x, y, width, height), four whole numbers from 0, or None"
    count = 4
