import numpy as np
import pytest

from cnnviz_widgets.colormaps import OKABE_ITO
from cnnviz_widgets.drawing.chart import COLORS, Axis, Chart, axis, bars, curves, draw, line

ANIMALS = [("a name of far more letters than there is room for here", 0.75), ("cat", 0.0004), ("dog", 0.0)]


def pixels(chart, color, size=(560, 260)):
    """(rows, columns) of a color."""
    drawn = np.asarray(draw(chart, size)).astype(int)
    return (np.abs(drawn - list(bytes.fromhex(color))).max(2) < 8).nonzero()


def test_ticks_are_round_and_written_out():
    chart = curves({"loss": ([0, 200], [0, 130])}, "step", "", end=200, top=None)
    assert [text for _, text in chart.x.ticks] == ["0", "50", "100", "150", "200"]
    assert [text for _, text in chart.y.ticks] == ["0", "25", "50", "75", "100", "125", "150"]
    chart = curves({}, "share", "probability", share=True)
    assert [text for _, text in chart.y.ticks] == ["0%", "25%", "50%", "75%", "100%"]


def test_the_axis_goes_below_zero_where_a_curve_does():
    chart = curves({"a": ([0, 1], [0.4, -0.3])}, "x", "y")
    assert (chart.y.low, chart.y.high) == (-0.5, 1)
    assert curves({"a": ([0, 1], [0.4, -0.001])}, "x", "y").y.low == 0


def test_names_at_the_axis_are_shortened_and_all_there():
    names = [f"features.denseblock{number}.denselayer5.relu" for number in range(6)]
    ticks = curves({"a": ([0], [1])}, "layer", "y", end=5, ticks=names).x.ticks
    assert [place for place, _ in ticks] == list(range(6))
    assert max(len(text) for _, text in ticks) <= 15
    assert all("…" in text for _, text in ticks)


def test_the_legend_keeps_its_order_and_the_curves_their_colors():
    chart = curves({"a": ([0], [1]), "b": ([0], [0])}, "x", "y", numbers={"b": "0.1", "a": "0.9"}, strong="b")
    assert [chart.series[at].name for at in chart.legend] == ["b", "a"]
    assert [one.color for one in chart.series] == COLORS[:2]
    assert chart.highlighted == 1
    assert curves({"a": ([0], [1])}, "x", "y", strong="gone").highlighted is None


def test_no_two_curves_look_alike():
    looks = {(one.color, one.dash) for one in (line(number, "", [], []) for number in range(20))}
    assert len(looks) == 20
    assert set(COLORS) < set(OKABE_ITO)


def test_what_stands_out_is_drawn_thicker():
    same = {"a": ([0, 1], [0.5, 0.5]), "b": ([0, 1], [0.25, 0.25])}
    thin, thick = (pixels(curves(same, "x", "y", strong=strong), COLORS[0])[0] for strong in (None, "a"))
    assert len(thick) > 1.5 * len(thin)


def test_dashes_are_drawn():
    whole, torn = (Chart(Axis("x"), Axis("y"), (line(at, "", [0, 1], [0.5, 0.5]),)) for at in (0, 7))
    columns = [np.unique(pixels(one, COLORS[0])[1]) for one in (whole, torn)]
    assert np.diff(columns[0]).max() == 1
    assert 3 < np.diff(columns[1]).max() < 12


def test_the_marker_stands_where_it_is_said():
    at, away = (np.asarray(draw(curves({}, "x", "y", marker=marker), (200, 100))) for marker in (0.5, None))
    _, columns, _ = (at != away).nonzero()
    assert abs(columns.mean() - (54 + 0.5 * (200 - 54 - 14))) < 2


def test_a_free_corner():
    falling = curves({"a": ([0, 1], [1, 0])}, "x", "y")
    assert falling.corner(0.3, 0.3) == ("top right", True)
    rising = curves({"a": ([0, 1], [0, 1])}, "x", "y")
    assert rising.corner(0.3, 0.3) == ("top left", True)
    lines = {"a": ([0, 1], [1, 0]), "b": ([0, 1], [0, 1])}
    assert curves(lines, "x", "y").corner(0.3, 0.3) == ("middle right", True)
    assert not curves({**lines, "c": ([0, 1], [0.5, 0.5])}, "x", "y").corner(0.3, 0.3)[1]


def test_bars_are_as_long_as_their_probabilities():
    chart = bars(ANIMALS, highlighted=0)
    rows, columns = pixels(chart, "1976D2", (300, 0))
    assert columns.max() == pytest.approx(0.75 * 299, abs=1)
    assert rows.max() < 30
    assert [one.note for one in chart.series] == ["75.0%", "< 0.1%", "0.0%"]


def test_the_table_says_what_is_seen():
    assert bars(ANIMALS[1:]).table == [["class", "probability"], ["cat", "< 0.1%"], ["dog", "0.0%"]]
    chart = curves({"a": ([0, 0.5, 1], [1, 0.2, 0.4]), "later": ((), ())}, "x", "y", numbers={"a": "0.3"})
    assert chart.table == [
        ["curve", "value", "first", "last", "least", "greatest"],
        ["a", "0.3", "1 at 0", "0.4 at 1", "0.2", "1"],
    ]


def test_logarithmic_axis():
    assert axis("x", -7, -5, log=True).ticks[0][1] == "10⁻⁷"


@pytest.mark.parametrize(
    ("end", "ticks"),
    [
        (0.3, ["0", "0.05", "0.1", "0.15", "0.2", "0.25", "0.3"]),
        (1.5, ["0", "0.25", "0.5", "0.75", "1", "1.25", "1.5"]),
    ],
)
def test_an_axis_that_ends_between_whole_numbers_has_ticks_too(end, ticks):
    assert [text for _, text in curves({"a": ([0, end], [0, 1])}, "x", "y", end=end).x.ticks] == ticks
