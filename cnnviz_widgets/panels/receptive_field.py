"""F4: what of the picture a unit sees, and which units see a pixel."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ipywidgets

from cnnviz_widgets.content import Content
from cnnviz_widgets.drawing.render import as_array
from cnnviz_widgets.drawing.results import rgb, robust_maximum
from cnnviz_widgets.methods.activations.activations import activations
from cnnviz_widgets.methods.convolution.projective_field import projective_field
from cnnviz_widgets.methods.convolution.receptive_field import ReceptiveField as Field
from cnnviz_widgets.methods.convolution.receptive_field import receptive_field
from cnnviz_widgets.methods.features.invert import spread
from cnnviz_widgets.panels.call import Call
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import Chart, Mark, View
from cnnviz_widgets.panels.session import Session
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer
from cnnviz_widgets.widgets.traits import Place

LAYERS = 8  # of the chart
SLOW = 0.2  # s for one sample: then its field is shown before the mean over all


class ReceptiveField(Panel):
    """What a unit sees: its theoretical field (Araujo et al. 2019), and its effective one (Luo et al. 2016).

    Click a unit, or a pixel of the picture: then the units that see it are framed.

    position  (row, column) of the unit, of the session; None = in the middle
    pixel     (x, y) of which the units are looked for; None = a unit is looked at
    samples, seed
              as in ``cnnviz.receptive_field``
    """

    title = "Receptive field"
    family = "convolution"
    chapters = ("01",)
    shows = "what of the picture a unit can see and how much each pixel counts, and which units see a pixel"
    as_call = 'cnnviz.receptive_field(net, "conv4")'
    quick = True
    pickers = ("image", "strip")
    samples = option(receptive_field, 1, 64, label="Samples", more=True)
    seed = option(receptive_field, 0, 99, more=True)
    pixel = Place(None).tag(setting=True)

    @classmethod
    def first_view(cls, session: Session) -> None:
        """Of the chart's layers the deepest that sees at most half of the picture's width: its frame is seen whole."""
        sides = session.network.prepare(session.image).shape[-2:]
        for layer in map(session.network.layer, spread(session.network, LAYERS)):
            if layer.spatial and all(2 * seen <= side for seen, side in zip(layer.receptive_field, sides, strict=True)):
                session.layer = layer.name

    def build(self) -> list[ipywidgets.Widget]:
        look: dict[str, Any] = {"colormap": "inferno", "max_width": 420}
        picture = View("The picture: click a pixel", opacity=0.7, **look)
        units = View("The units of the layer: click one", controls=False, **look)
        picture.image.on_click(self.guarded(self._choose_pixel))
        units.image.on_click(self.guarded(self._choose_unit))
        marks = {"box": (picture, "rectangle"), "ellipse": (picture, "ellipse"), "clicked": (picture, "crosshair"),
                 "seeing": (units, "rectangle"), "unit": (units, "crosshair")}  # fmt: skip
        self._parts |= {name: Mark(*where) for name, where in marks.items()}
        self._sizes: Memo[dict[str, float]] = Memo(dict)
        title = "Width of the fields"
        growth = Chart(title, "layer", "width, px", top=None, height=240)
        parts = {"picture": picture, "units": units, "growth": growth}
        return [self.part(name, part) for name, part in parts.items()]

    def _choose_pixel(self, pointer: Pointer) -> None:
        self.pixel = pointer.x, pointer.y

    def _choose_unit(self, pointer: Pointer) -> None:
        with self.session.turn:
            self.pixel = None
            self.session.position = pointer.y, pointer.x

    def _on_change(self, change: dict) -> None:
        if change["name"] in ("network", "image"):
            self.pixel = None  # it was chosen in another picture
        super()._on_change(change)

    def compute(self, now: Now) -> Iterator[Frame]:
        show = _units_of if now.pixel else _field_of
        began = time.monotonic()
        first = show(now, 1)
        if now.samples == 1 or time.monotonic() - began > SLOW:
            yield replace(first, total=now.samples)
        if now.samples > 1:
            yield show(now, now.samples)

    @computes
    def grow(self, now: Now) -> Iterator[Frame]:
        """The fields of layers from input to output."""
        names = spread(now.network, LAYERS)
        size = now.network.prepare(now.image).shape[-2:]
        known = self._sizes.reached(now.network, tuple(size), now.samples, now.seed)
        theoretical = [now.network.layer(name).receptive_field[1] for name in names]
        for number, name in enumerate(names):
            yield Frame({"growth": _widths(names, theoretical, known, size[1])}, number, len(names))
            if name not in known:
                found = receptive_field(now.network, name, None, now.image, samples=now.samples, seed=now.seed)
                known[name] = _width(found)
        yield Frame({"growth": _widths(names, theoretical, known, size[1])})

    def call(self, now: Now) -> str:
        return str((_projective if now.pixel else _receptive)(now, now.samples))


def _receptive(now: Now, samples: int) -> Call:
    return Call(receptive_field, now.network, now.layer, now.position, now.image, samples=samples, seed=now.seed)


def _projective(now: Now, samples: int) -> Call:
    x, y = now.pixel
    return Call(projective_field, now.network, now.layer, (y, x), now.image, samples=samples, seed=now.seed)


def _field_of(now: Now, samples: int) -> Frame:
    """Of a unit, over the picture; the units respond to that."""
    found = _receptive(now, samples)()
    maps = activations(now.network, now.image, now.layer).values
    responses = maps.double().square().mean(0).sqrt()
    row, column = found.position or (0, 0)
    left, top, right, bottom = found.clipped
    whole = "×".join(map(str, found.size))
    caption = f"sees {whole} px; 95% of the mass in {found.share:.0%}"
    if found.box != found.clipped:
        caption = f"sees {bottom - top}×{right - left} of {whole} px; 95% of the mass in {found.share:.0%}"
    return Frame({
        "picture": replace(found.content(), caption=caption),
        "box": (left, top, right - left, bottom - top),
        "ellipse": found.ellipse,
        "clicked": None,
        "units": Content(
            values=as_array(responses), low=0, high=float(robust_maximum(responses)),
            caption=f"{now.layer}, unit ({row}, {column}); color: RMS of all channels",
        ),
        "seeing": None,
        "unit": (column, row),
    })  # fmt: skip


def _units_of(now: Now, samples: int) -> Frame:
    """Those that see a pixel."""
    found = _projective(now, samples)()
    left, top, right, bottom = found.box or (0, 0, 0, 0)
    row, column = found.pixel
    return Frame({
        "picture": Content(rgb(now.network.prepare(now.image)[0]), caption=f"pixel ({row}, {column})"),
        "box": None,
        "ellipse": None,
        "clicked": (column, row),
        "units": found.content(),
        "seeing": (left, top, right - left, bottom - top) if found.box else None,
        "unit": None,
    })  # fmt: skip


def _width(found: Field) -> float:
    """The side of a square of as many pixels as hold 95% of the effective field."""
    left, top, right, bottom = found.clipped
    return (found.share * (right - left) * (bottom - top)) ** 0.5


def _widths(names: list[str], theoretical: list[int], known: dict[str, float], width: int) -> dict[str, Any]:
    places = [number for number, name in enumerate(names) if name in known]
    curves = {
        "theoretical": ([*range(len(names))], theoretical),
        "effective (95%)": (places, [known[names[number]] for number in places]),
        "the picture": ([0, len(names) - 1], [width, width]),
    }
    return {"curves": curves, "end": len(names) - 1, "ticks": names}
