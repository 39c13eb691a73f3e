"""Pictures of the camera of whoever looks at the notebook, which the browser asks for and scales."""

import io
from collections.abc import Sequence
from threading import Condition
from typing import Any

import numpy as np
import traitlets as t
from PIL import Image

from cnnviz_widgets.widgets.front_end import BrowserWidget, spoken
from cnnviz_widgets.widgets.traits import Number

STATES = ("off", "asked", "on", "hidden", "refused", "missing", "busy", "insecure", "failed")


class Camera(BrowserWidget):
    """A button that takes a picture, or, ``live``, starts a stream of frames.

    live       the frames are sent as they are taken, see ``take``; otherwise one picture, see ``value``
    streams    whether pictures may also come one after the other, as a new ``value`` each: see ``answer``
    followers  CSS class of what else on the page shows them
    size       px of the longer side of what is sent, 64 … 1280
    value      the picture that was taken, as an ``Upload`` has it: "name", "type" and "content"; () = none
    following  whether the last one was of a stream
    state      "off"; "asked" for permission; "on"; "hidden", while the page is out of sight, or the cell and all its
               followers; or why there is no stream: "refused", "missing", "busy" with another program, "insecure", for
               a page that is neither on https nor on localhost, "failed"

    A frame is sent only once the one before was taken, and it is then the newest: a slow kernel has no queue of old
    ones. The camera is switched off when the last view is gone. Nothing is saved with the notebook.
    """

    module = "camera.js"

    description = t.Unicode("Camera").tag(sync=True, to_json=spoken)
    tooltip = t.Unicode("A picture taken with the camera").tag(sync=True, to_json=spoken)
    live = t.Bool(False).tag(sync=True)
    streams = t.Bool(False).tag(sync=True)
    followers = t.Unicode("").tag(sync=True)
    size = Number(512, 64, 1280, whole=True).tag(sync=True)
    value = t.Tuple()
    following = t.Bool(False)
    state = t.Enum(STATES, "off")

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._frame: bytes | None = None  # the newest, until it is taken
        self._arrival = Condition()
        self.on_msg(self._receive)

    def take(self, timeout: float = 0.2) -> np.ndarray | None:
        """The next frame, (H, W, 3) uint8, once it is there; None if it was not after ``timeout`` seconds.

        The browser takes another one meanwhile. For a worker's thread: the kernel's own one receives the frames.
        """
        with self._arrival:
            self._arrival.wait_for(lambda: self._frame is not None, timeout)
            frame, self._frame = self._frame, None
        if frame is None:
            return None
        self.answer()
        with Image.open(io.BytesIO(frame)) as picture:
            return np.asarray(picture.convert("RGB"))

    def answer(self) -> None:
        """Ask for the next picture of a stream, where there is one."""
        self.send({"do": "done"})

    def _receive(self, _: Any, content: dict, buffers: Sequence[Any]) -> None:
        match content.get("do"):
            case "frame":
                with self._arrival:
                    self._frame = bytes(buffers[0])
                    self._arrival.notify()
            case "file":
                self.following = content.get("follows", False)
                entry = {"name": content["name"], "type": content["type"], "content": bytes(buffers[0])}
                self.value = (entry,)
            case "state" if content["state"] in STATES:
                self.state = content["state"]
