import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from wire import maps_of

from cnnviz_widgets.drawing.render import Content, draw_view
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.cam.grad_cam import grad_cam
from cnnviz_widgets.methods.cam.important_channels import important_channels
from cnnviz_widgets.methods.occlusion.occlusion import OcclusionState, positions
from cnnviz_widgets.networks import load_network
from cnnviz_widgets.widgets.image_view import LEVELS, Drop, ImageView, Pointer, scene
from cnnviz_widgets.widgets.tree import close_tree

RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, (96, 128, 3), np.uint8)


@pytest.fixture
def view() -> ImageView:
    made = ImageView()
    yield made
    close_tree(made)


def sheet(content: Content) -> dict:
    """The pictures that are sent of a content."""
    view = ImageView(content)
    close_tree(view)
    return view._picture


def test_few_values_travel_exactly() -> None:
    values = RNG.normal(size=(4, 13, 13)).astype(np.float32)
    values[0, 0, 0] = np.nan
    sent = scene(Content(values=values), 1)["values"]
    np.testing.assert_array_equal(maps_of(sent), values)
    assert (sent["low"], sent["high"]) == ([float(np.nanmin(values))], [float(np.nanmax(values))])


def test_many_values_travel_as_bytes() -> None:
    values = RNG.normal(size=(512, 13, 13)).astype(np.float32)
    values[0, 0, :2] = np.nan, np.inf
    sent = scene(Content(values=values, low=-2, high=2), 1)["values"]
    codes = maps_of(sent)
    assert codes.dtype == np.uint8
    assert codes[0, 0, :2].tolist() == [255, 254]
    back = -2 + codes / 254 * 4
    inside = np.isfinite(values)
    assert np.abs(back - values.clip(-2, 2))[inside].max() <= 2 / 254 + 1e-6


def test_bytes_use_the_range_of_their_tile() -> None:
    values = np.stack([np.linspace(0, top, 40_000).reshape(200, 200) for top in (1, 100)])
    sent = scene(Content(values=values, low=0, high=[1, 100]), 1)["values"]
    assert maps_of(sent)[:, -1, -1].tolist() == [254, 254]
    assert sent["high"] == [1.0, 100.0]


def test_photos_are_jpeg_and_small_tiles_exact_png() -> None:
    sent = sheet(Content(PHOTO))
    assert (sent["type"], sent["size"]) == ("image/jpeg", [96, 128])
    tiles = RNG.integers(0, 256, (5, 7, 9, 3), np.uint8)
    sent = sheet(Content(tiles))
    pixels = np.asarray(Image.open(io.BytesIO(sent["data"])))
    assert sent["type"] == "image/png"
    for i, tile in enumerate(tiles):
        top, left = i // sent["columns"] * 7, i % sent["columns"] * 9
        np.testing.assert_array_equal(pixels[top : top + 7, left : left + 9], tile)


def test_a_huge_picture_is_shrunk_and_keeps_its_coordinates() -> None:
    content = Content(np.zeros((3000, 4000, 3), np.uint8))
    assert scene(content, 1)["size"] == [3000, 4000]
    assert sheet(content)["size"] == [1500, 2000]


def test_thousands_of_thumbnails_come_as_they_are_in_few_bytes() -> None:
    """70×70 pictures: none is shrunk, and none has colors of another."""
    colors = RNG.integers(0, 256, (4900, 1, 1, 3), np.uint8)
    sent = sheet(Content(np.broadcast_to(colors, (4900, 48, 48, 3)).copy()))
    assert (sent["type"], sent["size"]) == ("image/jpeg", [48, 48])
    assert len(sent["data"]) < 4_000_000
    pixels = np.asarray(Image.open(io.BytesIO(sent["data"])), int).reshape(70, 48, 70, 48, 3).swapaxes(1, 2)
    assert np.abs(pixels.reshape(4900, 48, 48, 3) - colors).max() <= 4


def test_every_content_is_one_message_with_a_new_serial(view: ImageView) -> None:
    messages = []
    view.observe(messages.append, "_scene")
    content = Content(PHOTO, np.zeros((3, 3)), names=("one",), caption="title")
    before = view.serial
    view.show(content)
    view.show(content)
    first, second = (change["new"]["serial"] for change in messages)
    assert before < first < second == view.serial
    assert view.content is content
    assert (view._scene["names"], view._scene["caption"]) == (["one"], "title")


def test_what_the_browser_has_drawn(view: ImageView) -> None:
    view.show(Content(PHOTO))
    view._receive(view, {"do": "drawn", "serial": view.serial}, [])
    view._receive(view, {"do": "drawn", "serial": 1}, [])  # a second, slower view
    assert view.drawn == view.serial > 1


def test_a_scene_that_came_damaged_is_sent_again(monkeypatch):
    view, sent = ImageView(Content(values=np.zeros((2, 2)))), []
    monkeypatch.setattr(view, "send_state", sent.append)
    view._receive(view, {"do": "again"}, [])
    assert sent == [("_picture", "_before", "_dark", "_film", "_scene")]


def test_clicks_reach_the_handlers_and_choose_a_tile(view: ImageView) -> None:
    heard = []
    view.cursor = "tile"
    assert not view._clickable
    view.on_click(heard.append)
    assert view._clickable
    view._receive(view, {"do": "click", "at": [3, 1, 2, None, None]}, [])
    assert heard == [Pointer(tile=3, x=1, y=2, row=None, column=None)]
    assert view.selected == 3


def test_tiles_are_dropped_from_the_views_that_are_named(view: ImageView) -> None:
    heard, source, other = [], ImageView(), ImageView()
    view.on_drop(heard.append, source, view)
    assert [one._gives for one in (source, view, other)] == [*view._takes, ""]
    for one in (source, view, other):
        view._receive(view, {"do": "drop", "at": 2, "gives": one._gives, "tile": 5}, [])
    assert heard == [Drop(2, source, 5), Drop(2, view, 5)]


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
    assert sent == [{"do": "done", "of": "hover"}] * 3


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
    np.testing.assert_array_equal(np.asarray(draw_view(view, 128))[..., :3], PHOTO)


def test_one_picture_under_several_maps_travels_once() -> None:
    pictures = np.broadcast_to(PHOTO, (3, *PHOTO.shape))
    sent = sheet(Content(pictures, np.zeros((3, 4, 4))))
    assert (sent["count"], sent["columns"]) == (1, 1)
    assert sheet(Content(pictures.copy(), np.zeros((3, 4, 4))))["count"] == 3


@pytest.fixture
def sent(view: ImageView, monkeypatch: pytest.MonkeyPatch) -> list[tuple[set[str], int]]:
    """Of every message to the browser: what it sets, and its bytes."""
    messages: list[tuple[set[str], int]] = []

    def note(message: dict, buffers: list | None = None) -> None:
        names = {message["content"]["do"]} if "content" in message else set(message["state"])
        messages.append((names, len(json.dumps(message)) + sum(memoryview(one).nbytes for one in buffers or ())))

    monkeypatch.setattr(type(view), "_send", lambda self, message, buffers=None: note(message, buffers))
    return messages


def test_the_same_picture_is_sent_once(view: ImageView, sent: list) -> None:
    for step in range(3):
        view.show(Content(PHOTO.copy(), np.full((4, 4), step)))
    assert [names for names, _ in sent] == [{"_picture"}, {"_scene"}, {"_scene"}, {"_scene"}]
    assert sum(size for _, size in sent[1:]) < 3000
    assert view._scene["picture"] == view._picture["id"]
    view.show(Content(255 - PHOTO))
    assert [names for names, _ in sent[4:]] == [{"_picture"}, {"_scene"}]
    view.show(Content(values=np.zeros((2, 2))))
    assert (view._picture, view._scene["picture"]) == (None, None)


def test_a_picture_that_was_written_anew_is_sent_again(view: ImageView) -> None:
    picture = PHOTO.copy()
    view.show(Content(picture))
    before = view._picture["id"]
    picture[:] = 0
    view.show(Content(picture))
    assert view._picture["id"] != before


@pytest.mark.parametrize("size", [16, 24, 30, 32])
def test_a_frame_of_occlusion_is_small(view: ImageView, sent: list, size: int) -> None:
    photo, rng = torch.rand(3, 224, 224), torch.Generator().manual_seed(0)
    tops = positions(224, size, 8)
    state = OcclusionState(
        step=1, total=1, values=torch.rand(len(tops), len(tops), generator=rng), labels=torch.zeros(1),
        known=torch.ones(len(tops), len(tops), dtype=torch.bool), baseline=0.5, target=0, of="cat", size=size, stride=8,
        shape="square", tops=tops, lefts=tops, picture=photo, convention="",
    )  # fmt: skip
    view.show(state.content())
    sent.clear()
    view.show(replace(state, values=state.values / 2).content())
    frames = [size for names, size in sent if "_scene" in names]
    assert len(sent) == len(frames) == 1
    assert frames[0] <= 8_000
    numbers, heatmap = view._scene["values"], replace(state, values=state.values / 2).heatmap.numpy()
    [found] = maps_of(numbers)
    if size % 8 == 0:
        np.testing.assert_array_equal(found, heatmap)
    else:  # there are four times as many blocks: they are codes
        [low], [high] = numbers["low"], numbers["high"]
        step, seen = (high - low) / LEVELS, heatmap.clip(low, high)  # of which the colors are
        np.testing.assert_allclose(low + found * step, seen, atol=0.51 * step)


def test_blocks_are_found_to_the_last_bit_also_of_nan() -> None:
    cells = np.array([[[np.nan, 1], [1, 1]], [[0, -0.0], [2, np.nan]]], np.float32)
    values = cells.repeat(3, 1).repeat(5, 2)
    wire = scene(Content(values=values), 1)["values"]
    assert (wire["rows"], wire["columns"], len(wire["data"])) == ([0, 3], [0, 5], cells.nbytes)
    np.testing.assert_array_equal(maps_of(wire), values)


def test_an_enlarged_map_travels_as_its_cells() -> None:
    cells = RNG.normal(size=(3, 7, 7)).astype(np.float32)
    values = F.interpolate(torch.from_numpy(cells)[None], (224, 224), mode="bilinear", align_corners=False)[0]
    wire = scene(Content(values=values, cells=cells), 1)["values"]
    assert (wire["cells"], wire["size"], len(wire["data"])) == ([7, 7], [224, 224], cells.nbytes)
    with pytest.raises(UserError, match="cells must have as many tiles"):
        Content(values=values, cells=cells[:2])


def test_a_frame_of_grad_cam_is_small(view: ImageView, sent: list) -> None:
    network, picture = load_network("mini"), torch.rand(3, 224, 224, generator=torch.Generator().manual_seed(0))
    maps = [grad_cam(network, picture, target, layer="relu3") for target in (0, 1)]
    for one in maps:
        view.show(one.content())
    frames = [size for names, size in sent if "_scene" in names]
    assert max(frames) <= 4_000
    enlarged = F.interpolate(maps[1].cells[None, None], maps[1].values.shape, mode="bilinear", align_corners=False)
    torch.testing.assert_close(enlarged[0, 0], maps[1].values, rtol=0, atol=0)


def test_the_picture_under_important_channels_travels_once(view: ImageView) -> None:
    picture = torch.rand(3, 128, 128, generator=torch.Generator().manual_seed(0))
    for image, count in ((picture, 1), (torch.stack([picture, picture.flip(-1)]), 2 * 4)):
        view.show(important_channels(load_network("mini"), image, 1, k=2).content())
        assert view._picture["count"] == count


def test_the_exact_value_of_a_code_is_told(view: ImageView, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = []
    monkeypatch.setattr(view, "send", answers.append)
    values = RNG.normal(size=(200, 200)).astype(np.float32)
    values[0, 1] = np.nan
    view.show(Content(values=values))
    assert view._scene["values"]["type"] == "uint8"
    view._receive(view, {"do": "value", "at": [0, 5, 7], "serial": view.serial}, [])
    view._receive(view, {"do": "value", "at": [0, 0, 1], "serial": view.serial}, [])
    view._receive(view, {"do": "value", "at": [0, 5, 7], "serial": view.serial - 1}, [])  # of a content that is gone
    told = [answer["values"] for answer in answers if answer["do"] == "value"]
    assert told == [[float(values[5, 7])], [None]]
    assert answers.count({"do": "done", "of": "value"}) == 3


def test_the_exact_values_of_all_tiles_are_told_together(view: ImageView, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = []
    monkeypatch.setattr(view, "send", answers.append)
    values = RNG.normal(size=(3, 100, 100)).astype(np.float32)
    view.show(Content(values=values, names=["a", "b", "c"]))
    view._receive(view, {"do": "value", "at": [None, 5, 7], "serial": view.serial}, [])
    assert [answer["values"] for answer in answers if answer["do"] == "value"] == [values[:, 5, 7].tolist()]


def test_a_rectangle_reaches_the_handlers(view: ImageView, monkeypatch: pytest.MonkeyPatch) -> None:
    heard, answers = [], []
    monkeypatch.setattr(view, "send", answers.append)
    assert view._tools == ("point",)
    view.on_region(heard.append)
    assert view._tools == ("point", "rectangle")
    view._receive(view, {"do": "tool", "tool": "rectangle"}, [])
    view._receive(view, {"do": "tool", "tool": "brush"}, [])  # not offered
    assert view.tool == "rectangle"
    for at in ([1, 2, 30, 40], None):
        view._receive(view, {"do": "region", "at": at}, [])
    assert heard == [(1, 2, 30, 40), None]
    assert answers == [{"do": "done", "of": "region"}] * 2


def test_a_mask_reaches_the_handlers_and_leaves_with_its_picture(view: ImageView) -> None:
    heard = []
    view.brush = ("covered",)
    view.on_mask(heard.append)
    view.show(Content(PHOTO))
    mask = RNG.integers(0, 2, PHOTO.shape[:2], np.uint8)
    view._receive(view, {"do": "mask", "size": [96, 128], "view": "a"}, [memoryview(mask)])
    view._receive(view, {"do": "mask", "size": [96, 127], "view": "a"}, [memoryview(mask[:, 1:].copy())])  # of another
    assert len(heard) == 1
    np.testing.assert_array_equal(heard[0], mask)
    np.testing.assert_array_equal(view.mask, mask)
    view.show(Content(255 - PHOTO))
    assert view.mask is not None
    view.show(Content(PHOTO[1:]))
    assert view.mask is None
    with pytest.raises(UserError, match="mask must be as large as the picture"):
        view.mask = mask
    view.brush = ()
    assert view.tool == "point"


def test_labels_have_names_and_colors(view: ImageView) -> None:
    view.brush = {"sky": "#56b4e9", "2": "#009e73"}
    assert view._labels == [["sky", "#56b4e9"], ["2", "#009e73"]]
    view.brush = ("sky", "grass")
    assert [name for name, _ in view._labels] == ["sky", "grass"]
    assert len({color for _, color in view._labels}) == 2
    for wrong in ("sky", ["a", "a"], {"sky": "blue"}, [""], list("abcdefgh")):
        with pytest.raises(UserError, match="brush must be at most 7 names"):
            view.brush = wrong


def test_a_film_that_grows_sends_each_frame_once(view: ImageView, sent: list) -> None:
    frames = [np.full((64, 64, 3), level, np.uint8) for level in range(4)]
    view.show(Content(frames[0]))
    sent.clear()
    view.play(frames[:2], rate=10)
    view.play(frames[:2], rate=10)
    view.play(frames, rate=10)
    assert [names for names, _ in sent] == [{"_film"}, {"frame"}, {"frame"}]
    assert len(view.get_state("_film")["_film"]["frames"]) == 4  # what a new view reads
    number = view._film["number"]
    view.play(frames[::-1], rate=10)
    assert view._film["number"] != number
    view.play([])
    assert view._film["frames"] == []


def test_a_picture_before_is_sent_once_and_must_fit(view: ImageView, sent: list) -> None:
    for step in range(2):
        view.show(Content(PHOTO + np.uint8(step), before=PHOTO))
    assert [names for names, _ in sent] == [{"_picture"}, {"_before"}, {"_scene"}, {"_picture"}, {"_scene"}]
    with pytest.raises(UserError, match="before must be like picture"):
        Content(PHOTO, before=PHOTO[1:])


def test_kinds_and_unseen_maps_travel_with_the_scene() -> None:
    sent = scene(Content(values=np.array([[0, 1]]), levels=("cat", "dog"), unseen=(0,)), 1)
    assert (sent["levels"], sent["unseen"]) == (["cat", "dog"], [0])
    assert (sent["values"]["low"], sent["values"]["high"]) == ([-0.5], [7.5])
