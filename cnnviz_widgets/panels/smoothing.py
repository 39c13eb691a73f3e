"""F2: a moving window over a noisy curve."""

import ipywidgets
import numpy as np

from cnnviz_widgets.methods.convolution.convolve import convolve
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.controls import float_slider, slider
from cnnviz_widgets.panels.kernels import SIGNALS
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.sliding import Sliding, how, plain
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.convolution_view import Grid, Padding

STEPS = 60  # of a training


class Smoothing(Sliding):
    """A loss curve, smoothed by a moving window: convolution in one dimension.

    noise   standard deviation of the losses about their falling mean
    seed    of the noise
    edited  the losses as they were edited in the panel; None = those of noise and seed
    kernel  a row of weights
    stride, padding, dilation
            as in ``cnnviz.convolve``
    place   (0, number) of the output that the window is on
    """

    title = "Smoothing"
    family = "convolution"
    chapters = ("01",)
    shows = "a noisy loss curve and a window that moves over it, with valid and same padding"
    as_call = 'cnnviz.convolve(losses, [1 / 3, 1 / 3, 1 / 3], padding="same")'
    pickers = ()
    chooses = ("noise", "seed")
    drawings = ("editor", "bars", "window")
    presets = SIGNALS
    noise = float_slider(0.3, 0, 1, step=0.05, label="Noise", help="Standard deviation of the losses about their mean")
    seed = slider(0, 0, 99, label="Seed", help="Of the noise", more=True)
    kernel = Grid(SIGNALS["mean of 5"]).tag(setting=True)
    padding = Padding("same").tag(setting=True)

    def build(self) -> list[ipywidgets.Widget]:
        return [self.part("view", self.slid("A loss curve, and below it the smoothed one"))]

    def compute(self, now: Now) -> Frame:
        found = _call(now)()
        return Frame({"view": (found.signal, found)})

    def call(self, now: Now) -> str:
        if now.edited is not None:
            return program("import numpy as np", f"losses = np.array({now.edited[0]})", str(_call(now)))
        return program(
            "import numpy as np",
            f"noise = np.random.default_rng({now.seed}).normal(0, {now.noise}, {STEPS})",
            f"losses = np.abs(0.3 + 2.5 * np.exp(-np.arange({STEPS}) / 15) + noise)",
            str(_call(now)),
        )


def _call(now: Now) -> Call:
    noise = np.random.default_rng(now.seed).normal(0, now.noise, STEPS)
    losses = np.abs(0.3 + 2.5 * np.exp(-np.arange(STEPS) / 15) + noise)
    if now.edited is not None:
        losses = np.array(now.edited[0])
    return Call(convolve, As(losses, "losses"), plain(now.kernel), **how(now))
