"""Which part of the picture each unit of each layer can see, found by following the tensors of one forward pass.

Along one axis of the picture, unit ``i`` of a feature map sees the pixels from ``first + i * jump`` to
``last + i * jump`` (Araujo, Norris & Sim, "Computing receptive fields of convolutional neural networks", Distill 2019).
A convolution's output ``o`` reads its input from ``-padding + o * stride`` to that plus ``(kernel - 1) * dilation``;
pooling, padding, cropping and resizing are windows of the same kind, so one rule (``Axis.window``) carries the field
through all of them. Where branches meet, the fields unite. As functions are followed, not modules, it makes no
difference how a network is written. Where positions and channels lie among the dimensions is followed as well, through
permutations and into the tokens of a transformer. After a function that is not known here, the field is the whole
picture, and the positions are unknown.

The field is an upper bound: after a squeeze-and-excitation gate, an instance or a group normalization it is the whole
picture.
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
        """Where the center of unit 0 lies; pixel ``i`` has its center at ``i``."""
        return (self.first + self.last) / 2

    def window(self, first: float, last: float, step: float, units: int) -> "Axis":
        """After an operation whose output ``o`` reads from ``first + o * step`` to ``last + o * step``."""
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
        if self.whole != other.whole:  # the positions of the units are those of the axis with a window
            first, last = (other.first, other.last) if self.whole else (self.first, self.last)
        return replace(self, first=first, last=last, whole=self.whole or other.whole)


@dataclass(frozen=True)
class Field:
    """The axes (y, x) of a tensor, and the dimensions of these and of the channels, counted from the end.

    dims     of the axes; twice the same: tokens, row after row in one dimension; () = there are no positions;
             None = unknown
    channel  of the channels; None = unknown
    beside   how many tokens before and after the others have no position, such as a class token
    """

    axes: tuple[Axis, ...]
    dims: tuple[int, ...] | None = (-2, -1)
    channel: int | None = -3
    beside: tuple[int, int] = (0, 0)

    @classmethod
    def picture(cls, height: int, width: int) -> "Field":
        return cls((Axis(height, height), Axis(width, width)))

    @property
    def tokens(self) -> bool:
        return self.dims is not None and len(self.dims) == 2 and self.dims[0] == self.dims[1]

    def fits(self, shape: torch.Size) -> bool:
        if not self.dims or -min(self.dims) > len(shape):
            return False
        if self.tokens:
            return shape[self.dims[0]] == sum(self.beside) + self.axes[0].units * self.axes[1].units
        return all(shape[dim] == axis.units for dim, axis in zip(self.dims, self.axes, strict=True))

    def unknown(self, shape: torch.Size, channel: int | None = None) -> "Field":
        """Of a tensor of which only the shape is known."""
        none = self.dims == () or len(shape) < 3
        return Field(tuple(axis.spread(1) for axis in self.axes), () if none else None, channel)

    def everywhere(self, shape: torch.Size) -> "Field":
        """With the same positions, and the whole picture as the field of every unit."""
        if not self.fits(shape):
            return self.unknown(shape, self.channel)
        return replace(self, axes=tuple(replace(axis, whole=True) for axis in self.axes))

    def maps(self, shape: torch.Size, windows: Iterable[Window | None] = (None, None)) -> "Field":
        """Of maps (B, C, H, W), after an operation with one window per axis; None = it covers the whole map."""
        if len(shape) != 4:
            return self.unknown(shape)
        moved = zip(self.axes, windows if self.dims == (-2, -1) else (None, None), shape[-2:], strict=True)
        return Field(
            tuple(axis.window(*window, units) if window else axis.spread(units) for axis, window, units in moved)
        )

    def cut(self, shape: torch.Size, windows: Sequence[Window | None]) -> "Field":
        """After slicing or padding, which have one window for each dimension."""
        if not self.dims:
            return self.unknown(shape, self.channel)
        if not self.tokens:
            axes = (
                axis.window(*window, shape[dim]) if (window := windows[dim]) else axis.spread(shape[dim])
                for axis, dim in zip(self.axes, self.dims, strict=True)
            )
            return replace(self, axes=tuple(axes))
        first, _, step = windows[self.dims[0]] or (0, 0, 0)
        before = int(self.beside[0] - first)
        after = shape[self.dims[0]] - before - self.axes[0].units * self.axes[1].units
        if step != 1 or min(before, after) < 0:
            return self.unknown(shape, self.channel)
        return replace(self, beside=(before, after))

    def moved(self, shape: torch.Size, dims: Sequence[int], channel: int | None) -> "Field":
        """With the axes and the channels in these dimensions, counted from either end."""
        channel = None if channel is None else channel % len(shape) - len(shape)
        there = replace(self, dims=tuple(dim % len(shape) - len(shape) for dim in dims), channel=channel)
        return there if there.fits(shape) else self.unknown(shape, channel)

    def reshaped(self, before: torch.Size, shape: torch.Size) -> "Field":
        """After the tensor has been reshaped: the same values, in the same order."""
        channel = next(reversed(_holding(before, self.channel, self.channel, shape)), None) if self.channel else None
        if not self.dims or len(shape) < 3:
            return self.unknown(shape, channel)
        first, second = self.dims
        together = [(at, at) for at in _holding(before, first, second, shape)] if second - first in (0, 1) else []
        if self.tokens:
            starts = [] if any(self.beside) else _starting(before, first, shape)
            found = [*together, *((at, at + 1) for at in starts if at + 1 < len(shape))]
        else:
            rows, columns = (_holding(before, dim, dim, shape) for dim in self.dims)
            found = [*((row, column) for row in rows[:1] for column in columns[-1:] if row != column), *together]
        # Where lengths are 1 there is a choice, but the batch and the channels have dimensions of their own.
        moved = (self.moved(shape, dims, channel) for dims in found if not {0, channel} & {*dims})
        return next((one for one in moved if one.dims), self.unknown(shape, channel))

    def mixed(self, shape: torch.Size, dims: Iterable[int], ndim: int) -> "Field":
        """After a reduction or a normalization over ``dims`` (of a tensor with ``ndim`` dimensions)."""
        gone = {dim % ndim - ndim for dim in dims}
        kept = len(shape) == ndim
        channel = self.channel if kept or self.channel not in gone else None
        if not kept and channel is not None:
            channel += sum(lost > channel for lost in gone)
        if not self.dims:
            return self.unknown(shape, channel)
        if not kept:
            if gone & set(self.dims):  # an axis has been reduced
                return replace(self.unknown(shape, channel), dims=())
            there = tuple(dim + sum(lost > dim for lost in gone) for dim in self.dims)
            return replace(self, dims=there, channel=channel)
        if self.tokens:
            field = self if not gone & set(self.dims) else self.everywhere(shape)
            return field if field.dims else replace(field, dims=(), channel=channel)
        axes = (
            axis.spread(shape[dim]) if dim in gone else axis for axis, dim in zip(self.axes, self.dims, strict=True)
        )
        return replace(self, axes=tuple(axes))

    def joined(self, shape: torch.Size, dim: int, before: int) -> "Field":
        """After concatenation along ``dim``, as the part that begins after ``before`` units."""
        dim = dim % len(shape) - len(shape)
        if self.dims and self.tokens and dim == self.dims[0]:
            front = before + self.beside[0]
            return replace(self, beside=(front, shape[dim] - front - self.axes[0].units * self.axes[1].units))
        if self.dims and dim in self.dims:
            return self.mixed(shape, [dim], len(shape))
        return self

    def __or__(self, other: "Field") -> "Field":
        if not (self.dims and other.dims):  # a number for the whole map, added to every unit of the other
            placed = self if self.dims or (self.dims is None and not other.dims) else other
            return replace(placed, axes=tuple(replace(axis, whole=True) for axis in placed.axes))
        if (self.dims, self.beside) != (other.dims, other.beside):
            return replace(self, axes=tuple(axis.spread(1) for axis in self.axes), dims=None)
        return replace(self, axes=tuple(mine | its for mine, its in zip(self.axes, other.axes, strict=True)))


class Tracker(TorchFunctionMode):
    """Follows what is computed from ``picture`` (B, C, H, W) while it is entered."""

    def __init__(self, picture: Tensor) -> None:
        super().__init__()
        self._picture = Field.picture(*picture.shape[-2:])
        self._fields = WeakTensorKeyDictionary({picture: self._picture})

    def of(self, tensor: Tensor) -> Field:
        """The field of a tensor of this pass; an unknown one if its origin is not known."""
        return self._fields.get(tensor) or self._picture.unknown(tensor.shape)

    def know(self, tensor: Tensor, field: Field) -> None:
        """Set the field of a tensor that was not computed here."""
        self._fields[tensor] = field

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        inputs = [(tensor.shape, self._fields[tensor]) for tensor in _tensors([args, kwargs]) if tensor in self._fields]
        output = func(*args, **kwargs)
        name = getattr(func, "__name__", "").strip("_")
        if not inputs and name in _CHANNELS_LAST and isinstance(output, Tensor):
            self._fields[output] = self._picture.unknown(output.shape, -1)
        if inputs:
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
        return field.maps(shape, windows(named, before, shape))
    if name in _OVER:
        named = dict(zip(("input", "over"), args, strict=False)) | kwargs
        found = field.mixed(shape, _OVER[name](named, len(before)), len(before))
        return replace(found, channel=-1) if name in _CHANNELS_LAST and found.channel is None else found
    if name in _PERMUTATIONS or func in _TRANSPOSED:
        dims, channel = field.dims or (), () if field.channel is None else (field.channel,)
        there = _permuted(func, args[1:], kwargs, len(before), (*dims, *channel))
        return field.moved(shape, there[: len(dims)], there[-1] if channel else None)
    if name == "pad":
        named = dict(zip(("input", "pad"), args, strict=False)) | kwargs
        return field.cut(shape, _padding(named["pad"], len(shape)))
    if name == "getitem" and len(shape) == len(before):
        return field.cut(shape, _slices(args[1], before))
    with_positions = [one for one in inputs if one[1].dims]
    if name in ("cat", "concat", "concatenate") and len(with_positions) == 1:
        return _joined(*with_positions[0], args, kwargs, shape)
    if name in _EVERYWHERE:
        return field.everywhere(shape)
    if name in _MIXING:
        return field.unknown(shape)
    united = reduce(Field.__or__, (_as_shaped(before, field, shape) for before, field in inputs))
    if united.fits(shape):
        return united
    if name in _CHANNELS_SECOND:
        return field.maps(shape) if len(shape) == 4 else field.unknown(shape, 1 - len(shape))
    return united.unknown(shape, united.channel if united.channel and -united.channel <= len(shape) else None)


def _as_shaped(before: torch.Size, field: Field, shape: torch.Size) -> Field:
    """After dimensions have been split, merged, added or removed; a broadcast only adds some in front."""
    if before != shape and before.numel() == shape.numel():
        return field.reshaped(before, shape)
    return field


def _starting(before: torch.Size, dim: int, shape: torch.Size) -> list[int]:
    """The dimensions of ``shape`` that begin where ``dim`` of ``before`` did."""
    passed = math.prod(before[: dim + len(before)])
    return [at for at in range(len(shape)) if math.prod(shape[:at]) == passed]


def _holding(before: torch.Size, first: int, last: int, shape: torch.Size) -> list[int]:
    """The dimensions of ``shape`` that hold what ``first`` … ``last`` of ``before`` held; several only of length 1."""
    length = math.prod(before[first + len(before) : last + len(before) + 1])
    return [at for at in _starting(before, first, shape) if shape[at] == length]


def _joined(before: torch.Size, field: Field, args: tuple, kwargs: Arguments, shape: torch.Size) -> Field:
    """Of the one tensor with positions among others, such as a class token."""
    named = dict(zip(("tensors", "dim"), args, strict=False)) | kwargs
    dim = named.get("dim", named.get("axis", 0))
    lengths = [tensor.shape[dim] for tensor in named["tensors"]]
    number = next(number for number, tensor in enumerate(named["tensors"]) if tensor.shape == before)
    return field.joined(shape, dim, sum(lengths[:number]))


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
        step, center = n / m, (n / m - 1) / 2
        if named.get("align_corners"):
            step, center = (n - 1) / max(m - 1, 1), 0
        yield center - reach * max(1, step), center + reach * max(1, step), step


def _everything(named: Arguments, before: torch.Size, shape: torch.Size) -> tuple[None, None]:
    return None, None


def _padding(pad: Sequence[int], ndim: int) -> list[Window]:
    """Of every dimension; ``pad`` begins with the last."""
    starts = [*pad[::2], *[0] * ndim][:ndim]
    return [(-start, -start, 1) for start in reversed(starts)]


def _slices(index: Any, before: torch.Size) -> list[Window | None]:
    """Of every dimension of ``x[index]``, which keeps their number."""
    items = list(index) if isinstance(index, tuple) else [index]
    if Ellipsis in [item for item in items if not isinstance(item, Tensor)]:
        at = next(at for at, item in enumerate(items) if item is Ellipsis)
        items[at : at + 1] = [slice(None)] * (len(before) + 1 - len(items))
    items += [slice(None)] * (len(before) - len(items))
    if len(items) != len(before):
        return [None] * len(before)
    pairs = zip(items, before, strict=True)
    found = [item.indices(units) if isinstance(item, slice) else None for item, units in pairs]
    return [one and (one[0], one[0], one[2]) for one in found]


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
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle", "grid_sample", "fold"), ("", _everything)),
}
_REDUCTIONS = "mean sum prod amax amin max min std var norm logsumexp softmax log_softmax cumsum argmax argmin any all"
_OVER: dict[str, Callable[[Arguments, int], Iterable[int]]] = {
    **dict.fromkeys(_REDUCTIONS.split(), _dims),
    "linear": lambda named, ndim: [-1],
    "group_norm": lambda named, ndim: [-2, -1],
    "instance_norm": lambda named, ndim: [-2, -1],
    "layer_norm": lambda named, ndim: range(-len(named.get("normalized_shape") or named["over"]), 0),
}
_CHANNELS_LAST = {"linear", "layer_norm"}  # by definition, where nothing else is known
_CHANNELS_SECOND = {"batch_norm", "instance_norm", "group_norm", "local_response_norm", "conv1d", "conv_transpose1d"}
_PERMUTATIONS = {"permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t"}
_TRANSPOSED = [getattr(Tensor, name).__get__ for name in ("T", "mT", "H", "mH")]
_EVERYWHERE = {
    *("scaled_dot_product_attention", "multi_head_attention_forward", "native_multi_head_attention"),
    *("transformer_encoder_layer_fwd", "roll", "flip", "setitem"),
}
_MIXING = {"matmul", "bmm", "einsum", "baddbmm", "rot90"}
