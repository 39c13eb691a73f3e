"""What a layer makes of many pictures: a row of numbers for each (Krizhevsky et al., 2012)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.engine.survey import Read, survey
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, gate
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.pictures import load_dataset

__all__ = ["Features", "features"]

THUMBNAIL = 48  # px
PIXELS = 32  # px of a side of what is compared by its pixels

Pool = Literal["mean", "max", "flat"]


@dataclass(frozen=True, eq=False, repr=False)
class Features(Result):
    """Rows of numbers, as far as the pictures have been seen.

    values       (n, D)
    thumbnails   (n, 48, 48, 3) uint8: the middle square of each picture
    names        of the pictures: their classes, where the data set knows them
    numbers      (n,): of the pictures in the data set
    of           the layer's name, or "pixels"
    step, total  pictures seen, and all of them
    """

    values: Tensor
    thumbnails: np.ndarray
    names: tuple[str, ...]
    numbers: Tensor
    of: str
    step: int
    total: int
    convention: str

    def content(self) -> Content:
        caption = f"{len(self.names)} pictures, {self.values.shape[1]} numbers each: {self.of}"
        return Content(self.thumbnails, names=self.names, keys=tuple(self.numbers.tolist()), caption=caption)


@gate
def features(
    network: Network,
    pictures: Annotated[Any, OWN],
    layer: "str | Layer | nn.Module | None" = None,
    *,
    pool: Pool = "mean",
) -> Iterator[Features]:
    """What a layer makes of many pictures.

    pictures  anything that ``load_dataset`` takes: a folder, a list, a torch Dataset, …
    layer     "pixels" = the pictures themselves, 32×32 px; None = the deepest layer before the scores
    pool      what is kept of each channel's map: its "mean", its "max", or all of it, "flat", where all pictures have
              one size

    Yields Features, each of more of the pictures. Files that cannot be read are left out, and a remark at the end says
    which. UserError at once for an unknown layer and what holds no pictures; later for maps of different sizes, which
    cannot be compared place by place.

        found = last(features(load_network("mini"), samples(), "conv6"))
        neighbors(found, found.values[:1])
    """
    dataset = load_dataset(pictures, channels=network.channels)
    layers = [] if layer == "pixels" else [_deepest(network) if layer is None else network.layer(layer)]
    of = layers[0].name if layers else "pixels"
    found: list[Tensor] = []
    read: list[tuple[int, str, np.ndarray]] = []

    def pooled(name: str, maps: Tensor, of: list[int]) -> Tensor:
        if pool == "flat" or maps.ndim == 2:
            return maps.flatten(1).cpu().clone()  # what is handed out here is no copy
        return (maps.flatten(2).mean(2) if pool == "mean" else maps.flatten(2).amax(2)).cpu()

    def keep(some: Sequence[Read], of_layers: dict[str, Tensor]) -> None:
        seen = [one.picture for one in some if one.picture is not None]
        rows = of_layers[layers[0].name] if layers else resize(torch.cat(seen), (PIXELS, PIXELS)).flatten(1).cpu()
        if found and found[0].shape[1] != rows.shape[1]:
            raise UserError(
                f"pool must be 'mean' or 'max' for pictures of different sizes: picture {some[0].number} has "
                f"{rows.shape[1]} numbers in {of}, those before {found[0].shape[1]}."
            )
        found.append(rows)
        read.extend((one.number, one.name, _thumbnail(picture[0])) for one, picture in zip(some, seen, strict=True))

    def states() -> Iterator[Features]:
        done = 0
        for numbers in survey(network, dataset, layers, range(len(dataset)), pooled, keep):
            done += len(numbers)
            if found:
                of_each, names, thumbnails = zip(*read, strict=True)
                convention = f"output of the layer, {pool}" if layers else "values 0…1"
                yield Features(
                    torch.cat(found), np.stack(thumbnails), names, torch.tensor(of_each), of, done, len(dataset),
                    convention,
                )  # fmt: skip

    return states()


def _deepest(network: Network) -> Layer:
    """The last layer but for those that have a channel a class, or a number of each: what the scores are made of."""
    before = [layer for layer in network.layers if layer.channels != len(network.classes)]
    return before[-1] if before else network.layers[-1]


def _thumbnail(picture: Tensor) -> np.ndarray:
    return np.asarray(ImageOps.fit(Image.fromarray(rgb(picture)), (THUMBNAIL, THUMBNAIL)))
