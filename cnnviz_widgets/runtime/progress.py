"""A progress bar that leaves nothing behind, in a terminal and in a notebook."""

import sys
from typing import Any

LATE = 0.5  # s of work before a notebook gets a bar


def bar(**options: Any) -> Any:
    """A ``tqdm`` bar. In a notebook it is a line of text: a widget that is closed stays in the saved cell, and dead.

    Where nobody watches (nbconvert), there is none.
    """
    from tqdm import tqdm

    kernel = _kernel()
    if kernel is None:
        return tqdm(leave=False, **options)
    watched = kernel.get_parent("shell").get("content", {}).get("allow_stdin")
    options["disable"] = options.get("disable", False) or not watched
    return tqdm(leave=False, file=_Line(), ncols=80, delay=LATE, **options)


def _kernel() -> Any:
    """The notebook's kernel, or None; IPython is not imported for this."""
    shell = "IPython" in sys.modules and sys.modules["IPython"].get_ipython()
    return getattr(shell, "kernel", None)


class _Line:
    """A file that is one line of a cell's output: what is written replaces it, and nothing at all empties it."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self._handle: Any = None

    def write(self, text: str) -> None:
        from IPython.display import display

        line = text.strip("\r\n ")
        data = {"text/plain": line} if line else {}
        if self._handle is not None:
            self._handle.update(data, raw=True)
        elif line:
            self._handle = display(data, raw=True, display_id=True)

    def flush(self) -> None:
        pass
