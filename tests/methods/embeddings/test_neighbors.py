"""Nearest neighbors: by hand, against scikit-learn, and where numbers are 0, huge or equal."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

import cnnviz_widgets as cnnviz
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.embeddings import neighbors as module

POINTS = torch.tensor([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0], [10.0, 0.0]])


def test_by_hand():
    near = cnnviz.neighbors(POINTS, torch.tensor([1.0, 1.0]), 4, "euclidean")
    assert near.indices.tolist() == [[2, 0, 1, 3]]
    np.testing.assert_allclose(near.values, [[0, 2**0.5, 13**0.5, 82**0.5]], rtol=1e-12)
    near = cnnviz.neighbors(POINTS, torch.tensor([1.0, 1.0]), 4)
    cosines = torch.empty(1, 4, dtype=torch.float64).scatter(1, near.indices, near.values)
    np.testing.assert_allclose(cosines, [[0, 7 / 50**0.5, 1, 0.5**0.5]], rtol=1e-12)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("block", [7, 64, 1000])
def test_as_scikit_learn_whatever_the_blocks(monkeypatch, metric, block):
    monkeypatch.setattr(module, "BLOCK", block)
    monkeypatch.setattr(module, "QUERIES", 11)
    points, queries = torch.randn(300, 20), torch.randn(31, 20)
    ours = cnnviz.neighbors(points, queries, 6, metric)
    theirs = NearestNeighbors(n_neighbors=6, metric=metric, algorithm="brute").fit(points.double().numpy())
    distances, indices = theirs.kneighbors(queries.double().numpy())
    np.testing.assert_array_equal(ours.indices, indices)
    np.testing.assert_allclose(ours.values, 1 - distances if metric == "cosine" else distances, atol=1e-9)


def test_close_together_and_far_from_the_origin():
    """In float32, squares of these leave nothing of their differences."""
    points = 1000 + torch.arange(6)[:, None] * torch.tensor([[1e-3, 0.0, 0.0]])
    near = cnnviz.neighbors(points, points[3], 6, "euclidean")
    assert near.indices[0, 0] == 3
    assert near.values[0, 0] == 0


def test_equal_points_in_the_order_of_their_numbers():
    near = cnnviz.neighbors(torch.ones(6, 3), torch.ones(3), 6, "euclidean")
    assert near.indices.tolist() == [[0, 1, 2, 3, 4, 5]]


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_zeros_and_sizes(size):
    near = cnnviz.neighbors(POINTS * size, torch.zeros(1, 2), 4)
    assert near.values.tolist() == [[0, 0, 0, 0]]
    assert cnnviz.neighbors(POINTS * size, torch.ones(2), 1).values.item() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"k": 5}, "k must be at most 4, the number of points, not 5."),
        ({"queries": torch.ones(3)}, "queries must have rows of 2 numbers, as the points have, not 3."),
        ({"points": torch.full((4, 2), torch.nan)}, "points must be finite numbers"),
        ({"points": torch.ones(4)}, "points must be numbers (N, D), a row for each picture"),
        ({"metric": "taxi"}, "metric must be one of 'cosine', 'euclidean', not 'taxi'."),
    ],
)
def test_bad_input(arguments, sentence):
    with pytest.raises(UserError) as error:
        cnnviz.neighbors(**{"points": POINTS, "queries": torch.ones(2), "k": 2} | arguments)
    assert sentence in str(error.value)
