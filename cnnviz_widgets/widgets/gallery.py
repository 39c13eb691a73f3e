"""A page of cards, of which one can be opened."""

from collections.abc import Sequence
from typing import Any

import traitlets as t

from cnnviz_widgets.language import said
from cnnviz_widgets.widgets.front_end import BrowserWidget, spoken

SAID = ("group", "title", "line", "note")  # of a card, in the language that is set


def _to_json(cards: list[dict[str, Any]], _: Any) -> list[dict[str, Any]]:
    return [card | {name: said(card[name]) for name in SAID} for card in cards]


class Gallery(BrowserWidget):
    """Cards in groups, with a field that searches them. An open one leaves a line with the way back and to the next.

    cards   dicts of strings: "name", unlike all others; "group", "title", "line", "note"; "words", which are searched,
            too; and "picture", the bytes of a WebP file, or b"" where there is none
    opened  name of the open card, or ""; what belongs to it is shown by whoever observes it
    error   one plain sentence, shown as long as it is not empty
    label   says to a screen reader what the cards are

    Tab goes to the cards, the arrow keys, Home and End from one to another, Enter opens one, Escape leads back.
    """

    module = "gallery.js"

    cards = t.List(t.Dict()).tag(sync=True, to_json=_to_json)
    opened = t.Unicode("").tag(sync=True)
    error = t.Unicode("").tag(sync=True, to_json=spoken)
    label = t.Unicode("").tag(sync=True, to_json=spoken)

    def __init__(self, cards: Sequence[dict[str, Any]], label: str) -> None:
        super().__init__(cards=list(cards), label=label)

    @t.validate("opened")
    def _one_of_them(self, proposal: dict) -> str:
        return proposal["value"] if proposal["value"] in [card["name"] for card in self.cards] else ""
