"""Files that are written whole or not at all."""

import os

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came


def unfinished(path: str | os.PathLike) -> str:
    """The name of the file that is written first, to be renamed once it is complete.

    UserError, before any work, where none can be.
    """
    name = f"{os.fspath(path)}.part"
    if not os.fspath(path) or os.path.isdir(path):
        raise UserError(f"path must be that of a file, not {came(os.fspath(path))}.")
    try:
        with open(name, "wb"):
            pass
        os.remove(name)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UserError(f"path {came(os.fspath(path))} cannot be written ({why}).") from error
    return name
