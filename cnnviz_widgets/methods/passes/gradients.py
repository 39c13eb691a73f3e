"""G1, G4: the gradient of a class score, or of one neuron, with respect to the picture."""

import warnings
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.checks import whole_number
from cnnviz_widgets.methods.passes.relu_rules import relu_rule
from cnnviz_widgets.methods.results import GradientPicture, Heatmap
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.runtime import batching

Target = int | str | Sequence[int | str] | None
_BACK = {"backprop": "gradient", "deconvnet": "deconvnet signal", "guided": "guided gradient"}


def saliency(network: Network, image: Tensor, target: Target = None, *, rule: str = "backprop") -> Heatmap:
    """Sensitivity of one class score to every pixel: ``max_c |∂s/∂x_c|`` (Simonyan et al., 2014).

    image    (3, H, W) or (B, 3, H, W), values 0…1, any device
    target   class index or name, for a batch also one per picture; None = the top class of each picture
    rule     what a ReLU passes back: "backprop", "deconvnet" or "guided"
    Returns a Heatmap, values (H, W) or (B, H, W) ≥ 0: change of the logit per unit of normalised input.
    Raises UserError for an unknown class or rule.

        saliency(load_network("mini"), load_image("chelsea"), "tabby").values
    """
    back = _from_class(network, image, target, rule)
    return Heatmap(
        _like(image, back.gradient.abs().amax(1)),
        _like(image, back.pictures),
        convention=f"logit {_BACK[rule]}, maximum of absolute value over colour channels",
        of=_like(image, [network.classes[index] for index in back.start]),
        target=_like(image, back.start),
    )


def class_gradient(
    network: Network, image: Tensor, target: Target = None, *, rule: str = "backprop"
) -> GradientPicture:
    """As ``saliency``, but signed and in colour: values (3, H, W) or (B, 3, H, W), ``∂s/∂x``."""
    back = _from_class(network, image, target, rule)
    return GradientPicture(
        _like(image, back.gradient),
        _like(image, back.pictures),
        convention=f"logit {_BACK[rule]}, signed",
        of=_like(image, [network.classes[index] for index in back.start]),
        score=_like(image, back.scores),
    )


def neuron_gradient(
    network: Network,
    image: Tensor,
    layer: "str | Layer | nn.Module",
    channel: int,
    position: tuple[int, int] | None = None,
    *,
    rule: str = "backprop",
) -> GradientPicture:
    """Gradient of one neuron with respect to the picture (with ``rule="guided"``: Springenberg et al., 2015, fig. 3).

    image     (3, H, W) or (B, 3, H, W), values 0…1, any device
    channel   of the layer, from 0
    position  (row, column) in the channel's map; None = where it is greatest, in each picture
    rule      what a ReLU passes back: "backprop", "deconvnet" or "guided"
    Returns a GradientPicture, values (3, H, W) or (B, 3, H, W), signed, per unit of normalised input.
    Raises UserError for an unknown layer or rule, and for a channel or position that the layer has not.

        neuron_gradient(load_network("mini"), load_image("chelsea"), "relu3", 17, rule="guided")
    """
    layer = network.layer(layer)
    channel = whole_number("channel", channel, 0, layer.channels - 1, f"in layer {layer.name!r}")

    def neurons(_: Tensor | None, values: dict[str, Tensor], piece: range) -> tuple[Tensor, list]:
        maps = values[layer.name][:, channel]
        place = _checked(position, maps.shape[1:], layer.name)
        if maps.ndim != 3:  # no places: the channel's one value, or the greatest of its row
            return maps.flatten(1).amax(1) if maps.ndim > 1 else maps, [None] * len(piece)
        columns = maps.shape[2]
        top = maps.flatten(1).argmax(1).tolist()
        places = [divmod(index, columns) if place is None else place for index in top]
        rows, columns = zip(*places, strict=True)
        return maps[range(len(piece)), rows, columns], places

    back = _back(network, network.prepare(image), rule, neurons, layer)
    return GradientPicture(
        _like(image, back.gradient),
        _like(image, back.pictures),
        convention=f"{_BACK[rule]} of one neuron, signed",
        of=_like(image, [f"{layer.name} · channel {channel}" + (f" · {at}" if at else "") for at in back.start]),
        score=_like(image, back.scores),
        position=_like(image, back.start),
    )


class _Back(NamedTuple):
    """Of B pictures, on the CPU: what came back, from which scores, and where those are (class or position)."""

    gradient: Tensor
    scores: list[float]
    start: list
    pictures: Tensor


def _from_class(network: Network, image: Tensor, target: Target, rule: str) -> _Back:
    pictures = network.prepare(image)
    if isinstance(target, Tensor | np.ndarray) and target.ndim:
        target = target.tolist()
    asked = list(target) if isinstance(target, Sequence) and not isinstance(target, str) else [target] * len(pictures)
    if len(asked) != len(pictures):
        raise UserError(f"target must be one class, or one for each of the {len(pictures)} pictures, not {len(asked)}.")
    asked = [None if one is None else network.class_index(one) for one in asked]

    def scores(logits: Tensor, _: dict[str, Tensor], piece: range) -> tuple[Tensor, list]:
        top = logits.argmax(1).tolist()
        classes = [best if asked[i] is None else asked[i] for best, i in zip(top, piece, strict=True)]
        return logits[range(len(piece)), classes], classes

    return _back(network, pictures, rule, scores)


def _back(
    network: Network,
    pictures: Tensor,
    rule: str,
    choose: Callable[[Tensor | None, dict[str, Tensor], range], tuple[Tensor, list]],
    layer: Layer | None = None,
) -> _Back:
    """Go back from the scores, one per picture, that ``choose`` takes from the output, or from ``layer``."""
    layers = [] if layer is None else [layer.name]

    def gradients(piece: range) -> tuple[Tensor, list[float], list]:
        batch = network.normalise(pictures[piece.start : piece.stop]).requires_grad_()
        with network.lock, torch.enable_grad():
            with relu_rule(rule):
                output, values = network.forward(batch, layers, to_output=layer is None, grad=True)
            scores, start = choose(output, values, piece)
            (gradient,) = torch.autograd.grad(scores.sum(), batch)
        return gradient.cpu(), scores.tolist(), start

    bytes_each = network.bytes_per_image(pictures.shape[-2:], grad=True)
    pieces = batching.run(gradients, range(len(pictures)), bytes_each, where=network.device)
    parts = [result for _, result in pieces]
    gradient, scores, start = zip(*parts, strict=True)
    if not all(one.isfinite().all() for one in gradient):
        raise UserError(f"what comes back through {network.name} is not finite (NaN or infinity) for this picture.")
    if not all(one.any() for one in chain(*gradient)):
        warnings.warn("For a picture nothing came back: the signal is 0 everywhere, stopped by ReLUs.", stacklevel=4)
    return _Back(torch.cat(gradient), [*chain(*scores)], [*chain(*start)], pictures.cpu())


def _like(image: Tensor, batch: Any) -> Any:
    """Of one picture its own result, of a batch all of them."""
    if image.ndim == 3:
        return batch[0]
    return batch if isinstance(batch, Tensor) else tuple(batch)


def _checked(position: Any, size: tuple[int, ...], layer: str) -> tuple[int, int] | None:
    if position is None:
        return None
    position = position.tolist() if hasattr(position, "tolist") else position
    if len(size) != 2:
        raise UserError(f"position must be None, not {position!r}: layer {layer!r} has no places.")
    if not isinstance(position, Sequence) or len(position) != 2:
        raise UserError(f"position must be (row, column) or None, not {position!r}.")
    row, column = (
        whole_number(f"the {name} of position", at, 0, length - 1, f"in layer {layer!r}")
        for name, at, length in zip(("row", "column"), position, size, strict=True)
    )
    return row, column
