"""The strip under a panel: what it is doing, how far it is, how to stop it, what went wrong, and the code for it."""

import threading
from collections.abc import Callable
from typing import Any

import traitlets as t

from cnnviz_widgets.widgets.front_end import BrowserWidget, spoken
from cnnviz_widgets.widgets.traits import Number

STATES = ("idle", "running", "stopping", "done", "stopped", "failed")


class RunBar(BrowserWidget):
    """State, progress, Stop, Pin, Reset, Settings, Code.

    state       one of STATES; Stop is enabled while "running"
    progress    0…1; the bar appears after half a second of running
    remaining   seconds, or None if not known
    message     one line in place of the state's own word
    note        a line that stays
    error       one plain sentence, shown as long as it is not empty
    details     the traceback, folded away under the error
    settings    how many controls the next widget holds, which is in sight only while ``settings_shown``; 0 = no button
    pinned      whether the button Pin is down
    code        the call that draws what is on the screen; shown with a Copy button while ``code_shown``

    ``on_action(handler)`` calls ``handler("stop" | "pin" | "reset" | "code")``. The browser sends only messages and
    never sets a trait, so a worker thread may report its progress here.
    """

    module = "run_bar.js"

    state = t.Enum(STATES, "idle").tag(sync=True)
    progress = Number(0.0, 0, 1).tag(sync=True)
    remaining = t.Float(None, allow_none=True).tag(sync=True)
    message = t.Unicode("").tag(sync=True, to_json=spoken)
    note = t.Unicode("").tag(sync=True, to_json=spoken)
    error = t.Unicode("").tag(sync=True, to_json=spoken)
    details = t.Unicode("").tag(sync=True)
    settings = t.Int(0).tag(sync=True)
    settings_shown = t.Bool(False).tag(sync=True)
    pinned = t.Bool(False).tag(sync=True)
    code = t.Unicode("").tag(sync=True)
    code_shown = t.Bool(False).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._writing = threading.Lock()  # two threads in one widget's hold_sync would trip over each other
        self._handlers: list[Callable[[str], None]] = []
        self.on_msg(self._receive)

    def tell(self, **traits: Any) -> None:
        """Set several traits in one message, from any thread."""
        with self._writing, self.hold_sync():
            for name, value in traits.items():
                setattr(self, name, value)

    def on_action(self, handler: Callable[[str], None]) -> None:
        """Call ``handler(name)`` when Stop, Pin, Reset or Code is pressed; ``code_shown`` has changed by then."""
        self._handlers.append(handler)

    def _receive(self, _: Any, message: dict, __: Any) -> None:
        if message.get("do") == "settings":
            self.tell(settings_shown=bool(message["shown"]))
        if message.get("do") in ("stop", "pin", "reset", "code"):
            if message["do"] == "code":
                self.tell(code_shown=bool(message["shown"]))
            for handler in self._handlers:
                handler(message["do"])
