"""Checks of arguments that several methods share."""

import operator
from typing import Any

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came


def whole_number(name: str, value: Any, least: int, most: int | None = None, where: str = "") -> int:
    """``value`` as an int; UserError unless it is a whole number from ``least`` to ``most``."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or (most is not None and number > most):
        allowed = f"at least {least}" if most is None else f"from {least} to {most}"
        raise UserError(f"{name} must be a whole number {allowed}{where and ' ' + where}, not {came(value)}.")
    return number
