"""One pass over a data set: pictures are read in a thread, while the network is at work on those before."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby, islice
from threading import Event
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.engine.lots import lots
from cnnviz_widgets.errors import naming
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.pictures.dataset import Dataset, Unread
from cnnviz_widgets.runtime import batching
from cnnviz_widgets.runtime.ahead import ahead
from cnnviz_widgets.runtime.device import callers_modes_off
from cnnviz_widgets.runtime.interrupts import guarded

T = TypeVar("T")
WORK = 15e9  # multiplications of a pass that one core does in half a second


def drawn_positions(seed: int, numbers: Sequence[int], maps: Tensor) -> Tensor:
    """(B,): for each picture a position of its maps (B, C, …) in reading order, which its number and a seed choose."""
    drawn = lots(seed, numbers, "position") % np.uint64(maps[0, 0].numel())
    return torch.from_numpy(drawn.astype(np.int64)).to(maps.device)


def values_at(maps: Tensor, drawn: Tensor) -> Tensor:
    """(B, C): the values at one position of each picture."""
    return maps.flatten(2)[torch.arange(len(drawn), device=maps.device), :, drawn] if maps.ndim > 2 else maps


class Read(NamedTuple):
    """A picture of a data set, (1, C, H, W), as the network sees it; None = it could not be read."""

    number: int
    name: str
    picture: Tensor | None


class _Alike(NamedTuple):
    """Pictures of one size, and the batch of them: for one pass, as the module may write to it."""

    pictures: list[Read]
    ready: list[Tensor]


def survey(
    network: Network,
    dataset: Dataset,
    layers: Sequence[Layer],
    numbers: Iterable[int],
    look: Callable[[str, Tensor, list[int]], T],
    keep: Callable[[Sequence[Read], dict[str, T]], None],
    at_once: int | None = None,
) -> Iterator[list[int]]:
    """Yields the numbers of the pictures that are done, after every portion.

    layers   none = the pictures are read, and no pass is made
    look     (layer, its maps, numbers of the pictures) → what is found in them; the maps are no copies
    keep     is given the pictures, and what was found in each layer, once a pass is complete: where memory runs out,
             pictures are looked at again, fewer together
    at_once  pictures in a portion; None = first one, then twice as many each time, up to as many as are quickest. No
             clock has a say in it: what is looked at together may differ in rounding, and t-SNE makes much of that
    What cannot be read is left out; a remark at the end tells which.
    """
    unread, stopped = Unread(dataset), Event()

    def read() -> Iterator[Read]:
        for number in numbers:
            if stopped.is_set():
                return
            found = next(unread.reading([number]), None)
            with naming("pictures"):
                yield Read(number, *(("", None) if found is None else (found[2], network.prepare(found[1]))))

    def batch(some: Sequence[Read]) -> Tensor:
        pictures = [one.picture for one in some if one.picture is not None]
        if len(pictures) == 1 and network.takes_several and _most(network, _size(some[0])) > 1:
            pictures *= 2  # alone it may be rounded in another way, and a scan is the same in whatever portions
        return network.normalize(torch.cat(pictures), written_over=True)

    def portions() -> Iterator[tuple[list[Read], list[_Alike]]]:
        """What is done together, and what of it goes through the network together."""
        count, reader = at_once or 1, read()
        while some := list(islice(reader, count)):
            together = [
                _Alike([*same], []) for _, same in groupby((one for one in some if one.picture is not None), _size)
            ]
            for alike in together:
                if layers and network.device.type == "cpu":  # another device's memory may have to be shared out first
                    alike.ready.append(batch(alike.pictures))
                if at_once is None:
                    count = min(2 * count, _most(network, _size(alike.pictures[0])))
            yield some, together

    def through(some: Sequence[Read], alike: _Alike) -> None:
        found: dict[str, T] = {}
        of = [one.number for one in some]
        ready = alike.ready if len(some) == len(alike.pictures) else []

        def see(name: str, maps: Tensor) -> None:
            maps = maps[: len(of)]
            found[name] = look(name, maps.float() if maps.dtype.itemsize < 4 else maps, of)

        with guarded(*callers_modes_off(network.device)):
            if layers:
                network.watch(ready.pop() if ready else batch(some), layers, see)
            keep(some, found)

    waiting = ahead(portions(), 1)
    try:
        for some, together in waiting:
            for alike in together:
                pictures, work = alike.pictures, partial(through, alike=alike)
                bytes_each = network.bytes_per_image(_size(pictures[0]))
                most = len(pictures) if network.takes_several else 1
                for _ in batching.run(work, pictures, bytes_each, most=most, where=network.device):
                    pass
            yield [one.number for one in some]
    finally:
        stopped.set()
        waiting.close()
    unread.tell()


def _most(network: Network, size: tuple[int, ...]) -> int:
    """As many pictures as are quickest together; on a processor no more than take about half a second."""
    most = network.at_once(size)
    if network.device.type == "cpu":
        most = min(most, int(WORK // max(1, network.multiplications(size))))
    return max(1, most)


def _size(one: Read) -> tuple[int, ...]:
    return () if one.picture is None else tuple(one.picture.shape[-2:])
