"""N1: chairs and tables that a network draws from their parameters, beside what it should have drawn."""

from functools import lru_cache
from typing import Any

import ipywidgets
import numpy as np
import torch
from torch.nn.functional import interpolate
from traitlets import TraitType

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came
from cnnviz_widgets.methods.generation._views import never_learned
from cnnviz_widgets.methods.generation.load_generator import Code, Drawn, load_generator, mixed
from cnnviz_widgets.methods.generation.load_generator import Generator as Trained
from cnnviz_widgets.panels.call import written
from cnnviz_widgets.panels.controls import choice
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import Note, View
from cnnviz_widgets.pictures.objects import BACKGROUND, KINDS, RANGES, RenderedObject, render_object
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.image_view import Drop, Region

SCALE = 3  # px of the pad for a degree of elevation; one for a degree of azimuth
KNOB = 13  # px of a side of the frame in it, whose middle is the view
AROUND, UPWARD = np.arange(22.5, 360, 45), (8, 25, 42)  # degrees, of the views that are drawn on it
SMALL = 44  # px of a side of these
STEPS = 7  # pictures in a row
ROWS = ("right", "up", "roll", "scale", "stretch", "azimuth", "elevation", "saturation", "brightness", "hue")
PLACES = ("a", "b", "c")  # of the arithmetic


class _Object(TraitType):
    """Arguments of a generator: a kind, or shares of several, and numbers in the ranges of the training."""

    def validate(self, owner: Any, value: Any) -> dict[str, Any]:
        known = isinstance(value, dict) and _is_kind(value.get("kind", "chair"))
        numbers = {name: one for name, one in value.items() if name != "kind"} if known else {}
        if not known or not all(name in RANGES and _within(name, one) for name, one in numbers.items()):
            raise UserError(
                f'{self.name} must be {{"kind": …}} and numbers in the ranges of the sliders, not {came(value)}.'
            )
        return {"kind": value.get("kind", "chair"), **{name: float(one) for name, one in numbers.items()}}


def _is_kind(value: Any) -> bool:
    return value in KINDS if isinstance(value, str) else isinstance(value, dict) and value.keys() <= {*KINDS}


def _within(name: str, value: Any) -> bool:
    low, high = RANGES[name]
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _number(name: str, label: str, step: float, form: str, more: bool = True) -> Any:
    return option(render_object, *RANGES[name], step=step, form=form, name=name, label=label, more=more)


class Generator(Panel):
    """A network that draws chairs and tables from their parameters (Dosovitskiy et al. 2017).

    Drag the frame in the pad: azimuth to the right, elevation upward. Views of this kind that the training never had
    are orange there. Below is arithmetic with what the network holds of objects: drag pictures onto A, B and C, from
    above or from the rows at the bottom; a click puts there what is shown above. The rows go from the kind to another
    one, and along every parameter from end to end.

    other    the kind at the end of the first row
    a, b, c  of A − B + C: the kind and numbers as in ``cnnviz.render_object``, such as {"kind": "sofa", "hue": 0.6}
    Other settings as in ``cnnviz.render_object``.
    """

    title = "Generator"
    family = "generation"
    chapters = ("17",)
    shows = "a network that draws objects from their parameters, between kinds, and by arithmetic"
    as_call = 'cnnviz.load_generator()("armchair", azimuth=30)'
    pickers = ()
    kind = option(render_object, label="Kind")
    hue = _number("hue", "Hue", 0.01, ".2f", more=False)
    scale = _number("scale", "Scale", 0.01, ".2f", more=False)
    other = choice("sofa", KINDS, label="Morph to", help="The kind at the end of the first row of pictures")
    azimuth = _number("azimuth", "Azimuth", 1, ".0f")
    elevation = _number("elevation", "Elevation", 1, ".0f")
    saturation = _number("saturation", "Saturation", 0.05, ".2f")
    brightness = _number("brightness", "Brightness", 0.05, ".2f")
    right = _number("right", "Right", 0.01, ".2f")
    up = _number("up", "Up", 0.01, ".2f")
    roll = _number("roll", "Roll", 1, ".0f")
    stretch = _number("stretch", "Stretch", 0.01, ".2f")
    a = _Object({"kind": "armchair"}).tag(setting=True)
    b = _Object({"kind": "chair"}).tag(setting=True)
    c = _Object({"kind": "ladder chair", "hue": 0.6}).tag(setting=True)

    def build(self) -> list[ipywidgets.Widget]:
        small: dict[str, Any] = {"controls": False, "labels": True}
        pad = View(
            "The view: drag the frame; azimuth to the right, elevation upward", "most", opacity=0.25, max_width=640
        )
        pad.image.keeps_size, pad.image.buttons = True, False
        pad.image.on_region(self.guarded(self._turn))
        pad.image.tool = "rectangle"
        self._pad = pad.image
        self.observe(self._frame, ["azimuth", "elevation"])
        self._frame()
        shown = View("What the network draws, and what it should draw", "most", max_width=720, **small)
        rows = View("To another kind, and along each parameter", "whole", max_width=900, **small)
        sums = View("A − B + C: drag pictures onto A, B and C", "most", cursor="tile", max_width=720, **small)
        sums.image.on_click(self.guarded(lambda pointer: self._put(pointer.tile, _parameters(self._now()))))
        sums.image.on_drop(self.guarded(self._take), *(one.image for one in (shown, sums, rows)))
        made = self.part("shown", shown)  # first, also in a saved notebook
        more = {"note": Note(), "sums": sums, "rows": rows}
        return [self.part("pad", pad), made, *(self.part(name, part) for name, part in more.items())]

    def _turn(self, region: Region | None) -> None:
        """Look from where the frame was dragged to."""
        if region is None:
            return self._frame()
        x, y = region[0], region[1]
        with self.hold_trait_notifications():
            self.azimuth = float(min(360, max(0, x)))
            self.elevation = float(min(50, max(0, 50 - y / SCALE)))

    def _frame(self, _: Any = None) -> None:
        self._pad.region = round(self.azimuth), round((50 - self.elevation) * SCALE), KNOB, KNOB

    def _take(self, drop: Drop) -> None:
        """Put the object of a picture where the picture was dropped."""
        how = drop.source.content.keys[drop.dragged]
        if how:  # the picture of the sum is of none
            self._put(drop.tile, how)

    def _put(self, tile: int, how: dict[str, Any]) -> None:
        if tile < len(PLACES):
            setattr(self, PLACES[tile], how)

    def compute(self, now: Now) -> Frame:
        how = _parameters(now)
        drawn, truth = _trained()(**how), render_object(**how)
        tiles = [drawn.values, truth.image, 0.5 + (drawn.values - truth.image) / 2, drawn.mask.expand(3, -1, -1)]
        names = ("drawn", "rendered", "difference, 0 is gray", "mask, drawn")
        content = Content(picture=rgb(torch.stack(tiles)), names=names, keys=(how,) * len(tiles), columns=4)
        return Frame({"pad": _map(now.kind), "shown": content, "note": _told(drawn, truth)})

    @computes
    def vary(self, now: Now) -> Frame:
        """The rows: to the other kind, and from end to end of each parameter."""
        how, shares = _parameters(now), [at / (STEPS - 1) for at in range(STEPS)]
        tiles = [
            (how | {"kind": mixed(now.kind, now.other, one)}, f"{one:.0%} {now.other}", f"{one:.0%}") for one in shares
        ]
        for name in ROWS:
            low, high = RANGES[name]
            values = [low + one * (high - low) for one in shares]
            tiles += [(how | {name: one}, f"{name} {one:.3g}", f"{one:.3g}") for one in values]
        objects, names, numbers = zip(*tiles, strict=True)
        heads = tuple(name if not at % STEPS else numbers[at] for at, name in enumerate(names))  # there is little room
        made = _trained().draw(*map(_code, objects))
        return Frame({"rows": Content(picture=rgb(made.values), names=names, heads=heads, keys=objects, columns=STEPS)})

    @computes
    def add(self, now: Now) -> Frame:
        """A − B + C."""
        objects = [getattr(now, name) for name in PLACES]
        a, b, c = map(_code, objects)
        made = rgb(_trained().draw(a, b, c, a - b + c).values)
        names = [f"{name.upper()}: {_kinds(how['kind'])}" for name, how in zip(PLACES, objects, strict=True)]
        return Frame({"sums": Content(picture=made, names=(*names, "A − B + C"), keys=(*objects, None), columns=4)})

    def call(self, now: Now) -> str:
        how = _parameters(now)
        usual = {name: trait.default_value for name, trait in self.traits().items() if name in RANGES}
        given = [f"{name}={value:g}" for name, value in how.items() if name != "kind" and value != usual[name]]
        sums = [f"{name} = generator.code(**{written(getattr(now, name))})" for name in PLACES]
        return "\n".join(
            ["generator = cnnviz.load_generator()", *sums, "display(generator.draw(a - b + c))",
             f"generator({', '.join([written(now.kind), *given])})"]
        )  # fmt: skip


@lru_cache(1)
def _trained() -> Trained:
    """The bundled one, loaded once."""
    return load_generator()


def _code(how: dict[str, Any]) -> Code:
    return _trained().code(**how)


def _parameters(now: Now) -> dict[str, Any]:
    return {"kind": now.kind, **{name: getattr(now, name) for name in RANGES}}


def _kinds(kind: Any) -> str:
    return kind if isinstance(kind, str) else " and ".join(name for name, share in kind.items() if share)


@lru_cache(len(KINDS))
def _map(kind: str) -> Content:
    """The views of a kind, azimuth to the right, elevation upward, and which of them the training never had."""
    margin = KNOB // 2
    left_out = [never_learned(KINDS.index(kind), x + 0.5) for x in range(-margin, 361 + margin)]
    values = np.broadcast_to(np.array(left_out, np.float32), (50 * SCALE + KNOB, len(left_out)))
    sheet = np.full((*values.shape, 3), round(255 * BACKGROUND), np.uint8)
    views = [(azimuth, elevation) for azimuth in AROUND for elevation in UPWARD]
    drawn = _trained().draw(*(_code({"kind": kind, "azimuth": a, "elevation": e}) for a, e in views)).values
    small = rgb(interpolate(drawn, (SMALL, SMALL), mode="bilinear", antialias=True).clamp(0, 1))
    for picture, (azimuth, elevation) in zip(small, views, strict=True):
        left, top = round(azimuth) + margin - SMALL // 2, round((50 - elevation) * SCALE) + margin - SMALL // 2
        sheet[top : top + SMALL, left : left + SMALL] = picture
    return Content(picture=sheet, values=values, levels=("learned", "never learned"))


def _told(drawn: Drawn, truth: RenderedObject) -> str:
    error = float((drawn.values - truth.image).square().mean().clamp(min=1e-10))
    one, other = drawn.mask > 0.5, truth.mask > 0.5
    overlap = float((one & other).sum() / (one | other).sum().clamp(min=1))
    seen = "views like this were learned" if drawn.learned else "no view of this kind from here was learned"
    return f"PSNR {-10 * np.log10(error):.1f} dB; the masks overlap by {overlap:.0%} (IoU); {seen}."
