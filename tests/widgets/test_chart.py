import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances

from cnnviz_widgets.drawing.chart import bars, curves
from cnnviz_widgets.widgets.chart import ChartView
from cnnviz_widgets.widgets.tree import close_tree, tree


@pytest.fixture
def made():
    """``made(…)`` makes a view that is closed in the end."""
    views = []

    def make(*arguments, **options):
        views.append(ChartView(*arguments, **options))
        return views[-1]

    yield make
    close_tree(*views)


def test_curves_of_any_length_share_a_mark(made):
    view = made()
    view.show(curves({"a": ([0, 1], [1, 0]), "b": ([0, 0.5, 1], [0, 0.5, 1])}, "share", "score", marker=0.5))
    solid = view._lines[0]
    np.testing.assert_array_equal(solid.y, [[1, 0, 0], [0, 0.5, 1]])
    np.testing.assert_array_equal(solid.x, [[0, 1, 1], [0, 0.5, 1]])
    assert [len(line.x) for line in view._lines[1:]] == [0, 0]
    assert view._marker.x.tolist() == [0.5, 0.5]
    view.show(curves({"a": ((), ())}, "share", "score"))  # not yet known
    assert (len(solid.x), len(view._marker.x)) == (0, 0)


def test_curves_of_one_point_stay_apart(made):
    view = made()
    view.show(curves({"a": ([0], [1]), "b": ([0.5], [0])}, "x", "y"))
    np.testing.assert_array_equal(view._lines[0].x, [[0, 0], [0.5, 0.5]])


def test_values_become_places_between_the_ends_of_the_axes(made):
    view = made()
    view.show(curves({"a": ([0, 100], [-20, 60])}, "step", "", end=200, top=None))
    assert view._lines[0].x.tolist() == [0, 0.5]
    low, high = view._chart.y.low, view._chart.y.high
    assert view._lines[0].y.tolist() == [(-20 - low) / (high - low), (60 - low) / (high - low)]
    assert view._across.tick_labels == {"0": "0", "0.25": "50", "0.5": "100", "0.75": "150", "1": "200"}


def test_a_dash_tells_curves_of_one_color_apart(made):
    view = made()
    view.show(curves({str(number): ([0, 1], [0, 1]) for number in range(9)}, "x", "y"))
    assert [len(line.colors) for line in view._lines] == [7, 2, 1]
    assert view._lines[1].colors == view._lines[0].colors[:2]
    assert len(view._lines[2].x) == 0


def test_one_curve_stands_out(made):
    view = made()
    both = {"a": ([0, 1], [1, 1]), "b": ([0, 1], [0, 0])}
    view.show(curves(both, "x", "y", strong="b"))
    assert view._strong.y.tolist() == [0, 0]
    assert view._strong.colors == view._lines[0].colors[1:]
    assert view._lines[0].opacities == [0.35, 1]
    view.show(curves(both, "x", "y"))
    assert len(view._strong.x) == 0
    assert view._lines[0].opacities == [1, 1]


def test_the_legend_has_its_own_order_and_the_colors_of_the_curves(made):
    view = made(most=2)
    view.show(curves({"a": ([0, 1], [1, 0]), "<b>": ([0, 1], [0, 0])}, "x", "y", numbers={"<b>": "0.7", "a": "0.2"}))
    rows = view._legend["rows"]
    assert [row[2:] for row in rows] == [["<b>", "0.7"], ["a", "0.2"]]
    assert [rows[1][0], rows[0][0]] == view._lines[0].colors
    assert view._legend["corner"] == "top right"
    many = made()
    many.show(curves({"a": ([0, 1], [1, 0])}, "x", "y"))
    assert many._legend["corner"] == ""  # below, where there may come more curves than fit inside


def test_the_last_name_on_the_x_axis_is_not_cut_off(made):
    view = made(most=1)
    view.show(curves({"a": ([0, 1], [1, 0])}, "layer", "y", ticks=["features.0", "classifier.2"]))
    assert view._figure.fig_margin["right"] > 62 / 2  # px: so wide is the name in 11 px
    view.show(curves({"a": ([0, 1], [1, 0])}, "layer", "y", ticks=["classifier.2", "fc"]))
    assert view._figure.fig_margin["right"] == 14


def test_bars_have_names_and_probabilities(made):
    view = made("bars", most=3)
    view.show(bars([("a name of far more letters than there is room for here", 0.75), ("cat", 0.0004)], highlighted=1))
    short, *rest = view._names.text.tolist()
    assert rest == ["cat", ""]
    assert len(short) <= 32
    assert short.startswith("a name")
    assert "…" in short
    assert short.endswith("for here")
    assert view._notes.text.tolist() == ["75.0%", "< 0.1%", ""]
    assert view._bars.x[3:, 1].tolist() == [0.75, 0.0004, 0]
    assert view._bars.colors[4] != view._bars.colors[3] == view._bars.colors[5]
    assert view._table[1] == ["a name of far more letters than there is room for here", "75.0%"]  # what is read aloud


def test_the_same_chart_is_not_sent_again(made):
    view, sent = made(), []
    view.show(curves({"a": ([0, 1], [1, 0])}, "x", "y"))
    for one in tree(view):
        one.observe(sent.append, ["x", "y", "tick_values", "_table", "_legend"])
    view.show(curves({"a": ([0, 1], [1, 0])}, "x", "y"))
    assert sent == []


def test_a_picture_is_drawn_only_for_who_asks(made):
    asked = []
    view = made(still=lambda chart: asked.append(chart) or b"png")
    first, second = (curves({"a": ([0, 1], [1, end])}, "x", "y") for end in (0, 1))
    view.show(first)
    assert (asked, view._still) == ([], b"")
    view._receive(view, {"do": "still"}, [])
    assert (asked, view._still) == ([first], b"png")
    view.show(second)
    assert asked == [first, second]


def test_a_part_of_the_axis_is_seen_with_its_own_numbers(made):
    view = made()

    def zoom(ends):
        view._receive(view, {"do": "zoom", "ends": ends}, [])

    whole = curves({"a": ([0, 200], [0, 1])}, "step", "y", end=200)
    view.show(whole)
    zoom([0.25, 0.5])
    assert (view.range, view._zoom) == ((50, 100), "part")
    np.testing.assert_allclose([view._lines[0].x.ravel(), view._lines[0].y.ravel()], [[0, 1], [0, 1]], atol=1e-12)
    assert [text for _, text in view._part.y.ticks] == ["0.25", "0.3", "0.35", "0.4", "0.45", "0.5"]
    assert [text for _, text in view._part.x.ticks] == ["50", "60", "70", "80", "90", "100"]
    assert view._table == whole.table
    zoom([0.1, 1.1])
    assert view.range == (55, 105)
    zoom([-0.5, 1.5])
    assert view.range == (30, 130)
    view.show(curves({"a": ([0, 400], [0, 1])}, "step", "y", end=400))  # it grows
    assert view.range == (30, 130)
    zoom([-9, 9])
    assert (view.range, view._zoom) == (None, "all")
    zoom([0.999, 0.9999])
    assert view.range == (396, 400)  # no finer
    view.show(whole)  # it is shorter
    assert view.range is None
    zoom([0.5, 1])
    zoom(None)
    assert view.range is None


def test_a_cut_curve_stays_on_its_lines():
    whole = curves({"a": ([0, 10, 30], [0, 1, float("nan")]), "b": ([0, 4], [8, 0]), "c": ([], [])}, "x", "y", end=30)
    a, b, c = whole.within(2, 8).series
    assert (a.x, a.y) == ((2, 8), (0.2, 0.8))
    assert (b.x, b.y) == ((2, 4), (4, 0))
    assert c.x == ()
    assert whole.within(2, 8).y.high == 4
    names = curves({"a": ([0, 1, 2], [5, 6, 7])}, "layer", "dB", end=2, top=None, ticks=["one", "two", "three"])
    assert names.within(0.5, 2).x.ticks == ((1, "two"), (2, "three"))


@pytest.mark.parametrize(("kind", "models"), [("lines", 13), ("bars", 9)])
def test_few_widgets_and_all_of_them_are_freed(kind, models):
    ChartView().close()  # what all widgets share is made
    before = set(_instances)
    view = ChartView(kind)
    assert len(set(_instances) - before) == models
    close_tree(view)
    assert set(_instances) - before == set()
