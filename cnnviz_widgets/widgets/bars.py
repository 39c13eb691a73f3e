"""The likeliest classes as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnviz_widgets.widgets.tree import close_tree

if TYPE_CHECKING:
    from bqplot import Figure

ROW = 38  # px for a class: its name, and under it its bar
TEXT = "var(--jp-ui-font-color1, #1f2328)"
PLAIN, CHOSEN = "var(--jp-border-color0, #9aa4b2)", "var(--jp-brand-color1, #1976d2)"
LONGEST = 38  # letters of a name


class TopBars:
    """A bar for each of the ``count`` likeliest classes: its name, its probability, and one of them highlighted.

    ``widget`` is what to put into a box, ``show`` fills it, ``close`` frees every widget that was made for it.
    """

    def __init__(self, count: int = 5, max_width: int = 360) -> None:
        import bqplot

        from cnnviz_widgets.widgets import themed

        self.count = count
        rows = list(range(count))
        along, down = bqplot.LinearScale(min=0, max=1), bqplot.LinearScale(min=0, max=count, reverse=True)
        lines = {"y": [[row + 0.76] * 2 for row in rows], "scales": {"x": along, "y": down}, "stroke_width": 6}
        whole = themed.Lines(x=[[0, 1]] * count, colors=[PLAIN], opacities=[0.25] * count, **lines)
        self._bars = themed.Lines(x=[[0, 0]] * count, colors=[PLAIN] * count, **lines)
        words = {
            "y": [row + 0.4 for row in rows],
            "scales": {"x": along, "y": down},
            "colors": [TEXT],
            "default_size": 12,
            "font_weight": "normal",
            "text": [""] * count,
        }
        self._names = themed.Label(x=[0.0] * count, align="start", **words)
        self._shares = themed.Label(x=[1.0] * count, align="end", **words)
        self.widget: Figure = bqplot.Figure(
            marks=[whole, self._bars, self._names, self._shares],
            fig_margin={"top": 2, "bottom": 2, "left": 6, "right": 6},
            padding_x=0,
            padding_y=0,
            min_aspect_ratio=0.01,
            max_aspect_ratio=100,
            background_style={"fill": "transparent"},
            display_toolbar=False,
        )
        self.widget.layout.width, self.widget.layout.max_width = "100%", f"{max_width}px"
        self.widget.layout.height = f"{ROW * count + 4}px"
        self.widget.layout.min_width = "180px"
        self.widget.add_class("cnnviz-bars")

    def show(self, tops: Sequence[Any], highlight: int | None = None) -> None:
        """``tops``: (name, probability 0…1) pairs or Predictions, likeliest first. ``highlight``: which of them."""
        pairs = [(one.name, one.probability) if hasattr(one, "probability") else tuple(one) for one in tops]
        pairs = [(str(name), float(share)) for name, share in pairs[: self.count]]
        missing = self.count - len(pairs)
        self._names.text = [_short(name) for name, _ in pairs] + [""] * missing
        self._shares.text = [_percent(share) for _, share in pairs] + [""] * missing
        self._bars.colors = [CHOSEN if row == highlight else PLAIN for row in range(self.count)]
        self._bars.x = [[0, share] for _, share in pairs] + [[0, 0]] * missing

    def close(self) -> None:
        """Free the chart."""
        close_tree(self.widget)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1].rstrip() + "…"


def _percent(share: float) -> str:
    return "< 0.1 %" if 0 < share < 0.001 else f"{100 * share:.1f} %"
