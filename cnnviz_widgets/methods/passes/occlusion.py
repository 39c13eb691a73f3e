"""O1: slide a square over the picture, and see where the class goes when it is covered."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.checks import whole_number
from cnnviz_widgets.methods.passes.activations import one_picture
from cnnviz_widgets.methods.results import Heatmap, Result
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.render import Content
from cnnviz_widgets.runtime import batching

FILLS = ("grey", "mean", "black", "blurred", "noise")
SCORES = ("probability", "logit")
SECONDS, MOST = 0.5, 64  # aimed at for one step; positions in it at most
COARSE_TO_FINE = (8, 4, 2, 1)  # every 8th position first, then every 4th …


@dataclass(frozen=True, eq=False, repr=False)
class OcclusionState(Result):
    """An occlusion map as far as it is done.

    step, total   positions done, and all of them
    values        (rows, columns): the score with the square at each position; where not yet known, that of a
                  position near by
    known         (rows, columns) bool
    baseline      the score when nothing is covered
    target, of    class index and name
    size, stride  of the square, in pixels of the picture
    tops, lefts   where the squares of each row and column begin
    picture       (C, H, W), 0…1: as the network sees it, uncovered
    """

    step: int
    total: int
    values: Tensor
    known: Tensor
    baseline: float
    target: int
    of: str
    size: int
    stride: int
    tops: tuple[int, ...]
    lefts: tuple[int, ...]
    picture: Tensor
    convention: str
    look: ClassVar[dict] = {"colormap": "inferno", "opacity": 0.7}

    @property
    def heatmap(self) -> Tensor:
        """(H, W): mean loss of score over the squares that cover each pixel; 0 where none does (stride > size)."""
        height, width = self.picture.shape[-2:]
        rows, columns = self._covers(self.tops, height), self._covers(self.lefts, width)
        count = torch.outer(rows.sum(0), columns.sum(0))
        return (rows.T @ (self.baseline - self.values.double()) @ columns / count.clamp(min=1)).to(self.values.dtype)

    def _covers(self, starts: tuple[int, ...], length: int) -> Tensor:
        """(positions, length): 1 where the square of a position is."""
        offset = torch.arange(length) - torch.tensor(starts)[:, None]
        return ((offset >= 0) & (offset < self.size)).double()

    def content(self) -> Content:
        return Heatmap(self.heatmap, self.picture, self.convention, self.of, self.target).content()


def occlusion(
    network: Network,
    image: Tensor,
    target: int | str | None = None,
    *,
    size: int = 32,
    stride: int = 8,
    fill: str = "grey",
    score: str = "probability",
) -> Iterator[OcclusionState]:
    """What is left of a class when a square covers part of the picture (Zeiler & Fergus, 2014, fig. 7 d).

    image   (3, H, W), values 0…1, any device
    target  class index or name; None = the top class of the whole picture
    size    side of the square, in pixels of the picture as the network sees it
    stride  pixels between two positions; the last square of a row or column ends flush with the border
    fill    "grey" (0.5), "mean" (the picture's mean colour), "black", "blurred" (the picture, blurred) or "noise"
    score   "probability" (after the softmax) or "logit" (before it)

    Yields OcclusionState, coarse positions first; each is a whole map that the next ones refine. Stop when you like.
    Raises UserError at once for an unknown class, fill or score, a size larger than the picture, or a stride below 1.

        last(occlusion(load_network("mini"), load_image("chelsea"), size=16)).heatmap
    """
    if score not in SCORES:
        raise UserError(f"score must be one of {', '.join(map(repr, SCORES))}, not {score!r}.")
    picture = one_picture(network, image)
    tops, lefts = (positions(side, size, stride) for side in picture.shape[-2:])
    filling = fill_picture(picture, fill)
    index = None if target is None else network.class_index(target)

    def states() -> Iterator[OcclusionState]:
        # Both are normalised once; a position then costs a copy, the writing of its square, and the forward pass.
        normal, normal_filling = network.normalise(torch.stack([picture, filling]))
        whole = _scores(network, normal[None], score)[0]
        if not whole.isfinite().all():
            raise UserError(f"{network.name} gives scores that are not finite (NaN or infinity) for this picture.")
        chosen = int(whole.argmax()) if index is None else index

        def covered(places: Sequence[tuple[int, int, int]]) -> Tensor:
            """The chosen score with a square at each place."""
            batch = normal.expand(len(places), *normal.shape).clone()
            for one, (row, column, _) in zip(batch, places, strict=True):
                square = (..., slice(tops[row], tops[row] + size), slice(lefts[column], lefts[column] + size))
                one[square] = normal_filling[square]
            return _scores(network, batch, score)[:, chosen]

        values = whole[chosen].repeat(len(tops), len(lefts))
        known = torch.zeros(values.shape, dtype=torch.bool)
        queue = list(coarse_to_fine(*known.shape))
        bytes_each, count = network.bytes_per_image(picture.shape[-2:]), 4
        while queue:
            places, queue = queue[:count], queue[count:]
            start = time.perf_counter()
            pieces = batching.run(covered, places, bytes_each, most=count, where=network.device)
            found = torch.cat([scores for _, scores in pieces])
            count = portion(count, time.perf_counter() - start)
            for value, (row, column, spacing) in zip(found, places, strict=True):
                values[around(row, spacing, len(tops)), around(column, spacing, len(lefts))] = value
                known[row, column] = True
            yield OcclusionState(
                step=known.numel() - len(queue),
                total=known.numel(),
                values=values.clone(),
                known=known.clone(),
                baseline=float(whole[chosen]),
                target=chosen,
                of=network.classes[chosen],
                size=size,
                stride=stride,
                tops=tops,
                lefts=lefts,
                picture=picture.cpu(),
                convention=f"{score} lost, mean over the squares that cover a pixel",
            )

    return states()


def portion(count: int, took: float) -> int:
    """How many positions to do at once, after ``count`` of them took so many seconds."""
    if took < SECONDS:
        return min(2 * count, MOST)
    return max(1, count // 2) if took > 3 * SECONDS else count


def _scores(network: Network, batch: Tensor, score: str) -> Tensor:
    """(B, classes) on the CPU, in float64."""
    logits = network.forward(batch)[0].cpu().double()
    return logits.softmax(1) if score == "probability" else logits


def occluded(network: Network, image: Tensor, top: int, left: int, size: int = 32, fill: str = "grey") -> Tensor:
    """The picture as the network sees it, (C, H, W), 0…1, with a square at (top, left) covered as in ``occlusion``."""
    picture = one_picture(network, image)
    height, width = picture.shape[-2:]
    positions(height, size, 1), positions(width, size, 1)
    top = whole_number("top", top, 0, height - size, f"for a square of {size} in {height} pixels")
    left = whole_number("left", left, 0, width - size, f"for a square of {size} in {width} pixels")
    square = (..., slice(top, top + size), slice(left, left + size))
    covered = picture.clone()
    covered[square] = fill_picture(picture, fill)[square]
    return covered


def positions(length: int, size: int, stride: int) -> tuple[int, ...]:
    """Where squares begin along a side of the picture: every ``stride`` pixels, and the last one flush with the border.

    Raises UserError if ``size`` is not 1 … length, or ``stride`` is below 1.
    """
    size = whole_number("size", size, 1, length, "(a side of the picture)")
    stride = whole_number("stride", stride, 1)
    return (*range(0, length - size, stride), length - size)


def fill_picture(picture: Tensor, fill: str) -> Tensor:
    """What shows where the picture (C, H, W) is covered, of the same shape: one of ``FILLS``."""
    if fill == "grey":
        return torch.full_like(picture, 0.5)
    if fill == "mean":
        return picture.mean((1, 2), keepdim=True).expand_as(picture)
    if fill == "black":
        return torch.zeros_like(picture)
    if fill == "blurred":
        sigma = min(picture.shape[-2:]) / 16
        side = 2 * int(3 * sigma) + 1
        return gaussian_blur(gaussian_blur(picture, [side, 1], [sigma, sigma]), [1, side], [sigma, sigma])
    if fill == "noise":  # the same each time, so that what ``occluded`` shows is what ``occlusion`` saw
        return torch.rand(picture.shape, generator=torch.Generator().manual_seed(0)).to(picture)
    raise UserError(f"fill must be one of {', '.join(map(repr, FILLS))}, not {fill!r}.")


def coarse_to_fine(rows: int, columns: int) -> Iterator[tuple[int, int, int]]:
    """(row, column, spacing) of every position once: on a grid of 8, then what a grid of 4 adds, then 2, then all."""
    for spacing in COARSE_TO_FINE:
        for row in range(0, rows, spacing):
            for column in range(0, columns, spacing):
                is_known = spacing < COARSE_TO_FINE[0] and not (row % (2 * spacing) or column % (2 * spacing))
                if not is_known:
                    yield row, column, spacing


def around(place: int, spacing: int, count: int) -> slice:
    """The places nearer to this one than to the next on a grid of this spacing; the last one has all that follow."""
    return slice(max(0, place - spacing // 2), place + spacing - spacing // 2 if place + spacing < count else count)
