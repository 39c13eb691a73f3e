"""A button that takes a picture file from the user's disk, however large it is."""

from typing import Any

import traitlets as t

from cnnviz_widgets.widgets.front_end import BrowserWidget, spoken


class Upload(BrowserWidget):
    """Opens the browser's file dialog; a file may also be dropped onto it.

    A front end drops the connection when a message is larger than 10 MiB, as a photograph can be. So the browser
    scales what is larger than a few megabytes, and says so beside the button.

    value   one entry for the file that came last: "name", "type", "content", and "scaled", (height, width), where the
            browser made it smaller; or "name" and "error", a sentence. () = none. It stays in Python: the file is not
            saved with the notebook
    """

    module = "upload.js"

    description = t.Unicode("Upload …").tag(sync=True, to_json=spoken)
    tooltip = t.Unicode("").tag(sync=True, to_json=spoken)
    value = t.Tuple()

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_msg(self._receive)

    def _receive(self, _: Any, content: dict, buffers: list) -> None:
        if content.get("do") != "file":
            return
        entry = {key: content[key] for key in ("name", "type", "error") if content.get(key)}
        if content.get("scaled"):
            entry["scaled"] = tuple(content["scaled"])
        if buffers:
            entry["content"] = bytes(buffers[0])
        self.value = (entry,)
