"""Pictures by number, each rendered when it is asked for: as many as are wanted, without a download."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np


class Rendered(ABC):
    """A sequence of rendered pictures. Picture i of a seed is the same whatever ``n`` is.

    call     the public function that makes it
    classes  the labels that there are
    """

    call: ClassVar[str]
    classes: ClassVar[tuple[str, ...]]

    def __init__(self, n: int, seed: int) -> None:
        self._n, self._seed = n, seed

    @abstractmethod
    def render(self, generator: np.random.Generator) -> Any:
        """A picture, with all that is known about it."""

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, number: int) -> Any:
        if not 0 <= number < self._n:
            raise IndexError(number)
        return self.render(np.random.default_rng([self._seed, number]))

    def __iter__(self) -> Iterator[Any]:
        return (self[number] for number in range(self._n))

    def __repr__(self) -> str:
        return f"{self.call}({self._n}, {self._seed})" if self._seed else f"{self.call}({self._n})"
