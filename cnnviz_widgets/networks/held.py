"""The user's module while a pass runs through it: taken and given back as one step, with nothing of ours left on it."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.overrides import TorchFunctionMode

from cnnviz_widgets.runtime.interrupts import deliver

Hear = Callable[[nn.Module, tuple, Any], Any]  # (module, inputs, output) → the output to use instead, or None


class _Turn:
    """One thread at a time, however many views of a module there are; it may come again while it has it."""

    def __init__(self) -> None:
        self.mutex, self.depth = threading.RLock(), 0


_turns: "WeakKeyDictionary[nn.Module, _Turn]" = WeakKeyDictionary()


@contextmanager
def held(module: nn.Module) -> Iterator[None]:
    """The module for this thread alone, in evaluation mode; then every flag is as it was.

    What its own ``forward`` and the user's hooks store on it stays there, but without its autograd graph, which would
    be neither freed nor copied.
    """
    turn = _turns.setdefault(module, _Turn())
    while not turn.mutex.acquire(timeout=0.05):  # s; as long as another thread has it, an interrupt ends the waiting
        deliver()
    turn.depth += 1
    training, storing = [], []
    try:
        if turn.depth == 1:
            for part in parts_of(module):
                if getattr(part, "training", False):  # frozen TorchScript has none; ``train()`` some modules override
                    part.training = False
                    training.append(part)
                hooks = part._forward_hooks or part._forward_pre_hooks
                if hooks or not type(part).__module__.startswith(("torch.", "torchvision.")):
                    storing.append(part)
        yield
    finally:
        for part in training:
            part.training = True
        for part in storing:
            _detach_stored(vars(part))
        turn.depth -= 1
        turn.mutex.release()


def parts_of(module: nn.Module) -> Iterator[nn.Module]:
    """As ``module.modules()``, which takes longer than a small network's pass."""
    waiting, met = [module], set[nn.Module]()
    while waiting:
        part = waiting.pop()
        if part not in met:
            met.add(part)
            yield part
            waiting += [inner for inner in reversed(part._modules.values()) if inner is not None]


def _detach_stored(stored: Any, deep: int = 3) -> None:
    for key, value in stored.items() if isinstance(stored, dict) else enumerate(stored):
        if isinstance(value, Tensor):
            if value.grad_fn is not None:
                stored[key] = value.detach()
        elif isinstance(value, list | dict | deque) and deep:
            _detach_stored(value, deep - 1)
        elif type(value) is tuple and any(isinstance(one, Tensor) and one.grad_fn is not None for one in value):
            stored[key] = tuple(one.detach() if isinstance(one, Tensor) else one for one in value)


@contextmanager
def heard(modules: Iterable[nn.Module], hear: Hear) -> Iterator[None]:
    """``hear`` is called after every call of ``modules`` in this thread, and may replace the output.

    The user's own hooks come first.
    """
    thread, wanted = threading.get_ident(), set(modules)
    if not wanted:
        yield
        return
    # A hook for all modules is on none of them, and no copy gets it. It comes before a module's own hooks, though.
    hooked = {part for part in wanted if part._forward_hooks}

    def of(parts: set[nn.Module]) -> Hear:
        def mine(part: nn.Module, inputs: tuple, output: Any) -> Any:
            return hear(part, inputs, output) if part in parts and threading.get_ident() == thread else None

        return mine

    handles = [register_module_forward_hook(of(wanted - hooked))]
    try:
        handles += [part.register_forward_hook(of(hooked)) for part in hooked]
        yield
    finally:
        for handle in handles:
            handle.remove()


class EveryPartRuns(TorchFunctionMode):
    """Inside, torch's encoder layers run their parts, so that hooks on these are called.

    Without a gradient they compute all of it in one function instead, but not where somebody watches the functions.
    """

    @staticmethod
    def matters(module: nn.Module) -> bool:
        return any(isinstance(part, nn.TransformerEncoderLayer) for part in module.modules())

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return func(*args, **(kwargs or {}))
