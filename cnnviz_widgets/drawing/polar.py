"""A curve around a point, as a picture."""

from collections.abc import Sequence
from math import cos, isfinite, radians, sin

import numpy as np
from PIL import Image, ImageDraw

from cnnviz_widgets.drawing.chart import COLORS, FAINT, FINE, INK, PAPER
from cnnviz_widgets.drawing.font import write
from cnnviz_widgets.drawing.words import number

SIDE, RIM, GAP, ICON = 420, 130, 32, 44  # px: of the picture, to the outer ring, from there to what lies around it
RINGS = 4
BLUE = tuple(bytes.fromhex(COLORS[0]))


def polar(
    angles: Sequence[float], values: Sequence[float], turn: float, blank: float, icons: Sequence[np.ndarray]
) -> np.ndarray:
    """(420, 420, 3) uint8: values by angle, counterclockwise from the right; those below 0 are in the middle.

    turn   degrees after which the curve repeats itself: it is drawn until it is closed
    blank  a value of its own, as a dotted ring
    icons  (h, w, 3) uint8, what is drawn around it, evenly spread, the first one on the right
    """
    high = max([one for one in values if isfinite(one)] + [blank, 0.0]) or 1.0
    middle = FINE * SIDE / 2

    def at(angle: float, share: float) -> tuple[float, float]:
        far = FINE * RIM * share
        return middle + far * cos(radians(angle)), middle - far * sin(radians(angle))

    def ring(share: float) -> tuple[float, float, float, float]:
        far = FINE * RIM * share
        return middle - far, middle - far, middle + far, middle + far

    sheet = Image.new("RGB", (FINE * SIDE, FINE * SIDE), PAPER)
    pen = ImageDraw.Draw(sheet)
    for one in range(1, RINGS + 1):
        pen.ellipse(ring(one / RINGS), outline=FAINT, width=FINE)
    for spoke in range(0, 360, 30):
        pen.line([at(spoke, 0), at(spoke, 1)], FAINT, FINE)
    if blank > 0:
        for start in range(0, 360, 6):
            pen.arc(ring(blank / high), start, start + 3, INK, FINE)
    around = [
        (angle + lap * turn, value)
        for lap in range(round(360 / turn))
        for angle, value in zip(angles, values, strict=True)
    ]
    points = [at(angle, max(0.0, value) / high) for angle, value in around]
    pen.line([*points, points[0]], BLUE, 2 * FINE, joint="curve")
    for x, y in points:
        pen.ellipse((x - 2 * FINE, y - 2 * FINE, x + 2 * FINE, y + 2 * FINE), BLUE)
    write(pen, (at(75, 1)[0], at(75, 1)[1] - FINE), number(float(f"{high:.2g}")), INK, 11 * FINE, "ms")
    picture = sheet.resize((SIDE, SIDE), Image.Resampling.BOX)
    pen = ImageDraw.Draw(picture)
    for place, icon in enumerate(icons):
        angle = radians(360 / len(icons) * place)
        far = RIM + GAP + ICON / 2
        x, y = SIDE / 2 + far * cos(angle), SIDE / 2 - far * sin(angle)
        picture.paste(
            Image.fromarray(np.asarray(icon)).resize((ICON, ICON)), (round(x - ICON / 2), round(y - ICON / 2))
        )
        degrees = f"{360 / len(icons) * place:g}°"
        write(pen, (SIDE / 2 + (RIM + GAP / 2) * cos(angle), SIDE / 2 - (RIM + GAP / 2) * sin(angle)), degrees, INK, 11, "mm")
    return np.asarray(picture)
