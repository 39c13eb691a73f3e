"""What a computation of a panel is given: all traits, as they were when it was asked for."""

from collections.abc import Callable, Mapping
from typing import Any


class Now:
    """A frozen copy of the traits of a panel and of its session: ``now.size``, ``now.network`` …

    traits  name -> value
    read    is told the name of each trait that is read
    """

    __slots__ = ("_read", "_traits")

    def __init__(self, traits: Mapping[str, Any], read: Callable[[str], None] = lambda name: None) -> None:
        object.__setattr__(self, "_traits", traits)
        object.__setattr__(self, "_read", read)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._traits:
            raise AttributeError(f"there is no trait {name!r}: there are {', '.join(self._traits)}.")
        self._read(name)
        return self._traits[name]

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} cannot be changed: this is a copy. See but().")

    def but(self, **changed: Any) -> "Now":
        """The same with other values; what is read in it counts as read here."""
        return Now({**self._traits, **changed}, self._read)
