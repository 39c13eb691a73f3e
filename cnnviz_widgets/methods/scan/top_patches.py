"""A2: what a unit sees in the pictures of a data set that excite it most, and least."""

from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import Positive, gate
from cnnviz_widgets.methods.activations.top_examples import Example
from cnnviz_widgets.methods.scan.scan import Example as Found
from cnnviz_widgets.methods.scan.scan import Scan, Which
from cnnviz_widgets.networks import Layer
from cnnviz_widgets.networks.layers import within

__all__ = ["Patches", "top_patches"]
example = dict(count=4)

KINDS: dict[Which, str] = {
    "top": "greatest activation",
    "bottom": "least activation",
    "positive": "least activation above 0, at one position of each picture",
    "negative": "greatest activation below 0, at one position of each picture",
}


@dataclass(frozen=True, eq=False, repr=False)
class Patches(Result):
    """What a unit sees in some pictures.

    values    (k,), in the order of the list
    examples  of each its picture, position, receptive field, and ``patch`` (C, h, w): the picture within the field, and
              gray where that reaches beyond the border
    which     the list that they are from
    """

    values: Tensor
    examples: tuple[Example, ...]
    layer: str
    channel: int
    which: Which
    convention: str
    look: ClassVar[dict] = {"labels": True}

    @property
    def of(self) -> str:
        return f"{self.layer} channel {self.channel}"

    def content(self) -> Content:
        """The patches, and above them the activations. Smaller patches are filled up with gray."""
        if not self.examples:
            return Content(caption=f"{self.of}: no picture is in this list")
        return Content(
            patches_of(self.examples),
            names=tuple(f"{one.value:.3g} · {one.name}" for one in self.examples),
            heads=tuple(f"{one.value:.3g}" for one in self.examples),
            keys=tuple((one.index, one.position) for one in self.examples),
            caption=f"{self.of}: {KINDS[self.which]}",
        )


@gate
def top_patches(
    scan: Scan,
    layer: str | Layer | nn.Module,
    channel: int,
    which: Which = "top",
    suppress: bool = True,
    *,
    count: Positive | None = None,
) -> Patches:
    """The patches of a data set that excite a unit most (Girshick et al., 2014; Springenberg et al., 2015).

    scan      what a pass over the data set has found: ``last(scan(network, pictures))``, or ``load_scan``
    which     "top", "bottom", and for "positive" and "negative" see ``Scan.examples``
    suppress  at most one patch of each picture; False, for "top" and "bottom": every position counts, so that
              neighbors in one picture may fill the list with nearly the same patch
    count     of patches, at most the scan's k, which None means

    Returns Patches, values (k,) in the layer's own units. Only the listed pictures are read again.
    Raises UserError for a layer that was not looked at, an unknown channel, a scan that was loaded without its
    pictures, and for ``suppress=False`` in a layer without positions.

        top_patches(last(scan(load_network("mini"), samples(), "conv4")), "conv4", 7).values
    """
    found = scan.examples(layer, channel, which, count)
    one = scan.network.layer(layer)
    if not suppress and which in ("top", "bottom"):
        if not one.spatial:
            raise UserError(f"suppress must be True in layer {one.name!r}, which has no positions.")
        found = _every_position(scan, one, channel, which, found)
    examples = tuple(seen(scan, one, each) for each in found)
    values = torch.tensor([each.value for each in examples])
    unit = "" if suppress else ", every position counts"
    return Patches(values, examples, one.name, channel, which, f"{KINDS[which]}{unit}")


def seen(scan: Scan, layer: Layer, found: Found) -> Example:
    """The picture of an entry of a list, read again, and what the unit sees of it."""
    picture, name = _read(scan, found.number)
    size = picture.shape[-2:]
    field = layer.field(found.position, size) if found.position else (0, 0, size[1], size[0])
    return Example(found.number, name, found.value, found.position, within(field, size), picture, field)


def patches_of(examples: tuple[Example, ...]) -> np.ndarray:
    """(N, h, w, 3) uint8; smaller patches are filled up with gray."""
    patches = [Image.fromarray(rgb(one.patch)) for one in examples]
    size = max(one.width for one in patches), max(one.height for one in patches)
    return np.stack([np.asarray(ImageOps.pad(one, size, color=(128, 128, 128))) for one in patches])


def _read(scan: Scan, number: int) -> tuple[Tensor, str]:
    with naming("scan"):
        picture, name = scan.dataset[number]
        return scan.network.prepare(picture)[0], name


def _every_position(
    scan: Scan, layer: Layer, channel: int, which: Which, listed: tuple[Found, ...]
) -> tuple[Found, ...]:
    """The first of all positions. No picture beyond the list has one: as many are listed as positions are wanted."""
    sign = 1 if which == "top" else -1
    every = chain.from_iterable(
        (Found(one.number, value, divmod(at, maps.shape[1])) for at, value in enumerate(maps.flatten().tolist()))
        for one in listed
        for maps in [scan.network.activations(_read(scan, one.number)[0], layer.name)[layer.name][channel]]
    )
    return tuple(sorted(every, key=lambda one: (-sign * one.value, one.number, one.position))[: len(listed)])
