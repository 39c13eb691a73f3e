"""Charts take the colors of the theme under every ipywidgets, also 7.7.1, which is Colab's."""

import re

import ipywidgets
import pytest
import traitlets

from cnnviz_widgets.drawing.chart import bars, curves
from cnnviz_widgets.widgets.chart import ChartView
from cnnviz_widgets.widgets.tree import close_tree, tree

NUMBERS = re.compile(r"#[0-9a-fA-F]{3,8}$|rgba?\([\d\s,.%]+\)$|hsla?\([\d\s,.%]+\)$")


@pytest.fixture
def strict(monkeypatch):
    """What ipywidgets 7.7.1 lets through as a color, but for the list of names: a number, or one word."""

    def validate(self, owner, value):
        if value is None and self.allow_none:
            return value
        if isinstance(value, str) and (NUMBERS.match(value) or value.isalpha()):
            return value
        raise traitlets.TraitError(f"{self.name}: {value!r} is no color")

    monkeypatch.setattr(ipywidgets.Color, "validate", validate)


@pytest.mark.usefixtures("strict")
def test_colors_of_the_theme_reach_the_browser():
    views = ChartView("bars"), ChartView("lines")
    views[0].show(bars([("cat", 0.75), ("dog", 0.2)], highlighted=1))
    views[1].show(curves({"a": ([0, 1], [1, 0])}, "share", "score", marker=0.5))
    sent = [one.get_state() for view in views for one in tree(view)]
    names = {one["_model_name"] for one in sent}
    assert {"LinesModel", "LabelModel", "AxisModel"} <= names
    themed = {name for one in sent for name, value in one.items() if "var(--jp-" in str(value)}
    assert {"colors", "color", "grid_color", "label_color"} <= themed
    close_tree(*views)


def test_other_colors_are_still_refused(strict):
    from bqplot import Lines

    with pytest.raises(traitlets.TraitError):
        Lines(x=[], y=[], colors=["var(--jp-brand-color1)"])
