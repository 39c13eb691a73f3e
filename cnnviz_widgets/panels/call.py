"""A call of a public function: it runs, and it writes itself for the program behind a panel's Code button."""

import inspect
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor

from cnnviz_widgets.engine.targets import Neuron
from cnnviz_widgets.networks import Network


class As(NamedTuple):
    """An argument that is not written as its ``repr``."""

    value: Any
    written: str


class Call:
    """``Call(occlusion, network, image, 8, size=32)`` runs as ``occlusion(network, image, 8, size=32)``.

    It is written ``cnnviz.occlusion(net, photo, "tabby", size=32)``: a network as ``net``, a picture as ``photo``, and
    an option only where it is not the function's own default.
    """

    def __init__(self, function: Callable, *given: Any, **options: Any) -> None:
        self.function, self._given, self._options = function, given, options

    def __call__(self, **more: Any) -> Any:
        given = [_value(one) for one in self._given]
        return self.function(*given, **{name: _value(one) for name, one in self._options.items()} | more)

    def __str__(self) -> str:
        return self.written()

    def written(self, **more: str) -> str:
        """The code of the call; ``more``: arguments that are written as they are."""
        parameters = inspect.signature(self.function).parameters
        given = list(zip(parameters.values(), self._given, strict=False))
        while given and _same(_value(given[-1][1]), given[-1][0].default):
            given.pop()
        options = {n: one for n, one in self._options.items() if not _same(_value(one), parameters[n].default)}
        arguments = [written(one) for _, one in given]
        arguments += [f"{name}={written(one)}" for name, one in options.items()]
        arguments += [f"{name}={one}" for name, one in more.items()]
        return f"cnnviz.{self.function.__name__}({', '.join(arguments)})"


def written(value: Any) -> str:
    """A value as code."""
    if isinstance(value, As):
        return value.written
    if isinstance(value, Network):
        return "net"
    if isinstance(value, Tensor):
        return "photo"
    if isinstance(value, Neuron):
        return f"cnnviz.Neuron({value.layer!r}, {value.channel}, {value.position!r})"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def class_named(network: Network, target: int | None) -> As:
    """A class index, written as its name; as its number where two classes bear the name."""
    if target is None:
        return As(None, "None")
    name = network.classes[target]
    return As(target, written(name) if list(network.classes).count(name) == 1 else str(target))


def _value(one: Any) -> Any:
    return one.value if isinstance(one, As) else one


def _same(value: Any, default: Any) -> bool:
    plain = (bool, int, float, str, tuple, type(None))
    return isinstance(value, plain) and type(value) is type(default) and value == default
