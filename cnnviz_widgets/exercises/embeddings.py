"""Chapter 04: what is near what, and what a map of it shows."""

from typing import Any

import torch
from torch import Tensor

from cnnviz_widgets.exercises.feedback import Wrong, check, given, number, tensor
from cnnviz_widgets.exercises.question import Question
from cnnviz_widgets.methods.embeddings.embed import Embedding, embed
from cnnviz_widgets.methods.embeddings.features import Features
from cnnviz_widgets.pictures import Scenes

NEAREST = 5  # neighbors of a picture


@check
def check_nearest(function: Any) -> str:
    """function(rows, query, k): the numbers of the k rows with the greatest cosine to the query, the greatest first."""
    given(function, "write the function `nearest`.")
    draw = torch.Generator().manual_seed(1)
    rows = torch.randn(20, 6, generator=draw) * torch.linspace(0.2, 5, 20)[:, None] + 0.3
    query, k = torch.randn(6, generator=draw), 6
    answer = function(rows.clone(), query.clone(), k)
    given(answer, "`nearest` returns nothing yet.")
    products, distances = rows @ query, (rows - query).norm(dim=1)
    cosines = products / rows.norm(dim=1)
    orders = {
        "the length of the rows still counts: divide each by its norm.": -products,
        "these are the nearest by Euclidean distance: compare directions, not places.": distances,
        "these are the farthest: the greatest cosine comes first.": cosines,
        "the sign does not matter here, but it should: opposite directions are as far apart as can be.": -cosines.abs(),
    }
    values = tensor(answer, (k,), "what `nearest` returns")
    right = (-cosines).argsort()[:k]
    if torch.equal(values, right.double()):
        return "Of two rows of length 1, the product is the cosine: the network's own angle between two pictures."
    for sentence, order in orders.items():
        if torch.equal(values, order.argsort()[:k].double()):
            raise Wrong(sentence)
    if torch.allclose(values, cosines[right].double(), atol=1e-4):
        raise Wrong("these are the cosines themselves; their numbers in `rows` are asked for: `topk(k).indices`.")
    if set(values.tolist()) == set(right.tolist()):
        raise Wrong("these are the right rows in another order: the nearest comes first.")
    raise Wrong("divide the rows and the query by their norms, multiply, and take the numbers of the greatest.")


@check
def check_same_color(by_pixels: Any, by_layer: Any, pixels: Features, found: Features, pictures: Scenes) -> str:
    """The share of the five nearest scenes that have the color of the query, over all queries: by pixels, and by a
    layer, each by the cosine."""
    given(by_pixels, "put the share by pixels in `by_pixels`.")
    given(by_layer, "put the share by the layer in `by_layer`.")
    answers = [number(by_pixels), number(by_layer)]
    scenes = [pictures[at] for at in found.numbers.tolist()]
    colors, shapes = [one.color for one in scenes], [one.label for one in scenes]
    both = pixels.values, found.values
    cosines, distances = [_cosines(rows) for rows in both], [-torch.cdist(rows, rows) for rows in both]
    right = [_shared(one, colors) for one in cosines]
    if _near(answers, right):
        return (
            f"{right[0]:.0%} by pixels, {right[1]:.0%} by the layer. Most pixels are background, and are compared with "
            "what is at the same place; the layer sees the color of a shape wherever it lies."
        )
    mistakes = {
        "the two are in the place of each other.": right[::-1],
        "every picture is the first of its own neighbors, and has its own color: leave it out.": [
            _shared(one, colors, itself=True) for one in cosines
        ],
        "these are percentages: give shares, from 0 to 1.": [100 * one for one in right],
        "these are numbers of neighbors: divide them by 5 for each picture.": [
            NEAREST * len(colors) * one for one in right
        ],
        "these are the shares of one query: take the mean over all pictures.": [
            _shared(one[:1], colors) for one in cosines
        ],
        "these are the nearest by Euclidean distance: `nearest` goes by the cosine.": [
            _shared(one, colors) for one in distances
        ],
        "these are the shares with the same shape: compare the colors.": [_shared(one, shapes) for one in cosines],
    }
    for sentence, wrong in mistakes.items():
        if _near(answers, wrong):
            raise Wrong(sentence)
    raise Wrong(
        "for each picture, count how many of its five nearest others have its color; divide the sum by 5 times "
        "the number of pictures."
    )


def _cosines(rows: Tensor) -> Tensor:
    directions = torch.nn.functional.normalize(rows)
    return directions @ directions.T


def _shared(likeness: Tensor, kinds: list[str], *, itself: bool = False) -> float:
    """The share of the nearest to the first pictures that are of the picture's kind."""
    likeness = likeness.clone() if itself else likeness.clone().fill_diagonal_(-torch.inf)
    nearest = likeness.topk(NEAREST).indices.tolist()
    return sum(kinds[one] == kind for kind, row in zip(kinds, nearest, strict=False) for one in row) / (
        NEAREST * len(nearest)
    )


def ask_distances() -> Question:
    """What follows from the distance of two groups on a t-SNE map."""
    return Question(
        "On a t-SNE map two groups lie far apart, and a third lies between them. What follows?",
        {
            "a": (
                "The two differ more than either differs from the third.",
                "t-SNE does not keep long distances: with another seed or perplexity, the third lies elsewhere.",
            ),
            "b": (
                "The groups that look larger on the map vary more in the layer.",
                "t-SNE gives dense and sparse groups about the same room: how large they look means little.",
            ),
            "c": (
                "Pictures of one group have their nearest neighbors in it; more does not.",
                "That is all that t-SNE tries to keep. Distances and sizes of groups may be anything.",
            ),
            "d": (
                "The third is a mixture of the two.",
                "between means nothing here; only what is next to each other does.",
            ),
        },
        right="c",
    )


def ask_between() -> Question:
    """What a point between two axes of class scores is."""
    return Question(
        "In the grand tour of probabilities, a picture lies half way on the straight line between the ends of two "
        "axes, in every plane. What has the network answered?",
        {
            "a": (
                "That it is neither of the two.",
                "then its probability would be with other classes, and it would lie near their axes.",
            ),
            "b": (
                "Half of the probability for each of the two.",
                "A linear picture of a mixture is the mixture of the pictures: that is what t-SNE cannot promise.",
            ),
            "c": (
                "Nothing: the place of a point has no meaning.",
                "in t-SNE it has none; a projection is linear, and keeps what lies on a straight line on one.",
            ),
            "d": (
                "That it has never seen such a picture.",
                "the probabilities of a picture that is unlike all others may lie anywhere.",
            ),
        },
        right="b",
    )


@check
def check_trustworthiness(of_tsne: Any, of_pca: Any, found: Features, places: Embedding) -> str:
    """The trustworthiness of two maps of the same features."""
    given(of_tsne, "put the number for t-SNE in `of_tsne`.")
    given(of_pca, "put the number for PCA in `of_pca`.")
    from sklearn.manifold import trustworthiness

    (shadow,) = embed(found, "pca")
    right = [trustworthiness(found.values, one.values) for one in (places, shadow)]
    answers = [number(of_tsne), number(of_pca)]
    swapped = [trustworthiness(one.values, found.values) for one in (places, shadow)]
    if _near(answers, right):
        return (
            f"{right[0]:.3f} of t-SNE, {right[1]:.3f} of PCA: a map that is made for its neighbors keeps them better "
            "than a shadow. It says nothing about distances."
        )
    if _near(answers, right[::-1]):
        raise Wrong("the two are in the place of each other.")
    if _near(answers, swapped):
        raise Wrong("the map comes second: first what is to be kept, then what has been made of it.")
    for name, answer, wanted in zip(("of_tsne", "of_pca"), answers, right, strict=True):
        if not _near([answer], [wanted]):
            raise Wrong(f"`{name}` is {answer:.3f}, not the trustworthiness of that map of `found.values`.")
    raise AssertionError


def _near(answers: list[float], wanted: list[Any]) -> bool:
    return bool(torch.allclose(Tensor(answers), Tensor([float(one) for one in wanted]), atol=1e-3))
