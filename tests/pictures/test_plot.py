import numpy as np
import pytest

from cnnviz_widgets.drawing.chart import axis
from cnnviz_widgets.drawing.plot import plot
from cnnviz_widgets.errors import UserError

BLUE, ORANGE = (0, 114, 178), (213, 94, 0)


def where(picture, color):
    """(rows, columns) of the axes at which a color is, in px from the lower left corner of the axes."""
    pixels = np.asarray(picture)[10 : 260 - 42, 54 : 560 - 14]
    rows, columns = (np.abs(pixels.astype(int) - color).max(2) < 8).nonzero()
    return len(pixels) - 1 - rows, columns


def test_points_are_where_the_axes_say():
    up, across = where(plot({"": ([0, 4], [0, 1])}, "x", "y"), BLUE)
    assert np.abs(up / 208 - across / 492).max() < 0.03
    assert up.max() > 204
    assert across.max() > 488
    up, _ = where(plot({"": ([0, 4], [0.25, 0.25])}, "x", "y", y_range=(0, 1)), BLUE)
    assert up.mean() == pytest.approx(52, abs=1)


def test_logarithmic_axes_make_powers_straight():
    xs = [1, 3, 10, 30, 100]
    up, across = where(plot({"": (xs, [x**2 for x in xs])}, "x", "y", log=True), BLUE)
    assert np.abs(up / 208 - across / 492).max() < 0.03


@pytest.mark.parametrize(("log", "gap"), [(False, float("nan")), (False, float("inf")), (True, 0), (True, -1)])
def test_gap(log, gap):
    picture = plot(
        {"torn": ([1, 2, 3, 4, 5], [2, 2, gap, 2, 2]), "whole": ([1, 5], [3, 3])}, "x", "y", log=log, y_range=(1, 4)
    )
    _, torn = where(picture, BLUE)
    _, whole = where(picture, ORANGE)
    assert np.diff(np.unique(whole)).max() < 9  # but for the marks of the axes
    assert np.diff(np.unique(torn)).max() > 100


def test_legend_is_inside_where_there_is_room_and_else_takes_the_rows_that_it_needs():
    few, many = ({f"a curve with number {k}": ([0, 1], [0, k]) for k in range(n)} for n in (2, 9))
    assert plot(few, "x", "y").size == (560, 260)
    crowded = {name: ([0, 0.02, 1, 1, 0], [0, 1, 1, 0, 0.01]) for name in few}
    assert plot(crowded, "x", "y").size == (560, 278)
    assert plot(many, "x", "y").height > plot(few, "x", "y").height


@pytest.mark.parametrize(
    ("low", "high", "log", "texts"),
    [
        (0, 1, False, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (-0.2, 0.31, False, ["−0.2", "−0.1", "0", "0.1", "0.2", "0.3"]),
        (0, 7, False, ["0", "2", "4", "6"]),
        (3, 3, False, ["3"]),
        (0, 2, True, ["1", "2", "5", "10", "20", "50", "100"]),
        (-4.2, 0, True, ["0.0001", "0.001", "0.01", "0.1", "1"]),
    ],
)
def test_ticks(low, high, log, texts):
    assert [text for _, text in axis("", low, high, log=log).ticks] == texts


def test_nothing_to_show():
    with pytest.raises(UserError, match="at least one point"):
        plot({"none": ([1, 2], [float("nan"), 1]), "empty": ([], [])} | {"none": ([1], [0])}, "x", "y", log=True)
