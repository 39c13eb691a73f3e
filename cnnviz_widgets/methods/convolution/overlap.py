"""F6: how many windows cover each place: why transposed convolutions, and gradients of strided ones, checker."""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content, as_array
from cnnviz_widgets.drawing.results import Result
from cnnviz_widgets.gate import Range, gate
from cnnviz_widgets.methods.convolution._window import Step, count_at_most

__all__ = ["Overlap", "overlap"]
example = dict(kernel=3, stride=2, n=4)

MOST = 2**20  # numbers of a result


@dataclass(frozen=True, eq=False, repr=False)
class Overlap(Result):
    """How many windows cover each place.

    values             (L,), or (L, L) in two dimensions: whole numbers
    kernel, stride, n  of the windows, along each axis
    """

    values: Tensor
    kernel: int
    stride: int
    n: int
    of: str
    convention: str = "windows that cover a place"

    @property
    def even(self) -> bool:
        """Whether all places are covered equally often, but for the ends: the stride divides the kernel."""
        return self.kernel % self.stride == 0

    def content(self) -> Content:
        cells = self.values if self.values.ndim == 2 else self.values[None]
        return Content(values=as_array(cells), low=0, high=int(cells.max()), caption=self.of)


@gate
def overlap(kernel: Step, stride: Step, n: Step, *, dimensions: Annotated[int, Range(1, 2)] = 1) -> Overlap:
    """How often a transposed convolution writes to each place (Odena et al., Distill 2016).

    The gradient of a strided convolution with respect to its input is summed over the same windows, so it has the same
    pattern.

    kernel      places of a window, along an axis
    stride      from one window to the next
    n           windows along an axis: numbers of the smaller map
    dimensions  1 = a signal, 2 = a map; in a map the numbers of both axes are multiplied
    Returns Overlap, values (L,) or (L, L), with L = stride · (n − 1) + kernel.
    Raises UserError where that would be more than a million numbers.

        overlap(3, 2, 4).values
    """
    length = stride * (n - 1) + kernel
    count_at_most(MOST, "what kernel, stride and n make", (length,) * dimensions)
    counts = torch.zeros(length, dtype=torch.int64)
    for first in range(0, n * stride, stride):
        counts[first : first + kernel] += 1
    return Overlap(
        counts if dimensions == 1 else torch.outer(counts, counts),
        kernel,
        stride,
        n,
        f"kernel {kernel}, stride {stride}, {n} windows: {int(counts.min())}…{int(counts.max())} along an axis",
    )
