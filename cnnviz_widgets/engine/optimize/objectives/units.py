"""Terms on units of the network: neurons, channels, layers, classes, directions, given features."""

import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.engine.optimize.objectives.algebra import BoundTerm, Term, TermInputs, counted, remembers_call
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, gate
from cnnviz_widgets.networks import Layer, Network

AnyLayer = str | Layer | nn.Module
Several = int | Sequence[int]  # one for all pictures, or one for each


@remembers_call
@gate
def neuron(layer: AnyLayer, channel: Several, position: tuple[int, int] | None = None) -> Term:
    """The activation of one unit; ``position`` is (row, column) in the channel's map, None = its center."""

    def value(maps: Tensor) -> Tensor:
        if maps.ndim < 3:
            if position is not None:
                raise UserError(f"position must be None, not {position!r}: layer {name_of(layer)} has no positions.")
            return maps.amax(1) if maps.ndim > 1 else maps  # of positions that are not on a grid, the greatest
        rows, columns = maps.shape[-2:]
        row, column = (rows // 2, columns // 2) if position is None else position
        return maps[
            :,
            whole_number("the row of position", row, 0, rows - 1, f"in layer {name_of(layer)}"),
            whole_number("the column of position", column, 0, columns - 1, f"in layer {name_of(layer)}"),
        ]

    place = "" if position is None else f", {tuple(position)}"
    return _unit(f"neuron({name_of(layer)}, {_plain(channel)}{place})", layer, channel, value)


@remembers_call
@gate
def channel(layer: AnyLayer, channel: Several) -> Term:
    """The mean activation of a channel over its map."""
    return _unit(
        f"channel({name_of(layer)}, {_plain(channel)})",
        layer,
        channel,
        lambda maps: maps.reshape(len(maps), -1).mean(1),
    )


def _unit(name: str, layer: AnyLayer, channel: Several, value: Callable[[Tensor], Tensor]) -> Term:
    """``value`` makes (B,) numbers of the channel's map (B, H, W), or of (B,) where the layer has no positions."""

    def bind_term(network: Network, count: int) -> BoundTerm:
        found = network.layer(layer)
        index = _each(
            channel, count, lambda one: whole_number("channel", one, 0, found.channels - 1, f"in layer {found.name!r}")
        )
        return BoundTerm(lambda inputs: value(_of_each(inputs.activations[found.name], index)).flatten(), (found.name,))

    return Term(name, bind_term)


@remembers_call
@gate
def layer(layer: AnyLayer) -> Term:
    """Half the mean square of a layer's activations, DeepDream's objective: its gradient is the activation itself."""
    return custom(lambda maps: maps.flatten(1).square().mean(1) / 2, layer, name=f"layer({name_of(layer)})")


@remembers_call
@gate
def logit(target: int | str | Sequence) -> Term:
    """The score of a class before the softmax: ``network.class_logits``."""
    return _class("logit", target, Network.class_logits)


@remembers_call
@gate
def probability(target: int | str | Sequence) -> Term:
    """The probability of a class."""
    return _class("probability", target, Network.probabilities)


@remembers_call
@gate
def cross_entropy(target: int | str | Sequence) -> Term:
    """``−log P(target)``: an attack makes it large for the true class; with a minus sign, small for a wanted one.

    It is made of the logits, ``log(1 + e^(log Σ_others e^z − z_target))``: where P = 1 in float32 its gradient is small
    but right. A class of a multilabel network, or one of two of a single output, is a question of its own.
    """
    return _class("cross_entropy", target, Network.class_logits, cross_entropies)


@remembers_call
@gate
def margin(target: int | str | Sequence, confidence: Annotated[float, Range(0)] | None = None) -> Term:
    """The greatest logit of another class minus that of the target: below 0 where it wins (Carlini & Wagner, 2017).

    An attack makes it large for the true class; with a minus sign, small for a wanted one.

    confidence   logits by which the target has to win: the term stays at minus this below it; None = never enough
    """

    def value(network: Network, logits: Tensor, index: int | list[int]) -> Tensor:
        apart = margins(network, logits, index)
        return apart if confidence is None else apart.clamp(min=-confidence)

    return _class("margin", target, Network.class_logits, value, "" if confidence is None else f", {confidence:g}")


def margins(network: Network, logits: Tensor, index: int | Sequence[int]) -> Tensor:
    """(B,): the greatest logit of another class minus that of ``index``, of class logits (B, classes)."""
    index = index if isinstance(index, int) else [*index]
    return _others(network, logits, index, lambda others: others.amax(1)) - _of_each(logits, index)


def cross_entropies(network: Network, logits: Tensor, index: int | list[int]) -> Tensor:
    """(B,): ``−log P(index)``, of class logits (B, classes)."""
    against = _others(network, logits, index, lambda others: others.logsumexp(1))
    return softplus(against - _of_each(logits, index))


def _others(network: Network, logits: Tensor, index: int | list[int], measure: Callable[[Tensor], Tensor]) -> Tensor:
    """A measure of the logits of all other classes, (B,); 0 where classes do not exclude each other."""
    if not network.exclusive:
        return torch.zeros_like(logits[:, 0])
    at = torch.as_tensor(index, device=logits.device).expand(len(logits))[:, None]
    return measure(logits.scatter(1, at, -torch.inf))


def _class(
    name: str,
    target: int | str | Sequence,
    measure: Callable[[Network, Tensor], Tensor],
    value: Callable[[Network, Tensor, Any], Tensor] = lambda network, values, index: _of_each(values, index),
    more: str = "",
) -> Term:
    """``value`` makes (B,) numbers of what ``measure`` makes of the scores, (B, classes), and the classes' numbers."""
    target = _plain(target)

    def bind_term(network: Network, count: int) -> BoundTerm:
        index = _each(target, count, network.class_index)

        def of_inputs(inputs: TermInputs) -> Tensor:
            assert inputs.logits is not None  # as the output is asked for
            return value(network, measure(network, inputs.logits), index)

        return BoundTerm(of_inputs, output=True)

    return Term(f"{name}({json.dumps(target, ensure_ascii=False)}{more})", bind_term)


@remembers_call
@gate
def direction(layer: AnyLayer, vector: Tensor | Sequence[float], power: float = 0.0) -> Term:
    """The activation along a vector of channels: the mean over positions of ``dot · max(0.1, cosine)^power``.

    vector  (C,), or (B, C): one per picture
    power   above 0, activations in other directions count less: caricatures (Olah et al., 2018)
    """
    wanted = torch.as_tensor(vector)

    def bind_term(network: Network, count: int) -> BoundTerm:
        found = network.layer(layer)
        if wanted.shape not in ((found.channels,), (count, found.channels)):
            raise UserError(
                f"vector must have {found.channels} numbers, the channels of layer {found.name!r}, "
                f"not the shape {tuple(wanted.shape)}."
            )
        given = wanted.clone()

        def value(inputs: TermInputs) -> Tensor:
            values = inputs.activations[found.name]
            maps = values.flatten(2) if values.ndim > 2 else values[..., None]
            along = given.to(maps).expand(len(maps), -1)
            dots = torch.einsum("bcn,bc->bn", maps, along)
            if not power:
                return dots.mean(1)
            lengths = torch.linalg.vector_norm(maps, dim=1) * torch.linalg.vector_norm(along, dim=1)[:, None]
            return (dots * (dots / lengths.clamp(min=1e-12)).clamp(min=0.1) ** power).mean(1)

        return BoundTerm(value, (found.name,))

    exponent = f", power={power:g}" if power else ""
    return Term(f"direction({name_of(layer)}, {shape_of(wanted)}{exponent})", bind_term)


@remembers_call
@gate
def target_features(layer: AnyLayer, features: Tensor) -> Term:
    """Minus the distance of a layer from given features: ``−‖Φ(x) − Φ₀‖² / ‖Φ₀‖²`` (Mahendran & Vedaldi, 2015).

    features  as ``network.activations`` gives them, of one picture, or of as many as are made
    """

    def bind_term(network: Network, count: int) -> BoundTerm:
        found = network.layer(layer)

        def value(inputs: TermInputs) -> Tensor:
            values = inputs.activations[found.name]
            if features.shape not in (values.shape[1:], values.shape):
                raise UserError(
                    f"features must have the shape {tuple(values.shape[1:])} that layer {found.name!r} has here, "
                    f"not {tuple(features.shape)}."
                )
            wanted = features.to(values).expand_as(values).flatten(1)
            return -(values.flatten(1) - wanted).square().sum(1) / squared_size(wanted)

        return BoundTerm(value, (found.name,), distance=True)

    return Term(f"target_features({name_of(layer)}, {shape_of(features)})", bind_term)


def squared_size(wanted: Tensor) -> Tensor:
    """(B,): ``‖wanted‖²`` of (B, …), over which a squared distance is relative; 1 where all of it is 0."""
    sizes = wanted.flatten(1).square().sum(1)
    return torch.where(sizes > 0, sizes, 1)


@remembers_call
@gate
def matching(layer: AnyLayer, features: Tensor) -> Term:
    """The mean over positions of the greatest dot product with any position of a guide's features (C, h, w)."""

    def bind_term(network: Network, count: int) -> BoundTerm:
        found = network.layer(layer)
        if features.ndim != 3 or len(features) != found.channels:
            raise UserError(f"features must have the shape ({found.channels}, h, w), not {tuple(features.shape)}.")
        guide = features.flatten(1).clone()

        def value(inputs: TermInputs) -> Tensor:
            positions = inputs.activations[found.name].flatten(2)
            return torch.einsum("bcn,cm->bnm", positions, guide.to(positions)).amax(2).mean(1)

        return BoundTerm(value, (found.name,))

    return Term(f"matching({name_of(layer)}, {shape_of(features)})", bind_term)


@remembers_call
@gate
def custom(value: Callable[..., Tensor], *layers: AnyLayer, name: str | None = None) -> Term:
    """Any function of the outputs of layers: ``value(first, second, …)`` makes (B,) of (B, C, H, W) each."""

    def bind_term(network: Network, count: int) -> BoundTerm:
        names = tuple(network.layer(one).name for one in layers)
        return BoundTerm(lambda inputs: value(*(inputs.activations[one] for one in names)), names)

    return Term(name or f"{getattr(value, '__name__', 'custom')}({', '.join(map(name_of, layers))})", bind_term)


# Lists of one per picture, and names


def _each(asked: Any, count: int, checked: Callable[[Any], int]) -> int | list[int]:
    asked = _plain(asked)
    if not isinstance(asked, Sequence) or isinstance(asked, str):
        return checked(asked)
    if len(asked) != count:
        raise UserError(f"{asked} has {len(asked)} entries, which do not match {counted(count)}.")
    return [checked(one) for one in asked]


def _plain(asked: Any) -> Any:
    """Tensors and arrays as plain numbers."""
    return asked.tolist() if hasattr(asked, "tolist") else asked


def _of_each(values: Tensor, index: int | list[int]) -> Tensor:
    """Of (B, C, …) one channel of each picture, (B, …)."""
    return values[:, index] if isinstance(index, int) else values[range(len(index)), index]


def name_of(layer: AnyLayer) -> str:
    return json.dumps(layer if isinstance(layer, str) else getattr(layer, "name", type(layer).__name__))


def shape_of(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape))
