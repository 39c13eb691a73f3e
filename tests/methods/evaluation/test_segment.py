"""On drawn masks."""

import sys

import pytest
import torch
from scipy.ndimage import label

from cnnviz_widgets import Heatmap
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.evaluation.segment import segment


def overlap(one, other):
    return float((one & other).sum() / (one | other).sum())


@pytest.fixture
def mask():
    y, x = torch.meshgrid(torch.arange(96), torch.arange(128), indexing="ij")
    return (x - 80) ** 2 + (y - 40) ** 2 < 24**2


@pytest.fixture
def picture(mask):
    """A red-and-yellow disc on a striped ground, with noise."""
    stripes = torch.arange(128) % 16 < 8
    red, yellow, green, blue = (
        torch.tensor(c)[:, None, None] for c in ((0.8, 0.1, 0.1), (0.9, 0.8, 0.1), (0.1, 0.5, 0.2), (0.1, 0.2, 0.5))
    )
    clean = torch.where(mask, torch.where(stripes, red, yellow), torch.where(stripes, green, blue))
    return (clean + 0.05 * torch.randn(3, 96, 128)).clamp(0, 1)


@pytest.fixture
def heatmap():
    """Points at the disc, off its center, and does not know its border."""
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(128.0), indexing="ij")
    return torch.exp(-((x - 76) ** 2 + (y - 43) ** 2) / 30**2) + 0.01 * torch.rand(96, 128)


def test_a_drawn_object(picture, heatmap, mask):
    threshold = heatmap > heatmap.quantile(1 - float(mask.double().mean()))
    result = segment(picture, heatmap)
    assert result.values.dtype == torch.bool
    assert overlap(threshold, mask) < 0.85
    assert overlap(result.values, mask) > 0.97


def test_what_is_certain_stays(picture, heatmap):
    values = segment(picture, heatmap, foreground=0.9, background=0.5, blur=0).values
    assert values[heatmap > heatmap.quantile(0.9)].all()
    assert not values[heatmap < heatmap.quantile(0.5)].any()


def test_single_pixels_make_one_piece(picture, mask):
    """A gradient is great in some pixels of an object, and in a few elsewhere."""
    heatmap = torch.rand(96, 128) ** 8 * torch.where(mask, 1, 0.4)
    found = [segment(picture, heatmap, blur=blur).values for blur in (0, 4)]
    pieces = [label(one.numpy())[1] for one in found]
    assert overlap(found[1], mask) > 0.9 > overlap(found[0], mask)
    assert pieces[1] <= 3 < pieces[0]


def test_the_same_at_every_call(picture, heatmap):
    assert torch.equal(segment(picture, heatmap).values, segment(picture, heatmap).values)


def test_a_heatmap_knows_what_was_looked_at(picture, heatmap, mask):
    photo = torch.nn.functional.interpolate(picture[None], (200, 300))[0]
    result = segment(photo, Heatmap(heatmap, picture, "drawn", "disc"))
    assert torch.equal(result.values, segment(picture, heatmap).values)
    assert torch.equal(result.picture, picture)
    assert repr(result).startswith("Segmentation(disc: 96×128, object, by GrabCut")
    assert result._repr_png_().startswith(b"\x89PNG")


def test_many_zeros(picture, heatmap, mask):
    """As in maps after a ReLU: the 30 % quantile is 0, and nothing lies below it."""
    assert overlap(segment(picture, (heatmap - 0.5).clamp(min=0)).values, mask) > 0.7


def test_real_saliency(real_squeezenet, real_pictures):
    from cnnviz_widgets import saliency
    from cnnviz_widgets.pictures import load_image

    ladybug = load_image(real_pictures["n02165456_ladybug"])
    box = torch.zeros(224, 224, dtype=torch.bool)
    box[100:189, 103:208] = True
    found = segment(ladybug, saliency(real_squeezenet, ladybug, "ladybug")).values
    assert float((found & box).sum() / found.sum()) > 2 * float(box.double().mean())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heatmap": torch.ones(96, 128)}, "heatmap is constant \\(1 everywhere\\)"),
        ({"heatmap": torch.rand(96, 127)}, "heatmap must have the picture's 96×128 pixels, not 96×127"),
        ({"heatmap": torch.rand(2, 1, 96, 128)}, "heatmap must have .* not 2×1×96×128"),
        ({"heatmap": torch.full((96, 128), torch.nan)}, "not finite"),
        ({"heatmap": [1, 2]}, "heatmap must be .* not a list"),
        ({"heatmap": (torch.arange(96 * 128) > 9).view(96, 128)}, "no pixel above its 30% quantile"),
        ({"image": torch.rand(1, 3, 96, 128)}, "image must be one picture"),
        ({"image": torch.ones(3, 96, 128, dtype=torch.uint8)}, "image must be .* not torch.uint8"),
        ({"foreground": 0.3, "background": 0.3}, "quantiles, .* not 0.3 and 0.3"),
        ({"foreground": 1.5}, "not 0.3 and 1.5"),
        ({"blur": -1}, "blur must be 0 or a number of pixels above it, not -1"),
        ({"iterations": 0}, "iterations must be a whole number at least 1, not 0"),
    ],
)
def test_bad_input(picture, heatmap, change, message):
    with pytest.raises(UserError, match=message):
        segment(**{"image": picture, "heatmap": heatmap} | change)


def test_without_opencv_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UserError, match=r'^segment needs OpenCV: pip install "cnnviz-widgets\[segment\]"\.$'):
        segment(torch.rand(3, 8, 8), torch.rand(8, 8))
