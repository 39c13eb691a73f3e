"""A panel as the output of a cell: whether it is on a screen, and the picture of it that is saved with the notebook."""

import base64
from collections.abc import Callable
from typing import Any

import traitlets as t

from cnnviz_widgets.widgets.front_end import BrowserWidget


class CellOutput(BrowserWidget):
    """Stands unseen in a panel.

    settled    counts how often what the panel shows has come to an end; a second after the last time, the browser asks
               for a picture, which it puts into the notebook that is open, so that it is saved with it
    on_screen  whether a browser shows the panel;   seen   whether one ever did

    A panel in a box, or in a page that is loaded again, learns only from its views that it is on the screen.
    """

    module = "cell_output.js"

    settled = t.Int(0).tag(sync=True)

    def __init__(self, shown: Callable[[], None], wanted: Callable[[], None]) -> None:
        """``shown()`` is called for every view that appears, ``wanted()`` when the browser asks for a picture."""
        super().__init__(layout={"display": "none"})  # it takes no room
        self._shown, self._wanted = shown, wanted
        self._views: set[str] = set()
        self.seen = False
        self.on_msg(self._receive)

    @property
    def on_screen(self) -> bool:
        return bool(self._views)

    def give(self, output: str, picture: bytes, alt: str) -> None:
        """Put a PNG, and what is in it, into every output of the notebook that shows the widget of this model id."""
        self.send({"do": "keep", "output": output, "picture": base64.b64encode(picture).decode(), "alt": alt})

    def _receive(self, _: Any, message: dict, __: Any) -> None:
        match message.get("do"):
            case "shown":
                self._views.add(message["view"])
                self.seen = True
                self._shown()
            case "gone":
                self._views.discard(message["view"])
            case "picture":
                self._wanted()
