"""Predict, then reveal: nothing is shown before the guess, and both are shown after it."""

import numpy as np
import pytest

import cnnviz_widgets as cnnviz
from cnnviz_widgets.panels import Occlusion
from cnnviz_widgets.widgets import Pointer

SETTINGS = {"size": 64, "stride": 32}


@pytest.fixture
def panel():
    panel = Occlusion(cnnviz.load_network("mini"), cnnviz.load_image("chelsea"), guess="place", **SETTINGS).run()
    yield panel
    panel.close()


def click(panel, x, y):
    panel._parts["map"].image._receive(None, {"do": "click", "at": [0, x, y, None, None]}, [])
    panel.run()


def test_the_map_waits_for_the_guess(panel):
    shown = panel._parts["map"]
    assert shown.image.content.values is None
    assert shown.image.content.picture is not None
    assert shown.heading == "Where will the score drop most? Click there."
    panel._look_under(Pointer(0, 5, 5, None, None))  # hovering would tell
    assert panel.place is None


def test_both_are_shown(panel):
    state = cnnviz.last(cnnviz.occlusion(panel.session.network, panel.session.image, **SETTINGS), progress=False)
    click(panel, 10, 20)
    shown = panel._parts["map"]
    values = state.content().values
    np.testing.assert_allclose(shown.image.content.values, values, atol=1e-6)
    assert shown.image.crosshair == (10, 20)
    x, y = panel.place  # the square is there, and shows what it does
    assert values[y, x] == pytest.approx(values.max(), rel=1e-5)
    off = np.hypot(10 - panel.place[0], 20 - panel.place[1])
    assert f"{off:.0f} px from the greatest value, at x {panel.place[0]}, y {panel.place[1]}" in shown.heading


def test_a_good_guess_is_called_so(panel):
    click(panel, 10, 20)
    best = panel.place
    panel._parts["map"].ask()
    click(panel, *best)
    assert "is right there: 0 px" in panel._parts["map"].heading


def test_a_reset_asks_again(panel):
    click(panel, 10, 20)
    panel.reset()
    panel.run()
    shown = panel._parts["map"]
    assert (shown.waits, shown.image.crosshair, shown.image.content.values) == (True, None, None)


def test_a_second_click_keeps_the_first_guess(panel):
    click(panel, 10, 20)
    click(panel, 50, 60)
    assert panel._parts["map"].guess == (10, 20)


def test_nothing_is_asked_unless_it_is_wanted():
    panel = Occlusion(cnnviz.load_network("mini"), cnnviz.load_image("chelsea"), **SETTINGS).run()
    shown = panel._parts["map"]
    assert shown.image.content.values is not None
    panel.guess = "place"
    assert shown.waits
    assert shown.image.content.values is None
    panel.guess = ""
    assert shown.image.content.values is not None
    panel.close()
