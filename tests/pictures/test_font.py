import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw
from timing import seconds

from cnnviz_widgets.drawing import font


def written(text: str, **how) -> np.ndarray:
    sheet = Image.new("L", (200, 40))
    font.write(ImageDraw.Draw(sheet), (4, 4), text, 255, **how)
    return np.asarray(sheet)


@pytest.fixture
def no_system_fonts(monkeypatch):
    """A machine that has no font but ours."""
    monkeypatch.setattr(font, "_installed", tuple)
    for known in (font._file_for, font._boxes):
        known.cache_clear()
    yield
    font._file_for.cache_clear()


@pytest.mark.usefixtures("no_system_fonts")
@pytest.mark.parametrize("word", ["Příliš", "façade", "Zoë", "кошка", "γάτα", "고양이", "3 × 3 → 1 − α · ≥ …", "mèo Ệ"])
def test_letters_are_drawn_and_not_the_box_of_missing_ones(word):
    with pytest.warns(UserWarning, match="boxes"):
        box = written(font.NOWHERE)
    for letter in word.replace(" ", ""):
        drawn = written(letter)
        assert drawn.any(), letter
        assert not np.array_equal(drawn, box), letter


@pytest.mark.usefixtures("no_system_fonts")
def test_a_letter_that_no_font_has_is_a_box_and_that_is_said_once():
    with pytest.warns(UserWarning, match="in no font of this machine") as told:
        boxes = [written(letter) for letter in ("\ue123", "\ue124", font.NOWHERE)]
    assert len(told) == 1
    assert np.array_equal(boxes[0], boxes[2])
    assert np.array_equal(boxes[1], boxes[2])


def test_accents_may_come_apart_from_their_letters():
    assert np.array_equal(written("Pr\u030ci\u0301lis\u030c"), written("Příliš"))


def test_anchors():
    text, size = "cat 고양이", 16
    left = written(text, size=size).nonzero()[1].min()
    for anchor, share in (("ra", 1), ("ma", 0.5)):
        sheet = Image.new("L", (400, 40))
        font.write(ImageDraw.Draw(sheet), (200, 4), text, 255, size, anchor)
        assert np.asarray(sheet).nonzero()[1].min() == pytest.approx(
            200 - share * font.width(text, size) + left - 4, abs=1
        )
    sheet = Image.new("L", (40, 40))
    font.write(ImageDraw.Draw(sheet), (4, 20), "x", 255, size, "lm")
    rows = np.asarray(sheet).nonzero()[0]
    assert abs(rows.mean() - 20) < 3


def test_of_a_long_text_the_end_is_kept():
    name = "features.denseblock3.denselayer5.relu1"
    assert font.cut(name, 1000) == name
    short = font.cut(name, 80)
    assert short[0] == "…"
    assert name.endswith(short[1:])
    assert font.width(short) <= 80 < font.width("…" + name[-len(short) :])


def test_the_fonts_come_with_their_licenses():
    for name in font.OURS:
        stem = name.removesuffix(".ttf").rsplit("/", 1)[-1]
        assert "subset" in (font.FOLDER / f"LICENSE-{stem}.txt").read_text(encoding="utf-8").partition("\n")[0]


def test_importing_it_opens_no_font():
    code = "import sys, cnnviz_widgets.drawing.font; print('PIL.ImageFont' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


@pytest.mark.parametrize("text", ["", "ab", "features.0.conv", "Wide-ill" * 3])
def test_as_much_of_the_end_is_kept_as_fits(text):
    for room in range(0, 120, 7):
        ends = [text, *(f"…{text[start:]}" for start in range(1, len(text)))]
        assert font.cut(text, room) == next((one for one in ends if font.width(one) <= room), "")


def test_a_text_of_any_length_is_cut_at_once():
    assert seconds(lambda: font.cut("x" * 10_000, 100)) < 5
