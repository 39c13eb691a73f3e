"""Curves over one axis, with a legend that is read without the mouse."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

import ipywidgets

from cnnviz_widgets.drawing.render import KINDS, table
from cnnviz_widgets.widgets.tree import close_tree

LETTERS = 90  # along the x axis
MARGIN = {"top": 8, "bottom": 42, "left": 48, "right": 14}  # px
HALF_LETTER = 3.5  # px, at most
TEXT, FAINT = "var(--jp-ui-font-color1, #1f2328)", "var(--jp-border-color2, #d0d7de)"


def color_of(number: int) -> tuple[int, int, int]:
    """Red, green and blue of the curve with this number: ten colors, and then again."""
    return tuple(int(one) for one in table("levels")[(number % KINDS * 256 + 128) // KINDS])


def is_dashed(number: int) -> bool:
    """Whether the colors have begun again, so that the line must be told from an earlier one."""
    return number // KINDS % 2 == 1


class Curves:
    """Up to ``most`` named curves in one chart, values from 0, or below, to ``top``.

    x, y   what the axes say
    top    upper end of y; None = as the curves need it
    ``widget`` is what to put into a box, ``show`` fills it, ``close`` frees every widget that was made for it.
    """

    def __init__(self, x: str, y: str, *, most: int = 16, height: int = 220, top: float | None = 1) -> None:
        import bqplot

        from cnnviz_widgets.widgets import themed

        self.most, self.top = most, top
        scales = {"x": bqplot.LinearScale(min=0, max=1), "y": bqplot.LinearScale(min=0, max=1)}
        self._lines = [
            themed.Lines(
                x=[],
                y=[],
                scales=scales,
                colors=[f"rgb{color_of(number)}"],
                line_style="dashed" if is_dashed(number) else "solid",
                stroke_width=2,
            )
            for number in range(most)
        ]
        self._marker = themed.Lines(x=[], y=[], scales=scales, colors=[TEXT], stroke_width=1, line_style="dotted")
        common = {"grid_color": FAINT, "color": FAINT, "label_color": TEXT}
        common["tick_style"] = {"fill": TEXT, "font-size": "11px"}
        self._across = themed.Axis(scale=scales["x"], label=x, label_offset="30px", **common)
        self._up = themed.Axis(scale=scales["y"], label=y, label_offset="34px", side="left", **common)
        self._figure = figure = bqplot.Figure(
            marks=[self._marker, *self._lines],
            axes=[self._across, self._up],
            fig_margin=MARGIN,
            padding_x=0,
            padding_y=0,
            min_aspect_ratio=0.01,
            max_aspect_ratio=100,
            background_style={"fill": "transparent"},
            display_toolbar=False,
        )
        figure.layout.width, figure.layout.height, figure.layout.min_width = "100%", f"{height}px", "200px"
        figure.add_class("cnnviz-curves")
        self._legend = ipywidgets.HTML().add_class("cnnviz-chart-legend")
        self.widget = ipywidgets.VBox([figure, self._legend])
        self.widget.add_class("cnnviz-chart")
        self._range(1, 0, 1)

    def show(
        self,
        curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
        *,
        numbers: Mapping[str, str] | None = None,
        strong: str | None = None,
        marker: float | None = None,
        end: float = 1,
        ticks: Sequence[str] = (),
    ) -> None:
        """``curves``: name -> (x, y), in the order of their colors.

        numbers   name -> what the legend says behind it; the legend keeps this order
        strong    the name of the curve that stands out
        marker    where on the x axis a dotted line stands
        end       of the x axis
        ticks     what 0, 1, 2 … are called on the x axis, if there is room for that
        """
        every = [float(value) for _, ys in curves.values() for value in ys] or [0.0, 1.0]
        # Before the range: bqplot moves the ticks in a transition, which writes the labels of when it began.
        ticks = ticks if sum(map(len, ticks)) <= LETTERS else ()
        self._across.tick_labels = {str(number): name for number, name in enumerate(ticks)} or None
        beyond = HALF_LETTER * len(ticks[-1]) if ticks else 0  # half of the last name is right of its tick
        self._figure.fig_margin = MARGIN | {"right": max(MARGIN["right"], beyond)}
        low, high = self._range(end, min(every), max(every))
        for number, line in enumerate(self._lines):
            name, (xs, ys) = list(curves.items())[number] if number < len(curves) else ("", ((), ()))
            with line.hold_sync():
                line.x, line.y = list(map(float, xs)), list(map(float, ys))
                line.stroke_width = 4 if name and name == strong else 2
                line.opacities = [0.35 if strong in curves and name != strong else 1.0]
        with self._marker.hold_sync():
            self._marker.x, self._marker.y = ([], []) if marker is None else ([marker] * 2, [low, high])
        places = {name: number for number, name in enumerate(curves)}
        shown = numbers or dict.fromkeys(curves, "")
        self._legend.value = "".join(_entry(places[name], name, text) for name, text in shown.items() if name in places)

    def _range(self, end: float, least: float, greatest: float) -> tuple[float, float]:
        """Ends and ticks of the axes; returns the ends of y, the lower one 0, or a whole number of steps below it."""
        step, top = (0.25, 1.0) if self.top == 1 else (_step(max(greatest, 0) - min(least, 0)), self.top)
        coarse = 0.5 if self.top == 1 else step
        low = min(0.0, math.floor(least / coarse + 0.02) * coarse)  # a little below 0 is 0
        high = top or max(0.0, math.ceil(greatest / coarse) * coarse)
        with self._up.scale.hold_sync():
            self._up.scale.min, self._up.scale.max = low, high + 0.02 * (high - low if self.top is None else 1)
        self._up.tick_values = [low + step * number for number in range(round((high - low) / step) + 1)]
        self._across.scale.max = float(end)
        step = 0.25 if end == 1 else math.ceil(end / 10) if end <= 20 else _step(end)
        self._across.tick_values = [step * number for number in range(math.floor(end / step) + 1)]
        return low, high

    def close(self) -> None:
        """Free the chart."""
        close_tree(self.widget)


def _step(span: float) -> float:
    """1, 2 or 5 times a power of ten, about a quarter of the span."""
    power = 10 ** math.floor(math.log10(max(span, 1e-12) / 4))
    return next(power * one for one in (1, 2, 5, 10) if power * one * 5 >= span)


def _entry(number: int, name: str, text: str) -> str:
    line = f"{'dashed' if is_dashed(number) else 'solid'} rgb{color_of(number)}"
    return (
        f'<span class="cnnviz-level"><span class="cnnviz-stroke" style="border-top: 3px {line}"></span>'
        f"{html.escape(name)}<b>{html.escape(text)}</b></span>"
    )
