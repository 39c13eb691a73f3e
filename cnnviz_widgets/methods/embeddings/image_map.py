"""E3: a map of pictures as a grid, one to a cell (Karpathy, 2014)."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Annotated, Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Range, came, gate
from cnnviz_widgets.methods.embeddings._points import as_points
from cnnviz_widgets.pictures import load_dataset

__all__ = ["ImageMap", "image_map", "map_picture"]

EXACT = 1100  # points that are assigned at once in less than a second
WINDOW = 16  # cells of a side of the windows in which they are assigned otherwise
ROUNDS = 20
GAINED = 1e-4  # of the cost; less in a round is the end


@dataclass(frozen=True, eq=False, repr=False)
class ImageMap(Result):
    """Which cell each point has; no two have the same.

    values       (N,): numbers of cells, from the top left, row by row
    shape        (rows, columns) of the grid
    cost         the sum of squared distances from the points to the middles of their cells
    step, total  rounds done, and at most to come
    thumbnails   (N, h, w, 3) uint8, where the points have them
    """

    values: Tensor
    shape: tuple[int, int]
    cost: float
    step: int
    total: int
    of: str
    convention: str = "numbers of cells, row by row"
    thumbnails: np.ndarray | None = None
    names: tuple[str, ...] = ()

    @property
    def cells(self) -> Tensor:
        return self.values

    @property
    def order(self) -> np.ndarray:
        """(rows × columns,): the number of the point in each cell; −1 = none."""
        order = np.full(self.shape[0] * self.shape[1], -1)
        order[self.values.numpy()] = np.arange(len(self.values))
        return order

    def content(self) -> Content:
        order = self.order
        keys = tuple(order.tolist())
        caption = f"{len(self.values)} pictures on {self.shape[0]}×{self.shape[1]} cells, cost {self.cost:.4g}"
        if self.thumbnails is None:
            return Content(values=order.reshape(self.shape).astype(float), caption=caption)
        pictures = self.thumbnails[order.clip(0)].copy()
        pictures[order < 0] = 128  # neither a light page nor a dark one
        names = tuple(self.names[one] if one >= 0 else "empty" for one in keys) if self.names else ()
        return Content(pictures, names=names, keys=keys, columns=self.shape[1], caption=caption)


@gate
def image_map(
    positions: Annotated[Any, OWN],
    *,
    columns: Annotated[int, Range(1, 1000)] | None = None,
    exact: bool | None = None,
    pictures: Annotated[Any, OWN] = None,
) -> Iterator[ImageMap]:
    """Put pictures into the cells of a grid, each as near to its place on a map as can be.

    positions  (N, 2), 0…1: from the left and from the top; or what ``embed`` found
    columns    of the grid; None = about as many as rows
    exact      one linear assignment of all (scipy's), which cannot be stopped; None = up to 1,100 points. Otherwise all
               are sorted into rows, then those in windows of 16×16 cells change places, again and again: first of cells
               that are far apart, at last of neighbors
    pictures   what ``features`` found of the same pictures: their thumbnails are shown

    Yields ImageMap, each at least as good as the one before. UserError for positions outside 0…1 and for a grid with
    fewer cells than points.
    """
    unit = getattr(positions, "unit", positions)
    places = as_points("positions", unit)
    if places.shape[1] != 2 or not 0 <= float(places.min()) <= float(places.max()) <= 1:
        raise UserError(f"positions must be (N, 2) numbers 0…1, or what embed found, not {came(positions)}.")
    shown = getattr(pictures, "thumbnails", None)
    if pictures is not None and (shown is None or len(shown) != len(places)):
        raise UserError(f"pictures must be what features found of these {len(places)} pictures, not {came(pictures)}.")
    wide = columns or ceil(sqrt(len(places)))
    shape = (ceil(len(places) / wide), wide)
    names = getattr(pictures, "names", ())
    of = getattr(positions, "of", "positions")
    at_once = len(places) <= EXACT if exact is None else exact
    found = _exactly(_costs(places, shape)) if at_once else _in_windows(places, shape)
    total = 1 if at_once else ROUNDS

    def states() -> Iterator[ImageMap]:
        for step, (cells, cost) in enumerate(found, 1):
            yield ImageMap(
                torch.from_numpy(cells[: len(places)].copy()), shape, cost, step, total, of,
                thumbnails=shown, names=names,
            )  # fmt: skip

    return states()


@gate
def map_picture(
    found: Annotated[Any, OWN], side: Annotated[int, Range(64, 8192)] = 4000, *, pictures: Annotated[Any, OWN] = None
) -> Image.Image:
    """An image map as one large picture, whose longer side has so many px; ``save("map.jpg")`` keeps it.

    found     what ``image_map`` found
    pictures  the data set, in the order of the points; None = the thumbnails that ``found`` has
    """
    if not isinstance(found, ImageMap):
        raise UserError(f"found must be what image_map found, not {came(found)}.")
    if pictures is None and found.thumbnails is None:
        raise UserError("pictures must be given: this map was made without any.")
    dataset = None if pictures is None else load_dataset(pictures)
    if dataset is not None and len(dataset) != len(found.values):
        raise UserError(f"pictures must be the {len(found.values)} of this map, not {len(dataset)}.")
    cell = max(1, side // max(found.shape))
    sheet = Image.new("RGB", (cell * found.shape[1], cell * found.shape[0]), "white")
    for at, number in enumerate(found.order.tolist()):
        if number >= 0:
            if dataset is None:
                assert found.thumbnails is not None
                one = found.thumbnails[number]
            else:
                one = rgb(dataset[number][0])
            picture = ImageOps.fit(Image.fromarray(one), (cell, cell))
            sheet.paste(picture, (at % found.shape[1] * cell, at // found.shape[1] * cell))
    return sheet


def _middles(shape: tuple[int, int]) -> np.ndarray:
    """(rows × columns, 2): (x, y) of the middles of the cells, row by row."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.stack([(x.ravel() + 0.5) / shape[1], (y.ravel() + 0.5) / shape[0]], 1)


def _costs(places: Tensor, shape: tuple[int, int]) -> np.ndarray:
    """(N, cells): squared distances."""
    return ((places.double().numpy()[:, None] - _middles(shape)) ** 2).sum(2)


def _exactly(costs: np.ndarray) -> Iterator[tuple[np.ndarray, float]]:
    from scipy.optimize import linear_sum_assignment

    rows, cells = linear_sum_assignment(costs)
    yield cells, float(costs[rows, cells].sum())


def _in_windows(places: Tensor, shape: tuple[int, int]) -> Iterator[tuple[np.ndarray, float]]:
    """Each state is a permutation of the cells; those that stay empty have points at no cost."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = shape
    count, middles = rows * columns, _middles(shape)
    # Those of cells that stay empty begin in the last row.
    points = np.concatenate([places.double().numpy(), np.ones((count - len(places), 2))])
    real = np.arange(count) < len(places)
    by_row = np.argsort(points[:, 1], kind="stable")
    order = np.concatenate([row[np.argsort(points[row, 0], kind="stable")] for row in np.split(by_row, rows)])

    def cost() -> float:
        return float((((points[order] - middles) ** 2).sum(1) * real[order]).sum())

    def state() -> tuple[np.ndarray, float]:
        cells = np.empty(count, int)
        cells[order] = np.arange(count)
        return cells, cost()

    yield state()
    numbers = np.arange(count).reshape(shape)
    before = cost()
    for turn in range(1, ROUNDS):
        stride = -(-ceil(max(shape) / WINDOW) >> (turn - 1) // 2)  # from far apart to neighbors: half, rounded up
        top, left = (WINDOW // 2 * (turn % 2), WINDOW // 2 * (turn // 2 % 2))
        for some in _windows(numbers, top, left, stride):
            there = order[some]
            costs = ((points[there][:, None] - middles[some]) ** 2).sum(2) * real[there][:, None]
            one, other = linear_sum_assignment(costs)
            order[some[other]] = there[one]
        yield state()
        if stride == 1 and turn % 4 == 0:
            now = cost()
            if before - now < GAINED * before:
                return
            before = now


def _windows(numbers: np.ndarray, top: int, left: int, stride: int) -> Iterator[np.ndarray]:
    """Numbers of the cells of windows that cover the grid, the first of this size, with every ``stride``-th cell."""
    for y, x in np.ndindex(stride, stride):
        some = numbers[y::stride, x::stride]
        for rows in np.split(some, range(top or WINDOW, len(some), WINDOW)):
            for block in np.split(rows, range(left or WINDOW, some.shape[1], WINDOW), axis=1):
                if block.size > 1:
                    yield block.ravel()
