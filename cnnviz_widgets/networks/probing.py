"""What is found out about a module in its first pass: its layers, or why they cannot be seen."""

from contextlib import suppress
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from cnnviz_widgets.networks.failures import explained, kind_of, unseen
from cnnviz_widgets.networks.layers import Layer, probe
from cnnviz_widgets.runtime import batching
from cnnviz_widgets.runtime.interrupts import guarded

OUTPUT = "output"  # the name of the only layer of a module whose inner ones cannot be seen


class Probed(NamedTuple):
    """The first pass.

    layers         in forward order; empty where they cannot be seen
    aliases        other names of layers -> name
    output         what the module returned
    unseen         why the layers cannot be seen, or None
    channels_last  whether the module takes a batch in that memory format
    """

    layers: tuple[Layer, ...]
    aliases: dict[str, str]
    output: Any
    unseen: str | None
    channels_last: bool


def first_pass(module: nn.Module, name: str, batch: Tensor) -> Probed:
    """Probe a module with a normalized batch of one picture. UserError where it does not run."""
    found = None
    with suppress(Exception):  # of a ``view`` in the module's own code, perhaps
        found = probe(module, batch.contiguous(memory_format=torch.channels_last))
    channels_last = found is not None
    try:
        layers, aliases, output = found or probe(module, batch)
    except Exception as error:
        output = _without_hooks(module, name, batch)
        return Probed((), {}, output, unseen(module, output, error), channels_last)
    return Probed(layers, aliases, output, None if layers else unseen(module, output, None), channels_last)


def whole(module: nn.Module, scores: Tensor, size: tuple[int, ...]) -> Layer:
    """A module as one layer, which gave these scores (1, outputs) to a picture of (height, width)."""
    height, width = size
    return Layer(
        name=OUTPUT,
        kind=kind_of(module),
        shape=tuple(scores.shape[1:]),
        receptive_field=(height, width),
        stride=(float(height), float(width)),
        offset=((height - 1) / 2, (width - 1) / 2),
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        block=True,
    )


def _without_hooks(module: nn.Module, name: str, batch: Tensor) -> Any:
    try:
        with guarded(torch.no_grad()):
            return module(batch)
    except Exception as error:
        size = "×".join(map(str, batch.shape[1:]))
        if batching.out_of_memory(error):
            raise batching.too_large(error, f"a pass of {name} over one picture of {size}", batch.device) from error
        raise explained(error, module, name, f"{size} (see input_size and mean)") from error
