"""Make the fonts in ``cnnviz_widgets/drawing/fonts`` from the full ones: ``python -m tools.fonts DEJAVU NANUM``.

DEJAVU is DejaVuSansCondensed.ttf (2.37), NANUM the regular NanumGothic.ttf; needs fontTools. Both licenses allow a
subset under another name.
"""

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "cnnviz_widgets/drawing/fonts"
LETTERS = (  # first and last of the blocks that text.ttf has
    (0x20, 0x52F),  # Latin, phonetic, accents, Greek, Cyrillic
    (0x1E00, 0x1EFF),  # Vietnamese
    (0x2000, 0x22FF),  # punctuation, indices, currencies, arrows, mathematics
    (0x25A0, 0x25FF),  # squares, discs, triangles
)


def hangul() -> list[int]:
    """The 2,350 syllables of KS X 1001, which nearly all Korean text is written with, and the single letters."""
    pairs = (bytes([lead, trail]) for lead in range(0xB0, 0xC9) for trail in range(0xA1, 0xFF))
    return [ord(pair.decode("euc_kr")) for pair in pairs] + [*range(0x3131, 0x318F)]


def cut_down(source: str, name: str, letters: list[int]) -> None:
    """Save those letters of a font, without hints, under a name of our own."""
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    font = TTFont(source)
    how = Options(hinting=False, layout_features=["kern", "mark", "mkmk", "ccmp"], name_IDs=[0, 2, 13, 14])
    how.notdef_outline = True  # the box of a letter that is not there
    cut = Subsetter(how)
    cut.populate(unicodes=letters)
    cut.subset(font)
    for number, text in ((1, f"CNN Viz {name}"), (3, f"cnnviz-{name}"), (4, f"CNN Viz {name}"), (6, f"CNNViz-{name}")):
        font["name"].setName(text, number, 3, 1, 0x409)
    font.save(FOLDER / f"{name}.ttf")


if __name__ == "__main__":
    dejavu, nanum = sys.argv[1:]
    cut_down(dejavu, "text", [code for first, last in LETTERS for code in range(first, last + 1)])
    cut_down(nanum, "hangul", hangul())
