from ipywidgets.widgets.widget import _instances

from cnnviz_widgets.widgets.bars import TopBars


def test_names_and_probabilities_are_shown_as_text() -> None:
    bars = TopBars(count=3)
    bars.show([("a name of far more letters than there is room for here", 0.75), ("cat", 0.0004)], highlight=1)
    assert bars._names.text.tolist()[1:] == ["cat", ""]
    assert bars._names.text[0].endswith("…")
    assert bars._shares.text.tolist() == ["75.0 %", "< 0.1 %", ""]
    assert bars._bars.x[:, 1].tolist() == [0.75, 0.0004, 0]
    assert bars._bars.colors[1] != bars._bars.colors[0] == bars._bars.colors[2]
    bars.close()


def test_close_frees_every_widget() -> None:
    before = set(_instances)
    bars = TopBars()
    assert len(set(_instances) - before) > 5
    bars.close()
    assert set(_instances) == before
