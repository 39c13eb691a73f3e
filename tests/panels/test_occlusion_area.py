"""A rectangle that is dragged on the map of Occlusion is covered, and shown in the code."""

import numpy as np

from cnnviz_widgets import occluded, panels
from cnnviz_widgets.drawing.results import rgb


def test_a_dragged_rectangle_is_covered_until_the_map_is_pointed_at(network, photo):
    panel = panels.Occlusion(network, photo, size=16, stride=8).run()
    image, covered = panel._parts["map"].image, panel._parts["covered"].image
    image._receive(image, {"do": "tool", "tool": "rectangle"}, [])
    image._receive(image, {"do": "region", "at": [4, 6, 30, 11]}, [])
    image._receive(image, {"do": "hover", "at": [0, 1, 1, 1, 1]}, [])  # while it is dragged
    assert panel.area == (4, 6, 30, 11)
    assert panel.wait(20)
    expected = rgb(occluded(network, photo, area=(4, 6, 30, 11)))
    np.testing.assert_array_equal(covered.content.picture, expected)
    assert "area=(4, 6, 30, 11)" in panel.code()
    image._receive(image, {"do": "tool", "tool": "point"}, [])
    image._receive(image, {"do": "hover", "at": [0, 20, 20, 20, 20]}, [])
    assert (panel.area, image.region, panel.place) == (None, None, (20, 20))
    panel.area = (0, 0, 5, 5)
    assert image.region == (0, 0, 5, 5)
    panel.reset()
    assert (panel.area, image.region) == (None, None)
    panel.close()
