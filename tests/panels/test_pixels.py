"""The square of Pixels: what is read in it is what is there, wherever it was dragged."""

import numpy as np
import torch

from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels import Pixels
from cnnviz_widgets.widgets import Pointer


def content(panel, name):
    return panel._parts[name].image.content


def test_the_numbers_are_those_of_the_file_and_of_the_network(network, photo):
    panel = Pixels(network, photo, corner=(30, 7), size=6).run()
    square = photo[:, 7:13, 30:36]
    np.testing.assert_array_equal(content(panel, "file").values, (square * 255).round())
    mean, std = (torch.tensor(one)[:, None, None] for one in (network.mean, network.std))
    expected = ((square * 255).round() / 255 - mean) / std
    np.testing.assert_allclose(content(panel, "given").values, expected, rtol=0, atol=1e-6)
    assert panel._parts["stage"].image.rectangle == (30, 7, 6, 6)
    red, green, blue = (square[:, 0, 0] * 255).round().int().tolist()
    assert f"row 7, column 30 is {red}, {green}, {blue}." in panel._parts["note"].widget.value
    panel.close()


def test_the_square_goes_where_it_is_put_and_stays_in_the_picture(network, photo):
    panel = Pixels(network, photo).run()
    stage = panel._parts["stage"].image
    assert stage.rectangle == (20, 20, 8, 8)
    for (x, y), box in {(30, 9): (26, 5, 8, 8), (1, 47): (0, 40, 8, 8)}.items():
        panel._put(Pointer(tile=0, x=x, y=y, row=None, column=None))
        assert panel.wait(10)
        assert stage.rectangle == box
    panel.session.image = photo[:, :5, :30]
    assert panel.wait(10)
    assert stage.rectangle == (0, 0, 5, 5)
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
