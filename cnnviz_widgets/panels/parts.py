"""What a panel is made of: things that can ``show`` a value, in the browser and in the static picture."""

import html
from typing import Any, ClassVar, Literal

import ipywidgets
from PIL import Image, ImageDraw

from cnnviz_widgets.colormaps import table
from cnnviz_widgets.content import Content, minus
from cnnviz_widgets.drawing import chart
from cnnviz_widgets.drawing.font import write
from cnnviz_widgets.drawing.render import alt_of, draw_view, png, saying
from cnnviz_widgets.drawing.snapshot import GAP, INK, PAPER, WIDTH
from cnnviz_widgets.drawing.words import number
from cnnviz_widgets.language import said
from cnnviz_widgets.networks import Prediction
from cnnviz_widgets.widgets.image_view import ImageView

LOOK = (  # of an ImageView: all but what it answers to
    "colormap", "opacity", "smooth", "cursor", "selected", "crosshair", "rectangle", "ellipse", "controls", "labels",
    "group", "max_width", "max_height",
)  # fmt: skip
CAPTION = 22  # px: height of the line over a picture in the static PNG


def captioned(caption: str, picture: Image.Image) -> Image.Image:
    """A picture of the static PNG, under a line, with which its description begins."""
    sheet = Image.new("RGB", (picture.width, picture.height + CAPTION), PAPER)
    write(ImageDraw.Draw(sheet), (0, 2), said(caption), INK, 13)
    sheet.paste(picture, (0, CAPTION), picture.convert("RGBA"))
    return saying(sheet, ": ".join(filter(None, (caption, alt_of(picture)))))


def _with_scale(picture: Image.Image, content: Content, colormap: str) -> Image.Image:
    """Under it the colors of its maps, between the values at their two ends."""
    low, high = content.range
    ends = ("below 0", "above 0") if content.signed else ("least", "greatest")
    if low.size == high.size == 1:
        ends = number(float(f"{low.item():.3g}")), number(float(f"{high.item():.3g}"))
    sheet = Image.new("RGBA", (picture.width, picture.height + CAPTION), PAPER)
    sheet.paste(picture, (0, 0), picture.convert("RGBA"))
    pen, middle, (left, right) = ImageDraw.Draw(sheet), picture.height + CAPTION // 2, (70, picture.width - 70)
    write(pen, (left - 6, middle), said(ends[0]), INK, 11, "rm")
    write(pen, (right + 6, middle), said(ends[1]), INK, 11, "lm")
    ramp = Image.fromarray(table(content.colormap(colormap))[None]).resize((right - left, 8))
    sheet.paste(ramp, (left, middle - 4))
    return saying(sheet, alt_of(picture))


def _heading(text: str) -> ipywidgets.HTML:
    return ipywidgets.HTML(html.escape(said(text)), tooltip=said(text)).add_class("cnnviz-heading")


class View:
    """An :class:`ImageView` under a heading. ``show`` takes its Content.

    room   of the panel's width: "part" of it, "most", or "whole"; or "aside", of what stands beside a large picture
    """

    WIDEST: ClassVar = {"aside": 240, "part": 560, "most": 900, "whole": 1692}  # CSS px

    def __init__(self, heading: str, room: str = "part", **traits: Any) -> None:
        self.heading, self._room = heading, room
        self.image = ImageView(alt=heading, **{"max_width": self.WIDEST[room]} | traits)
        self._look = self.image.colormap, self.image.opacity
        self.widget = ipywidgets.VBox([_heading(heading), self.image])
        self.widget.add_class("cnnviz-part").add_class(f"cnnviz-{room}")

    def show(self, content: Any) -> None:
        self.image.show(content)

    def reset(self) -> None:
        """Color map and opacity as at the beginning."""
        self.image.look(*self._look)

    @property
    def seen(self) -> bool:
        """Whether a browser has drawn what was sent last."""
        return self.image.drawn >= self.image.serial

    def twin(self) -> "View | None":
        """The same picture in a view of its own, which nothing changes; None where there is none."""
        if not self.image.content.count:
            return None
        look = {name: getattr(self.image, name) for name in LOOK}
        twin = View(f"Pinned: {self.heading}", self._room, **look)
        twin.show(self.image.content)
        return twin

    def snapshot(self) -> Image.Image | None:
        if not self.image.content.count:
            return None
        picture = draw_view(self.image, 300 if self._room in ("aside", "part") else WIDTH - 2 * GAP)
        if self.image.controls and self.image.content.values is not None and not self.image.content.levels:
            picture = _with_scale(picture, self.image.content, self.image.colormap)
        return captioned(self.heading, picture)


class _Plotted:
    """A chart under a heading; ``describe`` makes the chart of what is shown."""

    SIZE: tuple[int, int]  # px of the static picture

    def __init__(self, heading: str, kind: Literal["lines", "bars"], room: str = "part", **how: Any) -> None:
        from cnnviz_widgets.widgets.chart import ChartView  # with bqplot, which brings pandas: half a second

        self.heading, self._kind, self._room, self._how = heading, kind, room, how
        self._shown: Any = None
        self._view = ChartView(kind, heading, still=lambda shown: png(chart.draw(shown, self.SIZE)), **how)
        self.widget = ipywidgets.VBox([_heading(heading), self._view])
        self.widget.add_class("cnnviz-part").add_class(f"cnnviz-{room}")

    def describe(self, shown: Any) -> chart.Chart:
        raise NotImplementedError

    def show(self, shown: Any) -> None:
        self._shown = shown
        self._view.show(self.describe(shown))

    @property
    def _chart(self) -> chart.Chart | None:
        """What is shown, if that is anything."""
        known = None if self._shown is None else self.describe(self._shown)
        return known if known and any(one.x for one in known.series) else None

    def twin(self) -> "_Still | None":
        """The same chart in a view of its own; None where there is none."""
        known = self._chart
        if known is None:
            return None
        twin = _Still(f"Pinned: {self.heading}", self._kind, self._room, **self._how)
        twin.SIZE = self.SIZE
        twin.show(known)
        return twin

    def snapshot(self) -> Image.Image | None:
        known = self._chart
        return None if known is None else captioned(self.heading, chart.draw(known, self.SIZE))


class _Still(_Plotted):
    """``show`` takes the chart itself."""

    def describe(self, shown: chart.Chart) -> chart.Chart:
        return shown


class Bars(_Plotted):
    """The first classes and their probabilities. ``show`` takes (``network.predict``'s answer, the class to mark)."""

    SIZE, MOST = (300, 0), 5

    def __init__(self, heading: str) -> None:
        super().__init__(heading, "bars", most=self.MOST)

    def describe(self, shown: tuple[list[Prediction], int | None]) -> chart.Chart:
        top, marked = shown[0][: self.MOST], shown[1]
        places = [one.index for one in top]
        return chart.bars(
            [(one.name, one.probability) for one in top], places.index(marked) if marked in places else None
        )


class Chart(_Plotted):
    """Curves under a heading. ``show`` takes the arguments of ``drawing.chart.curves`` as a dictionary.

    x, y, top, share  as there;   most, height  as in ``ChartView``
    """

    SIZE = 460, 220

    def __init__(
        self,
        heading: str,
        x: str,
        y: str,
        room: str = "part",
        *,
        top: float | None = 1,
        share: bool = False,
        **how: Any,
    ) -> None:
        self._axes: dict[str, Any] = {"x": x, "y": y, "top": top, "share": share}
        super().__init__(heading, "lines", room, **how)

    def describe(self, shown: dict[str, Any]) -> chart.Chart:
        return chart.curves(**self._axes, **shown)


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
        self.widget.value = html.escape(said(minus(text)))
