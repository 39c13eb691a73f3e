"""Parametrizations of a picture: the parameters that the optimizer moves, and how they become pixels.

The coordinates decide which pictures gradient ascent finds: pixels, frequencies, a Laplacian pyramid, the weights of a
CPPN. A parametrization is given to ``optimize``, which draws its first parameters on the network's device. Sizes are in
pixels, one number or (height, width); None is the network's own size.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Annotated, Any, TypeVar

import torch
from torch import Tensor

from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.engine.optimize.balls import Ball, box, drawn, in_8_bits, nearest, rounded, whole_levels
from cnnviz_widgets.engine.optimize.passing import Cut, Straight
from cnnviz_widgets.engine.optimize.smoothing import frequencies, merged, pyramid
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Positive, Range, came, gate
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture
from cnnviz_widgets.pictures.load import MOST_PIXELS

MOST_PICTURES = 1024  # made at once

Size = Annotated[int | tuple[int, int] | None, OWN]
Batch = Annotated[int, Range(1, MOST_PICTURES)]
Pictures = Annotated[Tensor | None, "pictures (C, H, W) or (B, C, H, W)"]
Tensors = tuple[Tensor, ...]
T = TypeVar("T", Tensor, Tensors)
Coloring = Callable[[Tensor], Tensor]  # from color coordinates to pixels 0…1, or back

# Columns: directions in which the colors of photographs vary independently, as long as they do (Olah et al., 2017).
COLORS = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.0, -0.05], [0.27, -0.09, 0.03]], dtype=torch.float64)
COLORS = COLORS / torch.linalg.vector_norm(COLORS, dim=0).max()


def _same(values: T) -> T:
    return values


@dataclass(frozen=True, eq=False)
class Form:
    """A parametrization with its first parameters.

    start    its parameters before the first step
    decode   parameters → pictures (B, C, H, W), 0…1, differentiable
    encode   pictures → parameters, its inverse; None if there is none
    project  parameters → the nearest allowed ones, after every step
    show     parameters → what a state shows and keeps; None = the pictures
    wakes    whether a picture whose gradient is zero may get one that ReLUs redirect, in the first steps: for noise

    They are partial applications of this file's functions, so that states can be pickled.
    """

    start: Tensors
    decode: Callable[..., Tensor]
    encode: Callable[[Tensor], Tensors] | None = None
    project: Callable[[Tensors], Tensors] = _same
    show: Callable[..., Tensor] | None = None
    wakes: bool = True


@dataclass(frozen=True, eq=False)
class Parametrization:
    """What ``optimize`` takes as ``picture``: ``begin(network, generator)`` draws the first parameters."""

    name: str
    begin: Callable[[Network, torch.Generator], Form]

    def __repr__(self) -> str:
        return self.name


@gate
def pixels(
    size: Size = None,
    batch: Batch = 1,
    *,
    sd: Annotated[float, Range(0)] = 0.04,
    start: Pictures = None,
    decorrelate: bool = False,
    alpha: bool = False,
) -> Parametrization:
    """The pixels themselves.

    sd           of the noise around middle gray with which it begins
    start        (C, H, W) or (B, C, H, W), 0…1: begin with these pictures instead, in their size
    decorrelate  False: the parameters are the pixels, clipped to 0…1 after every step. True: their coordinates in a
                 space in which colors vary independently, through a sigmoid
    alpha        with a fourth channel: how opaque the picture is; see ``objectives.opacity``
    """
    made = _canvas(size, batch, start, alpha)

    def begin(network: Network, generator: torch.Generator) -> Form:
        shape, given = made(network)
        if decorrelate:
            decode, encode = _colored(network), _uncolored(network)
            return Form((encode(given) if given is not None else 4 * _noise(network, shape, sd, generator),),
                        decode, partial(_alone_by, encode))  # fmt: skip
        begun = (0.5 + _noise(network, shape, sd, generator)).clamp(0, 1) if given is None else given
        return Form((begun,), _same, _alone, _clipped)

    return Parametrization(_written("pixels", size, batch, start, decorrelate=decorrelate, alpha=alpha), begin)


@gate
def fourier(
    size: Size = None,
    batch: Batch = 1,
    *,
    sd: Annotated[float, Range(0)] = 0.01,
    start: Pictures = None,
    decorrelate: bool = True,
    alpha: bool = False,
) -> Parametrization:
    """The Fourier spectrum, with frequencies scaled by 1/f, as in photographs (Olah et al., 2017).

    Arguments as in ``pixels``; ``sd`` is that of the spectrum. The pixels come through a sigmoid.
    """
    made = _canvas(size, batch, start, alpha)

    def begin(network: Network, generator: torch.Generator) -> Form:
        shape, given = made(network)
        *_, height, width = shape
        color, uncolor = _colored(network, decorrelate), _uncolored(network, decorrelate)
        spectrum = (*shape[:2], height, width // 2 + 1, 2)
        scale = 1 / (4 * frequencies(height, width, torch.empty(0, dtype=_dtype(network), device=network.device)))

        decode = partial(_from_spectrum, color, scale, (height, width))
        encode = partial(_spectrum, uncolor, scale)
        begun = encode(given) if given is not None else (_noise(network, spectrum, sd, generator),)
        return Form(begun, decode, encode)

    return Parametrization(_written("fourier", size, batch, start, decorrelate=decorrelate, alpha=alpha), begin)


@gate
def laplacian(
    size: Size = None,
    batch: Batch = 1,
    *,
    levels: Positive = 5,
    sd: Annotated[float, Range(0)] = 0.02,
    start: Pictures = None,
    decorrelate: bool = True,
    alpha: bool = False,
) -> Parametrization:
    """A Laplacian pyramid: pictures, each half as large as the one before, which are added up.

    Arguments as in ``pixels``; there are fewer levels if the picture is small. The pixels come through a sigmoid.
    """
    made = _canvas(size, batch, start, alpha)

    def begin(network: Network, generator: torch.Generator) -> Form:
        shape, given = made(network)
        color, uncolor = _colored(network, decorrelate), _uncolored(network, decorrelate)
        most = min(levels, int(math.log2(min(shape[2:]))) + 1)

        encode = partial(_levels, uncolor, most)
        if given is not None:
            begun = encode(given)
        else:
            sizes = [(math.ceil(shape[2] / 2**level), math.ceil(shape[3] / 2**level)) for level in range(most)]
            begun = tuple(_noise(network, (*shape[:2], *size), sd, generator) for size in sizes)
        return Form(begun, partial(_merged, color), encode)

    return Parametrization(_written("laplacian", size, batch, start, decorrelate=decorrelate, alpha=alpha), begin)


@gate
def cppn(
    size: Size = None,
    batch: Batch = 1,
    *,
    hidden: Annotated[int, Range(1, 512)] = 24,
    depth: Annotated[int, Range(1, 64)] = 8,
    alpha: bool = False,
) -> Parametrization:
    """A compositional pattern-producing network: from the coordinates of a pixel to its color (Stanley, 2007).

    Its weights are optimized; a learning rate of 0.005 suits it. The picture can be drawn at any resolution.
    """
    made = _canvas(size, batch, None, alpha)

    def begin(network: Network, generator: torch.Generator) -> Form:
        (count, channels, height, width), _ = made(network)
        longer = max(height, width)
        down, across = (
            torch.linspace(-1, 1, side, dtype=_dtype(network), device=network.device) * side / longer * math.sqrt(3)
            for side in (height, width)
        )
        places = torch.stack(torch.broadcast_tensors(down[:, None], across[None]), -1).reshape(-1, 2)
        widths = [2, *[2 * hidden] * depth]
        weights = [_noise(network, (count, inputs, hidden), 1 / math.sqrt(inputs), generator) for inputs in widths[:-1]]
        biases = [_noise(network, (count, 1, hidden), 0.1, generator) for _ in weights]
        last = torch.zeros(count, widths[-1], channels, dtype=_dtype(network), device=network.device)

        layers = (one for pair in zip(weights, biases, strict=True) for one in pair)
        return Form((last, *layers), partial(_painted, places, (count, channels, height, width)))

    return Parametrization(_written("cppn", size, batch, None, alpha=alpha), begin)


@gate
def decoded(decoder: Callable[[Tensor], Tensor], code: Tensor) -> Parametrization:
    """The output of a decoder, whose code is optimized: a learned prior.

    decoder  from codes to pictures (B, C, H, W), 0…1; any differentiable function
    code     (B, …): the first code
    """

    def begin(network: Network, generator: torch.Generator) -> Form:
        return Form((code.detach().to(network.device, _dtype(network)).clone(),), decoder)

    return Parametrization(f"decoded({type(decoder).__name__}, {'×'.join(map(str, code.shape))})", begin)


@gate
def perturbation(
    image: AnyPicture,
    bound: Annotated[float, Range(above=0)] | Sequence[Annotated[float, Range(0)]] = 8 / 255,
    *,
    norm: Ball = "linf",
    mask: Annotated[Tensor | None, "a tensor (H, W), true where the picture may change"] = None,
    universal: bool = False,
    random: bool = False,
    quantize: bool = False,
) -> Parametrization:
    """A photograph with a change in a ball around it; after every step the nearest one for which all values are 0…1.

    image      (C, H, W) or (B, C, H, W), 0…1; the change is made to what the network sees of it
    bound      of the change, in values 0…1; a list: of each picture
    norm       "linf": no value changes by more; "l2": the change is not longer; "l1": the sum of its sizes is not
               greater; "l0": so many pixels change at most
    mask       of the network's size: where it may change
    universal  one change for all pictures, cut off at 0 and 1 in each; ``values`` of a state is then the change itself,
               added to gray
    random     begin with a random change of the ball, by the seed of the run, not with none
    quantize   the photograph and all that the network sees of the change are pictures of 8 bits, in the same ball
    """
    bounds = [bound] if isinstance(bound, int | float) else [*bound]

    def begin(network: Network, generator: torch.Generator) -> Form:
        original = network.prepare(image).to(network.device, _dtype(network)).clone()
        if quantize:
            original = in_8_bits(original)
        if len(bounds) not in (1, 1 if universal else len(original)):
            raise UserError(
                f"bound must be one number, or one for each of {len(original)} pictures, not {came(bound)}."
            )
        if mask is not None and mask.shape != original.shape[-2:]:
            raise UserError(
                f"mask must have the size of the network's pictures, {_shape(original[0, 0])}, not {_shape(mask)}."
            )
        where = None if mask is None else mask.to(original.device, torch.bool)
        radius = torch.tensor(bounds, dtype=original.dtype, device=original.device)
        if universal:
            none = torch.zeros_like(original[:1])
            around = _Around(none, none - 1, none + 1, radius, norm, where)
            decode = partial(_changed, original, around, quantize)
            form = Form((none,), decode, None, around.project, show=partial(_on_gray, around, quantize))
        else:
            around = _Around(original, -original, 1 - original, radius.expand(len(original)), norm, where)
            decode = partial(_seen, around, quantize)
            form = Form((original,), decode, _alone, around.project)
        begun = around.project((around.drawn(generator),)) if random else form.start
        return replace(form, start=begun, wakes=False)

    most = f"{bounds[0]:g}" if len(bounds) == 1 else f"[{', '.join(f'{one:g}' for one in bounds)}]"
    return Parametrization(f'perturbation({_shape(image)}, {most}, norm="{norm}")', begin)


def unwoken(made: Parametrization) -> Parametrization:
    """The same, but that ReLUs redirect nothing where the gradient is zero: an attack sees the network as it is."""
    return Parametrization(made.name, lambda network, generator: replace(made.begin(network, generator), wakes=False))


# What they share


def _alone(pictures: Tensor) -> Tensors:
    return (pictures,)


def _alone_by(encode: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensors:
    return (encode(pictures),)


def _clipped(parameters: Tensors) -> Tensors:
    return (parameters[0].clamp(0, 1),)


@dataclass(frozen=True, eq=False)
class _Around:
    """A ball around ``center`` (B, C, H, W): changes between low and high of at most ``bound`` (B,), within a mask."""

    center: Tensor
    low: Tensor
    high: Tensor
    bound: Tensor
    norm: str
    mask: Tensor | None

    @cached_property
    def _box(self) -> tuple[Tensor, Tensor]:
        """The least and the greatest values: of "linf", they are the whole ball."""
        low, high = box(self.low, self.high, self.bound.view(-1, 1, 1, 1))
        return self.center + low, self.center + high

    @cached_property
    def _box_in_8_bits(self) -> tuple[Tensor, Tensor]:
        low, high = box(self.low, self.high, whole_levels(self.bound.view(-1, 1, 1, 1)))
        return in_8_bits(self.center + low), in_8_bits(self.center + high)

    def project(self, parameters: Tensors) -> Tensors:
        (values,) = parameters
        if self.norm == "linf":
            inside = values.clamp(*self._box)
            return (inside if self.mask is None else torch.where(self.mask, inside, self.center),)
        change = values - self.center
        change = change if self.mask is None else change * self.mask
        return (self.center + nearest(change, self.low, self.high, self.bound, self.norm),)

    def drawn(self, generator: torch.Generator) -> Tensor:
        return self.center + drawn(self.low, self.high, self.bound, self.norm, generator)

    def rounded(self, parameter: Tensor) -> Tensor:
        """In 8 bits."""
        if self.norm == "linf":
            return in_8_bits(parameter).clamp(*self._box_in_8_bits)
        change = rounded(parameter - self.center, self.low, self.high, self.bound, self.norm)
        return in_8_bits(self.center + change)


def _seen(around: _Around, quantize: bool, pictures: Tensor) -> Tensor:
    pictures = pictures if around.mask is None else torch.where(around.mask, pictures, around.center)
    return Straight.apply(pictures, around.rounded(pictures.detach())) if quantize else pictures


def _changed(originals: Tensor, around: _Around, quantize: bool, change: Tensor) -> Tensor:
    change = change if around.mask is None else change * around.mask
    if quantize:
        change = Straight.apply(change, around.rounded(change.detach()))
    return Cut.apply(originals + change)


def _on_gray(around: _Around, quantize: bool, change: Tensor) -> Tensor:
    return 0.5 + (around.rounded(change) if quantize else change)


def _from_spectrum(color: Coloring, scale: Tensor, size: tuple[int, int], parameters: Tensor) -> Tensor:
    return color(torch.fft.irfft2(scale * torch.view_as_complex(parameters), size, norm="ortho"))


def _spectrum(uncolor: Coloring, scale: Tensor, pictures: Tensor) -> Tensors:
    return (torch.view_as_real(torch.fft.rfft2(uncolor(pictures), norm="ortho") / scale),)


def _levels(uncolor: Coloring, most: int, pictures: Tensor) -> Tensors:
    return tuple(pyramid(uncolor(pictures), most))


def _merged(color: Coloring, *parameters: Tensor) -> Tensor:
    return color(merged(parameters))


def _painted(places: Tensor, shape: tuple[int, ...], last: Tensor, *layers: Tensor) -> Tensor:
    values = places
    for weight, bias in zip(layers[::2], layers[1::2], strict=True):
        values = (values @ weight + bias).atan()
        values = torch.cat([values / 0.67, (values.square() - 0.45) / 0.40], -1)  # mean 0, variance 1 each
    return (values @ last).sigmoid().mT.reshape(shape)


def _canvas(
    size: Size, batch: int, start: Tensor | None, alpha: bool
) -> Callable[[Network], tuple[tuple, Tensor | None]]:
    """The shape (B, C, H, W) of the pictures and, on the network's device, those to begin with; what is wrong, now."""
    batch = whole_number("batch", batch, 1)
    if size is not None:
        sides = (size, size) if not isinstance(size, Sequence) else size
        if len(sides) != 2:
            raise UserError(f"size must be a number of pixels or (height, width), not {came(size)}.")
        height, width = (whole_number("size", side, 1) for side in sides)
        sides = height, width
    if start is not None and (not isinstance(start, Tensor) or start.ndim not in (3, 4) or not start.numel()):
        raise UserError(f"start must be pictures (C, H, W) or (B, C, H, W), not {_shape(start)}.")
    if start is not None and size is not None and tuple(start.shape[-2:]) != sides:
        raise UserError(f"size must be left out or be that of start, {_shape(start)}, not {came(size)}.")

    def made(network: Network) -> tuple[tuple, Tensor | None]:
        channels = network.channels + alpha
        if start is None:
            height, width = sides if size is not None else network.input_size or (224, 224)
            if batch * height * width > MOST_PIXELS:
                raise UserError(
                    f"size and batch must make at most {MOST_PIXELS // 10**6} million pixels, not {batch} pictures of "
                    f"{came(height)}×{came(width)}."
                )
            return (batch, channels, height, width), None
        given = start.detach().to(network.device, _dtype(network)).clamp(0, 1)
        given = given if given.ndim == 4 else given[None]
        if given.shape[1] == network.channels and alpha:
            given = torch.cat([given, torch.ones_like(given[:, :1])], 1)
        if given.shape[1] != channels:
            raise UserError(f"start must have {channels} channels, not {given.shape[1]}.")
        if len(given) not in (1, batch) and batch != 1:
            raise UserError(f"start must be one picture or {batch} of them, not {len(given)}.")
        given = given.expand(max(batch, len(given)), -1, -1, -1).contiguous()
        return tuple(given.shape), given

    return made


def _dtype(network: Network) -> torch.dtype:
    """Small steps would be lost in 16 bits."""
    return torch.promote_types(network.dtype, torch.float32)


def _noise(network: Network, shape: Sequence[int], sd: float, generator: torch.Generator) -> Tensor:
    """Drawn on the CPU, so that a seed means the same on every device."""
    return sd * torch.randn(*shape, generator=generator, dtype=torch.float32).to(network.device, _dtype(network))


def _colored(network: Network, decorrelate: bool = True) -> Coloring:
    """From color coordinates of any size to pixels 0…1."""
    mixes = decorrelate and network.channels == 3
    return partial(_to_pixels, COLORS.to(network.device, _dtype(network)) if mixes else None)


def _uncolored(network: Network, decorrelate: bool = True) -> Coloring:
    """The inverse of ``_colored``; black and white, which no finite coordinates have, become nearly so."""
    mixes = decorrelate and network.channels == 3
    return partial(_from_pixels, COLORS.inverse().to(network.device, _dtype(network)) if mixes else None)


def _to_pixels(matrix: Tensor | None, values: Tensor) -> Tensor:
    return (values if matrix is None else _mixed(matrix, values)).sigmoid()


def _from_pixels(inverse: Tensor | None, pictures: Tensor) -> Tensor:
    values = pictures.logit(1e-3)
    return values if inverse is None else _mixed(inverse, values)


def _mixed(matrix: Tensor, values: Tensor) -> Tensor:
    """The first three channels by a matrix; a fourth, alpha, as it is."""
    mixed = torch.einsum("oc,bchw->bohw", matrix, values[:, :3])
    return torch.cat([mixed, values[:, 3:]], 1) if values.shape[1] > 3 else mixed


def _written(kind: str, size: Size, batch: int, start: Tensor | None, **options: Any) -> str:
    usual = {"decorrelate": kind != "pixels", "alpha": False}
    parts = [] if size is None else [str(size)]
    parts += [f"batch={batch}"] if batch != 1 else []
    parts += [] if start is None else [f"start={_shape(start)}"]
    parts += [f"{key}={value}" for key, value in options.items() if value != usual[key]]
    return f"{kind}({', '.join(parts)})"


def _shape(value: Any) -> str:
    return "×".join(map(str, value.shape)) if isinstance(value, Tensor) else repr(value)
