"""A beside B: what a panel showed stays, with what was set otherwise, until it is let go of."""

import io

import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances
from PIL import Image

import cnnviz_widgets as cnnviz
from cnnviz_widgets.panels import Compare, Occlusion


@pytest.fixture
def panel():
    panel = Occlusion(cnnviz.load_network("mini"), cnnviz.load_image("chelsea"), size=64, stride=32).run()
    yield panel
    panel.close()


def said(panel):
    return panel._pinned.widgets[-1].value


def test_the_pinned_picture_stays_while_the_live_one_changes(panel):
    before = panel._parts["map"].image.content.values.copy()
    panel._act("pin")
    assert panel._bar.pinned
    pinned, live = panel._pinned.parts[0].image, panel._parts["map"].image
    panel.size = 32
    panel.run()
    np.testing.assert_array_equal(pinned.content.values, before)
    assert live.content.values.shape != before.shape or not np.array_equal(live.content.values, before)
    assert (pinned.colormap, pinned.max_width, pinned.group) == (live.colormap, live.max_width, live.group)
    assert set(panel._pinned.widgets) < set(panel._views.children)


def test_only_what_differs_is_said(panel):
    panel.pin()
    assert said(panel) == "Pinned with the settings as they are now."
    panel.size = 32
    panel.session.target = "Persian cat"
    assert said(panel) == "Pinned with class by itself (now Persian cat), size 64 (now 32)."
    panel.session.image = cnnviz.load_image("coffee")
    assert "picture chelsea (now coffee)" in said(panel)
    panel.session.target, panel.session.image, panel.size = None, cnnviz.load_image("chelsea"), 64
    assert "size" not in said(panel)


def test_what_is_out_of_sight_is_not_pinned(panel):
    panel.pin()
    assert [part.heading for part in panel._pinned.parts] == [
        f"Pinned: {panel._parts[name].heading}" for name in ("map", "covered", "bars")
    ]


@pytest.mark.parametrize("let_go", ["pin", "reset"])
def test_letting_go_frees_every_widget(panel, let_go):
    before, shown = set(_instances), panel._views.children
    panel.pin()
    assert set(_instances) > before
    getattr(panel, let_go)()
    panel.wait()
    assert set(_instances) == before
    assert panel._views.children == shown
    assert not panel._bar.pinned


def test_closing_frees_every_widget():
    Occlusion(cnnviz.load_network("mini"), cnnviz.load_image("chelsea"), size=64, stride=64).close()
    before = set(_instances)
    panel = Occlusion(cnnviz.load_network("mini"), cnnviz.load_image("chelsea"), size=64, stride=64).run()
    panel.pin()
    panel.close()
    assert set(_instances) == before


def test_the_static_picture_has_both(panel):
    alone = Image.open(io.BytesIO(panel.snapshot())).height
    panel.pin()
    assert Image.open(io.BytesIO(panel.snapshot())).height > 1.5 * alone


def test_charts_are_pinned_as_pictures_are():
    net, photo = cnnviz.load_network("mini"), cnnviz.load_image("chelsea")
    panel = Compare(net, photo, methods=["saliency"], steps=5).run()
    panel.pin()
    twin = next(part for part in panel._pinned.parts if part.heading == "Pinned: Deletion: low is good")
    before = twin._view._chart
    assert before == panel._parts["deletion"]._chart
    panel.session.target = "Persian cat"
    panel.run()
    assert twin._view._chart == before != panel._parts["deletion"]._chart
    panel.close()
