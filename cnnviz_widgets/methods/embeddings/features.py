"""What a layer makes of many pictures: a row of numbers for each (Krizhevsky et al., 2012)."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any, Literal

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import OWN, gate
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.pictures import load_dataset
from cnnviz_widgets.pictures.dataset import Unread
from cnnviz_widgets.runtime import batching

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
    seen = None if layer == "pixels" else _deepest(network) if layer is None else network.layer(layer)

    def rows(batch: Tensor) -> Tensor:
        if seen is None:
            return resize(batch, (PIXELS, PIXELS)).flatten(1).cpu()
        maps = network.activations(batch, seen.name)[seen.name].float().cpu()
        if pool == "flat" or maps.ndim == 2:
            return maps.flatten(1)
        return maps.flatten(2).mean(2) if pool == "mean" else maps.flatten(2).amax(2)

    def states() -> Iterator[Features]:
        unread = Unread(dataset)
        found: list[Tensor] = []
        thumbnails: list[np.ndarray] = []
        names: list[str] = []
        numbers: list[int] = []
        done, count = 0, 1
        while done < len(dataset):
            began, end = time.perf_counter(), min(done + count, len(dataset))
            with naming("pictures"):
                some = [
                    (number, name, picture, network.prepare(picture)[0])
                    for number, picture, name in unread.reading(range(done, end))
                ]
            for _, alike in groupby(some, lambda one: one[3].shape):
                together = [*alike]
                found.append(rows(torch.stack([one[3] for one in together])))
                if found[0].shape[1] != found[-1].shape[1]:
                    raise UserError(
                        f"pool must be 'mean' or 'max' for pictures of different sizes: picture {together[0][0]} has "
                        f"{found[-1].shape[1]} numbers in {seen.name if seen else 'pixels'}, those before "
                        f"{found[0].shape[1]}."
                    )
            for number, name, picture, _ in some:
                names.append(name)
                numbers.append(number)
                thumbnails.append(_thumbnail(picture))
            done = end
            if some:
                count = batching.portion(count, time.perf_counter() - began, network.at_once(some[0][3].shape[-2:]))
            if done == len(dataset):
                unread.tell()
            if found:
                of = seen.name if seen else "pixels"
                yield Features(
                    torch.cat(found), np.stack(thumbnails), tuple(names), torch.tensor(numbers), of, done, len(dataset),
                    "values 0…1" if seen is None else f"output of the layer, {pool}",
                )  # fmt: skip

    return states()


def _deepest(network: Network) -> Layer:
    """The last layer but for those that have a channel a class, or a number of each: what the scores are made of."""
    before = [layer for layer in network.layers if layer.channels != len(network.classes)]
    return before[-1] if before else network.layers[-1]


def _thumbnail(picture: Tensor) -> np.ndarray:
    return np.asarray(ImageOps.fit(Image.fromarray(rgb(picture)), (THUMBNAIL, THUMBNAIL)))
