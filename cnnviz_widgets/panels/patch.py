"""X7: a patch that is trained, and then dragged over a photograph."""

import time
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from typing import Any

import ipywidgets
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.drawing.words import percent
from cnnviz_widgets.engine.optimize import OptimizationState
from cnnviz_widgets.engine.optimize.balls import in_8_bits
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.adversarial.apply_patch import apply_patch
from cnnviz_widgets.methods.adversarial.patch import patch
from cnnviz_widgets.methods.adversarial.patch_success import patch_success
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels.call import As, Call, class_named, program, written
from cnnviz_widgets.panels.controls import sample_of, several_classes
from cnnviz_widgets.panels.growth import Growth, Plan
from cnnviz_widgets.panels.making import Making, StepView, at_step, planned, seed_slider, slug, steps_slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import computes
from cnnviz_widgets.panels.parts import Bars, Chart, Mark, View
from cnnviz_widgets.pictures import samples
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.image_view import Region
from cnnviz_widgets.widgets.traits import Area

SELDOM = 0.3  # s between two looks at the photograph, which take time from the training
FIRST = ("toaster", "goldfish")  # classes to begin with, where the network has them
PAGE, DPI = 8 / 2.54, 300  # inches: the width of a printed patch


class Patch(Making):
    """A patch that is taken for a class, wherever it lies (Brown et al. 2017).

    It is trained on half of the sample pictures. Drag it on the photograph, by the mouse or the arrow keys, and turn
    it: the label follows. Below, how often it works on the other half, beside a patch of noise.

    toward  the class; () = "toaster" or "goldfish", where the network knows it, else the least probable one of gray
    where   (x, y, width, height) of the patch in px of the photograph; None = in the middle, in its own size
    angle   degrees, counterclockwise
    Other settings as in ``cnnviz.patch``; its weights and learning rate steer a run under way.
    """

    title = "Patch"
    family = "adversarial"
    chapters = ("13",)
    shows = "a sticker that is taken for a class, wherever it is dragged"
    as_call = 'cnnviz.patch(net, photos, "goldfish")'
    pickers = ("image",)
    toward = several_classes(
        1, label="Toward", none="(toaster or goldfish)", help="The class that the patch is taken for"
    )
    area = option(patch, 0.01, 0.25, step=0.01, label="Area", help="Share of the picture that the patch covers")
    angle: Any = option(apply_patch, -180, 180, step=5, form=".0f", label="Angle")
    steps = steps_slider(patch, 512)
    shape: Any = option(patch, more=True)
    degrees = option(patch, 0, 180, step=5, form=".0f", label="Turned by", more=True)
    sizes = option(patch, 0, 0.9, step=0.05, label="Sizes ±", more=True)
    smoothness = option(patch, 0, 20, step=0.5, form=".1f", label="TV weight", more=True)
    printable = option(patch, 0, 50, step=1, form=".0f", label="Printability", more=True)
    samples = option(patch, 1, 16, label="Photographs in a step", more=True)
    learning_rate = option(patch, 0.005, 0.2, step=0.005, form=".3f", label="Learning rate", help="Of Adam", more=True)
    seed = seed_slider()
    where = Area(None).tag(setting=True)

    def views(self) -> list[ipywidgets.Widget]:
        self._measured: Memo[list[Content]] = Memo(list)
        made = StepView("The patch", max_width=220)
        stage = View("Drag the patch", controls=False, max_width=440)
        stage.image.on_region(self.guarded(self._drag))
        stage.image.tool = "rectangle"
        self._parts["box"] = Mark(stage, "region")
        others = View("On photographs that it was not trained on", "whole", labels=True, controls=False, max_width=1076)
        losses = Chart("Cross entropy of the class", "step", "loss", top=None, height=200)
        return [
            self.part("patch", made),
            self.part("stage", stage),
            self.part("bars", Bars("What the network sees")),
            self.part("losses", losses),
            self.part("others", others),
        ]

    def files(self) -> dict[str, tuple[str, str]]:
        return {**super().files(), "print": ("Print", "The patch, 8 cm wide at 300 dpi, to be cut out")}

    def _drag(self, box: Region | None) -> None:
        self.where = box

    def compute(self, now: Now) -> Iterator[Frame]:
        plan, total, shown = _plan(now), now.rounds * now.steps, 0.0
        losses = self._memo("losses", dict[int, float]).reached(*plan.of)
        for _, state in self.grow(plan, now.rounds):
            losses[state.step] = state.loss
            parts: dict[str, Any] = {"patch": partial(_content, state)}
            ends = state.step == total
            if ends or time.monotonic() - shown > SELDOM:
                parts |= {"losses": _curve(losses, total), **self._stuck(now, state)}
                shown = time.monotonic()
            if ends:
                parts["others"] = self._success(now, state)
            yield Frame(parts, state.step, total)

    @computes
    def place(self, now: Now) -> Frame:
        """The photograph with the patch, where it was dragged."""
        state, _ = self._reached(now), (now.where, now.angle, now.image)
        return Frame({} if state is None else self._stuck(now, state))

    def _stuck(self, now: Now, state: OptimizationState) -> dict[str, Any]:
        """The photograph with the patch where it is now, not where it was when the training began."""
        side = state.values.shape[-1]
        photo = now.network.prepare(now.image)[0].cpu()
        box = _box(self.where, photo, side)
        picture = _applied(As(photo, "photo"), As(state.values, "patch"), box, side, self.angle, self.shape)()
        picture = in_8_bits(picture)
        top = now.network.predict(picture)
        caption = f"{top[0].name} {percent(top[0].probability)}"
        return {"stage": Content(rgb(picture), caption=caption), "box": box, "bars": (top, _toward(now))}

    def _success(self, now: Now, state: OptimizationState) -> Content:
        known = self._measured.reached(state)
        if not known:
            try:
                measured = patch_success(
                    now.network, _photos(now)[1].value, state.values, _toward(now), shape=now.shape,
                    degrees=now.degrees, sizes=now.sizes,
                )  # fmt: skip
                known.append(measured.content())
            except UserError:  # all of them are taken for the class without it
                known.append(Content())
        return known[0]

    def subject(self) -> str:
        now = self._drawn or self._now()
        return f"patch {now.network.classes[_toward(now)]}"

    def call(self, now: Now) -> str:
        state = self._reached(now)
        side = 1 if state is None else state.values.shape[-1]
        shown = now.network.prepare(now.image)[0].cpu()
        prepared = As(shown, "net.prepare(photo)[0]")
        pasted = _applied(prepared, As(None, "state.values"), _box(now.where, shown, side), side, now.angle, now.shape)
        training = [f"photos = {_photos(now)[0].written}", *self.program(_plan(now), now.rounds)]
        return program(*training, {"stuck": pasted}, "print(net.predict(stuck)[0])", "state")

    def _reached(self, now: Now) -> OptimizationState | None:
        plan = _plan(now)
        growth = self._memo(plan.name, Growth).known(*plan.of)
        return growth and growth.last

    def _press(self, button: str) -> None:
        if button != "print":
            return super()._press(button)
        state = self._reached(self._drawn or self._now())
        if state is None:
            raise UserError("there is no patch yet.")
        buffer = BytesIO()
        _printed(state.values, self.shape).save(buffer, "PNG", dpi=(DPI, DPI))
        self._buttons.give(f"{slug(self.subject())}-print.png", "image/png", buffer.getvalue())


def _toward(now: Now) -> int:
    if now.toward:
        return now.toward[0]
    return _first(now.network)


def _first(network: Network) -> int:
    names = [name.lower() for name in network.classes]
    if known := [names.index(one) for one in FIRST if one in names]:
        return known[0]
    least: Any = network.predict(torch.full((network.channels, 64, 64), 0.5), len(names))[-1]
    return least.index


def _photos(now: Now) -> tuple[As, As]:
    """Samples to train on, and samples to try it on: every other one. The session's picture is in neither."""
    name = sample_of(now.image)
    left_out = [*samples().styles, *([] if name is None else [name])]
    kept = [one for one in samples() if one not in left_out]
    every = f"[one for one in cnnviz.samples() if one not in {written(left_out)}]"
    return As(kept[::2], f"{every}[::2]"), As(kept[1::2], f"{every}[1::2]")


def _plan(now: Now) -> Plan:
    names = ("area", "shape", "degrees", "sizes", "smoothness", "printable", "samples", "learning_rate")
    how = {name: getattr(now, name) for name in names}
    photos = As(_photos(now)[0].value, "photos")
    call = Call(patch, now.network, photos, class_named(now.network, _toward(now)), **how)
    return planned("patch", now, call, now.toward, now.area, now.shape, sample_of(now.image))


def _box(where: Any, photo: Tensor, side: int) -> Region:
    """(x, y, width, height) of the patch in the photograph."""
    height, width = photo.shape[-2:]
    if isinstance(where, tuple) and where[2] and where[3]:
        x, y, wide, tall = where
        return min(x, width - 1), min(y, height - 1), min(wide, width), min(tall, height)
    return (width - side) // 2, (height - side) // 2, side, side


def _applied(photo: As, patch: As, box: Region, side: int, angle: float, shape: str) -> Call:
    x, y, wide, tall = box
    position, scale = (x + wide / 2, y + tall / 2), min(wide, tall) / side
    return Call(apply_patch, photo, patch, position, angle=angle, scale=scale, shape=shape)


def _content(state: OptimizationState, at: int | None) -> Content:
    step, picture = at_step(state, at)
    return Content(rgb(picture), caption=f"step {step} of {state.total}")


def _curve(losses: dict[int, float], total: int) -> dict[str, Any]:
    steps = sorted(losses)
    values = [losses[step] for step in steps]
    return {"curves": {"loss": (steps, values)}, "numbers": {"loss": f"{values[-1]:.2f}"}, "end": total}


def _printed(patch: Tensor, shape: str) -> Image.Image:
    """The patch on white, enlarged to the width of a print."""
    side = round(PAGE * DPI)
    page = Image.fromarray(rgb(patch)).resize((side, side), Image.Resampling.BICUBIC)
    if shape == "square":
        return page
    one = torch.arange(side) + 0.5 - side / 2
    inside = np.asarray(torch.hypot(one[:, None], one[None]) <= side / 2)
    return Image.fromarray(np.where(inside[..., None], np.asarray(page), 255).astype(np.uint8))
