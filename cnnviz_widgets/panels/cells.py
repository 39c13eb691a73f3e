"""What the notebook tells: what a cell's previous run made, whether anyone looks, and what the user calls a thing."""

import sys
import weakref
from typing import Any

_made_by: dict[str, tuple[str, list[weakref.ref]]] = {}


def _request() -> dict:
    """The request that the kernel answers now; empty outside a notebook."""
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    return kernel.get_parent("shell") if kernel else {}


def replace_earlier(panel: Any) -> None:
    """Close the panels that an earlier run of this cell made: running a cell again must not leak them."""
    request = _request()
    cell, run = request.get("metadata", {}).get("cellId"), request.get("header", {}).get("msg_id")
    if cell is None:
        return
    earlier_run, panels = _made_by.get(cell, (run, []))
    if earlier_run != run:
        for reference in panels:
            if (old := reference()) is not None:
                old.close()
        panels = []
    _made_by[cell] = (run, [*panels, weakref.ref(panel)])


def in_callback() -> bool:
    """Whether a click or a key in a browser is being answered, and not a cell."""
    return _request().get("header", {}).get("msg_type") == "comm_msg"


def has_reader() -> bool:
    """Whether a person may be in front of this notebook: a front end lets a cell ask for input, nbconvert does not."""
    return in_callback() or bool(_request().get("content", {}).get("allow_stdin"))


def name_of(thing: Any) -> str | None:
    """The user's variable that holds this very object, if there is one."""
    from IPython import get_ipython

    shell = get_ipython()
    variables = shell.user_ns if shell else vars(sys.modules["__main__"])
    return next((name for name, value in variables.items() if value is thing and not name.startswith("_")), None)
