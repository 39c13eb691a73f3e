"""What a panel is made of: things that can ``show`` a value, in the browser and in the static picture."""

import html
from typing import Any

import ipywidgets
from PIL import Image, ImageDraw

from cnnviz_widgets.networks import Prediction
from cnnviz_widgets.panels.snapshot import INK, PAPER, font
from cnnviz_widgets.pictures.render import Content
from cnnviz_widgets.widgets.bars import TopBars
from cnnviz_widgets.widgets.image_view import ImageView

CAPTION = 22  # px: height of the line over a picture in the static PNG


def _captioned(caption: str, picture: Image.Image) -> Image.Image:
    sheet = Image.new("RGB", (picture.width, picture.height + CAPTION), PAPER)
    ImageDraw.Draw(sheet).text((0, 2), caption, INK, font(13))
    sheet.paste(picture, (0, CAPTION), picture.convert("RGBA"))
    return sheet


def _heading(text: str) -> ipywidgets.HTML:
    return ipywidgets.HTML(html.escape(text)).add_class("cnnviz-heading")


class View:
    """An :class:`ImageView` under a heading. ``show`` takes its Content."""

    def __init__(self, heading: str, **traits: Any) -> None:
        self.heading = heading
        self.image = ImageView(alt=heading, **traits)
        self._look = self.image.colormap, self.image.opacity
        self.widget = ipywidgets.VBox([_heading(heading), self.image])
        self.widget.add_class("cnnviz-part")

    def show(self, content: Content) -> None:
        self.image.show(content)

    def reset(self) -> None:
        """Colour map and opacity as at the beginning."""
        self.image.look(*self._look)

    @property
    def seen(self) -> bool:
        """Whether a browser has drawn what was sent last."""
        return self.image.drawn >= self.image.serial

    def snapshot(self) -> Image.Image | None:
        if not self.image.content.count:
            return None
        picture = self.image.draw(300)
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
        predictions, marked = answer
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
            pen.text((0, top), f"{name}  {probability:.3f}", INK, font(12))
            pen.rectangle((0, top + 17, 1 + probability * (self.WIDTH - 2), top + 23), fill=(31, 119, 180))
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
