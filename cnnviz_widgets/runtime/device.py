"""The device in use, the precision on it, and whose turn it is to compute there."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, Literal

import torch

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came

Precision = Literal["exact", "fast"]

_device: torch.device | None = None  # None: not yet asked for
_precision: Precision = "exact"


def device() -> torch.device:
    """Where networks are loaded and computed: what ``use`` said, else CUDA, else MPS, else the CPU."""
    global _device
    if _device is None:
        _device = torch.device("cuda" if _has("cuda") else "mps" if _has("mps") else "cpu")
    return _device


def precision() -> Precision:
    """``"exact"`` (float32, no TF32) or ``"fast"`` (bfloat16 or float16 where the hardware has it)."""
    return _precision


class use:
    """Choose the device (``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``) and the precision (``"exact"``, ``"fast"``).

    Holds from now on; as a context manager (``with use(precision="fast"):``) until its end. A network that is loaded
    already stays where it is. UserError if the device is not there.
    """

    def __init__(self, device: str | torch.device | None = None, precision: Precision | None = None) -> None:
        global _device, _precision
        chosen = _device if device is None else existing(device)
        if precision is not None and (not isinstance(precision, str) or precision not in ("exact", "fast")):
            raise UserError(f'precision must be "exact" or "fast", not {came(precision)}.')
        self._before = _device, _precision
        _device, _precision = chosen, precision or _precision

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        global _device, _precision
        _device, _precision = self._before

    def __repr__(self) -> str:
        return f'use(device="{device()}", precision="{precision()}")'


@contextmanager
def computing(where: torch.device, *, cast: bool = True) -> Iterator[None]:
    """Forward passes inside are in the chosen precision: float32 without TF32, or autocast where that is fast.

    Without ``cast``, never autocast: then a single pass does not cast all weights for one picture.
    """
    dtype = _fast_dtype(where.type) if cast and _precision == "fast" else None
    with torch.autocast(where.type, dtype) if dtype else nullcontext(), exact_if_asked(where):
        yield


def callers_modes_off(where: torch.device) -> list[AbstractContextManager]:
    """Contexts without what a caller may be in and would change our numbers: autocast and inference mode.

    Autocast would round scores and gradients to 16 bits; in inference mode no graph is recorded, not even for what
    is made afterwards.
    """
    kinds = {"cpu", where.type}
    off: list[AbstractContextManager] = [
        torch.autocast(kind, enabled=False) for kind in kinds if torch.is_autocast_enabled(kind)
    ]
    return [*off, torch.inference_mode(False)] if torch.is_inference_mode_enabled() else off


@contextmanager
def exact_if_asked(where: torch.device) -> Iterator[None]:
    """No TF32 inside, nor its like on a CPU; for backward passes, which must stay outside of autocast."""
    if _precision != "exact" or (where.type != "cuda" and not _rounds_on_the_cpu()):
        yield
        return
    with _no_tf32:
        yield


def _rounds_on_the_cpu() -> bool:
    try:
        return torch.get_float32_matmul_precision() != "highest"
    except RuntimeError:  # cannot be read if the user has set it operator by operator
        return False


class _WithoutTF32:
    """The flags are the process's: the first thread to enter changes them, and the last to leave puts them back."""

    def __init__(self) -> None:
        self._mutex, self._inside = threading.Lock(), 0
        self._before: tuple[str, bool] | None = None

    def __enter__(self) -> None:
        with self._mutex:
            if self._inside == 0:
                self._before = None
                with suppress(RuntimeError):  # cannot be read if the user has set it operator by operator: their choice
                    self._before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
                    _set_tf32("highest", False)
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._mutex:
            self._inside -= 1
            if self._inside == 0 and self._before:
                _set_tf32(*self._before)


def _set_tf32(matmul: str, cudnn: bool) -> None:
    torch.set_float32_matmul_precision(matmul)
    torch.backends.cudnn.allow_tf32 = cudnn


_no_tf32 = _WithoutTF32()


@contextmanager
def turn(wait: bool = True) -> Iterator[bool]:
    """Compute alone on the device in use; who comes first is served first. The owner may enter again.

    Yields True. With ``wait=False`` it never blocks, and yields False if another thread computes or waits.
    """
    where = device()
    turnstile = _turnstiles.setdefault((where.type, where.index or 0), _Turnstile())
    mine = turnstile.enter(wait)
    try:
        yield mine
    finally:
        if mine:
            turnstile.leave()


class _Turnstile:
    """A fair re-entrant lock: leaving hands it directly to whoever has waited longest."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._owner: int | None = None
        self._depth = 0
        self._queue: deque[tuple[int, threading.Event]] = deque()

    def enter(self, wait: bool) -> bool:
        me, called = threading.get_ident(), threading.Event()
        with self._mutex:
            if self._owner in (None, me):
                self._owner, self._depth = me, self._depth + 1
                return True
            if not wait:
                return False
            self._queue.append((me, called))
        try:
            called.wait()
        except BaseException:  # the kernel's interrupt: give up the place, or the turn if it has just come
            with self._mutex:
                waiting = (me, called) in self._queue
                if waiting:
                    self._queue.remove((me, called))
            if not waiting:
                self.leave()
            raise
        return True

    def leave(self) -> None:
        with self._mutex:
            self._depth -= 1
            if self._depth:
                return
            self._owner = None
            if self._queue:
                self._owner, called = self._queue.popleft()
                self._depth = 1
                called.set()


_turnstiles: dict[tuple[str, int], _Turnstile] = {}


def _has(kind: str) -> bool:
    return torch.cuda.is_available() if kind == "cuda" else kind == "cpu" or torch.backends.mps.is_available()


def existing(asked: Any) -> torch.device:
    """The device of that name; UserError if it is not on this machine."""
    try:
        found = torch.device(asked)
    except (RuntimeError, TypeError, ValueError):
        found = None
    if found is None or found.type not in ("cpu", "cuda", "mps"):
        raise UserError(f'device must be "cpu", "cuda" or "mps", not {came(asked)}.')
    if not _has(found.type) or (found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count()):
        there = [kind for kind in ("cpu", "cuda", "mps") if _has(kind)]
        raise UserError(f"device {asked!s} is not on this machine, which has {' and '.join(there)}.")
    return found


def _fast_dtype(kind: str) -> torch.dtype | None:
    """The 16-bit type that this hardware computes with faster than float32; None if there is none."""
    if kind == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability() >= (8, 0) else torch.float16
    if kind == "mps":
        return torch.float16
    has = (getattr(torch.cpu, f"_is_{name}_supported", bool)() for name in ("avx512_bf16", "amx_tile"))
    return torch.bfloat16 if any(has) else None
