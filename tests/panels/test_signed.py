"""Panels show what falls below 0 as results do."""

import numpy as np
import pytest
import torch
from wire import maps_of

import cnnviz_widgets as cnnviz
from cnnviz_widgets import panels
from cnnviz_widgets.colormaps import DIVERGING, table
from cnnviz_widgets.drawing.render import draw, draw_view
from cnnviz_widgets.drawing.results import Heatmap
from cnnviz_widgets.panels.maps import Tiles


@pytest.mark.parametrize("target", ["cat", "bird", "dog"])
def test_occlusion(network, photo, target):
    panel = panels.Occlusion(network, photo, size=16, stride=8, target=target, figure=True).run()
    expected = cnnviz.last(cnnviz.occlusion(network, photo, target, size=16, stride=8), progress=False)
    for name in ("map", "activation"):
        image = panel._parts[name].image
        low, high = image.content.range
        assert image.content.signed
        assert low == -high
        assert image.colormap in DIVERGING
    shown = panel._parts["map"].image
    sent = shown._scene["values"]
    assert sent["type"] == "float32"  # the values under the pointer are exact
    np.testing.assert_array_equal(maps_of(sent)[0], expected.heatmap.numpy().astype(np.float32))
    picture = draw(expected.content(), colormap="inferno", opacity=shown.opacity)
    np.testing.assert_array_equal(np.asarray(draw_view(shown, 448)), np.asarray(picture))
    assert "blue: rise" in panel._parts["map"].heading
    panel.close()


def test_saved_picture_has_the_scale(network, photo):
    """The two ends of the colors are in the row under the map."""
    panel = panels.Occlusion(network, photo, size=16, stride=8, target="bird").run()
    picture = np.asarray(panel._parts["map"].snapshot())
    row = picture[-22 // 2]
    for end in (0, 255):
        assert (abs(row.astype(int) - table("coolwarm")[end]) <= 3).all(-1).any()
    covered = panel._parts["covered"]
    assert covered.snapshot().height < len(picture)  # it has no map
    panel.close()


def test_channel_before_and_after_its_relu(network, photo):
    convolution, relu = (next(one.name for one in network.layers if one.kind == kind) for kind in ("Conv2d", "ReLU"))
    panel = panels.Activations(network, photo, layer=relu).run()
    images = [panel._parts[name].image for name in ("grid", "large")]
    assert [image.colormap for image in images] == ["gray", "inferno"]
    panel.session.layer = convolution
    panel.wait(20)
    assert all(image.content.signed and image.colormap == "coolwarm" for image in images)
    panel.session.layer = relu
    panel.wait(20)
    assert [image.colormap for image in images] == ["gray", "inferno"]
    panel.close()


def test_maps_side_by_side_share_the_colors():
    """One that has values below 0 puts 0 in the middle for all that are drawn."""
    picture, tiles = torch.full((3, 8, 8), 0.5), Tiles()
    tiles.put({"plain": Heatmap(torch.rand(8, 8), picture, "size")})
    labels = {"plain": "plain", "below": "below"}
    gray = np.full((8, 8, 3), 128, np.uint8)
    assert not tiles.content(gray, labels, "", known={"plain"}).signed
    tiles.put({"below": Heatmap(torch.randn(8, 8), picture, "signed or not")})
    content = tiles.content(gray, labels, "", known=labels)
    assert content.signed
    assert content.low == [-high for high in content.high]


@pytest.mark.parametrize(("count", "columns"), [(2, None), (3, 3), (4, None)])
def test_three_maps_stand_in_a_row(count, columns):
    labels = {number: f"map {number}" for number in range(count)}
    assert Tiles().content(np.full((8, 8, 3), 128, np.uint8), labels, "").columns == columns
