"""What is on a screen, as plain arrays: the browser draws it, and so does ``drawing.render``, for files."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

import numpy as np

from cnnviz_widgets import colormaps
from cnnviz_widgets.errors import UserError

# px; smaller pictures are enlarged without smoothing: filters and thumbnails are looked at by the pixel
SHARP_BELOW = 64
_BEFORE_A_NUMBER = re.compile(r"(?<![\w)\]])-(?=\.?\d)")


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


def minus(text: str) -> str:
    """With a minus before numbers, as color scales and axes have it, where Python writes a hyphen: "−4.33"."""
    return _BEFORE_A_NUMBER.sub("−", text)


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
    caption   one line above the picture. In it, in names and heads, a hyphen before a number becomes a minus
    heads     what is written above the tiles where that is wanted; () = their names
    levels    if the values are kinds 0, 1, 2 … and no amounts: the names of these, at most eight
    unseen    tiles whose map is not drawn over their picture, only read out
    cells     (h', w') or (N, h', w') numbers of which the values are the bilinear enlargement, where they are: these
              are sent to a browser
    fields    of the units under the pixels, one for all tiles or one each (None: there is none): the browser frames
              that of the unit under the pointer
    before    a picture as large as ``picture``, to be compared with it by a divider; a file shows only the picture
    alt       what is to be seen, where the picture is a drawn chart; "" = what its numbers and its colors say
    dark      the same drawing as ``picture``, for a page with a dark background; a file shows only the picture
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
    keys: tuple[Any, ...] = ()
    cells: np.ndarray | None = None
    before: np.ndarray | None = None
    fields: tuple[Field | None, ...] = ()
    alt: str = ""
    dark: np.ndarray | None = None

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
        cells = as_array(self.cells)
        for name in ("before", "dark"):
            if (one := as_array(getattr(self, name))) is None:
                continue
            if picture is None or one.dtype != np.uint8 or one.shape != picture.shape:
                raise UserError(f"{name} must be like picture, not {one.dtype} {one.shape}.")
            object.__setattr__(self, name, one)
        if cells is not None and (values is None or cells.ndim != values.ndim or cells.shape[:-2] != values.shape[:-2]):
            raise UserError(f"cells must have as many tiles as values, not {cells.shape}.")
        object.__setattr__(self, "cells", None if cells is None else np.ascontiguousarray(cells, np.float32))
        object.__setattr__(self, "picture", picture)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "caption", minus(self.caption))
        object.__setattr__(self, "names", tuple(minus(str(one)) for one in self.names))
        object.__setattr__(self, "heads", tuple(minus(str(one)) for one in self.heads))
        object.__setattr__(self, "keys", tuple(self.keys))
        for field in ("names", "heads", "keys"):
            if (given := getattr(self, field)) and len(given) != self.count:
                raise UserError(f"{field} must name all {self.count} tiles, not {len(given)} of them.")
        if self.fields and len(self.fields) not in (1, self.count):
            raise UserError(f"fields must be one, or one for each of {self.count} tiles, not {len(self.fields)}.")
        if self.columns is not None and self.columns < 1:
            raise UserError(f"columns must be at least 1, not {self.columns}.")
        object.__setattr__(self, "levels", tuple(map(str, self.levels)))
        if len(self.levels) > colormaps.KINDS:
            raise UserError(f"levels must be at most {colormaps.KINDS} names, not {len(self.levels)}.")

    @property
    def pictures(self) -> np.ndarray | None:
        """(N, H, W, 3), also of a single picture."""
        return _grid(self.picture, 3)

    @property
    def pictures_before(self) -> np.ndarray | None:
        """(N, H, W, 3), also of a single one."""
        return _grid(self.before, 3)

    @property
    def pictures_dark(self) -> np.ndarray | None:
        """(N, H, W, 3), also of a single one."""
        return _grid(self.dark, 3)

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
            return np.array([-0.5]), np.array([colormaps.KINDS - 0.5])
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
        return colormaps.DIVERGING[0] if self.signed and usual not in colormaps.DIVERGING else usual


def _grid(array: np.ndarray | None, single: int) -> np.ndarray | None:
    """With a dimension for tiles, also where there is a single one, of so many dimensions."""
    return array[None] if array is not None and array.ndim == single else array


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


def tile(tiles: np.ndarray, columns: int, gap: int = 0) -> np.ndarray:
    """(N, h, w, …) -> one array with the tiles in rows; gaps and the places after the last tile are 0."""
    number, height, width = tiles.shape[:3]
    rows = math.ceil(number / columns)
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, *tiles.shape[3:]), tiles.dtype)
    for i, one in enumerate(tiles):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        sheet[top : top + height, left : left + width] = one
    return sheet
