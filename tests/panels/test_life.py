"""Panels are born, shown, changed from all sides and closed: nothing is left of them, and none is dead before."""

import gc
import math
import random
import threading
import time
import traceback
import weakref

import ipywidgets
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

from cnnviz_widgets import panels, registry
from cnnviz_widgets.content import Content, minus
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels import Panel, Session, cells, displayed
from cnnviz_widgets.panels.controls import choice, float_slider, slider, toggle
from cnnviz_widgets.panels.parts import Note, View
from cnnviz_widgets.runtime.runner import Frame

PANELS = [getattr(panels, one.name) for one in registry.panels()]

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class Sum(Panel):
    """a + b, the channel and the layer, at once."""

    title = "Sum"
    pickers = ("image", "layer", "channel")
    a = slider(3, 0, 100, label="a", help="A number")
    b = float_slider(0.5, 0, 2, step=0.1, label="b", help="Another")
    sign = choice("plus", ["plus", "minus"], label="Sign", help="Of b")
    doubled = toggle(False, label="Twice", help="All of it")
    pause = 0.0

    def build(self):
        self.computed = 0
        return [self.part("note", Note()), self.part("map", View("Sum"))]

    def compute(self, now):
        self.computed += 1
        for step in range(3):
            time.sleep(self.pause)
            yield Frame(
                {"note": answer(now), "map": Content(values=np.arange(16).reshape(4, 4) % (now.a % 5 + 2))}, step + 1, 3
            )

    def call(self, now):
        return f"{now.a} + {now.b}"


def answer(now) -> str:
    total = now.a + (now.b if now.sign == "plus" else -now.b)
    return f"{2 * total if now.doubled else total:.2f} {now.layer} {now.channel}"


def note(panel) -> str:
    return panel._parts["note"].widget.value


def handlers(session) -> int:
    """How many handlers observe it."""
    return sum(len(every) for kinds in session._trait_notifiers.values() for every in kinds.values())


@pytest.fixture
def session(network, photo) -> Session:
    return Session(network, photo)


# ---------------------------------------------------------------------------------------------------------- the end


@pytest.mark.no_cover  # the contract tests open every panel, too
@pytest.mark.parametrize("kind", PANELS)
def test_nothing_of_a_closed_panel_is_alive(kind, network, photo):
    def one():
        panel = kind(network, photo)
        parts = [weakref.ref(part) for part in (panel, panel.session, panel._bar, panel.layout)]
        panel.close()
        return parts

    one()  # what is made once and kept
    parts = [part for _ in range(3) for part in one()]
    gc.collect()
    assert [part() for part in parts] == [None] * len(parts)


def test_nothing_of_panels_that_have_computed_is_alive(network, photo):
    session = Session(network, photo)
    before = handlers(session)

    def one(kind):
        panel = kind(session=session).run()
        panel._repr_mimebundle_()
        panel.close()
        return weakref.ref(panel)

    refs = [one(kind) for kind in (panels.Activations, panels.Filters, panels.Gradients, Sum) for _ in range(3)]
    gc.collect()
    assert [ref() for ref in refs] == [None] * len(refs)
    assert handlers(session) == before


@pytest.mark.parametrize(
    "settings",
    [{"size": math.nan}, {"fill": "x"}, {"target": "no such class"}, {"layer": None}, {"target": "dog", "size": 1000}],
)
def test_a_constructor_that_raises_leaves_nothing(settings, session, widget_count):
    panels.Occlusion(session=session).close()
    before, target, listening = widget_count(), session.target, handlers(session)
    with pytest.raises(UserError):
        panels.Occlusion(session=session, **settings)
    assert widget_count() == before
    assert session.target == target
    assert handlers(session) == listening


def test_a_panel_whose_parts_cannot_be_made_leaves_nothing(session, widget_count):
    class Broken(Sum):
        def build(self):
            super().build()
            raise RuntimeError("no")

    Sum(session=session).close()
    before = widget_count()
    with pytest.raises(RuntimeError):
        Broken(session=session)
    assert widget_count() == before


def rerun(monkeypatch, run: int, code: str, **metadata) -> None:
    request = {"header": {"msg_id": f"{code} {run}"}, "content": {"code": code, "allow_stdin": True}}
    monkeypatch.setattr(cells, "_request", lambda: request | {"metadata": metadata})


def test_a_front_end_that_does_not_name_its_cells_does_not_leak_panels(session, widget_count, monkeypatch):
    rerun(monkeypatch, 1, "Sum(a)")
    first = Sum(session=session)
    count = widget_count()
    for run in range(2, 5):
        rerun(monkeypatch, run, "Sum(a)")
        last = Sum(session=session)
    assert first._closed
    assert not last._closed
    assert widget_count() == count
    last.close()


def test_a_cell_with_the_same_code_does_not_close_what_is_on_a_screen(session, monkeypatch):
    rerun(monkeypatch, 1, "Sum(b)")
    first = Sum(session=session)
    first._output._receive(None, {"do": "shown", "view": "1"}, None)
    rerun(monkeypatch, 2, "Sum(b)")
    second = Sum(session=session)
    assert not first._closed
    first._output._receive(None, {"do": "gone", "view": "1"}, None)
    rerun(monkeypatch, 3, "Sum(b)")
    third = Sum(session=session)
    assert first._closed
    assert second._closed
    third.close()


def test_panels_of_edited_cells_are_closed_when_many_have_left_the_screen(session, monkeypatch):
    every = []
    for run in range(cells.MOST_GONE + 4):
        rerun(monkeypatch, run, f"Sum({run})")
        every.append(Sum(session=session))
        every[-1]._output._receive(None, {"do": "shown", "view": "1"}, None)
        every[-1]._output._receive(None, {"do": "gone", "view": "1"}, None)
    assert [panel._closed for panel in every] == [True] * 3 + [False] * (cells.MOST_GONE + 1)
    for panel in every:
        panel.close()


# ------------------------------------------------------------------------------------------------------- being shown


BOXES = {
    "HBox": lambda p: ipywidgets.HBox([p]),
    "VBox": lambda p: ipywidgets.VBox([ipywidgets.HBox([p])]),
    "Tab": lambda p: ipywidgets.Tab([p]),
    "Accordion": lambda p: ipywidgets.Accordion([p]),
    "Stack": lambda p: ipywidgets.Stack([p]),
    "GridBox": lambda p: ipywidgets.GridBox([p]),
    "AppLayout": lambda p: ipywidgets.AppLayout(center=p),
}


@pytest.fixture
def formatter(monkeypatch) -> DisplayFormatter:
    """IPython's, which asks us for the output of boxes."""
    formatter = DisplayFormatter()
    formatter.mimebundle_formatter.for_type(ipywidgets.Box, displayed._bundle)
    return formatter


@pytest.mark.parametrize("box", BOXES)
def test_a_panel_in_a_box_computes_and_is_in_its_picture(box, session, formatter):
    panel = Sum(session=session)
    data, _ = formatter.format(BOXES[box](panel))
    assert panel._work().state == "done"
    assert data["image/png"]
    assert WIDGET_VIEW in data
    panel.close()


def test_boxes_without_panels_are_as_they_were(formatter):
    data, _ = formatter.format(ipywidgets.HBox([ipywidgets.IntSlider()]))
    assert set(data) == {"text/plain", WIDGET_VIEW}


def test_the_lab_in_a_box_is_drawn_once(network, photo, formatter):
    lab = panels.lab(network, photo)
    alone = lab.snapshot
    data, _ = formatter.format(ipywidgets.VBox([lab]))
    assert data["image/png"]
    quick = [one.name for one in registry.panels() if one.quick]
    assert [(type(panel).__name__, panel.shown) for panel in lab.panels] == [(name, True) for name in quick]
    assert displayed._picture(ipywidgets.VBox([lab])) == alone()
    lab.close()


def test_a_view_in_a_browser_starts_the_panel_once(session, monkeypatch):
    monkeypatch.setattr(cells, "_request", lambda: {"header": {"msg_type": "comm_msg"}, "content": {}})
    panel = Sum(session=session)
    for view in ("1", "2"):
        panel._output._receive(None, {"do": "shown", "view": view}, None)
        assert panel.wait(10)
    assert (panel.computed, panel._work().state) == (1, "done")
    panel.close()


def test_the_browser_gets_new_pictures_of_all_outputs_that_show_the_panel(session, formatter, monkeypatch):
    given = {}
    panel, other = Sum(session=session), Sum(session=session)
    box = ipywidgets.HBox([panel, other])
    formatter.format(box)
    panel._repr_mimebundle_()
    monkeypatch.setattr(type(panel._output), "give", lambda _, output, *shown: given.__setitem__(output, shown))
    panel._output.seen = True
    before, settled = (panel.snapshot(), panel.alt), panel._output.settled
    panel.a = 90
    panel.sign = "minus"
    assert panel.wait(10)
    assert panel._output.settled > settled  # the browser asks a second later
    panel._output._receive(None, {"do": "picture"}, None)
    end = time.monotonic() + 20
    while len(given) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    assert given[panel.model_id] == (panel.snapshot(), panel.alt)
    assert all(now != then for now, then in zip(given[panel.model_id], before, strict=True))
    assert set(given) == {panel.model_id, box.model_id}
    panel.close()
    other.close()


def test_the_picture_of_the_lab_follows_each_of_its_panels(network, photo, monkeypatch):
    given = {}
    lab = panels.lab(network, photo)
    lab._repr_mimebundle_()
    before = lab.snapshot()
    monkeypatch.setattr(type(lab._output), "give", lambda _, output, picture, alt: given.update({output: picture}))
    lab.panels[1].scale = "each"
    lab.session.channel = 3
    assert all(panel.wait(20) for panel in lab.panels)
    lab._output._receive(None, {"do": "picture"}, None)
    end = time.monotonic() + 20
    while not given and time.monotonic() < end:
        time.sleep(0.01)
    assert given == {lab.model_id: lab.snapshot()} != {lab.model_id: before}
    lab.close()


# ---------------------------------------------------------------------------------------------------- refused values


NUMBERS = (None, math.nan, math.inf, -math.inf, [], {}, "x", 1e9, -1e9, True, 1j)


def values_for(trait) -> tuple:
    return NUMBERS if hasattr(trait, "whole") else (None, math.nan, [], {}, object(), "no such thing", 10**6)


@pytest.mark.parametrize("kind", PANELS)
def test_a_value_that_is_refused_does_not_stay(kind, network, photo):
    panel = kind(network, photo)
    seen = []
    panel.observe(lambda change: seen.append(change["name"]), list(panel._own_traits()))
    for name in panel._own_traits():
        for value in values_for(panel.traits()[name]):
            before, told = getattr(panel, name), ""
            try:
                setattr(panel, name, value)
            except UserError as error:
                told = str(error)
            if told:
                assert any(word in told for word in (name, "layer", "class")), told
                assert getattr(panel, name) is before
                assert seen == []
            else:  # allowed
                setattr(panel, name, before)
                seen.clear()
    panel.close()


@pytest.mark.parametrize("value", [math.nan, math.inf, None, [], {}, "5", True, 101, -1, 2.5])
def test_numbers_are_told_in_one_sentence(value, session):
    panel = Sum(session=session)
    with pytest.raises(UserError, match="a must be a whole number from 0 to 100, not"):
        panel.a = value
    if value not in (2.5, True):
        with pytest.raises(UserError, match="b must be a finite number from 0 to 2, not"):
            panel.b = value
    panel.a, panel.b = np.int64(7), np.float32(1.5)
    controls = {one.description: one.value for one in panel.controls.values() if hasattr(one, "value")}
    assert (panel.a, panel.b, controls["a"], controls["b"]) == (7, 1.5, 7, 1.5)
    panel.close()


@pytest.mark.parametrize("value", [None, math.nan, [], {}, object()])
@pytest.mark.parametrize("name", ["network", "image", "layer", "channel"])
def test_the_session_refuses_none_and_nonsense(name, value, session):
    seen = []
    before = {one: getattr(session, one) for one in session.trait_names()}
    session.observe(seen.append, session.trait_names())
    with pytest.raises(UserError):
        setattr(session, name, value)
    with pytest.raises(UserError), session.hold_trait_notifications():
        setattr(session, name, value)
    assert all(getattr(session, one) is there for one, there in before.items())
    assert seen == []


def test_a_control_that_is_refused_goes_back_and_says_why(session):
    panel = panels.Compare(session=session)
    table = next(one for one in panel.controls.values() if getattr(one, "description", "") == "Methods")
    before = panel.methods
    table.value = ()
    assert (panel.methods, table.value) == (before, before)
    assert "methods must be" in panel._bar.error
    table.value = before[:2]
    assert (panel.methods, panel._bar.error) == (before[:2], "")
    panel.close()


def test_a_reset_that_fails_leaves_the_panel_shown(session, monkeypatch):
    panel = Sum(session=session).run()
    panel.a = 7
    panel.wait(5)
    monkeypatch.setitem(panel._initial, "a", math.nan)
    with pytest.raises(UserError):
        panel.reset()
    assert panel.shown
    panel.a = 8
    assert panel.wait(5)
    assert note(panel).startswith("8.50")
    panel.close()


# ------------------------------------------------------------------------------------------------------------- storm


def storm(seed: int, network: Network, photo, changes: int) -> None:
    """Four panels on one session, four threads, changes of every kind at once: who is open afterwards is alive."""
    session = Session(network, photo)
    every = [Sum(session=session).run() for _ in range(4)]
    for panel in every:
        panel.pause = 0.001
    layers = [layer.name for layer in network.layers if layer.spatial]
    errors: list[str] = []

    def change(number: int) -> None:
        chance = random.Random(4 * seed + number)
        for _ in range(changes // 4):
            panel, what = chance.choice(every), chance.random()
            try:
                if what < 0.45:
                    panel.a = chance.choice([chance.randrange(101), math.nan, 1000])
                elif what < 0.6:
                    panel.b, panel.sign = chance.uniform(0, 2), chance.choice(["plus", "minus"])
                elif what < 0.7:
                    control = chance.choice(list(panel.controls.values())[3:]) if panel.children else None
                    if getattr(control, "description", "") == "a":
                        control.value = chance.randrange(101)
                elif what < 0.8:
                    session.layer = chance.choice([*layers, "no such layer"])
                elif what < 0.87:
                    session.channel = chance.randrange(20)
                elif what < 0.9:
                    session.image = chance.choice([photo, 1 - photo, None])
                elif what < 0.95:
                    panel.stop()
                elif what < 0.998:
                    panel.reset()
                elif sum(not one._closed for one in every) > 2:
                    panel.close()
            except UserError:
                pass  # what was wanted is not there, or was nonsense
            except BaseException:
                errors.append(traceback.format_exc())

    threads = [threading.Thread(target=change, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads), "deadlock"
    assert not errors, errors[0]
    session.layer, session.channel = layers[0], 1
    for panel in every:
        assert panel.wait(30), "still at work"
        if not panel._closed:
            assert panel.shown
            panel.a, panel.sign = (panel.a + 1) % 101, "minus"
            assert panel.wait(30)
            assert panel._bar.state == "done", panel._bar.error
            assert note(panel) == minus(answer(panel._now()))
            controls = {one.description: one.value for one in panel.controls.values() if hasattr(one, "value")}
            assert (controls["a"], controls["Layer"], controls["Channel"]) == (panel.a, session.layer, session.channel)
        panel.close()


@pytest.mark.parametrize("seed", range(3))
def test_a_storm_leaves_no_dead_panel(seed, network, photo):
    storm(seed, network, photo, 400)
