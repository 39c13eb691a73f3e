"""Of a data set of any size at most so many pictures, which are the same in whatever order they come.

Sums over all pictures would be no statistics of scans that are merged: a picture that is in both would count twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.engine.lots import lots

MOST = 1024  # pictures


@dataclass(frozen=True, eq=False)
class Sample:
    """One number of each channel for each of some pictures, by a seed.

    numbers  (S,) int64, ascending
    names    (S,) of str: the pictures' labels
    values   layer → (S, C)
    """

    seed: int
    numbers: np.ndarray
    names: np.ndarray
    values: Mapping[str, Tensor]

    def __or__(self, other: "Sample") -> "Sample":
        """Of the pictures of both, those with the least lots; one that is in both counts once."""
        numbers, at = np.unique(np.concatenate([self.numbers, other.numbers]), return_index=True)
        if len(numbers) > MOST:
            kept = np.sort(np.argsort(lots(self.seed, numbers, "sample"))[:MOST])
            numbers, at = numbers[kept], at[kept]
        if (at < len(self.numbers)).all():
            return self
        index, names = torch.from_numpy(at), np.concatenate([self.names, other.names])[at]
        values = {layer: torch.cat([one, other.values[layer]])[index] for layer, one in self.values.items()}
        return Sample(self.seed, numbers, names, values)
