"""Matching: the input is where it was dragged, and no input is better than the filter."""

import numpy as np
import pytest

import cnnviz_widgets as cnnviz
from cnnviz_widgets.panels import Matching


def test_what_is_shown_is_the_response(network, photo):
    panel = Matching(network, photo, layer="0", channel=2, x=0.3, y=-0.5, seed=4).run()
    weights = cnnviz.filters(network, "0").values[2].double()
    best = cnnviz.best_input(weights)
    chosen = best.on_sphere(0.3, -0.5, seed=4)
    assert panel._parts["input"].image.content.caption.startswith(f"response {float((weights * chosen).sum()):.3g} =")
    sphere = panel._parts["sphere"].image.content.values
    side = len(sphere)
    for row, column in [(side // 2, side // 2), (40, 60), (90, 110), (120, 30)]:
        x, y = 2 * column / (side - 1) - 1, 1 - 2 * row / (side - 1)
        assert sphere[row, column] == pytest.approx(float((weights * best.on_sphere(x, y, 4)).sum()), rel=1e-5)
    assert np.isnan(sphere[0, 0])
    assert np.nanmax(sphere) <= float(weights.norm()) * (1 + 1e-6)  # float32
    panel.close()


def test_the_input_is_dragged_and_the_square_keeps_its_size(network, photo):
    panel = Matching(network, photo).run()
    panel._drag((90, 30, 17, 17))
    assert panel.wait(10)
    assert (panel.x, panel.y) == (0.225, 0.525)
    assert panel._parts["sphere"].image.region == (90, 30, 17, 17)
    panel._drag((0, 100, 80, 61))  # another rectangle: its middle counts
    assert panel.wait(10)
    assert (panel.x, panel.y) == (-0.5, -0.625)
    assert panel._parts["sphere"].image.region == (32, 122, 17, 17)
    before = panel._parts["chart"]._shown["curves"]["this input"][1][0]
    best = cnnviz.best_input(cnnviz.filters(network, "0").values[0])
    panel.x, panel.y = best.best_on_sphere(panel.seed)
    assert panel.wait(10)
    now = panel._parts["chart"]._shown["curves"]["this input"][1][0]
    assert before < now == pytest.approx(best.response, rel=1e-12)
    panel.close()
