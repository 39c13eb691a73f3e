"""The static picture of a panel: its parts side by side, for readers without a kernel."""

from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw

from cnnviz_widgets.drawing.font import write
from cnnviz_widgets.drawing.render import alt_of, saying
from cnnviz_widgets.language import said

WIDTH, GAP, HEADING = 984, 16, 34
INK, PAPER = (33, 33, 33), (255, 255, 255)


def arrange(title: str, parts: Sequence[Any]) -> Image.Image:
    """Parts that have something to show, in rows at most 984 px wide, under the title."""
    pictures = [p for p in (part.snapshot() for part in parts) if p is not None]
    rows: list[list[Image.Image]] = [[]]
    for picture in pictures:
        picture.thumbnail((WIDTH - 2 * GAP, WIDTH))
        if rows[-1] and sum(p.width + GAP for p in rows[-1]) + picture.width + GAP > WIDTH:
            rows.append([])
        rows[-1].append(picture)
    heights = [max((p.height for p in row), default=0) for row in rows]
    width = max(sum(p.width + GAP for p in row) for row in rows) + GAP
    sheet = Image.new("RGB", (max(width, 320), HEADING + sum(h + GAP for h in heights)), PAPER)
    write(ImageDraw.Draw(sheet), (GAP, 8), said(title), INK, 18)
    top = HEADING
    for row, height in zip(rows, heights, strict=True):
        left = GAP
        for picture in row:
            sheet.paste(picture, (left, top))
            left += picture.width + GAP
        top += height + GAP
    return saying(sheet, ". ".join([title, *map(alt_of, pictures)]))


def stack(sheets: Sequence[Image.Image]) -> Image.Image:
    """Sheets one below the other."""
    page = Image.new("RGB", (max(s.width for s in sheets), sum(s.height for s in sheets)), PAPER)
    top = 0
    for sheet in sheets:
        page.paste(sheet, (0, top))
        top += sheet.height
    return saying(page, ". ".join(map(alt_of, sheets)))
