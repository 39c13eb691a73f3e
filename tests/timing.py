"""How long something takes."""

import time
from collections.abc import Callable

import numpy as np


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def assert_smooth(
    times: np.ndarray, what: str, record: Callable[[str, float, float], None], *, frame: float, calm: float, most: float
) -> None:
    """Ours and the floor's (2, turns), in ms: the quickest tenth always, nine of ten where the floor's are calm."""
    (quick, bare), (ours, floor) = np.quantile(times, (0.1, 0.9), axis=1)
    record(f"{what}, nine of ten", ours, ours / floor)
    record(f"{what}, the quickest tenth", quick, quick / bare)
    assert quick <= frame
    assert quick / bare <= most
    assert ours <= frame or floor > calm
