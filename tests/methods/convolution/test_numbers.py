"""``numbers`` against the picture's file, and the network's own preparation."""

import numpy as np
import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.errors import UserError


def test_are_those_of_the_file():
    from skimage.data import chelsea

    found = cnnviz.numbers(cnnviz.load_image("chelsea"), (60, 100), 8)
    assert np.array_equal(found.values, chelsea()[60:68, 100:108])
    assert found.shape == (3, 300, 451)
    assert torch.equal(found.planes, found.values.permute(2, 0, 1))


def test_normalized_are_what_the_network_gets():
    network = cnnviz.load_network("mini")
    photo = (cnnviz.load_image("chelsea", size=(128, 128)) * 255).round() / 255  # as in a file
    found = cnnviz.numbers(photo, (3, 5), 12, mean=network.mean, std=network.std)
    expected = network.normalize(network.prepare(photo))[0, :, 3:15, 5:17]
    torch.testing.assert_close(found.normalized.float(), expected, rtol=1e-5, atol=1e-5)


def test_by_hand():
    found = cnnviz.numbers(torch.full((1, 4, 4), 0.2), (2, 3), 8, mean=[0.4], std=[0.5])
    assert found.values.tolist() == [[[51]], [[51]]]
    assert found.normalized.tolist() == [[[pytest.approx(-0.4)], [pytest.approx(-0.4)]]]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (dict(position=(0, 4)), "position must be"),
        (dict(mean=[0.1]), "mean must be 3 numbers"),
        (dict(std=[0.1, 0, 1]), "std must be above 0"),
        (dict(image=torch.rand(2, 3, 4, 4)), "image must be one picture"),
    ],
)
def test_what_does_not_fit(changed, said):
    with pytest.raises(UserError, match=said):
        cnnviz.numbers(**{"image": torch.rand(3, 4, 4), **changed})
