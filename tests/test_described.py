"""The sentence that says what is in a picture: of maps whose peak is known, and of pictures whose colors are."""

import io

import numpy as np
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from PIL import Image

from cnnviz_widgets import Heatmap, grid, load_image, plot, show
from cnnviz_widgets.content import Content
from cnnviz_widgets.described import coarse, describe, listed, number, share, where
from cnnviz_widgets.drawing.chart import bars, curves, draw
from cnnviz_widgets.drawing.render import alt_of, png
from cnnviz_widgets.drawing.render import draw as drawn

FIELDS = [
    ["top left", "top", "top right"],
    ["left", "center", "right"],
    ["bottom left", "bottom", "bottom right"],
]  # fmt: skip
RNG = np.random.default_rng(0)
GRAY = np.full((90, 120, 3), 128, np.uint8)


def peak(row: int, column: int, shape: tuple[int, int] = (30, 60)) -> np.ndarray:
    """A hill of height 0.8 on a plain of 0.1, with a hole down to 0 half the map away."""
    down, across = np.indices(shape)
    hill = np.maximum(0.1, 0.8 - 0.05 * np.hypot(down - row, across - column))
    hill[(row + shape[0] // 2) % shape[0], (column + shape[1] // 2) % shape[1]] = 0
    return hill


def test_a_place_is_one_of_nine_fields():
    found = [[where((x + 0.5) / 3, (y + 0.5) / 3) for x in range(3)] for y in range(3)]
    assert found == FIELDS
    assert where(1, 1) == "bottom right"  # the very edge, too


@pytest.mark.parametrize("y", range(3))
@pytest.mark.parametrize("x", range(3))
def test_the_peak_is_found_in_each_field(x, y):
    row, column = 10 * y + 4, 20 * x + 7
    values = peak(row, column)
    low, left = np.unravel_index(values.argmin(), values.shape)
    area = share((values > 0.4).mean())
    assert describe(Content(values=values)) == (
        f"strongest at the {FIELDS[y][x]}, row {row}, column {column}: 0.8; above half of that in {area} of it; "
        f"weakest at the {where((left + 0.5) / 60, (low + 0.5) / 30)}, row {low}, column {left}: 0"
    )


def test_over_a_picture_places_are_in_its_pixels():
    """Also where the map covers a part of it: here 2 × 3 px a cell, from (40, 30)."""
    values = np.zeros((20, 40))
    values[4, 7], values[19, 39] = 0.8, -0.4
    told = describe(Content(GRAY, values, signed=True, extent=(40, 30, 120, 90)))
    assert told == "greatest at the center, x 55, y 43: 0.8; least at the bottom right, x 119, y 88: −0.4; signed"


def test_how_much_is_strong_is_counted():
    values = np.ones((10, 10))
    values[:3] = 4
    values[0, 0] = 5
    values[9, 9] = 0
    assert describe(Content(values=values)) == (
        "strongest at the top left, row 0, column 0: 5; above half of that in 30% of it; "
        "weakest at the bottom right, row 9, column 9: 0"
    )


def test_signed_maps_have_two_ends():
    values = np.zeros((9, 9))
    values[1, 7], values[7, 4] = 0.304, -12.34
    told = describe(Content(values=values, low=-13, high=13, signed=True, caption="goose"))
    assert told == (
        "goose; greatest at the top right, row 1, column 7: 0.3; least at the bottom, row 7, column 4: −12; signed"
    )


def test_what_is_below_zero_by_chance_is_not_called_signed():
    assert describe(Content(values=[[-3.0, -1], [-2, -2]])) == (
        "greatest at the top right, row 0, column 1: −1; least at the top left, row 0, column 0: −3"
    )


def test_of_a_plateau_the_middle_is_told_and_of_many_places_none():
    values = np.linspace(0, 0.1, 1600).reshape(40, 40)
    values[20:27, 30:35] = 1
    assert "strongest at the right, row 23, column 32: 1" in describe(Content(values=values))
    values[3, 2] = 1
    assert "strongest in several places: 1" in describe(Content(values=values))
    values[:20] = 1
    assert f"strongest over {share((800 + 35) / 1600)} of it: 1" in describe(Content(values=values))


def test_noise_of_rounding_changes_no_word():
    """Also where float32 decides between equals: of maps made of squares, and enlarged bilinearly."""
    for seed in range(60):
        rng = np.random.default_rng(seed)
        cells = torch.from_numpy(rng.normal(size=(1, 1, 7, 9)).round(1)).float()
        for mode in ("nearest", "bilinear"):
            values = torch.nn.functional.interpolate(cells, size=(56, 72), mode=mode)[0, 0].numpy()
            noisy = values * (1 + 1e-7 * rng.normal(size=values.shape))
            for signed in (False, True):
                assert describe(Content(values=values, signed=signed)) == describe(Content(values=noisy, signed=signed))


def test_what_is_no_number_is_left_out():
    values = peak(2, 3)
    values[0, 0], values[29, 59] = np.nan, np.inf
    assert describe(Content(values=values)).startswith("strongest at the top left, row 2, column 3: 0.8; ")
    assert describe(Content(values=np.full((3, 3), np.nan))) == "no numbers"
    assert describe(Content(values=np.full((3, 3), 2.5))) == "2.5 everywhere"
    assert describe(Content()) == "nothing to see yet"


def test_of_many_maps_the_strongest_are_named():
    maps = RNG.normal(size=(20, 4, 5))
    maps[[3, 8]] = 0
    maps[7, 1, 1], maps[12, 0, 0], maps[5, 3, 3] = -9, 8, 7
    names = tuple(f"channel {one}" for one in range(20))
    told = describe(Content(values=maps, names=names, signed=True))
    assert told == (
        "20 maps of 4×5; strongest channel 7 (−9), channel 12 (8), channel 5 (7); 2 are 0 everywhere; signed"
    )
    few = describe(Content(values=maps[[7, 12]], names=("a", "b"), signed=True))
    assert few.startswith("a: greatest ")
    assert "; b: greatest at the top left, row 0, column 0: 8" in few


def test_kinds_are_told_by_their_area():
    kinds = np.zeros((10, 10))
    kinds[:3], kinds[9, 9] = 1, np.nan
    assert describe(Content(values=kinds, levels=("cat", "dog", "owl"))) == "cat in 69%, dog in 30%"


@pytest.mark.parametrize(
    ("color", "name"),
    [
        ("black", "black"), ("#808080", "gray"), ("white", "white"), ("red", "red"), ("orange", "orange"),
        ("saddlebrown", "brown"), ("yellow", "yellow"), ("green", "green"), ("lime", "green"), ("cyan", "cyan"),
        ("blue", "blue"), ("navy", "blue"), ("indigo", "purple"), ("hotpink", "pink"), ("crimson", "red"),
    ],
)  # fmt: skip
def test_colors_have_their_names(color, name):
    picture = np.asarray(Image.new("RGB", (70, 50), color))
    assert describe(Content(picture)) == f"a picture of 70×50 px, all {name}"


def test_a_picture_is_told_by_its_colors_and_where_it_is_light():
    picture = np.zeros((60, 60, 3), np.uint8)
    picture[:24] = 0, 0, 255
    picture[45:, 45:] = 255
    assert describe(Content(picture)) == (
        "a picture of 60×60 px, mostly black and blue, lightest at the bottom right, darkest at the bottom left"
    )
    two = np.stack([picture * 0, picture * 0 + 255])
    assert describe(Content(two, names=("before", "after"))) == "before: all black; after: all white"
    many = np.stack([picture * 0] * 9)
    assert describe(Content(many, names=[f"filter {n}" for n in range(9)])) == (
        "9 pictures, all black: filter 0 to filter 8"
    )


def test_numbers_have_two_digits():
    values = {
        0.304: "0.3",
        -12.34: "−12",
        187.0: "190",
        0.000123: "0.00012",
        1234.5: "1200",
        -0.0: "0",
        99.7: "100",
        3e-9: "3e−09",
    }
    assert {value: number(value) for value in values} == values
    assert [share(part) for part in (0, 1e-9, 0.126, 0.9999, 1)] == ["0%", "< 1%", "13%", "> 99%", "100%"]
    assert coarse("step 256 of 256: 82.43% · 1,024 px, λ 0.0005") == "step 256 of 256: 82% · 1,024 px, λ 0.0005"
    assert coarse("7.7×10⁻⁷ and 2×10⁻⁹, 1.62×10⁻⁵, 2.55×10¹⁰") == "about 0 and about 0, 1.6×10⁻⁵, 2.5×10¹⁰"
    assert coarse("Grad-CAM · 209 ms · error 7.7e-07, FullGrad · 3.5 s, 0.00234e2") == (
        "Grad-CAM · error about 0, FullGrad, 0.23"
    )
    assert listed("abcdefgh") == "a, b, c, d, e, and 3 more"
    assert listed("abcdef") == "a, b, c, d, e, f"


def test_curves_are_told_from_their_first_to_their_last_value():
    chart = curves({"a": ([0, 1, 2], [0.1, 0.97, 0.4]), "b": ([0, 2], [0.5, 0.5])}, "step", "share", end=2, share=True)
    assert chart.alt == "share against step: a from 10% to 40% (greatest 97% at 1), b 50%"
    named = curves({"a": ([0, 1], [3, 4])}, "layer", "", end=1, top=None, ticks=("conv1", "conv2"))
    assert named.alt == "against layer: a from 3 to 4"
    assert bars([("tabby", 0.8243), ("lynx", 0.0002)]).alt == "tabby 82%, lynx < 0.1%"
    assert curves({}, "x", "y").alt == bars([]).alt == "nothing to see yet"
    logarithmic = plot({"a": ([1, 10, 100], [1, 1000, 10])}, "x", "y", log=True)
    assert alt_of(logarithmic) == "y against x: a from 1 to 10 (greatest 1000 at 10)"


def test_a_picture_keeps_its_words_in_its_file_and_when_it_is_changed():
    content = Content(values=peak(4, 7), caption="tabby")
    picture = drawn(content)
    assert alt_of(picture) == describe(content)
    assert alt_of(png(picture)) == describe(content)
    assert alt_of(picture.resize((20, 20)).convert("RGB").quantize(8)) == describe(content)
    assert alt_of(draw(bars([("tabby", 0.5)]))) == "tabby 50%"
    assert Image.open(io.BytesIO(png(picture))).text == {"Description": describe(content)}


def test_a_notebook_gets_the_words_as_text_and_as_metadata():
    result = Heatmap(torch.from_numpy(peak(4, 7)), torch.zeros(3, 30, 60), "probability lost", "tabby")
    told = "tabby; strongest at the top left, x 7, y 4: 0.8; above half of that in 15% of it; weakest in"
    data, metadata = DisplayFormatter().format(result)
    name, alt = data["text/plain"].split("\n")
    assert name == repr(result) == "Heatmap(tabby: 30×60, probability lost)"
    assert alt.startswith(told[:60])
    assert metadata == {"image/png": {"alt": alt}}
    assert set(data) == {"text/plain", "image/png"}


def test_figures_say_what_is_in_each_of_their_pictures():
    photo = load_image("chelsea")
    assert alt_of(show(photo)).startswith("chelsea, a tabby cat; a picture of 451×300 px, mostly ")
    both = grid(torch.zeros(3, 9, 9), torch.from_numpy(peak(4, 7)), names=("ink", "map"))
    assert alt_of(both).startswith("ink: a picture of 9×9 px, all black. map: strongest at the top left, row 4, col")
    data, metadata = DisplayFormatter().format(both)
    assert set(data) == {"text/plain", "image/png"}  # one file, not two as of other pictures of Pillow's
    assert data["text/plain"] == f"Picture of {both.width}×{both.height} px\n{alt_of(both)}"
    assert metadata == {"image/png": {"alt": alt_of(both)}}
