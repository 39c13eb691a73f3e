"""O1, O2: occlusion sensitivity: the class score while a square covers each part of the picture."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Annotated, Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import GradientPicture, Heatmap, Result
from cnnviz_widgets.engine.backward import like
from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.engine.fills import Fill, fill_picture
from cnnviz_widgets.engine.incremental import Answers, FullPasses, IncrementalPasses, quickest_passes
from cnnviz_widgets.engine.repeated import settled
from cnnviz_widgets.engine.targets import Goal, Target, goal
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, came, gate
from cnnviz_widgets.methods.activations.activations import one_picture
from cnnviz_widgets.methods.gradients.saliency import neuron_gradient
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.pictures.given import AnyPicture
from cnnviz_widgets.runtime import batching

__all__ = ["OcclusionState", "occluded", "occlusion"]
example = dict(top=0, left=0, size=32, stride=32)

Shape = Literal["square", "disc"]
Score = Literal["probability", "logit"]
SHAPES, SCORES = get_args(Shape), get_args(Score)
COARSE_TO_FINE = (8, 4, 2, 1)  # every 8th position first, then every 4th …


@dataclass(frozen=True, eq=False, repr=False)
class OcclusionState(Result):
    """An occlusion map as far as it is done (Zeiler & Fergus, 2014, fig. 7), or one for each picture of a batch.

    step, total   positions done, and all of them
    values        (rows, columns), or (B, rows, columns) for a batch: the score with the square at each position; where
                  not yet known, that of a position near by, as in the other maps (fig. 7 d)
    labels        int, as large: the most probable class (fig. 7 e)
    activation    as large: the sum over the feature map ``channel`` of ``layer`` (fig. 7 b); None without layer
    known         (rows, columns) bool: the same positions in all pictures
    baseline      the score when nothing is covered; one per picture of a batch
    target, of    class index, None where not a class is explained; and its name; one per picture of a batch
    layer         the layer that was looked at, or None
    channel       that of its feature maps which answers most strongly when nothing is covered: with the greatest value;
                  one per picture of a batch
    uncovered_activation
                  its sum when nothing is covered; one per picture of a batch
    size, stride  of the square, in pixels of the picture
    shape         "square" or "disc"
    tops, lefts   where the squares of each row and column begin
    picture       (C, H, W) or (B, C, H, W), 0…1: as the network sees it, uncovered
    """

    step: int
    total: int
    values: Tensor
    labels: Tensor
    known: Tensor
    baseline: float | tuple[float, ...]
    target: int | tuple[int, ...] | None
    of: str | tuple[str, ...]
    size: int
    stride: int
    shape: str
    tops: tuple[int, ...]
    lefts: tuple[int, ...]
    picture: Tensor
    convention: str
    activation: Tensor | None = None
    layer: str | None = None
    channel: int | tuple[int, ...] | None = None
    uncovered_activation: float | tuple[float, ...] | None = None
    look: ClassVar[dict] = {"colormap": "inferno", "opacity": 0.7}

    @property
    def heatmap(self) -> Tensor:
        """(H, W) or (B, H, W): mean loss of score over the squares that cover each pixel; 0 where none does.

        There are such pixels if stride > size. Below 0 the score has risen.
        """
        # Any shape is a sum of products of a column and a row: a square of one, a disc of about size / 2.
        if self.shape == "square":  # no rounding: pixels that the same squares cover get the very same number
            down = across = torch.ones(1, self.size, dtype=torch.float64)
        else:
            left, weights, right = torch.linalg.svd(mask(self.size, self.shape))
            some = weights > 1e-12 * weights[0]
            down, across = (left * weights).T[some], right[some]
        height, width = self.picture.shape[-2:]
        rows = self._covers(self.tops, height, down)
        columns = self._covers(self.lefts, width, across)
        count = torch.einsum("kph,kqw->hw", rows, columns)
        loss = torch.tensor(self.baseline, dtype=torch.float64)[..., None, None] - self.values.double()
        lost = torch.einsum("kph,...pq,kqw->...hw", rows, loss, columns)
        return torch.where(count > 1e-9, lost / count, 0).to(self.values.dtype)

    def _covers(self, starts: tuple[int, ...], length: int, profiles: Tensor) -> Tensor:
        """(k, positions, length): of each position, the profiles (k, size) where its square is."""
        offset = torch.arange(length) - torch.tensor(starts)[:, None]
        inside = (offset >= 0) & (offset < self.size)
        return torch.where(inside, profiles[:, offset.clamp(0, self.size - 1)], 0)

    def content(self) -> Content:
        return Heatmap(self.heatmap, self.picture, self.convention, self.of, self.target, signed=True).content()


@gate
def occlusion(
    network: Network,
    image: AnyPicture,
    target: Target = None,
    *,
    size: int = 32,
    stride: int = 8,
    fill: Fill = "gray",
    shape: Shape = "square",
    score: Score = "probability",
    layer: "str | Layer | nn.Module | None" = None,
) -> Iterator[OcclusionState]:
    """What is left of a class when a square covers part of the picture (Zeiler & Fergus, 2014, fig. 7).

    image   (3, H, W) or (B, 3, H, W), values 0…1, any device
    target  class index or name; None = the top class of each whole picture; a ``Neuron``, or a callable that turns the
            network's scores (B, outputs) into (B,) numbers; for a batch also a list of classes, one per picture
    size    side of the square, in pixels of the picture as the network sees it
    stride  pixels between two positions; the last square of a row or column ends flush with the border
    fill    what the square is filled with: "gray" (0.5), "mean" (the picture's mean color), "black", "blurred" (the
            picture, blurred) or "noise"
    shape   "square", or "disc": one of that diameter, with a soft edge of a pixel
    score   what is measured of a class: its "probability" (after the softmax or sigmoid) or its "logit" (before it)
    layer   of which the total activation of the strongest feature map is taken, too; ``strongest_map`` shows what
            that one sees

    Yields OcclusionState, coarse positions first; each is a whole map that the next ones refine, for all pictures at
    once. Stop when you like. With ``use(precision="fast")`` the maps come 1.5 to 2 times as fast, in 16 bits where the
    hardware has them, and without what a square hardly changes: probabilities differ by about 0.01.
    Raises UserError at once for an unknown class, layer, fill, shape or score, a size larger than the picture, or a
    stride below 1.

        last(occlusion(load_network("mini"), load_image("chelsea"), size=16)).heatmap
    """
    pictures = network.prepare(image)
    tops, lefts = (positions(side, size, stride) for side in pictures.shape[-2:])
    fillings, share = torch.stack([fill_picture(picture, fill) for picture in pictures]), mask(size, shape)
    probability = score == "probability"
    aim = goal(network, target, len(pictures), probability=probability)
    layer = None if layer is None else network.layer(layer).name

    def states() -> Iterator[OcclusionState]:
        normal, normal_fillings = (network.normalize(batch) for batch in (pictures, fillings))
        layers = sorted({one for one in (layer, aim.layer) if one is not None})
        extent = pictures.shape[-2:]
        fit = batching.memory_budget(network.device) // max(1, network.bytes_per_image(extent, grad=True))

        @lru_cache(max(1, fit))  # what passes remember of their pictures: if it is too much, they are begun anew
        def passes(index: int) -> FullPasses | IncrementalPasses:
            return quickest_passes(network, normal[index], layers)

        def measured(found: Answers, aim: Goal, piece: range, channel: int | None) -> tuple[Tensor, list]:
            """(measurements, n) on the CPU, in float64; and what was explained."""
            logits, values = found
            scores, start = aim.scores(logits, values, piece)
            rows = [scores, network.class_logits(logits).argmax(1)]
            if layer is not None:
                rows.append(values[layer][:, channel].reshape(len(logits), -1).float().sum(1))
            return torch.stack([row.cpu().double() for row in rows]), start

        def uncovered(index: int) -> tuple[Tensor, Any, int | None, int]:
            """What is measured, what is explained, the strongest channel, and how many squares to lay at once."""
            unchanged = passes(index).unchanged
            network.finite(unchanged[0])
            channel = None if layer is None else strongest(unchanged[1][layer][0])
            whole, (start,) = measured(unchanged, aim, range(index, index + 1), channel)
            return whole[:, 0], start, channel, passes(index).at_once

        def covered(index: int, places: Sequence[tuple[int, int, int]]) -> Tensor:
            """What is measured with a square at each position."""
            corners = [(tops[row], lefts[column]) for row, column, _ in places]
            under, over = (
                torch.stack([one[index, :, top : top + size, left : left + size] for top, left in corners])
                for one in (normal, normal_fillings)
            )
            found = passes(index)(under.lerp(over, share.to(over)), *zip(*corners, strict=True))
            same = settled(network, target, starts[index], len(places), probability=probability)
            return measured(found, same, range(len(places)), channels[index])[0]

        wholes, starts, channels, at_once = zip(*map(uncovered, range(len(pictures))), strict=True)
        whole = torch.stack(wholes, 1)
        maps = whole[..., None, None].repeat(1, 1, len(tops), len(lefts))  # (measurements, B, rows, columns)
        known = torch.zeros(maps.shape[2:], dtype=torch.bool)
        queue = list(coarse_to_fine(*known.shape))
        bytes_each, count = network.bytes_per_image(extent), 4
        while queue:
            places, queue = queue[:count], queue[count:]
            began = time.perf_counter()
            pieces = [
                batching.run(partial(covered, index), places, bytes_each, most=count, where=network.device)
                for index in range(len(pictures))
            ]
            found = torch.stack([torch.cat([numbers for _, numbers in one], 1) for one in pieces], 1)
            count = batching.portion(count, (time.perf_counter() - began) / len(pictures), min(at_once))
            for numbers, (row, column, spacing) in zip(found.unbind(2), places, strict=True):
                near = around(row, spacing, len(tops)), around(column, spacing, len(lefts))
                maps[(..., *near)] = numbers[..., None, None]
                known[row, column] = True
            yield OcclusionState(
                step=known.numel() - len(queue),
                total=known.numel(),
                values=like(image, maps[0].clone()),
                labels=like(image, maps[1].long()),
                known=known.clone(),
                baseline=like(image, whole[0].tolist()),
                target=like(image, starts) if aim.of_class else None,
                of=like(image, [aim.name(start) for start in starts]),
                size=size,
                stride=stride,
                shape=shape,
                tops=tops,
                lefts=lefts,
                picture=like(image, pictures.cpu()),
                convention=f"{aim.unit} lost, mean over the {shape}s that cover a pixel",
                activation=None if layer is None else like(image, maps[2].clone()),
                layer=layer,
                channel=None if layer is None else like(image, channels),
                uncovered_activation=None if layer is None else like(image, whole[2].tolist()),
            )

    return states()


@gate
def strongest_map(network: Network, image: AnyPicture, layer: "str | Layer | nn.Module") -> GradientPicture:
    """What the strongest feature map of a layer sees in a picture, projected down to it by the deconvnet rule.

    That of ``occlusion(…, layer=layer)`` (Zeiler & Fergus, 2014, fig. 7 c). Arguments and result as in
    ``neuron_gradient``; it is for one picture, and propagates the map of the channel that has the greatest value.
    """
    picture, name = one_picture(network, image), network.layer(layer).name
    channel = strongest(network.activations(picture, name)[name])
    return neuron_gradient(network, picture, name, channel, "map", rule="deconvnet")


def strongest(values: Tensor) -> int:
    """The channel of (C, …) with the greatest value."""
    return int(values.flatten(1).amax(1).argmax()) if values.ndim > 1 else int(values.argmax())


@gate
def occluded(
    network: Network,
    image: AnyPicture,
    top: int | None = None,
    left: int | None = None,
    size: int = 32,
    fill: Fill = "gray",
    shape: Shape = "square",
    *,
    area: Annotated[Any, OWN] = None,
) -> Tensor:
    """The picture as the network sees it, (C, H, W), 0…1, of which a part is covered as in ``occlusion``.

    top, left          where the square begins
    size, fill, shape  as in ``occlusion``
    area               a place of any size or shape, instead of the square: (x, y, width, height) in pixels, or a mask
                       (H, W) with the share 0…1 of each pixel that is covered

    Raises UserError for a place that is not within the picture, and where neither a square nor an area is given.

        occluded(load_network("mini"), load_image("chelsea"), area=(40, 30, 50, 20), fill="blurred")
    """
    picture = one_picture(network, image)
    height, width = picture.shape[-2:]
    if area is not None:
        return picture.lerp(fill_picture(picture, fill), _share(area, height, width).to(picture))
    if top is None or left is None:
        raise UserError("occluded needs top and left, where the square begins, or an area.")
    positions(height, size, 1), positions(width, size, 1)
    top = whole_number("top", top, 0, height - size, f"for a square of {size} in {height} pixels")
    left = whole_number("left", left, 0, width - size, f"for a square of {size} in {width} pixels")
    square = (..., slice(top, top + size), slice(left, left + size))
    covered = picture.clone()
    covered[square] = covered[square].lerp(fill_picture(picture, fill)[square], mask(size, shape).to(covered))
    return covered


def _share(area: Any, height: int, width: int) -> Tensor:
    """(H, W) in float64: how much of each pixel an area covers."""
    if isinstance(area, tuple | list) and len(area) == 4 and not any(isinstance(one, tuple | list) for one in area):
        x = whole_number("x of area", area[0], 0, width - 1, f"in {width} pixels")
        y = whole_number("y of area", area[1], 0, height - 1, f"in {height} pixels")
        wide = whole_number("width of area", area[2], 1, width - x, f"from x {x} in {width} pixels")
        tall = whole_number("height of area", area[3], 1, height - y, f"from y {y} in {height} pixels")
        rectangle = torch.zeros(height, width, dtype=torch.float64)
        rectangle[y : y + tall, x : x + wide] = 1
        return rectangle
    share: Tensor | None
    try:
        share = torch.as_tensor(area, device="cpu").double()
    except (TypeError, ValueError, RuntimeError):
        share = None
    if share is None or share.shape != (height, width) or not bool(((share >= 0) & (share <= 1)).all()):
        raise UserError(
            f"area must be (x, y, width, height) in pixels, or a mask of {height}×{width} shares 0…1, not {came(area)}."
        )
    return share


def mask(size: int, shape: str) -> Tensor:
    """(size, size) in float64: how much of each pixel is covered, 0…1. UserError for a shape not in ``SHAPES``."""
    if shape not in SHAPES:
        raise UserError(f"shape must be one of {', '.join(map(repr, SHAPES))}, not {shape!r}.")
    if shape == "square":
        return torch.ones(size, size, dtype=torch.float64)
    centerd = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    distance = torch.hypot(centerd[:, None], centerd)
    return (size / 2 + 0.5 - distance).clamp(0, 1)


def positions(length: int, size: int, stride: int) -> tuple[int, ...]:
    """Where squares begin along a side of the picture: every ``stride`` pixels, and the last one flush with the border.

    Raises UserError if ``size`` is not 1 … length, or ``stride`` is below 1.
    """
    size = whole_number("size", size, 1, length, "(a side of the picture)")
    stride = whole_number("stride", stride, 1)
    return (*range(0, length - size, stride), length - size)


def coarse_to_fine(rows: int, columns: int) -> Iterator[tuple[int, int, int]]:
    """(row, column, spacing) of every position once: on a grid of 8, then what a grid of 4 adds, then 2, then all.

    Of one grid, those as far from the borders come one after another: what their squares reach is equally large.
    """
    for spacing in COARSE_TO_FINE:
        grid = ((row, column) for row in range(0, rows, spacing) for column in range(0, columns, spacing))
        coarser = 2 * spacing if spacing < COARSE_TO_FINE[0] else 0
        new = [(row, column) for row, column in grid if not coarser or row % coarser or column % coarser]
        inwards = sorted(
            new, key=lambda at: _interleaved(min(at[0], rows - 1 - at[0]), min(at[1], columns - 1 - at[1]))
        )
        yield from ((row, column, spacing) for row, column in inwards)


def _interleaved(a: int, b: int) -> int:
    """The bits of two numbers in turn: in this order, pairs that are near each other in both are near each other."""
    return sum((2 * (a >> bit & 1) + (b >> bit & 1)) << 2 * bit for bit in range(16))


def around(place: int, spacing: int, count: int) -> slice:
    """The places nearer to this one than to the next on a grid of this spacing; the last one has all that follow."""
    return slice(max(0, place - spacing // 2), place + spacing - spacing // 2 if place + spacing < count else count)
