"""A2: the pictures of a dataset that activate a channel most, and where in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.engine.ranking import MEASURES, Ranking
from cnnviz_widgets.engine.survey import Read, drawn_positions, survey, values_at
from cnnviz_widgets.gate import gate
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.networks.layers import Box, seen, within
from cnnviz_widgets.pictures import load_dataset
from cnnviz_widgets.renamed import Old

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

    def states() -> Iterator[TopExamples]:
        measures = [MEASURES["top" if by == "max" else by]]
        ranking = Ranking.empty(1, 1, min(k, len(dataset)), torch.float64)
        read: dict[int, tuple[str, Tensor]] = {}  # name and picture of those in the list

        def look(name: str, maps: Tensor, of: list[int]) -> Ranking:
            one = maps[:, channel : channel + 1]
            drawn = drawn_positions(0, of, one)
            return ranking.with_pictures(measures, one, of, drawn, values_at(one, drawn), name)

        def keep(some: Sequence[Read], found: dict[str, Ranking]) -> None:
            nonlocal ranking, read
            ranking = found[layer.name]
            known = read | {one.number: (one.name, one.picture[0]) for one in some if one.picture is not None}
            read = {number: known[number] for number in ranking.numbers.flatten().tolist() if number in known}

        def example(row: int, number: int) -> Example:
            name, picture = read[number]
            size, (at, column) = picture.shape[-2:], ranking.positions[0, 0, row].tolist()
            position = None if at < 0 else (at, column)
            field = layer.field(position, size) if by == "max" and position else (0, 0, size[1], size[0])
            value = float(ranking.keys[0, 0, row])
            return Example(number, name, value, position, within(field, size), picture, field)

        done = 0
        for some in survey(network, dataset, [layer], range(len(dataset)), look, keep):
            done += len(some)
            best = tuple(example(*one) for one in enumerate(read))
            if best:
                convention = f"the {by} of the channel's map"
                yield TopExamples(done, len(dataset), best, layer.name, channel, by, convention)

    return states()
