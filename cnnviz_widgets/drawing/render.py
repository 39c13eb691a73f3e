"""What is on a screen, as plain arrays, and how it becomes a picture file.

``Content`` says what is shown: a picture or a grid of pictures, maps of numbers, or maps over pictures. The browser
draws it (``widgets.ImageView``); ``draw`` makes the same picture without a browser, for a saved notebook. Both color a
number by the one formula in ``color``.
"""

from __future__ import annotations

import io
import math
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from cnnviz_widgets.drawing.font import cut, write
from cnnviz_widgets.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

HEAD, WIDE_GAP = 20, 8  # px above a tile for its name, and between such tiles
NAMED_FROM = 80  # px: names over narrower tiles could not be read
# Colors that are told apart also by who cannot tell red from green (Okabe & Ito 2008); gray for all other kinds.
OKABE_ITO = ("0072B2", "D55E00", "009E73", "CC79A7", "E69F00", "56B4E9", "F0E442", "999999")
KINDS = len(OKABE_ITO)
# Our name -> its full name in the cmap catalog. Both diverging ones show high values in red and low ones in blue.
COLORMAPS = {
    "gray": "matlab:gray",
    "viridis": "bids:viridis",
    "inferno": "bids:inferno",
    "magma": "bids:magma",
    "turbo": "google:turbo",
    "RdBu": "colorbrewer:RdBu_r",
    "coolwarm": "matplotlib:coolwarm",
}
DIVERGING = ("coolwarm", "RdBu")
NEGLIGIBLE = 0.05  # share of the greatest size; what reaches less far below 0 may be drawn as 0
SHARP_BELOW = (
    64  # px; smaller pictures are enlarged without smoothing: filters and thumbnails are looked at by the pixel
)


class Field(NamedTuple):
    """Where each of a layer's units looks at, in px of the picture under its maps, (y, x): its receptive field.

    cells   of the layer's maps, (rows, columns), which lie over the whole picture
    size    of a field;  stride  from one to the next
    offset  of the center of the first one; pixel ``i`` has its center at ``i``
    """

    cells: tuple[int, int]
    size: tuple[int, int]
    stride: tuple[float, float]
    offset: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Content:
    """A picture, maps of numbers, or both: one of each, or a grid of N tiles.

    picture   (H, W, 3) or (N, H, W, 3) uint8, or None
    values    (h, w) or (N, h, w) numbers, or None. Alone they are the picture; over a picture they are an overlay.
              NaN is transparent.
    low, high the values at the two ends of the color map; one number, or one per tile; None = the least and the
              greatest finite value
    signed    above and below 0 are told apart by diverging colors; low must be -high, so that 0 is in their middle
    extent    (left, top, right, bottom) of the overlay in px of the picture; None = all of it
    columns   of the grid; None = as they fit
    names     of the tiles, for the readout; () = their numbers
    keys      what the tiles are, for a program: channel numbers, layers …; () = not said. Nothing of it is drawn
    caption   one line above the picture
    heads     what is written above the tiles where that is wanted; () = their names
    levels    if the values are kinds 0, 1, 2 … and no amounts: the names of these, at most eight
    unseen    tiles whose map is not drawn over their picture, only read out
    cells     (h', w') or (N, h', w') numbers of which the values are the bilinear enlargement, where they are: these
              are sent to a browser
    fields    of the units under the pixels, one for all tiles or one each (None: there is none): the browser frames
              that of the unit under the pointer
    before    a picture as large as ``picture``, to be compared with it by a divider; a file shows only the picture
    """

    picture: np.ndarray | None = None
    values: np.ndarray | None = None
    low: Any = None
    high: Any = None
    extent: tuple[float, float, float, float] | None = None
    columns: int | None = None
    names: tuple[str, ...] = ()
    caption: str = ""
    heads: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    unseen: tuple[int, ...] = ()
    signed: bool = False
    keys: tuple[Hashable, ...] = ()
    cells: np.ndarray | None = None
    before: np.ndarray | None = None
    fields: tuple[Field | None, ...] = ()

    def __post_init__(self) -> None:
        picture, values = as_array(self.picture), as_array(self.values)
        if picture is not None and (picture.dtype != np.uint8 or picture.ndim not in (3, 4) or picture.shape[-1] != 3):
            raise UserError(
                f"picture must be uint8 (H, W, 3) or (N, H, W, 3), not {picture.dtype} {picture.shape}; see to_uint8."
            )
        if values is not None:
            if values.ndim not in (2, 3) or values.dtype.kind not in "biuf":
                raise UserError(f"values must be numbers (h, w) or (N, h, w), not {values.dtype} {values.shape}.")
            values = values.astype(np.float32, copy=False)
        if picture is not None and values is not None and (picture.ndim, values.ndim) not in ((3, 2), (4, 3)):
            raise UserError(
                f"picture and values must both be single or both be grids, not {picture.shape} and {values.shape}."
            )
        if picture is not None and values is not None and values.ndim == 3 and len(picture) != len(values):
            raise UserError(f"picture and values must have as many tiles, not {len(picture)} and {len(values)}.")
        before, cells = as_array(self.before), as_array(self.cells)
        if before is not None and (picture is None or before.dtype != np.uint8 or before.shape != picture.shape):
            raise UserError(f"before must be like picture, not {before.dtype} {before.shape}.")
        if cells is not None and (values is None or cells.ndim != values.ndim or cells.shape[:-2] != values.shape[:-2]):
            raise UserError(f"cells must have as many tiles as values, not {cells.shape}.")
        object.__setattr__(self, "before", before)
        object.__setattr__(self, "cells", None if cells is None else np.ascontiguousarray(cells, np.float32))
        object.__setattr__(self, "picture", picture)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "names", tuple(map(str, self.names)))
        object.__setattr__(self, "heads", tuple(map(str, self.heads)))
        object.__setattr__(self, "keys", tuple(self.keys))
        for field in ("names", "heads", "keys"):
            if (given := getattr(self, field)) and len(given) != self.count:
                raise UserError(f"{field} must name all {self.count} tiles, not {len(given)} of them.")
        if self.fields and len(self.fields) not in (1, self.count):
            raise UserError(f"fields must be one, or one for each of {self.count} tiles, not {len(self.fields)}.")
        if self.columns is not None and self.columns < 1:
            raise UserError(f"columns must be at least 1, not {self.columns}.")
        object.__setattr__(self, "levels", tuple(map(str, self.levels)))
        if len(self.levels) > KINDS:
            raise UserError(f"levels must be at most {KINDS} names, not {len(self.levels)}.")

    @property
    def pictures(self) -> np.ndarray | None:
        """(N, H, W, 3), also of a single picture."""
        return _grid(self.picture, 3)

    @property
    def pictures_before(self) -> np.ndarray | None:
        """(N, H, W, 3), also of a single one."""
        return _grid(self.before, 3)

    @property
    def maps(self) -> np.ndarray | None:
        """(N, h, w), also of a single map."""
        return _grid(self.values, 2)

    @property
    def base(self) -> np.ndarray | None:
        """What gives a tile its size: the pictures, or without them the maps."""
        return self.maps if self.picture is None else self.pictures

    @property
    def count(self) -> int:
        """Number of tiles; 0 = nothing to see."""
        return 0 if self.base is None or self.base.size == 0 else len(self.base)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of a tile in px."""
        if self.base is None or not self.count:
            return 0, 0
        height, width = self.base.shape[1:3]
        return height, width

    @property
    def range(self) -> tuple[np.ndarray, np.ndarray]:
        """(low, high), float64, each with one number or with one per tile."""
        if self.levels:
            return np.array([-0.5]), np.array([KINDS - 0.5])
        finite = self.values[np.isfinite(self.values)] if self.values is not None else np.empty(0)
        least, greatest = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
        ends = [np.atleast_1d(np.asarray(least if self.low is None else as_array(self.low), np.float64))]
        ends += [np.atleast_1d(np.asarray(greatest if self.high is None else as_array(self.high), np.float64))]
        for name, end in zip(("low", "high"), ends, strict=True):
            if end.shape not in ((1,), (self.count,)) or not np.isfinite(end).all():
                raise UserError(f"{name} must be a finite number, or one per tile, not {getattr(self, name)!r}.")
        return ends[0], ends[1]

    def colormap(self, usual: str) -> str:
        """The color map that shows it: the usual one, or for signed values one with 0 in its middle."""
        return DIVERGING[0] if self.signed and usual not in DIVERGING else usual


def _grid(array: np.ndarray | None, single: int) -> np.ndarray | None:
    """With a dimension for tiles, also where there is a single one, of so many dimensions."""
    return array[None] if array is not None and array.ndim == single else array


def falls_below(values: Any) -> bool:
    """Whether numbers fall so far below 0 that it has to be seen."""
    finite = as_array(values)
    finite = finite[np.isfinite(finite)]
    return bool(finite.size) and -float(finite.min()) > NEGLIGIBLE * float(abs(finite).max())


@overload
def as_array(numbers: None) -> None: ...
@overload
def as_array(numbers: Any) -> np.ndarray: ...
def as_array(numbers: Any) -> np.ndarray | None:
    """A numpy array of anything like one: also a torch tensor on any device and in any precision."""
    if hasattr(numbers, "detach"):
        numbers = numbers.detach().cpu()
        numbers = (numbers.float() if numbers.is_floating_point() else numbers).numpy()
    return None if numbers is None else np.asarray(numbers)


def to_uint8(picture: Any) -> np.ndarray:
    """(…, C, H, W) floats 0…1 with 1 or 3 channels, or (…, H, W, 3) uint8 as they are -> (…, H, W, 3) uint8."""
    array = as_array(picture)
    if array.dtype == np.uint8 and array.ndim in (3, 4) and array.shape[-1] == 3:
        return array
    if array.dtype.kind != "f" or array.ndim not in (3, 4) or array.shape[-3] not in (1, 3):
        raise UserError(
            f"picture must be floats (C, H, W) or (B, C, H, W) with 1 or 3 channels, or uint8 (H, W, 3), "
            f"not {array.dtype} {array.shape}."
        )
    levels = np.rint(np.nan_to_num(array, nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1) * 255).astype(np.uint8)
    colors = np.broadcast_to(levels, (*levels.shape[:-3], 3, *levels.shape[-2:]))
    return np.ascontiguousarray(np.moveaxis(colors, -3, -1))


@cache
def table(colormap: str) -> np.ndarray:
    """The colors of a color map from low to high, (256, 3) uint8; "levels" is for kinds, which have no order."""
    from cmap import Colormap

    if colormap == "levels":
        kinds = np.array([list(bytes.fromhex(one)) for one in OKABE_ITO], np.uint8)
        return kinds[np.arange(256) * KINDS // 256]
    if colormap not in COLORMAPS:
        raise UserError(f"colormap must be one of {', '.join(COLORMAPS)}, not {colormap!r}.")
    colors = np.rint(Colormap(COLORMAPS[colormap]).lut(256)[:, :3] * 255).astype(np.uint8)
    colors.flags.writeable = False
    return colors


def color(values: Any, colormap: str = "viridis", low: Any = None, high: Any = None) -> np.ndarray:
    """Numbers (h, w) or (N, h, w) as colors, (…, 4) uint8; NaN is transparent. ``low`` and ``high``: see Content."""
    content = Content(values=values, low=low, high=high)
    numbers = as_array(values).astype(np.float32, copy=False)
    low, high = (end.reshape(-1, *[1] * (numbers.ndim - 1)) for end in content.range)
    span = np.where(high > low, high - low, np.inf)  # a range of no width is all low
    share = ((np.nan_to_num(numbers.astype(np.float64)) - low) / span).clip(0, 1)
    opaque = np.where(np.isnan(numbers), 0, 255).astype(np.uint8)
    return np.concatenate([table(colormap)[(share * 255 + 0.5).astype(np.uint8)], opaque[..., None]], axis=-1)


class Layout(NamedTuple):
    """Where the tiles of a grid are on a screen: tile i is in row ``i // columns``, all sizes in px of the screen.

    head   room above every tile, for its name
    """

    columns: int
    rows: int
    width: int
    height: int
    gap: int
    head: int


def layout(content: Content, box: int, gap: int = 2, tall: int | None = None, head: int = 0) -> Layout:
    """The largest tiles with which a content fits into a box ``tall`` px high; small pictures grow by whole factors."""
    (height, width), number, tall = content.size, content.count, tall or box
    sharp = content.picture is None or max(content.size) < SHARP_BELOW

    def scale(columns: int) -> float:
        rows = math.ceil(number / columns)
        fit = (box - gap * (columns - 1)) / (columns * width)
        if not content.columns or number == 1:
            fit = min(fit, (tall + gap - rows * (gap + head)) / (rows * height))
        fit = max(fit, 1 / width)
        return math.floor(fit) if sharp and 2 <= fit < 16 else fit  # from 16 on, unequal cells are not to be seen

    columns = content.columns or 1
    size = scale(columns)
    if not content.columns:
        size = max(scale(one) for one in range(1, number + 1))
        most = max(1, int((box + gap) / (width * size + gap) + 1e-9))
        columns = math.ceil(number / math.ceil(number / most))  # as few as need no more rows
    tile_width, tile_height = (max(1, math.floor(side * size + 0.5)) for side in (width, height))
    return Layout(columns, math.ceil(number / columns), tile_width, tile_height, gap, head)


def tile(tiles: np.ndarray, columns: int, gap: int = 0) -> np.ndarray:
    """(N, h, w, …) -> one array with the tiles in rows; gaps and the places after the last tile are 0."""
    number, height, width = tiles.shape[:3]
    rows = math.ceil(number / columns)
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, *tiles.shape[3:]), tiles.dtype)
    for i, one in enumerate(tiles):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        sheet[top : top + height, left : left + width] = one
    return sheet


def draw(
    content: Content,
    *,
    colormap: str = "viridis",
    opacity: float = 0.6,
    width: int = 448,
    tall: int | None = None,
    smooth: bool = False,
    labels: bool | None = None,
) -> Image:
    """The content as a picture at most ``width`` px wide, as ImageView draws it; what is not covered is transparent.

    tall    height of the box that a grid shall fit into; None = as wide as high
    labels  whether its name is written over every tile; None = where there are names, and tiles wide enough for them
    """
    from PIL import Image

    if not content.count:
        return Image.new("RGBA", (width, width // 4))
    named = layout(content, width, WIDE_GAP, tall, HEAD)
    if labels is None:
        labels = bool(content.heads or content.names) and named.width >= NAMED_FROM
    place = named if labels else layout(content, width, tall=tall)
    tiles, pictures = [], content.pictures
    for i in range(content.count):
        sheet = Image.new("RGBA", (place.width, place.height))
        if pictures is not None:
            base = Image.fromarray(pictures[i])
            sharp = max(base.size) < SHARP_BELOW and not smooth and place.width >= 2 * base.width
            sheet.paste(base.resize(sheet.size, _filter(sharp)))
        tiles.append(sheet)
    if content.maps is not None:
        colors = color(content.maps, "levels" if content.levels else content.colormap(colormap), *content.range)
        if content.picture is not None:
            colors[..., 3] = np.rint(colors[..., 3] * opacity)
        height, width = content.size
        left, top, right, bottom = content.extent or (0, 0, width, height)
        across, down = place.width / width, place.height / height
        corner = math.floor(left * across + 0.5), math.floor(top * down + 0.5)
        size = max(1, math.floor(right * across + 0.5) - corner[0]), max(1, math.floor(bottom * down + 0.5) - corner[1])
        sharp = not smooth and size[0] >= 2 * colors.shape[2]
        for number, (sheet, one) in enumerate(zip(tiles, colors, strict=True)):
            if number not in content.unseen:
                overlay = Image.new("RGBA", sheet.size)
                overlay.paste(Image.fromarray(one).resize(size, _filter(sharp)), corner)
                sheet.alpha_composite(overlay)
    if labels:
        heads = content.heads or content.names or ("",) * content.count
        tiles = [_named(sheet, head) for sheet, head in zip(tiles, heads, strict=True)]
    return Image.fromarray(tile(np.stack([np.asarray(one) for one in tiles]), place.columns, place.gap))


def _named(picture: Image, name: str) -> Image:
    """With its name in a line above it, dark on light also where the page around it is dark."""
    from PIL import Image, ImageDraw

    sheet = Image.new("RGBA", (picture.width, picture.height + HEAD), (255, 255, 255, 255))
    sheet.paste(picture, (0, HEAD))
    write(ImageDraw.Draw(sheet), (2, 3), cut(name, picture.width - 4), (33, 33, 33, 255))
    return sheet


def _filter(sharp: bool) -> int:
    from PIL.Image import Resampling

    return Resampling.NEAREST if sharp else Resampling.BICUBIC


def coarse(image: Image) -> Image:
    """With every fifth level of 0…255: it looks the same, and its PNG file is a third smaller."""
    return image.point(lambda level: round(level / 5) * 5)


def png(image: Image) -> bytes:
    """A picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=4)  # a third of the usual time, and hardly a larger file
    return buffer.getvalue()
