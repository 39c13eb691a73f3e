"""Curves as a picture, where there is no browser to draw them: in the course, as it is saved."""

import math
from collections.abc import Mapping
from typing import Annotated, Any

from cnnviz_widgets.drawing.chart import Chart, axis, draw, line
from cnnviz_widgets.drawing.figure import Figure
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, gate


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
) -> Figure:
    """Named curves with a legend, in a free corner or below them.

    curves   name -> (xs, ys), in the legend unless the name is ""; where a number is not finite, the curve has a gap
    x, y     what the axes say
    log      both axes logarithmic; what is not above 0 is a gap
    y_range  ends of the y axis; None = as the curves need it
    Returns a picture ``width`` px wide; ``height`` is that of the axes, to which a legend below them comes.
    Raises UserError if no curve has a point to show.
    """
    lines = {name: [_point(right, up, log) for right, up in zip(*both, strict=True)] for name, both in curves.items()}
    known = [point for line in lines.values() for point in line if all(map(math.isfinite, point))]
    if not known:
        raise UserError("curves must have at least one point to show.")
    (x0, x1), (y0, y1) = ((min(along), max(along)) for along in zip(*known, strict=True))
    if y_range is not None:
        y0, y1 = (math.log10(end) if log else end for end in y_range)
    series = tuple(
        line(at, name, [one[0] for one in points], [one[1] for one in points])
        for at, (name, points) in enumerate(lines.items())
        if points
    )
    named = tuple(at for at, one in enumerate(series) if one.name)
    chart = Chart(axis(x, x0, x1, log=log), axis(y, y0, y1, log=log), series, legend=named)
    return Figure.of(draw(chart, (width, height)), chart.alt)


def _point(x: Any, y: Any, log: bool) -> tuple[float, float]:
    x, y = float(x), float(y)
    if not log:
        return x, y
    return (math.log10(x), math.log10(y)) if min(x, y) > 0 else (math.nan, math.nan)
