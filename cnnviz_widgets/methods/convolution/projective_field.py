"""F4, the other way round: which units of a layer see a pixel, its projective field."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from cnnviz_widgets.drawing.render import Content, as_array
from cnnviz_widgets.drawing.results import Result
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Count, Range, Seed, gate
from cnnviz_widgets.methods.activations.activations import one_picture
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.networks.layers import Box
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["ProjectiveField", "projective_field"]
example = dict(samples=2)


@dataclass(frozen=True, eq=False, repr=False)
class ProjectiveField(Result):
    """The units that see a pixel.

    values     (h, w) ≥ 0: how much each unit of the layer changes with the pixel
    box        (left, top, right, bottom) in units: those whose receptive field holds the pixel; None = there are none,
               as a stride that is larger than the kernel leaves pixels out
    layer      of the units
    pixel      (row, column)
    """

    values: Tensor
    box: Box | None
    layer: str
    pixel: tuple[int, int]
    convention: str
    look: ClassVar[dict] = {"colormap": "inferno"}

    @property
    def of(self) -> str:
        return f"{self.layer} · pixel {self.pixel}"

    @property
    def count(self) -> int:
        """How many positions of the layer see the pixel."""
        left, top, right, bottom = self.box or (0, 0, 0, 0)
        return (right - left) * (bottom - top)

    def content(self) -> Content:
        several = f"{self.count} of {self.values.numel()} units see pixel {self.pixel}"
        return Content(values=as_array(self.values), low=0, high=max(1e-12, float(self.values.max())), caption=several)


@gate
def projective_field(
    network: Network,
    layer: "str | Layer | nn.Module",
    pixel: tuple[Count, Count],
    image: AnyPicture | None = None,
    *,
    samples: Annotated[int, Range(1, 256)] = 8,
    seed: Seed = 0,
) -> ProjectiveField:
    """Which units of a layer see a pixel, its projective field (Lehky & Sejnowski, 1988), and how much it changes them.

    It is ``receptive_field`` the other way round: a unit is in the ``box`` just if the pixel is in the unit's own.

    pixel    (row, column) in the picture as the network sees it
    image    only its size counts; None = the size that the network was made for
    samples  pictures of noise over which the mean is taken
    seed     of these
    Returns a ProjectiveField, values (h, w): the mean over the samples and the channels of |u′ − u|, where u is the
    activation of a unit for a picture of noise, and u′ that for the same but for a pixel of another random color.
    Raises UserError for an unknown layer, and a pixel outside of the picture.

        projective_field(load_network("mini"), "conv4", (64, 64)).count
    """
    found = network.layer(layer)
    size = tuple(network.probed_size if image is None else one_picture(network, image).shape[-2:])
    row, column = pixel
    if row >= size[0] or column >= size[1]:
        raise UserError(f"pixel must be (row, column) within the {size[0]}×{size[1]} px of the picture, not {pixel}.")
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(())
    for _ in range(samples):
        before, after = torch.rand(2, network.channels, *size, generator=generator)
        both = torch.stack([before, before])
        both[1, :, row, column] = after[:, row, column]
        maps = network.activations(both, found.name)[found.name].cpu().double()
        total = total + (maps[1] - maps[0]).abs().mean(0) / samples
    change = total if total.ndim == 2 else total.reshape(1, -1)
    box = _units(found, pixel, size, tuple(change.shape)) if found.spatial else (0, 0, change.shape[1], 1)
    values = torch.zeros_like(change)
    if box:  # beyond, quick convolutions may leave rounding errors
        left, top, right, bottom = box
        values[top:bottom, left:right] = change[top:bottom, left:right]
    convention = f"mean of |∆unit| over {samples} pictures of noise in which the pixel gets another color"
    return ProjectiveField(values, box, found.name, pixel, convention)


def _units(layer: Layer, pixel: tuple[int, int], size: tuple[int, ...], units: tuple[int, ...]) -> Box | None:
    """The (left, top, right, bottom) of the units whose field holds the pixel: on each axis they are neighbors."""
    rows = [row for row in range(units[0]) if _within(layer.field((row, 0), size)[1::2], pixel[0])]
    columns = [column for column in range(units[1]) if _within(layer.field((0, column), size)[::2], pixel[1])]
    return (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) if rows and columns else None


def _within(ends: tuple[int, ...], place: int) -> bool:
    return ends[0] <= place < ends[1]
