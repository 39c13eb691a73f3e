"""The language of what is shown: ``CNNVIZ_LANG``, such as "cs". Without it, English, in which the code is written.

The code makes its sentences in English, as if there were no other language. Where they are shown, ``said`` finds the
message that a sentence was made from, "{step} of {total} pictures" for "3 of 9 pictures", and gives its translation
with the same values. What is no message stays as it is: names of layers and of classes, values, programs.

The messages are those of ``locale/*.pot``, which ``python -m tools.messages`` reads from the code; the translations are
in ``locale/<language>/*.po``.
"""

import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from gettext import c2py
from pathlib import Path
from typing import Any, NamedTuple

from cnnviz_widgets.errors import UserError

LOCALE = Path(__file__).parent / "locale"
ERRORS = "errors"  # the domain of which a language may leave out messages: they stay English
PSEUDO = "qps"  # no language: every message with accents and a third longer, which shows what was forgotten or is cut
DOMAINS = ("panels", "exercises", ERRORS)  # of the code; the others are chapters of the course
COUNT = "n"  # the value of a message that has plural forms
PLACE = re.compile(r"\{(\w+)\}")
NUMBER = r"\S*\d\S*|\([\d, ]+\)"  # "1,000", "conv5", "(3, 4)"
FEW = 4  # letters: a message with fewer, such as "{number} of {count}", is found in numbers alone
KEPT = re.compile(r"(\{\w+\}|`+[^`]*`+|\$[^$]+\$|\]\([^)]*\)+|https?:\S+)")  # what is the same in every language
SENTENCES = re.compile(r"(?<=[.!?:]) (?=[^\W\d_a-z])|(?<=\.) (?=\d)| · |, ")  # what is between several messages
SENTENCE = re.compile(r"[.!?] (?=[^\W_a-z])")  # no value has the end of one and the beginning of another
ACCENTS = str.maketrans("aceinorsuyzACEINORSUYZ", "áčéíñóřšůýžÁČÉÍÑÓŘŠŮÝŽ")


def language() -> str:
    """The language that is set; "" is English."""
    name = os.environ.get("CNNVIZ_LANG", "")
    return "" if name == "en" else name


def languages() -> list[str]:
    """Those that there are, beside English."""
    return sorted({path.parent.name for path in LOCALE.glob("*/*.po")})


def said(text: str) -> str:
    """A text as it is shown in the language that is set. UserError for a language that there is not."""
    name = language()
    return catalog(name).said(text) if name else text


class Message(NamedTuple):
    """A message with values: what its sentences look like, and the names of the values."""

    text: str
    pattern: re.Pattern
    literal: str  # its longest part without values: most sentences are no sentences of it, and this says so at once
    weight: int


class Catalog:
    """The translations of messages, each with all plural forms; ``plural`` says which one a number takes."""

    def __init__(self, messages: Mapping[str, tuple[str, ...]], plural: Callable[[int], int]) -> None:
        self._messages, self._plural = messages, plural
        self._patterns = sorted(map(_pattern, filter(PLACE.search, messages)), key=lambda one: -one.weight)
        self.said = cache(self._said)

    def _said(self, text: str) -> str:
        core = text.strip()
        if not core:
            return text
        before, _, after = text.partition(core)
        return before + self._found(core) + after

    def _found(self, text: str) -> str:
        if text in self._messages:
            return self._messages[text][0]
        for message in self._patterns:  # the one with the fewest values first: it says most
            if message.literal in text and (found := message.pattern.fullmatch(text)):
                values = found.groupdict()
                if not any(map(SENTENCE.search, values.values())):  # it is more than one message
                    return self._filled(message.text, values)
        parts = SENTENCES.split(text)
        if len(parts) == 1:
            return text
        between = [*SENTENCES.findall(text), ""]
        return "".join(self._said(part) + space for part, space in zip(parts, between, strict=True))

    def _filled(self, message: str, values: Mapping[str, str]) -> str:
        forms = self._messages[message]
        form = forms[self._plural(_whole(values[COUNT]))] if len(forms) > 1 else forms[0]
        return PLACE.sub(lambda place: self.said(values[place[1]]), form)

    def forms(self, message: str) -> tuple[str, ...] | None:
        """The translations of a message."""
        return self._messages.get(message)


@cache
def catalog(name: str, domains: tuple[str, ...] = DOMAINS) -> Catalog:
    """The messages of some domains in a language."""
    if name == PSEUDO:
        return Catalog({one: (pseudo(one),) for domain in domains for one in messages(LOCALE / f"{domain}.pot")}, int)
    if name not in languages():
        raise UserError(f"CNNVIZ_LANG must be one of {', '.join(['en', *languages()])}, not {name!r}.")
    paths = [LOCALE / name / f"{domain}.po" for domain in domains]
    rules = [read(path).plural_expr for path in paths if path.exists()]
    every = {one: forms for path in reversed(paths) for one, forms in messages(path).items() if all(forms)}
    return Catalog(every, c2py(rules[0]) if rules else int)


def messages(path: Path) -> dict[str, tuple[str, ...]]:
    """Message -> its translations in a file, which may be missing."""
    found = {}
    for one in read(path) if path.exists() else ():
        key = one.id if isinstance(one.id, str) else one.id[0]
        if key:
            found[key] = (one.string,) if isinstance(one.string, str) else tuple(one.string)
    return found


def read(path: Path) -> Any:
    """A catalog of Babel."""
    from babel.messages.pofile import read_po  # only where a language is set

    with path.open("rb") as file:
        return read_po(file, locale=None if path.suffix == ".pot" else path.parent.name, abort_invalid=True)


def pseudo(text: str) -> str:
    """A message in no language: what may be translated has accents and is a third longer."""
    parts = KEPT.split(text)
    parts[::2] = [part.translate(ACCENTS) for part in parts[::2]]
    words = "".join(parts)
    return words + "".join(" ····"[at % 5] for at in range(1, -(-len(words) // 3) + 1)).rstrip()


def _pattern(message: str) -> Message:
    parts = PLACE.split(message)
    literals, names = parts[::2], parts[1::2]
    weak = sum(map(str.isalpha, "".join(literals))) < FEW
    written = re.escape(literals[0])
    for name, after in zip(names, literals[1:], strict=True):  # a value that another one follows at once is a word
        value = NUMBER if weak or name == COUNT else r".*?" if after or name == names[-1] else r"\S*"
        written += f"(?P<{name}>{value}){re.escape(after)}"
    return Message(message, re.compile(written, re.S), max(literals, key=len), sum(map(len, literals)))


def _whole(number: str) -> int:
    """A number as it is written, as a whole one."""
    digits = re.sub(r"\D", "", number.partition(".")[0])
    return int(digits) if digits else 0
