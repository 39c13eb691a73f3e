"""What is dragged or painted on the map of Occlusion is covered, and shown in the code."""

import numpy as np
import pytest

from cnnviz_widgets import UserError, load_image, occluded, painted, panels
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.drawing.words import percent


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


def paint(image, mask):
    image._receive(image, {"do": "mask", "size": list(mask.shape), "view": "a"}, [memoryview(mask)])


def test_what_is_painted_is_covered_and_the_code_paints_it_again(network, photo):
    panel = panels.Occlusion(network, photo, target="bird", size=16, stride=8).run()
    image, covered = panel._parts["map"].image, panel._parts["covered"].image
    mask = np.zeros((48, 48), np.uint8)
    mask[5:9, 10:40] = mask[9:30, 12:14] = 1
    image._receive(image, {"do": "tool", "tool": "brush"}, [])
    paint(image, mask)
    image._receive(image, {"do": "hover", "at": [0, 1, 1, 1, 1]}, [])  # while it is painted
    assert panel.wait(20)
    expected = occluded(network, photo, area=mask)
    np.testing.assert_array_equal(covered.content.picture, rgb(expected))
    before, after = (
        next(one.probability for one in network.predict(picture, 4) if one.name == "bird")
        for picture in (photo, expected)
    )
    assert covered.content.caption == f"{percent(before)} → {percent(after)} · {mask.sum()} px painted"
    code = panel.code()
    np.testing.assert_array_equal(painted(code.partition('painted("')[2].partition('"')[0]), mask)
    assert "<mask 48×48>" in repr(panel)

    image._receive(image, {"do": "region", "at": [4, 6, 30, 11]}, [])  # a rectangle instead
    assert (panel.area, image.mask, image.region) == ((4, 6, 30, 11), None, (4, 6, 30, 11))
    paint(image, mask)
    assert image.region is None
    paint(image, np.zeros_like(mask))
    assert panel.area is None
    panel.area = mask.tolist()
    np.testing.assert_array_equal(image.mask, mask)
    panel.reset()
    assert (panel.area, image.mask) == (None, None)
    panel.area = mask
    panel.session.image = load_image(1 - photo)
    assert (panel.area, image.mask) == (None, None)  # it was painted on another picture
    panel.close()


@pytest.mark.parametrize("area", [[[0, 2]], np.zeros((0, 3)), [[0.5]], (1, 2, 3), [[1], [0, 1]], "all"])
def test_an_area_that_is_none_is_refused(network, photo, area):
    panel = panels.Occlusion(network, photo, size=16)
    with pytest.raises(UserError, match=r"area must be .* a mask .* of 0 and 1, or None, not"):
        panel.area = area
    panel.close()


@pytest.mark.parametrize("text", ["", "painted", "aGVsbG8="])
def test_only_a_mask_is_read_from_a_text(text):
    with pytest.raises(UserError, match="text must be a gray PNG picture in base64"):
        painted(text)
