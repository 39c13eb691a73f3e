"""Settings of a panel that are arguments of its method: default, type, range, words and help come from the method.

    size = option(occlusion, 4, 128, step=4)

makes a slider called “Size” from 4 to 128, with the default and the docstring's line of ``occlusion``'s own ``size``.
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from traitlets import TraitType

from cnnviz_widgets.gate import Range
from cnnviz_widgets.panels.controls import choice, float_slider, slider, toggle


class Argument(NamedTuple):
    """Of a function: its type, its range where it has one, and its default."""

    kind: Any
    range: Range
    default: Any


class option:
    """An argument of ``function``, or of a ``partial`` of one, as a trait with its control.

    low, high   ends of a slider, for numbers; by default the range in the signature
    step, form  of the slider; how its number is written, as in ``format``
    name        of the argument, where the trait has another one
    label       beside the control; the argument's name by default
    help        instead of the docstring's line
    words       for a choice: argument -> how it is called; by default as it is
    more        whether a first look does not need it
    """

    def __init__(
        self,
        function: Callable,
        low: float | None = None,
        high: float | None = None,
        *,
        step: float = 1,
        form: str = ".2f",
        name: str | None = None,
        label: str | None = None,
        help: str | None = None,
        words: Mapping[str, str] | None = None,
        more: bool = False,
    ) -> None:
        self._function, self._ends, self._step, self._form = function, (low, high), step, form
        self._name, self._label, self._help, self._words, self._more = name, label, help, words, more

    def __set_name__(self, owner: type, name: str) -> None:
        argument = self._name or name
        trait = self._trait(argument).tag(of=(self._function, argument))
        setattr(owner, name, trait)
        trait.class_init(owner, name)  # what traitlets does for the traits that it finds in a class

    def _trait(self, name: str) -> TraitType:
        kind, range, default = argument(self._function, name)
        said: dict[str, Any] = {
            "label": self._label or name.replace("_", " ").capitalize(),
            "help": self._help or documented(self._function)[name],
            "more": self._more,
        }
        if kind is bool:
            return toggle(default, **said)
        if get_origin(kind) is Literal:
            return choice(default, self._words or get_args(kind), **said)
        low, high = (allowed if end is None else end for end, allowed in zip(self._ends, range[:2], strict=True))
        if kind not in (int, float) or low is None or high is None:
            raise TypeError(f"{_plain(self._function).__name__}: no control for {name}, {kind} from {low} to {high}.")
        if kind is int:
            return slider(default, int(low), int(high), step=int(self._step), **said)
        return float_slider(default, low, high, step=self._step, form=self._form, **said)


def argument(function: Callable, name: str) -> Argument:
    """What the signature says of an argument."""
    kind = get_type_hints(_plain(function), include_extras=True)[name]
    more: Sequence[Any] = ()
    if get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
    ranges = [one for one in more if isinstance(one, Range)]
    return Argument(kind, ranges[0] if ranges else Range(), inspect.signature(function).parameters[name].default)


@cache
def documented(function: Callable) -> dict[str, str]:
    """Argument -> what the docstring says of it: ``size    side of the square``, and lines that are further in."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in (inspect.getdoc(_plain(function)) or "").splitlines()[1:]:
        match = re.match(r"(\w+(?:, \w+)*) {2,}(\S.*)", line)
        if match:
            names = match[1].split(", ")
            found |= dict.fromkeys(names, match[2])
        elif names and line.startswith("  "):
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
        else:
            names = []
    return {name: (text[0].upper() if text[0].isascii() else text[0]) + text[1:] for name, text in found.items()}  # σ


def _plain(function: Callable) -> Callable:
    """What is behind a partial or a decorator."""
    return inspect.unwrap(function.func if isinstance(function, partial) else function)
