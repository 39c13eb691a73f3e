"""A row of buttons that look like those of the run bar. A press may be answered with a file."""

from collections.abc import Callable, Mapping
from typing import Any

import traitlets as t

from cnnviz_widgets.widgets.front_end import BrowserWidget, described


class Actions(BrowserWidget):
    """Buttons: name -> (what is written on it, what its tooltip says).

    asleep  names of buttons that do nothing now

    The browser sends only messages and never sets a trait, so a worker thread may set ``asleep``.
    """

    module = "actions.js"

    _buttons = t.List(t.List(t.Unicode())).tag(sync=True, to_json=described)
    asleep = t.Tuple().tag(sync=True)

    def __init__(self, buttons: Mapping[str, tuple[str, str]]) -> None:
        super().__init__(_buttons=[[name, *words] for name, words in buttons.items()])
        self._handlers: list[Callable[[str], None]] = []
        self.on_msg(self._receive)

    def on_action(self, handler: Callable[[str], None]) -> None:
        """Call ``handler(name)`` when a button that is not asleep is pressed."""
        self._handlers.append(handler)

    def write(self, name: str, words: str) -> None:
        """Write something else on a button."""
        self._buttons = [[one, words if one == name else said, tooltip] for one, said, tooltip in self._buttons]

    def give(self, name: str, kind: str, content: bytes) -> None:
        """Let the browser save a file, such as ``give("goose.png", "image/png", …)``."""
        self.send({"do": "file", "name": name, "kind": kind}, [content])

    def _receive(self, _: Any, message: dict, __: Any) -> None:
        pressed = message.get("do", "")
        if pressed in [name for name, *_ in self._buttons] and pressed not in self.asleep:
            for handler in self._handlers:
                handler(pressed)
