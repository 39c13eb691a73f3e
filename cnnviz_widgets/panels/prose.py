"""A text beside a panel that drives it: links set what the panel shows, and symbols point at its controls."""

import ast
import re
from typing import Any

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import gate
from cnnviz_widgets.language import said
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.widgets.prose import LiveText

LINK = re.compile(r"\[([^\]]+)\]\(((?:[^()]|\([^()]*\))*)\)")  # [words](target); a target may hold (pairs)
SETTING = re.compile(r"\s*(\w+)\s*=\s*(.*?)\s*(?=,\s*\w+\s*=|$)", re.S)  # name=value, up to the next one
NAME = re.compile(r"\w+")


@gate
def prose(panel: Panel, text: str) -> "Prose":
    """A text whose links drive a panel.

    panel  a panel, displayed in the next cell, say
    text   Markdown: paragraphs, lists of ``- …``, ``code``, *emphasis*, **strong** words, and links of three kinds:
           ``[a small square](size=16, fill=black)`` is a button that sets these settings of the panel, or of its
           session; ``[*s*](size)`` points at the control of one; ``[chapter 07](07-saliency.ipynb)`` leads there
    Returns a widget. Where no browser draws it, a notebook shows it as text.
    Raises UserError for a setting that the panel does not have. A value that it does not take is told in the panel when
    the link is pressed: it may depend on the network.

        panel = panels.Occlusion("mini", "chelsea")
        prose(panel, "Cover the cat with [a small square](size=16), then with [a large one](size=64).")
    """
    return Prose(panel, text)


class Prose(LiveText):
    """See ``prose``."""

    def __init__(self, panel: Panel, text: str) -> None:
        self.panel, self.text = panel, "\n".join(line.strip() for line in text.strip().splitlines())
        self._settings: list[dict[str, Any]] = []  # of each link that sets some
        blocks = [[kind, self._parts(words)] for kind, words in _blocks(self.text)]
        where = f"cnnviz-of-{panel.model_id}"
        panel.add_class(where)
        super().__init__(blocks, where, self.press)

    def press(self, number: int) -> None:
        """What the link with this number does, from 0."""
        self.panel.guarded(lambda _: self._set(self._settings[number]))(None)

    @property
    def links(self) -> int:
        """Number of links that set something."""
        return len(self._settings)

    def _set(self, settings: dict[str, Any]) -> None:
        self.panel.apply(settings)
        self.panel.complain(None)

    def _parts(self, words: str) -> list[list[str]]:
        """(words, what they do, target, tooltip) of a block, in its order."""
        parts, end = [], 0
        for link in LINK.finditer(words):
            if link.start() > end:
                parts.append([words[end : link.start()], "", "", ""])
            parts.append(self._link(*link.groups()))
            end = link.end()
        return [*parts, [words[end:], "", "", ""]] if end < len(words) else parts

    def _link(self, words: str, target: str) -> list[str]:
        if NAME.fullmatch(target):
            self._known(target)
            return [words, "point", self._control(target), said(f"Shows the control of {target}")]
        found = dict(SETTING.findall(target))
        if not found:
            return [words, "link", target, ""]
        self._known(*found)
        self._settings.append({name: _value(value) for name, value in found.items()})
        return [words, "press", str(len(self._settings) - 1), ", ".join(f"{k} = {v}" for k, v in found.items())]

    def _known(self, *names: str) -> None:
        try:
            self.panel.check_settings(names)
        except TypeError as error:
            raise UserError(f"text: {error}") from error

    def _control(self, setting: str) -> str:
        """The CSS class of the controls of a setting."""
        name = f"cnnviz-sets-{setting}"
        found = [one for key, one in self.panel.controls.items() if setting in (key, getattr(one, "chooses", None))]
        if not found:
            raise UserError(f"text: {type(self.panel).__name__} has no control of {setting!r} to point at.")
        for control in found:
            control.add_class(name)
        return name

    def __repr__(self) -> str:
        return f"Prose({type(self.panel).__name__}: {self.links} links)"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle: Any = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle
        return data | {"text/markdown": LINK.sub(_plain, self.text)}, metadata


def _blocks(text: str) -> list[tuple[str, str]]:
    """("p" or "li", words) of each paragraph and of each entry of a list."""
    blocks: list[tuple[str, str]] = []
    for paragraph in re.split(r"\n\s*\n", text):
        for line in re.split(r"\n(?=- )", paragraph):
            kind = "li" if line.startswith("- ") else "p"
            blocks.append((kind, " ".join(line.removeprefix("- ").split("\n"))))
    return blocks


def _value(text: str) -> Any:
    """A number, True, a list … as Python writes it; else the words as they are."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _plain(link: re.Match) -> str:
    """A link as it is read where nothing can be pressed."""
    words, target = link.groups()
    if NAME.fullmatch(target):
        return words
    return f"**{words}**" if SETTING.match(target) else link[0]
