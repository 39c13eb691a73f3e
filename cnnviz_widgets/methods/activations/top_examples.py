"""A2: the pictures of a dataset that activate a channel most, and where in them."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import gate
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.networks.layers import Box, seen, within
from cnnviz_widgets.pictures import load_dataset
from cnnviz_widgets.pictures.dataset import Unread
from cnnviz_widgets.renamed import Old
from cnnviz_widgets.runtime import batching

__all__ = ["TopExamples", "top_examples"]
example = dict(k=2)

Measure = Literal["max", "mean"]


@dataclass(frozen=True, eq=False)
class Example:
    """A picture of a dataset, and the activation of a channel for it.

    index     its number in the dataset
    name      of its file, or its label
    value     the greatest value of the channel's map, or its mean
    position  (row, column) where the map is greatest; None where the layer has no spatial positions
    window    (left, top, right, bottom) in pixels of the picture: where ``value`` comes from, see ``top_examples``
    picture   (C, H, W), 0…1: as the network sees it
    field     (left, top, right, bottom) in pixels: all that the unit looks at, also beyond the border of the picture
    """

    index: int
    name: str
    value: float
    position: tuple[int, int] | None
    window: Box
    picture: Tensor
    field: Box
    place = Old("position")

    @property
    def patch(self) -> Tensor:
        """(C, h, w): the picture in the window, and gray where the field reaches beyond its border.

        So the unit is in the middle, and all patches of a layer have one size.
        """
        return seen(self.picture, self.field, 128 / 255)


@dataclass(frozen=True, eq=False, repr=False)
class TopExamples(Result):
    """The best pictures so far.

    step, total  pictures seen, and all of them
    examples     at most k, the greatest value first; where values are equal, the lower number first
    layer, channel, by
                 what was measured
    """

    step: int
    total: int
    examples: tuple[Example, ...]
    layer: str
    channel: int
    by: str
    convention: str
    look: ClassVar[dict] = {"labels": True}
    places = Old("positions")

    @property
    def values(self) -> Tensor:
        """(k,), the greatest first."""
        return torch.tensor([one.value for one in self.examples])

    @property
    def indices(self) -> tuple[int, ...]:
        return tuple(one.index for one in self.examples)

    @property
    def positions(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(one.position for one in self.examples)

    @property
    def pictures(self) -> tuple[Tensor, ...]:
        """(C, H, W) each."""
        return tuple(one.picture for one in self.examples)

    @property
    def of(self) -> str:
        return f"{self.layer} channel {self.channel}"

    def content(self) -> Content:
        """The patches, and above them the activations. Smaller patches are filled up with gray."""
        patches = [Image.fromarray(rgb(one.patch)) for one in self.examples]
        size = max(one.width for one in patches), max(one.height for one in patches)
        return Content(
            np.stack([np.asarray(ImageOps.pad(one, size, color=(128, 128, 128))) for one in patches]),
            names=tuple(f"{one.value:.3g} · {one.name}" for one in self.examples),
            caption=f"{self.of}: the best of {self.step} pictures",
        )


@gate
def top_examples(
    network: Network,
    pictures: Any,
    layer: "str | Layer | nn.Module | None" = None,
    channel: int = 0,
    k: int = 9,
    *,
    by: Measure = "max",
) -> Iterator[TopExamples]:
    """The k pictures of a dataset that activate a channel most (Girshick et al., 2014; Springenberg et al., 2015).

    pictures  anything that ``load_dataset`` takes: a folder, a list, a torch Dataset, …
    layer     None = ``network.default_layer``
    by        what is compared: "max", the greatest value of the channel's map, so each picture is there only once; an
              example's window is then what the unit sees of the picture, its receptive field but for what lies beyond
              the border. Or "mean" of the map; the window is then the whole picture.

    Yields TopExamples, each for more of the pictures. Stop when you like. Files that cannot be read are left out, and a
    remark at the end says how many these were, and which.
    Raises UserError at once for an unknown layer, channel or measure, a k below 1, and what holds no pictures; and
    when it comes to it, for what is no picture, for values that are not finite, and if no file could be read.

        last(top_examples(load_network("mini"), samples(), "conv4", 7)).indices
    """
    layer = network.default_layer if layer is None else network.layer(layer)
    channel = whole_number("channel", channel, 0, layer.channels - 1, f"in layer {layer.name!r}")
    k = whole_number("k", k, 1)
    dataset = load_dataset(pictures, channels=network.channels)

    def measured(some: list[tuple[int, str, Tensor]]) -> Iterator[Example]:
        """The numbers, names and pictures of one size → examples."""
        batch = torch.stack([picture for *_, picture in some])
        maps = network.activations(batch, layer.name)[layer.name][:, channel].cpu()
        for (index, name, picture), one in zip(some, maps, strict=True):
            value = float(one.max() if by == "max" else one.mean())
            if not np.isfinite(value):
                raise UserError(f"{layer.name} gives values that are not finite for picture {index} of the dataset.")
            position = divmod(int(one.argmax()), one.shape[1]) if one.ndim == 2 else None
            size = picture.shape[-2:]
            field = layer.field(position, size) if by == "max" and position else (0, 0, size[1], size[0])
            yield Example(index, name, value, position, within(field, size), picture, field)

    def states() -> Iterator[TopExamples]:
        unread = Unread(dataset)
        best: list[Example] = []
        done, count = 0, 1
        while done < len(dataset):
            began, end = time.perf_counter(), min(done + count, len(dataset))
            read = unread.reading(range(done, end))
            with naming("pictures"):
                some = [(number, name, network.prepare(picture)[0]) for number, picture, name in read]
            for _, alike in groupby(some, lambda one: one[2].shape):
                best += measured(list(alike))
            best = sorted(best, key=lambda one: (-one.value, one.index))[:k]
            done = end
            if some:
                at_once = network.at_once(some[0][2].shape[-2:])
                count = batching.portion(count, time.perf_counter() - began, at_once)
            if done == len(dataset):
                unread.tell()
            convention = f"the {by} of the channel's map"
            if best:
                yield TopExamples(done, len(dataset), tuple(best), layer.name, channel, by, convention)

    return states()
