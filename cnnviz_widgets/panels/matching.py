"""F7: of all inputs of the same norm, a filter responds most to the one that looks like it."""

from dataclasses import replace
from typing import Any

import ipywidgets
import numpy as np
import torch

from cnnviz_widgets.content import Content
from cnnviz_widgets.methods.convolution.best_input import BestInput, best_input
from cnnviz_widgets.methods.filters.filters import filters
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.controls import convolutions, current_convolution, float_slider, slider, toggle
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import Chart, Mark, View
from cnnviz_widgets.panels.session import Session
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.image_view import Region

SIDE, BOX = 161, 17  # px of the sphere's picture, and of the square on it
RANDOM = 1000  # inputs beside the chosen one


class Matching(Panel):
    """Which input of norm 1 makes a filter respond most? Drag over a sphere of inputs and see.

    None responds more than the norm of the weights, and only the one that looks like the filter as much (the inequality
    of Cauchy and Schwarz). Looking at weights therefore tells what a filter looks for.

    x, y       the input's place on the sphere, −1…1, as seen from in front: right and up
    responses  whether the sphere is colored by what the filter responds to each input
    seed       of the sphere, and of the random inputs
    """

    title = "Matching"
    family = "convolution"
    chapters = ("01",)
    shows = "inputs on a sphere, and the one to which a filter responds most: itself"
    as_call = "cnnviz.best_input(cnnviz.filters(net).values[0])"
    pickers = ("convolution", "channel")
    x = float_slider(-0.6, -1, 1, step=0.02, label="Right", help="The input's place on the sphere, from left to right")
    y = float_slider(0.0, -1, 1, step=0.02, label="Up", help="The input's place on the sphere, from bottom to top")
    responses = toggle(True, label="Show responses", help="Color each input of the sphere by the filter's response")
    seed = slider(0, 0, 99, label="Seed", help="Of the sphere, and of the random inputs", more=True)

    @classmethod
    def first_view(cls, session: Session) -> None:
        """The first convolution: its filters are small color pictures."""
        layers = convolutions(session.network)
        session.layer = (layers[0] if layers else session.network.default_layer).name

    def build(self) -> list[ipywidgets.Widget]:
        sphere = View("Inputs of norm 1: drag the square", colormap="RdBu", max_width=360)
        sphere.image.on_region(self.guarded(self._drag))
        sphere.image.tool, sphere.image.keeps_size = "rectangle", True
        self._parts["place"] = Mark(sphere, "region")
        small: dict[str, Any] = {"controls": False, "smooth": False, "max_width": 320}
        return [
            self.part("sphere", sphere),
            self.part("input", View("The input", **small)),
            self.part("filter", View("The filter", **small)),
            self.part("chart", Chart("Response", f"share of {RANDOM:,} random inputs", "response", top=None)),
        ]

    def _drag(self, box: Region | None) -> None:
        if box is not None:
            left, top, wide, tall = box
            x, y = (round(2 * at / (SIDE - 1) - 1, 3) for at in (left + wide // 2, SIDE - 1 - top - tall // 2))
            with self.hold_trait_notifications():
                self.x, self.y = (max(-1.0, min(1.0, one)) for one in (x, y))
        self._parts["place"].show(_box(self._now()))  # always of the same size, and in the picture

    def compute(self, now: Now) -> Frame:
        best = _best(now)()
        chosen = best.on_sphere(now.x, now.y, now.seed)
        response = best.response_to(chosen)
        angle = np.degrees(np.arccos(np.clip(response / best.response, -1, 1)))
        caption = f"response {response:.3g} = {best.response:.3g} · cos {angle:.0f}°"
        return Frame({
            "sphere": _sphere(best, now),
            "place": _box(now),
            "input": replace(replace(best, values=chosen).content(), caption=caption),
            "filter": best.content(),
            "chart": _curves(best, response, now.seed),
        })  # fmt: skip

    def call(self, now: Now) -> str:
        best, at = _best(now), (As(None, "best"), now.x, now.y, now.seed)
        return program(
            {"best": best, "given": Call(BestInput.on_sphere, *at)},
            'print(f"{best.response_to(given):.4g} of at most {best.response:.4g}")',
            "best",
        )


def _best(now: Now) -> Call:
    layer = current_convolution(now.network, now.layer).name
    weights = filters(now.network, layer).values
    channel = min(now.channel, len(weights) - 1)  # the session may look at another layer, which has more
    return Call(best_input, As(weights[channel], f'cnnviz.filters(net, "{layer}").values[{channel}]'))


def _box(now: Now) -> Region:
    """The square around the input's place, in px."""
    left, top = (round((1 + at) * (SIDE - 1) / 2) - BOX // 2 for at in (now.x, -now.y))
    return *(max(0, min(SIDE - BOX, at)) for at in (left, top)), BOX, BOX


def _sphere(best: BestInput, now: Now) -> Content:
    """The near half, as seen from in front."""
    along = torch.linspace(-1, 1, SIDE, dtype=torch.float64)
    x, y = torch.meshgrid(along, -along, indexing="xy")
    behind = (1 - x**2 - y**2).clamp(min=0).sqrt()
    light = (0.35 * behind + 0.65 * (0.6 * behind - 0.45 * x + 0.65 * y).clamp(min=0)).clamp(max=1)
    outside = x**2 + y**2 > 1
    if not now.responses:
        return Content(values=light.masked_fill(outside, torch.nan).numpy(), low=0, high=1)
    right, up = best.best_on_sphere(now.seed)
    cosines = right * x + up * y + max(0.0, 1 - right**2 - up**2) ** 0.5 * behind
    values = (best.response * cosines).masked_fill(outside, torch.nan)
    look: dict[str, Any] = {"signed": True, "caption": "in color: the response"}
    return Content(values=values.numpy(), low=-best.response, high=best.response, **look)


def _curves(best: BestInput, response: float, seed: int) -> dict[str, Any]:
    """The random inputs by their responses, below the chosen one's and the greatest."""
    generator = torch.Generator().manual_seed(seed)
    others = torch.randn(RANDOM, best.values.numel(), generator=generator, dtype=torch.float64)
    theirs = (others @ best.weights.flatten() / others.norm(dim=1)).sort().values
    shares = torch.linspace(0, 1, RANDOM).tolist()[:: RANDOM // 100]
    levels = {"best": best.response, "this input": response}
    curves = {name: ([0, 1], [level, level]) for name, level in levels.items()}
    numbers = {name: f"{level:.3g}" for name, level in levels.items()} | {"random": f"at most {theirs[-1]:.3g}"}
    return {"curves": curves | {"random": (shares, theirs[:: RANDOM // 100].tolist())}, "numbers": numbers}
