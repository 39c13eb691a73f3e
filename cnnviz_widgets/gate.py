"""One gate for everything public: every argument is of the kind that the signature says, or one sentence tells it.

``@gate`` reads the annotations of a function once, when it is first called. What an annotation allows is a ``Kind``:
whole and finite numbers, words (``Literal``), lists, functions and classes are known here; the other packages add their
own, such as a Network, which may be given as a module or a name, and a picture, given in any form (``know``).
``Annotated[int, Range(1)]`` adds the range, ``Annotated[…, "words"]`` says what is allowed in better words, and
``Annotated[…, OWN]`` leaves it all to the function, as is what depends on other arguments: see ``methods/checks.py``.
"""

import collections.abc
import inspect
import math
import operator
import reprlib
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import reduce, wraps
from numbers import Real
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, cast, get_args, get_origin

from cnnviz_widgets import renamed
from cnnviz_widgets.errors import UserError, naming

F = TypeVar("F", bound=Callable | type)

NO = object()  # what a kind answers to a value that is not of it
OWN = object()  # in an annotation: the function has checks and sentences of its own


class Range(NamedTuple):
    """Of a number, in an annotation: least and most are allowed, ``above`` is not. None = without end."""

    least: float | None = None
    most: float | None = None
    above: float | None = None

    def missed(self, number: float) -> str | None:
        """What is asked of a number that is not within; None if it is."""
        if self.above is not None and not number > self.above:
            return f"above {self.above:g}"
        if self.least is not None and not number >= self.least:
            return f"at least {self.least}"
        return f"at most {self.most}" if self.most is not None and not number <= self.most else None


Positive = Annotated[int, Range(1)]
Count = Annotated[int, Range(0)]
Seed = Annotated[int, Range(0, 2**63 - 1)]
Share = Annotated[float, Range(0, 1)]
Rate = Annotated[float, Range(0, 1e6)]  # of learning, and other steps and weights that float32 must hold


class Kind(NamedTuple):
    """What an annotation allows.

    allowed  in words, as they end the sentence "size must be …"
    take     name and value of an argument → the value as the function wants it, or NO
    missed   value → what it misses, where that is less to say than all that is allowed
    """

    allowed: str
    take: Callable[[str, Any], Any]
    missed: Callable[[Any], str | None] = lambda value: None


def gate(function: F) -> F:
    """The function, or the class by its constructor, which takes nothing but what its annotations allow.

    UserError names the argument, what came and what is allowed. Arguments that are too many, missing or unknown remain
    Python's own TypeError.
    """
    if isinstance(function, type):
        function.__init__ = gate(function.__init__)  # type: ignore[misc]  # of this very class
        return function
    plan: _Plan | None = None

    @wraps(function)
    def gated(*args: Any, **kwargs: Any) -> Any:
        nonlocal plan
        plan = plan or _Plan(function)
        args, kwargs = plan.taken(args, kwargs)
        return function(*args, **kwargs)

    return cast(F, gated)


def know(hint: Any, allowed: str, take: Callable[[str, Any], Any]) -> None:
    """Let ``hint`` in annotations mean a kind of one's own. What ``take`` raises is told with the argument's name."""

    def named(name: str, value: Any) -> Any:
        with naming(name):
            return take(name, value)

    _KNOWN[hint] = Kind(allowed, named)


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
        if not kwargs.keys() <= self.named.keys():
            kwargs = renamed.arguments(kwargs, self.named)
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
        return f"{name} must be {wanted.missed(value) or wanted.allowed}, not {came(value)}."


def kind(hint: Any) -> Kind | None:
    """What an annotation allows; None = anything."""
    if isinstance(hint, collections.abc.Hashable) and hint in _KNOWN:
        return _KNOWN[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return reduce(_annotated, inner[1:], kind(inner[0]))
    if origin is Literal:
        return _word(inner)
    if origin in (Union, UnionType):
        return _either(inner)
    if origin is tuple:
        return _several(inner[0]) if inner[-1] is Ellipsis else _tuple([kind(one) for one in inner])
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


def _annotated(plain: Kind | None, more: Any) -> Kind | None:
    if more is OWN or plain is None:
        return None
    if isinstance(more, str):
        return Kind(more, plain.take)
    if not isinstance(more, Range):
        return plain

    def take(name: str, value: Any) -> Any:
        number = plain.take(name, value)
        return NO if number is NO or more.missed(number) else number

    def missed(value: Any) -> str | None:
        number = plain.take("", value)
        text = None if number is NO else more.missed(number)
        return text and (text if text.startswith("above") else f"{words} {text}")

    words = plain.allowed.replace("finite ", "")
    if more.least is not None and more.most is not None:
        if words == "a number":
            return Kind(f"{words} {more.least:g}…{more.most:g}", take)
        return Kind(f"{words} from {more.least} to {more.most}", take, missed)
    return Kind(f"{words} {more.missed(-math.inf) or more.missed(math.inf)}", take, missed)


def _word(words: tuple) -> Kind:
    def take(name: str, value: Any) -> Any:
        value = renamed.word(value, words)
        return value if isinstance(value, str) and value in words else NO

    return Kind(f"one of {', '.join(map(repr, words))}", take)


def _either(hints: tuple) -> Kind | None:
    kinds = [one for one in map(kind, hints) if one is not None]
    if len(kinds) < len(hints):
        return None
    for at, one in enumerate(hints):  # a list of what may also come alone need not be told twice
        if get_origin(one) is Sequence and {get_args(one)[0], *get_args(get_args(one)[0])} & {*hints}:
            kinds[at] = Kind("a list of these", kinds[at].take)

    def take(name: str, value: Any) -> Any:
        return next((taken for one in kinds if (taken := one.take(name, value)) is not NO), NO)

    *first, final = dict.fromkeys(one.allowed for one in kinds)
    return Kind(f"{', '.join(first)} or {final}" if first else final, take)


def _several(hint: Any) -> Kind:
    """A list, a tuple, an array, or what else has entries by number; each is of a kind."""
    each = kind(hint)

    def take(name: str, value: Any) -> Any:
        listed = _listed(value)
        if listed is NO or each is None:
            return NO if listed is NO else value
        entries = listed if isinstance(listed, list | tuple) else listed[:1] if hasattr(listed, "ndim") else ()
        return NO if any(each.take(name, one) is NO for one in entries) else value

    return Kind(f"a list of which each is {each.allowed if each else 'a value'}", take)


def _tuple(kinds: list[Kind | None]) -> Kind:
    """So many entries, each of its own kind."""

    def take(name: str, value: Any) -> Any:
        listed = _listed(value)
        if listed is NO or len(listed) != len(kinds):
            return NO
        return NO if any(one and one.take(name, each) is NO for one, each in zip(kinds, listed, strict=True)) else value

    return Kind(f"({', '.join(one.allowed if one else 'a value' for one in kinds)})", take)


def _listed(value: Any) -> Any:
    """With the entries of arrays as plain numbers; NO for what is no list."""
    if isinstance(value, str | bytes | bytearray | memoryview | Mapping):
        return NO
    axes = getattr(value, "ndim", None)
    if axes is None:
        return value if hasattr(value, "__len__") and hasattr(value, "__getitem__") else NO
    if getattr(value, "is_meta", False) or not axes:
        return NO
    return value.tolist() if axes == 1 else value


def _of_class(wanted: type, inner: tuple) -> Kind | None:
    if wanted in (collections.abc.Sequence, list):
        return _several(inner[0] if inner else Any)
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
