"""Other pooling than a network's own: its max pooling is caught as it is called, and no module is changed.

Average pooling gives textures and styles smoother pictures (Gatys et al., 2015); the root of the mean square, "l2", has
no aliasing to speak of and keeps more of what is strong (Hénaff & Simoncelli, 2016).
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, TypeVar

import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from cnnviz_widgets.gate import gate
from cnnviz_widgets.runtime.interrupts import guarded

T = TypeVar("T")
Pooling = Literal["max", "average", "l2"]
TINY = 1e-12  # a root has no slope at 0


@gate
def pooling(kind: Pooling) -> AbstractContextManager:
    """Context in which what a network pools by its maximum is pooled by ``kind``; "max" leaves it as it is.

    Windows that reach over the border count what is inside. Pooling that is asked for its indices, and that of windows
    with holes (a dilation), remain as they are.
    """
    return nullcontext() if kind == "max" else guarded(_Pooling(kind))


def under_pooling(kind: Pooling, states: Iterator[T]) -> Iterator[T]:
    """What an iterator yields, with each of its steps made in that context."""
    while True:
        with pooling(kind):
            try:
                state = next(states)
            except StopIteration:
                return
        yield state


class _Pooling(TorchFunctionMode):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        asked = _asked(*args, **kwargs) if getattr(func, "__name__", "") == "max_pool2d" else None
        return func(*args, **kwargs) if asked is None else self._pooled(*asked)

    def _pooled(self, maps: Tensor, size: Any, stride: Any, padding: Any, ceil_mode: bool) -> Tensor:
        def mean(maps: Tensor) -> Tensor:  # False: the border's padding does not count
            return F.avg_pool2d(maps, size, stride, padding, ceil_mode, False)

        return mean(maps) if self.kind == "average" else (mean(maps.square()) + TINY).sqrt()


def _asked(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple | None:
    """The maps and what average pooling takes of max pooling's arguments; None if that cannot stand for it."""
    if return_indices or dilation not in (1, (1, 1), [1, 1]):
        return None
    return input, kernel_size, stride or None, padding, ceil_mode
