"""An input that is edited in the browser: it is computed with, written by the Code button, and given up for another."""

import numpy as np
import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.panels import Checkerboard, Convolution, ConvolutionMatrix, Smoothing
from cnnviz_widgets.panels.sliding import HALF

ROWS = [[1, 2, 3, 4], [0, -1, 2.5, 0], [1, 1, 1, 9], [5, 0, 0, 2]]


def shown(panel) -> list[list[float]]:
    return panel._parts["view"].view.input


def program_of(panel, network, photo):
    lines = [line for line in panel.code().splitlines() if not line.startswith(("net =", "photo ="))]
    *before, last = [line for line in lines if line]
    scope = {"net": network, "photo": photo, "cnnviz": cnnviz}
    exec("\n".join(before), scope)
    return eval(last, scope)


def test_an_edited_picture_is_convolved(network, photo):
    panel = Convolution(network, photo, pixels=4, kernel=[[1, 0], [0, -1]]).run()
    panel._parts["view"].view.set_state({"input": ROWS})  # as the browser does
    assert panel.wait(10)
    assert panel.edited == shown(panel) == ROWS
    expected = torch.tensor(ROWS)[:-1, :-1] - torch.tensor(ROWS)[1:, 1:]
    np.testing.assert_array_equal(panel._parts["view"]._result.values, expected)
    np.testing.assert_array_equal(program_of(panel, network, photo).values, expected)
    panel.pixels = 5  # another input
    assert panel.wait(10)
    assert panel.edited is None
    assert len(shown(panel)) == 5
    panel.edited = ROWS  # from Python, too
    assert panel.wait(10)
    assert shown(panel) == ROWS
    panel.reset()
    assert panel.wait(10)
    assert panel.edited is None
    assert len(shown(panel)) == 4
    panel.close()


def test_a_given_edit_stays_until_another_input_is_chosen(network, photo):
    panel = Convolution(network, photo, edited=ROWS, pixels=5).run()
    assert shown(panel) == ROWS
    panel.pixels = 6
    assert panel.wait(10)
    assert len(shown(panel)) == 6
    panel.reset()
    assert panel.wait(10)
    assert shown(panel) == panel.edited == ROWS
    panel.close()


def test_a_late_result_takes_no_newer_edit_back(network, photo):
    panel = Convolution(network, photo, pixels=4).run()
    view = panel._parts["view"]
    late = view._given, view._result
    view.view.set_state({"input": ROWS})
    view.show(late)
    assert shown(panel) == ROWS
    panel.close()


def test_an_edited_curve_is_smoothed(network, photo):
    panel = Smoothing(network, photo, kernel=[1, 1, 1], padding=0).run()
    panel._parts["view"].view.set_state({"input": [[3, 6, 9, 3, 0, 6]]})
    assert panel.wait(10)
    np.testing.assert_array_equal(panel._parts["view"]._result.values, [18, 18, 12, 9])
    np.testing.assert_array_equal(program_of(panel, network, photo).values, [18, 18, 12, 9])
    panel.seed = 1
    assert panel.wait(10)
    assert panel.edited is None
    assert len(shown(panel)[0]) == 60
    panel.close()


def test_the_matrix_stays_and_its_input_is_edited(network, photo):
    panel = ConvolutionMatrix(network, photo).run()
    panel._parts["view"].view.set_state({"input": ROWS})
    assert panel.wait(10)
    assert shown(panel) == panel.edited == ROWS
    panel.close()


def test_windows_are_counted_by_the_browser(network, photo):
    panel = Checkerboard(network, photo).run()
    assert panel._parts["view"].view.windows == 6
    assert panel._parts["view"].snapshot().width == HALF  # no input beside it: there is none
    panel.close()


def test_what_is_no_grid_is_refused(network, photo):
    panel = Convolution(network, photo, pixels=4)
    with pytest.raises(UserError, match=r"^edited must be rows of finite numbers, .* or None, not"):
        panel.edited = [[1, 2], [3]]
    panel.close()
