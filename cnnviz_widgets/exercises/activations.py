"""Chapter 03: the activations of a layer."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cnnviz_widgets.drawing.results import ActivationMaps
from cnnviz_widgets.exercises.feedback import Wrong, check, given, number, refute, same, tensor, whole_numbers


@check
def check_capture(capture: Callable[[nn.Module, nn.Module, Tensor], Tensor]) -> str:
    """capture(module, layer, batch): the output of ``layer``, (C, H, W), while ``module`` runs on a batch of one."""
    given(capture, "write the function `capture`.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 2, 3)).eval()
        batch = torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        before, after, end = module[0](batch)[0], module[:2](batch)[0], module(batch)[0]
    for layer, right in ((module[0], before), (module[2], end)):
        answer = capture(module, layer, batch)
        given(answer, "`capture` returns nothing: let it return what the hook has caught.")
        if isinstance(answer, list | tuple):
            raise Wrong(f"a {type(answer).__name__} came back: return the one tensor in it.")
        if any(part._forward_hooks or part._forward_pre_hooks for part in module.modules()):
            raise Wrong("the hook is still on the layer, and would be called by every later pass: `remove()` it.")
        if isinstance(answer, Tensor) and same(answer.detach().squeeze(), batch[0]):
            raise Wrong("this is the picture itself; a forward hook is called with (layer, inputs, output).")
        whole = "this is what the whole network returns"
        shapes = {
            tuple(end.shape): whole,
            (1, *end.shape): whole,
            (1, *right.shape): "of the batch take the first, `[0]`",
        }
        values = tensor(answer, tuple(right.shape), "what `capture` returns", shapes)
        mistakes = {
            "all negative values are gone. The ReLU after the layer works in place: it has written over what the hook "
            "kept. Keep a copy, `output.clone()`.": after,
        }
        if not refute(values, right, mistakes):
            raise Wrong(
                "the values are not those of the layer's output: is the hook on `layer`, and not on another one?"
            )
        if getattr(answer, "requires_grad", False):
            raise Wrong("the result still holds the whole graph of the backward pass: `detach()` it.")
    return "Captured, copied, and the network is as it was: this is how `net.activations` works inside."


@check
def check_sparsity(answer: Any, maps: ActivationMaps) -> str:
    """answer: the share of exact zeros in a layer's maps, 0…1."""
    given(answer, "put the share of zeros, a number from 0 to 1, in `answer`.")
    values, share = maps.values, maps.sparsity
    silent = float((values == 0).all(2).all(1).double().mean())
    mistakes = {
        "this is the share of values that are not zero.": 1 - share,
        "this is a percentage: give the share, from 0 to 1.": 100 * share,
        "this is the number of zeros: divide it by the number of values.": int((values == 0).sum()),
        "this is the share of channels that are zero everywhere: count single values.": silent,
        "negative values were counted as well: count exact zeros.": float((values <= 0).double().mean()),
        "this is the share in channel 0 alone: take all channels.": float(maps.channel_sparsity[0]),
    }
    if refute(number(answer), share, mistakes):
        return f"{share:.0%} of the layer's activations for this picture are exactly 0."
    close = abs(number(answer) - share) < 0.006
    raise Wrong(
        "nearly: give the number as it was computed, not rounded." if close else "compare `maps.values` with 0."
    )


@check
def check_strongest(answer: Any, maps: ActivationMaps) -> str:
    """answer: (channel, row, column) of the greatest value of a layer."""
    given(answer, "put `(channel, row, column)` in `answer`.")
    values = maps.values
    if getattr(answer, "ndim", 0) == 0 and not isinstance(answer, list | tuple):
        if number(answer) == int(values.argmax()):
            raise Wrong(
                "this is the position in the flattened tensor: `torch.unravel_index` takes it apart into three numbers."
            )
        raise Wrong("three numbers are asked for: (channel, row, column).")
    channel, row, column = place = whole_numbers(answer, ("channel", "row", "column"))

    def at(*place: int) -> float:
        inside = all(0 <= index < length for index, length in zip(place, values.shape, strict=True))
        return float(values[place]) if inside else float("-inf")

    greatest = float(values.max())
    if at(*place) == greatest:
        return "That unit has the greatest activation of the layer."
    if at(channel, column, row) == greatest:
        raise Wrong("rows and columns are swapped: a tensor's first index into a map is the row.")
    if at(column, channel, row) == greatest:
        raise Wrong("the order is (channel, row, column); you gave (row, column, channel).")
    if at(*place) == float("-inf"):
        raise Wrong(f"{place} is outside of the layer, whose shape is {tuple(values.shape)}.")
    if channel in (values.amax((1, 2)) == greatest).nonzero():
        raise Wrong("the channel is right, but it has a greater value at another position.")
    if channel == int(values.mean((1, 2)).argmax()):
        raise Wrong("this channel has the greatest mean; the greatest single value is in another one.")
    raise Wrong(f"the value there is {at(*place):.3g}, and there is one of {greatest:.3g}.")
