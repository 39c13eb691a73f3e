"""All methods on one picture: their maps, their times and their curves."""

import numpy as np
import pytest
import torch
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets import panels
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels.attributions import ATTRIBUTIONS
from cnnviz_widgets.panels.compare import METHODS
from cnnviz_widgets.panels.maps import _time


@pytest.fixture
def panel(network, photo):
    panel = panels.Compare(network, photo, methods=["saliency", "input_x_gradient", "grad_cam"], steps=10)
    yield panel
    panel.close()


def content(panel):
    return panel._parts["maps"].image.content


def test_maps_and_curves_are_those_of_the_methods(panel, network, photo):
    panel.run()
    target = network.predict(photo, 1)[0].index
    for tile, name in enumerate(panel.methods):
        result = ATTRIBUTIONS[name].call(network, photo, target)()
        heat = result.heatmap() if isinstance(result, cnnviz.GradientPicture) else result
        np.testing.assert_allclose(content(panel).values[tile], heat.values, rtol=1e-6)
        for part, curve in (("deletion", cnnviz.deletion_curve), ("insertion", cnnviz.insertion_curve)):
            expected = curve(network, photo, result, target, steps=10)
            shown = panel._parts[part]._shown
            np.testing.assert_allclose(shown["curves"][METHODS[name]][1], expected.values, atol=1e-9)
            assert shown["numbers"][METHODS[name]] == f"{expected.area:.3f}"


def test_the_legends_begin_with_the_best(panel):
    panel.run()
    areas = [list(map(float, panel._parts[part]._shown["numbers"].values())) for part in ("deletion", "insertion")]
    assert areas[0] == sorted(areas[0])
    assert areas[1] == sorted(areas[1], reverse=True)


def test_maps_come_before_curves_and_each_with_its_time(panel):
    frames = list(panel.compute(panel._now()))
    assert ["maps" in frame.parts for frame in frames] == [True] * 4 + [False] * 3
    assert [frame.step for frame in frames] == [0, 1, 2, 3, 4, 5, 6]
    assert frames[-1].total == 6
    first = frames[1].parts["maps"].names
    assert first[0].startswith("saliency · ")
    assert first[0].endswith("s")
    assert first[1:] == ("gradient × input …", "Grad-CAM …")


def test_there_is_room_for_all_from_the_beginning(panel):
    frames = list(panel.compute(panel._now()))
    first, last = frames[0].parts, frames[3].parts | frames[-1].parts
    assert (first["maps"].count, first["maps"].size) == (last["maps"].count, last["maps"].size)
    assert first["maps"].names == ("saliency …", "gradient × input …", "Grad-CAM …")
    for part in ("deletion", "insertion"):
        assert first[part]["numbers"].keys() == last[part]["numbers"].keys()
        assert list(first[part]["curves"]) == list(last[part]["curves"])  # and every curve keeps its color
    assert panel.run() is panel
    assert len(list(panel.compute(panel._now()))) == 2  # nothing to wait for


def test_times_are_read_at_a_glance():
    assert [_time(seconds) for seconds in (0.0124, 0.9, 1.26, 75)] == ["12 ms", "900 ms", "1.3 s", "75.0 s"]


def test_a_click_makes_the_curves_stand_out_and_computes_nothing_again(panel, monkeypatch):
    panel.run()
    monkeypatch.setattr(cnnviz, "saliency", lambda *a, **k: pytest.fail("computed again"))
    view = panel._parts["maps"].image
    view._receive(view, {"do": "click", "at": [2, 1, 1, 1, 1]}, [])
    panel.wait(10)
    assert (panel.chosen, view.selected) == ("grad_cam", 2)
    assert panel._parts["insertion"]._shown["strong"] == "Grad-CAM"
    view._receive(view, {"do": "click", "at": [2, 1, 1, 1, 1]}, [])
    panel.wait(10)
    assert (panel.chosen, view.selected) == ("", None)


def test_more_steps_keep_the_maps(panel, monkeypatch):
    panel.run()
    monkeypatch.setattr(cnnviz, "saliency", lambda *a, **k: pytest.fail("computed again"))
    panel.steps = 20
    panel.wait(10)
    assert panel._bar.state == "done", panel._bar.error
    assert len(panel._parts["deletion"]._shown["curves"]["saliency"][0]) == 21


def test_what_does_not_fit_is_said_and_the_others_go_on(photo):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 49, 2))
    panel = panels.Compare(Network(module, input_size=16), photo, methods=["saliency", "cam"], steps=5).run()
    assert "CAM: " in panel._bar.note
    assert list(panel._parts["deletion"]._shown["curves"]) == ["saliency"]
    assert panel._bar.state == "done"
    assert "cnnviz.cam" not in panel.code()
    panel.close()


def test_every_method_is_offered_the_quick_ones_first():
    assert list(METHODS)[:2] == ["saliency", "guided"]
    assert list(METHODS)[-1] == "score_cam"
    assert {"full_grad", "integrated_gradients", "smoothgrad", "cam"} <= METHODS.keys()


def test_the_program_computes_what_is_shown(panel, network, photo, capsys):
    panel.run()
    lines = [line for line in panel.code().splitlines() if not line.startswith(("net =", "photo ="))]
    scope = {"net": network, "photo": photo, "display": lambda *results: None}
    exec("\n".join(lines), scope)
    printed = [float(area) for line in capsys.readouterr().out.splitlines() for area in line.split()[-2:]]
    ours = [
        float(panel._parts[part]._shown["numbers"][METHODS[name]])
        for name in panel.methods
        for part in ("deletion", "insertion")
    ]
    np.testing.assert_allclose(printed, ours, atol=6e-4)
