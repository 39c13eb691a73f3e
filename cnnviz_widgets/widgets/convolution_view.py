"""A convolution at a size where every number can be read and edited: it is computed and drawn in the browser."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets as t

from cnnviz_widgets.language import said
from cnnviz_widgets.widgets.front_end import BrowserWidget, spoken
from cnnviz_widgets.widgets.traits import Number, Place, Told

DRAWINGS = ("grid", "window", "editor", "matrix", "bars", "overlap")
TOOLS = ("play", "stride", "padding", "dilation")
MOST = 16  # of stride, padding and dilation


class Grid(Told):
    """Rows of finite numbers, all as long: a picture or a kernel. A plain list of numbers is one row, a signal."""

    @property
    def allowed(self) -> str:
        return "rows of finite numbers, (height, width), or one row of them" + ", or None" * self.allow_none

    def validate(self, owner: t.HasTraits, value: Any) -> list[list[float]]:
        try:
            rows = np.atleast_2d(np.asarray(value, np.float64))
        except (TypeError, ValueError, OverflowError, RuntimeError):  # a ragged list, words, a tensor of another device
            self.refuse(value)
        if rows.ndim != 2 or not rows.size or not np.isfinite(rows).all():
            self.refuse(value)
        return [[int(one) if one == int(one) else one for one in row] for row in rows.tolist()]  # short in JSON


class Padding(Told):
    """So many zeros on every side, or "same"."""

    allowed = f'a whole number from 0 to {MOST} or "same"'

    def validate(self, owner: t.HasTraits, value: Any) -> int | str:
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if isinstance(value, str) and value == "same":
            return value
        return int(value) if whole and 0 <= value <= MOST else self.refuse(value)


class Cell(Place):
    """Row and column of a cell."""

    allowed = "(row, column), two whole numbers from 0"

    def validate(self, owner: t.HasTraits, value: Any) -> tuple[int, ...] | None:
        return self.refuse(value) if value is None else super().validate(owner, value)


class ConvolutionView(BrowserWidget):
    """A correlation of an input with a kernel, its window, its numbers.

    input     (height, width) numbers; one row is a signal
    kernel    (height, width) weights
    stride, padding, dilation
              as in torch's ``conv2d``; padding may be "same", where the stride is 1
    windows   how many there are along each axis, over an input of zeros that grows with them; 0 = the input is given
    place     (row, column): the output cell that the window is on
    drawings  what is shown, some of
              "grid"     input and output, with numbers in cells that have room
              "window"   the products of the window
              "editor"   the kernel: arrow keys move, digits type; the wheel, Page Up and Page Down change the weight
              "matrix"   C with C · flat(input) = flat(output), the row of the window in it
              "bars"     a signal and its output, the output under the middle of its window
              "overlap"  how many windows reach each cell: what a transposed convolution adds up there
    tools     which controls it has, some of "play", "stride", "padding", "dilation"
    presets   name -> kernel, offered beside the editor
    alt       what a screen reader calls it

    A click on an output puts the window there; one on an input shows which outputs read it, and an input of at most
    576 numbers is edited there as the kernel is. All this goes on without a kernel. Python hears of the end of a
    gesture: one message, with what has changed.
    """

    module = "convolution_view.js"

    input = Grid([[0]]).tag(sync=True)
    kernel = Grid([[1]]).tag(sync=True)
    stride = Number(1, 1, MOST, whole=True).tag(sync=True)
    padding = Padding(0).tag(sync=True)
    dilation = Number(1, 1, MOST, whole=True).tag(sync=True)
    windows = Number(0, 0, MOST, whole=True).tag(sync=True)
    place = Cell((0, 0)).tag(sync=True)
    drawings: Any = t.Tuple(default_value=("grid", "window", "editor")).tag(sync=True)
    tools: Any = t.Tuple(default_value=TOOLS).tag(sync=True)
    presets: Any = t.Dict().tag(sync=True, to_json=lambda presets, _: {said(one): presets[one] for one in presets})
    alt = t.Unicode("Convolution").tag(sync=True, to_json=spoken)

    @t.validate("drawings", "tools")
    def _known(self, proposal: dict[str, Any]) -> Sequence[str]:
        name, known = proposal["trait"].name, {"drawings": DRAWINGS, "tools": TOOLS}[proposal["trait"].name]
        if unknown := [one for one in proposal["value"] if one not in known]:
            raise t.TraitError(f"{name} must be some of {', '.join(known)}, not {unknown[0]!r}.")
        return proposal["value"]
