"""V1: inversion of a photograph's features, layer by layer, and of its histograms of oriented gradients."""

from collections.abc import Hashable, Iterator
from functools import partial
from itertools import groupby

import ipywidgets
import numpy as np
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.optimize import OptimizationState
from cnnviz_widgets.engine.optimize.hog import hog
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.features.invert import invert, invert_hog, psnr, spread
from cnnviz_widgets.panels.call import As, Call
from cnnviz_widgets.panels.controls import choice
from cnnviz_widgets.panels.growth import Plan
from cnnviz_widgets.panels.making import Making, StepView, at_step, planned, rounds_slider, seed_slider, steps_slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.parts import Chart
from cnnviz_widgets.pictures import load_image
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer

GRAY = 128
CELLS, HOG_SIZE = (4, 8, 16, 32), 192  # px: sides of cells, and the shorter side of a picture whose HOG is inverted

States = dict[Hashable, OptimizationState]  # layer, or side of a cell -> its inversion


class Inversion(Making):
    """Pictures with the same features as the given one, from noise (Mahendran & Vedaldi 2015).

    What they have lost is lost in the network up to there. Click one to choose its layer.

    features        of what: of "layers", or histograms of oriented gradients, "hog", with cells of several sizes
    rungs           how many layers
    beta            exponent of the total variation: 1 keeps edges, 2 is smoother
    smoothness      weight of the total variation; ``hog_smoothness`` for histograms
    The last three steer a run under way.
    """

    title = "Inversion"
    family = "features"
    chapters = ("12",)
    shows = "what each layer still knows of a photograph"
    as_call = "cnnviz.invert(net, photo, layer)"
    pickers = ("image",)
    features = choice(
        "layers", {"layers": "layers", "hog": "HOG"}, label="Invert",
        help="Layers of the network, or histograms of oriented gradients (HOG) with cells of 4 to 32 px",
    )  # fmt: skip
    rungs = option(
        spread, 2, 10, name="number", label="Layers", help="How many, evenly spread from the input to the output"
    )
    steps = steps_slider(invert)
    rounds = rounds_slider()
    beta = option(invert, 1.0, 3.0, step=0.1, form=".1f", label="TV exponent β", more=True)
    smoothness = option(invert, 0, 20, step=0.1, form=".1f", label="TV weight", more=True)
    hog_smoothness = option(
        invert_hog, 0, 50, step=0.5, form=".1f", name="smoothness", label="TV weight (HOG)", more=True
    )
    seed = seed_slider()

    def views(self) -> list[ipywidgets.Widget]:
        ladder = StepView(
            "The picture, and its inversions: click one to choose its layer",
            "whole", labels=True, cursor="tile", max_height=700,
        )  # fmt: skip
        ladder.image.on_click(self.guarded(self._choose))
        curve = Chart(
            "Similarity to the picture", "from fine to coarse", "PSNR, dB", "whole", most=1, top=None, height=160
        )
        return [self.part("ladder", ladder), self.part("curve", curve)]

    def _choose(self, pointer: Pointer) -> None:
        layer = self._parts["ladder"].image.content.keys[pointer.tile]
        if isinstance(layer, str):
            self.session.layer = layer

    def compute(self, now: Now) -> Iterator[Frame]:
        original, of = _original(now), _rungs(now)
        states: States = {}
        total = now.rounds * now.steps
        for number, one in enumerate(of):
            try:
                for _, state in self.grow(_plan(now, one), now.rounds):
                    states[one] = state
                    parts = {"ladder": partial(_content, original, of, states.copy())}
                    if state.step == total:
                        parts["curve"] = _curve(original, of, states)
                    yield Frame(parts, number * total + state.step, len(of) * total)
            except UserError as error:
                remark(f"{_named(one)}: {error}")

    def subject(self) -> str:
        now = self._drawn or self._now()
        return f"inversion {now.network.name if now.features == 'layers' else 'HOG'}"

    def call(self, now: Now) -> str:
        each = "cell" if now.features == "hog" else "layer"
        lines = [f"small = {_small(now).written}"] if each == "cell" else []
        lines.append("states = {}")
        programs = ((one, self.program(_plan(now, one), now.rounds, f"states[{each}]")) for one in _rungs(now))
        for program, some in groupby(programs, key=lambda item: item[1]):  # one that was steered has its own
            lines.append(f"for {each} in {[one for one, _ in some]}:")
            lines += [f"    {line}" for line in program]
        return "\n".join([*lines, "display(*states.values())"])


def _rungs(now: Now) -> list[Hashable]:
    """What is inverted: layers, or sides of cells in px."""
    return spread(now.network, now.rungs) if now.features == "layers" else list(CELLS)


def _plan(now: Now, of: Hashable) -> Plan:
    if now.features == "hog":
        call = Call(
            invert_hog,
            As(_small(now).value, "small"),
            cell=As(of, "cell"),
            beta=now.beta,
            smoothness=now.hog_smoothness,
        )
    else:
        how = {"beta": now.beta, "smoothness": now.smoothness}
        call = Call(invert, now.network, now.image, As(of, "layer"), **how)
    return planned(of, now, call, now.image, now.features)


def _small(now: Now) -> As:
    channels = "" if len(now.image) == 3 else f", channels={len(now.image)}"
    picture = load_image(now.image, size=HOG_SIZE, channels=len(now.image))
    return As(picture, f"cnnviz.load_image(photo, size={HOG_SIZE}{channels})")


def _original(now: Now) -> Tensor:
    """What the inversions are compared with: the picture as the network sees it, or its luminance."""
    if now.features == "layers":
        return now.network.prepare(now.image)[0].cpu()
    picture = _small(now).value
    return hog(picture.shape[-2:]).prepare(picture)[0]


def _named(one: Hashable) -> str:
    return f"cells of {one} px" if isinstance(one, int) else one


def _content(
    original: Tensor, of: list[Hashable], states: dict[Hashable, OptimizationState], at: int | None
) -> Content:
    """The original and the pictures of a step; what is not yet begun is gray."""
    pictures, names = [rgb(original)], ["original"]
    for one in of:
        if one in states:
            _, picture = at_step(states[one], at)
            pictures.append(rgb(picture))
            names.append(f"{_named(one)} · {psnr(picture, original):.1f} dB")
        else:
            pictures.append(np.full_like(pictures[0], GRAY))
            names.append(f"{_named(one)} …")
    done = f"{len(states)} of {len(of)}"
    return Content(np.stack(pictures), names=names, keys=[None, *of], caption=done)


def _curve(original: Tensor, of: list[Hashable], states: States) -> dict:
    near = {of.index(one): psnr(state.values, original) for one, state in states.items()}
    ends = f"{next(iter(near.values())):.1f} to {near[max(near)]:.1f} dB"
    curves = {"PSNR": (list(near), list(near.values()))}
    return {"curves": curves, "numbers": {"PSNR": ends}, "end": max(1, len(of) - 1), "ticks": [*map(_named, of)]}
