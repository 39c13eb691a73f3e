"""F4: what of the picture a unit can see, its receptive field, and how much each pixel of that counts."""

from dataclasses import dataclass
from functools import cached_property
from math import atan2, degrees
from typing import Annotated, Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Heatmap, Result
from cnnviz_widgets.engine.backward import pull_back
from cnnviz_widgets.engine.targets import Goal
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, Seed, gate
from cnnviz_widgets.methods.activations.activations import one_picture
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.networks.layers import Box, within
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["Ellipse", "ReceptiveField", "receptive_field"]
example = dict(samples=2)

SIGMAS = 2  # of the ellipse
MASS = 0.95


class Ellipse(NamedTuple):
    """Around the effective field: two standard deviations of its mass along each of its main axes.

    x, y          of the middle, in pixels; pixel ``i`` has its center at ``i``
    major, minor  half axes, in pixels
    angle         degrees from the x axis to the major one, clockwise as y points down, −90…90
    """

    x: float
    y: float
    major: float
    minor: float
    angle: float


@dataclass(frozen=True, eq=False, repr=False)
class ReceptiveField(Result):
    """What a unit sees.

    values    (H, W) ≥ 0: how much it changes with each pixel, the effective field
    box       (left, top, right, bottom) in pixels, the theoretical field: it may reach beyond the picture
    clipped   what of it lies in the picture: nothing outside has any influence
    layer, position
              of the unit; position is None in a layer without spatial positions
    size      (height, width) of the theoretical field, the same for all units of a layer
    stride    (y, x) pixels from the field of one unit to that of the next
    picture   (C, H, W), 0…1: what it is drawn on
    """

    values: Tensor
    box: Box
    clipped: Box
    layer: str
    position: tuple[int, int] | None
    size: tuple[int, int]
    stride: tuple[float, float]
    picture: Tensor
    convention: str
    look: ClassVar[dict] = Heatmap.look

    @property
    def of(self) -> str:
        return f"{self.layer} · {self.position}" if self.position else self.layer

    @cached_property
    def ellipse(self) -> Ellipse | None:
        """Of the effective field; None where no pixel counts."""
        mass, total = self.values.double(), float(self.values.double().sum())
        if not total > 0:
            return None
        grid = torch.meshgrid(*(torch.arange(side, dtype=torch.float64) for side in mass.shape), indexing="ij")
        y, x = (float((mass * at).sum()) / total for at in grid)
        away = torch.stack([(grid[1] - x).flatten(), (grid[0] - y).flatten()])
        variances, axes = torch.linalg.eigh((away * mass.flatten()) @ away.T / total)
        minor, major = (SIGMAS * variances.clamp(min=0).sqrt()).tolist()
        across, down = axes[:, 1].tolist()
        angle = degrees(atan2(down, across))
        return Ellipse(x, y, major, minor, (angle + 90) % 180 - 90)

    @property
    def share(self) -> float:
        """Of the pixels of the clipped field, how many hold 95% of the effective one: the strongest, 0…1."""
        left, top, right, bottom = self.clipped
        mass = self.values[top:bottom, left:right].double().flatten().sort(descending=True).values
        needed = int((mass.cumsum(0) < (MASS - 1e-9) * mass.sum()).sum()) + 1  # of equal pixels exactly 95%
        return min(needed, len(mass)) / max(1, len(mass))

    def content(self) -> Content:
        return Heatmap(self.values, self.picture, self.convention, self.of).content()


@gate
def receptive_field(
    network: Network,
    layer: "str | Layer | nn.Module",
    position: tuple[int, int] | None = None,
    image: AnyPicture | None = None,
    *,
    samples: Annotated[int, Range(1, 256)] = 8,
    seed: Seed = 0,
) -> ReceptiveField:
    """The box that a unit can see (Araujo et al., 2019), and how much each pixel counts there (Luo et al., 2016).

    The first is its theoretical receptive field, the second its effective one.

    position  (row, column) in the maps of the layer, of the unit in all channels; None = in their middle
    image     (3, H, W), values 0…1: its size counts, and the field is drawn on it; None = a gray one
    samples   pictures of noise over which the mean of the effective field is taken
    seed      of these
    Returns a ReceptiveField, values (H, W): the mean over the samples and the colors of |∂u/∂x|, where x is a pixel of
    the normalized picture, and u the sum of the unit over all channels with random normal weights, others for each
    sample, so that all channels count alike and do not cancel. Also ``box``, from the network's structure alone, the
    same ``clipped`` to the picture, the ``ellipse`` of two standard deviations, and the ``share`` of the clipped box
    that holds 95% of the mass.
    Raises UserError for an unknown layer, a position that it does not have, and a network without gradients.

        receptive_field(load_network("mini"), "conv4", (7, 2)).clipped
    """
    found = network.layer(layer)
    if image is None:
        picture = torch.full((network.channels, *network.probed_size), 0.5)
    else:
        picture = one_picture(network, image).detach().cpu()
    size = tuple(picture.shape[-2:])
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(samples, *picture.shape, generator=generator)
    unit = _Unit(found, position, torch.randn(samples, found.channels, generator=generator))
    gradient = pull_back(network, noise.to(picture.dtype), unit, "backprop").gradient
    chosen = unit.position
    box = found.field(chosen, size) if chosen else (0, 0, size[1], size[0])
    return ReceptiveField(
        gradient.double().abs().mean((0, 1)),
        box,
        within(box, size),
        found.name,
        chosen,
        found.receptive_field,
        found.stride,
        picture,
        f"mean of |∂unit/∂pixel| over {samples} pictures of noise",
    )


class _Unit(Goal):
    """A position of a layer in all channels, with weights (samples, C) for these."""

    unit = "activation"

    def __init__(self, layer: Layer, position: tuple[int, int] | None, weights: Tensor) -> None:
        self.layer, self.position, self._weights = layer.name, position, weights

    def scores(self, logits: Tensor | None, values: dict[str, Tensor], piece: range) -> tuple[Tensor, list]:
        maps = values[self.layer or ""]
        if maps.ndim == 4:
            sides = maps.shape[2:]
            row, column = self.position = self.position or (sides[0] // 2, sides[1] // 2)
            if not (0 <= row < sides[0] and 0 <= column < sides[1]):
                raise UserError(
                    f"position must be (row, column) in the {sides[0]}×{sides[1]} maps of {self.layer}, "
                    f"not ({row}, {column})."
                )
            maps = maps[:, :, row, column]
        elif self.position:
            raise UserError(f"position must be None, not {self.position}: {self.layer} has no spatial positions.")
        weights = self._weights[piece.start : piece.stop].to(maps)
        return (maps.reshape(*weights.shape, -1).sum(2) * weights).sum(1), [self.position] * len(piece)

    def name(self, start: Any) -> str:
        return str(self.layer)
