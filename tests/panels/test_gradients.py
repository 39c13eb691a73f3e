"""Cells of method and rule: each is what the method returns, on its own scale or on a common one."""

import numpy as np
import pytest
import torch
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets import Neuron, panels
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network
from cnnviz_widgets.networks.layers import within
from cnnviz_widgets.panels.attributions import ATTRIBUTIONS
from cnnviz_widgets.panels.gradients import CELLS, _field

EVERY = [(method, "guided") for method in CELLS]


@pytest.fixture
def panel(network, photo):
    panel = panels.Gradients(network, photo)
    yield panel
    panel.close()


def content(panel):
    return panel._parts["cells"].image.content


@pytest.mark.parametrize("cells", [EVERY[:6], EVERY[1:]])
def test_a_cell_is_what_its_method_returns(panel, network, photo, cells):
    panel.cells = cells
    panel.run()
    shown = content(panel)
    assert shown.names == tuple(f"{CELLS[method]} · guided" for method, _ in cells)
    for tile, (name, rule) in enumerate(cells):
        result = ATTRIBUTIONS[name].call(network, photo, None, rule=rule)()
        if isinstance(result, cnnviz.GradientPicture):
            assert tile in shown.unseen
            np.testing.assert_array_equal(shown.picture[tile], result.shown())
            result = result.heatmap()
        np.testing.assert_allclose(shown.values[tile], result.values, rtol=1e-6)
        assert shown.low[tile] <= result.values.min() or tile not in shown.unseen


def test_from_a_neuron(panel, network, photo):
    panel.session.layer, panel.session.channel, panel.session.position = "3", 5, (2, 3)
    panel.source, panel.cells = "neuron", [("saliency", "backprop")]
    panel.run()
    expected = cnnviz.saliency(network, photo, Neuron("3", 5, (2, 3)))
    rows, columns = slice(2, 18), slice(6, 22)  # around the field: 15 px, with its center at (9, 13)
    np.testing.assert_array_equal(content(panel).values[0], expected.values[rows, columns])
    assert expected.values.count_nonzero() == expected.values[rows, columns].count_nonzero()
    assert content(panel).caption == f"{expected.of} · x 6…21, y 2…17"
    picture = panel._parts["photo"].image.content
    np.testing.assert_array_equal(picture.picture, rgb(network.prepare(photo)[0])[rows, columns])
    assert (panel._parts["maps"].image.group, panel._parts["maps"].image.content.size) == ("", (48, 48))
    panel.source = "class"
    panel.wait(10)
    assert content(panel).size == panel._parts["photo"].image.content.size == (48, 48)
    assert panel._parts["maps"].image.group == panel._parts["cells"].image.group


def test_a_neuron_at_the_border_is_in_the_middle_of_its_field_and_gray_lies_beyond_the_picture():
    network, photo = cnnviz.load_network("mini"), cnnviz.load_image("chelsea")
    panel = panels.Gradients(
        network, photo, source="neuron", cells=[("saliency", "backprop")], layer="conv2", channel=3
    )
    panel.session.position = 15, 2
    panel.run()
    expected = cnnviz.saliency(network, photo, Neuron("conv2", 3, (15, 2)))
    inside = expected.values[108:128, 4:33]  # the field has 29 px, of which 20 rows lie in the picture
    shown, picture = content(panel).values[0], panel._parts["photo"].image.content.picture
    assert shown.shape == picture.shape[:2] == (29, 29)
    np.testing.assert_array_equal(shown[:20], inside)
    assert np.isnan(shown[20:]).all()
    assert inside.count_nonzero() == expected.values.count_nonzero() > 0
    np.testing.assert_array_equal(picture[:20], rgb(network.prepare(photo)[0])[108:128, 4:33])
    assert (picture[20:] == 128).all()
    assert content(panel).caption == f"{expected.of} · x 4…32, y 108…127"
    panel.close()


def test_the_object_is_cut_out_as_the_saliency_map_shows_it():
    network, photo = cnnviz.load_network("mini"), cnnviz.load_image("chelsea")
    panel = panels.Gradients(network, photo, cells=[("gradient", "guided")]).run()
    cut = panel._parts["mask"]
    assert (cut.widget.layout.display, cut.image.content.count) == ("none", 0)
    panel.mask = True
    assert panel.wait(20)
    expected = cnnviz.segment(photo, cnnviz.saliency(network, photo))
    assert cut.widget.layout.display is None
    np.testing.assert_array_equal(cut.image.content.picture, expected.content().picture)
    displayed = []
    exec(panel.code(), {"display": lambda *results: displayed.extend(results)})
    np.testing.assert_array_equal(displayed[-1].values, expected.values)
    panel.mask = False
    assert panel.wait(20)
    assert "segment" not in panel.code()
    panel.close()


def test_one_scale_for_the_same_unit(panel):
    panel.cells = [("saliency", "backprop"), ("saliency", "guided"), ("vargrad", "backprop")]
    panel.run()
    apart = content(panel).high
    panel.color_scale = "shared"
    panel.wait(10)
    together = content(panel).high
    assert together[0] == together[1] == max(apart[:2])
    assert together[2] == apart[2]


def test_what_is_known_is_not_computed_again(panel, monkeypatch):
    panel.cells = [("saliency", "backprop")]
    panel.run()
    calls, real = [], cnnviz.saliency
    monkeypatch.setattr(cnnviz, "saliency", lambda *a, **k: calls.append(k["rule"]) or real(*a, **k))
    panel.cells = [("saliency", "backprop"), ("saliency", "guided")]
    panel.wait(10)
    assert calls == ["guided"]
    panel.session.target = "bird"
    panel.wait(10)
    assert sorted(calls) == ["backprop", "guided", "guided"]


def test_cells_appear_one_by_one_in_their_places(panel):
    frames = list(panel.compute(panel._now()))
    assert [frame.parts["cells"].count for frame in frames] == [6] * 7
    waiting = [sum(name.endswith("…") for name in frame.parts["cells"].names) for frame in frames]
    assert waiting == [6, 5, 4, 3, 2, 1, 0]  # first the room for all
    assert np.isnan(frames[1].parts["cells"].values[1]).all()


def test_cells_are_checked(panel, network, photo):
    for wrong, says in [
        ([("saliency", "guide")], "guided"),
        ([("salience", "guided")], "saliency"),
        (["saliency"], "not 'saliency'"),
        ([], "1 to 6"),
        ([(method, rule) for method in CELLS for rule in ("backprop", "guided")], "1 to 6, not 14"),
    ]:
        with pytest.raises(UserError, match=says):
            panel.cells = wrong
    assert len(panel.cells) == 6
    panel.cells = [["saliency", "guided"], ("gradient", "backprop")]
    assert panel.cells == (("gradient", "backprop"), ("saliency", "guided"))


def test_a_method_that_does_not_fit_says_why_and_the_others_go_on(panel):
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 48 * 48, 8), nn.ReLU(), nn.Linear(8, 2))
    panel.run()
    panel.cells = [("saliency", "backprop"), ("guided_grad_cam", "guided")]
    panel.wait(10)
    assert np.isfinite(content(panel).values[1]).all()
    panel.session.network = Network(module, input_size=48)
    for scale in ("each", "shared"):  # also when it is known already
        panel.color_scale = scale
        panel.wait(10)
        assert np.isfinite(content(panel).values[0]).all()
        assert np.isnan(content(panel).values[1]).all()
        assert "guided Grad-CAM" in panel._bar.note
        assert "guided_grad_cam" not in panel.code()


def test_what_is_missing_to_completeness_is_shown(panel, network, photo):
    panel.cells = [("saliency", "backprop"), ("integrated_gradients", "backprop")]
    panel.run()
    error = abs(cnnviz.integrated_gradients(network, photo).completeness_error)
    name = network.predict(photo, 1)[0].name
    assert content(panel).caption == f"{name} · integrated gradients · backprop: completeness error {error:.2g}"


def test_known_cells_come_in_one_frame(panel):
    panel.run()
    assert len(list(panel.compute(panel._now()))) == 1


def test_a_rule_without_a_relu_is_remarked_upon_in_the_panel_and_not_in_the_cell(photo, recwarn):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    panel = panels.Gradients(Network(module, input_size=16), photo, cells=[("saliency", "guided")]).run()
    assert "met no ReLU" in panel._bar.note
    assert not [one for one in recwarn if "ReLU" in str(one.message)]
    panel.cells = [("saliency", "backprop")]
    panel.wait(10)
    assert panel._bar.note == ""
    panel.close()


@pytest.mark.parametrize("settings", [{}, {"source": "neuron", "channel": 5}, {"target": "bird", "cells": EVERY[1:]}])
def test_the_program_computes_what_is_shown(network, photo, settings):
    panel = panels.Gradients(network, photo, **settings).run()
    lines = [line for line in panel.code().splitlines() if not line.startswith(("net =", "photo ="))]
    scope = {"net": network, "photo": photo, "display": lambda *results: None}
    exec("\n".join(lines), scope)
    for tile, result in enumerate(scope["cells"]):
        result = result.heatmap() if hasattr(result, "heatmap") else result
        shown, values = content(panel).values[tile], result.values
        if panel.source == "neuron":  # its field is shown, and nothing beyond the picture
            left, top, right, bottom = within(_field(panel._now()), values.shape)
            shown, values = shown[~np.isnan(shown)], values[top:bottom, left:right].flatten()
        np.testing.assert_allclose(shown, values, rtol=1e-6)
    panel.close()


def test_a_click_chooses_a_neuron(panel):
    panel.run()
    view = panel._parts["maps"].image
    view._receive(view, {"do": "click", "at": [0, 20, 20, 5, 5]}, [])
    panel.wait(10)
    assert (panel.source, panel.session.position) == ("neuron", (5, 5))
    assert panel._parts["maps"].image.crosshair is not None


def test_the_views_point_together(panel, network, photo):
    views = [panel._parts[name].image for name in ("maps", "cells")]
    assert views[0].group == views[1].group != ""
    other = panels.Gradients(network, photo)
    assert other._parts["maps"].image.group != views[0].group
    other.close()
