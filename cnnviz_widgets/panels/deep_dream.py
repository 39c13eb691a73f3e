"""D1: whatever layers see in a photograph, they are shown more of it."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
from torch import Tensor
from traitlets import TraitType, link

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.optimize import OptimizationState
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.methods.features.dream import dream, dream_zoom, write_film
from cnnviz_widgets.panels.controls import NATURAL, choice, default, float_slider, layer_label, slider, toggle
from cnnviz_widgets.panels.making import Making, Reel, rounds_slider, slug, steps_slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.pictures import load_image, samples
from cnnviz_widgets.runtime.runner import Frame

NONE = "(none)"
FILM = {"octaves": default(dream_zoom, "octaves"), "steps": 4}  # of every frame
FILM_SIZE = 192  # px of the shorter side
FRAMES_PER_SECOND = default(dream_zoom, "frames_per_second")


def another_layer(label: str, help: str) -> TraitType:
    """A layer of the session's network; "" = none."""

    def build(panel: Panel) -> ipywidgets.Widget:
        return _LayerChoice(panel, description=label, tooltip=help, style=NATURAL)

    return _LayerName("", help=help).tag(setting=True, control=build, more=True)


class _LayerName(TraitType):
    def validate(self, owner: Panel, value: Any) -> str:
        with naming(self.name):
            return "" if isinstance(value, str) and not value else owner.session.network.layer(value).name


class _LayerChoice(ipywidgets.Dropdown):
    def __init__(self, panel: Panel, **words: Any) -> None:
        super().__init__(**words)
        self._session = panel.session
        self._offer()
        self._session.observe(self._offer, "network")

    def _offer(self, _: Any = None) -> None:
        layers = [layer for layer in self._session.network.layers if layer.spatial]
        self.options = [(NONE, ""), *((layer_label(layer), layer.name) for layer in layers)]

    def close(self) -> None:
        if self._session is not None:
            self._session.unobserve(self._offer, "network")
            self._session = None
        super().close()


class DeepDream(Making):
    """A photograph in which layers see more and more of what they know (Mordvintsev et al. 2015).

    weight, second, second_weight, third, third_weight
                  of the chosen layer, and of two more, relative to how strong each layer is in the photograph
    size          px of the photograph's shorter side
    octaves       sizes in which it is dreamed, each ``octave_scale`` times the one before
    steps         in each octave;   strength   mean change in a step, of 255;   jitter   px by which it is rolled
    guide         name of a sample picture to dream of, or ""
    film, frames, zoom
                  fall into the dream: whether, how many frames, and the factor from one to the next
    """

    title = "DeepDream"
    family = "features"
    chapters = ("11",)
    shows = "more of what a layer sees in a photograph"
    as_call = "cnnviz.dream(net, photo, layer)"
    pickers = ("image", "layer")
    weight = float_slider(1.0, 0, 2, step=0.1, form=".1f", label="Weight", help="Of this layer in the mix")
    second = another_layer("Layer 2", "Another layer in the mix")
    second_weight = float_slider(
        1.0, 0, 2, step=0.1, form=".1f", label="Weight 2", help="Of the second layer", more=True
    )
    third = another_layer("Layer 3", "A third layer in the mix")
    third_weight = float_slider(1.0, 0, 2, step=0.1, form=".1f", label="Weight 3", help="Of the third layer", more=True)
    size = slider(256, 96, 640, step=32, label="Size", help="Pixels of the photograph's shorter side: large is slow")
    octaves = slider(
        default(dream, "octaves"), 1, 8, label="Octaves", help="Sizes in which it is dreamed, from coarse to fine"
    )
    octave_scale = float_slider(
        default(dream, "octave_scale"), 1.1, 2, step=0.1, form=".1f", label="Octave ×", help="From one size to the next"
    )
    steps = steps_slider(default(dream, "steps"), 50)
    rounds = rounds_slider()
    strength = float_slider(
        255 * default(dream, "step_size"), 0.2, 6, step=0.1, form=".1f", label="Strength",
        help="Mean change in a step, of 255",
    )  # fmt: skip
    jitter = slider(
        default(dream, "jitter"), 0, 64, label="Jitter", help="Pixels by which the picture is rolled in every step"
    )
    guide = choice("", {"": NONE, **{name: name for name in samples()}}, label="Guide", help="A picture to dream of")
    film = toggle(False, label="Zoom film", help="Dream, zoom in a little, dream of that, and so on")
    frames = slider(default(dream_zoom, "frames"), 2, 120, label="Frames", help="Of the film")
    zoom = float_slider(
        default(dream_zoom, "zoom"), 1.01, 1.2, step=0.01, label="Zoom", help="From one frame of the film to the next"
    )

    def views(self) -> list[ipywidgets.Widget]:
        dreamed = Reel("The dream", "most", max_width=780, max_height=520)
        film = Reel("The film", max_width=448)
        self._play = ipywidgets.Play(
            min=1, interval=1000 // FRAMES_PER_SECOND, description="Play", tooltip="Play the film"
        )
        self._frame = ipywidgets.IntSlider(
            min=1, description="Frame", tooltip="The frame that is looked at", style=NATURAL
        )
        self._frame.layout.width = "auto"
        link((self._play, "value"), (self._frame, "value"))
        self._frame.observe(self.guarded(lambda change: film.look_at(change["new"])), "value")
        rows = [self.part("dream", dreamed)]
        column = ipywidgets.VBox([self.part("film", film), self._frame, self._play])
        self._film = column.add_class("cnnviz-part")
        self._folder = tempfile.TemporaryDirectory(prefix="cnnviz-")
        self._lay_out()
        self.observe(self._lay_out, ["film", "frames"])
        return [*rows, self._film]

    def tools(self) -> list[ipywidgets.Widget]:
        """Instead of steps: how much of the photograph covers the dream."""
        before = ipywidgets.IntSlider(
            0, 0, 100, description="Before", tooltip="Per cent of the photograph over the dream", style=NATURAL
        )
        before.layout.flex, before.layout.width = "1 1 260px", "auto"
        before.observe(self.guarded(lambda change: self._parts["dream"].look_at(change["new"])), "value")
        self._before = before
        return [before]

    def files(self) -> dict[str, tuple[str, str]]:
        return {**super().files(), "film": ("Save film", "The film as an animated GIF, as far as it has come")}

    def reset(self) -> None:
        self._before.value = 0
        super().reset()

    def close(self) -> None:
        if not self._closed:
            super().close()
            self.wait()  # the film that is being made is still written
            self._reached = {}
            self._folder.cleanup()

    def _lay_out(self, _: Any = None) -> None:
        self._film.layout.display = None if self.film else "none"
        self._play.max = self._frame.max = self.frames
        self._frame.value = self._frame.max

    def compute(self, now: Now) -> Iterator[Frame]:
        """The dream, and then the film."""
        mix = _mix(now)
        of = now.network, now.image, mix, now.octave_scale, now.strength, now.jitter, now.guide
        photo, film = _scaled(now.image, now.size), now.frames * FILM["octaves"] * FILM["steps"] * now.film
        for state in self._going_on(
            "dream", (*of, now.size, now.octaves, now.steps), now.rounds, _dreams(now, photo, mix)
        ):
            yield Frame({"dream": partial(_beside, photo, state)}, state.step, state.total + film)
        if now.film:
            path, done = Path(self._folder.name) / "dream.gif", state.total
            for frames, share in self._going_on("film", (*of, now.frames, now.zoom), 1, _film(now, path, mix)):
                yield Frame({"film": partial(_frame, frames, now.frames)}, done + round(film * share), done + film)

    def subject(self) -> str:
        now = self._drawn or self._now()
        return f"dream of {' and '.join(_mix(now))}"

    def _press(self, button: str) -> None:
        if button != "film":
            super()._press(button)
            return
        known = self._reached.get("film")
        if known is None or known.last is None:
            raise UserError("there is no film yet: check “Zoom film”.")
        frames, _ = known.last
        if not frames:
            raise UserError("there is no film yet: its first frame is still in the making.")
        path = Path(self._folder.name) / "so far.gif"
        write_film(frames, path, FRAMES_PER_SECOND)
        self._buttons.give(f"{slug(self.subject())}.gif", "image/gif", path.read_bytes())

    def call(self, now: Now) -> str:
        mix = _mix(now)
        channels = "" if len(now.image) == 3 else f", channels={len(now.image)}"
        guide = f', guide=cnnviz.load_image("{now.guide}"{channels})' if now.guide else ""
        options = f", octave_scale={now.octave_scale}, step_size={now.strength} / 255, jitter={now.jitter}{guide}"
        one = f"cnnviz.dream(net, picture, layers, octaves={now.octaves}, steps={now.steps}{options}, seed=seed)"
        lines = [
            f"layers = {mix if len(mix) > 1 else list(mix)}",
            f"picture = cnnviz.load_image(photo, size={now.size}{channels})",
            f"for seed in range({now.rounds}):",
            f"    dreamed = cnnviz.last({one})",
            "    picture = dreamed.values",
        ]
        if now.film:
            film = {"frames": now.frames, "zoom": now.zoom, "frames_per_second": FRAMES_PER_SECOND, **FILM}
            more = "".join(f", {name}={value}" for name, value in film.items())
            small = f"cnnviz.load_image(photo, size={FILM_SIZE}{channels})"
            lines.append(f'cnnviz.last(cnnviz.dream_zoom(net, {small}, "dream.gif", layers{more}{options}))')
        return "\n".join([*lines, "dreamed"])


def _scaled(image: Tensor, size: int) -> Tensor:
    return load_image(image, size=size, channels=len(image))


def _dreams(now: Now, photo: Tensor, mix: dict) -> Callable[..., Iterator[OptimizationState]]:
    def begin(round: int, before: OptimizationState | None) -> Iterator[OptimizationState]:
        image, sizes = photo if before is None else before.values, {"octaves": now.octaves, "steps": now.steps}
        for state in dream(now.network, image, mix, **sizes, **_options(now), seed=round - 1):
            yield replace(state, step=(round - 1) * state.total + state.step, total=now.rounds * state.total)

    return begin


def _film(now: Now, path: Path, mix: dict) -> Callable[..., Iterator[tuple[tuple[np.ndarray, ...], float]]]:
    """Yields the frames that are whole, and how far the film is, 0…1."""

    def begin(*_: Any) -> Iterator[tuple[tuple[np.ndarray, ...], float]]:
        frames, photo = (), _scaled(now.image, FILM_SIZE)
        how = {"frames": now.frames, "zoom": now.zoom, "frames_per_second": FRAMES_PER_SECOND}
        for state in dream_zoom(now.network, photo, path, mix, **how, **FILM, **_options(now)):
            if state.step * now.frames % state.total == 0:
                frames = (*frames, rgb(state.values))
            yield frames, state.step / state.total

    return begin


def _options(now: Now) -> dict[str, Any]:
    guide = load_image(now.guide, channels=len(now.image)) if now.guide else None
    return {"octave_scale": now.octave_scale, "step_size": now.strength / 255, "jitter": now.jitter, "guide": guide}


def _mix(now: Now) -> dict[str, float]:
    """By layer, its weight, divided by how strong the layer is in the photograph: layers differ a thousandfold."""
    names = {layer.name for layer in now.network.layers}
    asked = [(now.layer, now.weight), (now.second, now.second_weight), (now.third, now.third_weight)]
    mix = {layer: weight for layer, weight in asked if layer in names and weight}
    if not mix:
        raise UserError("one of the weights must be above 0.")
    if len(mix) == 1:
        return dict.fromkeys(mix, 1.0)
    values = now.network.activations(now.image, list(mix))
    return {
        name: float(f"{weight / max(float(values[name].square().mean()), 1e-12):.3g}") for name, weight in mix.items()
    }


def _beside(photo: Tensor, state: OptimizationState, share: int | None) -> Content:
    """The dream, and over its left ``share`` per cent the photograph."""
    dreamed, before = rgb(state.values).copy(), rgb(photo)
    column = dreamed.shape[1] * (share or 0) // 100
    dreamed[:, :column] = before[:, :column]
    if 0 < column < dreamed.shape[1] - 1:
        dreamed[:, column : column + 2] = 255
    return Content(dreamed, caption=f"{state.of}: step {state.step} of {state.total}")


def _frame(film: tuple[np.ndarray, ...], total: int, number: int | None) -> Content:
    if not film:
        return Content(caption=f"frame 1 of {total} is in the making")
    number = min(number or total, len(film))
    return Content(film[number - 1], caption=f"frame {number} of {total}")
