"""Checks of arguments that several methods share."""

import operator
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from cnnviz_widgets.errors import UserError, naming
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


@contextmanager
def somebodys(argument: str) -> Iterator[None]:
    """Around a function that was given: what it raises is told in one sentence, and is the cause of the UserError.

    Too little memory stays what it is: whoever called may do with less.
    """
    try:
        with naming(argument):
            yield
    except (UserError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        said = " ".join(str(error).split())
        said = f"{said[:200]}…" if len(said) > 200 else said or "no reason given"
        raise UserError(f"{argument} failed when it was called: {type(error).__name__}: {said}") from error
