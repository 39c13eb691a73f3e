"""Contexts that an interrupt cannot leave half entered, or half left.

Python runs a signal's handler between any two of its instructions, so a KeyboardInterrupt may also come in the middle
of an ``__enter__`` or ``__exit__``, or just before its first line, and what was changed stays so. While a ``guarded``
context is open in the main thread, where handlers run, they look at what they interrupt: where that is entering or
leaving, they wait until it is done.
"""

import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM", "SIGVTALRM", "SIGUSR1", "SIGUSR2")
_SIGNALS = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]  # some are not there on Windows

_handlers: dict[int, Any] = {}  # the user's, while ours are in their place
_open: list[Any] = []  # guarded contexts of the main thread
_waiting: list[int] = []  # signals that came at the wrong time


class guarded:
    """All of ``contexts``, entered and left as one step. As a whole it may be entered again once it is left."""

    def __init__(self, *contexts: AbstractContextManager) -> None:
        self._contexts = contexts

    def __enter__(self) -> None:
        self._stack = ExitStack()
        try:
            if threading.current_thread() is threading.main_thread():
                _take_signals(self)
            for context in self._contexts:
                self._stack.enter_context(context)
            deliver()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise

    def __exit__(self, *error: Any) -> bool | None:
        try:
            return self._stack.__exit__(*error)
        finally:
            if threading.current_thread() is threading.main_thread():
                _give_signals_back(self)
                deliver()


def uninterrupted(function: Callable[..., T], *args: Any) -> T:
    """``function(*args)``, as one step."""
    with guarded():
        return _as_one_step(function, *args)


def _as_one_step(function: Callable[..., T], *args: Any) -> T:
    return function(*args)


def deliver() -> None:
    """Let the signals that wait do what they do; for steps that may take long, in the middle of them."""
    while _waiting and threading.current_thread() is threading.main_thread():
        number = _waiting.pop(0)
        handler = _handlers.get(number) or signal.getsignal(number)
        if callable(handler):  # and not SIG_IGN, to which it may have been set by now
            handler(number, None)


_STEPS = ("__enter__", "__exit__", "_as_one_step")  # the first two also of torch and contextlib


def _now_or_later(number: int, frame: FrameType | None) -> None:
    at = frame
    while at is not None:
        if at.f_code.co_name in _STEPS:
            _waiting.append(number)
            return
        at = at.f_back
    _handlers[number](number, frame)


def _take_signals(context: guarded) -> None:
    if not _open:
        for number in _SIGNALS:
            handler = signal.getsignal(number)
            if callable(handler) and handler is not _now_or_later:
                _handlers[number] = handler
                signal.signal(number, _now_or_later)
    _open.append(context)


def _give_signals_back(context: guarded) -> None:
    if context in _open:
        _open.remove(context)
    if not _open:
        try:
            _put_back()
        except BaseException:  # by one that is back already
            _put_back()
            raise


def _put_back() -> None:
    for number, handler in _handlers.items():
        if signal.getsignal(number) is _now_or_later:
            signal.signal(number, handler)
