"""The layers of a network: the modules that ran in one forward pass, in the order in which they finished.

Whatever order of dimensions a module has, methods see its channels first: ``Layout`` turns what it returns into maps,
and maps into what it returns.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks.failures import kind_of
from cnnviz_widgets.networks.held import heard
from cnnviz_widgets.networks.receptive_field import Field, Tracker
from cnnviz_widgets.runtime.interrupts import guarded

Box = tuple[int, int, int, int]  # (left, top, right, bottom) in px; right and bottom are the first beyond it


def within(box: Box, size: Sequence[int]) -> Box:
    """What of a box lies in a picture of ``size`` (height, width)."""
    left, top, right, bottom = box
    return max(left, 0), max(top, 0), min(right, size[1]), min(bottom, size[0])


def seen(maps: Tensor, field: Box, beyond: float) -> Tensor:
    """(…, h, w): what of maps (…, H, W) lies in a field, and a value where that reaches beyond their border."""
    first, highest, last, lowest = field
    left, top, right, bottom = within(field, maps.shape[-2:])
    right, bottom = max(left, right), max(top, bottom)  # a unit may look at padding alone
    pads = left - first, last - right, top - highest, lowest - bottom
    return F.pad(maps[..., top:bottom, left:right], pads, value=beyond)


@dataclass(frozen=True)
class Layout:
    """How maps (B, C, H, W) lie in what a module returns.

    order   of its dimensions: batch, channels, then those of the positions
    grid    (rows, columns) of tokens, which have one dimension; else None
    beside  how many tokens before and after those of the grid are no positions, and are left out
    row     the positions are not known to lie on a grid: (B, C, positions) is all that can be made
    """

    order: tuple[int, ...]
    grid: tuple[int, int] | None = None
    beside: tuple[int, int] = (0, 0)
    row: bool = False

    def maps(self, output: Tensor, picture: Sequence[int]) -> Tensor:
        """Channels first, a view where it can be; ``picture``: its (height, width)."""
        moved = output.permute(self.order)
        if self.row:
            return moved.flatten(2)
        if self.grid is None:
            return moved
        before, after = self.beside
        tokens = moved.flatten(2)
        tokens = tokens[..., before : tokens.shape[2] - after]
        return tokens.unflatten(2, self._grid(tokens.shape[2], *picture))

    def output(self, maps: Tensor, like: Tensor) -> Tensor:
        """What the module would have returned for these maps; what they leave out is as in ``like``."""
        moved = like.permute(self.order)
        back = sorted(range(like.ndim), key=self.order.__getitem__)
        before, after = self.beside
        if before or after:
            tokens = moved.flatten(2)
            parts = tokens[..., :before], maps.flatten(2), tokens[..., tokens.shape[2] - after :]
            maps = torch.cat(parts, 2)
        output = maps.reshape(moved.shape).permute(back)
        return output.contiguous() if like.is_contiguous() else output  # modules' own code relies on it

    def _grid(self, tokens: int, height: int, width: int) -> tuple[int, int]:
        """Rows and columns: of a picture of another size, those that have its proportions."""
        if self.grid is not None and tokens == prod(self.grid):
            return self.grid
        rows = round((tokens * height / width) ** 0.5)
        if not rows or tokens % rows:
            raise UserError(f"the {tokens} tokens of a picture of {height}×{width} pixels fill no grid.")
        return rows, tokens // rows


@dataclass(frozen=True)
class Layer:
    """One call of one module in a forward pass, and the tensor that came out.

    name             as in ``module.named_modules()``; the second call of a module that is used again ends in ``#2``
    kind             the module's class, such as ``"Conv2d"``
    shape            of its maps without the batch: (C, H, W), (C,), or (C, positions) where these lie on no known grid.
                     Channels come first, in whatever order the module has them
    receptive_field  (height, width) in pixels that a unit can see; it may reach beyond the picture's border
    stride           (y, x) pixels from one unit to the next
    offset           (y, x) of the center of unit (0, 0); pixel ``i`` has its center at ``i``; may be negative
    parameters       how many numbers the module has learned
    block            True if the module consists of others
    layout           how the maps lie in what the module returns; None = just so
    sees_all         (y, x) whether every unit sees the picture from one end to the other, as behind attention
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    receptive_field: tuple[int, int]
    stride: tuple[float, float]
    offset: tuple[float, float]
    parameters: int
    block: bool
    layout: Layout | None = None
    sees_all: tuple[bool, bool] = (False, False)

    @property
    def channels(self) -> int:
        return self.shape[0]

    @property
    def spatial(self) -> bool:
        """Whether its units have spatial positions: (C, H, W)."""
        return len(self.shape) == 3

    @property
    def left_out(self) -> int:
        """How many tokens of the module's output are in no map, as a class token has no position."""
        return sum(self.layout.beside) if self.layout else 0

    @property
    def omission(self) -> str:
        """What of its output is in no map, in words that follow a comma; empty where nothing is."""
        names = {0: "", 1: ", class token left out"}
        return names.get(self.left_out, f", {self.left_out} tokens without a position left out")

    def field(self, position: tuple[int, int], size: Sequence[int]) -> Box:
        """What the unit at (row, column) sees of a picture of ``size`` (height, width), also beyond its border."""
        ends = []
        for axis, side in enumerate(size):
            extent = self.receptive_field[axis]
            start = round(self.offset[axis] + position[axis] * self.stride[axis] - (extent - 1) / 2)
            ends.append((0, side) if self.sees_all[axis] else (start, start + extent))
        (top, bottom), (left, right) = ends
        return left, top, right, bottom

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(self.name.split("."))

    @property
    def label(self) -> str:
        """``layer3 › 1 › conv2``"""
        return " › ".join(self.path)


Hook = Callable[[str, nn.Module, Any], Any]  # (name of the call, module, output) → the output to use instead, or None


@contextmanager
def hooked(modules: dict[str, nn.Module], hook: Hook) -> Iterator[None]:
    """``hook`` hears of every call of ``modules`` in this thread, and is gone afterwards."""
    names, calls = {module: name for name, module in modules.items()}, Counter[str]()

    def hear(module: nn.Module, _: tuple, output: Any) -> Any:
        name = names[module]
        calls[name] += 1
        return hook(name if calls[name] == 1 else f"{name}#{calls[name]}", module, output)

    with heard(names, hear):
        yield


def probe(module: nn.Module, picture: Tensor) -> tuple[tuple[Layer, ...], dict[str, str], Any]:
    """The layers of one pass over ``picture`` (1, C, H, W); other names of theirs; what the module returned.

    A module that returns the very tensor of a layer before it (a Sequential's last child, say), or the same maps in
    another order of dimensions, is no layer of its own, but another name for that one. Neither is one whose output has
    no batch, as the windows of a transformer that are computed together.
    """
    modules = {name: part for name, part in module.named_modules() if name}
    layers: list[Layer] = []
    aliases: dict[str, str] = {}
    seen: WeakTensorKeyDictionary = WeakTensorKeyDictionary()  # tensor → (name of its layer, version of its content)
    known: list[tuple[torch.Size, Field]] = []
    last: list[tuple[Tensor, int]] = []  # maps of the layer before, kept so that nothing else gets their memory

    def note(name: str, part: nn.Module, output: Any) -> None:
        if not isinstance(output, Tensor) or output.ndim < 2 or not output.is_floating_point():
            return
        same, version = seen.get(output, ("", -1))
        if version == output._version:
            aliases[name] = same
            return
        field = tracker.of(output)
        if field.dims is None:
            field = _recognized(output.shape, field, known)
            tracker.know(output, field)
        if field.fits(output.shape):
            known.append((output.shape, field))
        order = _order(output.shape, field)
        if order is None:
            return
        layout = _layout(order, field)
        maps = layout.maps(output, picture.shape[-2:]) if layout else output
        if last and maps._version == last[0][1] and _are_one(maps, last[0][0]):
            aliases[name] = layers[-1].name
            return
        seen[output] = name, output._version
        last[:] = [(maps, maps._version)]
        vertical, horizontal = field.axes
        layers.append(
            Layer(
                name=name,
                kind=kind_of(part),
                shape=tuple(maps.shape[1:]),
                receptive_field=(vertical.size, horizontal.size),
                stride=(vertical.jump, horizontal.jump),
                offset=(vertical.offset, horizontal.offset),
                parameters=sum(parameter.numel() for parameter in part.parameters()),
                block=any(child != "parametrizations" for child, _ in part.named_children()),
                layout=layout,
                sees_all=(vertical.whole, horizontal.whole),
            )
        )

    tracker = Tracker(picture)
    with guarded(torch.no_grad(), tracker, hooked(modules, note)):
        output = module(picture)
    return tuple(layers), aliases, output


def _recognized(shape: torch.Size, field: Field, known: Sequence[tuple[torch.Size, Field]]) -> Field:
    """Where the positions of an unknown tensor are, such as the output of attention, by those before it in the pass.

    Maps of the very shape of others lie as they do, and as many tokens as there were before are the same ones. Else
    tokens fill a grid if it has the proportions of the picture, with or without a class token in front.
    """
    if len(shape) == 4:
        alike = (its for was, its in reversed(known) if was == shape)
        return next(alike, field).everywhere(shape)
    batch = next((dim for dim in (0, 1) if shape[dim] == 1), None)
    if len(shape) != 3 or batch is None or field.channel not in (None, -1):
        return field
    at = -2 - batch  # … (B, tokens, C), or (tokens, B, C)
    for was, its in reversed(known):
        if its.dims and its.tokens and len(was) == 3 and its.dims[0] == at and was[at] == shape[at]:
            return replace(its.everywhere(was), channel=-1)
    vertical, horizontal = field.axes
    for before in (0, 1):
        tokens = shape[at] - before
        rows = round((tokens * vertical.extent / horizontal.extent) ** 0.5)
        columns = rows * horizontal.extent // vertical.extent
        if rows * columns == tokens > 1 and rows * horizontal.extent == columns * vertical.extent:
            return Field((vertical.spread(rows), horizontal.spread(columns)), (at, at), -1, (before, 0))
    return field


def _order(shape: torch.Size, field: Field) -> tuple[int, ...] | None:
    """The dimensions: batch, channels, those of the positions, and others of length 1; None if there is no batch."""
    dims = range(len(shape))
    positions = [*dict.fromkeys(dim % len(shape) for dim in field.dims or ())]
    free = [dim for dim in dims if dim not in positions]
    if field.channel is not None:
        channel = field.channel % len(shape)
    else:
        channel = 2 if len(shape) == 3 and not positions else free[1]
    others = [dim for dim in free if dim != channel]
    if len(shape) > 2 and (not others or shape[others[0]] != 1):
        if len(shape) != 3 or positions or shape[1] != 1:
            return None
        others.reverse()  # (tokens, B, C)
    batch, *others = others
    if positions and any(shape[dim] != 1 for dim in others):
        return None
    return batch, channel, *positions, *others


def _layout(order: tuple[int, ...], field: Field) -> Layout | None:
    natural = order == tuple(range(len(order)))
    if field.tokens:
        rows, columns = (axis.units for axis in field.axes)
        return Layout(order, (rows, columns), field.beside)
    if not field.dims and len(order) > 2:
        return None if natural and len(order) == 3 else Layout(order, row=True)
    return None if natural else Layout(order)


def _are_one(some: Tensor, others: Tensor) -> bool:
    """Whether two tensors are the same numbers in the same order, in the same memory."""
    return some.data_ptr() == others.data_ptr() and some.shape == others.shape and some.stride() == others.stride()


def convolutions(layers: Iterable[Layer]) -> list[Layer]:
    """Those that are one convolution with spatial positions, and no block of several layers."""
    return [one for one in layers if one.kind.startswith("Conv") and one.spatial and not one.block]
