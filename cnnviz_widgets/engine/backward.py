"""One pass forward and back through a network, to the picture or to a layer: what every gradient method stands on."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from cnnviz_widgets.engine.batch_norm import quick_batch_norm
from cnnviz_widgets.engine.convolutions import Kernels, quick_convolutions
from cnnviz_widgets.engine.relu_rules import RuleName, relu_rule
from cnnviz_widgets.engine.targets import Goal
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.runtime import batching
from cnnviz_widgets.runtime.device import callers_modes_off
from cnnviz_widgets.runtime.interrupts import guarded

T = TypeVar("T")

BACK = {"backprop": "gradient", "deconvnet": "deconvnet signal", "guided": "guided gradient"}


class Back(NamedTuple):
    """Of B pictures, on the CPU: the gradients, the scores, what those are (class or position) and in words."""

    gradient: Tensor
    scores: list[float]
    start: list
    names: list[str]
    pictures: Tensor


def pull_back(network: Network, pictures: Tensor, aim: Goal, rule: RuleName) -> Back:
    """Go back from the scores of prepared pictures (B, C, H, W) to their normalized pixels."""

    def work(piece: range) -> tuple[Tensor, list[float], list]:
        batch = lambda: network.normalize(pictures[piece.start : piece.stop])  # noqa: E731
        _, gradient, scores, start = descend(network, batch, aim, piece)
        return gradient.cpu().contiguous(), scores.tolist(), start

    with relu_rule(rule):
        pieces = [*in_pieces(network, work, len(pictures), pictures.shape[-2:])]
    gradients, each_scores, each_start = zip(*pieces, strict=True)
    gradient, scores, start = torch.cat(gradients), [*chain(*each_scores)], [*chain(*each_start)]
    check(network, gradient)
    return Back(gradient, scores, start, [aim.name(one) for one in start], pictures.cpu())


def descend(
    network: Network,
    inputs: Callable[[], Tensor],
    aim: Goal,
    piece: range,
    layer: str | None = None,
    *,
    forward: AbstractContextManager = nullcontext(),  # noqa: B008
) -> tuple[Tensor, Tensor, Tensor, list]:
    """A forward and a backward pass: the inputs, the gradient of the scores there, the scores, and what they are.

    The gradient is that of the normalized ``inputs()``, or of the output of ``layer`` for them. On its way to the
    scores it is in the context ``forward``.
    """
    layers = [one for one in (layer, aim.layer) if one is not None]
    quick = quick_way_back(network.module) if layer is None else nullcontext()
    with guarded(way_back(network), quick):
        batch = network.quickest(inputs()).requires_grad_(layer is None)
        with forward:
            output, values = network.forward(
                batch, layers, to_output=aim.layer is None, grad=layer is None, grad_from=layer
            )
            scores, start = aim.scores(output, values, piece)
        end = values[layer] if layer else batch
        gradient = slope(network, scores, end, f"layer {layer!r}" if layer else "the picture")
    return end.detach(), gradient, scores.detach(), start


def way_back(network: Network) -> AbstractContextManager:
    """For a forward pass and its backward pass, both in evaluation mode; UserError if the network cannot have one."""
    if network.no_way_back:
        raise UserError(f"{network.name} {network.no_way_back}.")
    return guarded(network.lock, torch.enable_grad())


def quick_way_back(module: nn.Module, kernels: Kernels | None = None) -> AbstractContextManager:
    """Context in which a pass must run forward and back, to the picture alone, to be quicker than autograd's own.

    kernels  of its convolutions in the format of the pictures, for many passes
    """
    return guarded(quick_convolutions(module, kernels), quick_batch_norm(module))


def slope(network: Network, scores: Tensor, end: Tensor, name: str, *, again: bool = False) -> Tensor:
    """The gradient of each picture's score with respect to ``end``; ``again`` if this is not the last one."""
    linked = scores.requires_grad
    (gradient,) = torch.autograd.grad(scores.sum(), end, retain_graph=again, allow_unused=True) if linked else (None,)
    if gradient is None:
        detached = "" if linked else " (is its forward under torch.no_grad() or torch.inference_mode()?)"
        raise UserError(
            f"what is explained in {network.name} does not depend on {name} in a differentiable way{detached}."
        )
    return gradient


def in_pieces(network: Network, function: Callable[[range], T], count: int, size: tuple[int, ...]) -> Iterator[T]:
    """``function(piece)``, a pass forward and back, for as many of ``count`` pictures at once as is quickest."""

    def work(piece: range) -> T:
        with guarded(*callers_modes_off(network.device)):
            return function(piece)

    bytes_each = network.bytes_per_image(size, grad=True)
    what = f"a pass of {network.name} forward and back over one picture of {size[0]}×{size[1]} pixels"
    most = network.at_once(size)
    pieces = batching.run(work, range(count), bytes_each, most=most, where=network.device, what=what)
    return (result for _, result in pieces)


def check(network: Network, gradients: Tensor) -> None:
    """UserError if the gradient (B, …) is not finite; a remark if it is 0 for a picture."""
    if not gradients.isfinite().all():
        raise UserError(f"the gradient of {network.name} is not finite (NaN or infinity) for this picture.")
    if not all(one.any() for one in gradients):
        remark("The gradient of a picture is 0 everywhere: ReLUs block all of it.")


def like(image: AnyPicture, batch: Any) -> Any:
    """Of one picture its own result, of a batch all of them."""
    if image.ndim == 3:
        return batch[0]
    return batch if isinstance(batch, Tensor) else tuple(batch)
