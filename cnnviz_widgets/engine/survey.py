"""One pass over a data set: pictures are read in a thread, while the network is at work on those before."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice
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
WAITING = 64  # pictures that are read ahead, at most
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
             clock has a say in it: what is looked at together differs in rounding, and t-SNE makes much of that
    What cannot be read is left out; a remark at the end tells which.
    """
    unread = Unread(dataset)
    with torch.inference_mode(False):  # also of a caller who leaves that mode between two portions
        room = torch.empty(0, dtype=torch.promote_types(network.dtype, torch.float32))  # of a batch, used again

    def read() -> Iterator[Read]:
        for number in numbers:
            found = next(unread.reading([number]), None)
            with naming("pictures"):
                yield Read(number, *(("", None) if found is None else (found[2], network.prepare(found[1]))))

    def through(some: Sequence[Read]) -> None:
        found: dict[str, T] = {}
        of = [one.number for one in some]
        pictures = [one.picture for one in some if one.picture is not None]

        def see(name: str, maps: Tensor) -> None:
            found[name] = look(name, maps.float() if maps.dtype.itemsize < 4 else maps, of)

        with guarded(*callers_modes_off(network.device)):
            if layers:
                batch = torch.cat(pictures, out=room.resize_(len(pictures), *pictures[0].shape[1:]))
                network.watch(network.normalize(batch, written_over=True), layers, see)
            keep(some, found)

    count, reader = at_once or 1, ahead(read(), WAITING)
    try:
        while some := list(islice(reader, count)):
            known = [one for one in some if one.picture is not None]
            for size, alike in groupby(known, _size):
                bytes_each, most = network.bytes_per_image(size), len(known) if network.takes_several else 1
                for _ in batching.run(through, [*alike], bytes_each, most=most, where=network.device):
                    pass
                if at_once is None:
                    count = min(2 * count, _most(network, size))
            yield [one.number for one in some]
    finally:
        reader.close()
    unread.tell()


def _most(network: Network, size: tuple[int, ...]) -> int:
    """As many pictures as are quickest together; on a processor no more than take about half a second."""
    most = network.at_once(size)
    if network.device.type == "cpu":
        most = min(most, int(WORK // max(1, network.multiplications(size))))
    return max(1, most)


def _size(one: Read) -> tuple[int, ...]:
    return () if one.picture is None else tuple(one.picture.shape[-2:])
