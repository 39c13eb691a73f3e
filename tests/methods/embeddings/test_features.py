"""Features: what the layer gives, pooled by hand, and what belongs to which picture."""

import numpy as np
import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.errors import UserError

PICTURES = torch.rand(5, 3, 128, 128, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def network():
    return cnnviz.load_network("mini")


def found(*args, **options):
    return cnnviz.last(cnnviz.features(*args, **options), progress=False)


@pytest.mark.parametrize(
    ("pool", "by_hand"),
    [
        ("mean", lambda maps: maps.mean((2, 3))),
        ("max", lambda maps: maps.amax((2, 3))),
        ("flat", lambda maps: maps.flatten(1)),
    ],
)
def test_each_row_is_the_pooled_output_of_its_picture(network, pool, by_hand):
    seen = found(network, PICTURES, "conv5", pool=pool)
    maps = network.activations(PICTURES, "conv5")["conv5"]
    torch.testing.assert_close(seen.values, by_hand(maps), rtol=1e-4, atol=1e-5)  # other batches
    assert seen.numbers.tolist() == [0, 1, 2, 3, 4]
    assert seen.of == "conv5"


def test_pixels_are_the_picture_small(network):
    seen = found(network, PICTURES, "pixels")
    small = torch.nn.functional.interpolate(PICTURES, (32, 32), mode="bilinear", antialias=True)
    torch.testing.assert_close(seen.values, small.flatten(1), rtol=0, atol=1e-5)


def test_numbers_names_and_thumbnails_go_together(network, tmp_path):
    """A file that cannot be read leaves a gap in the numbers and nowhere else."""
    from torchvision.utils import save_image

    for name, picture in zip("abce", PICTURES, strict=False):
        save_image(picture, tmp_path / f"{name}.png")
    (tmp_path / "d.png").write_bytes(b"no picture")
    seen = found(network, tmp_path, "conv1")
    assert seen.names == ("a", "b", "c", "e")
    assert seen.numbers.tolist() == [0, 1, 2, 4]
    assert len(seen.values) == len(seen.thumbnails) == 4
    alone = found(network, [tmp_path / "e.png"], "conv1")
    torch.testing.assert_close(seen.values[3:], alone.values, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(seen.thumbnails[3:], alone.thumbnails)


def test_the_deepest_layer_has_no_channel_a_class(network):
    assert found(network, PICTURES).values.shape[1] != len(network.classes)


def test_flat_maps_of_other_sizes_are_refused():
    network = cnnviz.Network(cnnviz.load_network("mini").module, input_size=None)
    pictures = [PICTURES[0], PICTURES[1, :, :96, :96]]
    assert found(network, pictures, "conv4").values.shape[0] == 2
    with pytest.raises(UserError, match="pool must be 'mean' or 'max' for pictures of different sizes: picture 1"):
        found(network, pictures, "conv4", pool="flat")
