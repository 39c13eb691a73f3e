"""Checks of arguments that several methods share."""

import operator
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import came
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.networks.layers import convolutions

AnyLayers = str | Layer | nn.Module | Sequence[str | Layer | nn.Module] | None


def whole_number(name: str, value: Any, least: int, most: int | None = None, where: str = "") -> int:
    """``value`` as an int; UserError unless it is a whole number from ``least`` to ``most``."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    place = where and f" {where}"
    if most is None and number < least:
        raise UserError(f"{name} must be a whole number at least {least}{place}, not {came(value)}.")
    if most is not None and not least <= number <= most:
        raise UserError(f"{name} must be a whole number from {least} to {most}{place}, not {came(value)}.")
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


def several_layers(network: Network, layers: AnyLayers) -> list[Layer]:
    """One or several, in the order of the network; None = every convolution."""
    if layers is None:
        return convolutions(network.layers) or [network.default_layer]
    several = [layers] if isinstance(layers, str | Layer | nn.Module) else layers
    found = [*{layer.name: layer for layer in map(network.layer, several)}.values()]
    if not found:
        raise UserError("layers must be one or several, not an empty list.")
    order = {layer.name: number for number, layer in enumerate(network.layers)}
    return sorted(found, key=lambda layer: order[layer.name])
