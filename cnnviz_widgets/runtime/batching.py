"""Work over many inputs, in pieces that fit into memory."""

import errno
import re
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.runtime.device import device

T = TypeVar("T")
Items = TypeVar("Items", Tensor, range, Sequence)

_CGROUPS = (  # limit and use of a container's memory: version 2, version 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)

_OUT_OF_MEMORY = re.compile(  # as torch, its libraries (cuBLAS, cuDNN …), numpy and the system say it
    r"out of memory|not enough memory|insufficient memory|alloc(ation)?_failed|bad.alloc|"
    r"(can't|cannot|could not|failed to|unable to) allocate|invalid buffer size"
)
_WANTED = re.compile(r"(?:tried to|unable to) allocate (\d+(?:\.\d+)? (?:bytes|[KMGT]iB))", re.IGNORECASE)
_FREE = re.compile(r"of which (\d+(?:\.\d+)? [KMGT]?i?B(?:ytes)?) is free", re.IGNORECASE)

SECONDS = 0.5  # aimed at from one state to the next

# Bytes. glibc asks the system for every block from 32 MiB on, and gets it in fresh pages, each of which costs a fault:
# larger pieces were up to half as slow again. Below it, the larger the better.
_REUSED = 25 * 2**20


class TooLarge(UserError):
    """Something does not fit into memory at once. The message says what, how much was wanted, and what takes less."""


def memory_budget(where: torch.device | None = None) -> int:
    """Bytes that one computation may take on a device now: half of what a GPU has free, a quarter of the computer's."""
    where = where or device()
    return free_memory(where) // (4 if where.type == "cpu" else 2)


def free_memory(where: torch.device | None = None) -> int:
    """Bytes that are free on a device now; None = of the computer, or what its container may still take."""
    kind = where.type if where else "cpu"
    if kind == "cuda":
        cached = torch.cuda.memory_reserved(where) - torch.cuda.memory_allocated(where)
        return torch.cuda.mem_get_info(where)[0] + cached
    if kind == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
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
    function: Callable[[Items], T],
    items: Items,
    bytes_each: int,
    *,
    most: int = 32,
    where: torch.device | None = None,
    what: str = "even one picture",
) -> Iterator[tuple[slice, T]]:
    """Yield ``(piece, function(items[piece]))``, slice by slice, until all items are done.

    items       a tensor or another sequence that can be sliced
    bytes_each  memory that one item takes while it is computed
    what        the work for one item, in words
    Where memory runs out, the piece is halved and the work goes on. TooLarge if not even one item fits.
    """
    waiting = chunks(len(items), bytes_each, most=most, where=where)[::-1]
    while waiting:
        piece = waiting.pop()
        try:
            result = function(items[piece])
        except Exception as error:
            if not out_of_memory(error):
                raise
            if piece.stop - piece.start == 1:
                raise too_large(error, what, where) from error
            release(error)
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


def out_of_memory(error: BaseException) -> bool:
    """Whether it says that memory ran out, wherever that was."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError | TooLarge):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and bool(_OUT_OF_MEMORY.search(str(error).lower()))


def too_large(error: Exception, what: str, where: torch.device | None = None) -> TooLarge:
    """What to raise from an error that is ``out_of_memory``, if ``what`` cannot be made smaller by us."""
    if isinstance(error, TooLarge):
        return error
    where, text = where or device(), str(error)
    release(error)
    wanted, free = _WANTED.search(text), _FREE.search(text)
    there = free[1] if free else readable(free_memory(where))
    more = f"{_in_units(wanted[1])} more were wanted, and {there} were free" if wanted else f"{there} are free"
    return TooLarge(
        f"the memory of {where} is too small for {what} ({more}): take a smaller size or network, or "
        'cnnviz.use(precision="fast") where the hardware has it; the number of steps does not matter.'
    )


def release(error: BaseException) -> None:
    """Let go of what a pass that failed still holds: the error's frames, and what is only kept for later use."""
    seen: BaseException | None = error
    while seen is not None and out_of_memory(seen):
        traceback.clear_frames(seen.__traceback__)
        seen = seen.__cause__ or seen.__context__
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()  # cuBLAS and cuDNN ask the system, not torch


def _in_units(amount: str) -> str:
    number, unit = amount.split()
    return readable(int(float(number))) if unit == "bytes" else amount


def readable(size: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} GiB"
