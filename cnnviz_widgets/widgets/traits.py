"""Traits that refuse a value in one sentence: which trait, what came, what is allowed. What was there stays."""

import math
import numbers
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from traitlets import HasTraits, TraitType

from cnnviz_widgets import renamed
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came

COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_WHOLE = 2**53  # up to here a browser knows every whole number


class Told(TraitType):
    """A trait whose ``allowed`` says in words what it takes."""

    @property
    def allowed(self) -> str:
        raise NotImplementedError

    def refuse(self, value: Any) -> NoReturn:
        raise UserError(f"{self.name} must be {self.allowed}, not {came(value)}.")


class Number(Told):
    """A finite number from ``low`` to ``high``, or a whole one; where the default is None, also None.

    traitlets' own ``Float`` takes NaN, which is neither below its ``min`` nor above its ``max``.
    """

    def __init__(
        self,
        default: float | None,
        low: float = -math.inf,
        high: float = math.inf,
        *,
        whole: bool = False,
        help: str = "",
    ) -> None:
        self.none = default is None
        self.min, self.max, self.whole = low, high, whole
        super().__init__(default, help=help)

    @property
    def allowed(self) -> str:
        low = f"from {self.min:g}" if math.isfinite(self.min) else ""
        high = f"to {self.max:g}" if math.isfinite(self.max) else ""
        none = ", or None" if self.none else ""
        return " ".join(filter(None, ["a whole number" if self.whole else "a finite number", low, high])) + none

    def validate(self, owner: HasTraits, value: Any) -> float | None:
        if self.none and value is None:
            return None
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


class OneNumber(Told):
    """One of a few numbers."""

    def __init__(self, values: Iterable[float], default: float, help: str = "") -> None:
        self.values = tuple(values)
        super().__init__(default, help=help)

    @property
    def allowed(self) -> str:
        return f"one of {', '.join(f'{one:g}' for one in self.values)}"

    def validate(self, owner: HasTraits, value: Any) -> float:
        real = isinstance(value, int | float) and not isinstance(value, bool)
        return next((one for one in self.values if real and one == value), None) or self.refuse(value)


class Flag(Told):
    """True or False."""

    allowed = "True or False"

    def validate(self, owner: HasTraits, value: Any) -> bool:
        return value if isinstance(value, bool) else self.refuse(value)


class Text(Told):
    """A text, of any length."""

    allowed = "a text"

    def validate(self, owner: HasTraits, value: Any) -> str:
        return str(value) if isinstance(value, str) else self.refuse(value)


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
    """(x, y, width, height) in whole numbers from 0; or a mask (height, width), kept as uint8; or None."""

    allowed = "(x, y, width, height), four whole numbers from 0, a mask (height, width) of 0 and 1, or None"
    count = 4

    def validate(self, owner: HasTraits, value: Any) -> Any:
        try:
            mask = np.array(value)
        except (TypeError, ValueError, RuntimeError):  # a ragged list, a tensor of another device
            self.refuse(value)
        if mask.ndim != 2:
            return super().validate(owner, value)
        if not mask.size or not np.isin(mask, (0, 1)).all():
            self.refuse(value)
        return mask.astype(np.uint8)


class Labels(Told):
    """Names of labels 1, 2 … with their colors: name -> "#rrggbb". Names alone get Okabe and Ito's colors."""

    def __init__(self, colors: Sequence[str]) -> None:
        self._colors = [f"#{color}" for color in colors]
        super().__init__({})

    @property
    def allowed(self) -> str:
        return f"at most {len(self._colors)} names, or a mapping of these to colors '#rrggbb'"

    def validate(self, owner: HasTraits, value: Any) -> dict[str, str]:
        if not isinstance(value, Mapping | list | tuple) or len(value) > len(self._colors):
            self.refuse(value)
        pairs = dict(value if isinstance(value, Mapping) else zip(value, self._colors, strict=False))
        words = all(isinstance(name, str) and name and COLOR.fullmatch(str(color)) for name, color in pairs.items())
        return pairs if words and len(pairs) == len(value) else self.refuse(value)
