"""The square of Pixels: what is read in it is what is there, wherever it was dragged."""

import numpy as np
import torch

from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels import Pixels


def content(panel, name):
    return panel._parts[name].image.content


def test_the_numbers_are_those_of_the_file_and_of_the_network(network, photo):
    panel = Pixels(network, photo, corner=(30, 7), size=6).run()
    square = photo[:, 7:13, 30:36]
    np.testing.assert_array_equal(content(panel, "file").values, (square * 255).round())
    mean, std = (torch.tensor(one)[:, None, None] for one in (network.mean, network.std))
    expected = ((square * 255).round() / 255 - mean) / std
    np.testing.assert_allclose(content(panel, "given").values, expected, rtol=0, atol=1e-6)
    assert panel._parts["stage"].image.region == (30, 7, 6, 6)
    red, green, blue = (square[:, 0, 0] * 255).round().int().tolist()
    assert f"row 7, column 30 is {red}, {green}, {blue}." in panel._parts["note"].widget.value
    panel.close()


def test_the_square_is_dragged_and_stays_in_the_picture(network, photo):
    panel = Pixels(network, photo).run()
    stage = panel._parts["stage"].image
    assert (stage.tool, stage.region) == ("rectangle", (20, 20, 8, 8))
    for dragged, box in {
        (26, 5, 8, 8): (26, 5, 8, 8),  # itself
        (40, 3, 1, 1): (36, 0, 8, 8),  # a click elsewhere: its middle
        (0, 20, 6, 28): (0, 30, 8, 8),  # another rectangle, too
    }.items():
        stage._receive(stage, {"do": "region", "at": [*dragged]}, [])
        assert panel.wait(10)
        assert stage.region == box
        x, y = box[:2]
        np.testing.assert_array_equal(content(panel, "file").values, (photo[:, y : y + 8, x : x + 8] * 255).round())
    stage._receive(stage, {"do": "region", "at": None}, [])  # Delete: there is always a square
    assert stage.region == (0, 30, 8, 8)
    panel.session.image = photo[:, :5, :30]
    assert panel.wait(10)
    assert stage.region == (0, 0, 5, 5)
    panel.close()


def test_a_gray_picture_and_a_scale_of_its_own():
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    network = Network(module, input_size=20, mean=0.1, std=0.25, name="gray")
    photo = torch.rand(1, 20, 20, generator=torch.Generator().manual_seed(0))
    panel = Pixels(network, photo, corner=(0, 0), size=4).run()
    assert content(panel, "file").names == ("gray",)
    np.testing.assert_allclose(content(panel, "file").values, (photo[:, :4, :4] * 255).round())
    whole = (photo[:, :4, :4] * 255).round() / 255
    np.testing.assert_allclose(content(panel, "given").values, (whole - 0.1) / 0.25, rtol=0, atol=1e-6)
    assert "mean=net.mean, std=net.std" in panel.code()
    panel.close()
