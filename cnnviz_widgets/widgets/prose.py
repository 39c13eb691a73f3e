"""A text with links that do something, and symbols that show which control they are."""

from collections.abc import Callable, Sequence
from typing import Any

import traitlets as t

from cnnviz_widgets.widgets.front_end import BrowserWidget


class LiveText(BrowserWidget):
    """Paragraphs and lists of sentences.

    blocks  [kind, parts] of each: kind "p" or "li", parts (words, what they do, target, tooltip); what they do is
            "" = nothing, "link" = lead to an address, "press" = tell Python the number that is the target, "point" =
            frame the elements with the class that is the target
    where   CSS class of the element in which ``point`` looks

    Buttons are reached with Tab. `code`, *emphasis* and **strong** words are typeset.
    """

    module = "prose.js"

    blocks: t.List = t.List().tag(sync=True)
    where = t.Unicode("").tag(sync=True)

    def __init__(self, blocks: Sequence[Any], where: str, pressed: Callable[[int], None]) -> None:
        super().__init__(blocks=list(blocks), where=where)
        self._pressed = pressed
        self.on_msg(self._receive)

    def _receive(self, _: Any, message: dict, __: Any) -> None:
        if isinstance(number := message.get("press"), int):
            self._pressed(number)
