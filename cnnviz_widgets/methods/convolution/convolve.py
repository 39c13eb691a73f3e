"""F2, F3: convolution as a moving window: at each place the sum of products of a kernel and what lies under it."""

from dataclasses import dataclass
from math import prod
from typing import Annotated, Any, ClassVar

import numpy as np
from torch import Tensor

from cnnviz_widgets.drawing import chart
from cnnviz_widgets.drawing.render import Content, alt_of, as_array, falls_below
from cnnviz_widgets.drawing.results import Result, rgb, robust_maximum
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, gate
from cnnviz_widgets.methods.convolution._window import Padding, Step, Window, array

__all__ = ["Convolved", "convolve"]


@dataclass(frozen=True, eq=False, repr=False)
class Convolved(Result):
    """A signal or an image after a kernel has gone over it.

    values    (L',), (H', W') or (C, H', W'), float64
    signal    what the kernel went over
    kernel    as it was given
    stride, dilation
              of the window
    padding   zeros (before, after) the signal, for each axis: (rows, columns) of an image
    flipped   whether the kernel was flipped: a convolution as mathematics has it, not a correlation
    """

    values: Tensor
    signal: Tensor
    kernel: Tensor
    stride: int
    padding: tuple[tuple[int, int], ...]
    dilation: int
    flipped: bool
    of: str
    look: ClassVar[dict] = {"colormap": "gray"}

    @property
    def convention(self) -> str:
        if self.flipped:
            return "convolution: sums of products with the flipped kernel, as numpy.convolve"
        return "cross-correlation: sums of products with the kernel as it is; networks call this convolution"

    @property
    def parameters(self) -> int:
        """How many weights there are: those of the kernel, shared by all places."""
        return self.kernel.numel()

    @property
    def dense_parameters_per_output(self) -> int:
        """How many a dense layer has for a single output: one for each number of the input."""
        axes = max(len(self.padding), self.kernel.ndim)  # of the input that one sum may read
        return prod(self.signal.shape[-axes:])

    @property
    def dense_parameters(self) -> int:
        """How many a dense layer has that gives as many outputs from the same input."""
        return self.signal.numel() * self.values.numel()

    def content(self) -> Content:
        if self.values.ndim == 1:
            return self._curves()
        values = self.values
        if self._still_a_picture():
            return Content(rgb((values if values.ndim == 3 else values[None]).clamp(0, 1)), caption=self.of)
        bound, signed = float(robust_maximum(values)), falls_below(values)
        names = tuple(f"channel {number}" for number in range(len(values))) if values.ndim == 3 else ()
        return Content(
            values=as_array(values),
            low=-bound if signed else 0,
            high=bound,
            signed=signed,
            names=names,
            caption=self.of,
        )

    def _still_a_picture(self) -> bool:
        """Of a picture 0…1, weights that add up to 1 make a picture again, as a blur does."""
        sums_to_one = abs(float(self.kernel.sum()) - 1) < 1e-6
        channels = len(self.values) if self.values.ndim == 3 else 1
        return sums_to_one and channels in (1, 3) and bool(self.signal.min() >= 0) and bool(self.signal.max() <= 1)

    def _curves(self) -> Content:
        """Each output where the middle of its window was."""
        ((before, _),) = self.padding
        first = self.dilation * (len(self.kernel) - 1) / 2 - before
        places = [first + number * self.stride for number in range(len(self.values))]
        known = {
            "signal": (range(len(self.signal)), self.signal.tolist()),
            "result": (places, self.values.tolist()),
        }
        end = max(len(self.signal) - 1, *places, 1)
        drawn = chart.draw(chart.curves(known, "place", "value", end=end, top=None, strong="result"))
        return Content(np.asarray(drawn), caption=self.of, alt=alt_of(drawn))


@gate
def convolve(
    signal: Annotated[Any, OWN],
    kernel: Annotated[Any, OWN],
    stride: Step = 1,
    padding: Padding = "valid",
    dilation: Step = 1,
    flip: bool = False,
) -> Convolved:
    """Convolution of a signal or an image with one kernel, as networks do it; in float64.

    signal    (L,) a signal; (H, W) or (C, H, W) an image: tensors, arrays or lists of numbers
    kernel    (k,) for a signal; (h, w) for an image, of which it goes over every channel by itself; (C, h, w) as a
              network's, which adds up all channels to one map
    stride    places from one window to the next
    padding   "valid": the window stays inside, and the result is smaller; "same": zeros around, so that with stride 1
              the result is as large as the signal (the odd one of an even kernel comes after it, as torch has it); or
              how many zeros before and after
    dilation  from one weight of the kernel to the next: with 2, every second place is left out
    flip      whether the kernel is flipped first. Mathematics calls that convolution, and ``numpy.convolve`` does so;
              what networks call convolution does not flip: it is a cross-correlation
    Returns Convolved, values (L',), (H', W') or (C, H', W'). Along each axis there are
    (in + padding before and after − dilation · (kernel − 1) − 1) // stride + 1 places. ``parameters`` says how few
    weights that takes, and ``dense_parameters`` how many a dense layer would.
    Raises UserError for what are no finite numbers, for axes that do not fit, and a kernel larger than the signal.

        convolve([3, 6, 9, 3, 0, 6], [1 / 3, 1 / 3, 1 / 3], padding="same").values
    """
    given = array("signal", signal, range(1, 4), "(L,), (H, W) or (C, H, W)")
    weights = array("kernel", kernel, range(1, 4), "(k,), (h, w) or (C, h, w)")
    channels = weights.ndim == 3
    if (given.ndim == 1) != (weights.ndim == 1) or (channels and given.shape[:-2] != weights.shape[:-2]):
        raise UserError(
            "signal and kernel must fit: (L,) and (k,), (H, W) and (h, w), (C, H, W) and (h, w), or (C, H, W) and "
            f"(C, h, w), not {tuple(given.shape)} and {tuple(weights.shape)}."
        )
    axes = min(weights.ndim, 2)
    window = Window.of(tuple(weights.shape[-axes:]), stride, padding, dilation, flip=flip)
    space = tuple(given.shape[-axes:])
    outputs = window.outputs(space, "signal")
    maps = given[None] if channels else given.reshape(-1, 1, *space)
    turned = weights.flip(*range(-axes, 0)) if flip else weights
    found = window.correlate(maps, turned[None] if channels else turned[None, None])
    leading = () if channels else given.shape[:-axes]
    sizes = ("×".join(map(str, one)) for one in (space, window.kernel, outputs))
    return Convolved(
        found.reshape(*leading, *outputs),
        given,
        weights,
        stride,
        window.sides,
        dilation,
        flip,
        "{} ∗ {} → {}".format(*sizes),
    )
