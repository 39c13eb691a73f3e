"""An iterator whose next values are made in a thread, while the last one is worked on."""

import queue
import threading
from collections.abc import Generator, Iterable
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from cnnviz_widgets.runtime.leaving import begin

T = TypeVar("T")
WAIT = 0.1  # s, after which a thread looks whether the other side is still there


def ahead(values: Iterable[T], most: int) -> Generator[T, None, None]:
    """The same values in the same order; at most so many of them wait. What making them raises is raised in its place.

    When the iterator is closed, or its end or Python's is reached, the thread ends, too.
    """
    made: queue.Queue[tuple[str, Any]] = queue.Queue(most)
    closed = threading.Event()

    def put(kind: str, value: Any) -> None:
        while not closed.is_set():
            try:
                return made.put((kind, value), timeout=WAIT)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for value in values:
                put("value", value)
                if closed.is_set():
                    return
            put("end", None)
        except BaseException as error:
            put("error", error)

    # The caller's context: remarks are told where its own are.
    begin(partial(copy_context().run, work), "cnnviz-ahead", closed.set)
    try:
        while True:
            try:
                kind, value = made.get(timeout=WAIT)
            except queue.Empty:
                if closed.is_set():
                    raise RuntimeError("Python ends: no more values are made") from None
                continue
            if kind == "error":
                raise value
            if kind == "end":
                return
            yield value
    finally:
        closed.set()
