"""One gate for everything public: every argument is of the kind that the signature says, or one sentence tells it.

``@gate`` reads the annotations of a function once, when it is first called. What an annotation allows is a ``Kind``:
whole and finite numbers, words (``Literal``), lists, functions and classes are known here; the other packages add their
own, such as a Network, which may be given as a module or a name, and a picture, given in any form (``know``).
Ranges, and what depends on other arguments, are the function's own business: see ``methods/checks.py``.
"""

import collections.abc
import inspect
import math
import operator
import reprlib
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from numbers import Real
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

from cnnviz_widgets.errors import UserError

F = TypeVar("F", bound=Callable | type)

NO = object()  # what a kind answers to a value that is not of it


class Kind(NamedTuple):
    """What an annotation allows.

    allowed  in words, as they end the sentence "size must be …"
    take     name and value of an argument → the value as the function wants it, or NO
    """

    allowed: str
    take: Callable[[str, Any], Any]


def gate(function: F) -> F:
    """The function, or the class by its constructor, which takes nothing but what its annotations allow.

    UserError names the argument, what came and what is allowed. Arguments that are too many, missing or unknown remain
    Python's own TypeError.
    """
    if isinstance(function, type):
        function.__init__ = gate(function.__init__)
        return function
    plan: _Plan | None = None

    @wraps(function)
    def gated(*args: Any, **kwargs: Any) -> Any:
        nonlocal plan
        plan = plan or _Plan(function)
        args, kwargs = plan.taken(args, kwargs)
        return function(*args, **kwargs)

    return gated


def know(hint: Any, allowed: str, take: Callable[[str, Any], Any]) -> None:
    """Let ``hint`` in annotations mean a kind of one's own."""
    _KNOWN[hint] = Kind(allowed, take)


def came(value: Any) -> str:
    """What came, in words that are short however large it is."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"a {type(value).__name__} of shape {tuple(value.shape)} and type {value.dtype}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, _WRITTEN):
        try:
            return _SHORT.repr(value)
        except ValueError:  # more digits than Python writes
            return "a number that is too long to be written"
    return f"a {type(value).__name__}"


_WRITTEN = (int, float, complex, str, bytes, NoneType, list, tuple, dict, set, frozenset, range)
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


class _Plan:
    """The kinds of a function's arguments."""

    def __init__(self, function: Callable) -> None:
        hints = typing.get_type_hints(function, include_extras=True)
        parameters = inspect.signature(function).parameters.values()
        self.function = function.__name__
        self.kinds = {one.name: kind(hints.get(one.name, Any)) for one in parameters}
        self.positional = [
            (one.name, self.kinds[one.name]) for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD
        ]
        self.more = next(
            ((one.name, self.kinds[one.name]) for one in parameters if one.kind is one.VAR_POSITIONAL), None
        )
        named = {one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
        self.named = {name: self.kinds[name] for name in named}

    def taken(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """The arguments as the function wants them."""
        given = [(name, kind, value) for (name, kind), value in zip(self.positional, args, strict=False)]
        rest = args[len(given) :]
        if self.more:
            given += [(*self.more, value) for value in rest]
            rest = ()
        asked = [(name, self.named.get(name), value) for name, value in kwargs.items()]
        values = []
        for name, one, value in (*given, *asked):
            if one is not None and (taken := one.take(name, value)) is NO:
                raise UserError(self._sentence(name, one, value, [*given, *asked]))
            values.append(value if one is None else taken)
        return (*values[: len(given)], *rest), dict(zip(kwargs, values[len(given) :], strict=True))

    def _sentence(self, name: str, wanted: Kind, value: Any, given: list[tuple[str, Kind | None, Any]]) -> str:
        for other, kind, came_there in given:
            if other == name or kind is None or kind.take(other, came_there) is not NO:
                continue
            if kind.take(other, value) is not NO and wanted.take(name, came_there) is not NO:
                order = ", ".join(one for one, _ in self.positional if one != "self")
                return f"{name} and {other} are swapped: the order is {self.function}({order})."
        return f"{name} must be {wanted.allowed}, not {came(value)}."


def kind(hint: Any) -> Kind | None:
    """What an annotation allows; None = anything."""
    if isinstance(hint, collections.abc.Hashable) and hint in _KNOWN:
        return _KNOWN[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return kind(inner[0])
    if origin is Literal:
        return _word(inner)
    if origin in (Union, UnionType):
        return _either(inner)
    if origin is tuple:
        return _several(inner[0], None) if inner[-1] is Ellipsis else _several(inner[0], len(inner))
    if isinstance(origin or hint, type):
        return _of_class(origin or hint, inner)
    return None


def _whole(name: str, value: Any) -> Any:
    if type(value) is int:
        return value
    try:
        return NO if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return NO


def _finite(name: str, value: Any) -> Any:
    if type(value) is float:
        return value if math.isfinite(value) else NO
    if not isinstance(value, Real) and getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()  # of an array or a tensor without axes
    if isinstance(value, bool) or not isinstance(value, Real):
        return NO
    try:
        return value if math.isfinite(value) else NO
    except OverflowError:  # a whole number that no float can hold
        return NO


def _truth(name: str, value: Any) -> Any:
    return bool(value) if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool") else NO


def _word(words: tuple) -> Kind:
    take = lambda name, value: value if isinstance(value, str) and value in words else NO  # noqa: E731
    return Kind(f"one of {', '.join(map(repr, words))}", take)


def _either(hints: tuple) -> Kind | None:
    kinds = [kind(one) for one in hints]
    for at, one in enumerate(hints):  # a list of what may also come alone need not be told twice
        if get_origin(one) is Sequence and {get_args(one)[0], *get_args(get_args(one)[0])} & {*hints}:
            kinds[at] = Kind("a list of these", kinds[at].take)
    if None in kinds:
        return None

    def take(name: str, value: Any) -> Any:
        return next((taken for one in kinds if (taken := one.take(name, value)) is not NO), NO)

    *first, final = dict.fromkeys(one.allowed for one in kinds)
    return Kind(f"{', '.join(first)} or {final}" if first else final, take)


def _several(hint: Any, count: int | None) -> Kind:
    """A list, a tuple, an array; each of its entries is of a kind."""
    each = kind(hint)

    def take(name: str, value: Any) -> Any:
        array = getattr(value, "ndim", 0) > 0
        if isinstance(value, str | bytes | bytearray | memoryview | Mapping):
            return NO
        if not (isinstance(value, Sequence) or array or (hasattr(value, "__len__") and hasattr(value, "__getitem__"))):
            return NO
        if count is not None and len(value) != count:
            return NO
        listed = value.tolist() if array and value.ndim == 1 and not getattr(value, "is_meta", False) else value
        known = each is not None and isinstance(listed, list | tuple)
        return NO if known and any(each.take(name, one) is NO for one in listed) else value

    what = each.allowed if each else "values"
    return Kind(f"a list of which each is {what}" if count is None else f"{count} of which each is {what}", take)


def _of_class(wanted: type, inner: tuple) -> Kind | None:
    if wanted in (collections.abc.Sequence, list):
        return _several(inner[0] if inner else Any, None)
    if wanted is collections.abc.Callable:
        return Kind("a function", lambda name, value: value if callable(value) else NO)
    if wanted is object or (
        getattr(wanted, "_is_protocol", False) and not getattr(wanted, "_is_runtime_protocol", False)
    ):
        return None
    if wanted in (collections.abc.Iterable, collections.abc.Iterator, collections.abc.Collection):
        text = lambda value: isinstance(value, str | bytes)  # noqa: E731
        return Kind(
            "a list of several", lambda name, value: value if isinstance(value, wanted) and not text(value) else NO
        )
    name = wanted.__name__
    article = "an" if name[0] in "AEIOU" else "a"
    return Kind(f"{article} {name}", lambda _, value: value if isinstance(value, wanted) else NO)


_KNOWN: dict[Any, Kind | None] = {
    Any: None,
    int: Kind("a whole number", _whole),
    float: Kind("a finite number", _finite),
    bool: Kind("True or False", _truth),
    str: Kind("a string", lambda name, value: value if isinstance(value, str) else NO),
    NoneType: Kind("None", lambda name, value: value if value is None else NO),
    None: Kind("None", lambda name, value: value if value is None else NO),
}
