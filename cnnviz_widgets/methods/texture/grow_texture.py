"""T1: texture by copying, one pixel after another, from where the sample looks most like what is there already."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Positive, Range, Rate, Seed, came, gate
from cnnviz_widgets.pictures.given import AnyPicture, check_values

__all__ = ["TextureGrowth", "grow_texture"]

example = {"size": 12, "window": 5}

Order = Literal["onion", "raster"]
SEED = 3  # px: side of the piece of the sample that an onion begins with
EQUAL = 1e-6  # weighted mean squared differences of values 0…1 that are rounding only
FRAMES = 160  # states that are yielded, about
CHOICES = 8  # nearest windows among which the raster draws
VARIANCE = 0.98  # of the windows, that the raster's principal components keep
MOST_WINDOWS = 1e9  # numbers in all windows of a sample


@dataclass(frozen=True, eq=False, repr=False)
class TextureGrowth(Result):
    """A texture, as far as it has grown.

    values       (C, H, W), 0…1; 0.5 where nothing is yet
    filled       (H, W), bool
    source       (2, H, W): row and column of the sample that each pixel is a copy of; −1 where nothing is yet
    turn         (H, W): pixels of one turn were filled together, and have seen those of earlier turns; −1 as above
    step, total  pixels filled, and all of them, those that were there at first included
    """

    values: Tensor
    filled: Tensor
    source: Tensor
    turn: Tensor
    step: int
    total: int
    of: str = "texture"
    convention: str = "picture, values 0…1"

    def content(self) -> Content:
        return Content(picture=rgb(self.values), caption=f"{self.step:,} of {self.total:,} pixels")

    def by_source(self) -> Content:
        """Each pixel in a color that says where it is from: what was copied as one piece is one smooth patch."""
        row, column = self.source.float() / self.source.flatten(1).amax(1).clamp(min=1)[:, None, None]
        colors = torch.stack([row, column, 1 - (row + column) / 2]) * self.filled + 0.5 * ~self.filled
        return Content(picture=rgb(colors), caption="red: row, green: column in the sample")


@gate
def grow_texture(
    sample: AnyPicture,
    size: Annotated[int, Range(1, 1024)] = 128,
    window: Positive = 11,
    order: Order = "onion",
    tolerance: Rate = 0.1,
    hole: Tensor | None = None,
    seed: Seed = 0,
) -> Iterator[TextureGrowth]:
    """A larger piece of the same texture: each pixel is one of the sample's whose surroundings look most alike.

    sample     (C, h, w), values 0…1
    size       px of a side of what is made
    window     px of a side of the surroundings that are compared, odd: about the size of the largest regular element
    order      "onion": around what is there, the pixels with most neighbors first (Efros & Leung, 1999); "raster":
               row by row, comparing what is above and on the left (Wei & Levoy, 2000), which is quicker
    tolerance  one of the windows is drawn whose distance is at most ``1 + tolerance`` times the least
    hole       (h, w), bool: this part of the sample is filled from the rest of it, in the onion's order; ``size`` and
               ``order`` do not matter then
    seed       of what is drawn

    The distance of two windows is the mean squared difference of the pixels that are known, weighted by a Gaussian of
    ``window / 6.4`` px around the center. Pixels are filled one at a time; those whose windows do not meet are worked
    out together, which is the same. Yields TextureGrowth about 160 times, at the end with all pixels.
    UserError for a window that is even or larger than the sample, and for a hole that leaves no whole window.
    """
    picture = sample.squeeze(0) if sample.ndim == 4 and len(sample) == 1 else sample
    if picture.ndim != 3:
        raise UserError(f"sample must be one picture (C, H, W), not {came(sample)}.")
    check_values("sample", picture)
    pixels = picture.detach().cpu().float()
    _check_window(window, pixels)
    if hole is not None:
        return _Growth(pixels, window, tolerance, seed).fill(_as_hole(hole, pixels))
    growth = _Growth(pixels, window, tolerance, seed)
    return growth.raster(size) if order == "raster" else growth.onion(size)


def _check_window(window: int, pixels: Tensor) -> None:
    channels, height, width = pixels.shape
    if window % 2 == 0 or not 3 <= window <= min(height, width):
        most = f"{min(height, width)}, a side of the sample"
        raise UserError(f"window must be an odd number from 3 to {most}, not {came(window)}.")
    numbers = (height - window + 1) * (width - window + 1) * channels * window**2
    if numbers > MOST_WINDOWS:
        raise UserError(
            f"sample has too many windows of {window} px to compare ({numbers:.1g} numbers): scale it down."
        )


def _as_hole(hole: Tensor, pixels: Tensor) -> np.ndarray:
    if hole.shape != pixels.shape[1:] or hole.dtype is not torch.bool or not hole.any():
        raise UserError(
            f"hole must be a bool tensor {tuple(pixels.shape[1:])}, True where something is to be filled, "
            f"not {came(hole)}."
        )
    return hole.cpu().numpy()


class _Growth:
    """The windows of a sample, and what grows out of them."""

    def __init__(self, pixels: Tensor, window: int, tolerance: float, seed: int) -> None:
        self.sample, self.window, self.reach, self.tolerance = pixels.numpy(), window, window // 2, tolerance
        self.draw = np.random.default_rng(seed)
        axis = np.arange(window) - self.reach
        bell = np.exp(-0.5 * (axis / (window / 6.4)) ** 2).astype(np.float32)
        self.bell = np.outer(bell, bell).reshape(-1)

    def onion(self, size: int) -> Iterator[TextureGrowth]:
        rows, columns = (min(SEED, size, side) for side in self.sample.shape[1:])
        at = [
            int(self.draw.integers(side - n + 1))
            for side, n in zip(self.sample.shape[1:], (rows, columns), strict=True)
        ]
        there = np.mgrid[at[0] : at[0] + rows, at[1] : at[1] + columns]
        self._begin(size, size)
        top, left = (size - rows) // 2, (size - columns) // 2
        self._put(np.mgrid[top : top + rows, left : left + columns].reshape(2, -1), there.reshape(2, -1))
        self._compare_with(np.ones(self.sample.shape[1:], bool), np.arange(self.window**2) != self.window**2 // 2)
        return self._grown()

    def fill(self, hole: np.ndarray) -> Iterator[TextureGrowth]:
        self._begin(*hole.shape)
        known = np.stack(np.nonzero(~hole))
        self._put(known, known)
        self._compare_with(~hole, np.arange(self.window**2) != self.window**2 // 2)
        return self._grown()

    def raster(self, size: int) -> Iterator[TextureGrowth]:
        self._begin(size, size)
        self._compare_with(np.ones(self.sample.shape[1:], bool), np.arange(self.window**2) < self.window**2 // 2)
        first = self.places[:, self.draw.integers(self.places.shape[1])]
        self._put(np.zeros((2, 1), int), first[:, None])
        reach, shown, tree = self.reach, 1, cache(self._causal_tree)
        for step in range(1, size + (size - 1) * (reach + 1)):  # pixels of a slanted line do not see each other
            rows = np.arange(max(0, -(-(step - size + 1) // (reach + 1))), min(size, step // (reach + 1) + 1))
            columns, chance = step - rows * (reach + 1), self.draw.random(rows.shape)
            left, right = (reach - columns).clip(0), (columns + reach + 1 - size).clip(0)  # of the window, outside
            kinds = np.where(rows < reach, -1, left * self.window + right)
            for kind in np.unique(kinds):
                look_up = self._best if kind < 0 else tree(*divmod(int(kind), self.window))
                at = np.stack([rows, columns])[:, kinds == kind]
                self._put(at, look_up(at, chance[kinds == kind]))
            if self.count >= shown * size**2 / FRAMES or self.count == size**2:
                shown = self.count * FRAMES // size**2 + 1
                yield self._state()

    # ------------------------------------------------------------------ what is there, with a margin all around

    def _begin(self, height: int, width: int) -> None:
        margin, reach = (self.reach, self.reach), self.reach
        self.made = np.pad(np.full((len(self.sample), height, width), 0.5, np.float32), ((0, 0), margin, margin))
        self.known = np.zeros((height + 2 * reach, width + 2 * reach), np.float32)
        self.source, self.turn = np.full((2, height, width), -1), np.full((height, width), -1)
        self.count, self.total = 0, height * width

    def _put(self, at: np.ndarray, there: np.ndarray) -> None:
        (row, column), reach = at, self.reach
        self.made[:, row + reach, column + reach] = self.sample[:, there[0], there[1]]
        self.known[row + reach, column + reach] = 1
        self.source[:, row, column], self.turn[row, column] = there, self.count
        self.count += at.shape[1]

    def _state(self) -> TextureGrowth:
        inner = slice(self.reach, -self.reach)
        values = torch.from_numpy(self.made[:, inner, inner].copy())
        filled = torch.from_numpy(self.known[inner, inner] > 0)
        source, turn = (torch.from_numpy(one.copy()) for one in (self.source, self.turn))
        return TextureGrowth(values, filled, source, turn, self.count, self.total)

    # ------------------------------------------------------------------ windows that look alike

    def _compare_with(self, whole: np.ndarray, places: np.ndarray) -> None:
        """Take up the windows of the sample that lie in what is ``whole``, and of each the pixels that are compared."""
        windows = np.lib.stride_tricks.sliding_window_view
        side = (self.window, self.window)
        usable = windows(whole, side).all((2, 3))
        if not usable.any():
            raise UserError(f"hole must leave a whole window of {self.window}×{self.window} pixels.")
        self.places = np.stack(np.nonzero(usable)) + self.reach
        self.rows, self.columns = np.divmod(np.flatnonzero(places), self.window)
        self.weight = self.bell[places] / self.bell[places].sum()
        every = windows(self.sample, side, (1, 2))[:, usable][..., self.rows, self.columns].swapaxes(0, 1)
        self.windows = every.reshape(len(every), -1) - 0.5  # less cancels out around 0
        self.squares = ((every - 0.5) ** 2).sum(1)

    def _around(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of each pixel its surroundings (n, C, places), −0.5…0.5, and which of these are known (n, places)."""
        rows, columns = at[0][:, None] + self.rows, at[1][:, None] + self.columns
        return self.made[:, rows, columns].swapaxes(0, 1) - 0.5, self.known[rows, columns]

    def _best(self, at: np.ndarray, chance: np.ndarray) -> np.ndarray:
        """(2, n): for each pixel a place of the sample whose surroundings are as good as the best."""
        seen, known = self._around(at)
        weight = known * self.weight
        weight /= weight.sum(1, keepdims=True).clip(1e-12)
        weighted = weight[:, None] * seen
        distance = self.squares @ weight.T - 2 * self.windows @ weighted.reshape(len(weighted), -1).T
        distance += (weighted * seen).sum((1, 2))
        good = distance <= np.maximum(distance.min(0), 0) * (1 + self.tolerance) + EQUAL
        rank = np.minimum((chance * good.sum(0)).astype(int), good.sum(0) - 1)
        return self.places[:, (good.cumsum(0) > rank).argmax(0)]

    def _grown(self) -> Iterator[TextureGrowth]:
        """Rings of pixels that touch what is there, in each the ones with most neighbors first, ties at random."""
        from scipy.ndimage import binary_dilation, uniform_filter

        inner = slice(self.reach, -self.reach)
        yield self._state()
        first, shown = self.count, 1
        while self.count < self.total:
            known = self.known[inner, inner]
            ring = np.stack(np.nonzero(binary_dilation(known > 0, np.ones((3, 3))) & (known == 0)))
            neighbors = uniform_filter(self.known, self.window, mode="constant")[inner, inner][tuple(ring)]
            ring = ring[:, np.lexsort((self.draw.random(ring.shape[1]), -neighbors.round(6)))]
            chance = self.draw.random((ring.shape[1],))
            for turn in _turns(ring, self.reach):
                self._put(ring[:, turn], self._best(ring[:, turn], chance[turn]))
                if self.count - first >= shown * (self.total - first) / FRAMES or self.count == self.total:
                    shown = (self.count - first) * FRAMES // (self.total - first) + 1
                    yield self._state()

    def _causal_tree(self, left: int, right: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """Quick and nearly exact: the surroundings that a row-by-row order knows, by their principal components.

        left, right   columns of the window that lie outside of the picture
        """
        from scipy.spatial import cKDTree

        inside = (self.columns >= left) & (self.columns < self.window - right)
        root = np.sqrt(self.weight[inside] / self.weight[inside].sum())
        every = (self.windows.reshape(len(self.windows), -1, len(inside))[..., inside] * root).reshape(
            len(self.windows), -1
        )
        middle = every.mean(0)
        spread, axes = np.linalg.eigh((every - middle).T @ (every - middle))  # the smallest first
        axes = axes[:, spread.cumsum() >= (1 - VARIANCE) * spread.sum()]
        tree = cKDTree((every - middle) @ axes)
        most = min(CHOICES, len(every))

        def look_up(at: np.ndarray, chance: np.ndarray) -> np.ndarray:
            seen = (self._around(at)[0][..., inside] * root).reshape(at.shape[1], -1)
            distance, found = tree.query((seen - middle) @ axes, range(1, most + 1))
            good = distance**2 <= distance[:, :1] ** 2 * (1 + self.tolerance) + EQUAL
            return self.places[:, found[np.arange(len(found)), (chance * good.sum(1)).astype(int)]]

        return look_up


def _turns(ring: np.ndarray, reach: int) -> Iterator[np.ndarray]:
    """Indices of the pixels of an ordered list that can be filled together: none sees an earlier one that waits."""
    near = (abs(ring[:, :, None] - ring[:, None]).max(0) <= reach) & np.tri(ring.shape[1], k=-1, dtype=bool)
    waits = np.ones(ring.shape[1], bool)
    while waits.any():
        turn = np.flatnonzero(waits & ~(near[:, waits].any(1)))
        yield turn
        waits[turn] = False
