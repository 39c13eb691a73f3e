import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.exercises import check_nearest, check_same_color, check_trustworthiness


def cosines(rows, query):
    return rows @ query / rows.norm(dim=1)


NEAREST = {
    "divide each by its norm": lambda rows, query, k: (rows @ query).topk(k).indices,
    "by Euclidean distance": lambda rows, query, k: (rows - query).norm(dim=1).argsort()[:k],
    "these are the farthest": lambda rows, query, k: cosines(rows, query).argsort()[:k],
    "opposite directions": lambda rows, query, k: cosines(rows, query).abs().topk(k).indices,
    "the cosines themselves": lambda rows, query, k: cosines(rows, query).topk(k).values / query.norm() * query.norm(),
    "in another order": lambda rows, query, k: cosines(rows, query).topk(k).indices.flip(0),
    "has the shape": lambda rows, query, k: cosines(rows, query),
    "divide the rows and the query": lambda rows, query, k: torch.arange(k),
    "the code stopped with": lambda rows, query, k: rows.nonsense(),
}


@pytest.mark.parametrize("says", NEAREST)
def test_wrong_nearest(says):
    feedback = check_nearest(NEAREST[says])
    assert feedback.right is False
    assert says in feedback.text


def test_right_nearest():
    assert check_nearest(lambda rows, query, k: cosines(rows, query).topk(k).indices)
    assert check_nearest(None).right is None
    assert check_nearest(lambda *_: None).right is None


@pytest.fixture(scope="module")
def maps():
    found = cnnviz.last(cnnviz.features(cnnviz.load_network("mini"), cnnviz.samples()), progress=False)
    return found, cnnviz.last(cnnviz.embed(found, perplexity=5, steps=300), progress=False)


def test_trustworthiness(maps):
    from sklearn.manifold import trustworthiness

    found, places = maps
    shadow = cnnviz.last(cnnviz.embed(found, "pca"), progress=False)
    tsne, pca = (trustworthiness(found.values, one.values) for one in (places, shadow))
    assert check_trustworthiness(tsne, pca, *maps)
    for answers, says in {
        (pca, tsne): "in the place of each other",
        (tsne, 0.5): "`of_pca` is 0.500",
        (0.1, pca): "`of_tsne` is 0.100",
        tuple(trustworthiness(one.values, found.values) for one in (places, shadow)): "the map comes second",
    }.items():
        feedback = check_trustworthiness(*answers, *maps)
        assert feedback.right is False
        assert says in feedback.text
    assert check_trustworthiness(None, None, *maps).right is None


@pytest.fixture(scope="module")
def scenes():
    pictures = cnnviz.scenes(40)
    return [
        *(cnnviz.last(cnnviz.features("mini", pictures, layer), progress=False) for layer in ("pixels", None)),
        pictures,
    ]


def share(found, kinds, first=1, by=cosines, queries=40):
    """Of the five nearest, those that are of the query's kind."""
    rows, same = found.values, 0
    for at in range(queries):
        nearest = by(rows, rows[at]).argsort(descending=True).tolist()[first : first + 5]
        same += sum(kinds[one] == kinds[at] for one in nearest)
    return same / (5 * queries)


def test_same_color(scenes):
    pixels, found, pictures = scenes
    colors, shapes = [one.color for one in pictures], [one.label for one in pictures]
    right = [share(one, colors) for one in (pixels, found)]
    assert check_same_color(*right, *scenes)
    assert right[1] > 2 * right[0]
    for answers, says in (
        (right[::-1], "in the place of each other"),
        ([share(one, colors, first=0) for one in (pixels, found)], "leave it out"),
        ([100 * one for one in right], "percentages"),
        ([200 * one for one in right], "numbers of neighbors"),
        ([share(one, colors, queries=1) for one in (pixels, found)], "of one query"),
        ([share(one, colors, by=lambda a, b: -(a - b).norm(dim=1)) for one in (pixels, found)], "Euclidean"),
        ([share(one, shapes) for one in (pixels, found)], "same shape"),
        ([0.5, 0.123], "five nearest others"),
    ):
        feedback = check_same_color(*answers, *scenes)
        assert feedback.right is False, says
        assert says in feedback.text
    assert check_same_color(None, None, *scenes).right is None
