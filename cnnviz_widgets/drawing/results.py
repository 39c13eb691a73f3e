"""What methods return: tensors with the words that explain them, which show themselves in a notebook.

Every result has ``values``, the raw numbers on the CPU, never scaled for the eye; ``convention``, what they are;
``content()``, the same as :class:`~cnnviz_widgets.content.Content` for an ``ImageView``; and a PNG.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.drawing.figure import Shown
from cnnviz_widgets.drawing.render import Content, as_array, draw, falls_below, png, to_uint8
from cnnviz_widgets.gate import gate
from cnnviz_widgets.renamed import Old

HEADROOM = 0.995  # share of the pixels that stay within the colors: a few outliers would leave the rest dark


class Result(Shown):
    """Base of all results."""

    look: ClassVar[dict] = {}

    if TYPE_CHECKING:  # fields of the subclasses, or properties that are made when asked for

        @property
        def values(self) -> Tensor: ...

        @property
        def convention(self) -> str: ...

        @property
        def of(self) -> str | tuple[str, ...]: ...

    def content(self) -> Content:
        """What to show."""
        raise NotImplementedError

    def _repr_png_(self) -> bytes:
        return png(draw(self.content(), **self.look))

    def __repr__(self) -> str:
        of = self.of if isinstance(self.of, str) else ", ".join(self.of)
        return f"{type(self).__name__}({of}: {'×'.join(map(str, self.values.shape))}, {self.convention})"


@dataclass(frozen=True, eq=False, repr=False)
class Heatmap(Result):
    """A number for every pixel.

    values      (H, W), or (B, H, W) for a batch
    picture     (C, H, W) or (B, C, H, W), 0…1: what was looked at, as the network sees it
    convention  what the numbers are
    of          what they explain, such as "Egyptian cat"; one per picture of a batch
    target      its class index; one per picture of a batch
    signed      whether numbers below 0 mean something; where some fall far below, they are shown in any case
    layer       the layer that was looked at, where it is one; values may then be as large as its maps
    extent      (left, top, right, bottom) in pixels of the picture that the values cover; None = all of it
    completeness_error
                where values should add up to a known number: by how much they do not; one per picture of a batch
    cells       (h, w) or (B, h, w): what the values were enlarged from bilinearly, where they were
    """

    values: Tensor
    picture: Tensor
    convention: str
    of: str | tuple[str, ...] = ""
    target: int | tuple[int, ...] | None = None
    signed: bool = False
    layer: str | None = None
    extent: tuple[float, float, float, float] | None = None
    completeness_error: float | tuple[float, ...] | None = None
    cells: Tensor | None = None
    look: ClassVar[dict] = {"colormap": "inferno", "opacity": 0.85}

    def content(self) -> Content:
        high, signed = robust_maximum(self.values), self.signed or falls_below(self.values)
        return Content(
            picture=rgb(self.picture),
            values=as_array(self.values),
            low=-high if signed else 0,
            high=high,
            signed=signed,
            extent=self.extent,
            cells=as_array(self.cells),
            names=() if isinstance(self.of, str) else self.of,
            caption=self.of if isinstance(self.of, str) else "",
        )


@dataclass(frozen=True, eq=False, repr=False)
class GradientPicture(Result):
    """A signed number for every pixel and color.

    values      (C, H, W), or (B, C, H, W) for a batch
    picture     as in Heatmap
    of          what was differentiated: a class, or a neuron such as "features.3 · channel 17 · (5, 6)"
    score       its value in the forward pass; one per picture of a batch
    position    (row, column) of the neuron; one per picture of a batch; None for a class or a layer without positions
    completeness_error
                as in Heatmap
    """

    values: Tensor
    picture: Tensor
    convention: str
    of: str | tuple[str, ...]
    score: float | tuple[float, ...]
    position: tuple[int, int] | tuple[tuple[int, int], ...] | None = None
    completeness_error: float | tuple[float, ...] | None = None

    def heatmap(self) -> Heatmap:
        """Signed, one number for every pixel: the sum over the color channels."""
        return Heatmap(
            self.values.sum(-3),
            self.picture,
            f"{self.convention}, sum over color channels",
            self.of,
            signed=True,
            completeness_error=self.completeness_error,
        )

    def shown(self) -> np.ndarray:
        """As colors, (…, H, W, 3) uint8: 0 is middle gray, and each picture is scaled by its own greatest size."""
        pictures = self.values if self.values.ndim == 4 else self.values[None]
        bounds = torch.stack([robust_maximum(one) for one in pictures]).view(-1, 1, 1, 1)
        return rgb(0.5 + pictures / (2 * bounds)).reshape(*self.values.shape[:-3], *self.values.shape[-2:], 3)

    def content(self) -> Content:
        names, caption = ((), self.of) if isinstance(self.of, str) else (self.of, "")
        return Content(picture=self.shown(), names=names, caption=caption)


@dataclass(frozen=True, eq=False, repr=False)
class Filters(Result):
    """The kernels of a convolution.

    values      (out, in, kh, kw): the weights
    of          the layer's name
    """

    values: Tensor
    of: str
    convention: str = "weights as they are stored, for normalized input"

    @property
    def colored(self) -> bool:
        """Whether a kernel is a small color picture: it has three inputs."""
        return self.values.shape[1] == 3

    coloured = Old("colored")

    @gate
    def tiles(self, normalize_by: Literal["filter", "layer"] = "filter") -> Tensor:
        """Kernels from 0 (least) to 1 (greatest): (out, 3, kh, kw) in color, or (out, in, kh, kw) in gray.

        normalize_by  whose least and greatest weights are 0 and 1: those of each "filter", that is output channel, or
                      of the whole "layer", so that weak filters look weak
        A filter of equal weights is 0.5.
        """
        over = (1, 2, 3) if normalize_by == "filter" else (0, 1, 2, 3)
        low, high = self.values.amin(over, keepdim=True), self.values.amax(over, keepdim=True)
        return torch.where(high > low, (self.values - low) / (high - low), 0.5)

    @gate
    def pictures(self, normalize_by: Literal["filter", "layer"] = "filter") -> np.ndarray:
        """One picture per filter, (out, H, W, 3) uint8: its colors, or its gray kernels side by side in a block."""
        tiles = self.tiles(normalize_by)
        if self.colored:
            return to_uint8(tiles)
        out, number, height, width = tiles.shape
        columns = int(np.ceil(number**0.5))
        rows = -(-number // columns)
        # A line between the kernels, and the places after the last one, are black.
        sheet = tiles.new_zeros(out, rows * columns, height + 1, width + 1)
        sheet[:, :number, :height, :width] = tiles
        sheet = (
            sheet.view(out, rows, columns, height + 1, width + 1)
            .transpose(2, 3)
            .reshape(out, 1, rows * (height + 1), -1)
        )
        return to_uint8(sheet[..., :-1, :-1])

    @gate
    def content(self, normalize_by: Literal["filter", "layer"] = "filter") -> Content:
        """One tile per filter, as in ``tiles``.

        normalize_by  whose least and greatest weights are black and white: those of each filter, or of the whole layer
        """
        shape = " × ".join(map(str, self.values.shape))
        numbers = tuple(range(len(self.values)))
        names = tuple(f"filter {number}" for number in numbers)
        return Content(self.pictures(normalize_by), names=names, keys=numbers, caption=f"{self.of}: {shape}")


@dataclass(frozen=True, eq=False, repr=False)
class ActivationMaps(Result):
    """All channels of one layer.

    values      (C, H, W); a layer without spatial positions has maps of 1×1
    picture     (C, H, W), 0…1: what was looked at, as the network sees it
    of          the layer's name
    """

    values: Tensor
    picture: Tensor
    of: str
    convention: str = "output of the layer"
    look: ClassVar[dict] = {"colormap": "gray"}

    @property
    def channel_sparsity(self) -> Tensor:
        """(C,): share of exact zeros in each map."""
        return (self.values == 0).double().mean((1, 2))

    @property
    def sparsity(self) -> float:
        """Share of exact zeros in the layer."""
        return float(self.channel_sparsity.mean())

    @gate
    def order(self, by: Literal["index", "strength"] = "index") -> Tensor:
        """(C,): channel numbers, by "index" or by "strength", the one with the greatest value first."""
        if by == "index":
            return torch.arange(len(self.values))
        return self.values.amax((1, 2)).argsort(descending=True, stable=True)

    @gate
    def content(
        self,
        by: Literal["index", "strength"] = "index",
        normalize_by: Literal["layer", "channel"] = "layer",
    ) -> Content:
        """Maps in gray, black = 0. Where a layer has numbers below 0, as before a ReLU, red is above and blue below.

        by            in which order: by channel number, or by strength, the greatest value first
        normalize_by  whose greatest value is white: that of the whole layer, or of each channel
        """
        order = self.order(by)
        each = self.values[order].abs().amax((1, 2)).clamp(min=1e-12)
        high = robust_maximum(self.values, 1) if normalize_by == "layer" else each
        signed = falls_below(self.values)
        return Content(
            values=as_array(self.values[order]),
            low=-high if signed else 0,
            high=high,
            signed=signed,
            names=tuple(f"channel {channel}" for channel in order.tolist()),
            keys=tuple(order.tolist()),
            caption=f"{self.of}: {'×'.join(map(str, self.values.shape))}, {self.sparsity:.0%} zeros",
        )


def enlarged(pictures: Tensor, side: int) -> Tensor:
    """Pictures (…, H, W) by the whole factor with which they come nearest to ``side`` px, from below."""
    times = max(1, side // max(pictures.shape[-2:]))
    return pictures.repeat_interleave(times, -1).repeat_interleave(times, -2)


def robust_maximum(values: Tensor, share: float = HEADROOM) -> Tensor:
    """The greatest absolute finite value but for a few outliers; never 0, so that one can divide by it."""
    sizes = values.abs().flatten()
    sizes = sizes[sizes.isfinite()]
    if not len(sizes):
        return values.new_tensor(1.0)
    rank = max(1, round(share * len(sizes)))
    at = sizes.kthvalue(rank).values
    return torch.where(at > 0, at, sizes.max()).clamp(min=torch.finfo(sizes.dtype).tiny)


def rgb(picture: Tensor) -> np.ndarray:
    """A picture of any number of channels as colors, uint8: 1 is gray, 3 are RGB, of others the mean is shown."""
    return to_uint8(picture if picture.shape[-3] in (1, 3) else picture.mean(-3, keepdim=True))
