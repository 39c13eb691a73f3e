"""A part that shows pictures as points, and the same as a picture for files."""

from collections.abc import Sequence

import ipywidgets
import numpy as np
from PIL import Image, ImageDraw

from cnnviz_widgets.colormaps import OKABE_ITO
from cnnviz_widgets.content import Content
from cnnviz_widgets.drawing.font import width as wide
from cnnviz_widgets.drawing.font import write
from cnnviz_widgets.drawing.render import saying
from cnnviz_widgets.drawing.results import Result
from cnnviz_widgets.drawing.snapshot import GAP, INK, PAPER, WIDTH
from cnnviz_widgets.panels.parts import captioned
from cnnviz_widgets.widgets.scatter import Cloud, Scatter

LEAST, MOST = 12, 96  # px of the pictures in a file
KEY, LINE = 180, 18  # px: width of the legend, and height of its lines


class PointsView:
    """A Scatter under a heading. ``show`` takes (cloud, the result that it shows, or None)."""

    def __init__(self, heading: str) -> None:
        self.heading = heading
        self.scatter = Scatter(alt=heading)
        self.widget = ipywidgets.VBox([self.scatter]).add_class("cnnviz-part").add_class("cnnviz-whole")
        self.result: Result | None = None

    def show(self, shown: tuple[Cloud, Result | None]) -> None:
        cloud, self.result = shown
        self.scatter.show(cloud)

    def reset(self) -> None:
        """Nothing chosen, as at the beginning."""
        self.scatter.picked, self.scatter.selection = None, ()

    @property
    def content(self) -> Content:
        return Content() if self.result is None else self.result.content()

    @property
    def seen(self) -> bool:
        """Whether a browser has drawn what was sent last."""
        return self.scatter.drawn >= self.scatter.serial

    def snapshot(self) -> Image.Image | None:
        cloud = self.scatter.cloud
        return None if cloud is None else captioned(self.heading, drawn(cloud, WIDTH - 2 * GAP, self.scatter.basis))


def drawn(cloud: Cloud, width: int, basis: np.ndarray | None = None) -> Image.Image:
    """The points, or their pictures where there is room, and what the colors stand for; of a tour one plane."""
    kinds, legend = cloud.kinds()
    side = width - KEY if legend else width
    sheet = Image.new("RGB", (width, side), PAPER)
    pen = ImageDraw.Draw(sheet)
    places = cloud.placed()
    if cloud.toured:
        plane = star(places.shape[1]) if basis is None else basis
        places = 0.5 + places @ plane / 2
        middle = side / 2
        ends = middle + 0.45 * side * plane
        for end in ends:
            pen.line([(middle, middle), tuple(end)], (128, 128, 128))
        long = np.hypot(*plane.T) > 0.2  # shorter ones lie on each other
        for right in (False, True):
            some = np.flatnonzero(long & ((plane[:, 0] >= 0) == right))
            for axis, y in zip(some.tolist(), _apart(ends[some, 1], 16, side - 8), strict=True):
                name, x = str(cloud.axes[axis] if cloud.axes else axis), ends[axis, 0]
                room = wide(name, 13)
                x = min(x + 6, side - room) if right else max(x - 6 - room, 0)
                write(pen, (x, y), name, INK, 13, "lm")
    one = min(MOST, int(0.9 * side / max(1, len(places)) ** 0.5))
    pictures = cloud.thumbnails if one >= LEAST and not cloud.toured else None
    dot = max(2, min(7, 100 / max(1, len(places)) ** 0.5))
    margin = one // 2 + 2 if pictures is not None else 8
    colors = [bytes.fromhex(OKABE_ITO[kind]) for kind in kinds] or [bytes.fromhex(OKABE_ITO[0])] * len(places)
    for row, (x, y) in enumerate(margin + places * (side - 2 * margin)):
        if pictures is None:
            pen.ellipse((x - dot, y - dot, x + dot, y + dot), tuple(colors[row]))
            continue
        left, top = int(x) - one // 2, int(y) - one // 2
        sheet.paste(Image.fromarray(pictures[row]).resize((one, one)), (left, top))
        if legend:
            pen.rectangle((left, top, left + one - 1, top + one - 1), outline=tuple(colors[row]), width=2)
    for kind, name in enumerate(legend):
        top = 8 + LINE * kind
        pen.ellipse((side + 8, top + 4, side + 18, top + 14), tuple(bytes.fromhex(OKABE_ITO[kind])))
        write(pen, (side + 26, top + 2), name, INK, 12)
    return saying(sheet, cloud.alt)


def _apart(heights: np.ndarray, least: float, end: float) -> np.ndarray:
    """Moved so little as may be that each is so far below the one before, and none is below the end."""
    order, steps = np.argsort(heights), least * np.arange(len(heights))
    down = np.maximum.accumulate(heights[order] - steps) + steps
    moved = np.empty(len(heights))
    moved[order] = np.minimum(down, end - steps[::-1])
    return moved


def star(dimensions: int) -> np.ndarray:
    """(D, 2) float64: the plane with which a tour begins. All axes are as long, one after the other around."""
    angles = 2 * np.pi * np.arange(dimensions) / dimensions
    return np.stack([np.cos(angles), np.sin(angles)], 1) * np.sqrt(2 / dimensions)


def labels(names: Sequence[str]) -> tuple[str, ...]:
    """Classes for the colors: the names, or their first words, where many pictures share a few of them; else none."""
    for one in (tuple(names), tuple(name.partition(" ")[0] for name in names)):
        if 2 <= len(set(one)) <= max(len(OKABE_ITO), len(one) // 10):
            return one
    return ()
