"""E2: many numbers a picture as a map of two: PCA, or t-SNE as it optimizes (van der Maaten & Hinton, 2008)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Range, Seed, came, gate
from cnnviz_widgets.methods.embeddings._points import as_points

__all__ = ["Embedding", "embed"]
example = dict(perplexity=3, steps=20)

Perplexity = Annotated[float, Range(2, 500)]

DIMENSIONS = 50  # that PCA leaves before t-SNE
EXAGGERATED = 250  # steps at first, in which neighbors attract each other more
EXAGGERATION = 4  # below 10,000 points, 12 can make all of them collapse
A_STATE, MANY = 10, 2000  # steps from one state to the next, half as many where there are more points


@dataclass(frozen=True, eq=False, repr=False)
class Embedding(Result):
    """Where each picture lies on a map.

    values       (N, 2)
    step, total  steps of t-SNE done, and all of them; PCA has 1
    divergence   of Kullback and Leibler, in nats: how much the map's neighbors differ from those of the points; NaN
                 where there is none, as of PCA
    perplexity   how many neighbors a point has, about
    """

    values: Tensor
    step: int
    total: int
    divergence: float
    perplexity: float
    method: str
    of: str
    convention: str = "positions on a map; only what is near what has a meaning"
    running: Any = None

    @property
    def unit(self) -> Tensor:
        """(N, 2), 0…1: the same map in a square."""
        return unit_square(self.values)

    def content(self) -> Content:
        """A picture of the points, 320×320 px."""
        drawn = np.full((320, 320, 3), 255, np.uint8)
        columns, rows = (4 + self.unit * 311).long().T.numpy()
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                drawn[rows + dy, columns + dx] = (0, 114, 178)
        caption = f"{self.of}: {self.method}, step {self.step} of {self.total}"
        return Content(drawn, caption=caption, alt=f"{len(columns)} points on a map")


def unit_square(places: Tensor) -> Tensor:
    """(N, 2), 0…1: moved and scaled alike in both directions; clamped, as rounding may lead a little outside."""
    low, high = places.amin(0), places.amax(0)
    return (0.5 + (places - (low + high) / 2) / (high - low).max().clamp(min=1e-12)).clamp(0, 1)


@gate
def embed(
    points: Annotated[Any, OWN],
    method: Literal["tsne", "pca"] = "tsne",
    *,
    perplexity: Perplexity = 30.0,
    steps: Annotated[int, Range(1, 10_000)] = 750,
    seed: Seed = 0,
    start: Annotated[Embedding | None, OWN] = None,
) -> Iterator[Embedding]:
    """A map on which pictures with similar numbers lie together.

    points      (N, D), or what ``features`` found; t-SNE sees their first 50 principal components
    method      "tsne", or "pca": the two directions in which they vary most
    perplexity  of t-SNE: about how many neighbors count for a point, at most a third of the points
    steps       of t-SNE, in all, those of ``start`` included; in the first 250 neighbors attract each other more
    seed        of t-SNE
    start       a state of the same points to go on from; another perplexity goes on from its map

    Yields Embedding after every 10 steps, of more than 2,000 points after every 5; openTSNE computes it. UserError for
    fewer points than three times the perplexity, numbers that are not finite, and a start that is of other points.

        last(embed(last(features(load_network("mini"), samples())), perplexity=3)).values
    """
    least = 2 if method == "pca" else 3 * 2
    rows = as_points("points", points, least)
    of = getattr(points, "of", "points")
    if method == "pca":
        return iter([Embedding(_principal(rows, 2), 1, 1, float("nan"), float("nan"), "PCA", of)])
    if 3 * perplexity > len(rows):
        raise UserError(f"perplexity must be at most {len(rows) // 3}, a third of the points, not {came(perplexity)}.")
    if start is not None:
        if not isinstance(start, Embedding) or start.running is None or len(start.values) != len(rows):
            raise UserError(f"start must be a state of t-SNE of these {len(rows)} points, not {came(start)}.")
        if start.step >= steps:
            raise UserError(f"steps must be more than the {start.step} that start has done, not {steps}.")
    return _optimized(rows, perplexity, steps, seed, start, of)


def _optimized(
    rows: Tensor, perplexity: float, steps: int, seed: int, start: Embedding | None, of: str
) -> Iterator[Embedding]:
    from openTSNE import TSNEEmbedding, affinity, initialization

    seed %= 2**32  # numpy's
    reduced = _principal(rows, DIMENSIONS).double().numpy()
    if start is None:
        begun = TSNEEmbedding(
            initialization.pca(reduced, random_state=seed),
            affinity.PerplexityBasedNN(reduced, perplexity, method="exact", n_jobs=1),
            negative_gradient_method="bh",
            random_state=seed,
            n_jobs=1,
        )
    else:
        begun = start.running
        if start.perplexity != perplexity:
            near = affinity.PerplexityBasedNN(reduced, perplexity, method="exact", n_jobs=1)
            begun = TSNEEmbedding(
                np.array(begun), near, negative_gradient_method="bh", random_state=seed, n_jobs=1,
                optimizer=begun.optimizer.copy(),
            )  # fmt: skip

    def states() -> Iterator[Embedding]:
        running, done = begun, 0 if start is None else start.step
        a_state = A_STATE if len(rows) <= MANY else A_STATE // 2
        while done < steps:
            early = done < EXAGGERATED
            count = min(a_state, (EXAGGERATED if early else steps) - done, steps - done)
            how = {"exaggeration": EXAGGERATION, "momentum": 0.5} if early else {"exaggeration": None, "momentum": 0.8}
            running = running.optimize(count, inplace=False, learning_rate="auto", **how)
            done += count
            values = torch.from_numpy(np.array(running)).float()
            yield Embedding(
                values, done, steps, float(running.kl_divergence), perplexity, "t-SNE", of, running=running
            )  # fmt: skip

    return states()


def _principal(rows: Tensor, count: int) -> Tensor:
    """(N, at most count): by the principal components, each with the sign that makes its largest weight positive."""
    from sklearn.decomposition import PCA

    count = min(count, *rows.shape)
    found = PCA(count, random_state=0).fit_transform(rows.double().numpy())
    wide = np.zeros((len(rows), max(2, count)))
    wide[:, :count] = found
    return torch.from_numpy(wide).float()
