"""T5: a doodle of regions that becomes a painting."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import ipywidgets
import numpy as np
import torch
from torch import Tensor
from traitlets import HasTraits, TraitType

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.optimize import OptimizationState
from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came
from cnnviz_widgets.language import said
from cnnviz_widgets.methods.style.doodle import doodle
from cnnviz_widgets.methods.style.suggest_mask import suggest_mask
from cnnviz_widgets.methods.style.transfer import transfer
from cnnviz_widgets.panels.call import As, Call
from cnnviz_widgets.panels.controls import NATURAL, another_picture, chosen, slider
from cnnviz_widgets.panels.growth import Plan
from cnnviz_widgets.panels.making import STOPS, Making, StepView, at_step, steps_slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.pictures import as_text
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.runtime.runner import Frame

LEAST, MOST = 2, 6  # regions
SEEN = 192  # px: the shorter side of the painting, on which its regions are painted
CANVAS = 128  # px: a side of the doodle
BLANK = 236  # of 255: an empty canvas is seen on a white page, too


class _Names(TraitType):
    """Names of regions, with commas between them."""

    def validate(self, owner: HasTraits, value: Any) -> str:
        several = value.split(",") if isinstance(value, str) else value
        if isinstance(several, Sequence) and all(isinstance(one, str) for one in several):
            names = [one.strip() for one in several]
            if LEAST <= len({*names} - {""}) == len(names) <= MOST:
                return ", ".join(names)
        raise UserError(f"{self.name} must be {LEAST} to {MOST} different names, with commas, not {came(value)}.")


class _Labels(TraitType):
    """(H, W) uint8: the number of a region at each pixel, from 1; 0 = not painted, which is the first; or None."""

    def validate(self, owner: HasTraits, value: Any) -> np.ndarray | None:
        if value is None:
            return None
        try:
            labels = np.asarray(value)
        except (TypeError, ValueError, RuntimeError):  # no array can be made of it
            labels = np.empty(0)
        if labels.ndim != 2 or not labels.size or labels.dtype.kind not in "bui" or not 0 <= labels.max() <= MOST:
            raise UserError(f"{self.name} must be (H, W) whole numbers from 0 to {MOST}, or None, not {came(value)}.")
        return labels.astype(np.uint8)


class _Painted(View):
    """A picture on which regions are painted. ``show`` takes (content, labels), None = those that are there."""

    def show(self, shown: Any) -> None:
        content, labels = shown
        super().show(content)
        if labels is not None:
            self.paint(labels)

    def paint(self, labels: np.ndarray) -> None:
        """Show these labels, unless they are there: what was painted just now stays in the browser's undo."""
        before = self.image.mask
        if labels.shape == self.image.content.size and (before is None or not np.array_equal(labels, before)):
            self.image.mask = labels


class Doodle(Making):
    """A doodle of regions that gets the textures of a painting's regions (Champandard 2016).

    style       the painting: a sample's name, or what ``load_image`` takes
    regions     their names, 2 to 6, with commas between them
    style_mask  (H, W) whole numbers: the region of each pixel of the painting, whose shorter side is 192 px here, from
                1; None = suggested by color and place
    mask        the same of the doodle, 128 × 128 px; None = an empty canvas, which is the first region
    content     a picture that the doodle is painted over, and whose content is kept; "" = none
    match, color, size, pooling
                as in ``cnnviz.doodle``
    All but style, content and size steer a run under way; so does every stroke of the brush.
    """

    title = "Doodle"
    family = "style"
    chapters = ("15",)
    shows = "a sketch of regions that becomes a painting"
    as_call = "cnnviz.doodle(net, style, style_mask, mask)"
    pickers = ()
    at_once = ("mask", "style_mask")
    style = another_picture("swirling_strokes", label="Painting", styles=True, help="Its textures are painted with")
    content = another_picture(
        label="Content", none="none", help="A picture that the doodle is painted over, and whose content is kept"
    )
    regions = _Names("stars, sky, field", help="Names of the regions, with commas: 2 to 6").tag(
        setting=True,
        control=lambda panel: ipywidgets.Text(
            description=said("Regions"),
            tooltip=said("Names, with commas: 2 to 6"),
            continuous_update=False,
            style=NATURAL,
        ),
    )
    steps = steps_slider(doodle, 256)
    size = slider(128, 64, 256, step=32, label="Size", help="px of a side of what is made")
    match = option(transfer, more=True)
    color = option(transfer, 0, 2, step=0.1, form=".1f", label="Color weight", more=True)
    pooling = option(transfer, more=True)
    style_mask = _Labels(None, allow_none=True).tag(setting=True)
    mask = _Labels(None, allow_none=True).tag(setting=True)

    def views(self) -> list[ipywidgets.Widget]:
        painting = _Painted("The painting: paint its regions", controls=False, max_width=420)
        canvas = _Painted("Your doodle: paint here", controls=False, max_width=420)
        result = StepView("What becomes of it", max_width=420)
        for name, view in {"style_mask": painting, "mask": canvas}.items():
            view.image.on_mask(self.guarded(partial(self.set_trait, name)))
            self.observe(partial(_follow, view), name)
        self._suggested: Memo[list[np.ndarray]] = Memo(list)

        def name_regions(_: Any = None) -> None:
            for view in (painting, canvas):
                view.image.brush = tuple(self.regions.split(", "))

        name_regions()
        self.observe(name_regions, "regions")
        painting.image.tool = canvas.image.tool = "brush"
        made = self.part("result", result)  # first, also in a saved notebook
        return [self.part("painting", painting), self.part("canvas", canvas), made]

    def files(self) -> dict[str, tuple[str, str]]:
        suggest = "Suggest", "Regions of the painting by color and place, instead of those that are painted"
        return {"suggest": suggest, **super().files()}

    def _press(self, button: str) -> None:
        if button != "suggest":
            return super()._press(button)
        self.style_mask = None

    def compute(self, now: Now) -> Iterator[Frame]:
        painting = _painting(now).value
        there, wanted = self._masks(now)
        under = _content(now)
        canvas = np.full((*wanted.shape, 3), BLANK, np.uint8) if under is None else rgb(_square(under.value))
        total = now.rounds * now.steps
        given = {
            "painting": (Content(rgb(painting)), there if self.style_mask is None else None),
            "canvas": (Content(canvas), wanted if self.mask is None else None),
        }
        for _, state in self.grow(_plan(now, there, wanted), now.rounds):
            yield Frame({**given, "result": partial(_shown, state, total)}, state.step, total)
            given = {}  # they stay as they are

    def _masks(self, now: Now) -> tuple[np.ndarray, np.ndarray]:
        """Labels of the painting and of the doodle, from 1."""
        count, painting = now.regions.count(",") + 1, _painting(now).value
        suggested = self._suggested.reached(now.style, count)
        if now.style_mask is None or now.style_mask.shape != painting.shape[-2:]:
            if not suggested:
                suggested.append((suggest_mask(painting, count) + 1).to(torch.uint8).numpy())
            there = suggested[0]
        else:
            there = now.style_mask
        wanted = np.zeros((CANVAS, CANVAS), np.uint8) if now.mask is None else now.mask
        return there.clip(0, count), wanted.clip(0, count)

    def subject(self) -> str:
        now = self._drawn or self._now()
        return f"doodle {now.style!r}"

    def call(self, now: Now) -> str:
        there, wanted = self._masks(now)
        program = self.program(_plan(now, there, wanted), now.rounds)
        under = _content(now)
        given = [f"style = {_painting(now).written}", *([] if under is None else [f"content = {under.written}"])]
        return "\n".join(["import torch", *given, *program, "state"])


def _follow(view: _Painted, change: dict) -> None:
    if change["new"] is not None:
        view.paint(change["new"])


def _painting(now: Now) -> As:
    return chosen(now.style, now.network.channels, SEEN)


def _content(now: Now) -> As | None:
    return chosen(now.content, now.network.channels) if now.content else None


def _square(picture: Tensor) -> Tensor:
    """As the canvas: the whole picture, as ``doodle`` scales it."""
    return resize(picture[None], (CANVAS, CANVAS))[0].clamp(0, 1)


def _plan(now: Now, there: np.ndarray, wanted: np.ndarray) -> Plan:
    given = now.network, As(_painting(now).value, "style"), _regions(there), _regions(wanted)
    how = {name: getattr(now, name) for name in ("match", "color", "size", "pooling")}
    names, under = now.regions.split(", "), _content(now)
    over = {} if under is None else {"content": As(under.value, "content")}

    def begin(number: int, _: OptimizationState | None) -> Call:
        return Call(doodle, *given, names=names, **over, **how, steps=number * now.steps)

    def kept(number: int) -> dict[str, list[int]]:
        return {"snapshots": [stop for stop in STOPS if stop <= number * now.steps]}

    return Plan("state", (now.network, now.steps, now.style, now.content, now.size, wanted.shape), begin, options=kept)


def _regions(labels: np.ndarray) -> As:
    """Numbers of regions from 0; what is not painted belongs to the first."""
    numbers = np.maximum(labels, 1) - 1
    return As(torch.from_numpy(numbers), f'torch.from_numpy(cnnviz.painted("{as_text(numbers)}"))')


def _shown(state: OptimizationState, total: int, at: int | None) -> Content:
    step, picture = at_step(state, at)
    return Content(rgb(picture), caption=f"{state.of}: step {step} of {total}")
