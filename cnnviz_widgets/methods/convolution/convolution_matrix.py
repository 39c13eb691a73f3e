"""F5: a convolution is a product with a matrix; the product with its transpose is the transposed convolution."""

from dataclasses import dataclass
from math import prod
from typing import Annotated, Any

import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content, as_array
from cnnviz_widgets.drawing.results import Result, robust_maximum
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Range, gate
from cnnviz_widgets.methods.convolution._window import Padding, Step, Window, array, count_at_most

__all__ = ["ConvolutionMatrix", "convolution_matrix"]

Side = Annotated[int, Range(1, 4096)]
MOST = 2**22  # numbers of a matrix


@dataclass(frozen=True, eq=False, repr=False)
class ConvolutionMatrix(Result):
    """The matrix C of a convolution: ``C @ input.flatten()`` is its output, ``C.T @ output`` the transposed one.

    values        (outputs, inputs), float64: one row for each place of the window
    shape         of the input, (L,) or (H, W)
    output_shape  (L',) or (H', W')
    kernel        as it was given
    """

    values: Tensor
    shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    kernel: Tensor
    of: str
    convention: str = "a row for each output, a column for each input"

    @property
    def sparsity(self) -> float:
        """Share of exact zeros."""
        return float((self.values == 0).double().mean())

    def content(self) -> Content:
        bound = float(robust_maximum(self.values, 1))
        return Content(values=as_array(self.values), low=-bound, high=bound, signed=True, caption=self.of)


@gate
def convolution_matrix(
    kernel: Annotated[Any, OWN],
    shape: Side | tuple[Side, Side],
    stride: Step = 1,
    padding: Padding = "valid",
    dilation: Step = 1,
) -> ConvolutionMatrix:
    """The matrix C of a convolution: its output is ``C @ input.flatten()`` (Dumoulin & Visin, 2016, section 4.1).

    The gradient with respect to the input is the product with ``C.T``: the transposed convolution.

    kernel   (k,) or (h, w) numbers
    shape    of the input: its length for a signal, (height, width) for an image
    stride, padding, dilation
             as in ``convolve``; the kernel is not flipped
    Returns ConvolutionMatrix, values (outputs, inputs), both row by row.
    Raises UserError for what are no finite numbers, for a shape that does not fit the kernel, and where C would have
    more than four million numbers.

        convolution_matrix([[1, 2, 3], [4, 5, 6], [7, 8, 9]], (4, 4)).values[0]
    """
    weights = array("kernel", kernel, range(1, 3), "(k,) or (h, w)")
    sides = (shape,) if isinstance(shape, int) else tuple(shape)
    if len(sides) != weights.ndim:
        raise UserError(f"shape must have as many axes as the kernel, {weights.ndim}, not {len(sides)}: {shape}.")
    window = Window.of(tuple(weights.shape), stride, padding, dilation)
    outputs = window.outputs(sides, "shape")
    count_at_most(MOST, "shape", outputs, sides)
    inputs = prod(sides)
    # The columns of a matrix are what it makes of each unit vector.
    columns = window.correlate(torch.eye(inputs, dtype=torch.float64).view(inputs, 1, *sides), weights[None, None])
    name = " → ".join("×".join(map(str, one)) for one in (sides, outputs))
    return ConvolutionMatrix(columns.flatten(1).T.contiguous(), sides, outputs, weights, f"C of {name}")
