"""One forward pass through a module: the values of layers are taken on the way, and the module stays as it is."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any

import torch
from torch import Tensor, nn

from cnnviz_widgets.networks.held import EveryPartRuns, held
from cnnviz_widgets.networks.layers import Layer, hooked
from cnnviz_widgets.runtime.device import callers_modes_off, computing, exact_if_asked
from cnnviz_widgets.runtime.interrupts import guarded

Pass = tuple[Tensor | None, dict[str, Tensor]]  # scores, values by layer


class _Enough(BaseException):
    """Ends a pass at the deepest layer. Not an Exception, so that no module catches it."""


def lock(module: nn.Module, device: torch.device) -> AbstractContextManager:
    """The module for one thread, in evaluation mode, in the precision that was asked for; see ``Network.lock``."""
    return guarded(held(module), exact_if_asked(device), *callers_modes_off(device))


def forward(
    module: nn.Module,
    batch: Tensor,
    layers: Mapping[str, Layer],
    device: torch.device,
    *,
    to_output: bool,
    grad: bool,
    grad_from: str | None,
    cast: bool,
    every_part: bool,
    overwritten: set[str],
) -> tuple[Any, dict[str, Tensor]]:
    """What the module returns for a batch (B, C, H, W), and the output of each layer that the pass reached.

    layers       by name; their values are (B, channels, height, width) or (B, channels)
    to_output    False: the pass ends at the deepest of the layers, and the output is None
    grad         record a graph from ``batch`` on; ``grad_from``, a layer's name, from there on
    cast         compute in the precision that was asked for, else in the module's own
    every_part   torch's encoder layers must run their parts, see ``EveryPartRuns``
    overwritten  layers whose outputs the module writes to later, as far as is known; what a pass finds out is added

    In a pass with ``grad``, an output is taken as it is where nothing writes to it, which its version tells afterwards.
    Otherwise it is a copy, and the module goes on with another one, so that in-place operations reach neither.
    """
    modules = {name: module.get_submodule(name) for name in (one.partition("#")[0] for one in layers)}
    values: dict[str, Tensor] = {}
    versions: dict[str, int] = {}  # of what is no copy

    def keep(name: str, part: nn.Module, output: Tensor) -> Tensor | None:
        if name not in layers:
            return None
        layout = layers[name].layout
        as_it_is = grad and output.requires_grad and layout is None and name not in overwritten
        if as_it_is:
            values[name], versions[name] = output, output._version
        else:
            values[name] = (layout.maps(output, batch.shape[-2:]) if layout else output).clone()
        if name == grad_from:
            values[name].requires_grad_()
            torch.set_grad_enabled(True)
        if len(values) == len(layers) and not to_output:
            raise _Enough
        if as_it_is:
            return None
        replaced = values[name].clone()
        return layout.output(replaced, output) if layout else replaced

    mode = torch.enable_grad() if grad else torch.no_grad()
    contexts = [lock(module, device), computing(device, cast=cast), mode, suppress(_Enough), hooked(modules, keep)]
    if modules and every_part:
        contexts.append(EveryPartRuns())
    output = None
    with guarded(*contexts):
        output = module(batch.clone())
    written_to = {name for name, version in versions.items() if values[name]._version != version}
    if not written_to:
        return output, values
    overwritten |= written_to
    return forward(
        module, batch, layers, device, to_output=to_output, grad=grad, grad_from=grad_from, cast=cast,
        every_part=every_part, overwritten=overwritten,
    )  # fmt: skip


def watch(
    module: nn.Module,
    batch: Tensor,
    layers: Mapping[str, Layer],
    device: torch.device,
    see: Callable[[str, Tensor], None],
    *,
    every_part: bool,
) -> set[str]:
    """A pass for a batch (B, C, H, W) that ends at the deepest of the layers; names of those that it reached.

    ``see`` is given the name and the maps of each layer at once. They are no copies: the module may write to them
    afterwards, so that whoever wants to keep them copies them; and to ``batch``.
    """
    modules = {name: module.get_submodule(name) for name in (one.partition("#")[0] for one in layers)}
    reached: set[str] = set()

    def hand_out(name: str, part: nn.Module, output: Tensor) -> None:
        if name in layers:
            layout = layers[name].layout
            see(name, layout.maps(output, batch.shape[-2:]) if layout else output)
            reached.add(name)
            if len(reached) == len(layers):
                raise _Enough

    contexts = [lock(module, device), computing(device), torch.no_grad(), suppress(_Enough), hooked(modules, hand_out)]
    with guarded(*contexts, *[EveryPartRuns()] * every_part):
        module(batch)
    return reached


def joined(passes: Sequence[Pass]) -> Pass:
    """The passes over the parts of a batch as that over all of it."""
    scores, values = zip(*passes, strict=True)
    together = None if scores[0] is None else torch.cat(scores)
    return together, {key: torch.cat([one[key] for one in values]) for key in values[0]}
