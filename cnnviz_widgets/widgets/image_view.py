"""A picture or a grid of pictures, with maps over them, that answers in the browser."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import traitlets as t
from PIL import Image

from cnnviz_widgets import colormaps
from cnnviz_widgets.content import SHARP_BELOW, Content, tile
from cnnviz_widgets.described import describe
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.language import said
from cnnviz_widgets.widgets.front_end import BrowserWidget, spoken
from cnnviz_widgets.widgets.traits import Labels, Number

MOST_EXACT = 16_384  # values; more than these travel as one byte each, and the exact one is asked for where it is read
MOST_CELLS = 1_600  # of one map; in more of them no number can be written on the screen, and they travel so, too
MOST_PIXELS = 4_000_000  # of a picture; larger ones are shrunk on their way, and so are
MOST_TOGETHER = 36_000_000  # pictures that have more on one sheet: a view may be zoomed until one of them fills it
JPEG_BLOCK = 8  # px
LEVELS = 254  # codes 0 … 254 are low … high, 255 is NaN
TOOLS = ("point", "rectangle", "brush")
PAINTS = (*colormaps.OKABE_ITO[4:7], *colormaps.OKABE_ITO[:4])  # those first that are seen best on photographs


class Pointer(NamedTuple):
    """A place in an ImageView: tile x, y in px of the tile, and the cell of its map (None beside the map).

    Without a picture, and without a map, ``row, column`` is ``y, x``.
    """

    tile: int
    x: int
    y: int
    row: int | None
    column: int | None


Region = tuple[int, int, int, int]


class Drop(NamedTuple):
    """A tile of a view that was dragged onto a tile of this one."""

    tile: int
    source: ImageView
    dragged: int


class ImageView(BrowserWidget):
    """Shows a ``Content``. Color map and opacity are drawn in the browser, with no word to the kernel.

    colormap   one of ``colormaps.COLORMAPS``; a diverging one takes its place while signed values are shown
    opacity    of maps over a picture, 0…1
    smooth     blend neighboring cells of a map; False = every cell a sharp square
    cursor     "pixel" or "tile": what the arrow keys move over and what a click chooses
    selected   the tile with a frame around it; a click in "tile" mode sets it
    crosshair  (x, y) in px of the picture, or None
    rectangle  (x, y, width, height) in px of the picture, or None
    ellipse    (x, y, half axis, other half axis, degrees clockwise from the x axis to the first) in px, or None; pixel
               ``i`` has its center at ``i``
    alt        what a screen reader calls it, before it says what is to be seen
    controls   whether the view carries its own opacity slider and choice of colors, once it has maps
    labels     write its head or name above every tile; where the pointer is in one of them, all are read
    group      views with the same one, if it is not empty, show where the pointer is in one of them
    max_width  the largest width in CSS px; the view shrinks with the space it has
    max_height the largest height of its pictures in CSS px; None = as max_width
    wipe       share of the width that shows the picture before, where there is one; the browser moves it by itself
    blend      whether the browser offers "Strength" and "Keep the colors", where there is a picture before; they are
    strength   how much of the picture is seen over the one before, 0…1, and
    keep_colors whether of it only the luminance is; the browser changes these two by itself, too
    numbers    write the values into cells of at least 22 px; where the view is zoomed, they are written in any case
    tool       what the pointer and the keys do now: "point", "rectangle" (see ``on_region``) or "brush" (see ``brush``)
    region     (x, y, width, height) in whole px of the picture, the rectangle that the user drags; or None
    keeps_size whether the region is only moved: a press puts its middle there
    buttons    whether its tools and zoom have buttons, in the corner of the picture
    brush      what the user may paint: the names of the labels 1, 2 …, at most seven, or {name: "#rrggbb"}. With a
               brush there is a ``mask``, see ``on_mask``; () = there is none
    serial     number of the last content shown; ``drawn``: of the last one that a browser has drawn

    A view is zoomed by + − 0, by Ctrl and the wheel, or by its buttons, and then moved by dragging. A content
    with a picture ``before`` gets a divider, and ``play`` shows a film.

    The browser sends only messages and never sets a trait, so a worker thread may call ``show`` at any time.
    """

    module = "image_view.js"

    colormap = t.Enum(list(colormaps.COLORMAPS), "viridis").tag(sync=True)
    opacity = Number(0.6, 0, 1).tag(sync=True)
    smooth = t.Bool(False).tag(sync=True)
    cursor = t.Enum(["pixel", "tile"], "pixel").tag(sync=True)
    selected = t.Int(None, allow_none=True).tag(sync=True)
    crosshair = t.Tuple(t.Float(), t.Float(), default_value=None, allow_none=True).tag(sync=True)
    rectangle = t.Tuple(t.Float(), t.Float(), t.Float(), t.Float(), default_value=None, allow_none=True).tag(sync=True)
    ellipse = t.Tuple(*[t.Float()] * 5, default_value=None, allow_none=True).tag(sync=True)
    alt = t.Unicode("picture").tag(sync=True, to_json=spoken)
    controls = t.Bool(True).tag(sync=True)
    labels = t.Bool(False).tag(sync=True)
    group = t.Unicode("").tag(sync=True)
    max_width = Number(448, 64, whole=True).tag(sync=True)
    max_height = t.Int(None, min=64, allow_none=True).tag(sync=True)
    wipe = Number(0.5, 0, 1).tag(sync=True)
    blend = t.Bool(False).tag(sync=True)
    strength = Number(1, 0, 1).tag(sync=True)
    keep_colors = t.Bool(False).tag(sync=True)
    numbers = t.Bool(False).tag(sync=True)
    tool = t.Enum(TOOLS, "point").tag(sync=True)
    region: Any = t.Tuple(*[t.Int()] * 4, default_value=None, allow_none=True).tag(sync=True)
    keeps_size = t.Bool(False).tag(sync=True)
    buttons = t.Bool(True).tag(sync=True)
    brush = Labels(PAINTS)
    drawn = t.Int(0)

    _scene = t.Dict().tag(sync=True)
    _picture = t.Dict(default_value=None, allow_none=True).tag(sync=True)
    _before = t.Dict(default_value=None, allow_none=True).tag(sync=True)
    _dark = t.Dict(default_value=None, allow_none=True).tag(sync=True)
    _film: t.Dict[str, Any] = t.Dict({"number": 0, "rate": 12, "frames": []}).tag(sync=True)
    # [name, color] of the brush's: what JSON calls an object may lose its order
    _labels: t.List[Any] = t.List().tag(sync=True, to_json=spoken)
    _mask: Any = t.Dict(default_value=None, allow_none=True).tag(sync=True)  # traitlets' Dict types have no None
    _tools = t.Tuple(default_value=("point",)).tag(sync=True)
    _clickable = t.Bool(False).tag(sync=True)
    _hoverable = t.Bool(False).tag(sync=True)
    _gives = t.Unicode("").tag(sync=True)  # the name under which other views take its tiles
    _takes = t.Tuple().tag(sync=True)

    def __init__(self, content: Content | None = None, **traits: Any) -> None:
        super().__init__(**traits)
        self._usual = self.colormap  # while nothing signed is shown
        self._content = Content()
        self._numbers = count(1)
        self._digests: dict[str, bytes] = {}  # trait -> of the pictures that were sent last
        self._played: list[bytes] = []  # digests of the frames of the film
        self._on_click: list[Callable[[Pointer], None]] = []
        self._on_hover: list[Callable[[Pointer | None], None]] = []
        self._on_region: list[Callable[[Region | None], None]] = []
        self._on_mask: list[Callable[[np.ndarray], None]] = []
        self._on_drop: list[Callable[[Drop], None]] = []
        self._sources: dict[str, ImageView] = {}
        self.observe(self._offer, "brush")
        self._offer()
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
        """Show a content in place of the one before.

        That is one message; one more for pictures that are not those shown last, and where signed values come or go.
        """
        before, self._content = self._content, content
        if content.size != before.size:
            self._mask = None
        sent = {"picture": content.pictures, "before": content.pictures_before, "dark": content.pictures_dark}
        sheets = {name: self._sheet(f"_{name}", pictures) for name, pictures in sent.items()}
        self._scene = scene(content, next(self._numbers), **sheets)
        if content.signed != before.signed:
            self._usual = self.colormap if content.signed else self._usual
            self.colormap = content.colormap(self._usual)

    def play(self, frames: Sequence[np.ndarray], rate: float = 12) -> None:
        """Offer a film to be played in the browser, in place of the pictures of the content.

        frames   (H, W, 3) uint8, of the content's size; () = no film. Of a film that grows only what is new is sent
        rate     frames a second
        """
        digests = [_digest(frame) for frame in frames]
        known = len(self._played)
        if not known or digests[:known] != self._played or rate != self._film["rate"]:
            if digests or known:
                self._film = {"number": next(self._numbers), "rate": rate, "frames": [_encoded(one) for one in frames]}
        else:
            for at, frame in enumerate(frames[known:], known):
                sheet = _encoded(frame)
                # In place: the trait is what a new view reads, and is not sent again as a whole.
                self._film["frames"].append(sheet)
                head = {"do": "frame", "number": self._film["number"], "at": at, "type": sheet["type"]}
                self.send(head, [sheet["data"]])
        self._played = digests

    @property
    def mask(self) -> np.ndarray | None:
        """(H, W) uint8, as large as the picture: the label painted on each pixel, 0 = none; None = no paint."""
        return self._mask and np.frombuffer(self._mask["data"], np.uint8).reshape(self._mask["size"])

    @mask.setter
    def mask(self, mask: np.ndarray | None) -> None:
        labels = None if mask is None else np.ascontiguousarray(mask, np.uint8)
        if labels is not None and labels.shape != self._content.size:
            raise UserError(f"mask must be as large as the picture, {self._content.size}, not {labels.shape}.")
        self._mask = None if labels is None else {"size": list(labels.shape), "data": labels.tobytes(), "view": ""}

    def _offer(self, _: Any = None) -> None:
        self._labels = [list(pair) for pair in self.brush.items()]
        offered = {"point": True, "rectangle": bool(self._on_region), "brush": bool(self.brush)}
        self._tools = tuple(tool for tool, there in offered.items() if there)
        if self.tool not in self._tools:
            self.tool = "point"

    def _sheet(self, name: str, pictures: np.ndarray | None) -> int | None:
        """The number of a sheet of pictures; it is sent only if it is not the one that was sent last."""
        if pictures is None or not pictures.size:
            self._digests.pop(name, None)
            setattr(self, name, None)
            return None
        if pictures.strides[0] == 0:  # one picture that was broadcast to stand under all maps travels once
            pictures = pictures[:1]
        digest = _digest(pictures)
        if self._digests.get(name) != digest:
            self._digests[name] = digest
            setattr(self, name, {"id": next(self._numbers), **_sprite(pictures)})
        return getattr(self, name)["id"]

    def look(self, colormap: str, opacity: float) -> None:
        """Set color map and opacity also where the browser has changed them unknown to the kernel."""
        self._usual = colormap
        self.colormap, self.opacity = self.content.colormap(colormap), opacity
        self.send_state(("colormap", "opacity"))

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

    def on_region(self, handler: Callable[[Region | None], None]) -> None:
        """Let the user drag a rectangle: ``handler((x, y, width, height))`` at a change, None when it is taken away.

        At most 20 times a second, and never before the handlers have returned from the last time.
        """
        self._on_region.append(handler)
        self._offer()

    def on_mask(self, handler: Callable[[np.ndarray], None]) -> None:
        """Call ``handler(mask)``, see ``mask``, after every stroke of the brush."""
        self._on_mask.append(handler)

    def on_drop(self, handler: Callable[[Drop], None], *sources: ImageView) -> None:
        """Let the user drag tiles of other views, or of this one, onto a tile of this one: ``handler(drop)``."""
        self._on_drop.append(handler)
        self._sources |= {one.model_id: one for one in sources}
        self._takes = tuple(self._sources)
        for name, source in self._sources.items():
            source._gives = name

    def _receive(self, _: Any, message: dict, buffers: Sequence[Any]) -> None:
        match message.get("do"):
            case "drawn":
                self.drawn = max(self.drawn, message["serial"])
            case "again":
                self.send_state(("_picture", "_before", "_dark", "_film", "_scene"))
            case "click":
                pointer = Pointer(*message["at"])
                if self.cursor == "tile":
                    self.selected = pointer.tile
                _call(self._on_click, pointer)
            case "drop" if message["gives"] in self._sources:
                _call(self._on_drop, Drop(message["at"], self._sources[message["gives"]], message["tile"]))
            case "hover":
                self._answer("hover", self._on_hover, message["at"] and Pointer(*message["at"]))
            case "region":
                self.region = message["at"] and tuple(message["at"])
                self._answer("region", self._on_region, self.region)
            case "value":
                self._tell_value(message)
            case "mask":
                data = bytes(buffers[0])
                if message["size"] == list(self._content.size) and len(data) == math.prod(message["size"]):
                    self._mask = {"size": message["size"], "data": data, "view": message["view"]}
                    _call(self._on_mask, self.mask)
            case "tool":
                if message["tool"] in self._tools:
                    self.tool = message["tool"]

    def _answer(self, of: str, handlers: list[Callable[[Any], None]], value: Any) -> None:
        """Call the handlers, and then let the browser send the next message of this kind."""
        try:
            _call(handlers, value)
        finally:
            self.send({"do": "done", "of": of})

    def _tell_value(self, message: dict) -> None:
        """The exact value of a cell, or of that cell in every tile (None), of which the browser has codes."""
        maps, (tile, row, column) = self._content.maps, message["at"]
        if message["serial"] == self.serial and maps is not None:
            values = maps[:, row, column] if tile is None else maps[[tile], row, column]
            told = [value if math.isfinite(value) else None for value in values.tolist()]
            self.send({"do": "value", "at": message["at"], "serial": self.serial, "values": told})
        self.send({"do": "done", "of": "value"})


def _call(handlers: Sequence[Callable[[Any], None]], value: Any) -> None:
    for handler in handlers:
        handler(value)


def scene(
    content: Content, serial: int, picture: int | None = None, before: int | None = None, dark: int | None = None
) -> dict[str, Any]:
    """A content as the browser takes it: names, numbers, and the numbers of the sheets of its pictures."""
    return {
        "serial": serial,
        "count": content.count,
        "size": list(content.size),
        "columns": content.columns,
        "picture": picture,
        "before": before,
        "dark": dark,
        "values": _numbers(content) if content.count and content.values is not None else None,
        "extent": None if content.extent is None else list(map(float, content.extent)),
        "names": spoken(content.names),
        "caption": said(content.caption),
        "alt": describe(content),
        "heads": spoken(content.heads),
        "levels": spoken(content.levels),
        "unseen": list(content.unseen),
        "signed": content.signed,
        "fields": [one and one._asdict() for one in content.fields],
    }


def _digest(pictures: np.ndarray) -> bytes:
    """Tells pictures apart by what they show: an array may be written anew."""
    return hashlib.blake2b(repr(pictures.shape).encode() + pictures.tobytes()).digest()


def _encoded(picture: np.ndarray) -> dict[str, Any]:
    """One frame (H, W, 3), compressed."""
    sheet = _sprite(picture[None])
    return {"data": sheet["data"], "type": sheet["type"]}


def _sprite(pictures: np.ndarray) -> dict[str, Any]:
    """(N, H, W, 3) as one compressed sheet; more px than a screen has are left out."""
    pixels = pictures[0].size / 3
    shrink = math.ceil(math.sqrt(max(pixels / MOST_PIXELS, len(pictures) * pixels / MOST_TOGETHER)))
    if shrink > 1:
        pictures = np.stack([np.asarray(Image.fromarray(one).reduce(shrink)) for one in pictures])
    columns = math.ceil(math.sqrt(len(pictures)))
    height, width = pictures.shape[1:3]
    many = pictures.size / 3 > MOST_PIXELS and not (height % JPEG_BLOCK or width % JPEG_BLOCK)  # else blocks mix tiles
    photo = many or min(height, width) >= SHARP_BELOW
    buffer = io.BytesIO()
    sheet = Image.fromarray(tile(pictures, columns))
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
    """(N, h, w) as few bytes.

    Maps that were enlarged bilinearly travel as the ``cells`` that they come from. Of others, blocks of equal values
    travel once: ``rows`` and ``columns`` are where blocks begin. They are float32, or beyond MOST_EXACT and MOST_CELLS
    codes 0 … LEVELS of low … high, with LEVELS + 1 for NaN.
    """
    maps, (low, high) = np.ascontiguousarray(content.maps), content.range
    sent: dict[str, Any] = {"size": list(maps.shape[1:]), "low": low.tolist(), "high": high.tolist()}
    if content.cells is not None:
        cells = content.cells.reshape(len(maps), *content.cells.shape[-2:])
        return {**sent, "data": cells.tobytes(), "type": "float32", "cells": list(cells.shape[1:])}
    rows, columns = _blocks(maps, 1), _blocks(maps, 2)
    if len(rows) * len(columns) < math.prod(maps.shape[1:]):
        maps = maps[:, rows][:, :, columns]
        sent |= {"rows": rows, "columns": columns}
    if maps.size <= MOST_EXACT and maps[0].size <= MOST_CELLS:
        return {**sent, "data": maps.tobytes(), "type": "float32"}
    first, last = (end.reshape(-1, 1, 1).astype(np.float32) for end in (low, high))
    share = (np.nan_to_num(maps) - first) / np.where(last > first, last - first, np.inf)
    codes = np.where(np.isnan(maps), LEVELS + 1, np.rint(share.clip(0, 1) * LEVELS)).astype(np.uint8)
    return {**sent, "data": codes.tobytes(), "type": "uint8"}


def _blocks(maps: np.ndarray, axis: int) -> list[int]:
    """Where rows (axis 1) or columns (axis 2) begin that are not the same as those before them, to the last bit."""
    bits = np.moveaxis(maps.view(np.int32), axis, 0)
    return [0, *(np.flatnonzero((bits[1:] != bits[:-1]).any((1, 2))) + 1).tolist()]
