"""Threads that wait must not spin.

By default, torch's OpenMP threads keep a processor busy while they wait for the next piece of work. Where something
else wants that processor (a shared server, a laptop with a browser), every parallel step then waits for a thread that
only gets its turn later, and all becomes up to 20 times as slow. OpenMP reads this once, when torch is loaded: libgomp
(Linux), libomp (macOS) and libiomp5 (Windows) alike. A finer setting of the user's own, GOMP_SPINCOUNT or
KMP_BLOCKTIME, goes before it.
"""

import os
import sys

POLICY = "OMP_WAIT_POLICY"
SETTINGS = (POLICY, "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_NUM_THREADS")


def let_waiting_threads_sleep() -> None:
    """For this process, if torch is not loaded yet, and for those that it starts; not where the user has chosen."""
    os.environ.setdefault(POLICY, "PASSIVE")


def torch_is_loaded() -> bool:
    """Whether it is too late for this process."""
    return "torch" in sys.modules


def chosen() -> dict[str, str]:
    """What is set, of all that steers waiting threads."""
    return {name: os.environ[name] for name in SETTINGS if name in os.environ}
