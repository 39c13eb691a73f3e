"""V1: inversion of a photograph's features, layer by layer, and of its histograms of oriented gradients."""

from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import Any

import ipywidgets
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.engine.optimize import OptimizationState
from cnnviz_widgets.engine.optimize.hog import hog
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.features.invert import invert, invert_hog, psnr, spread
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.controls import choice
from cnnviz_widgets.panels.growth import Plan
from cnnviz_widgets.panels.making import Making, StepView, at_step, planned, seed_slider, side_by_side, steps_slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.parts import Chart
from cnnviz_widgets.pictures import load_image
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.runtime.runner import Frame

CELLS, HOG_SIZE = (4, 8, 16, 32), 192  # px: sides of cells, and the shorter side of a picture whose HOG is inverted

Rung = str | int  # what is inverted: a layer, or cells of so many px
States = dict[Rung, OptimizationState]


class Inversion(Making):
    """Pictures with the same features as the given one, from noise (Mahendran & Vedaldi 2015).

    What they have lost is lost in the network up to there. Click one to choose its layer.

    features  of what: of "layers", or histograms of oriented gradients, "hog", with cells of several sizes
    rungs     how many layers
    ``beta`` and ``smoothness``, or ``hog_smoothness`` for histograms, as in ``cnnviz.invert``, steer a run under way.
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
        axes = "from fine to coarse", "PSNR, dB"
        curve = Chart("Similarity to the picture", *axes, "whole", most=1, top=None, height=160)
        return [self.tiles("ladder", ladder, self._choose), self.part("curve", curve)]

    def _choose(self, layer: str | int | None) -> None:
        if isinstance(layer, str):
            self.session.layer = layer

    def compute(self, now: Now) -> Iterator[Frame]:
        original, of, total = _original(now), _rungs(now), now.rounds * now.steps
        states: States = {}
        for number, one in enumerate(of):
            try:
                for _, state in self.grow(_plan(now, one), now.rounds):
                    states[one] = state
                    parts: dict[str, Any] = {"ladder": partial(_content, original, of, states.copy())}
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
        loops = []
        programs = ((one, self.program(_plan(now, one), now.rounds, f"states[{each}]")) for one in _rungs(now))
        for lines, some in groupby(programs, key=lambda item: item[1]):  # one that was steered has its own
            loops += [f"for {each} in {[one for one, _ in some]}:", *(f"    {line}" for line in lines)]
        small = {"small": _small(now)} if each == "cell" else {}
        return program({**small, "states": {}}, *loops, "display(*states.values())")


def _rungs(now: Now) -> list[Rung]:
    return [*spread(now.network, now.rungs)] if now.features == "layers" else [*CELLS]


def _plan(now: Now, of: Rung) -> Plan:
    if now.features == "hog":
        how = {"cell": As(of, "cell"), "beta": now.beta, "smoothness": now.hog_smoothness}
        call = Call(invert_hog, As(_small(now), "small"), **how)
    else:
        how = {"beta": now.beta, "smoothness": now.smoothness}
        call = Call(invert, now.network, now.image, As(of, "layer"), **how)
    return planned(of, now, call, now.image, now.features)


def _small(now: Now) -> Call:
    return Call(load_image, now.image, size=HOG_SIZE, channels=len(now.image))


def _original(now: Now) -> Tensor:
    """What the inversions are compared with: the picture as the network sees it, or its luminance."""
    if now.features == "layers":
        return now.network.prepare(now.image)[0].cpu()
    picture = _small(now)()
    return hog(picture.shape[-2:]).prepare(picture)[0]


def _named(one: Rung) -> str:
    return f"cells of {one} px" if isinstance(one, int) else one


def _content(original: Tensor, of: list[Rung], states: States, at: int | None) -> Content:
    """The original and the pictures of a step."""
    pictures: dict[str, Tensor | None] = {"original": original}
    for one in of:
        picture = at_step(states[one], at)[1] if one in states else None
        note = "…" if picture is None else f"· {psnr(picture, original):.1f} dB"
        pictures[f"{_named(one)} {note}"] = picture
    return side_by_side(pictures, keys=(None, *of), caption=f"{len(states)} of {len(of)}")


def _curve(original: Tensor, of: list[Rung], states: States) -> dict:
    near = {of.index(one): psnr(state.values, original) for one, state in states.items()}
    ends = f"{next(iter(near.values())):.1f} to {near[max(near)]:.1f} dB"
    curves = {"PSNR": (list(near), list(near.values()))}
    return {"curves": curves, "numbers": {"PSNR": ends}, "end": max(1, len(of) - 1), "ticks": [*map(_named, of)]}
