"""Results show themselves, and do not change their numbers for it."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from cnnviz_widgets import ActivationMaps, Filters, GradientPicture, Heatmap, OcclusionState
from cnnviz_widgets.drawing.results import rgb, robust_maximum


def results():
    picture, pictures = torch.rand(3, 8, 10), torch.rand(2, 3, 8, 10)
    occluded = {"step": 1, "total": 6, "known": torch.zeros(2, 3), "baseline": 0.5, "target": 1, "of": "cat", "size": 4}
    return [
        Heatmap(torch.rand(8, 10), picture, "logit gradient", "cat", 1),
        Heatmap(torch.randn(8, 10), picture, "logit gradient", "cat", 1, signed=True),
        Heatmap(torch.full((8, 10), torch.nan), picture, "logit gradient"),
        Heatmap(torch.rand(2, 8, 10), pictures, "logit gradient", ("cat", "dog"), (1, 2)),
        Heatmap(torch.rand(8, 10), picture[:1], "of a gray picture"),
        Heatmap(torch.rand(8, 10), torch.rand(5, 8, 10), "of five channels"),
        GradientPicture(torch.randn(3, 8, 10), picture, "signed", "cat", 1.5),
        GradientPicture(torch.randn(2, 3, 8, 10), pictures, "signed", ("cat", "dog"), (1.5, 2.5)),
        Filters(torch.randn(6, 3, 5, 5), "conv1"),
        Filters(torch.randn(6, 7, 3, 3), "conv2"),
        Filters(torch.randn(6, 7, 1, 1), "conv3"),
        ActivationMaps(torch.rand(9, 4, 5), picture, "conv1"),
        ActivationMaps(torch.zeros(9, 4, 5), picture, "all zero"),
        OcclusionState(
            values=torch.rand(2, 3).double(),
            labels=torch.ones(2, 3, dtype=torch.long),
            stride=4,
            shape="square",
            tops=(0, 4),
            lefts=(0, 4, 6),
            picture=picture,
            convention="lost",
            **occluded,
        ),
    ]


@pytest.mark.parametrize("result", results(), ids=repr)
def test_png(result):
    before = result.values.clone()
    picture = Image.open(io.BytesIO(result._repr_png_()))
    assert picture.width > 50
    assert len(np.unique(np.asarray(picture))) > 1 or not before.any()
    torch.testing.assert_close(result.values, before, rtol=0, atol=0, equal_nan=True)


def test_repr_is_short():
    assert repr(results()[0]) == "Heatmap(cat: 8×10, logit gradient)"
    assert repr(results()[7]) == "GradientPicture(cat, dog: 2×3×8×10, signed)"


def test_robust_maximum():
    values = torch.ones(1000)
    values[7], values[8] = -500, torch.inf
    assert robust_maximum(values) == 1
    assert robust_maximum(values, 1) == 500
    assert robust_maximum(torch.zeros(5)) > 0
    assert robust_maximum(torch.full((5,), torch.nan)) == 1
    lonely = torch.zeros(1000)
    lonely[3] = 2
    assert robust_maximum(lonely) == 2


def test_rgb():
    assert (rgb(torch.full((1, 2, 2), 0.5)) == 128).all()
    assert rgb(torch.rand(5, 2, 2)).shape == (2, 2, 3)
    assert rgb(torch.rand(4, 3, 2, 2)).shape == (4, 2, 2, 3)
