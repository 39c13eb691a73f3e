"""How a kernel goes over a signal or an image, and the arrays that are given for them."""

from dataclasses import dataclass
from math import prod
from typing import Annotated, Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, came

Step = Annotated[int, Range(1, 1024)]  # stride, dilation
Padding = Literal["valid", "same"] | Annotated[int, Range(0, 1024)]


@dataclass(frozen=True)
class Window:
    """A kernel of so many places per axis, and how it goes.

    sides  zeros (before, after) each axis
    """

    kernel: tuple[int, ...]
    stride: int
    dilation: int
    sides: tuple[tuple[int, int], ...]

    @classmethod
    def of(
        cls, kernel: tuple[int, ...], stride: int, padding: Padding, dilation: int, *, flip: bool = False
    ) -> "Window":
        """With the padding as in ``convolve``; ``flip``: the kernel is flipped, and with it the odd zero of "same"."""

        def side(length: int) -> tuple[int, int]:
            if not isinstance(padding, str):
                return padding, padding
            spare = dilation * (length - 1) if padding == "same" else 0
            less, more = spare // 2, spare - spare // 2
            return (more, less) if flip else (less, more)

        return cls(kernel, stride, dilation, tuple(map(side, kernel)))

    def outputs(self, shape: tuple[int, ...], name: str) -> tuple[int, ...]:
        """Places of the window in an input of that shape: (in + padding − dilation · (kernel − 1) − 1) // stride + 1.

        UserError, for the argument ``name``, where it does not fit in.
        """
        spans = [self.dilation * (length - 1) + 1 for length in self.kernel]
        room = [length + sum(sides) for length, sides in zip(shape, self.sides, strict=True)]
        if any(span > there for span, there in zip(spans, room, strict=True)):
            raise UserError(
                f"{name} must be at least as large as the kernel, {_by(spans)} with dilation {self.dilation}, not "
                f"{_by(shape)}, with padding {_by(room)}."
            )
        return tuple((there - span) // self.stride + 1 for span, there in zip(spans, room, strict=True))

    def correlate(self, maps: Tensor, kernels: Tensor) -> Tensor:
        """(B, C, …) and (1, C, …) → (B, 1, …): sums of products under the window."""
        padded = F.pad(maps, [side for sides in reversed(self.sides) for side in sides])
        correlation = F.conv1d if len(self.kernel) == 1 else F.conv2d
        return correlation(padded, kernels, stride=self.stride, dilation=self.dilation)


def array(name: str, value: Any, axes: range, form: str) -> Tensor:
    """What was given for an argument, float64, on the CPU; UserError unless it is finite numbers in so many axes.

    form  how that is said, such as "(H, W)"
    """
    try:
        given = value.detach().cpu().double().numpy() if isinstance(value, Tensor) else np.asarray(value)
    except (RuntimeError, NotImplementedError, ValueError, TypeError):  # on the device meta, sparse, ragged …
        given = np.empty(0, object)
    if given.dtype.kind not in "iuf" or given.ndim not in axes or not given.size:
        raise UserError(f"{name} must be numbers {form}, not {came(value)}.")
    numbers = torch.from_numpy(given.astype(np.float64))
    if not numbers.isfinite().all():
        raise UserError(f"{name} has numbers that are not finite (NaN or infinity).")
    return numbers


def _by(lengths: Any) -> str:
    return "×".join(map(str, lengths))


def count_at_most(most: int, name: str, *shapes: tuple[int, ...]) -> None:
    """UserError, for the argument ``name``, where an array of these axes would have more numbers."""
    count = prod(map(prod, shapes))
    if count > most:
        raise UserError(f"{name} is too large: the result would have {count:,} numbers; at most {most:,} are made.")
