"""What a panel is made of: things that can ``show`` a value, in the browser and in the static picture."""

import html
from typing import Any

import ipywidgets
from PIL import Image, ImageDraw

from cnnviz_widgets.drawing.font import write
from cnnviz_widgets.drawing.render import Content, table
from cnnviz_widgets.drawing.snapshot import GAP, INK, PAPER, WIDTH
from cnnviz_widgets.networks import Prediction
from cnnviz_widgets.widgets.bars import TopBars
from cnnviz_widgets.widgets.curves import Curves, color_of
from cnnviz_widgets.widgets.image_view import ImageView

FRAME = (176, 184, 194)
CAPTION = 22  # px: height of the line over a picture in the static PNG


def _captioned(caption: str, picture: Image.Image) -> Image.Image:
    sheet = Image.new("RGB", (picture.width, picture.height + CAPTION), PAPER)
    write(ImageDraw.Draw(sheet), (0, 2), caption, INK, 13)
    sheet.paste(picture, (0, CAPTION), picture.convert("RGBA"))
    return sheet


def _with_scale(picture: Image.Image, content: Content, colormap: str) -> Image.Image:
    """Under it the colors of its maps, between the values at their two ends."""
    low, high = content.range
    ends = ("below 0", "above 0") if content.signed else ("least", "greatest")
    if low.size == high.size == 1:
        ends = f"{low.item():.3g}", f"{high.item():.3g}"
    sheet = Image.new("RGBA", (picture.width, picture.height + CAPTION), PAPER)
    sheet.paste(picture, (0, 0), picture.convert("RGBA"))
    pen, middle, (left, right) = ImageDraw.Draw(sheet), picture.height + CAPTION // 2, (70, picture.width - 70)
    write(pen, (left - 6, middle), ends[0], INK, 11, "rm")
    write(pen, (right + 6, middle), ends[1], INK, 11, "lm")
    ramp = Image.fromarray(table(content.colormap(colormap))[None]).resize((right - left, 8))
    sheet.paste(ramp, (left, middle - 4))
    return sheet


def _heading(text: str) -> ipywidgets.HTML:
    return ipywidgets.HTML(html.escape(text)).add_class("cnnviz-heading")


class View:
    """An :class:`ImageView` under a heading. ``show`` takes its Content.

    room   of the panel's width: "part" of it, "most", or "whole"
    """

    def __init__(self, heading: str, room: str = "part", **traits: Any) -> None:
        self.heading = heading
        self.image = ImageView(alt=heading, **traits)
        self._look = self.image.colormap, self.image.opacity
        self.widget = ipywidgets.VBox([_heading(heading), self.image])
        self.widget.add_class("cnnviz-part").add_class(f"cnnviz-{room}")

    def show(self, content: Content) -> None:
        self.image.show(content)

    def reset(self) -> None:
        """Color map and opacity as at the beginning."""
        self.image.look(*self._look)

    @property
    def seen(self) -> bool:
        """Whether a browser has drawn what was sent last."""
        return self.image.drawn >= self.image.serial

    def snapshot(self) -> Image.Image | None:
        if not self.image.content.count:
            return None
        picture = self.image.draw(300 if self.image.max_width <= 448 else WIDTH - 2 * GAP)
        if self.image.controls and self.image.content.values is not None and not self.image.content.levels:
            picture = _with_scale(picture, self.image.content, self.image.colormap)
        return _captioned(self.heading, picture)


class Bars:
    """The first classes and their probabilities. ``show`` takes (``network.predict``'s answer, the class to mark)."""

    WIDTH, ROW = 300, 30

    def __init__(self, heading: str) -> None:
        self.heading = heading
        self._chart = TopBars()
        self._top: list[tuple[str, float]] = []
        self.widget = ipywidgets.VBox([_heading(heading), self._chart.widget])
        self.widget.add_class("cnnviz-part")

    def show(self, answer: tuple[list[Prediction], int | None]) -> None:
        predictions, marked = answer[0][: self._chart.count], answer[1]
        self._top = [(p.name, p.probability) for p in predictions]
        places = [p.index for p in predictions]
        self._chart.show(self._top, places.index(marked) if marked in places else None)

    def snapshot(self) -> Image.Image | None:
        if not self._top:
            return None
        sheet = Image.new("RGB", (self.WIDTH, self.ROW * len(self._top)), PAPER)
        pen = ImageDraw.Draw(sheet)
        for row, (name, probability) in enumerate(self._top):
            top = row * self.ROW
            write(pen, (0, top), f"{name}  {probability:.3f}", INK)
            pen.rectangle((0, top + 17, 1 + probability * (self.WIDTH - 2), top + 23), fill=(31, 119, 180))
        return _captioned(self.heading, sheet)


class Chart:
    """Curves under a heading. ``show`` takes the arguments of ``Curves.show`` as a dictionary."""

    WIDTH, HEIGHT, LINE = 460, 200, 16

    def __init__(self, heading: str, x: str, y: str, room: str = "part", **how: Any) -> None:
        self.heading, self._axes = heading, (x, y)
        self._chart = Curves(x, y, **how)
        self._shown: dict[str, Any] = {"curves": {}}
        self.widget = ipywidgets.VBox([_heading(heading), self._chart.widget])
        self.widget.add_class("cnnviz-part").add_class(f"cnnviz-{room}")

    def show(self, shown: dict[str, Any]) -> None:
        self._shown = shown
        self._chart.show(**shown)

    def snapshot(self) -> Image.Image | None:
        colored = enumerate(self._shown["curves"].items())
        curves = {name: (color_of(number), *curve) for number, (name, curve) in colored if len(curve[0])}
        if not curves:
            return None
        sheet = Image.new("RGB", (self.WIDTH, self.HEIGHT + self.LINE * len(curves)), PAPER)
        pen, (left, top, right, bottom) = ImageDraw.Draw(sheet), (30, 6, self.WIDTH - 6, self.HEIGHT - 34)
        _, *axes = zip(*curves.values(), strict=True)
        ends = [(min(map(min, axis)), max(map(max, axis))) for axis in axes]
        (x0, x1), (y0, y1) = (0, self._shown.get("end", 1)), (min(0, ends[1][0]), self._chart.top or max(0, ends[1][1]))
        pen.rectangle((left, top, right, bottom), outline=FRAME)
        for number, (name, (color, xs, ys)) in enumerate(curves.items()):
            across = [left + (x - x0) / max(x1 - x0, 1e-9) * (right - left) for x in xs]
            down = [bottom - (y - y0) / max(y1 - y0, 1e-9) * (bottom - top) for y in ys]
            pen.line([*zip(across, down, strict=True)], color, 2)
            row = self.HEIGHT + self.LINE * number
            pen.rectangle((left, row + 7, left + 14, row + 9), color)
            write(pen, (left + 22, row), f"{name}  {self._shown.get('numbers', {}).get(name, '')}", INK)
        for x, y, text in (
            (left, bottom + 3, f"{x0:g}"),
            (right - 20, bottom + 3, f"{x1:g}"),
            (4, bottom - 8, f"{y0:.2g}"),
            (4, top, f"{y1:.2g}"),
        ):
            write(pen, (x, y), text, INK, 11)
        write(pen, (left + 60, bottom + 14), " by ".join(filter(None, self._axes[::-1])), INK)
        return _captioned(self.heading, sheet)


class Mark:
    """The crosshair, rectangle or selected tile of a view. ``show`` takes its place, or None."""

    def __init__(self, view: View, trait: str) -> None:
        self._view, self._trait = view, trait

    def show(self, place: Any) -> None:
        setattr(self._view.image, self._trait, place)


class Note:
    """One or two sentences. ``show`` takes plain text."""

    def __init__(self) -> None:
        self.widget = ipywidgets.HTML()
        self.widget.add_class("cnnviz-note")

    def show(self, text: str) -> None:
        self.widget.value = html.escape(text)
