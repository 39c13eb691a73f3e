"""A picture or a grid of pictures, with maps over them, that answers in the browser."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import traitlets as t
from PIL import Image

from cnnviz_widgets.drawing import render
from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.widgets.front_end import BrowserWidget
from cnnviz_widgets.widgets.traits import Number

MOST_EXACT = 65_536  # values; more than these travel as one byte each
MOST_PIXELS = 4_000_000  # of a picture; larger ones are shrunk on their way
LEVELS = 254  # codes 0 … 254 are low … high, 255 is NaN


class Pointer(NamedTuple):
    """A place in an ImageView: tile x, y in px of the tile, and the cell of its map (None beside the map).

    Without a picture, and without a map, ``row, column`` is ``y, x``.
    """

    tile: int
    x: int
    y: int
    row: int | None
    column: int | None


class ImageView(BrowserWidget):
    """Shows a ``Content``. Color map and opacity are drawn in the browser, with no word to the kernel.

    colormap   one of ``render.COLORMAPS``; a diverging one takes its place while signed values are shown
    opacity    of maps over a picture, 0…1
    smooth     blend neighboring cells of a map; False = every cell a sharp square
    cursor     "pixel" or "tile": what the arrow keys move over and what a click chooses
    selected   the tile with a frame around it; a click in "tile" mode sets it
    crosshair  (x, y) in px of the picture, or None
    rectangle  (x, y, width, height) in px of the picture, or None
    alt        what a screen reader says it is
    controls   whether the view carries its own opacity slider and choice of colors, once it has maps
    labels     write its head or name above every tile; where the pointer is in one of them, all are read
    group      views with the same one, if it is not empty, show where the pointer is in one of them
    max_width  the largest width in CSS px; the view shrinks with the space it has
    max_height the largest height of its pictures in CSS px; None = as max_width
    serial     number of the last content shown; ``drawn``: of the last one that a browser has drawn

    The browser sends only messages and never sets a trait, so a worker thread may call ``show`` at any time.
    """

    module = "image_view.js"

    colormap = t.Enum(list(render.COLORMAPS), "viridis").tag(sync=True)
    opacity = Number(0.6, 0, 1).tag(sync=True)
    smooth = t.Bool(False).tag(sync=True)
    cursor = t.Enum(["pixel", "tile"], "pixel").tag(sync=True)
    selected = t.Int(None, allow_none=True).tag(sync=True)
    crosshair = t.Tuple(t.Float(), t.Float(), default_value=None, allow_none=True).tag(sync=True)
    rectangle = t.Tuple(t.Float(), t.Float(), t.Float(), t.Float(), default_value=None, allow_none=True).tag(sync=True)
    alt = t.Unicode("picture").tag(sync=True)
    controls = t.Bool(True).tag(sync=True)
    labels = t.Bool(False).tag(sync=True)
    group = t.Unicode("").tag(sync=True)
    max_width = Number(448, 64, whole=True).tag(sync=True)
    max_height = t.Int(None, min=64, allow_none=True).tag(sync=True)
    drawn = t.Int(0)

    _scene = t.Dict().tag(sync=True)
    _clickable = t.Bool(False).tag(sync=True)
    _hoverable = t.Bool(False).tag(sync=True)

    def __init__(self, content: Content | None = None, **traits: Any) -> None:
        super().__init__(**traits)
        self._usual = self.colormap  # while nothing signed is shown
        self._content = Content()
        self._numbers = count(1)
        self._on_click: list[Callable[[Pointer], None]] = []
        self._on_hover: list[Callable[[Pointer | None], None]] = []
        self.on_msg(self._receive)
        self.show(content or Content())

    @property
    def content(self) -> Content:
        """What is shown."""
        return self._content

    @property
    def serial(self) -> int:
        """Number of the last content shown, from 1."""
        return self._scene["serial"]

    def show(self, content: Content) -> None:
        """Show a content in place of the one before, in a single message, or two where signed values come or go."""
        before, self._content = self._content, content
        self._scene = scene(content, next(self._numbers))
        if content.signed != before.signed:
            self._usual = self.colormap if content.signed else self._usual
            self.colormap = content.colormap(self._usual)

    def look(self, colormap: str, opacity: float) -> None:
        """Set color map and opacity also where the browser has changed them unknown to the kernel."""
        self._usual = colormap
        self.colormap, self.opacity = self.content.colormap(colormap), opacity
        self.send_state(("colormap", "opacity"))

    def draw(self, width: int | None = None) -> Image.Image:
        """The picture as a file can hold it, with the color map and the opacity that Python knows of."""
        look = {"colormap": self.colormap, "opacity": self.opacity, "smooth": self.smooth, "labels": self.labels}
        width = width or self.max_width
        tall = self.max_height and self.max_height * width // self.max_width
        return render.draw(self.content, width=width, tall=tall, **look)

    def on_click(self, handler: Callable[[Pointer], None]) -> None:
        """Call ``handler(pointer)`` at a click, at Enter and at the space bar."""
        self._on_click.append(handler)
        self._clickable = True

    def on_hover(self, handler: Callable[[Pointer | None], None]) -> None:
        """Call ``handler(pointer)`` when the pointer comes to another pixel, and ``handler(None)`` when it leaves.

        At most 20 times a second, and never before the handlers have returned from the last time.
        """
        self._on_hover.append(handler)
        self._hoverable = True

    def _receive(self, _: Any, message: dict, __: Any) -> None:
        match message.get("do"):
            case "drawn":
                self.drawn = max(self.drawn, message["serial"])
            case "again":
                self.send_state("_scene")
            case "click":
                pointer = Pointer(*message["at"])
                if self.cursor == "tile":
                    self.selected = pointer.tile
                for handler in self._on_click:
                    handler(pointer)
            case "hover":
                try:
                    for handler in self._on_hover:
                        handler(message["at"] and Pointer(*message["at"]))
                finally:
                    self.send({"do": "hovered"})


def scene(content: Content, serial: int) -> dict[str, Any]:
    """A content as the browser takes it: numbers, names and compressed bytes."""
    return {
        "serial": serial,
        "count": content.count,
        "size": list(content.size),
        "columns": content.columns,
        "picture": _sprite(content.pictures) if content.count and content.picture is not None else None,
        "values": _numbers(content) if content.count and content.values is not None else None,
        "extent": None if content.extent is None else list(map(float, content.extent)),
        "names": list(content.names),
        "caption": content.caption,
        "heads": list(content.heads),
        "levels": list(content.levels),
        "unseen": list(content.unseen),
        "signed": content.signed,
    }


def _sprite(pictures: np.ndarray) -> dict[str, Any]:
    """(N, H, W, 3) as one compressed sheet; more px than a screen has are left out.

    One picture that was broadcast to stand under N maps travels once.
    """
    if pictures.strides[0] == 0:
        pictures = pictures[:1]
    shrink = math.ceil(math.sqrt(pictures.size / 3 / MOST_PIXELS))
    if shrink > 1:
        pictures = np.stack([np.asarray(Image.fromarray(one).reduce(shrink)) for one in pictures])
    columns = math.ceil(math.sqrt(len(pictures)))
    height, width = pictures.shape[1:3]
    photo = min(height, width) >= render.SHARP_BELOW  # JPEG's blocks of 8 px would mix small tiles
    buffer = io.BytesIO()
    sheet = Image.fromarray(render.tile(pictures, columns))
    if photo:
        sheet.save(buffer, "JPEG", quality=90, subsampling=0)
    else:
        sheet.save(buffer, "PNG", compress_level=1)
    return {
        "data": buffer.getvalue(),
        "type": "image/jpeg" if photo else "image/png",
        "count": len(pictures),
        "columns": columns,
        "size": [height, width],
    }


def _numbers(content: Content) -> dict[str, Any]:
    """(N, h, w) as float32, or from MOST_EXACT values on as codes 0 … LEVELS of low … high, with LEVELS + 1 for NaN."""
    maps, (low, high) = content.maps, content.range
    exact = maps.size <= MOST_EXACT
    if not exact:
        first, last = (end.reshape(-1, 1, 1).astype(np.float32) for end in (low, high))
        share = (np.nan_to_num(maps) - first) / np.where(last > first, last - first, np.inf)
        maps = np.where(np.isnan(maps), LEVELS + 1, np.rint(share.clip(0, 1) * LEVELS)).astype(np.uint8)
    return {
        "data": np.ascontiguousarray(maps).tobytes(),
        "type": "float32" if exact else "uint8",
        "size": list(maps.shape[1:]),
        "low": low.tolist(),
        "high": high.tolist(),
    }
