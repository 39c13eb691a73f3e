"""The doodle: what is painted is what is made, a stroke steers the picture, and names tell what is missing."""

import numpy as np
import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.panels import doodle
from cnnviz_widgets.panels.doodle import CANVAS, Doodle


@pytest.fixture
def make(network):
    made = []

    def make_it(**settings):
        made.append(Doodle(network, **{"steps": 4, "size": 64} | settings))
        return made[-1]

    yield make_it
    for one in made:
        one.close()


def paint(view, labels):
    """As the browser tells of a stroke."""
    message = {"do": "mask", "size": list(labels.shape), "view": "browser"}
    view.image._receive(None, message, [memoryview(labels.tobytes())])


def execute(panel):
    lines = [line for line in panel.code().splitlines() if not line.startswith(("net =", "photo ="))]
    scope = {"net": panel.session.network, "photo": panel.session.image}
    exec("\n".join(lines), scope)
    return scope["state"]


def result(panel):
    return panel._parts["result"].image.content.picture


def test_it_opens_with_suggested_regions_and_an_empty_canvas(make):
    panel = make().run()
    there, wanted = (panel._parts[name].image.mask for name in ("painting", "canvas"))
    painting = cnnviz.load_image("swirling_strokes", size=192)
    np.testing.assert_array_equal(there, cnnviz.suggest_mask(painting, 3) + 1)
    assert wanted.shape == (CANVAS, CANVAS)
    assert not wanted.any()
    np.testing.assert_array_equal(result(panel), rgb(execute(panel).values))


def test_the_content_lies_under_the_brush_and_is_kept(make):
    labels = np.full((CANVAS, CANVAS), 2, np.uint8)
    labels[70:] = 3
    plain, over = make(mask=labels).run(), make(mask=labels, content="chelsea").run()
    assert np.unique(plain._parts["canvas"].image.content.picture).tolist() == [doodle.BLANK]
    chelsea = cnnviz.load_image("chelsea")
    wanted = rgb(torch.nn.functional.interpolate(chelsea[None], (CANVAS, CANVAS), mode="bilinear", antialias=True)[0])
    assert np.abs(over._parts["canvas"].image.content.picture.astype(int) - wanted).mean() < 2
    assert not np.array_equal(result(plain), result(over))
    np.testing.assert_array_equal(result(over), rgb(execute(over).values))
    over.shown = True
    over.content = ""
    assert over.wait(60)
    np.testing.assert_array_equal(result(over), result(plain))


def test_a_stroke_steers_the_picture_and_is_in_the_program(make):
    panel = make().run()
    before = result(panel)
    labels = np.ones((CANVAS, CANVAS), np.uint8)
    labels[40:90, 40:90] = 3
    panel.shown = True
    paint(panel._parts["canvas"], labels)
    assert panel.wait(60)
    np.testing.assert_array_equal(panel.mask, labels)
    np.testing.assert_array_equal(panel._parts["canvas"].image.mask, labels)
    assert not np.array_equal(result(panel), before)
    np.testing.assert_array_equal(result(panel), rgb(execute(panel).values))


def test_a_stroke_does_not_wait_for_what_it_changes(make):
    panel = make(steps=256)
    panel.shown = True
    panel._request_all()
    canvas = panel._parts["canvas"]
    while not canvas.image.content.count or not panel._parts["result"].image.content.count:  # nobody paints before
        panel.wait(0.01)
    growth = panel._memos["state"]
    paint(canvas, np.full((CANVAS, CANVAS), 2, np.uint8))
    done = growth.held.last.step
    while len(growth.held.segments) < 2:
        panel.wait(0.01)
    panel.stop()
    assert panel.wait(20)
    assert growth.held.segments[0].until <= done + 2  # the step that was under way, and one that was not yet told


def test_what_is_not_painted_is_the_first_region(make):
    labels = np.zeros((CANVAS, CANVAS), np.uint8)
    labels[60:] = 2
    empty, whole = make(mask=labels).run(), make(mask=np.maximum(labels, 1)).run()
    np.testing.assert_array_equal(result(empty), result(whole))


def test_suggest_takes_the_place_of_what_was_painted(make):
    panel = make().run()
    view = panel._parts["painting"]
    suggested = view.image.mask.copy()
    panel.shown = True
    other = suggested[::-1].copy()
    paint(view, other)
    assert panel.wait(60)
    np.testing.assert_array_equal(panel.style_mask, other)
    panel._buttons._receive(None, {"do": "suggest"}, [])
    assert panel.wait(60)
    assert panel.style_mask is None
    np.testing.assert_array_equal(view.image.mask, suggested)


def test_a_region_that_the_painting_lacks_is_told_by_its_name(make):
    panel = make(style_mask=np.ones((192, 192), np.uint8), mask=np.full((CANVAS, CANVAS), 2, np.uint8))
    with pytest.raises(UserError, match=r"no region 1 \(sky\)"):
        panel.run()
    panel.style_mask = None
    assert panel.run()._bar.error == ""


def test_names_are_labels_of_both_brushes(make):
    panel = make()
    for name in ("painting", "canvas"):
        assert [*panel._parts[name].image.brush] == ["stars", "sky", "field"]
    panel.regions = "water,  sand"
    assert panel.regions == "water, sand"
    for name in ("painting", "canvas"):
        assert [*panel._parts[name].image.brush] == ["water", "sand"]
    assert panel.run().last_error is None
    panel.reset()
    assert panel.regions == "stars, sky, field"


@pytest.mark.parametrize("names", ["sky", "a,a", "a,,b", "a,b,c,d,e,f,g", 3])
def test_two_to_six_different_names(make, names):
    with pytest.raises(UserError, match="regions must be 2 to 6 different names"):
        make(regions=names)


@pytest.mark.parametrize("labels", [np.zeros((3, 3)), np.full((3, 3), 9), np.zeros(3, int), "a"])
def test_labels_are_whole_numbers(make, labels):
    with pytest.raises(UserError, match="mask must be"):
        make(mask=labels)
