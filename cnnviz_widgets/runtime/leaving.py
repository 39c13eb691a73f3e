"""Threads that end before Python does: one that comes back from torch to no interpreter aborts the process."""

import atexit
import time
import weakref
from collections.abc import Callable
from threading import Thread

LEAVING = 10.0  # s: how long the end of Python waits for the steps that run

_at_work: "weakref.WeakKeyDictionary[Thread, Callable[[], object]]" = weakref.WeakKeyDictionary()


def begin(work: Callable[[], object], name: str, leave: Callable[[], object] = lambda: None) -> None:
    """Do ``work`` in a thread; when Python ends, ``leave`` tells it to end after its current step."""
    thread = Thread(target=work, daemon=True, name=name)
    _at_work[thread] = leave
    thread.start()


@atexit.register
def _leave() -> None:
    threads = dict(_at_work)
    for leave in threads.values():
        leave()
    end = time.monotonic() + LEAVING
    for thread in threads:
        if thread.is_alive():
            thread.join(max(0.0, end - time.monotonic()))
