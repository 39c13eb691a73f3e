"""T6: a network that learns to paint, while it learns, and in use."""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.training import TrainingState
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.language import said
from cnnviz_widgets.methods.style.load_style import load_style, save_style, styles
from cnnviz_widgets.methods.style.train_style import train_style
from cnnviz_widgets.panels.call import As, Call
from cnnviz_widgets.panels.controls import NATURAL, another_picture, choice, chosen, float_slider, sample_of
from cnnviz_widgets.panels.growth import Growth, Plan
from cnnviz_widgets.panels.making import STOPS, Making, StepView, slug, steps_slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import computes
from cnnviz_widgets.panels.parts import Chart, View
from cnnviz_widgets.panels.stream import follow, frames
from cnnviz_widgets.pictures import load_image, samples
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.camera import Camera
from cnnviz_widgets.widgets.traits import OneOf, Text

SELDOM = 0.7  # s between two previews: they are passes of the network, and take time from the training
TRAINED, FROM_FILE = "trained here", "a file"
POINTS = 100  # of a curve of losses, which are those of one batch each
SIDE = 320  # px of the shorter side of what is painted
STYLE_FILE = "the path of a saved style", "A file that Save style has written; it must lie beside the notebook"
TRAINING_FILE = "the path of a saved training", "A file that Save training has written; it must lie beside the notebook"


@dataclass
class _History:
    """What a training has shown so far: the losses of its steps, and previews of some."""

    steps: list[int] = field(default_factory=list)
    losses: dict[str, list[float]] = field(default_factory=dict)
    previews: dict[int, Tensor] = field(default_factory=dict)

    def note(self, state: TrainingState) -> None:
        if self.steps and state.step <= self.steps[-1]:
            return
        self.steps.append(state.step)
        for name, value in state.losses.items():
            self.losses.setdefault(name, []).append(value)

    def curves(self, total: int) -> dict[str, Any]:
        """For a ``Chart``: means of as many steps as make at most 100 points."""
        every = -(-len(self.steps) // POINTS)
        ends = self.steps[every - 1 :: every]
        means = {
            name: [sum(values[end : end + every]) / every for end in range(0, len(ends) * every, every)]
            for name, values in self.losses.items()
        }
        numbers = {name: f"{values[-1]:.2f}" for name, values in means.items()}
        return {"curves": {name: (ends, values) for name, values in means.items()}, "numbers": numbers, "end": total}


class FastStyle(Making):
    """A network learns to paint in one style, in one pass (Johnson et al. 2016; Ulyanov et al. 2016).

    Below, the photograph by the network in training, or by one that is trained already: move the divider. With the
    camera on, what it sees is painted instead, also during the training.

    style     the style: a sample's name, or what ``load_image`` takes
    beta      weight of the style; it, ``alpha``, ``smoothness`` and ``learning_rate`` steer the training under way
    painter   what paints the photograph: "trained here", a bundled style, or "a file", that of ``file``
    file      the path of a saved style, see ``cnnviz.load_style``
    strength  0 is the photograph itself
    source    "photograph" or "camera", as long as it is on: see its button
    resume    the path of a training that was saved, to go on from; "" = from the beginning
    Other settings as in ``cnnviz.train_style``, which practices on the photograph and the sample pictures.
    """

    title = "Fast style transfer"
    family = "style"
    chapters = ("16",)
    shows = "a network that learns to paint, step by step, and the photograph as it paints it"
    as_call = 'cnnviz.train_style(net, "stained_glass", photos)'
    pickers = ("image",)
    style = another_picture("stained_glass", label="Style", styles=True, help="The picture whose style is learned")
    beta = option(train_style, 0, 100, step=1, form=".0f", label="Style weight β")
    painter = choice(
        TRAINED, [TRAINED, *styles(), FROM_FILE], label="Painted by", help="The network in training, or a trained one"
    )
    file = Text("").tag(setting=True, control=lambda panel: _path("Style file", *STYLE_FILE))
    strength = float_slider(1.0, 0, 1, step=0.05, label="Strength", help="0 is the photograph, 1 the style", more=True)
    steps = steps_slider(train_style, 4000, help="Training steps in a round; some 400 are a painting already")
    alpha = option(train_style, 0, 20, step=0.5, form=".1f", label="Content weight α", more=True)
    smoothness = option(train_style, 0, 20, step=0.5, form=".1f", label="TV weight", more=True)
    learning_rate = option(train_style, 0.0005, 0.01, step=0.0005, form=".4f", label="Learning rate", more=True)
    norm = option(train_style, label="Normalization", more=True)
    style_size = option(train_style, 64, 512, step=16, label="Size of the style", more=True)
    size = option(train_style, 64, 256, step=16, label="Size of the squares", more=True)
    batch = option(train_style, 1, 8, label="Batch", more=True)
    seed = option(train_style, 0, 99, more=True)
    resume = Text("").tag(setting=True, more=True, control=lambda panel: _path("Resume from", *TRAINING_FILE))
    source = OneOf(("photograph", "camera"), "photograph").tag(setting=True)

    def views(self) -> list[ipywidgets.Widget]:
        previews = StepView("Previews: what it makes of three photographs", "most", max_width=720, max_height=240)
        losses = Chart("Losses", "step", "loss times weight", top=None, height=220)
        painted = View("The photograph, painted: move the divider", "most", controls=False, max_width=720)
        style = View("The style", controls=False, max_width=300)
        parts = {"previews": previews, "losses": losses, "painted": painted, "style": style}
        self._camera = Camera(live=True, tooltip="Paint what the camera sees, instead of the photograph")
        follow(self, self._camera, "photograph")
        self._frame: Tensor | None = None  # what the camera saw last
        self.observe(lambda change: setattr(self, "painter", FROM_FILE if change["new"] else TRAINED), "file")
        *shown, beside = [self.part(name, part) for name, part in parts.items()]
        return [*shown, ipywidgets.VBox([beside, self._camera]).add_class("cnnviz-part")]

    def files(self) -> dict[str, tuple[str, str]]:
        return {
            "network": ("Save style", "The trained network, about 400 KB: for cnnviz.load_style"),
            "training": ("Save training", "All that it takes to go on later: see Resume from, under Settings"),
            **super().files(),
        }

    def subject(self) -> str:
        return f"style {(self._drawn or self._now()).style!r}"

    def compute(self, now: Now) -> Iterator[Frame]:
        plan, total, shown = _plan(now), now.rounds * now.steps, 0.0
        history = self._memo("history", _History).reached(*plan.of)
        yield Frame({"style": Content(picture=rgb(_style(now).value))}, 0, total)
        for _, state in self.grow(plan, now.rounds):
            history.note(state)
            kept, parts = state.step in STOPS or state.step == total, {}
            if kept:
                history.previews[state.step] = state.preview
            if kept or time.monotonic() - shown > SELDOM:
                parts = {"previews": partial(_previews, history, state), "losses": history.curves(total)}
                frame = next(frames(self._camera, SIDE, wait=0), None) if now.source == "camera" else None
                if self.painter == TRAINED or frame is not None:
                    parts |= self._painted(now, self.painter, self.file, self.strength, frame)
                shown = time.monotonic()
            yield Frame(parts, state.step, total)
        for seen in frames(self._camera, SIDE) if now.source == "camera" else ():
            parts = {} if seen is None else self._painted(now, self.painter, self.file, self.strength, seen)
            yield Frame(parts, total, total)

    @computes
    def paint(self, now: Now) -> Frame:
        """The photograph, by what is chosen to paint it, or what the camera saw last."""
        return Frame(self._painted(now, now.painter, now.file, now.strength))

    def _painted(
        self, now: Now, painter: str, file: str, strength: float, frame: Tensor | None = None
    ) -> dict[str, Any]:
        """What is shown; in the midst of a training painter, file and strength are not of now, or it began anew."""
        if frame is not None:
            self._frame = frame
        seen = self._frame if now.source == "camera" else None
        trained = self._reached(now) if painter == TRAINED else _named(painter, file)
        return (
            {}
            if trained is None
            else {"painted": _content(trained, _small(now).value if seen is None else seen, strength)}
        )

    def call(self, now: Now) -> str:
        painter = "state" if now.painter == TRAINED else repr(_named(now.painter, now.file))
        strength = "" if now.strength == 1 else f", strength={now.strength:g}"
        training = [
            f"photos = {practice(now).written}",
            f"style = {_style(now).written}",
            *self.program(_plan(now), now.rounds),
        ]
        lines = [*(training if now.painter == TRAINED else ()), f"small = {_small(now).written}"]
        return "\n".join([*lines, f"cnnviz.load_style({painter})(small{strength})"])

    def _reached(self, now: Now) -> TrainingState | None:
        plan = _plan(now)
        growth = self._memo(plan.name, Growth).known(*plan.of)
        return growth and growth.last

    def _press(self, button: str) -> None:
        if button not in ("network", "training"):
            super()._press(button)
            return
        state = self._reached(self._drawn or self._now())
        if state is None:
            raise UserError("there is no trained network yet.")
        write, suffix = (save_style, "safetensors") if button == "network" else (TrainingState.save, "training")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "file"
            write(state, file)
            content = file.read_bytes()
        self._buttons.give(f"{slug(self.subject())}.{suffix}", "application/octet-stream", content)


def practice(now: Now) -> As:
    """The pictures that are practiced on: the session's, and the other samples that are no styles."""
    name = sample_of(now.image)
    left_out = samples().styles if name is None else (*samples().styles, name)
    others = "cnnviz.samples().styles" if name is None else f'(*cnnviz.samples().styles, "{name}")'
    written = f"[photo, *(one for one in cnnviz.samples() if one not in {others})]"
    return As([now.image, *(one for one in samples() if one not in left_out)], written)


def _named(painter: str, file: str) -> str:
    """The style that is loaded: its name, or its path."""
    if painter == FROM_FILE and not file:
        raise UserError("file must be the path of a saved style, for a picture that is painted by a file.")
    return file if painter == FROM_FILE else painter


def _path(label: str, placeholder: str, help: str) -> ipywidgets.Widget:
    return ipywidgets.Text(
        description=said(label),
        placeholder=said(placeholder),
        tooltip=said(help),
        continuous_update=False,
        style=NATURAL,
    )


def _style(now: Now) -> As:
    return chosen(now.style, 3)


def _small(now: Now) -> As:
    return As(load_image(now.image, size=SIDE), f"cnnviz.load_image(photo, size={SIDE})")


def _plan(now: Now) -> Plan:
    photos = As(practice(now).value, "photos")
    names = ("alpha", "beta", "smoothness", "learning_rate", "norm", "style_size", "size", "batch", "seed")
    how = {name: getattr(now, name) for name in names}
    others = (now.image, now.style, now.norm, now.style_size, now.size, now.batch, now.resume)
    style = As(_style(now).value, "style")

    def begin(number: int, _: TrainingState | None) -> Call:
        start = {"start": now.resume} if now.resume else {}
        return Call(train_style, now.network, style, photos, **how, **start, steps=number * now.steps)

    return Plan("network", (now.network, now.steps, now.seed, *others), begin)


def _previews(history: _History, state: TrainingState, at: int | None) -> Content:
    """Of the step that is looked at, or of the latest where none was kept of it."""
    step = at if at in history.previews and at < state.step else state.step
    picture = history.previews[step] if step != state.step else state.preview
    return Content(picture=rgb(picture), caption=f"step {step} of {state.total}")


def _content(painter: TrainingState | str, photo: Tensor, strength: float) -> Content:
    styled = load_style(painter)(photo, strength)
    return Content(picture=rgb(styled.values), before=rgb(photo), caption=styled.of)
