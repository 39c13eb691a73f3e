"""Maps over the picture: one feature map, or those of several methods side by side.

All maps of a layer are stretched over the whole picture, as class activation maps are, here and in other libraries.
What a unit really sees is its receptive field, whose center may lie beside its cell where a network pads little.
"""

import time
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.content import Content, Field
from cnnviz_widgets.drawing import words
from cnnviz_widgets.drawing.render import as_array, falls_below
from cnnviz_widgets.drawing.results import ActivationMaps, GradientPicture, Heatmap, rgb, robust_maximum
from cnnviz_widgets.engine.targets import Neuron
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.activations.activations import activations
from cnnviz_widgets.networks import Network
from cnnviz_widgets.networks.layers import Box, seen, within
from cnnviz_widgets.remarks import listening, remark
from cnnviz_widgets.runtime.memo import Memo

GRAY = 128  # what lies beyond a picture
CLOSE = 16  # px: a smaller field is shown with what is around it
ROW = 3  # tiles that always stand in one row, where they are compared best


def center(content: Content, row: float, column: float) -> tuple[float, float]:
    """(x, y) in pixels of the picture, of the middle of a cell of the map over it."""
    height, width = content.size
    left, top, right, bottom = content.extent or (0, 0, width, height)
    rows, columns = np.shape(as_array(content.values))[-2:]
    return left + (column + 0.5) * (right - left) / columns, top + (row + 0.5) * (bottom - top) / rows


def channel_map(network: Network, image: Tensor, layer: str, channel: int) -> np.ndarray:
    """(h, w) activations."""
    return activations(network, image, layer).values[channel].cpu().numpy()


def strongest(values: np.ndarray) -> tuple[int, int]:
    """(row, column) of the greatest value."""
    return divmod(int(values.argmax()), values.shape[1])


def seen_by(network: Network, layer: str, cells: tuple[int, int]) -> Field:
    """Where the units of a layer look at, whose maps have so many (rows, columns)."""
    one = network.layer(layer)
    axes = zip(one.receptive_field, one.stride, one.offset, one.sees_all, strict=True)
    seen = [(size, 0.0, (size - 1) / 2) if everything else (size, *at) for size, *at, everything in axes]
    return Field(cells, *zip(*seen, strict=True))


def channel_over(network: Network, image: Tensor, layer: str, channel: int, *, signed: bool = False) -> Content:
    """A feature map over the picture, see ``one_over``."""
    return one_over(network, activations(network, image, layer), channel, signed=signed)


def one_over(network: Network, maps: ActivationMaps, channel: int, *, signed: bool = False) -> Content:
    """One of the maps over the picture; ``signed`` puts zero in the middle of the colors in any case."""
    values, layer = maps.values[channel].numpy(), maps.of
    bound, signed = max(1e-12, float(abs(values).max())), signed or falls_below(values)
    picture = rgb(maps.picture)
    return Content(
        picture,
        values,
        low=-bound if signed else 0,
        high=bound,
        signed=signed,
        extent=(0, 0, picture.shape[1], picture.shape[0]),
        caption=f"{layer} · channel {channel}: {values.min():.3g} … {values.max():.3g}, at {strongest(values)}",
        fields=(seen_by(network, layer, values.shape),),
    )


def field_of(network: Network, image: Tensor, neuron: Neuron) -> Box | None:
    """The receptive field of a neuron, at least ``CLOSE`` px wide; None where it is more than half of the picture."""
    layer, sides = network.layer(neuron.layer), network.prepare(image).shape[-2:]
    if any(2 * max(CLOSE, size) > side for size, side in zip(layer.receptive_field, sides, strict=True)):
        return None
    position: Any = neuron.position  # a pair of numbers here, or None
    left, top, right, bottom = layer.field(
        position or strongest(channel_map(network, image, layer.name, neuron.channel)), sides
    )
    wide, tall = (max(0, CLOSE - size) for size in (right - left, bottom - top))  # what is missing, half on each side
    return left - wide // 2, top - tall // 2, right + (wide + 1) // 2, bottom + (tall + 1) // 2


def cropped(content: Content, field: Box | None) -> Content:
    """What a field shows of pictures and maps of one size, gray beyond their border; the caption says which."""
    if field is None:
        return content
    left, top, right, bottom = within(field, content.size)
    picture, values = content.picture, content.values
    if picture is not None:
        picture = seen(torch.tensor(picture).movedim(-1, -3), field, GRAY).movedim(-3, -1).numpy()
    return replace(
        content,
        picture=picture,
        values=None if values is None else seen(torch.tensor(as_array(values)), field, torch.nan).numpy(),
        cells=None,
        fields=(),
        caption=f"{content.caption} · x {left}…{right - 1}, y {top}…{bottom - 1}",
    )


class Known(NamedTuple):
    """What a method returned (None: it did not fit), what it had to say, and how long it took."""

    result: Any
    remarks: tuple[str, ...]
    seconds: float


class Tiles:
    """The pictures of several methods side by side. What is not yet computed keeps its place, and "…" in its name."""

    def __init__(self) -> None:
        self._memo: Memo[dict[Hashable, Known]] = Memo(dict)
        self._tiles: dict[Hashable, _Tile] = {}
        self.known: dict[Hashable, Known] = {}

    def about(self, *of: Any) -> None:
        """What the methods are asked about; something else than before makes what is known of no use."""
        self.known = self._memo.reached(*of)

    def grow(
        self,
        picture: np.ndarray,
        calls: Mapping[Any, Callable[[], Any]],
        labels: Mapping[Any, str],
        group: Callable[[Any], Hashable] = lambda key: key,
        *,
        skip: bool = True,
        times: bool = False,
        network: Network | None = None,
    ) -> Iterator[tuple[int, Content]]:
        """Tile by tile over a picture (H, W, 3): how many were called, and all that are known; first the room for all.

        group  see ``put``;   network  see ``content``
        skip   whether a method that does not fit the network is left out, with a remark, or an error
        times  whether a label says how long its call took
        """
        if not self._tiles:
            yield 0, self.content(picture, labels, "…", network=network)
        for number, found in self.find(calls, labels if skip else None):
            self.put(found, group)
            known = {key: self.known[key].seconds for key in labels if times and key in self.known}
            told = {key: f"{label} · {_time(known[key])}" if key in known else label for key, label in labels.items()}
            what = caption({labels[key]: one for key, one in found.items()})
            yield number, self.content(picture, told, what, network=network)

    def find(
        self, asked: Mapping[Any, Callable[[], Any]], labels: Mapping[Any, str] | None = None
    ) -> Iterator[tuple[int, dict[Any, Any]]]:
        """Call each function once. Yields how many were called, and what the first ones return, whenever one is new.

        labels  of the functions; with them, a UserError is a remark: a method that does not fit the network does not
                stop the others
        """
        for number, (key, function) in enumerate(asked.items(), 1):
            new = key not in self.known
            if new:
                self.known[key] = self._called(key, function, labels[key] if labels else None)
            for sentence in self.known[key].remarks:
                remark(sentence)
            if new or number == len(asked):
                yield number, self.found(asked)

    def found(self, keys: Iterable[Any]) -> dict[Any, Any]:
        """What is known of them, but for those that do not fit."""
        return {key: self.known[key].result for key in keys if key in self.known and self.fits(key)}

    def _called(self, key: Hashable, function: Callable[[], Any], label: str | None) -> Known:
        remarks: list[str] = []
        result, began = None, time.perf_counter()
        try:
            with listening(remarks.append):
                result = function()
        except UserError as error:
            if label is None:
                raise
            remarks.append(f"{label}: {error}")
            self._tiles.pop(key, None)
        return Known(result, tuple(remarks), time.perf_counter() - began)

    def fits(self, key: Hashable) -> bool:
        """Whether a method returned something, as far as is known."""
        return key not in self.known or self.known[key].result is not None

    def put(
        self, results: Mapping[Any, Heatmap | GradientPicture], group: Callable[[Any], Hashable] = lambda key: key
    ) -> None:
        """Maps over the picture, or colors in which gray is 0. Those of one ``group`` have full contrast together."""
        highs: dict[Hashable, float] = {}
        for key, result in results.items():
            highs[group(key)] = max(float(robust_maximum(result.values)), highs.get(group(key), 0.0))
        for key, result in results.items():
            self._tiles[key] = _tile(result, highs[group(key)])

    def content(
        self,
        picture: np.ndarray,
        labels: Mapping[Any, str],
        caption: str,
        known: Collection[Any] | None = None,
        network: Network | None = None,
    ) -> Content:
        """All tiles with a label, over a picture (H, W, 3). The content's keys are theirs.

        known    keys of what is there; None = what was found
        network  whose receptive fields are framed, in tiles with the map of a layer
        """
        known = self.known if known is None else known
        current = [self._tiles[key].values.shape for key in labels if key in known and key in self._tiles]
        shape = current[0] if current else picture.shape[:2]
        empty = _Tile(None, np.full(shape, np.nan, np.float32), 0.0, 1.0, False)
        tiles = [self._tiles.get(key, empty) for key in labels]
        tiles = [tile if tile.values.shape == shape else empty for tile in tiles]
        plain = all(tile.picture is None for tile in tiles)
        pictures = [picture if tile.picture is None else tile.picture for tile in tiles]
        signed = any(tile.low < 0 and not tile.unseen for tile in tiles)
        return Content(
            np.broadcast_to(picture, (len(tiles), *picture.shape)) if plain else np.stack(pictures),
            np.stack([tile.values for tile in tiles]),
            cells=_cells(tiles),
            columns=ROW if len(tiles) == ROW else None,
            low=[-tile.high if signed and not tile.unseen else tile.low for tile in tiles],
            high=[tile.high for tile in tiles],
            names=tuple(label if key in known else f"{label} …" for key, label in labels.items()),
            keys=tuple(labels),
            caption=caption,
            unseen=tuple(number for number, tile in enumerate(tiles) if tile.unseen),
            signed=signed,
            fields=tuple(tile.units and seen_by(network, *tile.units) for tile in tiles) if network else (),
        )


class _Tile(NamedTuple):
    picture: np.ndarray | None
    values: np.ndarray
    low: float
    high: float
    unseen: bool
    cells: np.ndarray | None = None
    units: tuple[str, tuple[int, int]] | None = None  # a layer and the size of its maps


def _tile(result: Heatmap | GradientPicture, high: float) -> _Tile:
    if isinstance(result, GradientPicture):  # the sum over the colors is read out
        values = as_array(result.heatmap().values)
        bound = max(1e-12, float(abs(values).max()))
        return _Tile(rgb(0.5 + result.values / (2 * high)), values, -bound, bound, True)
    values, cells, low = as_array(result.values), as_array(result.cells), -high if result.content().signed else 0.0
    rows, columns = (values if cells is None else cells).shape
    units = (result.layer, (rows, columns)) if result.layer else None
    return _Tile(None, values, low, high, False, cells, units)


def _cells(tiles: list[_Tile]) -> np.ndarray | None:
    """What all maps were enlarged from, where all were; a tile that waits has no values, and NaN there."""
    enlarged = [tile.cells for tile in tiles if not np.isnan(tile.values).all()]
    known = [cells for cells in enlarged if cells is not None]
    if not known or len(known) < len(enlarged) or len({cells.shape for cells in known}) > 1:
        return None
    empty, waiting = np.full(known[0].shape, np.nan), iter(known)
    return np.stack([empty if np.isnan(tile.values).all() else next(waiting) for tile in tiles])


def caption(results: Mapping[str, Any]) -> str:
    """What is explained, and the completeness error of each result, by its name, that has one."""
    found = {name: getattr(result, "completeness_error", None) for name, result in results.items()}
    errors = {name: words.number(float(f"{abs(one):.2g}")) for name, one in found.items() if one is not None}
    known = (f"{name}: completeness error {error}" for name, error in errors.items())
    return " · ".join([*(one.of for one in list(results.values())[:1]), *known])


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"
