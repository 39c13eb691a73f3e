"""C4: the channels with the largest and smallest Grad-CAM weights."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content, as_array, falls_below
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.backward import check, descend, like
from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.engine.targets import Target, goal
from cnnviz_widgets.gate import gate
from cnnviz_widgets.methods.cam.grad_cam import AnyLayer, gather, mean_gradient, wide, with_places
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["ImportantChannels", "important_channels"]


@dataclass(frozen=True, eq=False, repr=False)
class ImportantChannels(Result):
    """The k channels of a layer with the largest α, then the k with the smallest; of a batch, those of each picture.

    values     (C,) or (B, C): α of every channel, the mean of ∂score/∂map over its positions
    channels   2k numbers, from the largest α to the smallest
    positions  (row, column) of each of them: where its map is greatest; None if it is the same everywhere
    maps       (2k, h, w) or (B, 2k, h, w): the activations of these channels
    picture    (C, H, W) or (B, C, H, W), 0…1: what was looked at, as the network sees it
    of         what they are important for; one per picture of a batch
    layer      its name
    """

    values: Tensor
    channels: tuple
    positions: tuple
    maps: Tensor
    picture: Tensor
    convention: str
    of: str | tuple[str, ...]
    layer: str
    look: ClassVar[dict] = {"colormap": "inferno", "opacity": 0.7, "labels": True, "width": 600}

    def content(self) -> Content:
        """The maps over the picture, k in a row; 0 is dark, and each is scaled by its own greatest size."""
        maps = self.maps.flatten(0, -3)
        channels = torch.tensor(self.channels)
        alphas = self.values.gather(-1, channels).flatten().tolist()
        names = [f"{number}: α {alpha:+.2g}" for number, alpha in zip(channels.flatten().tolist(), alphas, strict=True)]
        pictures = rgb(self.picture.reshape(-1, *self.picture.shape[-3:]))
        count, *size = pictures.shape
        under = np.broadcast_to(pictures[:, None], (count, len(maps) // count, *size))  # of one, a browser gets one
        high, signed = maps.abs().amax((1, 2)).clamp(min=1e-12), falls_below(maps)
        return Content(
            picture=under.reshape(-1, *size),
            values=as_array(maps),
            low=-high if signed else 0,
            high=high,
            signed=signed,
            columns=self.maps.shape[-3] // 2,
            names=tuple(names),
            caption=f"{self.layer} for {self.of if isinstance(self.of, str) else ', '.join(self.of)}",
        )


@gate
def important_channels(
    network: Network, image: AnyPicture, target: Target = None, layer: AnyLayer = None, k: int = 5
) -> ImportantChannels:
    """Channels that support and oppose a score: those with the largest and smallest α of Grad-CAM.

    image, target, layer  as in ``grad_cam`` (Selvaraju et al., 2017, use α so to name what a decision rests on)
    k                     how many of each; where the layer has fewer than 2k, some are among both
    Returns ImportantChannels. Raises UserError as ``grad_cam``, and for a k that is not from 1 to the layer's channels.

        important_channels(load_network("mini"), load_image("chelsea"), "tabby").channels
    """
    pictures = network.prepare(image)
    aim = goal(network, target, len(pictures))
    name = with_places(network, layer, aim)
    k = whole_number("k", k, 1, network.layer(name).channels, f"in layer {name!r}")

    def work(piece: range) -> tuple[Tensor, Tensor, Tensor, list]:
        batch = lambda: network.normalize(pictures[piece.start : piece.stop])  # noqa: E731
        maps, gradient, _, start = descend(network, batch, aim, piece, name)
        alphas = mean_gradient(maps, wide(gradient)).flatten(1)
        order = alphas.sort(dim=1, descending=True, stable=True).indices
        ends = torch.cat([order[:, :k], order[:, -k:]], 1)
        return alphas, ends, wide(maps)[torch.arange(len(piece))[:, None], ends], start

    alphas, ends, maps, start = gather(network, work, pictures)
    check(network, alphas)
    return ImportantChannels(
        like(image, alphas),
        channels=like(image, [tuple(one) for one in ends.tolist()]),
        positions=like(image, [tuple(map(_strongest, one)) for one in maps]),
        maps=like(image, maps),
        picture=like(image, pictures.cpu()),
        convention=f"{aim.unit} gradient, mean over positions",
        of=like(image, [aim.name(one) for one in start]),
        layer=name,
    )


def _strongest(channel: Tensor) -> tuple[int, int] | None:
    return None if channel.min() == channel.max() else divmod(int(channel.argmax()), channel.shape[1])
