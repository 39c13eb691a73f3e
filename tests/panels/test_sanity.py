"""A matrix of methods and random layers, and what Stop and the slider do to it."""

import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets import panels
from cnnviz_widgets.methods.evaluation.sanity_check import STAGES, stages
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels.sanity import EDGES


@pytest.fixture
def panel(network, photo):
    panel = panels.Sanity(network, photo, methods=["saliency", "grad_cam"])
    yield panel
    panel.close()


def reached(panel):
    """The states of the panel's check."""
    return (panel._memo.held and panel._memo.held.last) or ()


def content(panel, part):
    return panel._parts[part].image.content


def test_the_panel_shows_the_states_of_the_check(panel, network, photo):
    panel.step = 2
    panel.run()
    layers = stages(network)
    assert layers == ["7", "3", "0"]
    matrix, large = content(panel, "matrix"), content(panel, "large")
    assert (matrix.columns, matrix.count) == (4, 12)
    assert matrix.heads == ("saliency", "", "", "", "Grad-CAM", "", "", "", "edge detector", "", "", "")
    states = list(cnnviz.sanity_check(cnnviz.saliency, network, photo, layers=layers))
    shown = panel._parts["similarity"]._shown
    np.testing.assert_allclose(shown["curves"]["saliency"][1], [one.similarity.spearman for one in states])
    np.testing.assert_allclose(large.values[0], states[2].values, rtol=1e-6)
    assert large.names[0] == f"saliency · {states[2].similarity.spearman:.2f}"
    assert large.caption == "randomized: 7, 3"
    np.testing.assert_allclose(large.values[2], cnnviz.edge_map(network.prepare(photo)[0]).values, rtol=1e-6)
    assert shown["curves"]["edge detector"][1] == [1] * 4
    assert (shown["marker"], shown["end"]) == (2, 3)


def test_one_layer_at_a_time(panel, network, photo):
    panel.mode, panel.measure, panel.step = "independent", "ssim", 3
    panel.run()
    states = list(cnnviz.sanity_check(cnnviz.saliency, network, photo, mode="independent", layers=stages(network)))
    values = panel._parts["similarity"]._shown["curves"]["saliency"][1]
    np.testing.assert_allclose(values, [one.similarity.ssim for one in states])
    assert content(panel, "large").caption == "randomized: 0"


def test_a_list_too_long_for_its_line_has_its_ends(panel, monkeypatch):
    panel.run()
    assert content(panel, "matrix").caption == "randomized, from left to right: none, 7, 3, 0"
    monkeypatch.setattr("cnnviz_widgets.panels.sanity.LINE", 6)
    panel.reset()
    panel.step = 3
    panel.run()
    assert content(panel, "matrix").caption == "randomized, from left to right: none, 7, 3 … 0 (3 in all)"
    assert content(panel, "large").caption == "randomized: 7, 3 … 0 (3 in all)"


def test_columns_come_one_by_one_in_their_places(panel):
    frames = list(panel.compute(panel._now()))
    assert [frame.step for frame in frames] == [0, 1, 2, 3, 4]  # first the room for all
    known = [np.isfinite(frame.parts["matrix"].values).all((1, 2)).reshape(3, 4) for frame in frames]
    for step, columns in enumerate(known):
        assert columns[:, :step].all()
        assert not columns[:, step:].any()
    first, last = frames[0].parts, frames[-1].parts
    for part in ("matrix", "large"):
        sizes = {(one[part].count, one[part].size, one[part].columns) for one in (first, last)}
        assert len(sizes) == 1, f"{part} gets another size"
    assert first["similarity"]["numbers"].keys() == last["similarity"]["numbers"].keys()


def test_scrubbing_computes_nothing_again(panel, monkeypatch):
    panel.run()
    monkeypatch.setattr(cnnviz, "saliency", lambda *a, **k: pytest.fail("computed again"))
    for step in (3, 1):
        panel.step = step
        assert panel.wait(10)
        assert panel._bar.state == "done", panel._bar.error
        assert panel._parts["matrix"].image.selected == step


def test_stop_keeps_what_is_there_and_it_can_be_looked_at(panel, monkeypatch):
    slow = cnnviz.saliency

    def saliency(*arguments, **options):
        time.sleep(0.2)
        return slow(*arguments, **options)

    monkeypatch.setattr(cnnviz, "saliency", saliency)
    panel.shown = True
    panel._request("compute")
    while not reached(panel):
        time.sleep(0.02)
    panel._act("stop")
    assert panel.wait(10)
    assert panel._bar.state == "stopped"
    count = len(reached(panel))
    assert count < 4
    panel.step = 3
    assert panel.wait(10)
    assert len(reached(panel)) == count
    assert content(panel, "large").names[0].endswith("…")
    panel._act("reset")
    assert panel.wait(10)
    assert len(reached(panel)) == 4


def test_a_column_is_clicked(panel):
    panel.run()
    view = panel._parts["matrix"].image
    view._receive(view, {"do": "click", "at": [6, 1, 1, 1, 1]}, [])
    assert panel.step == 2


def test_the_slider_ends_where_the_network_does(panel):
    slider = next(one for one in panel.controls.values() if getattr(one, "description", "") == "Layers randomized")
    assert slider.max == 3
    panel.step = 3
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    panel.session.network = Network(module, input_size=16)
    assert (slider.max, panel.step) == (2, 2)


def test_a_map_that_is_constant_from_the_beginning_is_explained_each_time(photo):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    nn.init.zeros_(module[4].weight)
    panel = panels.Sanity(Network(module, input_size=16), photo, methods=["saliency"])
    panel.shown = True
    for step in (0, 1):
        panel.step = step
        panel._request("compute")
        panel.wait(10)
        assert panel._bar.state == "failed"
        assert "constant" in panel._bar.error or "same" in panel._bar.error
    panel.close()


def test_a_method_that_does_not_fit_is_left_out(photo):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 8), nn.ReLU(), nn.Linear(8, 2))
    panel = panels.Sanity(Network(module, input_size=16), photo, methods=["saliency", "grad_cam"]).run()
    assert list(reached(panel)[-1]) == ["saliency", EDGES]
    assert "Grad-CAM" in panel._bar.note
    panel.step = 1
    panel.wait(10)
    assert "Grad-CAM" in panel._bar.note
    assert "grad_cam" not in panel.code()
    panel.close()


def named(*names):
    return SimpleNamespace(layers=[SimpleNamespace(name=name, parameters=1, block=False) for name in names])


def test_blocks_stand_for_their_layers_where_there_are_too_many():
    assert stages(named("a", "b#2", "c")) == ["c", "b", "a"]
    deep = [f"block{one}.layer{two}" for one in range(7) for two in range(3)]
    assert stages(named("stem", *deep)) == [*(f"block{one}" for one in reversed(range(7))), "stem"]
    assert stages(named(*deep[:9])) == deep[8::-1]
    assert len(stages(named(*(f"layer{one}" for one in range(50))))) == STAGES


def test_the_program_computes_what_is_shown(panel, network, photo):
    panel.run()
    lines = [line for line in panel.code().splitlines() if not line.startswith(("net =", "photo ="))]
    scope = {"net": network, "photo": photo, "display": lambda *results: None}
    exec("\n".join(lines), scope)
    for name, label in (("saliency", "saliency"), ("grad_cam", "Grad-CAM")):
        theirs = [state.similarity.spearman for state in scope["states"][name]]
        steps, ours = panel._parts["similarity"]._shown["curves"][label]
        np.testing.assert_allclose(ours, [theirs[step] for step in steps], atol=1e-6)
