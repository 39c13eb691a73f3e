"""A call of a public function: it runs, and it writes itself for the program behind a panel's Code button."""

import inspect
import json
from collections.abc import Callable, Mapping
from keyword import iskeyword
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from cnnviz_widgets.engine.targets import Neuron
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures import as_text
from cnnviz_widgets.runtime.memo import same

LINE = 100  # letters of a list or dictionary that stands in one line


class As(NamedTuple):
    """An argument that is not written as its ``repr``: the name of a variable, or an expression."""

    value: Any
    written: str


class Call:
    """``Call(occlusion, network, image, 8, size=32)`` runs as ``occlusion(network, image, 8, size=32)``.

    It is written ``cnnviz.occlusion(net, photo, 8, size=32)``: a network as ``net``, a picture as ``photo``, and an
    option only where it is not the function's own default. A method is written after its object: with
    ``Call(ActivationMaps.content, As(maps, "maps"))`` as ``maps.content()``. An argument may be a call itself.
    """

    def __init__(self, function: Callable, *given: Any, **options: Any) -> None:
        self.function, self.given, self.options = function, given, options

    def __call__(self, **more: Any) -> Any:
        options = {name: _value(one) for name, one in self.options.items()}
        return self.function(*map(_value, self.given), **options | more)

    def __str__(self) -> str:
        return self.written()

    def written(self, **more: str) -> str:
        """The code of the call; ``more``: further arguments, already written."""
        parameters = inspect.signature(self.function).parameters
        defaults = {name: one.default for name, one in parameters.items()}
        given = list(zip(self.given, defaults.values(), strict=False))
        while given and _left_out(*given[-1]):
            given.pop()
        kept = {name: one for name, one in self.options.items() if name not in more}
        options = {name: one for name, one in kept.items() if not _left_out(one, defaults.get(name, As))}
        arguments = [written(one) for one, _ in given]
        arguments += [f"{name}={written(one)}" for name, one in options.items()]
        arguments += [f"{name}={one}" for name, one in more.items()]
        method = "." in self.function.__qualname__
        owner = arguments.pop(0) if method else "cnnviz"
        return f"{owner}.{self.function.__name__}({', '.join(arguments)})"


def program(*parts: str | Mapping[str, Any]) -> str:
    """Code, line by line: a text stands as it is, and a mapping sets variables: ``{"maps": Call(…)}``."""
    lines: list[str] = []
    for part in parts:
        lines += [part] if isinstance(part, str) else [f"{name} = {written(one)}" for name, one in part.items()]
    return "\n".join(lines)


def written(value: Any) -> str:
    """A value as code."""
    if isinstance(value, As):
        return value.written
    if isinstance(value, Call):
        return value.written()
    if isinstance(value, list):
        return _enclosed("[]", [written(one) for one in value])
    if isinstance(value, dict):
        return _enclosed("{}", [f"{written(key)}: {written(one)}" for key, one in value.items()])
    if isinstance(value, Network):
        return "net"
    if isinstance(value, Tensor):
        return "photo"
    if isinstance(value, np.ndarray):  # a mask
        return f'cnnviz.painted("{as_text(value)}")'
    if isinstance(value, Neuron):
        position = "" if value.position is None else f", {written(value.position)}"
        return f"cnnviz.Neuron({written(value.layer)}, {value.channel}{position})"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def class_named(network: Network, target: int | None) -> As:
    """A class index, written as its name; as its number where two classes bear the name."""
    if target is None:
        return As(None, "None")
    name = network.classes[target]
    return As(target, written(name) if list(network.classes).count(name) == 1 else str(target))


def _enclosed(brackets: str, items: list[str]) -> str:
    """In one line where they fit, else one in a line."""
    short = ", ".join(items)
    inside = short if len(short) <= LINE else "".join(f"\n    {one}," for one in items) + "\n"
    return f"{brackets[0]}{inside}{brackets[1]}"


def _left_out(one: Any, default: Any) -> bool:
    """Whether it is the default; a variable is written in any case: it may be another value next time."""
    if isinstance(one, Call):
        return False
    variable = isinstance(one, As) and one.written.isidentifier() and not iskeyword(one.written)
    return not variable and same(_value(one), default)


def _value(one: Any) -> Any:
    value = one.value if isinstance(one, As) else one
    return value() if isinstance(value, Call) else value
