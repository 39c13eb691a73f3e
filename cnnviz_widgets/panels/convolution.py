"""F3: a kernel goes over a picture, and every number can be read and edited."""

import ipywidgets
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from cnnviz_widgets.methods.convolution.convolve import convolve
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.controls import choice, slider
from cnnviz_widgets.panels.kernels import PICTURES
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.sliding import Sliding, how
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.convolution_view import Grid


class Convolution(Sliding):
    """A kernel over a picture: the window, its products, their sum (Dumoulin & Visin 2016).

    input   "picture": its gray levels 0…255, or "count": the numbers 0, 1, 2 … in a square
    pixels  of the input's longer side; from about 20 on, there is no more room for the numbers
    edited  the input's numbers as they were edited there; None = the input that is chosen
    kernel  rows of weights
    stride, padding, dilation
            as in ``cnnviz.convolve``
    place   (row, column) of the output that the window is on
    """

    title = "Convolution"
    family = "convolution"
    chapters = ("01",)
    shows = "a kernel that goes over a picture: its window, the products and their sum, all of it to be edited"
    as_call = "cnnviz.convolve(photo, kernel)"
    pickers = ("image",)
    drawings = ("grid", "window", "editor")
    presets = PICTURES
    chooses = ("image", "input", "pixels")
    input = choice("picture", {"picture": "picture", "count": "0, 1, 2"}, label="Input", help="Gray levels 0…255")
    pixels = slider(128, 4, 128, label="Pixels", help="Of the longer side: with few, there is room for the numbers")
    kernel = Grid(PICTURES["Sobel, across"]).tag(setting=True)

    def build(self) -> list[ipywidgets.Widget]:
        return [self.part("view", self.slid("A kernel over a picture"))]

    def compute(self, now: Now) -> Frame:
        found = _call(now)()
        return Frame({"view": (found.signal, found)})

    def call(self, now: Now) -> str:
        imports = (
            "import torch"
            if now.input == "count" or now.edited is not None
            else "from torch.nn.functional import adaptive_avg_pool2d"
        )
        pixels, written = _pixels(now)
        return program(imports, {"pixels": As(pixels, written)}, str(_call(now)))


def _call(now: Now) -> Call:
    return Call(convolve, As(_pixels(now)[0], "pixels"), now.kernel, **how(now))


def _pixels(now: Now) -> tuple[Tensor, str]:
    """The input, and the code that makes it."""
    if now.edited is not None:
        return torch.tensor(now.edited, dtype=torch.float64), f"torch.tensor({now.edited}, dtype=torch.float64)"
    most = now.pixels
    if now.input == "count":
        return torch.arange(float(most**2)).reshape(most, most), f"torch.arange({most**2}.0).reshape({most}, {most})"
    height, width = now.image.shape[-2:]
    share = min(1, most / max(height, width))
    size = max(1, round(height * share)), max(1, round(width * share))
    gray = adaptive_avg_pool2d(now.image.mean(0, keepdim=True), size)[0]
    return (255 * gray).round(), f"(255 * adaptive_avg_pool2d(photo.mean(0, keepdim=True), {size})[0]).round()"
