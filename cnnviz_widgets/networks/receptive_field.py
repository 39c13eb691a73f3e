"""Which part of the picture each unit of each layer can see, found by following the tensors of one forward pass.

Along one axis of the picture, unit ``i`` of a feature map sees the pixels from ``first + i * jump`` to
``last + i * jump`` (Araujo, Norris & Sim, "Computing receptive fields of convolutional neural networks", Distill 2019).
A convolution's output ``o`` reads its input from ``-padding + o * stride`` to that plus ``(kernel - 1) * dilation``;
pooling, padding, cropping and resizing are windows of the same kind, so one rule (``Axis.window``) carries the field
through all of them. Where branches meet, the fields unite. As functions are followed, not modules, it makes no
difference how a network is written. What is not known and changes a map's size is taken to see the whole picture.

The field is strict: a squeeze-and-excitation gate lets every unit behind it see the whole picture, and so does an
instance or group normalisation.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

Window = tuple[float, float, float]  # first, last, step: output ``o`` reads ``first + o * step`` … ``last + o * step``


@dataclass(frozen=True)
class Axis:
    """Unit ``i`` of ``units`` sees pixels ``first + i * jump`` … ``last + i * jump``; all ``extent`` if ``whole``."""

    extent: int
    units: int
    first: float = 0
    last: float = 0
    jump: float = 1
    whole: bool = False

    @property
    def size(self) -> int:
        return self.extent if self.whole else math.ceil(self.last - self.first + 1)

    @property
    def offset(self) -> float:
        """Where the centre of unit 0 lies; pixel ``i`` has its centre at ``i``."""
        return (self.first + self.last) / 2

    def window(self, first: float, last: float, step: float, units: int) -> "Axis":
        """Behind an operation whose output ``o`` reads from ``first + o * step`` to ``last + o * step``."""
        ends = self.first + first * self.jump, self.last + last * self.jump
        return replace(self, first=ends[0], last=ends[1], jump=self.jump * step, units=units)

    def spread(self, units: int) -> "Axis":
        """Units spaced evenly over the picture, each of which may see all of it."""
        jump = self.extent / max(units, 1)
        return Axis(self.extent, units, (jump - 1) / 2, (jump - 1) / 2, jump, whole=True)

    def __or__(self, other: "Axis") -> "Axis":
        if self.units != other.units:  # broadcast
            return replace(max(self, other, key=lambda axis: axis.units), whole=True)
        if self.jump != other.jump:
            return self.spread(self.units)
        first, last = min(self.first, other.first), max(self.last, other.last)
        if self.whole != other.whole:  # the one with a window knows where the units lie
            first, last = (other.first, other.last) if self.whole else (self.first, self.last)
        return replace(self, first=first, last=last, whole=self.whole or other.whole)


@dataclass(frozen=True)
class Field:
    """The axes (y, x) of a tensor, and which dimensions they are, counted from the end; None where it has none."""

    axes: tuple[Axis, Axis]
    dims: tuple[int, int] | None = (-2, -1)

    @classmethod
    def picture(cls, height: int, width: int) -> "Field":
        return cls((Axis(height, height), Axis(width, width)))

    def spread(self, shape: torch.Size) -> "Field":
        """For a tensor of that shape of which nothing more is known."""
        places = shape[-2:] if len(shape) >= 4 else (1, 1)
        axes = tuple(axis.spread(units) for axis, units in zip(self.axes, places, strict=True))
        return Field(axes, (-2, -1) if len(shape) >= 4 else None)

    def fits(self, shape: torch.Size) -> bool:
        return self.dims is not None and all(
            -dim <= len(shape) and shape[dim] == axis.units for dim, axis in zip(self.dims, self.axes, strict=True)
        )

    def moved(self, shape: torch.Size, dims: Iterable[int]) -> "Field":
        """The axes now lie at ``dims``, counted from either end."""
        there = Field(self.axes, tuple(dim % len(shape) - len(shape) for dim in dims))
        return there if there.fits(shape) else self.spread(shape)

    def windows(self, shape: torch.Size, windows: Iterable[Window | None]) -> "Field":
        """Through one window per axis; None where it goes over everything."""
        if self.dims != (-2, -1):
            return self.spread(shape)
        moved = zip(self.axes, windows, shape[-2:], strict=True)
        return Field(
            tuple(axis.window(*window, units) if window else axis.spread(units) for axis, window, units in moved)
        )

    def mixed(self, shape: torch.Size, dims: Iterable[int], ndim: int) -> "Field":
        """After ``dims`` (of a tensor with ``ndim`` dimensions) have been summed up or normalised together."""
        if self.dims is None:
            return self.spread(shape)
        gone = {dim % ndim - ndim for dim in dims}
        axes = tuple(
            axis.spread(shape[dim] if len(shape) == ndim else 1) if dim in gone else axis
            for axis, dim in zip(self.axes, self.dims, strict=True)
        )
        if len(shape) == ndim:
            return Field(axes, self.dims)
        if gone & set(self.dims):  # an axis is gone for good
            return self.spread(shape)
        return Field(axes, tuple(dim + sum(lost > dim for lost in gone) for dim in self.dims))

    def __or__(self, other: "Field") -> "Field":
        if None in (self.dims, other.dims):  # a number for the whole map, added to every unit of the other
            placed = other if self.dims is None else self
            return replace(placed, axes=tuple(replace(axis, whole=True) for axis in placed.axes))
        return replace(self, axes=tuple(mine | its for mine, its in zip(self.axes, other.axes, strict=True)))


class Tracker(TorchFunctionMode):
    """Follows what is computed from ``picture`` (B, C, H, W) while it is entered."""

    def __init__(self, picture: Tensor) -> None:
        super().__init__()
        self._picture = Field.picture(*picture.shape[-2:])
        self._fields = WeakTensorKeyDictionary({picture: self._picture})

    def of(self, tensor: Tensor) -> Field:
        """The field of a tensor of this pass; one that sees the whole picture if its origin is not known."""
        return self._fields.get(tensor) or self._picture.spread(tensor.shape)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        inputs = [(tensor.shape, self._fields[tensor]) for tensor in _tensors([args, kwargs]) if tensor in self._fields]
        output = func(*args, **kwargs)
        if inputs:
            name = getattr(func, "__name__", "").strip("_")
            changed = args[0] if name == "setitem" else output
            for tensor in _tensors(changed):
                self._fields[tensor] = _behind(func, name, args, kwargs, inputs, tensor.shape)
        return output


Inputs = list[tuple[torch.Size, Field]]  # the shapes and fields of what a function was given
Arguments = dict[str, Any]


def _behind(func: Callable, name: str, args: tuple, kwargs: Arguments, inputs: Inputs, shape: torch.Size) -> Field:
    """The field of an output with that shape."""
    before, field = inputs[0]
    if name in _WINDOWS:
        names, windows = _WINDOWS[name]
        named = dict(zip(names.split(), args, strict=False)) | kwargs
        return field.windows(shape, windows(named, before, shape))
    if name in _OVER:
        named = dict(zip(("input", "over"), args, strict=False)) | kwargs
        return field.mixed(shape, _OVER[name](named, len(before)), len(before))
    if name in _PERMUTATIONS and field.dims is not None:
        return field.moved(shape, _permuted(func, args[1:], kwargs, len(before), field.dims))
    if name == "getitem" and len(shape) == len(before) and field.dims == (-2, -1):
        return field.windows(shape, _slices(args[1], before))
    if name in _MIXING:
        return field.spread(shape)
    united = reduce(Field.__or__, (_reshaped(before, field, shape) for before, field in inputs))
    return united if united.fits(shape) else united.spread(shape)


def _reshaped(before: torch.Size, field: Field, shape: torch.Size) -> Field:
    """Where the axes are if dimensions were split, merged or added only on one side of them."""
    if field.dims is None or field.fits(shape) or len(before) == len(shape):
        return field
    return field.moved(shape, [dim + len(before) for dim in field.dims]) if len(shape) > 2 else field.spread(shape)


def _convolution(named: Arguments, before: torch.Size, shape: torch.Size) -> Iterator[Window]:
    sizes = named["weight"].shape[-2:]
    padding = named.get("padding", 0)
    for axis, size in enumerate(sizes):
        reach = (size - 1) * _one(named.get("dilation"), axis, 1)
        before_first = {"same": reach // 2, "valid": 0}[padding] if isinstance(padding, str) else _one(padding, axis, 0)
        yield -before_first, reach - before_first, _one(named.get("stride"), axis, 1)


def _transposed_convolution(named: Arguments, before: torch.Size, shape: torch.Size) -> Iterator[Window]:
    for axis, size in enumerate(named["weight"].shape[-2:]):
        reach = (size - 1) * _one(named.get("dilation"), axis, 1)
        padding, stride = _one(named.get("padding"), axis, 0), _one(named.get("stride"), axis, 1)
        yield (padding - reach) / stride, padding / stride, 1 / stride


def _pooling(named: Arguments, before: torch.Size, shape: torch.Size) -> Iterator[Window]:
    for axis in (0, 1):
        size, padding = _one(named["kernel_size"], axis, 1), _one(named.get("padding"), axis, 0)
        yield (
            -padding,
            (size - 1) * _one(named.get("dilation"), axis, 1) - padding,
            _one(named.get("stride"), axis, size),
        )


def _adaptive_pooling(named: Arguments, before: torch.Size, shape: torch.Size) -> Iterator[Window | None]:
    """Output ``o`` of ``m`` reads its ``n`` inputs from ⌊o n/m⌋ to ⌈(o + 1) n/m⌉ - 1; this contains them all."""
    for n, m in zip(before[-2:], shape[-2:], strict=True):
        loose = (m - 1) / m if n % m else 0
        yield None if m == 1 else (-loose, n / m - 1 + loose, n / m)


def _resizing(named: Arguments, before: torch.Size, shape: torch.Size) -> Iterator[Window]:
    reach = 2 if named.get("mode") == "bicubic" else 1
    for n, m in zip(before[-2:], shape[-2:], strict=True):
        step, centre = n / m, (n / m - 1) / 2
        if named.get("align_corners"):
            step, centre = (n - 1) / max(m - 1, 1), 0
        yield centre - reach * max(1, step), centre + reach * max(1, step), step


def _padding(named: Arguments, before: torch.Size, shape: torch.Size) -> list[Window]:
    left, _, top, *_ = [*named["pad"], 0, 0]
    return [(-top, -top, 1), (-left, -left, 1)]


def _slices(index: Any, before: torch.Size) -> Iterator[Window | None]:
    """Of ``x[index]``, which keeps the number of dimensions."""
    items = list(index) if isinstance(index, tuple) else [index]
    if Ellipsis in [item for item in items if not isinstance(item, Tensor)]:
        at = next(place for place, item in enumerate(items) if item is Ellipsis)
        items[at : at + 1] = [slice(None)] * (len(before) + 1 - len(items))
    items += [slice(None)] * (len(before) - len(items))
    for item, units in zip(items[-2:], before[-2:], strict=True):
        plain = isinstance(item, slice) and len(items) == len(before)
        start, _, step = item.indices(units) if plain else (0, 0, 0)
        yield (start, start, step) if plain else None


def _permuted(func: Callable, args: tuple, kwargs: Arguments, ndim: int, dims: Iterable[int]) -> list[int]:
    """Where ``dims`` are after ``func``, found by permuting a tensor whose extents are all different."""
    extents = range(1, ndim + 1)
    kwargs = {name: value for name, value in kwargs.items() if name != "input"}
    moved = func(torch.empty(*extents, device="meta"), *args, **kwargs).shape
    return [moved.index(extents[dim]) for dim in dims]


def _dims(named: Arguments, ndim: int) -> Sequence[int]:
    over = named.get("dim", named.get("over"))
    if over is None:
        return range(ndim)
    return [] if isinstance(over, Tensor) else [over] if isinstance(over, int) else over


def _one(value: Any, axis: int, default: int) -> int:
    """Of a number, one per axis, or nothing (None or an empty list)."""
    if value is None or value == []:
        return default
    return value if isinstance(value, int) else value[axis if len(value) > 1 else 0]


def _tensors(tree: Any) -> Iterator[Tensor]:
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, dict | list | tuple) and not isinstance(tree, torch.Size):
        for branch in tree.values() if isinstance(tree, dict) else tree:
            yield from _tensors(branch)


_POOLING = "input kernel_size stride padding"
_WINDOWS: dict[str, tuple[str, Callable[[Arguments, torch.Size, torch.Size], Iterable[Window | None]]]] = {
    "conv2d": ("input weight bias stride padding dilation groups", _convolution),
    "conv_transpose2d": (
        "input weight bias stride padding output_padding groups dilation",
        _transposed_convolution,
    ),
    "max_pool2d": (f"{_POOLING} dilation ceil_mode", _pooling),
    "max_pool2d_with_indices": (f"{_POOLING} dilation ceil_mode", _pooling),
    "avg_pool2d": (f"{_POOLING} ceil_mode", _pooling),
    "lp_pool2d": ("input norm_type kernel_size stride ceil_mode", _pooling),
    "adaptive_avg_pool2d": ("input output_size", _adaptive_pooling),
    "adaptive_max_pool2d": ("input output_size", _adaptive_pooling),
    "interpolate": ("input size scale_factor mode align_corners", _resizing),
    "pad": ("input pad mode value", _padding),
}
_REDUCTIONS = "mean sum prod amax amin max min std var norm logsumexp softmax log_softmax cumsum argmax argmin any all"
_OVER: dict[str, Callable[[Arguments, int], Iterable[int]]] = {
    **dict.fromkeys(_REDUCTIONS.split(), _dims),
    "linear": lambda named, ndim: [-1],
    "group_norm": lambda named, ndim: [-2, -1],
    "instance_norm": lambda named, ndim: [-2, -1],
    "layer_norm": lambda named, ndim: range(-len(named.get("normalized_shape", named.get("over"))), 0),
}
_PERMUTATIONS = {"permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t"}
_MIXING = {"matmul", "bmm", "einsum", "baddbmm", "scaled_dot_product_attention", "roll", "flip", "rot90", "setitem"}
