"""The names of a network's classes, in the order of its outputs, from whatever a user has them in."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.pictures.labels import Labels

_MOST = 1_000_000  # names
_SHOWN = 5
_TWICE_IN_IMAGENET = {"crane", "maillot", "cardigan"}  # common lists of its 1,000 classes have these two times


def class_names(given: Any) -> Labels:
    """The names in the order of the outputs.

    given  a list of names; a dictionary {number: name} or {"number": name}; a ``class_to_idx``, {name: number}; or a
           dataset with ``classes``, such as an ``ImageFolder``, also a ``Subset`` or loader of one. A name may be a
           list of synonyms, of which the first counts, after a WordNet id
    Raises UserError for a set, which has no order, for numbers left out, and for a name that is missing or comes twice.
    """
    if isinstance(given, Labels):
        return given
    names = _of_dataset(given)
    if isinstance(names, Mapping):
        names = _by_number(names)
    if isinstance(names, set | frozenset):
        raise UserError(
            f"classes must be in the order of the outputs, and a {type(names).__name__} has none: give a list."
        )
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise UserError(
            f"classes must be a list of names, a dictionary or a dataset that has classes, not {given!r:.60}."
        )
    names = [_first(name) for name in islice(names, _MOST)]
    if missing := [number for number, name in enumerate(names) if name is None]:
        raise UserError(f"classes must all have a name: there is None for {_listed(missing)}.")
    labels = Labels(names)
    twice = [name for name, times in Counter(labels).items() if times > 1]
    if twice and not (len(labels) == 1000 and {name.casefold() for name in twice} <= _TWICE_IN_IMAGENET):
        raise UserError(f"classes must have different names: there are several {_listed(twice)}.")
    return labels


def _of_dataset(given: Any) -> Any:
    """The names or {name: number} of a dataset, of the one that a subset or loader is made of; else what was given."""
    found = given
    for _ in range(8):
        if not hasattr(found, "classes") and hasattr(found, "dataset"):
            found = found.dataset
    names, numbers = getattr(found, "classes", given), getattr(found, "class_to_idx", None)
    if not (isinstance(numbers, Mapping) and isinstance(names, Sequence) and len(numbers) == len(names)):
        return names
    every = all(isinstance(name, str) and name in numbers for name in names)
    return numbers if every else names  # labels come from the numbers, whatever the order of the names


def _by_number(names: Mapping) -> list:
    """Of {number: name} or {name: number} the names, from number 0 on."""
    turned = all(_number(value) is not None and not isinstance(value, str) for value in names.values())
    pairs = [(_number(value), key) if turned else (_number(key), value) for key, value in names.items()]
    if wrong := [key for key, (number, _) in zip(names, pairs, strict=True) if number is None]:
        raise UserError(
            f"classes must be {{number: name}} or {{name: number}}, but there is no number for {_listed(wrong)}."
        )
    named = {number: name for number, name in pairs if number is not None}
    if twice := [number for number, times in Counter(number for number, _ in pairs).items() if times > 1]:
        raise UserError(f"classes must have one name each: there are several for {_listed(twice)}.")
    if missing := [number for number in range(len(pairs)) if number not in named]:
        raise UserError(
            f"classes must be numbered from 0 to {len(pairs) - 1} without a gap: there is no name for "
            f"{_listed(missing)}, and the numbers go from {min(named)} to {max(named)}."
        )
    return [named[number] for number in range(len(pairs))]


def _number(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"\s*\d+\s*", value, re.ASCII) else None
    try:
        return value.__index__()
    except (AttributeError, TypeError):
        return None


def _first(name: Any) -> Any:
    """The first of several synonyms."""
    if not isinstance(name, list | tuple):
        return name
    return next((one for one in name if not re.fullmatch(r"n\d{8}", str(one))), None)


def _listed(some: list) -> str:
    more = f" and {len(some) - _SHOWN} more" if len(some) > _SHOWN else ""
    return f"{', '.join(f'{one!r:.40}' for one in some[:_SHOWN])}{more}"
