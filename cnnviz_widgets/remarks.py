"""What a method has to say that is no error: a warning in a script, a line under the pictures in a panel."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Not warnings.catch_warnings: that is the whole process's, and panels compute in threads of their own.
_listener: ContextVar[Callable[[str], None] | None] = ContextVar("listener", default=None)


def remark(sentence: str, stacklevel: int = 2) -> None:
    """As ``warnings.warn(sentence, stacklevel=stacklevel)``; in a context ``listening`` it is told there instead."""
    listener = _listener.get()
    if listener is None:
        warnings.warn(sentence, stacklevel=stacklevel + 1)
    else:
        listener(sentence)


@contextmanager
def listening(listener: Callable[[str], None]) -> Iterator[None]:
    """Every ``remark`` made inside, in this thread, becomes ``listener(sentence)``."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
