"""A chart in the browser: curves, or bars with their names, drawn by bqplot.

bqplot has a browser's half of its own, which some front ends cannot load. The view then shows a picture of the chart
that Python draws, and where no kernel runs the numbers as a table. A screen reader is told a name and the same table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import bqplot
import ipywidgets
import traitlets as t

from cnnviz_widgets.widgets import themed
from cnnviz_widgets.widgets.front_end import BrowserWidget, spoken

TEXT, FAINT = "var(--jp-ui-font-color1, #1f2328)", "var(--jp-border-color2, #d0d7de)"
PLAIN, CHOSEN = "var(--jp-border-color0, #9aa4b2)", "var(--jp-brand-color1, #1976d2)"
MARGIN = {"top": 8, "bottom": 42, "left": 48, "right": 14}  # px
OFFSET = 36  # px from the y axis to its label
LETTER = 6.2  # px, on average
ROW = 38  # px for a class: its name, and under it its bar
LONGEST = 32  # letters of a name over a bar
FINEST = 0.01  # share of the x axis that can be seen alone
INSIDE = 4  # curves whose legend fits into the axes
DASHES = ("solid", "dashed", "dotted")
EACH = 7  # curves with the same dash


class ChartView(BrowserWidget):
    """Shows a chart: any object with the fields of ``drawing.chart.Chart``.

    kind    "lines", or "bars": for each of ``most`` classes its name and its probability
    name    what a screen reader calls it
    most    curves or bars; more are not drawn
    height  of a chart of curves, in CSS px
    still   makes a PNG of a chart, for front ends without bqplot
    range   the part of the x axis that is shown, (low, high); None = all of it. A user drags it open in curves, or
            presses + − 0 and the arrow keys; a double click shows all
    """

    module = "chart.js"

    name = t.Unicode().tag(sync=True, to_json=spoken)
    range: Any = t.Tuple(default_value=None, allow_none=True)  # traitlets' types know no Tuple that may be None

    _figure = t.Instance(bqplot.Figure).tag(sync=True, **ipywidgets.widget_serialization)
    _legend = t.Dict().tag(sync=True)
    _table: t.List[list[str]] = t.List().tag(sync=True)
    _height = t.Int().tag(sync=True)
    _still = t.Bytes().tag(sync=True)
    _zoom = t.Enum(("none", "all", "part")).tag(sync=True)  # none: it has no x axis

    def __init__(
        self,
        kind: Literal["lines", "bars"] = "lines",
        name: str = "",
        *,
        most: int = 16,
        height: int = 220,
        still: Callable[[Any], bytes] | None = None,
    ) -> None:
        self._kind, self._most, self._draw_still = kind, most, still
        self._chart: Any = None
        self._scales = {"x": bqplot.LinearScale(min=0, max=1), "y": bqplot.LinearScale(min=-0.01, max=1.02)}
        marks, axes = self._curves() if kind == "lines" else self._rows()
        figure = bqplot.Figure(
            marks=marks,
            axes=axes,
            scale_x=self._scales["x"],
            scale_y=self._scales["y"],
            fig_margin=MARGIN if kind == "lines" else {"top": 2, "bottom": 2, "left": 6, "right": 6},
            padding_x=0,
            padding_y=0,
            background_style={"fill": "transparent"},
            display_toolbar=False,
        )
        height = height if kind == "lines" else ROW * most + 4
        figure.layout.width, figure.layout.height, figure.layout.min_width = "100%", f"{height}px", "0"
        super().__init__(name=name, _figure=figure, _height=height, _zoom="all" if kind == "lines" else "none")
        self.on_msg(self._receive)
        self.observe(lambda _: self._chart and self._draw(), "range")

    def show(self, chart: Any) -> None:
        """Show a chart in place of the one before, and of it the same range, where it is so long."""
        if chart == self._chart:
            return
        if self.range and chart.x.high < self.range[1]:
            self.range = None
        self._chart = chart
        self._draw()
        self._table = chart.table
        if self._still:
            self._give_still()

    @property
    def _part(self) -> Any:
        """What is seen of the chart."""
        return self._chart.within(*self.range) if self.range else self._chart

    def _draw(self) -> None:
        if self._kind == "bars":
            return self._show_rows(self._chart)
        self._zoom = "part" if self.range else "all"
        self._show_curves(self._part)

    # ------------------------------------------------------------------ curves

    def _curves(self) -> tuple[list[bqplot.Mark], list[bqplot.Axis]]:
        """One mark for all lines of a dash, one for that which stands out, and the marker."""
        common: dict[str, Any] = {"x": [], "y": [], "scales": self._scales}
        dashes = DASHES[: min(len(DASHES), -(-self._most // EACH))]
        self._lines = [themed.Lines(line_style=dash, stroke_width=2, colors=[TEXT], **common) for dash in dashes]
        self._strong = themed.Lines(stroke_width=4, colors=[TEXT], **common)
        self._marker = themed.Lines(stroke_width=1, line_style="dotted", colors=[TEXT], **common)
        look: dict[str, Any] = {"grid_color": FAINT, "color": FAINT, "label_color": TEXT}
        look["tick_style"] = {"fill": TEXT, "font-size": "11px"}
        self._across = themed.Axis(scale=self._scales["x"], label_offset="30px", **look)
        self._up = themed.Axis(scale=self._scales["y"], label_offset=f"{OFFSET}px", side="left", **look)
        return [self._marker, *self._lines, self._strong], [self._across, self._up]

    def _show_curves(self, chart: Any) -> None:
        for axis, shown in ((self._across, chart.x), (self._up, chart.y)):
            places = [float(shown.share(value)) for value, _ in shown.ticks]
            texts = {_in_javascript(at): text for at, (_, text) in zip(places, shown.ticks, strict=True)}
            # First the texts, in a message of their own, for one message keeps no order: bqplot moves the ticks in a
            # transition, which writes the texts of when it began.
            axis.tick_labels = texts
            axis.tick_values, axis.label = places, shown.label
        beyond = LETTER / 2 * len(chart.x.ticks[-1][1]) if chart.x.ticks else 0  # half of the last text
        beside = max(OFFSET, 12 + round(LETTER * max((len(text) for _, text in chart.y.ticks), default=0)))
        self._up.label_offset = f"{beside}px"  # beyond the longest text
        ends = {"left": MARGIN["left"] + beside - OFFSET, "right": max(MARGIN["right"], round(beyond))}
        self._figure.fig_margin = MARGIN | ends
        series = chart.series[: self._most]
        for mark in self._lines:
            some = [(at, one) for at, one in enumerate(series) if one.x and one.dash == mark.line_style]
            fade = chart.highlighted is not None
            opacities = [0.35 if fade and at != chart.highlighted else 1.0 for at, _ in some]
            self._set(mark, chart, [one for _, one in some], opacities)
        strong = [] if chart.highlighted is None else [*series[chart.highlighted : chart.highlighted + 1]]
        self._strong.line_style = strong[0].dash if strong else "solid"
        self._set(self._strong, chart, strong, [1.0] * len(strong))
        with self._marker.hold_sync():
            at = [] if chart.marker is None else [chart.x.share(chart.marker)] * 2
            self._marker.x, self._marker.y = at, [0, 1][: len(at)]
        names = [(chart.series[at], at) for at in chart.legend]
        inside = self._most <= INSIDE
        letters = max((len(one.name) + len(one.note) for one, _ in names), default=0)
        corner = chart.corner((40 + LETTER * letters) / 400, (8 + 16 * len(names)) / (self._height - 50))[0]
        self._legend = {
            "corner": corner if inside else "",
            "rows": [[f"#{one.color}", one.dash, one.name, one.note] for one, _ in names],
        }

    def _set(self, mark: bqplot.Lines, chart: Any, series: list[Any], opacities: list[float]) -> None:
        """Give a mark its lines, the last point of each repeated until all are as long as the longest."""
        longest = max((len(one.x) for one in series), default=0)
        longest = max(longest, 2)  # bqplot would take a column of single points for one line
        xs = [[chart.x.share(x) for x in (*one.x, *one.x[-1:] * (longest - len(one.x)))] for one in series]
        ys = [[chart.y.share(y) for y in (*one.y, *one.y[-1:] * (longest - len(one.y)))] for one in series]
        with mark.hold_sync():
            mark.colors = [f"#{one.color}" for one in series] or [TEXT]
            mark.opacities = opacities
            mark.x, mark.y = xs, ys

    # ------------------------------------------------------------------ bars

    def _rows(self) -> tuple[list[bqplot.Mark], list[bqplot.Axis]]:
        """A track and a bar for each class, its name over them on the left and its probability on the right."""
        count, middle = self._most, [1 - (row + 0.76) / self._most for row in range(self._most)]
        self._bars = themed.Lines(
            x=[[0, 1]] * count + [[0, 0]] * count,
            y=[[at] * 2 for at in middle * 2],
            opacities=[0.25] * count + [1.0] * count,
            colors=[PLAIN] * 2 * count,
            stroke_width=6,
            scales=self._scales,
        )
        words = {
            "y": [1 - (row + 0.4) / count for row in range(count)],
            "scales": self._scales,
            "colors": [TEXT],
            "default_size": 12,
            "font_weight": "normal",
            "text": [""] * count,
        }
        self._names = themed.Label(x=[0.0] * count, align="start", **words)
        self._notes = themed.Label(x=[1.0] * count, align="end", **words)
        return [self._bars, self._names, self._notes], []

    def _show_rows(self, chart: Any) -> None:
        rows, count = chart.series[: self._most], self._most
        missing = count - len(rows)
        self._names.text = [_short(one.name) for one in rows] + [""] * missing
        self._notes.text = [one.note for one in rows] + [""] * missing
        with self._bars.hold_sync():
            chosen = [CHOSEN if row == chart.highlighted else PLAIN for row in range(count)]
            self._bars.colors = [PLAIN] * count + chosen
            self._bars.x = [[0, 1]] * count + [[0, one.x[0]] for one in rows] + [[0, 0]] * missing

    # ------------------------------------------------------------------ messages

    def _receive(self, _: Any, message: dict, __: Any) -> None:
        if message.get("do") == "still":
            self._give_still()
        if message.get("do") == "zoom" and self._chart is not None:
            self.range = message["ends"] and self._between(*message["ends"])

    def _between(self, start: float, end: float) -> tuple[float, float] | None:
        """The range between two shares of that which is seen, moved into the axis; None = all of it."""
        whole, seen = self._chart.x, self._part.x
        wide = (end - start) * (seen.high - seen.low)
        if wide >= whole.high - whole.low:
            return None
        wide = max(wide, FINEST * (whole.high - whole.low))
        low = min(max(whole.low, seen.low + start * (seen.high - seen.low)), whole.high - wide)
        return low, low + wide

    def _give_still(self) -> None:
        if self._draw_still is not None and self._chart is not None:
            self._still = self._draw_still(self._chart)


def _short(name: str) -> str:
    """Without its middle, where it is long."""
    half = LONGEST // 2
    return name if len(name) <= LONGEST else f"{name[:half].rstrip()}…{name[1 - half :].lstrip()}"


def _in_javascript(value: float) -> str:
    """A number from 0 to 1 as the key that JavaScript makes of it."""
    return str(int(value)) if value == int(value) else repr(value)
