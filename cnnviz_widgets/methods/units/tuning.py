"""A5: tuning curves, a unit's activation by the angle of a stimulus."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Annotated, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from cnnviz_widgets.described import number as coarse
from cnnviz_widgets.drawing.polar import DARK, polar
from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, Seed, gate
from cnnviz_widgets.methods.units._stimuli import STIMULI, drawn
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.runtime import batching
from cnnviz_widgets.runtime.device import callers_modes_off
from cnnviz_widgets.runtime.interrupts import guarded

__all__ = ["Tuning", "tuning"]
example = dict(angles=6, sizes=(6.0,), phases=2, places=2)

Kind = Literal["grating", "curve", "color"]
Pool = Literal["max", "mean"]
AROUND, ICON = 8, 32  # stimuli around the polar drawing, and px that are seen of each

Size = Annotated[float, Range(2, 10_000)]


class Variant(NamedTuple):
    """All of a stimulus but its angle: px, degrees, and (y, x) px of where it is."""

    size: float
    phase: float
    place: tuple[float, float]


@dataclass(frozen=True, eq=False, repr=False)
class Tuning(Result):
    """The activation of a unit by the angle of stimuli.

    step, total  variants of the stimuli shown, at all angles, and all of them
    responses    (C, angles, variants): activations of the unit in the middle of every channel of the layer
    blank        (C,): for gray without a stimulus
    angles       in degrees
    variants     (size, phase, place) of each of those shown
    pool         how the variants of an angle become one number: the "max" or the "mean"
    """

    step: int
    total: int
    responses: Tensor
    blank: Tensor
    angles: Tensor
    variants: tuple[Variant, ...]
    layer: str
    channel: int
    stimulus: Kind
    pool: Pool
    contrast: float
    shape: tuple[int, int, int]  # of a picture
    convention: str = "activations of the unit in the middle of the map"

    @property
    def of(self) -> str:
        return f"{self.layer} channel {self.channel}, {self.stimulus}"

    @property
    def of_channels(self) -> Tensor:
        """(C, angles): the curve of every channel."""
        return self.responses.amax(2) if self.pool == "max" else self.responses.mean(2)

    @cached_property
    def values(self) -> Tensor:
        """(angles,): the curve of the channel."""
        return self.of_channels[self.channel]

    @property
    def preferred(self) -> float:
        """The angle at the peak, in degrees."""
        return float(self.angles[self.values.argmax()])

    @property
    def selectivity(self) -> float:
        """1 − the circular variance of the curve: 0 = all angles alike, 1 = one alone. Values below 0 count as 0."""
        return float(selectivity(self.values, self.angles, STIMULI[self.stimulus].turn))

    @property
    def selectivities(self) -> Tensor:
        """(C,): of every channel."""
        return selectivity(self.of_channels, self.angles, STIMULI[self.stimulus].turn)

    def of_channel(self, channel: int) -> "Tuning":
        """The same of another channel of the layer, which has been computed, too."""
        return replace(self, channel=whole_number("channel", channel, 0, len(self.responses) - 1))

    def nearest(self, angle: float) -> int:
        """The number of the nearest of the angles."""
        turn = STIMULI[self.stimulus].turn
        return int(((self.angles - angle + turn / 2) % turn - turn / 2).abs().argmin())

    def picture(self, angle: float | None = None) -> Tensor:
        """(C, H, W), 0…1: of the stimuli at an angle, in degrees, the one with the greatest activation.

        angle  None = the preferred one
        """
        at = int(self.values.argmax()) if angle is None else self.nearest(angle)
        best = self.variants[int(self.responses[self.channel, at].argmax())]
        return _picture(self.stimulus, float(self.angles[at]), best, self.shape, self.contrast).float()

    def by_size(self) -> dict[str, tuple[list[float], list[float]]]:
        """Curves of the channel, (angles, activations), for each size of the stimuli."""
        name, responses = STIMULI[self.stimulus].size, self.responses[self.channel]
        curves = {}
        for size in dict.fromkeys(one.size for one in self.variants):
            some = responses[:, [at for at, one in enumerate(self.variants) if one.size == size]]
            pooled = some.amax(1) if self.pool == "max" else some.mean(1)
            curves[f"{name} {size:g} px"] = (self.angles.tolist(), pooled.tolist())
        return curves

    def content(self) -> Content:
        """The curve around a point, with stimuli at their angles."""
        turn = STIMULI[self.stimulus].turn
        best = self.variants[int(self.responses[self.channel].amax(0).argmax())]
        around = [360 / AROUND * number for number in range(AROUND)]
        icons = [self._icon(angle % turn, best) for angle in around]
        curve = self.angles.tolist(), self.values.tolist(), turn, float(self.blank[self.channel]), icons
        ends = (
            f"{word} {coarse(float(self.values[at]))} at {float(self.angles[at]):g}°"
            for word, at in (("greatest", self.values.argmax()), ("least", self.values.argmin()))
        )
        return Content(
            polar(*curve), caption=f"prefers {self.preferred:g}°, selectivity {self.selectivity:.2f}",
            dark=polar(*curve, DARK),
            alt=f"activation by angle: {', '.join(ends)}; {coarse(float(self.blank[self.channel]))} for no stimulus",
        )  # fmt: skip

    def _icon(self, angle: float, variant: Variant) -> np.ndarray:
        middle = variant._replace(place=((ICON - 1) / 2, (ICON - 1) / 2))
        return rgb(_picture(self.stimulus, angle, middle, (self.shape[0], ICON, ICON), self.contrast))


@gate
def tuning(
    network: Network,
    layer: "str | Layer | nn.Module | None" = None,
    channel: int = 0,
    stimulus: Kind = "grating",
    *,
    angles: Annotated[int, Range(4, 360)] = 36,
    sizes: Sequence[Size] | None = None,
    phases: Annotated[int, Range(1, 16)] = 4,
    places: Annotated[int, Range(1, 64)] = 1,
    contrast: Annotated[float, Range(above=0, most=1)] = 1.0,
    pool: Pool = "max",
    seed: Seed = 0,
) -> Iterator[Tuning]:
    """Tuning curves of a unit: its activation by the angle of stimuli (of curve detectors in Cammarata et al., 2020).

    The unit is the one in the middle of the map, and the stimuli are about the center of its receptive field, on gray.
    Angles are counterclockwise from the right. All channels of the layer are found together, see ``of_channel``.

    layer     None = ``network.default_layer``
    stimulus  a "grating", whose angle is the direction of its stripes, 0…180°; a "curve", that of its bulge; or a
              "color": a disk, whose angle is its hue (red 0°, green 120°, blue 240°)
    angles    how many, from 0°, evenly spread
    sizes     in px: periods of gratings, radii of curves, diameters of disks; None = a few usual ones
    phases    of gratings and curves: 4 = a bright line in the middle, an edge, a dark line, the other edge
    places    how many: the first is the center of the receptive field, the others are drawn within half a step from one
              unit to the next
    contrast  from the darkest to the brightest value of a grating, 0…1
    pool      whether sizes, phases and places of an angle become their "max" or their "mean"
    seed      of the places

    Yields Tuning after every variant, at all angles. Raises UserError for colors and a network that takes no colors.

        found = last(tuning(load_network("mini"), "conv1", 11))
        found.preferred, found.selectivity
    """
    one = network.default_layer if layer is None else network.layer(layer)
    number = whole_number("channel", channel, 0, one.channels - 1, f"in layer {one.name!r}")
    kind = STIMULI[stimulus]
    if stimulus == "color" and network.channels != 3:
        raise UserError(f"stimulus must be 'grating' or 'curve': {network.name} takes {network.channels} channels.")
    chosen = kind.sizes if sizes is None else tuple(map(float, sizes))
    if not chosen:
        raise UserError("sizes must be at least one, or None.")
    shape = (network.channels, *network.probed_size)
    every = [float(kind.turn * at / angles) for at in range(angles)]
    shifts = 360 / phases * torch.arange(phases if kind.phased else 1)
    variants = [Variant(size, phase, place) for place, phase, size in product(
        _places(one, shape, places, seed), shifts.tolist(), chosen
    )]  # fmt: skip

    def states() -> Iterator[Tuning]:
        blank = _responses(network, one, torch.full((1, *shape), 0.5))[0]
        found: list[Tensor] = []
        for step, variant in enumerate(variants, 1):
            pictures = torch.stack([_picture(stimulus, angle, variant, shape, contrast) for angle in every])
            found.append(_responses(network, one, pictures).T)
            yield Tuning(
                step, len(variants), torch.stack(found, 2), blank, torch.tensor(every), tuple(variants[:step]),
                one.name, number, stimulus, pool, contrast, shape,
            )  # fmt: skip

    return states()


def selectivity(values: Tensor, angles: Tensor, turn: float) -> Tensor:
    """1 − circular variance of curves (…, angles) that repeat themselves after ``turn`` degrees; 0 where all is 0."""
    weights = values.double().clamp(min=0)
    around = torch.deg2rad(angles.double() * 360 / turn)
    resultant = torch.hypot((weights * around.cos()).sum(-1), (weights * around.sin()).sum(-1))
    return resultant / weights.sum(-1).clamp(min=1e-30)


def _picture(stimulus: Kind, angle: float, one: Variant, shape: tuple[int, int, int], contrast: float) -> Tensor:
    channels, *extent = shape
    return drawn(STIMULI[stimulus], angle, one.size, one.phase, one.place, (extent[0], extent[1]), channels, contrast)


def _places(layer: Layer, shape: tuple[int, int, int], count: int, seed: int) -> list[tuple[float, float]]:
    """(y, x) px: the center of the field of the unit in the middle, and others near it."""
    sides = shape[1:]
    center, step = [(side - 1) / 2 for side in sides], list(map(float, sides))
    if layer.spatial:
        for axis in (0, 1):
            if not layer.sees_all[axis]:
                step[axis] = layer.stride[axis]
                center[axis] = layer.offset[axis] + step[axis] * (layer.shape[axis + 1] // 2)
    moved = torch.rand(count, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 0.5
    moved[0] = 0
    return [(center[0] + step[0] * y, center[1] + step[1] * x) for y, x in moved.tolist()]


def _responses(network: Network, layer: Layer, pictures: Tensor) -> Tensor:
    """(N, C), on the CPU: of the unit in the middle of each map."""

    def through(some: Tensor) -> Tensor:
        found: list[Tensor] = []

        def see(_: str, maps: Tensor) -> None:
            for side in maps.shape[2:]:
                maps = maps[:, :, side // 2]
            found.append(maps.cpu().clone())

        with guarded(*callers_modes_off(network.device)):
            network.watch(network.normalize(some), [layer], see)
        values = found[0]
        return values.float() if values.dtype.itemsize < 4 else values

    each = network.bytes_per_image(pictures.shape[-2:])
    most = network.at_once(pictures.shape[-2:]) if network.takes_several else 1
    return torch.cat([one for _, one in batching.run(through, pictures, each, most=most, where=network.device)])
