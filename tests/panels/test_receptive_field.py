"""A click on a unit frames what it sees, and one on a pixel frames the units that see it."""

import numpy as np
import pytest

import cnnviz_widgets as cnnviz
from cnnviz_widgets import panels
from cnnviz_widgets.methods.features.invert import spread
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.widgets import Pointer


@pytest.fixture
def panel():
    made = panels.ReceptiveField("mini", "chelsea", layer="conv4").run()
    yield made
    made.close()


def image(panel, name):
    return panel._parts[name].image


def test_a_unit_that_is_clicked_is_framed_with_what_it_sees(panel):
    for row, column in ((0, 0), (7, 2)):
        image(panel, "units")._on_click[0](Pointer(0, column, row, row, column))
        assert panel.wait(60)
        assert panel.session.position == (row, column)
        found = cnnviz.receptive_field(panel.session.network, "conv4", (row, column), panel.session.image)
        left, top, right, bottom = found.clipped
        assert image(panel, "picture").rectangle == (left, top, right - left, bottom - top)
        assert image(panel, "picture").ellipse == pytest.approx(found.ellipse)
        assert image(panel, "units").crosshair == (column, row)
        assert (image(panel, "units").rectangle, image(panel, "picture").crosshair) == (None, None)


def test_a_pixel_that_is_clicked_frames_the_units_that_see_it(panel):
    image(panel, "picture")._on_click[0](Pointer(0, 30, 100, 100, 30))
    assert panel.wait(60)
    layer = panel.session.network.layer("conv4")
    fields = {(row, column): layer.field((row, column), (128, 128)) for row in range(8) for column in range(8)}
    seeing = [at for at, (left, top, right, bottom) in fields.items() if left <= 30 < right and top <= 100 < bottom]
    x, y, width, height = map(int, image(panel, "units").rectangle)
    assert [(row, column) for row in range(y, y + height) for column in range(x, x + width)] == seeing
    assert image(panel, "picture").crosshair == (30, 100)
    assert (image(panel, "picture").rectangle, image(panel, "picture").ellipse) == (None, None)
    found = {}
    exec(panel.code().replace("cnnviz.projective_field", "found = cnnviz.projective_field"), found)
    assert (found["found"].content().values == image(panel, "units").content.values).all()


def test_a_unit_takes_the_place_of_a_pixel_and_so_does_a_new_picture(panel):
    panel.pixel = (3, 4)
    image(panel, "units")._on_click[0](Pointer(0, 1, 2, 2, 1))
    assert panel.pixel is None
    panel.pixel = (3, 4)
    panel.session.image = "coffee"
    assert panel.pixel is None


def test_the_fields_grow_with_depth_and_are_found_once(panel, monkeypatch):
    drawn = {one.name: one for one in panel._parts["growth"]._chart.series}
    network = panel.session.network
    theoretical = [network.layer(name).receptive_field[1] for name in spread(network)]
    assert [*drawn["theoretical"].y] == theoretical == sorted(theoretical)
    effective = [*drawn["effective (95%)"].y]
    assert effective == sorted(effective)
    assert all(one <= other for one, other in zip(effective, theoretical, strict=True))
    monkeypatch.setattr("cnnviz_widgets.panels.receptive_field._width", lambda found: pytest.fail("found again"))
    panel.session.position = (1, 1)
    panel.session.image = "coffee"
    assert panel.wait(60)
    assert panel.last_error is None


def test_it_begins_with_a_layer_whose_frame_is_seen_whole():
    panel = panels.ReceptiveField("mini", "chelsea")
    network, layer = panel.session.network, panel.session.layer
    seen = {name: network.layer(name).receptive_field[0] for name in spread(network)}
    assert seen[layer] == max(width for width in seen.values() if width <= 64)
    panel.close()


@pytest.mark.parametrize("pixel", [None, (30, 100)])
def test_a_slow_network_shows_one_sample_before_the_mean(panel, monkeypatch, pixel):
    monkeypatch.setattr("cnnviz_widgets.panels.receptive_field.SLOW", 0)
    panel.pixel = pixel
    first, last = panel.compute(panel._now())
    part = "units" if pixel else "picture"
    network, photo = panel.session.network, panel.session.image
    for frame, samples in ((first, 1), (last, panel.samples)):
        if pixel:
            expected = cnnviz.projective_field(network, "conv4", pixel[::-1], photo, samples=samples)
        else:
            expected = cnnviz.receptive_field(network, "conv4", None, photo, samples=samples)
        np.testing.assert_array_equal(frame.parts[part].values, expected.content().values)
    assert first.step / first.total < last.step / last.total


def test_the_chart_begins_with_what_needs_no_pass(panel):
    panel._sizes = Memo(dict)
    curves = next(panel.grow(panel._now())).parts["growth"]["curves"]
    assert len(curves["theoretical"][1]) == len(spread(panel.session.network))
    assert curves["effective (95%)"] == ([], [])
