"""A ``Content`` as a picture file.

``draw`` makes the picture that ``widgets.ImageView`` draws in the browser, for a saved notebook. Both color a number by
the one formula in ``color``. A picture, and its file, keep the sentence that says what is in it: Pillow's ``info``.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from cnnviz_widgets.colormaps import table
from cnnviz_widgets.content import SHARP_BELOW, Content, as_array, tile
from cnnviz_widgets.described import describe
from cnnviz_widgets.drawing.font import cut, write
from cnnviz_widgets.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

I = TypeVar("I", bound="Image")  # noqa: E741
ALT = "Description"  # as PNG files call it
HEAD, WIDE_GAP = 20, 8  # px above a tile for its name, and between such tiles
NAMED_FROM = 80  # px: names over narrower tiles could not be read
NEGLIGIBLE = 0.05  # share of the greatest size; what reaches less far below 0 may be drawn as 0


def falls_below(values: Any) -> bool:
    """Whether numbers fall so far below 0 that it has to be seen."""
    finite = as_array(values)
    finite = finite[np.isfinite(finite)]
    return bool(finite.size) and -float(finite.min()) > NEGLIGIBLE * float(abs(finite).max())


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
    most_wide = (box - gap * (columns - 1)) // columns  # rounded up, several would be wider than the box
    tile_width = max(1, min(math.floor(width * size + 0.5), most_wide))
    tile_height = max(1, math.floor(height * size + 0.5))
    return Layout(columns, math.ceil(number / columns), tile_width, tile_height, gap, head)


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

    alt = describe(content)
    if not content.count:
        return saying(Image.new("RGBA", (width, width // 4)), alt)
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
    return saying(Image.fromarray(tile(np.stack([np.asarray(one) for one in tiles]), place.columns, place.gap)), alt)


def draw_view(view: Any, width: int | None = None) -> Image:
    """What an ``ImageView`` shows, as a file can hold it, with the color map and the opacity that Python knows of."""
    width = width or view.max_width
    return draw(
        view.content,
        colormap=view.colormap,
        opacity=view.opacity,
        width=width,
        tall=view.max_height and view.max_height * width // view.max_width,
        smooth=view.smooth,
        labels=view.labels,
    )


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


def saying(image: I, alt: str) -> I:
    """The picture, which now keeps what is in it."""
    image.info[ALT] = alt
    return image


def alt_of(image: Image | bytes) -> str:
    """What is in a picture, or in that of a PNG file, as was said when it was drawn; "" if nothing was."""
    from PIL import Image

    return str((Image.open(io.BytesIO(image)) if isinstance(image, bytes) else image).info.get(ALT, ""))


def png(image: Image) -> bytes:
    """A picture as the bytes of a PNG file, with what is in it."""
    from PIL.PngImagePlugin import PngInfo

    buffer, words = io.BytesIO(), PngInfo()
    if alt := alt_of(image):
        words.add_itxt(ALT, alt)
    image.save(buffer, "PNG", compress_level=4, pnginfo=words)  # a third of the usual time, and hardly a larger file
    return buffer.getvalue()
