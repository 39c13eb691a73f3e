"""Class names that can be asked for by number or by any unambiguous part of the name."""

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import cached_property
from operator import index as whole_number

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came

_MOST_LISTED = 12


def _plain(text: str) -> str:
    """Small letters, single spaces, no punctuation: "Jack-o'-Lantern" and "jack_o_lantern" are the same."""
    return " ".join(re.sub(r"[\W_]+", " ", re.sub("['\u2019]", "", text.casefold())).split())


class Labels(Sequence[str]):
    """The names of a network's classes, in the order of its outputs.

    labels[99] → "goose"
    labels("goose"), labels.index("goose"), labels(99) → 99
    labels.find("goose") → [(99, "goose"), (298, "mongoose")]
    """

    def __init__(self, names: Iterable[str]) -> None:
        if isinstance(names, str) or not isinstance(names, Iterable):
            raise UserError(f"classes must be a list of names, not {came(names)}.")
        self._names = tuple(names)
        wrong = next((name for name in self.names if not isinstance(name, str)), None)
        if wrong is not None or not self.names:
            what = "an empty list" if not self.names else came(wrong)
            raise UserError(f"classes must be names (strings), at least one; {what} came.")

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    def __getitem__(self, index):
        return self.names[index]

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Labels) and self.names == other.names

    def __hash__(self) -> int:
        return hash(self.names)

    def __repr__(self) -> str:
        shown = self.names if len(self) <= 4 else (*self.names[:2], "…", self.names[-1])
        return f"Labels({len(self)} classes: {', '.join(shown)})"

    def __call__(self, query: int | str) -> int:
        return self.index(query)

    def index(self, query: int | str) -> int:  # type: ignore[override]  # looked up in all the names, not behind a start
        """Number of the class meant by `query`: a number in 0 … len - 1, or a name or part of one.

        The whole name is tried first, then whole words of it, then any part; case and punctuation do not matter unless
        two names differ in nothing else. UserError if nothing fits (with the nearest names) or more than one does (with
        the candidates).
        """
        if not isinstance(query, str):
            return self._checked(query)
        exact = [(index, name) for index, name in enumerate(self.names) if name == query]
        found = exact or self._best(query)
        if len(found) == 1:
            return found[0][0]
        if found:
            more = [f"and {len(found) - _MOST_LISTED} more"] if len(found) > _MOST_LISTED else []
            listed = ", ".join([*(f"{index} {name}" for index, name in found[:_MOST_LISTED]), *more])
            raise UserError(f"class {came(query)} could be any of {listed}: give more of the name, or the number.")
        if near := self._near(query):
            raise UserError(f"no class is called {came(query)}; did you mean {', '.join(near)}?")
        raise UserError(f"no class is called {came(query)}: the {len(self)} names go from {self[0]!r} to {self[-1]!r}.")

    def find(self, text: str) -> list[tuple[int, str]]:
        """All classes with `text` somewhere in the name, as (index, name); "" finds all."""
        return [(index, self.names[index]) for index, name in enumerate(self._plain_names) if _plain(text) in name]

    @cached_property
    def _plain_names(self) -> list[str]:
        return [_plain(name) for name in self.names]

    def _best(self, query: str) -> list[tuple[int, str]]:
        """What fits `query` at the strictest level at which anything does."""
        asked = _plain(query)
        if not asked:
            return []
        parts = self.find(asked)
        whole = [(index, name) for index, name in parts if self._plain_names[index] == asked]
        words = [(index, name) for index, name in parts if f" {asked} " in f" {self._plain_names[index]} "]
        return whole or words or parts

    def _near(self, query: str) -> list[str]:
        """Up to three names, quoted, that resemble `query` as a whole or in one word."""
        asked, words = _plain(query), dict[str, str]()
        for name, plain in zip(self.names, self._plain_names, strict=True):
            for word in (plain, *plain.split()):
                words.setdefault(word, name)
        near = get_close_matches(asked, words, n=3, cutoff=0.7)
        return [repr(name) for name in dict.fromkeys(words[word] for word in near)]

    def _checked(self, query: int) -> int:
        try:
            if isinstance(query, bool):
                raise TypeError
            number = whole_number(query)
        except TypeError:
            raise UserError(f"a class is given by its number or name, not by {came(query)}.") from None
        if not 0 <= number < len(self):
            raise UserError(
                f"class {came(number)} is not one of the {len(self)} classes: numbers go from 0 to {len(self) - 1}."
            )
        return number


class _ImageNet(Labels):
    """Read when first asked for, so that importing this module does not import torchvision."""

    def __init__(self) -> None:
        pass

    @cached_property
    def names(self) -> tuple[str, ...]:
        from torchvision.models import AlexNet_Weights

        return tuple(AlexNet_Weights.DEFAULT.meta["categories"])


#: The 1,000 classes of ImageNet (ILSVRC 2012), as torchvision's networks number and name them.
labels = _ImageNet()
