"""A chart, described once: from it come the live view, the picture of a saved notebook, and a table that is read aloud.

``curves`` and ``bars`` make the description, ``draw`` the picture; ``widgets.chart.ChartView`` shows it in the browser.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from cnnviz_widgets import described
from cnnviz_widgets.colormaps import OKABE_ITO
from cnnviz_widgets.content import minus
from cnnviz_widgets.described import coarse, listed
from cnnviz_widgets.drawing.font import cut, width, write
from cnnviz_widgets.drawing.render import saying
from cnnviz_widgets.drawing.words import number, percent, shorten
from cnnviz_widgets.language import said

INK, FAINT, PAPER = (33, 37, 41), (222, 226, 230), (255, 255, 255)
PLAIN, CHOSEN = (154, 164, 178), (25, 118, 210)  # bars
LEFT, TOP, RIGHT, BOTTOM, LINE = 54, 10, 14, 42, 18  # px around the axes, and of a line of the legend
ROW = 30  # px of a bar with its name
FINE = 3  # drawn so many times larger, and then made smaller: Pillow's lines have steps
APART = 0.05  # of the axis, by which a top must be above both ends to be told
FEW = 20  # points up to which each is drawn as a dot
LETTERS = 90  # of all names along an axis
COLORS = [color for color in OKABE_ITO if color != "F0E442"]  # yellow cannot be seen as a line on white
DASHES = ("solid", "dashed", "dotted")  # of the first seven lines, the next seven, and the others
CORNERS = ("top right", "top left", "bottom right", "bottom left", "middle right", "middle left")


class Axis(NamedTuple):
    """From ``low`` to ``high``, with ``ticks`` (value, text): these are numbers, in ``percent``, or names.

    log   whether values are exponents of ten
    """

    label: str
    low: float = 0.0
    high: float = 1.0
    ticks: tuple[tuple[float, str], ...] = ()
    named: bool = False
    percent: bool = False
    log: bool = False

    def share(self, value: float) -> float:
        """How far along the axis a value is, 0…1."""
        return (value - self.low) / ((self.high - self.low) or 1.0)

    def said(self, value: float) -> str:
        """A value in words: the name at that place, or a number with two digits."""
        if self.named:
            return next((name for at, name in self.ticks if at == value), described.number(value))
        return percent(value, 0) if self.percent else described.number(10**value if self.log else value)


class Series(NamedTuple):
    """A curve, or a bar, which has one x.

    note   what the legend says behind its name
    color  such as "0072B2";   dash   one of DASHES
    """

    name: str
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    note: str = ""
    color: str = COLORS[0]
    dash: str = DASHES[0]


@dataclass(frozen=True)
class Chart:
    """Curves or bars between two axes.

    legend       numbers of the series in the order in which the legend has them
    highlighted  number of the series that stands out
    marker       where on the x axis a dotted line stands
    """

    x: Axis
    y: Axis
    series: tuple[Series, ...] = ()
    kind: Literal["lines", "bars"] = "lines"
    legend: tuple[int, ...] = ()
    highlighted: int | None = None
    marker: float | None = None

    @property
    def table(self) -> list[list[str]]:
        """A line of headings, and one for each series: what a screen reader says."""
        if self.kind == "bars":
            return [[self.y.label, self.x.label], *([one.name, one.note] for one in self.series)]
        known = [self.series[at] for at in self.legend if self.series[at].y]
        rows = []
        for one in known:
            least, greatest = (number(float(f"{end(one.y):.3g}")) for end in (min, max))
            ends = [
                said(f"{number(float(f'{one.y[at]:.3g}'))} at {number(float(f'{one.x[at]:.3g}'))}") for at in (0, -1)
            ]
            rows.append([one.name, one.note, *ends, least, greatest])
        return [[said(one) for one in ("curve", "value", "first", "last", "least", "greatest")], *rows]

    @property
    def alt(self) -> str:
        """What is in it, in one sentence."""
        if self.kind == "bars":
            return listed(coarse(f"{one.name} {one.note}") for one in self.series) or "nothing to see yet"
        told = listed(self._course(one) for one in self.series if any(map(math.isfinite, one.y)))
        return f"{self.y.label} against {self.x.label}: {told}".strip() if told else "nothing to see yet"

    def _course(self, one: Series) -> str:
        """From where to where a curve goes, and its top and bottom, where they are in between."""
        points = [point for point in zip(one.x, one.y, strict=True) if all(map(math.isfinite, point))]
        first, last = points[0][1], points[-1][1]
        told = self.y.said(first) if first == last else f"from {self.y.said(first)} to {self.y.said(last)}"
        for word, end in (("greatest", max), ("least", min)):
            x, y = end(points, key=lambda point: point[1])
            if min(abs(self.y.share(y) - self.y.share(other)) for other in (first, last)) > APART:
                told += f" ({word} {self.y.said(y)} at {self.x.said(x)})"
        return f"{coarse(one.name)} {told}".strip()

    def within(self, low: float, high: float) -> "Chart":
        """The part between two values of the x axis, from the least to the greatest y there."""
        part = tuple(_cut(one, low, high) for one in self.series)
        names = tuple(tick for tick in self.x.ticks if low <= tick[0] <= high)
        x = self.x._replace(low=low, high=high, ticks=names if self.x.named else _ticks(low, high, _step(high - low)))
        found = [y for one in part for y in one.y if math.isfinite(y)] or [self.y.low, self.y.high]
        step = _step(max(found) - min(found) or (self.y.high - self.y.low) / 10)
        bottom = math.floor(min(found) / step + 1e-9) * step
        top = max(bottom + step, math.ceil(max(found) / step - 1e-9) * step)
        y = self.y._replace(low=bottom, high=top, ticks=_ticks(bottom, top, step, self.y.percent))
        seen = self.marker if self.marker is not None and low <= self.marker <= high else None
        return replace(self, x=x, y=y, series=part, marker=seen)

    def corner(self, across: float, up: float) -> tuple[str, bool]:
        """The corner, or the middle of a side, in which a box of so large a share of the chart hides least.

        And whether it hides nothing.
        """
        points = [(self.x.share(x), self.y.share(y)) for one in self.series for x, y in _dense(one)]
        bottoms = {"top": 1 - up, "middle": (1 - up) / 2, "bottom": 0}

        def hidden(corner: str) -> int:
            height, side = corner.split()
            left, low = (1 - across) * (side == "right"), bottoms[height]
            return sum(left <= x <= left + across and low <= y <= low + up for x, y in points)

        best = min(CORNERS, key=hidden)
        return best, not hidden(best)


def curves(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    x: str,
    y: str,
    *,
    begin: float = 0,
    end: float = 1,
    top: float | None = 1,
    share: bool = False,
    numbers: Mapping[str, str] | None = None,
    strong: str | None = None,
    marker: float | None = None,
    ticks: Sequence[str] = (),
) -> Chart:
    """A chart that grows while it is computed: x from ``begin`` to ``end``, y from 0, or a round number below it, to
    ``top``.

    curves   name -> (xs, ys), in the order of their colors
    x, y     what the axes say
    top      None = as the curves need it
    share    whether y is a probability
    numbers  name -> what the legend says behind it; the legend keeps this order
    strong   the name of the curve that stands out
    marker   where on the x axis a dotted line stands
    ticks    what 0, 1, 2 … are called on the x axis
    """
    every = [float(value) for _, ys in curves.values() for value in ys] or [0.0, 1.0]
    step = 0.25 if top == 1 else _step(max(*every, 0.0) - min(*every, 0.0))
    coarse = 0.5 if top == 1 else step
    low = min(0.0, math.floor(min(every) / coarse + 0.02) * coarse)  # a little below 0 is 0
    high = top or max(low + coarse, math.ceil(max(every) / coarse) * coarse)
    up = Axis(said(y), low, high, _ticks(low, high, step, share), percent=share)
    wide = end - begin
    step = 0.25 if wide == 1 and not ticks else math.ceil(wide / 10) if wide <= 20 and wide % 1 == 0 else _step(wide)
    names = [shorten(said(name), max(5, LETTERS // len(ticks))) for name in ticks]
    ends = float(begin), float(end)
    along = Axis(said(x), *ends, tuple(enumerate(names)) or _ticks(*ends, step), named=bool(names))
    order = list(curves)
    shown = order if numbers is None else [name for name in numbers if name in curves]
    return Chart(
        along,
        up,
        tuple(
            line(at, said(name), *curves[name], said((numbers or {}).get(name, ""))) for at, name in enumerate(order)
        ),
        legend=tuple(map(order.index, shown)),
        highlighted=order.index(strong) if strong in order else None,
        marker=marker,
    )


def bars(shares: Iterable[tuple[str, float]], highlighted: int | None = None) -> Chart:
    """Classes and their probabilities, likeliest first; ``highlighted``: which of them stands out."""
    rows = tuple(Series(name, (float(share),), note=percent(share)) for name, share in shares)
    return Chart(Axis(said("probability")), Axis(said("class")), rows, "bars", tuple(range(len(rows))), highlighted)


def draw(chart: Chart, size: tuple[int, int] = (560, 260)) -> Image.Image:
    """The chart as a picture. Its height is that of the axes; a legend that has no room in them comes below."""
    return saying(_draw_bars(chart, size[0]) if chart.kind == "bars" else _draw_curves(chart, *size), chart.alt)


def axis(label: str, low: float, high: float, *, log: bool = False) -> Axis:
    """With about five round numbers at it; ``log``: the ends are exponents of ten, and so are the values."""
    if not log:
        return Axis(label, low, high, _ticks(low, high, _step(high - low)))
    leading = (1,) if high - low > 2 else (1, 2, 5)
    round_numbers = [m * 10.0**k for k in range(math.floor(low), math.ceil(high) + 1) for m in leading]
    ticks = ((math.log10(one), number(one)) for one in round_numbers)
    return Axis(label, low, high, tuple(tick for tick in ticks if low - 1e-9 <= tick[0] <= high + 1e-9), log=True)


def line(at: int, name: str, x: Iterable[Any], y: Iterable[Any], note: str = "") -> Series:
    """A curve in the color and dash of its place."""
    dash = DASHES[min(at // len(COLORS), len(DASHES) - 1)]
    return Series(name, tuple(map(float, x)), tuple(map(float, y)), minus(note), COLORS[at % len(COLORS)], dash)


def _step(span: float) -> float:
    """1, 2, 2.5 or 5 times a power of ten, a quarter to a sixth of the span."""
    power = 10 ** math.floor(math.log10((span or 1) / 4))
    return next(power * one for one in (1, 2, 2.5, 5, 10) if span <= 6 * power * one)


def _ticks(low: float, high: float, step: float, share: bool = False) -> tuple[tuple[float, str], ...]:
    values = (round(k * step, 12) for k in range(math.floor(low / step), math.ceil(high / step) + 1))
    text = (lambda value: percent(value, 0)) if share else number
    return tuple((value, text(value)) for value in values if low - 1e-9 <= value <= high + 1e-9)


def _cut(one: Series, low: float, high: float) -> Series:
    """A curve between two x, where it is so long; in between, its ends are on its lines."""
    if not one.x:
        return one
    ends = [at for at in (low, high) if one.x[0] <= at <= one.x[-1]]
    points = dict(zip(ends, np.interp(ends, one.x, one.y).tolist(), strict=True))
    points |= {x: y for x, y in zip(one.x, one.y, strict=True) if low <= x <= high}
    xs = sorted(points)
    return one._replace(x=tuple(xs), y=tuple(points[x] for x in xs))


def _dense(one: Series) -> Iterable[tuple[float, float]]:
    """Points on a curve so close that none of its lines jumps over a legend."""
    for (x, y), (u, v) in pairwise(zip(one.x, one.y, strict=True)):
        yield from ((x + (u - x) * k / 8, y + (v - y) * k / 8) for k in range(9))


def _rgb(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color))


def _draw_bars(chart: Chart, wide: int) -> Image.Image:
    sheet = Image.new("RGB", (wide, ROW * len(chart.series)), PAPER)
    pen = ImageDraw.Draw(sheet)
    for row, one in enumerate(chart.series):
        top, room = row * ROW, wide - 10 - width(one.note)
        letters = next((n for n in range(len(one.name), 0, -1) if width(shorten(one.name, n)) <= room), 1)
        write(pen, (0, top), shorten(one.name, letters), INK)
        write(pen, (wide, top), one.note, INK, anchor="ra")
        pen.rectangle((0, top + 17, wide - 1, top + 22), FAINT)
        if one.x[0] > 0:
            pen.rectangle((0, top + 17, one.x[0] * (wide - 1), top + 22), CHOSEN if row == chart.highlighted else PLAIN)
    return sheet


def _draw_curves(chart: Chart, wide: int, high: int) -> Image.Image:
    names = [f"{one.name}  {one.note}".rstrip() for one in (chart.series[at] for at in chart.legend)]
    across = max((34 + width(name, 11) for name in names), default=0) / (wide - LEFT - RIGHT)
    corner, free = chart.corner(across + 0.02, (LINE * len(names) + 8) / (high - TOP - BOTTOM))
    inside = free and across < 0.5 and len(names) <= 4
    places = _column(corner, names, across, wide, high) if inside else _rows(names, wide, high)
    below = 0 if inside or not places else places[-1][1] + LINE - high

    def at(x: float, y: float) -> tuple[float, float]:
        """Where a point is on the sheet."""
        return (
            FINE * (LEFT + chart.x.share(x) * (wide - LEFT - RIGHT)),
            FINE * (high - BOTTOM - chart.y.share(y) * (high - TOP - BOTTOM)),
        )

    sheet = Image.new("RGB", (FINE * wide, round(FINE * (high + below))), PAPER)
    pen, size = ImageDraw.Draw(sheet), 11 * FINE
    for value, text in chart.x.ticks:
        pen.line([at(value, chart.y.low), at(value, chart.y.high)], FAINT, FINE)
        write(pen, (at(value, 0)[0], FINE * (high - BOTTOM + 4)), text, INK, size, "ma")
    for value, text in chart.y.ticks:
        pen.line([at(chart.x.low, value), at(chart.x.high, value)], FAINT, FINE)
        write(pen, (FINE * (LEFT - 5), at(0, value)[1]), text, INK, size, "rm")
    write(pen, (FINE * (LEFT + wide - RIGHT) / 2, FINE * (high - 18)), chart.x.label, INK, size, "ma")
    upright = Image.new("L", (FINE * (high - TOP - BOTTOM), FINE * 16))
    write(ImageDraw.Draw(upright), (upright.width / 2, 0), chart.y.label, 255, size, "ma")
    upright = upright.rotate(90, expand=True)
    sheet.paste(INK, (0, FINE * TOP), upright)
    if chart.marker is not None:
        _line(pen, [at(chart.marker, chart.y.low), at(chart.marker, chart.y.high)], INK, FINE, "dotted")
    for number_, one in enumerate(chart.series):
        color, points = _rgb(one.color), list(zip(one.x, one.y, strict=True))
        dot = FINE * (2.5 if len(points) <= FEW else 1)
        stroke = FINE * (4 if number_ == chart.highlighted else 2)
        for piece in _pieces(points):
            _line(pen, [at(*point) for point in piece], color, stroke, one.dash)
            for x, y in (at(*point) for point in piece):
                pen.ellipse([x - dot, y - dot, x + dot, y + dot], color)
    for (left, top), name, index in zip(places, names, chart.legend, strict=True):
        one, middle = chart.series[index], FINE * (top + LINE / 2)
        _line(pen, [(FINE * left, middle), (FINE * (left + 16), middle)], _rgb(one.color), 3 * FINE, one.dash)
        write(pen, (FINE * (left + 22), middle), cut(name, FINE * (wide - left - 24), size), INK, size, "lm")
    return sheet.resize((sheet.width // FINE, sheet.height // FINE), Image.Resampling.BOX)


def _pieces(points: Iterable[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """A curve without the points that are not finite, which tear it."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if all(map(math.isfinite, point)):
            pieces[-1].append(point)
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _line(
    pen: ImageDraw.ImageDraw, points: list[tuple[float, float]], color: tuple[int, ...], stroke: int, dash: str
) -> None:
    """Pillow's line, or pieces of it."""
    drawn, gap = {"solid": (1, 0), "dashed": (4, 3), "dotted": (1, 2)}[dash]
    if not gap or len(points) < 2:
        pen.line(points, color, stroke, joint="curve")
        return
    along, period = 0.0, (drawn + gap) * 2 * FINE
    for (x, y), (u, v) in pairwise(points):
        length = math.dist((x, y), (u, v))
        at = -(along % period)
        while at < length and length:
            first, last = max(at, 0.0), min(at + drawn * 2 * FINE, length)
            if last > first:
                ends = [(x + (u - x) * one / length, y + (v - y) * one / length) for one in (first, last)]
                pen.line(ends, color, stroke)
            at += period
        along += length


def _rows(names: Sequence[str], wide: int, top: float) -> list[tuple[float, float]]:
    """(x, y) of each name in a legend below the axes, as many in a row as fit."""
    places, x, y = [], float(LEFT), top
    for name in names:
        room = 40 + width(name, 11)
        if x > LEFT and x + room > wide:
            x, y = float(LEFT), y + LINE
        places.append((x, y))
        x += room
    return places


def _column(corner: str, names: Sequence[str], across: float, wide: int, high: int) -> list[tuple[float, float]]:
    """The same in a corner of the axes, one below the other."""
    height, side = corner.split()
    x = wide - RIGHT - across * (wide - LEFT - RIGHT) + 4 if side == "right" else LEFT + 8
    top, bottom = TOP + 4, high - BOTTOM - 4 - LINE * len(names)
    y = {"top": top, "middle": (top + bottom) / 2, "bottom": bottom}[height]
    return [(x, y + LINE * row) for row in range(len(names))]
