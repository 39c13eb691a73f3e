"""Predict, then reveal: nothing is shown before the guess, and both are shown after it."""

import numpy as np
import pytest

import cnnviz_widgets as cnnviz
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.panels import ClassModel, Gradients, Occlusion
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


# ---------------------------------------------------------------------- which of the tiles


@pytest.fixture
def cells(network, photo):
    panel = Gradients(network, photo, guess="cell").run()
    yield panel
    panel.close()


def tile_of(view, key):
    return view.image.content.keys.index(key)


def click_tile(panel, key):
    view = panel._parts["cells"]
    view.image._receive(None, {"do": "click", "at": [tile_of(view, key), 5, 5, 5, 5]}, [])


def test_the_tiles_have_no_names_before_the_guess(cells, network, photo):
    view = cells._parts["cells"]
    shown = view.image.content
    plain = Gradients(network, photo).run()
    named = plain._parts["cells"].image.content
    assert sorted(shown.keys) == sorted(named.keys)
    assert set(shown.names) == {"?"}
    assert shown.caption == ""
    assert view.image.selected is None
    for key in named.keys:  # each tile moves as a whole
        here, there = shown.keys.index(key), named.keys.index(key)
        for part in ("pictures", "maps"):
            np.testing.assert_array_equal(getattr(shown, part)[here], getattr(named, part)[there])
        assert (shown.low[here], shown.high[here]) == (named.low[there], named.high[there])
        assert (here in shown.unseen) == (there in named.unseen)
    name = dict(zip(named.keys, named.names, strict=True))[view.sought]
    assert view.heading == f"Which one is {name}? Click it."
    plain.close()


def test_the_tiles_stand_in_many_orders(cells):
    view, orders, sought = cells._parts["cells"], set(), set()
    for _ in range(40):
        view.ask()
        orders.add(view.image.content.keys)
        sought.add(view.sought)
    assert len(orders) > 30
    assert len(sought) == 6


@pytest.mark.parametrize("right", [True, False])
def test_after_a_click_every_tile_has_its_name(cells, right):
    view = cells._parts["cells"]
    key = view.sought if right else next(key for key in view.image.content.keys if key != view.sought)
    click_tile(cells, key)
    shown = view.image.content
    assert shown.keys == cells.cells
    assert "?" not in shown.names
    assert view.guess == key
    assert view.image.selected == shown.keys.index(view.sought)
    said = "Right: you found" if right else f"You clicked {shown.names[shown.keys.index(key)]};"
    assert said in view.heading
    click_tile(cells, view.sought)
    assert view.guess == key  # the first one counts


def test_nothing_is_asked_before_all_tiles_are_there(network, photo):
    panel = Gradients(network, photo, guess="cell")
    view, now = panel._parts["cells"], panel._now()
    for frame in panel.compute(now):
        view.show(frame.parts["cells"])
        known = all(not name.endswith("…") for name in frame.parts["cells"].names)
        assert ("Click it" in view.heading) == known
        assert view.image.content.count == (6 if known else 1)
    panel.close()


def test_other_cells_are_asked_for_anew(cells):
    view = cells._parts["cells"]
    click_tile(cells, view.sought)
    cells.cells = [("saliency", "guided"), ("gradient", "guided")]
    cells.run()
    assert view.image.content.names == ("gradient · guided", "saliency · guided")
    cells.reset()
    cells.run()
    assert set(view.image.content.names) == {"?"}
    cells.guess = ""
    cells.run()
    assert "?" not in view.image.content.names


# ---------------------------------------------------------------------- which class


@pytest.fixture
def model(network, photo):
    panel = ClassModel(network, photo, guess="class", steps=3, seed=2).run()
    yield panel
    panel.close()


def test_a_class_model_does_not_tell_its_class(model, network):
    view = model._parts["picture"]
    assert view.heading == "Which class is it made for?"
    assert view.image.content.names == ("?",)
    assert view.image.content.caption == ""
    assert [model._parts[name].widget.layout.display for name in ("curves", "bars")] == ["none", "none"]
    assert set(view._buttons.options) <= set(network.classes)
    assert len(view._buttons.options) == len(network.classes) == 4  # it has no fifth one
    assert view._buttons.layout.display is None


def test_the_class_is_drawn_by_the_seed(network, photo):
    drawn = set()
    for seed in range(12):
        panel = ClassModel(network, photo, guess="class", steps=1, seed=seed).run()
        view = panel._parts["picture"]
        assert view._right in view._buttons.options
        expected = cnnviz.last(cnnviz.class_model(network, view._right, steps=1, seed=seed), progress=False)
        np.testing.assert_array_equal(view.image.content.pictures[0], rgb(expected.values))
        drawn.add(view._right)
        panel.close()
    assert len(drawn) > 1


@pytest.mark.parametrize("right", [True, False])
def test_the_answer_is_told_and_chosen(model, network, right):
    view = model._parts["picture"]
    truth = view._right
    said = truth if right else next(name for name in view._buttons.options if name != truth)
    picture = view.image.content.pictures.copy()
    view._buttons.value = said
    assert model.wait(20)
    assert view.heading.endswith(f"Right: it is {truth}." if right else f"It is {truth}; you said {said}.")
    assert network.classes[model.session.target] == truth
    assert view.image.content.names[0].startswith(truth)
    assert [model._parts[name].widget.layout.display for name in ("curves", "bars")] == [None, None]
    assert view._buttons.layout.display == "none"
    np.testing.assert_array_equal(view.image.content.pictures, picture)
    assert f'"{truth}"' in model.code()


def test_a_class_that_was_chosen_is_among_the_answers(network, photo):
    panel = ClassModel(network, photo, guess="class", target="fish", steps=1).run()
    view = panel._parts["picture"]
    assert view._right == "fish"
    view._buttons.value = "fish"
    assert "Right" in view.heading
    panel.reset()
    panel.run()
    assert view.waits
    assert view._buttons.value is None
    panel.guess = ""
    panel.run()
    assert "fish" in view.image.content.names[0]
    panel.close()


def test_what_is_hidden_is_not_in_the_saved_picture(model):
    before = model.sheets()[0].height
    model._parts["picture"]._buttons.value = model._parts["picture"]._right
    model.run()
    assert model.sheets()[0].height > before
