"""What was reached, and of what: kept while that is the same."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from torch import Tensor

T = TypeVar("T")


class Memo(Generic[T]):
    """Holds what a computation has reached so far.

        memo = Memo(dict)
        known = memo.reached(network, image, size)

    ``known`` is the dictionary of the last time if the three are the same as then, and else a new one.

    fresh  makes what is held, before anything was reached
    held   what was reached last, or None
    """

    def __init__(self, fresh: Callable[[], T]) -> None:
        self._fresh = fresh
        self._of: tuple = ()
        self.held: T | None = None

    def reached(self, *of: Any) -> T:
        """What was reached of the same; where ``of`` differs, all begins anew."""
        held = self.held
        if held is None or not same(of, self._of):
            self._of, self.held = of, (held := self._fresh())
        return held

    def known(self, *of: Any) -> T | None:
        """What was reached of the same, if anything was; nothing begins anew."""
        return self.held if same(of, self._of) else None

    def forget(self) -> None:
        """Begin anew, whatever is asked for next."""
        self._of, self.held = (), None


def same(one: Any, other: Any) -> bool:
    """Whether two values are one object or equal; tensors and arrays, also in tuples, lists and dicts, must be one."""
    if one is other:
        return True
    if isinstance(one, tuple | list):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, Tensor | np.ndarray) or isinstance(other, Tensor | np.ndarray):
        return False  # to compare them takes time, and gives a tensor
    return (one == other) is True
