"""E1: what is nearest, exactly (Krizhevsky et al., 2012)."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Positive, came, gate
from cnnviz_widgets.methods.embeddings._points import as_points

__all__ = ["Neighbors", "neighbors"]

Metric = Literal["cosine", "euclidean"]

BLOCK = 8192  # points that are compared at once with all queries
QUERIES = 1024  # queries at once
SPARE = 8  # candidates beyond k, whose order is settled in float64
SETTLED = 64  # queries whose candidates are settled at once: they stay in the cache
GROUP = 8  # columns of which the greatest is found first


@dataclass(frozen=True, eq=False, repr=False)
class Neighbors(Result):
    """The nearest of the points, the nearest first; where they are equally near, the lower number first.

    values      (Q, k) float64: cosines, or Euclidean distances
    indices     (Q, k): numbers of the points
    thumbnails  (Q, k, h, w, 3) uint8, where the points have them
    names       (Q × k), the same
    """

    values: Tensor
    indices: Tensor
    of: str
    convention: str
    thumbnails: np.ndarray | None = None
    names: tuple[str, ...] = ()

    def content(self) -> Content:
        """One row a query."""
        numbers = [f"{one:.3g}" for one in self.values.flatten().tolist()]
        if self.thumbnails is None:
            return Content(values=self.values.numpy(), caption=f"{self.of}: {self.convention}")
        names = tuple(f"{number} · {name}" for number, name in zip(numbers, self.names, strict=True))
        pictures = self.thumbnails.reshape(-1, *self.thumbnails.shape[2:])
        keys = tuple(self.indices.flatten().tolist())
        return Content(pictures, names=names, keys=keys, columns=self.indices.shape[1], caption=self.convention)


@gate
def neighbors(
    points: Annotated[Any, OWN],
    queries: Annotated[Any, OWN],
    k: Positive = 8,
    metric: Metric = "cosine",
) -> Neighbors:
    """The k points that are nearest to each query; all are compared, block by block.

    points   (N, D), or what ``features`` found
    queries  (Q, D), or (D,) for one
    metric   "cosine" of the angle at the origin, 1 = the same direction; that with a row of zeros is 0. Or "euclidean"
             distance, 0 = the same point
    UserError for a k above N, for numbers that are not finite, and for rows of different length.

        neighbors(torch.tensor([[0.0, 0], [3, 4], [1, 1], [10, 0]]), torch.tensor([1.0, 1]), 4, "euclidean").indices
    """
    rows = as_points("points", points)
    given = queries.values if isinstance(queries, Result) else queries
    asked = as_points("queries", given[None] if getattr(given, "ndim", 0) == 1 else given)
    if asked.shape[1] != rows.shape[1]:
        raise UserError(f"queries must have rows of {rows.shape[1]} numbers, as the points have, not {asked.shape[1]}.")
    if k > len(rows):
        raise UserError(f"k must be at most {len(rows)}, the number of points, not {came(k)}.")
    found = [_nearest(rows, some, k, metric) for some in asked.split(QUERIES)]
    values, indices = (torch.cat(one) for one in zip(*found, strict=True))
    thumbnails, names = getattr(points, "thumbnails", None), getattr(points, "names", ())
    at = indices.numpy()
    return Neighbors(
        values,
        indices,
        getattr(points, "of", "points"),
        "cosine" if metric == "cosine" else "Euclidean distance",
        None if thumbnails is None else thumbnails[at],
        tuple(names[one] for one in at.flatten()) if names else (),
    )


def _nearest(points: Tensor, queries: Tensor, k: int, metric: Metric) -> tuple[Tensor, Tensor]:
    """float32 finds candidates by one product a block; float64 puts them in order."""
    cosine = metric == "cosine"
    most = min(k + SPARE, len(points))
    asked = _directions(queries) if cosine else queries
    size = min(BLOCK, len(points))
    room, turned = queries.new_empty(len(queries), size), points.new_empty(size, points.shape[1])  # used again
    best = queries.new_full((len(queries), 0), 0.0)
    numbers = torch.empty((len(queries), 0), dtype=torch.long)
    for start in range(0, len(points), BLOCK):
        block = points[start : start + BLOCK]
        compared = _directions(block, turned[: len(block)]) if cosine else block
        near = torch.mm(asked, compared.T, out=room[:, : len(block)])
        if not cosine:  # minus half the square of the distance, but for what all points of a query share
            near -= block.norm(dim=1).square() / 2
        value, at = _greatest(near, min(most, len(block)))
        best, numbers = torch.cat([best, value], 1), torch.cat([numbers, at + start], 1)
        best, order = best.topk(min(most, best.shape[1]), 1)
        numbers = numbers.gather(1, order)
    numbers = numbers.sort(1).values  # so that equal ones keep that order
    apart = torch.cat([
        _apart(points[some].double(), one.double(), cosine)
        for some, one in zip(numbers.split(SETTLED), queries.split(SETTLED), strict=True)
    ])  # fmt: skip
    apart, order = apart.sort(dim=1, stable=True)
    return -apart[:, :k] if cosine else apart[:, :k], numbers.gather(1, order)[:, :k]


def _greatest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """As ``values.topk(count, 1)``: first of groups of columns, whose greatest values are quick to find."""
    if values.shape[1] % GROUP or values.shape[1] < GROUP * count:
        return values.topk(count, 1)
    groups = values.unflatten(1, (GROUP, -1))
    some = groups.amax(1).topk(count, 1).indices
    value, at = groups.gather(2, some[:, None].expand(-1, GROUP, -1)).flatten(1).topk(count, 1)
    return value, at // count * groups.shape[2] + some.gather(1, at % count)


def _apart(points: Tensor, queries: Tensor, cosine: bool) -> Tensor:
    """(Q, n): distances of points (Q, n, D) from queries (Q, D), or minus their cosines."""
    if not cosine:
        return (points - queries[:, None]).norm(dim=2)
    lengths = points.norm(dim=2) * queries.norm(dim=1, keepdim=True)
    return -(points @ queries[..., None]).squeeze(2) / lengths.clamp(min=torch.finfo(torch.float64).tiny)


def _directions(rows: Tensor, out: Tensor | None = None) -> Tensor:
    """Of length 1, and 0 where a row is 0; into ``out``, if that is given."""
    tiny, lengths = torch.finfo(rows.dtype).tiny, rows.norm(dim=-1, keepdim=True)
    if not 1e-15 < lengths.min() <= lengths.max() < 1e18:  # squares of large and tiny numbers may be none
        rows = rows / rows.abs().amax(-1, keepdim=True).clamp(min=tiny)
        lengths = rows.norm(dim=-1, keepdim=True)
    return torch.mul(rows, lengths.clamp(min=tiny).reciprocal(), out=out)
