"""Copies of a user's module to run or change: what its own code keeps of a pass is no obstacle, and stays in them."""

import copy
import gc
import types
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any
from weakref import ref

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnviz_widgets.runtime.interrupts import guarded


def scratch_copy(module: nn.Module, *, shared: bool = True) -> nn.Module:
    """A copy that shares the parameters; or has its own, if not ``shared``."""
    with guarded(_CopiedTensors()):
        return copy.deepcopy(module, {id(weight): weight for weight in module.parameters()} if shared else {})


class _CopiedTensors(TorchFunctionMode):
    """Inside, tensors that belong to a graph can be copied, too: a module may have kept some."""

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return args[0].detach().clone() if func is Tensor.__deepcopy__ else func(*args, **(kwargs or {}))


def take_back(lent: Iterable[ref]) -> None:
    """Out of whatever still holds them, such as a global list that the module's code writes to; None is there then."""
    if any(one() is not None for one in lent):
        gc.collect()
        for one in lent:
            if (kept := one()) is not None:
                _replace(kept)


def _replace(kept: Any) -> None:  # without a function or comprehension inside, whose cell would be a holder, too
    for holder in gc.get_referrers(kept):
        if isinstance(holder, tuple):
            _replace(holder)
        elif isinstance(holder, list | deque):
            for at in reversed(range(len(holder))):
                if holder[at] is kept:
                    del holder[at]
        elif isinstance(holder, set):
            holder.discard(kept)
        elif isinstance(holder, types.CellType):
            holder.cell_contents = None
        elif not isinstance(holder, types.FrameType):
            names = holder if isinstance(holder, dict) else getattr(holder, "__dict__", {})
            for name, one in list(names.items()):
                if one is kept:
                    names[name] = None
