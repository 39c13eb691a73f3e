from ipywidgets.widgets.widget import _instances

from cnnviz_widgets.widgets.curves import Curves, color_of, is_dashed


def test_curves_and_legend_say_the_same() -> None:
    chart = Curves("share", "score", most=3)
    chart.show({"a": ([0, 1], [1, 0]), "<b>": ([0, 1], [0, 1])}, numbers={"<b>": "0.7", "a": "0.2"}, marker=0.5)
    assert [line.y.tolist() for line in chart._lines] == [[1, 0], [0, 1], []]
    assert chart._marker.x.tolist() == [0.5, 0.5]
    legend = chart._legend.value
    assert legend.index("&lt;b&gt;") < legend.index(">a<")  # in the order of the numbers
    assert f"rgb{color_of(1)}" in legend
    chart.show({"a": ([0, 1], [1, 0])})
    assert [line.y.tolist() for line in chart._lines] == [[1, 0], [], []]
    assert chart._marker.x.tolist() == []
    chart.close()


def test_one_curve_stands_out() -> None:
    chart = Curves("share", "score", most=2)
    chart.show({"a": ([0], [1]), "b": ([0], [1])}, strong="b")
    assert [line.stroke_width for line in chart._lines] == [2, 4]
    assert chart._lines[0].opacities[0] < chart._lines[1].opacities[0]
    chart.show({"a": ([0], [1])}, strong="b")  # which is gone
    assert chart._lines[0].opacities == [1]
    chart.close()


def test_the_x_axis_may_have_names() -> None:
    chart = Curves("layer", "score", most=1)
    chart.show({"a": ([0, 1], [1, 0])}, end=2, ticks=["conv1", "conv2", "fc"])
    assert chart._across.tick_values.tolist() == [0, 1, 2]
    assert chart._across.tick_labels == {"0": "conv1", "1": "conv2", "2": "fc"}
    chart.show({"a": ([0, 1], [1, 0])}, end=2, ticks=["features.transition1.relu"] * 6)  # too long
    assert chart._across.tick_labels is None
    chart.close()


def test_the_last_name_on_the_x_axis_is_not_cut_off() -> None:
    chart = Curves("layer", "score", most=1)
    margin = chart._figure.fig_margin["right"]
    chart.show({"a": ([0, 1], [1, 0])}, ticks=["features.0", "classifier.2"])
    assert chart._figure.fig_margin["right"] > 62 / 2  # px: so wide is the name in 11 px
    chart.show({"a": ([0, 1], [1, 0])}, ticks=["classifier.2", "fc"])
    assert chart._figure.fig_margin["right"] == margin
    chart.close()


def test_no_two_curves_look_alike() -> None:
    looks = {(color_of(number), is_dashed(number)) for number in range(20)}
    assert len(looks) == 20


def test_close_frees_every_widget() -> None:
    before = set(_instances)
    chart = Curves("share", "score")
    assert len(set(_instances) - before) > 20
    chart.close()
    assert set(_instances) == before
