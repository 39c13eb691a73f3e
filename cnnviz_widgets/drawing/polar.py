"""A curve around a point, as a picture."""

from collections.abc import Sequence
from math import atan2, cos, degrees, isfinite, radians, sin

import numpy as np
from PIL import Image, ImageDraw

from cnnviz_widgets.drawing.chart import COLORS, FAINT, FINE, INK, PAPER
from cnnviz_widgets.drawing.font import write
from cnnviz_widgets.drawing.words import number

SIDE, RIM, GAP, ICON = 420, 130, 32, 44  # px: of the picture, to the outer ring, from there to the icons, of an icon
RINGS = 4
BESIDE = 1 + GAP / 2 / RIM  # share of the way to the outer ring, of the numbers
BETWEEN = tuple(22.5 + 45 * count for count in range(8))  # degrees: there is room between the icons
LIGHT = PAPER, INK, FAINT, tuple(bytes.fromhex(COLORS[0]))
DARK = (33, 33, 33), (224, 224, 224), (84, 84, 84), tuple(bytes.fromhex(COLORS[5]))


def polar(
    angles: Sequence[float],
    values: Sequence[float],
    turn: float,
    blank: float,
    icons: Sequence[np.ndarray],
    colors: tuple[tuple[int, ...], ...] = LIGHT,
) -> np.ndarray:
    """(420, 420, 3) uint8: values by angle, counterclockwise from the right; those below 0 are in the middle.

    turn   degrees after which the curve repeats itself: it is drawn until it is closed
    blank  a value of its own, as a dotted ring
    icons  (h, w, 3) uint8, what is drawn around it, evenly spread, the first one on the right
    colors of paper, ink, rings and curve, such as LIGHT and DARK
    """
    paper, ink, faint, color = colors
    high = highest(values, blank)
    sheet = Image.new("RGB", (FINE * SIDE, FINE * SIDE), paper)
    pen = ImageDraw.Draw(sheet)

    def at(angle: float, share: float) -> tuple[float, float]:
        x, y = place(angle, share)
        return FINE * x, FINE * y

    def ring(share: float) -> tuple[float, float, float, float]:
        return at(180, share)[0], at(90, share)[1], at(0, share)[0], at(270, share)[1]

    for one in range(1, RINGS + 1):
        pen.ellipse(ring(one / RINGS), outline=faint, width=FINE)
    for spoke in range(0, 360, 30):
        pen.line([at(spoke, 0), at(spoke, 1)], faint, FINE)
    if blank > 0:
        for start in range(0, 360, 6):
            pen.arc(ring(blank / high), start, start + 3, ink, FINE)
    laps = range(round(360 / turn))
    around = [(angle + lap * turn, value) for lap in laps for angle, value in zip(angles, values, strict=True)]
    points = [at(angle, max(0.0, value) / high) for angle, value in around]
    pen.line([*points, points[0]], color, 2 * FINE, joint="curve")
    for x, y in points:
        pen.ellipse((x - 2 * FINE, y - 2 * FINE, x + 2 * FINE, y + 2 * FINE), color)

    def near(angle: float) -> float:
        """The greatest value close to an angle."""
        return max((max(0.0, value) for other, value in around if _apart(other, angle) < 20), default=0.0)

    write(pen, at(min(BETWEEN, key=near), BESIDE), number(float(f"{high:.2g}")), ink, 11 * FINE, "mm")
    for count in range(len(icons)):
        angle = 360 / len(icons) * count
        write(pen, at(angle, BESIDE), f"{angle:g}°", ink, 11 * FINE, "mm")
    picture = sheet.resize((SIDE, SIDE), Image.Resampling.BOX)
    for count, icon in enumerate(icons):
        angle = 360 / len(icons) * count
        far = RIM + GAP + ICON / 2 * (1 + abs(sin(radians(2 * angle))))  # there the corner of a square is nearest
        x, y = place(angle, far / RIM)
        small = Image.fromarray(np.asarray(icon)).resize((ICON, ICON))
        picture.paste(small, (round(x - ICON / 2), round(y - ICON / 2)))
    return np.asarray(picture)


def _apart(one: float, other: float) -> float:
    """Degrees between two angles, 0…180."""
    return abs((one - other + 180) % 360 - 180)


def highest(values: Sequence[float], blank: float) -> float:
    """What the outer ring stands for."""
    return max([one for one in values if isfinite(one)] + [blank, 0.0]) or 1.0


def place(angle: float, share: float) -> tuple[float, float]:
    """(x, y) in px of the picture: at an angle in degrees, a share of the way to the outer ring."""
    return SIDE / 2 + RIM * share * cos(radians(angle)), SIDE / 2 - RIM * share * sin(radians(angle))


def angle_at(x: float, y: float) -> float:
    """In degrees, 0…360, of a place of the picture."""
    return degrees(atan2(SIDE / 2 - y, x - SIDE / 2)) % 360
