"""Text in pictures: letters of any alphabet, each from the first font that has it.

The package brings a sans serif for Latin, Greek and Cyrillic with the signs of mathematics, and one for Korean.
Chinese, Japanese, Arabic and all others are taken from the fonts of the machine, if there are some.
"""

from __future__ import annotations

import unicodedata
import warnings
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

FOLDER = Path(__file__).parent / "fonts"
OURS = (str(FOLDER / "text.ttf"), str(FOLDER / "hangul.ttf"))
SYSTEM = (  # files that Linux, Windows and macOS have for many alphabets
    "NotoSansCJK-Regular.ttc",
    "wqy-microhei.ttc",
    "DroidSansFallbackFull.ttf",
    "DejaVuSans.ttf",
    "msyh.ttc",
    "YuGothM.ttc",
    "segoeui.ttf",
    "Hiragino Sans GB.ttc",
    "Arial Unicode.ttf",
)
NOWHERE = "\U0010ffff"  # a letter that no font has
LEFT_OF = {"l": 0.0, "m": 0.5, "r": 1.0}  # anchor -> share of the text that is left of it


def write(pen: ImageDraw, at: tuple[float, float], text: str, color: Any, size: float = 12, anchor: str = "la") -> None:
    """Draw text of one line, ``size`` px high. ``anchor``: Pillow's two letters, of l, m, r and of a, m, s."""
    text = unicodedata.normalize("NFC", text)
    up, down = _face(OURS[0], size).getmetrics()
    x = at[0] - LEFT_OF[anchor[0]] * width(text, size)
    base = at[1] + {"a": up, "m": (up - down) / 2, "s": 0}[anchor[1]]
    for face, run in _runs(text, size):
        pen.text((x, base), run, color, face, "ls")
        x += face.getlength(run)


def width(text: str, size: float = 12) -> float:
    """Of a text in px."""
    return sum(face.getlength(run) for face, run in _runs(unicodedata.normalize("NFC", text), size))


def cut(text: str, room: float, size: float = 12) -> str:
    """What fits into so many px; of what does not, the end, which tells layers of deep networks apart."""
    if width(text, size) <= room:
        return text
    ends = range(1, len(text))
    first = bisect_left(ends, True, key=lambda start: width(f"…{text[start:]}", size) <= room)
    return f"…{text[ends[first] :]}" if first < len(ends) else ""


def _runs(text: str, size: float) -> Iterator[tuple[FreeTypeFont, str]]:
    """The text in pieces, each of one font."""
    for name, letters in groupby(text, _file_for):
        yield _face(name, size), "".join(letters)


@cache
def _file_for(letter: str) -> str:
    known = next((name for name in (*OURS, *_installed()) if _has(name, letter)), None)
    return known or _boxes()


@cache
def _boxes() -> str:
    """The font that draws boxes for letters that none has; that there are some is said once."""
    warnings.warn(
        "some letters are in no font of this machine, and are drawn as boxes: try Noto Sans CJK.", stacklevel=2
    )
    return OURS[0]


def _has(name: str, letter: str) -> bool:
    """Whether a font draws something else than the box that stands for missing letters."""
    face = _face(name, 16)
    mask, box = face.getmask(letter), face.getmask(NOWHERE)
    return mask.size != box.size or bytes(mask) != bytes(box)


@cache
def _face(name: str, size: float) -> FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.truetype(name, size)


@cache
def _installed() -> tuple[str, ...]:
    found = []
    for name in SYSTEM:
        try:
            _face(name, 16)
        except OSError:
            continue
        found.append(name)
    return tuple(found)
