"""What a pixel was compared with, worked out afterwards: the place it was drawn from is among the matches."""

import numpy as np
import pytest
import torch

from cnnviz_widgets.methods.texture.grow_texture import grow_texture
from cnnviz_widgets.methods.texture.matches import matches

SAMPLE = torch.rand(3, 17, 19, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(("order", "tolerance"), [("onion", 0.1), ("onion", 2.0), ("raster", 0.1)])
def test_the_place_that_was_drawn_is_among_the_matches(order, tolerance):
    *_, growth = grow_texture(SAMPLE, 16, 5, order, tolerance)
    found = {
        at: matches(SAMPLE, growth, *at, 5, tolerance)
        for at in np.ndindex(16, 16)
        if order == "onion" or min(at[0], at[1], 15 - at[1]) < 2  # else from a tree of principal components
    }
    assert sum(one is None for one in found.values()) == (9 if order == "onion" else 1)  # those it began with
    for (row, column), one in found.items():
        if one is not None:
            assert (one.places == one.drawn).all(1).any()
            assert torch.equal(growth.values[:, row, column], SAMPLE[:, one.drawn[0], one.drawn[1]])


def test_the_distance_by_hand():
    *_, growth = grow_texture(SAMPLE, 9, 3)
    one = matches(SAMPLE, growth, 2, 5, 3)
    bell = np.exp(-0.5 * (np.add.outer([1, 0, 1], [1, 0, 1])) / (3 / 6.4) ** 2) * one.known.numpy()
    window = SAMPLE[:, 7:10, 3:6].numpy()
    expected = (bell * ((window - one.around.numpy()) ** 2).sum(0)).sum() / bell.sum()
    assert one.distance[8, 4].item() == pytest.approx(expected, rel=1e-5)
    assert not one.known[1, 1]  # the pixel itself
    assert one.distance.isnan().sum() == 17 * 19 - 15 * 17
    ordered = one.distance[tuple(one.places.T)]
    assert torch.equal(ordered, ordered.sort().values)


def test_what_is_not_there_has_no_matches():
    first = next(grow_texture(SAMPLE, 9, 3))
    assert matches(SAMPLE, first, 0, 0, 3) is None
