"""F5: a convolution as a product with a matrix."""

from typing import ClassVar

import ipywidgets
import torch

from cnnviz_widgets.methods.convolution.convolution_matrix import convolution_matrix
from cnnviz_widgets.panels.call import Call
from cnnviz_widgets.panels.controls import slider
from cnnviz_widgets.panels.kernels import PICTURES
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.sliding import Sliding, how
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.convolution_view import Grid

COUNT = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


class ConvolutionMatrix(Sliding):
    """C · flat(I) = flat(O): the same weights in every row (Dumoulin & Visin 2016, section 4.1).

    side    of the input, which holds 0, 1, 2 …
    edited  the input's numbers as they were edited there; None = the input that is chosen
    kernel  rows of weights
    stride, padding, dilation
            as in ``cnnviz.convolution_matrix``
    place   (row, column) of the output whose row of the matrix is framed; a click on an input frames its column
    """

    title = "Convolution matrix"
    family = "convolution"
    chapters = ("01",)
    shows = "a convolution as a matrix: a row for each output, and the column of an input, which is its gradient"
    as_call = "cnnviz.convolution_matrix(kernel, (4, 4))"
    pickers = ()
    chooses = ("side",)
    drawings = ("grid", "editor", "matrix")
    presets: ClassVar = {
        "1 … 9": COUNT,
        **{name: PICTURES[name] for name in ("identity", "box blur", "Sobel, across", "Laplacian")},
    }
    side = slider(4, 3, 8, label="Input's side", help="Its cells hold 0, 1, 2 …")
    kernel = Grid(COUNT).tag(setting=True)

    def build(self) -> list[ipywidgets.Widget]:
        return [self.part("view", self.slid("A convolution and its matrix"))]

    def compute(self, now: Now) -> Frame:
        return Frame({"view": (torch.arange(now.side**2).reshape(now.side, now.side), _call(now)())})

    def call(self, now: Now) -> str:
        return str(_call(now))


def _call(now: Now) -> Call:
    return Call(convolution_matrix, now.kernel, (now.side, now.side), **how(now))
