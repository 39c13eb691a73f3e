"""The pictures of a figure are large enough to be looked at, also where several stand in a row."""

import base64
import io

import nbformat
import numpy as np
import pytest
from PIL import Image

from tools import course

LEAST = 240  # px
WHITE, GAP = 240, 4  # a gap between two pictures is white, but for what JPEG makes of it, and 8 px wide
MANY_SMALL = {  # figures of many tiles, of which one compares the whole, and drawings on white
    "01": {"image-code", "smooth-code"},
    "02": {"deeper-picture", "states"},
    "03": {"ladder"},
    "04": {"pictures"},
    "06": {"fill", "figure"},
    "16": {"edge"},
    "17": {"checkerboard", "code", "data"},
}


def widths(picture: Image.Image) -> list[int]:
    """Of the pictures between the white columns."""
    white = (np.asarray(picture.convert("L")) >= WHITE).all(0)
    edges = np.flatnonzero(np.diff(np.r_[True, white, True].astype(int)))
    begins, ends = edges[::2], edges[1::2]
    apart = np.flatnonzero(begins[1:] - ends[:-1] >= GAP)
    return (ends[np.r_[apart, -1]] - begins[np.r_[0, apart + 1]]).tolist()


def figures(number: str) -> dict[str, list[int]]:
    """Cell that draws several pictures -> their widths."""
    (path,) = course.COURSE.glob(f"{number}-*.ipynb")
    found = {}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and "cnnviz.grid(" in cell.source:
            for output in cell.outputs:
                for kind in {"image/png", "image/jpeg"} & output.get("data", {}).keys():
                    found[cell.id] = widths(Image.open(io.BytesIO(base64.b64decode(output.data[kind]))))
    return found


@pytest.mark.parametrize("number", [path.name[:2] for path in course.sources()])
def test_pictures_in_a_figure_are_large(number):
    small = {name for name, sides in figures(number).items() if min(sides) < LEAST}
    assert small == MANY_SMALL.get(number, set())


def test_widths_are_those_of_the_pictures():
    sheet = np.full((50, 516), 255, np.uint8)
    sheet[20:, :254] = sheet[20:, 262:] = 90
    assert widths(Image.fromarray(sheet)) == [254, 254]
    sheet[20:, 100:110] = 255
    assert widths(Image.fromarray(sheet)) == [100, 144, 254]
