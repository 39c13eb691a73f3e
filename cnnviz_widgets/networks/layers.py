"""The layers of a network: the modules that ran in one forward pass, in the order in which they finished."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from cnnviz_widgets.networks.receptive_field import Tracker


@dataclass(frozen=True)
class Layer:
    """One call of one module in a forward pass, and the tensor that came out.

    name             as in ``module.named_modules()``; the second call of a module that is used again ends in ``#2``
    kind             the module's class, such as ``"Conv2d"``
    shape            of the output without the batch: (C, H, W), or (C,)
    receptive_field  (height, width) in pixels that a unit can see; it may reach beyond the picture's border
    stride           (y, x) pixels from one unit to the next
    offset           (y, x) of the centre of unit (0, 0); pixel ``i`` has its centre at ``i``; may be negative
    parameters       how many numbers the module has learned
    block            True if the module consists of others
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    receptive_field: tuple[int, int]
    stride: tuple[float, float]
    offset: tuple[float, float]
    parameters: int
    block: bool

    @property
    def channels(self) -> int:
        return self.shape[0]

    @property
    def spatial(self) -> bool:
        """Whether its units have places: (C, H, W)."""
        return len(self.shape) == 3

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(self.name.split("."))

    @property
    def label(self) -> str:
        """``layer3 › 1 › conv2``"""
        return " › ".join(self.path)


Hook = Callable[[str, nn.Module, Any], Any]  # (name of the call, module, output) → what to hand on, or None


@contextmanager
def hooked(modules: dict[str, nn.Module], hook: Hook) -> Iterator[None]:
    """``hook`` hears of every call of ``modules`` in this thread, and is gone afterwards."""
    thread, calls, handles = threading.get_ident(), Counter(), []

    def hear(name: str, module: nn.Module, output: Any) -> Any:
        if threading.get_ident() != thread:
            return None
        calls[name] += 1
        return hook(name if calls[name] == 1 else f"{name}#{calls[name]}", module, output)

    try:
        for name, module in modules.items():
            handles.append(
                module.register_forward_hook(lambda module, _, output, name=name: hear(name, module, output))
            )
        yield
    finally:
        for handle in handles:
            handle.remove()


def probe(module: nn.Module, picture: Tensor) -> tuple[tuple[Layer, ...], dict[str, str], Any]:
    """The layers of one pass over ``picture`` (1, C, H, W); other names of theirs; what the module returned.

    A module that returns the very tensor of a layer before it (a Sequential's last child, say) is no layer of its own,
    but another name for that one.
    """
    modules = {name: part for name, part in module.named_modules() if name}
    layers: list[Layer] = []
    aliases: dict[str, str] = {}
    seen: WeakTensorKeyDictionary = WeakTensorKeyDictionary()  # tensor → (name of its layer, version of its content)

    def note(name: str, part: nn.Module, output: Any) -> None:
        if not isinstance(output, Tensor) or output.ndim < 2 or not output.is_floating_point():
            return
        same, version = seen.get(output, ("", -1))
        if version == output._version:
            aliases[name] = same
            return
        field = tracker.of(output)
        if output.ndim == 4 and field.dims != (-2, -1):  # laid out as (B, H, W, C) for a while, as in ConvNeXt
            return
        seen[output] = name, output._version
        vertical, horizontal = field.axes
        layers.append(
            Layer(
                name=name,
                kind=type(part).__name__,
                shape=tuple(output.shape[1:]),
                receptive_field=(vertical.size, horizontal.size),
                stride=(vertical.jump, horizontal.jump),
                offset=(vertical.offset, horizontal.offset),
                parameters=sum(parameter.numel() for parameter in part.parameters()),
                block=any(True for _ in part.children()),
            )
        )

    tracker = Tracker(picture)
    with torch.no_grad(), tracker, hooked(modules, note):
        output = module(picture)
    return tuple(layers), aliases, output
