"""Names that have changed. The old ones go on working until 1.0, with a DeprecationWarning."""

from __future__ import annotations

import sys
import warnings

TYPE_CHECKING = False  # to import typing takes as long as to import the package
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence
    from typing import Any

# Old name -> today's; where there are several, that counts which the function knows.
ARGUMENTS = {"colour": ["color"], "optimiser": ["optimizer"], "centre": ["center"], "scale": ["normalize_by"]}
WORDS = {
    "grey": ["gray"],
    "normalised": ["normalized"],
    "gradient_times_input": ["input_x_gradient"],
    "each": ["filter", "channel"],
    "all": ["layer"],
}

OURS = __name__.partition(".")[0], "traitlets"  # packages whose lines are not the one to change


def module_getattr(names: Mapping[str, str], get: Callable[[str], Any]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` that knows old names. All others are left to ``get``, which raises AttributeError.

    __getattr__ = module_getattr({"normalise": "normalize"}, globals().__getitem__)
    """

    def attribute(name: str) -> Any:
        if name in names:
            tell(name, names[name])
            name = names[name]
        try:
            return get(name)
        except KeyError:
            raise AttributeError(f"there is no {name!r} here.") from None

    return attribute


class Old:
    """An attribute or method of a class under the name that it had.

    normalise = Old("normalize")
    """

    def __init__(self, new: str) -> None:
        self.new = new

    def __set_name__(self, owner: type, name: str) -> None:
        self.old = name

    def __get__(self, instance: Any, owner: type) -> Any:
        tell(self.old, self.new)
        return getattr(owner if instance is None else instance, self.new)


def arguments(given: Mapping[str, Any], known: Container[str]) -> dict[str, Any]:
    """Keyword arguments with each old name, that is not itself ``known``, replaced by the new one, if that is."""
    return {new_name(name, ARGUMENTS, known): value for name, value in given.items()}


def word(given: Any, allowed: Container[Any]) -> Any:
    """What was given, or the new word for an old one that is no longer ``allowed``."""
    return new_name(given, WORDS, allowed) if isinstance(given, str) else given


def new_name(name: str, names: Mapping[str, Sequence[str]], known: Container[str]) -> str:
    new = next((one for one in names.get(name, ()) if one in known), None)
    if new is None or name in known:
        return name
    tell(name, new)
    return new


def tell(old: str, new: str) -> None:
    """Warn at the caller's line that used the old name."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in OURS:
        level, frame = level + 1, frame.f_back
    warnings.warn(f"{old!r} is now called {new!r}; the old name goes with 1.0.", DeprecationWarning, level)
