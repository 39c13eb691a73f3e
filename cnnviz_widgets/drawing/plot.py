"""Curves as a picture, where there is no browser to draw them: in the course, as it is saved."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any

from PIL import Image, ImageDraw

from cnnviz_widgets.drawing.font import width as width_of
from cnnviz_widgets.drawing.font import write
from cnnviz_widgets.drawing.render import KINDS, table
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, gate

INK, FAINT, PAPER = (33, 37, 41), (222, 226, 230), (255, 255, 255)
LEFT, TOP, RIGHT, BOTTOM, LINE = 54, 10, 14, 42, 18  # px around the axes, and of a line of the legend
FINE = 3  # drawn so many times larger, and then made smaller: PIL's lines have steps
FEW = 20  # points up to which each is drawn as a dot


@gate
def plot(
    curves: Annotated[Mapping[str, Any], "names with (xs, ys)"],
    x: str,
    y: str,
    *,
    log: bool = False,
    y_range: tuple[float, float] | None = None,
    width: Annotated[int, Range(100, 10_000)] = 560,
    height: Annotated[int, Range(80, 10_000)] = 260,
) -> Image.Image:
    """Named curves with a legend below them.

    curves   name -> (xs, ys); where a number is not finite, the curve has a gap
    x, y     what the axes say
    log      both axes logarithmic; what is not above 0 is a gap
    y_range  ends of the y axis; None = as the curves need it
    Returns a picture ``width`` px wide; ``height`` is that of the axes, to which the legend comes.
    Raises UserError if no curve has a point to show.
    """
    lines = {name: [_point(*one, log) for one in zip(*both, strict=True)] for name, both in curves.items()}
    known = [point for line in lines.values() for point in line if point]
    if not known:
        raise UserError("curves must have at least one point to show.")
    (x0, x1), (y0, y1) = ((min(along), max(along)) for along in zip(*known, strict=True))
    if y_range is not None:
        y0, y1 = (math.log10(end) if log else end for end in y_range)

    def at(a: float, b: float) -> tuple[float, float]:
        """Where a point is on the sheet."""
        across, up = (a - x0) / ((x1 - x0) or 1), (b - y0) / ((y1 - y0) or 1)
        return FINE * (LEFT + across * (width - LEFT - RIGHT)), FINE * (height - BOTTOM - up * (height - TOP - BOTTOM))

    places = _legend(lines, width)
    sheet = Image.new("RGB", (FINE * width, FINE * (height + LINE * (1 + places[-1][1]))), PAPER)
    pen, size = ImageDraw.Draw(sheet), 11 * FINE
    for value, text in _ticks(x0, x1, log):
        pen.line([at(value, y0), at(value, y1)], FAINT, FINE)
        write(pen, (at(value, y0)[0], FINE * (height - BOTTOM + 4)), text, INK, size, "ma")
    for value, text in _ticks(y0, y1, log):
        pen.line([at(x0, value), at(x1, value)], FAINT, FINE)
        write(pen, (FINE * (LEFT - 5), at(x0, value)[1]), text, INK, size, "rm")
    write(pen, (FINE * (LEFT + width - RIGHT) / 2, FINE * (height - 18)), x, INK, size, "ma")
    upright = Image.new("L", (FINE * (height - TOP - BOTTOM), FINE * 16))
    write(ImageDraw.Draw(upright), (upright.width / 2, 0), y, 255, size, "ma")
    upright = upright.rotate(90, expand=True)
    sheet.paste(INK, (0, FINE * TOP), upright)
    for number, ((name, line), (left, row)) in enumerate(zip(lines.items(), places, strict=True)):
        color = tuple(int(one) for one in table("levels")[(number % KINDS * 256 + 128) // KINDS])
        dot = FINE * (2.5 if len(line) <= FEW else 1)
        for one, other in pairwise(line):
            if one and other:
                pen.line([at(*one), at(*other)], color, 2 * FINE)
        for across, down in (at(*one) for one in line if one):
            pen.ellipse([across - dot, down - dot, across + dot, down + dot], color)
        middle = FINE * (height + LINE * (row + 0.5) - 2)
        pen.line([(FINE * left, middle), (FINE * (left + 16), middle)], color, 3 * FINE)
        write(pen, (FINE * (left + 22), middle), name, INK, size, "lm")
    return sheet.resize((sheet.width // FINE, sheet.height // FINE), Image.Resampling.BOX)


def _point(x: float, y: float, log: bool) -> tuple[float, float] | None:
    x, y = float(x), float(y)
    if not (math.isfinite(x) and math.isfinite(y)) or (log and min(x, y) <= 0):
        return None
    return (math.log10(x), math.log10(y)) if log else (x, y)


def _legend(names: Sequence[str], width: int) -> list[tuple[int, int]]:
    """(x in px, row) of each name: as many in a row as fit."""
    places, x, row = [], LEFT, 0
    for name in names:
        room = 40 + round(width_of(name, 11))
        if x > LEFT and x + room > width:
            x, row = LEFT, row + 1
        places.append((x, row))
        x += room
    return places


def _ticks(low: float, high: float, log: bool) -> list[tuple[float, str]]:
    """Round numbers from ``low`` to ``high``, about five, and how they are written; with ``log`` both are exponents."""
    if log:
        leading = (1,) if high - low > 2 else (1, 2, 5)
        round_numbers = [m * 10.0**k for k in range(math.floor(low), math.ceil(high) + 1) for m in leading]
        ticks = [(math.log10(one), f"{one:g}") for one in round_numbers]
    else:
        step = 10 ** math.floor(math.log10(((high - low) or 1) / 4))
        step = next(step * m for m in (1, 2, 2.5, 5, 10) if (high - low) / (step * m) <= 6)
        ticks = [(k * step, f"{k * step:g}") for k in range(math.floor(low / step), math.ceil(high / step) + 1)]
    return [(value, text) for value, text in ticks if low - 1e-9 <= value <= high + 1e-9]
