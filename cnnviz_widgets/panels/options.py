"""Settings of a panel that are arguments of its method: name, default, type, words and help come from the method.

    size = option(occlusion, 4, 128, step=4)

makes a slider called “Size” from 4 to 128, with the default and the docstring line of ``occlusion``'s own ``size``.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from traitlets import TraitType

from cnnviz_widgets.panels.controls import choice, float_slider, slider, toggle


class option:
    """An argument of ``function`` as a trait with its control.

    low, high   ends of a slider, for numbers
    step, form  of the slider; how its number is written, as in ``format``
    label       beside the control; the argument's name by default
    help        instead of the docstring's line
    words       for a choice: argument -> how it is called; by default as it is
    """

    def __init__(
        self,
        function: Callable,
        low: float | None = None,
        high: float | None = None,
        *,
        step: float = 1,
        form: str = ".2f",
        label: str | None = None,
        help: str | None = None,
        words: Mapping[str, str] | None = None,
        name: str | None = None,
    ) -> None:
        self._function, self._ends, self._step, self._form = function, (low, high), step, form
        self._label, self._help, self._words, self._name = label, help, words, name

    def __set_name__(self, owner: type, name: str) -> None:
        trait = self._trait(self._name or name)
        setattr(owner, name, trait)
        trait.class_init(owner, name)  # what traitlets does for the traits that it finds in a class

    def _trait(self, name: str) -> TraitType:
        kind, default = argument(self._function, name)
        said = {"label": self._label or name.replace("_", " ").capitalize()}
        said["help"] = self._help or documented(self._function).get(name, "")
        if kind is bool:
            return toggle(default, **said)
        if get_origin(kind) is Literal:
            words = self._words or {word: word for word in get_args(kind)}
            return choice(default, words, **said)
        if kind is int:
            return slider(default, *self._ends, step=self._step, **said)
        if kind is float:
            return float_slider(default, *self._ends, step=self._step, form=self._form, **said)
        raise TypeError(f"{self._function.__name__}'s {name} is {kind}: there is no control for it.")


def argument(function: Callable, name: str) -> tuple[Any, Any]:
    """Type and default of an argument."""
    parameter = inspect.signature(function).parameters[name]
    return get_type_hints(inspect.unwrap(function))[name], parameter.default


@cache
def documented(function: Callable) -> dict[str, str]:
    """Name of an argument -> what the docstring says of it: ``size    side of the square``, and lines further in."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in inspect.getdoc(function).splitlines()[1:]:
        if match := re.match(r"(\w+(?:, \w+)*) {2,}(\S.*)", line):
            names = match[1].split(", ")
            found |= dict.fromkeys(names, match[2])
        elif names and line.startswith("  "):
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
        else:
            names = []
    return {name: text[0].upper() + text[1:] for name, text in found.items()}
