"""V1: what is left of a picture, layer by layer."""

from collections.abc import Iterator
from functools import partial

import ipywidgets
import numpy as np

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.optimize import OptimizationState
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.features.invert import invert, psnr, spread
from cnnviz_widgets.panels.controls import default, float_slider, slider
from cnnviz_widgets.panels.making import (
    As,
    Making,
    Reel,
    Run,
    in_rounds,
    rounds_slider,
    seed_slider,
    seen_at,
    steps_slider,
)
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.parts import Chart
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer

GRAY = 128


class Inversion(Making):
    """Pictures from noise that a layer cannot tell from the given one (Mahendran & Vedaldi 2015).

    What they have lost, the network has forgotten up to there. Click one to choose its layer.

    rungs       how many layers
    beta        of the total variation: 1 keeps edges, 2 is softer
    smoothness  weight of the total variation
    """

    title = "Inversion"
    family = "features"
    chapters = ("12",)
    shows = "what each layer still knows of a photograph"
    as_call = "cnnviz.invert(net, photo, layer)"
    pickers = ("image",)
    rungs = slider(
        default(spread, "number"), 2, 10, label="Layers", help="How many, spread from the input to the output"
    )
    steps = steps_slider(default(invert, "steps"))
    rounds = rounds_slider()
    beta = float_slider(
        default(invert, "beta"), 1.0, 3.0, step=0.1, form=".1f", label="β",
        help="Of the variation: 1 keeps edges, 2 is softer",
    )  # fmt: skip
    smoothness = float_slider(
        default(invert, "smoothness"), 0, 20, step=0.1, form=".1f", label="Smooth",
        help="How much variation costs, beside the features",
    )  # fmt: skip
    seed = seed_slider("Of the noise with which every layer begins")

    def views(self) -> list[ipywidgets.Widget]:
        ladder = Reel(
            "The picture, and what each layer keeps of it: click one to choose its layer",
            "whole", labels=True, cursor="tile", max_width=1076, max_height=520,
        )  # fmt: skip
        ladder.image.on_click(self.guarded(self._choose))
        curve = Chart(
            "How near they are", "layer, from input to output", "PSNR, dB", "whole", most=1, top=None, height=160
        )
        return [self.part("ladder", ladder), self.part("curve", curve)]

    def _choose(self, pointer: Pointer) -> None:
        if pointer.tile:
            self.session.layer = self._parts["ladder"].image.content.names[pointer.tile].split()[0]

    def compute(self, now: Now) -> Iterator[Frame]:
        layers, states = spread(now.network, now.rungs), {}
        total = now.rounds * now.steps
        for number, layer in enumerate(layers):
            try:
                for state in self._run(layer, now, _run(now, layer), now.image):
                    states[layer] = state
                    parts = {"ladder": partial(_content, now, layers, states.copy())}
                    if state.step == total:
                        parts["curve"] = _curve(now, layers, states)
                    yield Frame(parts, number * total + state.step, len(layers) * total)
            except UserError as error:
                remark(f"{layer}: {error}")

    def subject(self) -> str:
        return f"inversion {(self._drawn or self._now()).network.name}"

    def call(self, now: Now) -> str:
        layers = spread(now.network, now.rungs)
        one = in_rounds(_run(now, As(None, "layer")), now).replace("\n", "\n    ")
        return f"states = {{}}\nfor layer in {layers}:\n    {one}\n    states[layer] = state\ndisplay(*states.values())"


def _run(now: Now, layer: str | As) -> Run:
    return Run("invert", As(now.image, "photo"), layer, beta=now.beta, smoothness=now.smoothness, seed=now.seed)


def _content(now: Now, layers: list[str], states: dict[str, OptimizationState], at: int | None) -> Content:
    """The original and the pictures of a step; what is not yet begun is gray."""
    original = now.network.prepare(now.image)[0]
    pictures, names = [rgb(original)], ["original"]
    for layer in layers:
        if layer in states:
            _, picture = seen_at(states[layer], at)
            pictures.append(rgb(picture))
            names.append(f"{layer} · {psnr(picture, original.cpu()):.1f} dB")
        else:
            pictures.append(np.full_like(pictures[0], GRAY))
            names.append(f"{layer} …")
    return Content(np.stack(pictures), names=names, caption=f"{len(states)} of {len(layers)} layers")


def _curve(now: Now, layers: list[str], states: dict[str, OptimizationState]) -> dict:
    original = now.network.prepare(now.image)[0].cpu()
    near = {layers.index(layer): psnr(state.values, original) for layer, state in states.items()}
    ends = f"{next(iter(near.values())):.1f} to {near[max(near)]:.1f} dB"
    curves = {"PSNR": (list(near), list(near.values()))}
    return {"curves": curves, "numbers": {"PSNR": ends}, "end": max(1, len(layers) - 1), "ticks": layers}
