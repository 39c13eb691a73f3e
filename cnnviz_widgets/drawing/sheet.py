"""Results side by side, each drawn in its own way."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnviz_widgets.drawing.render import HEAD, WIDE_GAP, as_array, color, cut, plain, to_uint8
from cnnviz_widgets.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

INK, PAPER = (33, 33, 33), (255, 255, 255)  # also where the page around it is dark
HEADROOM = 99.5  # per cent of a map's numbers that stay within the colors


def side_by_side(*shown: Any, names: Sequence[str] = (), columns: int | None = None, width: int = 900) -> Image:
    """Several pictures in one, in equally wide columns.

    shown    pictures (C, H, W), 0…1; numbers (H, W), which become a map without a picture: dark is 0, or, where some
             are below it, red is above 0 and blue below; and whatever a notebook shows as a picture, such as a result
    names    one for each, written above it; () = none
    columns  in a row; None = all of them
    width    of the whole in px; a little less where that makes the pixels of small maps equally large
    Raises UserError for nothing to show, and for names or columns that do not fit.
    """
    from PIL import Image, ImageDraw, ImageFont

    if not shown:
        raise UserError("there must be something to show.")
    if names and len(names) != len(shown):
        raise UserError(f"names must name all {len(shown)} pictures, not {len(names)} of them.")
    columns = len(shown) if columns is None else columns
    if not isinstance(columns, int) or columns < 1:
        raise UserError(f"columns must be a whole number of at least 1, not {columns!r}.")
    pictures = [_picture(one) for one in shown]
    head, side = HEAD if names else 0, (width - WIDE_GAP * (columns - 1)) // columns
    largest = max((one.width for one in pictures if one.mode == "RGB"), default=side)
    side -= side % largest if side >= 2 * largest else 0

    def tile(one: Image) -> Image:
        sharp = one.mode == "RGB" and side % one.width == 0
        how = Image.Resampling.NEAREST if sharp else Image.Resampling.BICUBIC
        return one.convert("RGBA").resize((side, round(one.height * side / one.width)), how)

    tiles = [tile(one) for one in pictures]
    heights = [head + max(one.height for one in tiles[at : at + columns]) for at in range(0, len(tiles), columns)]
    size = side * columns + WIDE_GAP * (columns - 1), sum(heights) + WIDE_GAP * (len(heights) - 1)
    sheet = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, one in enumerate(tiles):
        row, column = divmod(number, columns)
        left, top = column * (side + WIDE_GAP), sum(heights[:row]) + WIDE_GAP * row
        if names:
            pen.text((left, top + 3), cut(plain(str(names[number])), font, side), INK, font)
        sheet.paste(one, (left, top + head), one)
    if all(one.mode == "RGB" for one in pictures):  # maps have few colors: with a palette, the file is a third as large
        return sheet.quantize(method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    return sheet


def _picture(one: Any) -> Image:
    """RGBA, or RGB for a map, whose pixels are looked at."""
    from PIL import Image

    if hasattr(one, "_repr_png_"):
        return Image.open(io.BytesIO(one._repr_png_())).convert("RGBA")
    values = as_array(one)
    if values.ndim != 2:
        return Image.fromarray(to_uint8(one)).convert("RGBA")
    most = float(np.percentile(abs(values), HEADROOM)) or float(abs(values).max()) or 1.0
    signed = values.min() < 0
    colors = color(values, "coolwarm" if signed else "inferno", -most if signed else 0, most)
    return Image.fromarray(colors).convert("RGB")
