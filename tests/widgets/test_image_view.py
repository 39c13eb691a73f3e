import io

import numpy as np
import pytest
from PIL import Image

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.widgets.image_view import ImageView, Pointer, scene
from cnnviz_widgets.widgets.tree import close_tree

RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, (96, 128, 3), np.uint8)


@pytest.fixture
def view() -> ImageView:
    made = ImageView()
    yield made
    close_tree(made)


def numbers(encoded: dict) -> np.ndarray:
    return np.frombuffer(encoded["data"], encoded["type"]).reshape(-1, *encoded["size"])


def test_few_values_travel_exactly() -> None:
    values = RNG.normal(size=(4, 13, 13)).astype(np.float32)
    values[0, 0, 0] = np.nan
    sent = scene(Content(values=values), 1)["values"]
    np.testing.assert_array_equal(numbers(sent), values)
    assert (sent["low"], sent["high"]) == ([float(np.nanmin(values))], [float(np.nanmax(values))])


def test_many_values_travel_as_bytes() -> None:
    values = RNG.normal(size=(512, 13, 13)).astype(np.float32)
    values[0, 0, :2] = np.nan, np.inf
    sent = scene(Content(values=values, low=-2, high=2), 1)["values"]
    codes = numbers(sent)
    assert codes.dtype == np.uint8
    assert codes[0, 0, :2].tolist() == [255, 254]
    back = -2 + codes / 254 * 4
    inside = np.isfinite(values)
    assert np.abs(back - values.clip(-2, 2))[inside].max() <= 2 / 254 + 1e-6


def test_bytes_use_the_range_of_their_tile() -> None:
    values = np.stack([np.linspace(0, top, 40_000).reshape(200, 200) for top in (1, 100)])
    sent = scene(Content(values=values, low=0, high=[1, 100]), 1)["values"]
    assert numbers(sent)[:, -1, -1].tolist() == [254, 254]
    assert sent["high"] == [1.0, 100.0]


def test_photos_are_jpeg_and_small_tiles_exact_png() -> None:
    sent = scene(Content(PHOTO), 1)["picture"]
    assert (sent["type"], sent["size"]) == ("image/jpeg", [96, 128])
    tiles = RNG.integers(0, 256, (5, 7, 9, 3), np.uint8)
    sent = scene(Content(tiles), 1)["picture"]
    sheet = np.asarray(Image.open(io.BytesIO(sent["data"])))
    assert sent["type"] == "image/png"
    for i, tile in enumerate(tiles):
        top, left = i // sent["columns"] * 7, i % sent["columns"] * 9
        np.testing.assert_array_equal(sheet[top : top + 7, left : left + 9], tile)


def test_a_huge_picture_is_shrunk_and_keeps_its_coordinates() -> None:
    sent = scene(Content(np.zeros((3000, 4000, 3), np.uint8)), 1)
    assert sent["size"] == [3000, 4000]
    assert sent["picture"]["size"] == [1500, 2000]


def test_every_content_is_one_message_with_a_new_serial(view: ImageView) -> None:
    messages = []
    view.observe(messages.append, "_scene")
    content = Content(PHOTO, np.zeros((3, 3)), names=("one",), caption="title")
    before = view.serial
    view.show(content)
    view.show(content)
    assert [change["new"]["serial"] for change in messages] == [before + 1, before + 2] == [before + 1, view.serial]
    assert view.content is content
    assert (view._scene["names"], view._scene["caption"]) == (["one"], "title")


def test_what_the_browser_has_drawn(view: ImageView) -> None:
    view.show(Content(PHOTO))
    view._receive(view, {"do": "drawn", "serial": 2}, [])
    view._receive(view, {"do": "drawn", "serial": 1}, [])  # a second, slower view
    assert view.drawn == view.serial == 2


def test_a_scene_that_came_damaged_is_sent_again(monkeypatch):
    view, sent = ImageView(Content(values=np.zeros((2, 2)))), []
    monkeypatch.setattr(view, "send_state", sent.append)
    view._receive(view, {"do": "again"}, [])
    assert sent == ["_scene"]


def test_clicks_reach_the_handlers_and_choose_a_tile(view: ImageView) -> None:
    heard = []
    view.cursor = "tile"
    assert not view._clickable
    view.on_click(heard.append)
    assert view._clickable
    view._receive(view, {"do": "click", "at": [3, 1, 2, None, None]}, [])
    assert heard == [Pointer(tile=3, x=1, y=2, row=None, column=None)]
    assert view.selected == 3


def test_hover_is_answered_also_when_a_handler_fails(view: ImageView, monkeypatch: pytest.MonkeyPatch) -> None:
    heard, sent = [], []
    monkeypatch.setattr(view, "send", sent.append)
    view.on_hover(heard.append)
    view._receive(view, {"do": "hover", "at": [0, 1, 2, 2, 1]}, [])
    view._receive(view, {"do": "hover", "at": None}, [])
    assert heard == [Pointer(0, 1, 2, 2, 1), None]
    view.on_hover(lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        view._receive(view, {"do": "hover", "at": None}, [])
    assert sent == [{"do": "hovered"}] * 3


def test_settings_are_checked(view: ImageView) -> None:
    with pytest.raises(TypeError, match="ImageView has no colors"):
        ImageView(colors="gray")
    with pytest.raises(Exception, match="colormap"):
        view.colormap = "jet"
    with pytest.raises(Exception, match="opacity"):
        view.opacity = 2


def test_look_is_sent_also_where_python_knows_of_no_change(view: ImageView, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []
    monkeypatch.setattr(view, "send_state", lambda key=None: sent.append(key))
    view.look(view.colormap, view.opacity)
    assert sent == [("colormap", "opacity")]


def test_signed_values_bring_diverging_colors_and_take_them_away(view: ImageView) -> None:
    signed, plain = Content(values=[[-1, 2]], low=-2, high=2, signed=True), Content(values=[[0, 2]], low=0, high=2)
    view.colormap = "gray"
    for content, colormap in ((signed, "coolwarm"), (signed, "coolwarm"), (plain, "gray"), (signed, "coolwarm")):
        view.show(content)
        assert (view.colormap, view._scene["signed"]) == (colormap, content.signed)
    view.look("inferno", 0.5)
    assert view.colormap == "coolwarm"
    view.show(plain)
    assert view.colormap == "inferno"
    view.colormap = "RdBu"
    view.show(signed)
    assert view.colormap == "RdBu"


def test_the_static_picture_is_what_is_shown(view: ImageView) -> None:
    view.show(Content(PHOTO))
    np.testing.assert_array_equal(np.asarray(view.draw(128))[..., :3], PHOTO)


def test_one_picture_under_several_maps_travels_once() -> None:
    pictures = np.broadcast_to(PHOTO, (3, *PHOTO.shape))
    sent = scene(Content(pictures, np.zeros((3, 4, 4))), 1)
    assert (sent["picture"]["count"], sent["picture"]["columns"]) == (1, 1)
    assert scene(Content(pictures.copy(), np.zeros((3, 4, 4))), 1)["picture"]["count"] == 3


def test_kinds_and_unseen_maps_travel_with_the_scene() -> None:
    sent = scene(Content(values=np.array([[0, 1]]), levels=("cat", "dog"), unseen=(0,)), 1)
    assert (sent["levels"], sent["unseen"]) == (["cat", "dog"], [0])
    assert (sent["values"]["low"], sent["values"]["high"]) == ([-0.5], [7.5])
