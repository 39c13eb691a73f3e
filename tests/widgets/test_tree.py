import ipywidgets
from ipywidgets.widgets.widget import _instances

from cnnviz_widgets.widgets.tree import close_tree, tree


def test_a_tree_has_children_layouts_and_styles_once() -> None:
    before = set(_instances)
    slider = ipywidgets.IntSlider()
    box = ipywidgets.HBox([slider, ipywidgets.VBox([slider, ipywidgets.Button()])])
    found = tree(box)
    assert found[0] is box
    assert {one.model_id for one in found} == set(_instances) - before
    assert len(found) == len(set(map(id, found)))
    close_tree(box)
    assert set(_instances) == before
