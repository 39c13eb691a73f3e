"""A6: a picture in the words of a layer: at every position, the own picture of the strongest channel."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from PIL import Image
from torch import Tensor, nn

from cnnviz_widgets.content import Content
from cnnviz_widgets.drawing.results import Result
from cnnviz_widgets.gate import Positive, Range, Seed, gate
from cnnviz_widgets.methods.units.activation_grid import ActivationGrid, Strongest, activation_grid
from cnnviz_widgets.methods.units.atlas import SIZE, STEPS, Atlas, atlas, unit_layer
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["SemanticDictionary", "semantic_dictionary"]
example = dict(size=16, steps=2)

LARGEST = 1536  # px of the whole grid
LEAST = 0.35  # of a cell's side: a channel that is hardly active is still seen
PAPER = 24  # gray level around the pictures


@dataclass(frozen=True, eq=False, repr=False)
class SemanticDictionary(Result):
    """An activation grid, and the pictures of its channels.

    step, total  of drawing those that have none yet
    grid         the strongest channels of every position
    atlas        their pictures, which for a ReLU are those of the convolution before it, and
    drawn        the layer in which they are
    """

    step: int
    total: int
    grid: ActivationGrid
    atlas: Atlas
    drawn: str
    convention: str = "greatest activations at each position"

    @property
    def values(self) -> Tensor:
        """(k, h, w), as in ``ActivationGrid``."""
        return self.grid.values

    @property
    def of(self) -> str:
        return self.grid.layer

    def content(self) -> Content:
        """A tile for each position: the picture of its strongest channel, as large as that is active."""
        values, channels = self.grid.values, self.grid.channels
        rows, columns = values.shape[1:]
        cell = max(4, min(self.atlas.size, LARGEST // max(rows, columns)))
        pictures = self.atlas.of_channels(self.drawn, channels[0].flatten().tolist())
        shares = (values[0] / values[0].max().clamp(min=1e-12)).clamp(min=0).sqrt().flatten().tolist()
        positions = [divmod(at, columns) for at in range(rows * columns)]
        return Content(
            np.stack([_sized(one, share, cell) for one, share in zip(pictures, shares, strict=True)]),
            columns=columns,
            names=tuple(f"{at}: {self.named(*at)}" for at in positions),
            keys=tuple(positions),
            caption=f"{self.of}: strongest channels, as large as active",
        )

    def strongest(self, row: int, column: int) -> Content:
        """The pictures of the strongest channels at a position, and their activations."""
        values, channels = (one[:, row, column].tolist() for one in (self.grid.values, self.grid.channels))
        return Content(
            self.atlas.of_channels(self.drawn, channels),
            names=tuple(f"channel {channel}: {value:.3g}" for channel, value in zip(channels, values, strict=True)),
            heads=tuple(f"{channel}: {value:.2g}" for channel, value in zip(channels, values, strict=True)),
            keys=tuple(channels),
            columns=len(channels),
            caption=f"{self.of} at ({row}, {column})",
        )

    def named(self, row: int, column: int) -> str:
        """The strongest channels at a position in words."""
        values, channels = (one[:, row, column].tolist() for one in (self.grid.values, self.grid.channels))
        return ", ".join(f"channel {one} {value:.2g}" for one, value in zip(channels, values, strict=True))


@gate
def semantic_dictionary(
    network: Network,
    image: AnyPicture,
    layer: "str | Layer | nn.Module | None" = None,
    k: Strongest = 4,
    *,
    size: Annotated[int, Range(8, 256)] = SIZE,
    steps: Positive = STEPS,
    seed: Seed = 0,
    start: Atlas | None = None,
) -> Iterator[SemanticDictionary]:
    """A picture in the words of a layer: its strongest channels, as their own pictures (Olah et al., 2018).

    image, layer, k
                as in ``activation_grid``
    size, steps, seed, start
                as in ``atlas``: what is not in it is drawn, first the strongest channel of every position
    Yields SemanticDictionary, whose grid is there at once. Raises UserError as ``activation_grid`` and ``atlas`` do.

        last(semantic_dictionary(load_network("mini"), load_image("chelsea"), "conv4")).content()
    """
    grid = activation_grid(network, image, layer, k)
    drawn = unit_layer(network, grid.layer).name
    states = atlas(network, drawn, size, channels=grid.listed, steps=steps, seed=seed, start=start)
    return (SemanticDictionary(one.step, one.total, grid, one, drawn) for one in states)


def _sized(picture: np.ndarray, share: float, cell: int) -> np.ndarray:
    """A square picture with so large a share of the cell's side, in its middle; nothing for 0."""
    sheet = Image.new("RGB", (cell, cell), (PAPER,) * 3)
    if share > 0:
        side = round(cell * max(share, LEAST))
        edge = (cell - side) // 2
        sheet.paste(Image.fromarray(picture).resize((side, side), Image.Resampling.BOX), (edge, edge))
    return np.asarray(sheet)
