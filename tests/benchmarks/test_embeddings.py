"""Neighbors against the bare product, the image map against scipy's optimum, t-SNE against scikit-learn's.

Where ours is one thread, it is its CPU time that counts: other processes of the machine do not.
"""

import statistics
import time

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.manifold import TSNE, trustworthiness

import cnnviz_widgets as cnnviz


def clumps(count, dimensions, seed=0):
    """(N, D): ten clumps."""
    draw = np.random.default_rng(seed)
    middles = draw.normal(0, 3, (10, dimensions))
    return torch.from_numpy(middles[draw.integers(10, size=count)] + draw.normal(0, 1, (count, dimensions)))


def cpu_seconds(work):
    began = time.thread_time()
    found = work()
    return time.thread_time() - began, found


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbors(record_speed, metric):
    points, queries = clumps(50_000, 512).float(), clumps(1000, 512, 1).float()

    def product():
        for block in points.split(8192):
            queries @ block.T

    pairs = [
        (cpu_seconds(lambda: cnnviz.neighbors(points, queries, 8, metric))[0], cpu_seconds(product)[0])
        for _ in range(5)
    ]
    ratio = statistics.median(ours / bare for ours, bare in pairs)
    record_speed(f"neighbors, {metric}, 1,000 of 50,000 × 512, bare product", 1000 * pairs[0][0], ratio)
    assert ratio <= 1.6


@pytest.mark.timeout(900)
def test_image_map(record_speed):
    """Until it is as near to the optimum as is asked; scipy's takes the most of a minute."""
    places = clumps(4900, 2)
    places = (places - places.amin(0)) / (places.amax(0) - places.amin(0))
    y, x = np.divmod(np.arange(4900), 70)
    middles = np.stack([(x + 0.5) / 70, (y + 0.5) / 70], 1)
    costs = ((places.numpy()[:, None] - middles) ** 2).sum(2)
    theirs, pairs = cpu_seconds(lambda: linear_sum_assignment(costs))
    optimum = costs[pairs].sum()
    near = (one for one in cnnviz.image_map(places, exact=False) if one.cost <= 1.01 * optimum)
    ours, found = cpu_seconds(lambda: next(near))
    record_speed(f"image map of 4,900, step {found.step}, scipy's optimum", 1000 * ours, ours / theirs)
    assert ours <= 0.1 * theirs


@pytest.fixture(scope="module")
def many():
    return clumps(5000, 50)


def test_a_map_is_seen_soon_and_stops_soon(record_speed, many):
    """Between two states, a panel stops."""
    states = cnnviz.embed(many, steps=300)
    first, _ = cpu_seconds(lambda: next(states))
    later = [cpu_seconds(lambda: next(states))[0] for _ in range(14)]
    record_speed("t-SNE of 5,000, first picture", 1000 * first, first / 1)
    record_speed("t-SNE of 5,000, longest step", 1000 * max(later), max(later) / 0.5)
    assert first <= 1
    assert max(later) <= 0.5


def test_t_sne_is_as_trustworthy_as_scikit_learns(record_speed):
    points = clumps(1000, 50).numpy()
    ours, found = cpu_seconds(lambda: cnnviz.last(cnnviz.embed(torch.from_numpy(points)), progress=False))
    theirs, other = cpu_seconds(lambda: TSNE(random_state=0, n_jobs=1).fit_transform(points))
    record_speed("t-SNE of 1,000, scikit-learn", 1000 * ours, ours / theirs)
    assert trustworthiness(points, found.values.numpy()) >= trustworthiness(points, other) - 0.005
