"""Work over many inputs, in pieces that fit into memory."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.runtime.device import device

Result = TypeVar("Result")
Items = TypeVar("Items", Tensor, Sequence)

_CGROUPS = (  # limit and use of a container's memory: version 2, version 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)

SECONDS = 0.5  # aimed at from one state to the next

# Bytes. glibc asks the system for every block from 32 MiB on, and gets it in fresh pages, each of which costs a fault:
# larger pieces were up to half as slow again. Below it, the larger the better.
_REUSED = 25 * 2**20


def memory_budget(where: torch.device | None = None) -> int:
    """Bytes that one computation may take on a device now: half of what a GPU has free, a quarter of the computer's."""
    where = where or device()
    if where.type == "cuda":
        cached = torch.cuda.memory_reserved(where) - torch.cuda.memory_allocated(where)
        return (torch.cuda.mem_get_info(where)[0] + cached) // 2
    if where.type == "mps":
        return (torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()) // 2
    return free_memory() // 4


def free_memory() -> int:
    """Bytes of the computer's memory that are free, or that a container may still take."""
    import psutil

    return min([psutil.virtual_memory().available, *_left_in_cgroups()])


def quickest(largest: int, where: torch.device, most: int = 64) -> int:
    """How many inputs at once are quickest to compute, if the largest tensor that one needs takes so many bytes."""
    return max(1, min(most, _REUSED // max(1, largest))) if where.type == "cpu" else most


def portion(count: int, took: float, most: int) -> int:
    """How many inputs the next state of long work is for, after ``count`` of them took so many seconds."""
    if took < SECONDS:
        return min(2 * count, most)
    return max(1, count // 2) if took > 3 * SECONDS else count


def chunks(count: int, bytes_each: int, *, most: int = 32, where: torch.device | None = None) -> list[slice]:
    """Slices that cover ``range(count)``, each of at most ``most`` inputs that fit into the memory budget together.

    They are as equal as can be: a small rest would cost nearly as much as a whole piece.
    """
    together = min(most, count)
    if together > 1:  # to ask for the memory takes a while, and one alone must fit in any case
        together = min(together, memory_budget(where) // max(1, bytes_each))
    number = -(-count // max(1, together))
    sizes = (count // number + (piece < count % number) for piece in range(number))
    return [slice(start, stop) for start, stop in pairwise(accumulate(sizes, initial=0))]


def run(
    function: Callable[[Items], Result],
    items: Items,
    bytes_each: int,
    *,
    most: int = 32,
    where: torch.device | None = None,
) -> Iterator[tuple[slice, Result]]:
    """Yield ``(piece, function(items[piece]))``, slice by slice, until all items are done.

    items       a tensor or another sequence that can be sliced
    bytes_each  memory that one item takes while it is computed
    Where memory runs out, the piece is halved and the work goes on. UserError if not even one item fits.
    """
    waiting = chunks(len(items), bytes_each, most=most, where=where)[::-1]
    while waiting:
        piece = waiting.pop()
        try:
            result = function(items[piece])
        except (RuntimeError, MemoryError) as error:
            if not _out_of_memory(error):
                raise
            if piece.stop - piece.start == 1:
                raise UserError(
                    "the memory is too small for even one picture: take a smaller picture or network."
                ) from error
            size = (piece.stop - piece.start + 1) // 2
            again = slice(piece.start, waiting[0].stop if waiting else piece.stop)
            waiting = [slice(start, min(start + size, again.stop)) for start in range(again.start, again.stop, size)][
                ::-1
            ]
        else:
            yield piece, result


def _left_in_cgroups() -> Iterator[int]:
    for limit, used in _CGROUPS:
        with suppress(OSError, ValueError):  # no such file, or "max"
            yield max(0, int(Path(limit).read_text()) - int(Path(used).read_text()))


def _out_of_memory(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(
        sign in text for sign in ("out of memory", "not enough memory", "can't allocate memory")
    )
