"""Warnings raised by methods: on stderr in a script, under the pictures in a panel."""

import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Not warnings.catch_warnings: that is the whole process's, and panels compute in threads of their own.
_listener: ContextVar[Callable[[str], None] | None] = ContextVar("listener", default=None)


def remark(sentence: str, warns: bool = True) -> None:
    """A warning at the line of the user's that led here; in a context ``listening`` it is told there instead.

    warns  False: it is good to know and no more, and a script is told nothing
    """
    listener = _listener.get()
    if listener is not None:
        listener(sentence)
    elif warns:
        warnings.warn(sentence, stacklevel=_above_ours())


def _above_ours() -> int:
    """The ``stacklevel``, as seen from the caller, of the first frame that is above all of this package's."""
    frames = enumerate(traceback.walk_stack(sys._getframe(1)), 1)
    return 1 + max(level for level, (frame, _) in frames if _is_ours(frame.f_globals.get("__name__", "")))


def _is_ours(module: str) -> bool:
    return module.startswith(f"{__package__}.")


@contextmanager
def listening(listener: Callable[[str], None]) -> Iterator[None]:
    """Every ``remark`` made inside, in this thread, becomes ``listener(sentence)``."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def noting(heard: list[str]) -> Iterator[None]:
    """Every ``remark`` made inside also goes into a list, for whoever shows the same again, and says it again."""
    told: list[str] = []
    try:
        with listening(told.append):
            yield
    finally:
        heard += told
        for sentence in told:
            remark(sentence)
