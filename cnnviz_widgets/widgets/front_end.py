"""The files that a browser runs for a widget."""

import os
from pathlib import Path

HERE = Path(__file__).parent


def front_end(name: str) -> str | Path:
    """What ``_esm`` or ``_css`` is to be: the text of a file in this folder.

    Under ANYWIDGET_HMR=1 it is the path, so that anywidget reloads the file in the browser when it is edited. It also
    keeps every widget with a path alive for as long as Python runs: its watcher holds on to all of them.
    """
    path = HERE / name
    return path if os.environ.get("ANYWIDGET_HMR") == "1" else path.read_text(encoding="utf-8")
