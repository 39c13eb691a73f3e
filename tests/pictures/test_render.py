import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cnnviz_widgets import colormaps
from cnnviz_widgets.colormaps import COLORMAPS
from cnnviz_widgets.content import Content, tile
from cnnviz_widgets.drawing import render
from cnnviz_widgets.errors import UserError

RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, (96, 128, 3), np.uint8)


def test_to_uint8_takes_pictures_of_every_kind() -> None:
    picture = torch.rand(3, 5, 7, requires_grad=True)
    expected = (picture.detach().numpy().transpose(1, 2, 0) * 255).round().astype(np.uint8)
    np.testing.assert_array_equal(render.to_uint8(picture), expected)
    np.testing.assert_array_equal(render.to_uint8(picture[None])[0], expected)
    gray = render.to_uint8(picture[:1].double())
    assert gray.shape == (5, 7, 3)
    assert (gray == gray[..., :1]).all()
    assert render.to_uint8(picture.bfloat16()).shape == (5, 7, 3)
    assert render.to_uint8(PHOTO) is PHOTO
    assert render.to_uint8(np.array([[[-1.0, 2.0, np.nan]]])).tolist() == [[[0] * 3, [255] * 3, [0] * 3]]


@pytest.mark.parametrize("wrong", [np.zeros((2, 5, 5)), np.zeros((3, 5)), np.zeros((3, 5, 5), int)])
def test_to_uint8_names_what_is_wrong(wrong: np.ndarray) -> None:
    with pytest.raises(UserError, match="picture must be"):
        render.to_uint8(wrong)


@pytest.mark.parametrize("name", COLORMAPS)
def test_tables(name: str) -> None:
    table = colormaps.table(name)
    assert table.shape == (256, 3)
    assert table.dtype == np.uint8
    if name in ("RdBu", "coolwarm"):  # red is high, blue is low
        assert table[255, 0] > table[255, 2]
        assert table[0, 2] > table[0, 0]
    else:
        assert len(np.unique(table, axis=0)) > 200


def test_an_unknown_colormap_lists_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"viridis.*not 'jet'"):
        colormaps.table("jet")


def test_color_at_the_ends_beyond_them_and_nan() -> None:
    shades = render.color([[0.0, 0.5, 1.0, -5.0, 5.0, np.nan]], "gray", 0, 1)[0]
    assert shades[:5, 0].tolist() == [0, 128, 255, 0, 255]
    assert shades[:, 3].tolist() == [255] * 5 + [0]
    assert render.color([[3.0, 3.0]], "gray")[0, :, 0].tolist() == [0, 0]  # no range


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=20))
def test_color_is_monotone(numbers: list[float]) -> None:
    shades = render.color([sorted(numbers)], "gray")[0, :, 0]
    assert (np.diff(shades.astype(int)) >= 0).all()


def test_each_tile_may_have_its_own_range() -> None:
    shades = render.color(np.full((2, 1, 1), 2.0), "gray", 0, [2, 4])
    assert shades[:, 0, 0, 0].tolist() == [255, 128]
    with pytest.raises(UserError, match="high must be"):
        render.color(np.zeros((2, 1, 1)), "gray", 0, [1, 2, 3])


def test_tile_puts_every_tile_in_its_place() -> None:
    tiles = np.arange(1, 6, dtype=np.uint8)[:, None, None].repeat(2, 1).repeat(3, 2)
    sheet = tile(tiles, 2, 1)
    assert sheet.shape == (8, 7)
    assert sheet[::3, ::4].tolist() == [[1, 2], [3, 4], [5, 0]]
    assert (sheet[2] == 0).all()


def test_draw_a_picture_and_a_map_pixel_by_pixel() -> None:
    assert np.array_equal(np.asarray(render.draw(Content(PHOTO), width=128))[..., :3], PHOTO)
    values = np.array([[0.0, 1.0], [np.nan, 0.5]])
    drawn = np.asarray(render.draw(Content(values=values), colormap="viridis", width=20))
    assert drawn.shape == (20, 20, 4)
    expected = render.color(values, "viridis").repeat(10, 0).repeat(10, 1)
    covered = expected[..., 3] > 0
    np.testing.assert_array_equal(drawn[covered], expected[covered])
    assert (drawn[~covered][:, 3] == 0).all()


def test_draw_an_overlay_at_its_extent() -> None:
    values = np.array([[0.0, 1.0]])
    content = Content(PHOTO, values, extent=(10, 20, 50, 60))
    drawn = np.asarray(render.draw(content, colormap="viridis", opacity=0.4, width=128))[..., :3].astype(float)
    colors = render.color(values, "viridis")[0, :, :3].astype(float)
    expected = PHOTO.astype(float)
    expected[20:60, 10:50] = 0.6 * expected[20:60, 10:50] + 0.4 * colors[None].repeat(20, 1)
    assert np.abs(drawn - expected).max() <= 1.5


def test_draw_a_grid_and_nothing() -> None:
    content = Content(values=RNG.random((10, 5, 5)), columns=4)
    place = render.layout(content, 200)
    drawn = np.asarray(render.draw(content, colormap="gray", width=200))
    assert drawn.shape[:2] == (3 * place.height + 4, 4 * place.width + 6)
    assert (drawn[:, place.width : place.width + 2, 3] == 0).all()  # the gap
    assert drawn[-1, -1, 3] == 0  # no twelfth tile
    assert render.draw(Content()).size == (448, 112)


def test_png_is_a_png() -> None:
    image = render.draw(Content(PHOTO), width=128)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(render.png(image)))), np.asarray(image))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"picture": np.zeros((5, 5, 3))}, "picture must be uint8"),
        ({"picture": np.zeros((5, 5), np.uint8)}, "picture must be uint8"),
        ({"values": np.zeros(3)}, "values must be numbers"),
        ({"picture": np.zeros((5, 5, 3), np.uint8), "values": np.zeros((2, 5, 5))}, "both be single"),
        ({"picture": np.zeros((3, 5, 5, 3), np.uint8), "values": np.zeros((2, 5, 5))}, "as many tiles"),
        ({"values": np.zeros((2, 5, 5)), "names": ("a",)}, "names must name all 2"),
        ({"values": np.zeros((2, 5, 5)), "columns": 0}, "columns must be at least 1"),
    ],
)
def test_content_names_what_is_wrong(fields: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Content(**fields)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("-4", "−4"),
        ("conv4 · channel 0: -4.33 … 1.54, at (-1, 5)", "conv4 · channel 0: −4.33 … 1.54, at (−1, 5)"),
        ("min -.5", "min −.5"),
        ("1e-05", "1e-05"),
        ("layer-3, 2026-11-29, relu1-2, f(x)-1, - 4", "layer-3, 2026-11-29, relu1-2, f(x)-1, - 4"),
    ],
)
def test_a_number_below_0_has_a_minus_and_a_name_keeps_its_hyphen(written: str, shown: str) -> None:
    made = Content(values=np.zeros((1, 2, 2)), names=(written,), heads=(written,), caption=written, keys=(written,))
    assert (made.names, made.heads, made.caption, made.keys) == ((shown,), (shown,), shown, (written,))


def test_content_knows_its_size() -> None:
    assert (Content().count, Content().size) == (0, (0, 0))
    assert Content(values=torch.zeros(0, 5, 5)).count == 0
    assert Content(PHOTO, np.zeros((3, 3))).size == (96, 128)
    assert Content(values=torch.zeros(4, 5, 6)).size == (5, 6)


def test_kinds_have_colors_of_their_own() -> None:
    shades = render.draw(Content(values=np.arange(8)[None], levels=tuple("abcdefgh")), width=8)
    assert len({tuple(color) for color in np.asarray(shades)[0]}) == 8
    with pytest.raises(UserError, match="at most 8 names"):
        Content(values=np.zeros((2, 2)), levels=tuple("abcdefghi"))


def test_an_unseen_map_leaves_its_picture_as_it_is() -> None:
    content = Content(np.stack([PHOTO, PHOTO]), np.ones((2, 4, 4)), low=0, high=1, columns=2, unseen=(1,))
    drawn = np.asarray(render.draw(content, opacity=1, width=2 * 128 + 2))[..., :3]
    assert len(np.unique(drawn[:, :128].reshape(-1, 3), axis=0)) == 1
    np.testing.assert_array_equal(drawn[:, 130:], PHOTO)


def test_names_stand_above_their_tiles() -> None:
    content = Content(np.stack([PHOTO] * 4), names=("one", "two", "three", "four"))
    place = render.layout(content, 600, 8, 300, render.HEAD)
    assert (place.columns, place.rows) == (2, 2)
    drawn = np.asarray(render.draw(content, width=600, tall=300, labels=True))
    assert len(drawn) == 2 * (place.height + render.HEAD) + 8 <= 302
    heads = drawn[: render.HEAD, :, 3]
    assert heads[:, : place.width].any()
    assert heads[:, -place.width :].any()


def test_a_coarse_picture_has_every_fifth_level_and_looks_the_same() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    picture = np.asarray(render.coarse(Image.fromarray(levels)))
    assert set(np.unique(picture)) == set(range(0, 256, 5))
    assert np.abs(picture.astype(int) - levels).max() == 2


def test_names_are_written_over_tiles_that_are_wide_enough():
    """In a strip of their own: the pictures below are as they are without names."""
    pictures = np.random.default_rng(0).integers(0, 256, (3, 90, 100, 3), np.uint8)
    content = Content(pictures, columns=3, names=("square", "disc", "Maine Coon, a long-haired cat of America"))
    sheet = np.asarray(render.draw(content, width=316))
    assert sheet.shape == (render.HEAD + 90, 316, 4)
    for number in range(3):
        left = number * (100 + render.WIDE_GAP)
        np.testing.assert_array_equal(sheet[render.HEAD :, left : left + 100, :3], pictures[number])
        strip = sheet[: render.HEAD, left : left + 100, :3]
        assert strip.min() < 60, "ink"
        assert (strip[:, :2] == 255).all() and (strip[:, -2:] == 255).all(), "cut before the edge"  # noqa: PT018
    assert (sheet[:, 100 : 100 + render.WIDE_GAP, 3] == 0).all()


def test_names_are_not_written_where_they_could_not_be_read():
    maps = Content(values=np.zeros((64, 8, 8)), names=tuple(f"channel {one}" for one in range(64)))
    assert render.draw(maps, width=448).size == render.draw(maps, width=448, labels=False).size
