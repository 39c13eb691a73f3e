"""What the notebook tells: what a cell's previous run made, whether anyone looks, and what the user calls a thing."""

import sys
import weakref
from typing import Any

MOST_GONE = 8
_made_by: dict[str, tuple[str, list[weakref.ref]]] = {}


def _request() -> dict:
    """The request that the kernel answers now; empty outside a notebook."""
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    return kernel.get_parent("shell") if kernel else {}


def replace_earlier(panel: Any) -> None:
    """Close the panels that an earlier run of this cell made: running a cell again must not leak them.

    Front ends that do not name the cell are told apart by its code. Two cells may have the same, so what is on a screen
    stays; and where the code was edited, so that nothing is known, the latest ``MOST_GONE`` that have left it stay.
    """
    request = _request()
    run, code = request.get("header", {}).get("msg_id"), request.get("content", {}).get("code")
    named = request.get("metadata", {}).get("cellId")
    cell = named or code
    if cell is None:
        return
    earlier_run, references = _made_by.pop(cell, (run, []))
    if earlier_run != run:
        earlier = [one for one in (reference() for reference in references) if one is not None]
        kept = [] if named else [one for one in earlier if one.on_screen]
        for one in earlier:
            if one not in kept:
                one.close()
        references = [weakref.ref(one) for one in kept]
    _made_by[cell] = (run, [*references, weakref.ref(panel)])
    if not named:
        _close_gone()


def forget(panel: Any) -> None:
    """Let no cell close a panel that belongs to a lab: the lab closes its own."""
    for cell, (run, references) in _made_by.items():
        _made_by[cell] = (run, [reference for reference in references if reference() is not panel])


def _close_gone() -> None:
    every = [reference() for _, references in _made_by.values() for reference in references]
    gone = [one for one in every if one is not None and one.gone and name_of(one) is None]
    for one in gone[:-MOST_GONE]:
        one.close()
    for cell, (_, references) in list(_made_by.items()):
        if all(one is None or one.closed for one in (reference() for reference in references)):
            del _made_by[cell]


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
