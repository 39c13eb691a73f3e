"""Random numbers that belong to a picture's number, so that they are the same in whatever order pictures come."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

_STREAMS = {"position": 1, "sample": 2}


def lots(seed: int, numbers: Sequence[int] | np.ndarray, of: Literal["position", "sample"]) -> np.ndarray:
    """A number 0 … 2⁶⁴-1 for each picture, uint64, by the finalizer of SplitMix64 (Steele et al., 2014)."""
    state = np.asarray(numbers, np.uint64) + np.uint64(1)
    for stir in (seed, _STREAMS[of]):
        state = _mixed(state * np.uint64(0x9E3779B97F4A7C15) + np.uint64(stir))
    return state


def _mixed(state: np.ndarray) -> np.ndarray:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
