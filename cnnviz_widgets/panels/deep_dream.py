"""D1: DeepDream: amplify what layers detect in a photograph."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import ipywidgets
import numpy as np
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.optimize import OptimizationState
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.features.dream import animation, balanced, dream, dream_zoom
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.controls import another_layer, another_picture, chosen, float_slider, slider, toggle
from cnnviz_widgets.panels.growth import Plan
from cnnviz_widgets.panels.making import Making, StepView, slug, steps_slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import argument, option
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.pictures import load_image
from cnnviz_widgets.runtime.memo import same
from cnnviz_widgets.runtime.runner import Frame

FILM = {"octaves": argument(dream_zoom, "octaves").default, "steps": 4}  # of every frame
FILM_SIZE = 192  # px of the shorter side
FRAMES_PER_SECOND = argument(dream_zoom, "frames_per_second").default

weight_slider = partial(float_slider, 1.0, 0, 2, step=0.1, form=".1f", more=True)


class DeepDream(Making):
    """A photograph in which the features that layers detect are amplified (Mordvintsev et al. 2015).

    film, frames, zoom
            a film: whether, how many frames, and the factor from one to the next
    weight, second, second_weight, third, third_weight
            weight of the chosen layer, and two more layers, relative to how strong each is in the photograph
    guide   a picture whose features are amplified instead: a sample's name, or what ``load_image`` takes; or ""
    Layers, weights, strength, jitter and guide steer a run under way; the rest is as in ``cnnviz.dream``.
    """

    title = "DeepDream"
    family = "features"
    chapters = ("11",)
    shows = "more of what a layer sees in a photograph"
    as_call = "cnnviz.dream(net, photo, layer)"
    pickers = ("image", "layer")
    strength = float_slider(
        255 * argument(dream, "step_size").default, 0.2, 6, step=0.1, form=".1f", label="Strength",
        help="Mean change of a pixel value in a step, of 255",
    )  # fmt: skip
    film = toggle(False, label="Zoom film", help="Dream, zoom in a little, dream again, and so on")
    second = another_layer(label="Layer 2", help="Another layer in the objective", more=True)
    second_weight = weight_slider(label="Weight 2", help="Of the second layer")
    third = another_layer(label="Layer 3", help="A third layer in the objective", more=True)
    third_weight = weight_slider(label="Weight 3", help="Of the third layer")
    weight = weight_slider(label="Weight 1", help="Of the chosen layer in the objective")  # pairs stay in a row
    size = slider(256, 96, 640, step=32, label="Size", help="Shorter side of the photograph in px", more=True)
    octaves = option(dream, 1, 8, help="Number of sizes in which it is optimized, from coarse to fine", more=True)
    octave_scale = option(dream, 1.1, 2, step=0.1, form=".1f", help="Factor from one octave to the next", more=True)
    steps = steps_slider(dream, 50, help="In each octave")
    jitter = option(dream, 0, 64, help="px by which the picture is rolled at random in every step", more=True)
    guide = another_picture(
        label="Guide", none="(none)", more=True, help="A picture whose features are amplified instead"
    )
    frames = option(dream_zoom, 2, 120, label="Frames", help="Of the film", more=True)
    zoom = option(dream_zoom, 1.01, 1.2, step=0.01, help="Factor from one frame of the film to the next", more=True)

    def views(self) -> list[ipywidgets.Widget]:
        self._film = self.part("film", _FilmView("The film", controls=False))
        self.shown_if("film", self._film)
        return [self.part("dream", StepView("The dream", "most", max_height=600)), self._film]

    def tools(self) -> list[ipywidgets.Widget]:
        """No steps to look at: the dream has the photograph beside it, and the film its own bar."""
        return []

    def files(self) -> dict[str, tuple[str, str]]:
        return {**super().files(), "film": ("Save film", "The film as an animated GIF: the frames so far")}

    def reset(self) -> None:
        self._parts["dream"].image.send_state("wipe")  # the browser has moved it
        super().reset()

    def compute(self, now: Now) -> Iterator[Frame]:
        """The dream, and then the film."""
        layers, photo = _layers(now), _scaled(now, now.size)()
        film = now.frames * FILM["octaves"] * FILM["steps"] * now.film
        for number, state in self.grow(_plan(now, layers), now.rounds):
            step, total = (number - 1) * state.total + state.step, now.rounds * state.total
            parts = {"dream": partial(_beside, photo, state, f"{state.of}: step {step} of {total}")}
            yield Frame(parts, step, total + film)
        if now.film:
            call = _film(now, layers)
            for frames, share in self.keep("film", (now.network, now.image, str(call)), partial(_frames, call)):
                yield Frame({"film": (frames, now.frames)}, total + round(film * share), total + film)

    def subject(self) -> str:
        return f"dream of {' and '.join(_weights(self._drawn or self._now()))}"

    def _press(self, button: str) -> None:
        if button != "film":
            super()._press(button)
            return
        frames = self.kept("film")
        if frames is None:
            raise UserError("there is no film yet: check “Zoom film”.")
        if not frames[0]:
            raise UserError("there is no film yet: its first frame is still in the making.")
        film = animation(frames[0], "gif", FRAMES_PER_SECOND)
        self._buttons.give(f"{slug(self.subject())}.gif", "image/gif", film)

    def call(self, now: Now) -> str:
        layers = _layers(now)
        dreamed = self.program(_plan(now, layers), now.rounds, "dreamed")
        film = [f"cnnviz.last({_film(now, layers)})"] if now.film else []
        return program({"picture": _scaled(now, now.size)}, *dreamed, *film, "dreamed")


def _scaled(now: Now, size: int) -> Call:
    return Call(load_image, now.image, size=size, channels=len(now.image))


def _plan(now: Now, layers: Any) -> Plan:
    photo, sizes = _scaled(now, now.size)(), {"octaves": now.octaves, "steps": now.steps}

    def begin(number: int, before: OptimizationState | None) -> Call:
        picture = As(photo if before is None else before.values, "picture")
        return Call(dream, now.network, picture, layers, **sizes, **_options(now), seed=number - 1)

    return Plan("dream", (now.network, now.image, now.size, now.octave_scale, sizes), begin, "picture")


def _film(now: Now, layers: Any) -> Call:
    options = {"frames": now.frames, "zoom": now.zoom, "frames_per_second": FRAMES_PER_SECOND, **FILM, **_options(now)}
    return Call(dream_zoom, now.network, _scaled(now, FILM_SIZE), As(None, '"dream.gif"'), layers, **options)


def _frames(call: Call) -> Iterator[tuple[tuple[np.ndarray, ...], float]]:
    """The frames that are whole, and how far the film is, 0…1."""
    frames: tuple[np.ndarray, ...] = ()
    for state in call():
        if state.step * call.options["frames"] % state.total == 0:
            frames = (*frames, rgb(state.values))
        yield frames, state.step / state.total


def _options(now: Now) -> dict[str, Any]:
    """What is not as ``dream`` has it by itself."""
    size = As(now.strength / 255, f"{now.strength} / 255")
    options = {"octave_scale": now.octave_scale, "step_size": size, "jitter": now.jitter}
    usual = {name for name, one in options.items() if same(getattr(one, "value", one), argument(dream, name).default)}
    guide = {"guide": chosen(now.guide, len(now.image))} if now.guide else {}
    return {name: one for name, one in options.items() if name not in usual} | guide


def _weights(now: Now) -> dict[str, float]:
    """Layer -> its weight, as the sliders say."""
    names = {layer.name for layer in now.network.layers}
    asked = [(now.layer, now.weight), (now.second, now.second_weight), (now.third, now.third_weight)]
    weights = {layer: weight for layer, weight in asked if layer in names and weight}
    if not weights:
        raise UserError("one of the weights must be above 0.")
    return weights


def _layers(now: Now) -> str | dict[str, float]:
    weights = _weights(now)
    return balanced(now.network, now.image, weights) if len(weights) > 1 else next(iter(weights))


def _beside(photo: Tensor, state: OptimizationState, caption: str, _: Any) -> Content:
    """The dream, and the photograph before it; there is no other step to look at."""
    return Content(rgb(state.values), before=rgb(photo), caption=caption)


class _FilmView(View):
    """A film that grows. ``show`` takes its frames so far, and how many there will be."""

    def show(self, film: tuple[tuple[np.ndarray, ...], int]) -> None:
        frames, total = film
        number = f"{len(frames)} of {total} frames" if frames else f"frame 1 of {total} is in the making"
        super().show(Content(frames[-1] if frames else None, caption=number))
        self.image.play(frames, FRAMES_PER_SECOND)
