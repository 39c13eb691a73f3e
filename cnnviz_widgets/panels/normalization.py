"""T7: instance norm and batch norm in the same network for a style, trained on the same data."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import ipywidgets
import torch

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.training import TrainingState
from cnnviz_widgets.methods.style.contrast_response import ContrastResponse, contrast_response
from cnnviz_widgets.methods.style.train_style import train_style
from cnnviz_widgets.panels.call import As, Call
from cnnviz_widgets.panels.controls import another_picture, chosen, float_slider
from cnnviz_widgets.panels.fast_style import practice
from cnnviz_widgets.panels.growth import Growth, Plan
from cnnviz_widgets.panels.making import Making, StepView, steps_slider, together
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import computes
from cnnviz_widgets.panels.parts import Chart, View
from cnnviz_widgets.pictures import load_image
from cnnviz_widgets.runtime.runner import Frame

NORMS = ("instance", "batch")
CONTRASTS = (0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 1.75, 2.0)  # of the curves
SIDE = 192  # px of the photograph's shorter side
SELDOM = 10  # steps from one picture to the next


class Normalization(Making):
    """The same network for a style, with instance norm and with batch norm (Ulyanov et al. 2016).

    Both begin with the same weights and see the same data. Change the contrast of the photograph: what instance norm
    paints does not change, what batch norm paints does.

    style     the style: a sample's name, or what ``load_image`` takes
    contrast  of the photograph, around its mean
    size, style_size, seed
              as in ``cnnviz.train_style``
    """

    title = "Instance norm and batch norm"
    family = "style"
    chapters = ("16",)
    shows = "what two kinds of normalization do with the contrast of a photograph"
    as_call = "cnnviz.contrast_response(state, photo)"
    looks_back = False
    pickers = ("image",)
    style = another_picture("stained_glass", label="Style", styles=True, help="The picture whose style is learned")
    contrast = float_slider(0.5, 0.2, 2, step=0.1, form=".1f", label="Contrast", help="1 is the photograph as it is")
    steps = steps_slider(train_style, 1024, help="Training steps of each of the two networks")
    size = option(train_style, 64, 256, step=16, label="Size of the squares", more=True)
    style_size = option(train_style, 64, 512, step=16, label="Size of the style", more=True)
    seed = option(train_style, 0, 99, more=True)

    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **{"steps": 128} | settings)

    def views(self) -> list[ipywidgets.Widget]:
        painted = StepView("What is painted at this contrast, without the photograph beneath", "whole", labels=True,
                           max_width=900, max_height=300)  # fmt: skip
        curve = Chart("Change from contrast 1", "contrast", "mean |difference|", top=None)
        both = View("The whole result", "most", labels=True, controls=False, max_height=300)
        parts = {"painted": painted, "both": both, "curve": curve}
        return [self.part(name, part) for name, part in parts.items()]

    def subject(self) -> str:
        return f"normalization {(self._drawn or self._now()).style!r}"

    def compute(self, now: Now) -> Iterator[Frame]:
        total = now.rounds * now.steps
        for states in together({norm: self.grow(_plan(now, norm), now.rounds) for norm in NORMS}):
            latest = {norm: state for norm, (_, state) in states.items()}
            step = min(state.step for state in latest.values())
            shown = len(latest) == len(NORMS) and (step % SELDOM == 0 or step in (1, total))
            yield Frame(_parts(latest, now, self.contrast) if shown else {}, step, total)

    @computes
    def respond(self, now: Now) -> Frame:
        """The two networks, as far as they are trained, at this contrast."""
        latest = {norm: self._reached(now, norm) for norm in NORMS}
        states = {norm: state for norm, state in latest.items() if state is not None}
        return Frame(_parts(states, now, now.contrast) if len(states) == len(NORMS) else {})

    def call(self, now: Now) -> str:
        lines = [f"photos = {practice(now).written}", f"style = {chosen(now.style, 3).written}"]
        for norm in NORMS:
            lines += self.program(_plan(now, norm), now.rounds, norm)
        lines.append(f"small = {_small(now).written}")
        responses = ", ".join(f"cnnviz.contrast_response({norm}, small, [{now.contrast:g}])" for norm in NORMS)
        return "\n".join([*lines, f"display({responses})"])

    def _reached(self, now: Now, norm: str) -> TrainingState | None:
        plan = _plan(now, norm)
        growth = self._memo(plan.name, Growth).known(*plan.of)
        return growth and growth.last


def _small(now: Now) -> As:
    return As(load_image(now.image, size=SIDE), f"cnnviz.load_image(photo, size={SIDE})")


def _plan(now: Now, norm: str) -> Plan:
    photos, style = As(practice(now).value, "photos"), As(chosen(now.style, 3).value, "style")
    how = {"norm": norm, "size": now.size, "style_size": now.style_size, "seed": now.seed}

    def begin(number: int, _: TrainingState | None) -> Call:
        return Call(train_style, now.network, style, photos, **how, steps=number * now.steps)

    return Plan(norm, (now.network, now.image, now.style, now.steps, *how.values()), begin)


def _parts(states: dict[str, TrainingState], now: Now, contrast: float) -> dict[str, Any]:
    photo = _small(now).value
    responses = {norm: contrast_response(state, photo, [contrast]) for norm, state in states.items()}
    curves = {f"{norm} norm": contrast_response(state, photo, CONTRASTS) for norm, state in states.items()}
    given = next(iter(responses.values())).photos.clamp(0, 1)
    whole = [given, *(one.painted for one in responses.values())]
    return {
        "painted": partial(_painted, responses),
        "both": _tiles(whole, ["the photograph", *(f"{norm} norm" for norm in responses)]),
        "curve": {"curves": {name: (CONTRASTS, one.difference) for name, one in curves.items()}, "end": 2},
    }


def _painted(responses: dict[str, ContrastResponse], _: object) -> Content:
    names = [f"{norm} norm: {one.difference[0]:.3f} from contrast 1" for norm, one in responses.items()]
    return _tiles([one.values for one in responses.values()], names)


def _tiles(pictures: list[torch.Tensor], names: list[str]) -> Content:
    return Content(picture=rgb(torch.cat(pictures)), names=tuple(names), columns=len(names))  # to be compared
