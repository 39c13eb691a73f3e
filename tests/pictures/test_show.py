"""One thing, or several in columns, as a picture."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from cnnviz_widgets import Heatmap
from cnnviz_widgets.drawing.render import Content, color, draw, table
from cnnviz_widgets.drawing.show import grid, show
from cnnviz_widgets.errors import UserError

MAP = torch.tensor([[0.0, 1, 2], [3, 4, 5]])
RED, BLUE = (torch.tensor(one).view(3, 1, 1).expand(3, 20, 20).float() for one in ((1, 0, 0), (0, 0, 1)))


def test_each_in_its_place():
    picture = grid(RED, BLUE, Image.new("RGB", (20, 10), "lime"), columns=2, width=408)
    assert picture.size == (408, 200 + 8 + 100)
    colors = [picture.getpixel(at) for at in ((100, 100), (308, 100), (100, 250))]
    assert colors == [(255, 0, 0), (0, 0, 255), (0, 255, 0)]
    assert [picture.getpixel(at) for at in ((204, 100), (308, 250))] == [(255, 255, 255)] * 2


def test_names_are_written_above():
    picture = np.asarray(grid(RED, BLUE, names=("one", "two"), width=408))
    assert picture.shape == (220, 408, 3)
    assert picture[:20, :200].min() < 100
    assert (picture[20:, :200] == (255, 0, 0)).all()


def test_of_a_long_name_the_end_is_written():
    def with_name(name):
        return np.asarray(grid(RED, BLUE, names=[name, ""], width=208))

    name = "features.denseblock3.denselayer5.relu1: 12×12"
    picture = with_name(name)
    assert picture[:20, :100].min() < 100
    assert picture[:20, 100:].min() == 255
    assert any(np.array_equal(picture, with_name(f"…{name[start:]}")) for start in range(9, 40))


def test_maps_of_numbers():
    above, both = torch.tensor([[0.0, 1], [2, 4]]), torch.tensor([[0.0, 1], [-2, 4]])
    picture = grid(above, both, RED, width=101)  # 28 px for each
    assert picture.size == (3 * 28 + 16, 28)
    dark, bright = (picture.getpixel(at) for at in ((3, 3), (25, 25)))
    assert dark == tuple(color([[0.0, 1]], "inferno")[0, 0, :3])
    assert bright == tuple(color([[0.0, 1]], "inferno")[0, 1, :3])
    zero, blue, red = (np.array(picture.getpixel((36 + x, y))) for x, y in ((3, 3), (3, 25), (25, 25)))
    assert np.ptp(zero) < 5
    assert blue[2] > blue[0] + 50
    assert red[0] > red[2] + 50
    sharp = np.asarray(picture)[:, :28]
    assert len(np.unique(sharp.reshape(-1, 3), axis=0)) == 4


def test_constant_map():
    for value in (0.0, 3.0, -3.0):
        picture = grid(torch.full((4, 4), value))
        assert picture.mode == "P"
        assert len(picture.convert("RGB").getcolors()) == 1


def test_maps_alone_take_a_palette_and_keep_their_colors():
    ramp = torch.linspace(0, 1, 400).view(20, 20)
    picture = grid(ramp, ramp, width=408).convert("RGB")
    there = np.asarray(picture)[5::10, 5:200:10].astype(int)
    assert abs(there - color(ramp, "inferno", 0, 0.995)[..., :3]).max() <= 4


def test_results_show_themselves():
    zero = Heatmap(torch.zeros(20, 20), BLUE, "nothing", signed=True)
    picture = grid(zero, BLUE, width=408)
    alone = Image.open(io.BytesIO(zero._repr_png_())).convert("RGB")
    np.testing.assert_allclose(picture.getpixel((100, 100)), alone.getpixel((100, 100)), atol=1)


def test_one_thing_is_drawn_as_in_a_grid():
    for one in (RED, np.full((5, 5, 3), 7, np.uint8), torch.rand(3, 20, 30), Image.new("L", (9, 9)), MAP):
        assert np.array_equal(np.asarray(show(one, width=300)), np.asarray(grid(one, width=300)))
    assert show(MAP, width=300).size == (300, 200)
    assert np.array_equal(np.asarray(show(MAP, name="map")), np.asarray(grid(MAP, names=["map"], width=448)))


def test_small_pictures_are_enlarged_without_smoothing():
    picture = np.asarray(grid(torch.rand(3, 7, 7), torch.rand(3, 7, 7), width=300))
    assert picture.shape == (140, 288, 3)
    assert (picture.reshape(7, 20, 288, 3) == picture[::20][:, None]).all()


def test_content_is_drawn_as_the_browser_draws_it():
    content = Content(values=MAP, low=0, high=6)
    assert np.array_equal(np.asarray(show(content))[..., :3], np.asarray(draw(content))[..., :3])


def test_ends_of_the_colors_are_chosen_for_all_maps():
    picture = grid(MAP, 2 * MAP, low=0, high=12, colormap="gray", width=308).convert("RGB")
    assert picture.getpixel((100, 60)) == (255 * 5 // 12,) * 3
    assert picture.getpixel((290, 60))[0] == pytest.approx(255 * 10 / 12, abs=2)


def test_kinds_have_colors_without_order_and_what_is_none_stays_white():
    picture = show(torch.tensor([[0.0, 1.0], [2.0, float("nan")]]), colormap="kinds", width=100).convert("RGB")
    found = [picture.getpixel(at) for at in ((10, 10), (90, 10), (10, 90), (90, 90))]
    assert found[:3] == [tuple(table("levels")[number * 256 // 8 + 12]) for number in range(3)]
    assert found[3] == (255, 255, 255)


@pytest.mark.parametrize(
    ("arguments", "options", "says"),
    [
        ((), {}, "^pictures must be at least one"),
        ((RED,), {"names": ("a", "b")}, "all 1 pictures, not 2"),
        ((RED,), {"columns": 0}, r"^columns must be .* not 0\.$"),
        ((RED,), {"colormap": "jet"}, r"^colormap must be one of .*'coolwarm'.* not 'jet'"),
        ((torch.zeros(4, 4, 4, 4),), {}, r"^pictures must be .*, not a Tensor of shape \(4, 4, 4, 4\)\.$"),
        ((RED, "chelsea"), {}, r"^pictures must be .* maps \(H, W\), not a str\.$"),
        ((None,), {}, "not a NoneType"),
    ],
)
def test_bad_input(arguments, options, says):
    with pytest.raises(UserError, match=says):
        grid(*arguments, **options)
    if len(arguments) == 1 and "names" not in options and "columns" not in options:
        with pytest.raises(UserError, match=says.replace("pictures", "what")):
            show(*arguments, **options)
