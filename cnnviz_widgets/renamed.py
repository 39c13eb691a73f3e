"""Names that have changed. The old ones go on working until 1.0, with a warning."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

#: Arguments and words that any function of ours may be given by their old spelling.
ARGUMENTS = {"colour": "color", "optimiser": "optimizer", "centre": "center"}
WORDS = {"grey": "gray", "normalised": "normalized"}


def renamed(names: Mapping[str, str], get: Callable[[str], Any]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` that knows old names, and asks ``get`` for all others.

    __getattr__ = renamed({"normalise": "normalize"}, globals().get)
    """

    def attribute(name: str) -> Any:
        if name in names:
            tell(name, names[name])
            name = names[name]
        value = get(name)
        if value is None:
            raise AttributeError(f"there is no {name!r} here.")
        return value

    return attribute


def tell(old: str, new: str) -> None:
    """Warn whoever called one of ours with an old name."""
    warnings.warn(f"{old!r} is now called {new!r}; the old name goes with 1.0.", DeprecationWarning, stacklevel=4)
