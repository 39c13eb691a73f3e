"""Anything that can be seen, as a picture: one thing by itself, or several in columns with their names above them."""

import io
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from PIL import Image, ImageDraw

from cnnviz_widgets.colormaps import KINDS
from cnnviz_widgets.content import SHARP_BELOW, Content, as_array
from cnnviz_widgets.described import describe
from cnnviz_widgets.drawing.figure import Figure
from cnnviz_widgets.drawing.font import cut, write
from cnnviz_widgets.drawing.render import HEAD, WIDE_GAP, alt_of, color, draw, saying, to_uint8
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, gate
from cnnviz_widgets.pictures.picture import Picture
from cnnviz_widgets.pictures.samples import samples

INK, PAPER = (33, 33, 33), (255, 255, 255)  # also where the page around it is dark
HEADROOM = 99.5  # per cent of a map's numbers that stay within the colors
Colormap = Literal["gray", "viridis", "inferno", "magma", "RdBu", "coolwarm", "turbo", "kinds"]
Width = Annotated[int, Range(1, 10_000)]  # px
Columns = Annotated[int, Range(1, 1000)]


@gate
def show(
    what: Any,
    *,
    name: str = "",
    colormap: Colormap | None = None,
    low: float | None = None,
    high: float | None = None,
    width: Width = 448,
) -> Figure:
    """One thing as a picture, which a notebook displays at the end of a cell.

    what      a result of a method; a picture, (C, H, W) with 1 or 3 channels, values 0…1, or (H, W, 3) uint8; numbers
              (H, W), which become a map; a ``Content``; or what a notebook shows as a picture, such as one of Pillow's
    name      written above it; "" = nothing
    colormap  of a map; None = "inferno", and "coolwarm" where some numbers are below 0; "kinds" = the numbers are kinds
              0, 1 … 7 and no amounts
    low, high the numbers at the ends of the color map; None = 0 and the greatest, without the outliers, or the same
              size on both sides of 0
    width     in px; a little less where that makes the pixels of a small map equally large
    Returns a Pillow picture: ``.save("map.png")`` keeps it. A notebook also gets a sentence that says what is in it.
    Raises UserError for what cannot be drawn.

        show(load_image("chelsea"))
        show(activations(load_network("mini"), load_image("chelsea"), "conv1").values[0], colormap="gray")
    """
    names = [name] if name else []
    return _sheet([_picture(what, "what", colormap, low, high)], names, 1, width)


@gate
def grid(
    *pictures: Any,
    names: Sequence[str] = (),
    columns: Columns | None = None,
    colormap: Colormap | None = None,
    low: float | None = None,
    high: float | None = None,
    width: Width = 900,
) -> Figure:
    """Several things in one picture, in equally wide columns, each drawn as ``show`` draws it.

    pictures  what ``show`` takes; each map has its own colors unless ``low`` and ``high`` say otherwise
    names     one for each, written above it; () = none
    columns   in a row; None = all of them
    colormap, low, high
              of the maps, as in ``show``
    width     of the whole in px; a little less where that makes the pixels of small maps equally large
    Returns a Pillow picture.
    Raises UserError for nothing to show, for what cannot be drawn, and for names that do not fit.

        grid(load_image("chelsea"), saliency(load_network("mini"), load_image("chelsea")), names=("cat", "saliency"))
    """
    if not pictures:
        raise UserError("pictures must be at least one: there is nothing to show.")
    if names and len(names) != len(pictures):
        raise UserError(f"names must name all {len(pictures)} pictures, not {len(names)} of them.")
    drawn = [_picture(one, "pictures", colormap, low, high) for one in pictures]
    return _sheet(drawn, names, min(columns or len(drawn), len(drawn)), width)


def _sheet(pictures: Sequence[Image.Image], names: Sequence[str], columns: int, width: int) -> Figure:
    head, side = HEAD if names else 0, max(1, (width - WIDE_GAP * (columns - 1)) // columns)
    largest = max((one.width for one in pictures if _by_the_pixel(one)), default=side)
    side -= side % largest if side >= 2 * largest else 0

    def tile(one: Image.Image) -> Image.Image:
        sharp = _by_the_pixel(one) and side % one.width == 0
        how = Image.Resampling.NEAREST if sharp else Image.Resampling.BICUBIC
        return one.convert("RGBA").resize((side, max(1, round(one.height * side / one.width))), how)

    tiles = [tile(one) for one in pictures]
    heights = [head + max(one.height for one in tiles[at : at + columns]) for at in range(0, len(tiles), columns)]
    size = side * columns + WIDE_GAP * (columns - 1), sum(heights) + WIDE_GAP * (len(heights) - 1)
    sheet = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, one in enumerate(tiles):
        row, column = divmod(number, columns)
        left, top = column * (side + WIDE_GAP), sum(heights[:row]) + WIDE_GAP * row
        if names:
            write(pen, (left, top + 3), cut(str(names[number]), side), INK)
        sheet.paste(one, (left, top + head), one)
    if all(one.mode == "RGB" for one in pictures):  # maps have few colors: with a palette, the file is a third as large
        sheet = sheet.quantize(method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    alts = [alt_of(one) for one in pictures]
    return Figure.of(sheet, ". ".join(map(": ".join, zip(map(str, names), alts, strict=True)) if names else alts))


def _by_the_pixel(one: Image.Image) -> bool:
    """Whether its pixels are looked at: it is a map, or a small picture, such as a filter."""
    return one.mode == "RGB" or max(one.size) < SHARP_BELOW


def _picture(one: Any, argument: str, colormap: str | None, low: float | None, high: float | None) -> Image.Image:
    """RGBA, or RGB for a map."""
    if isinstance(one, Content):
        return draw(one, colormap=colormap or "viridis")
    if hasattr(one, "_repr_png_"):
        drawn = Image.open(io.BytesIO(one._repr_png_())).convert("RGBA")
        return drawn if alt_of(drawn) else saying(drawn, describe(Content(np.asarray(drawn.convert("RGB")))))
    try:
        values = as_array(one)
        if values is None or values.ndim != 2 or not values.size:
            colors = to_uint8(one)
            return saying(Image.fromarray(colors).convert("RGBA"), describe(Content(colors, caption=_name(one))))
        drawn = Image.fromarray(_colored(values.astype(float), colormap, low, high))
        drawn = Image.alpha_composite(Image.new("RGBA", drawn.size, PAPER), drawn).convert("RGB")
        return saying(drawn, describe(_numbers(values, colormap)))
    except (UserError, TypeError, ValueError, AttributeError, NotImplementedError):
        shape = f" of shape {tuple(one.shape)}" if hasattr(one, "shape") else ""
        raise UserError(
            f"{argument} must be results, pictures (C, H, W) with 1 or 3 channels, values 0…1, or maps (H, W), "
            f"not a {type(one).__name__}{shape}."
        ) from None


def _name(one: Any) -> str:
    """What a picture shows, as far as its file's name or the samples say it."""
    name = one.name if isinstance(one, Picture) else None
    return f"{name}, {samples().about(name)}" if name and name in samples() else name or ""


def _numbers(values: np.ndarray, colormap: str | None) -> Content:
    if colormap != "kinds":
        return Content(values=values, signed=bool((values < 0).any()))
    return Content(values=values, levels=tuple(f"kind {kind}" for kind in range(KINDS)))


def _colored(values: np.ndarray, colormap: str | None, low: float | None, high: float | None) -> np.ndarray:
    """(H, W, 4) uint8; NaN is transparent."""
    if colormap == "kinds":
        return color(values, "levels", -0.5, KINDS - 0.5)
    sizes = abs(values[np.isfinite(values)])
    most = (float(np.percentile(sizes, HEADROOM)) or float(sizes.max())) if sizes.size else 1.0
    signed = bool((values < 0).any())
    low = (-most if signed else 0) if low is None else low
    return color(
        values, colormap or ("coolwarm" if signed else "inferno"), low, (most or 1.0) if high is None else high
    )
