"""What is made large: small terms that add, subtract, scale and negate, and print as the formula they are.

    objective = channel("layer3", 42) - 0.1 * total_variation()

A term gives a number for each picture of a batch. Where a channel, class or weight is asked for, a list gives every
picture its own: ``channel("layer3", [1, 2, 3, 4])`` makes four pictures of four channels in one run.
"""

import json
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor, nn

from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.engine.optimize.smoothing import Sigma, gaussian
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Positive, Range, gate
from cnnviz_widgets.networks import Layer, Network

AnyLayer = str | Layer | nn.Module
Several = int | Sequence[int]  # one for all pictures, or one for each
Weight = float | Tensor


class Seen(NamedTuple):
    """What terms may look at in one step.

    pictures  (B, C, H, W), 0…1, before the transforms
    alpha     (B, 1, H, W), 0…1, of pictures that are transparent in part, else None
    values    by name, what came out of the layers that were asked for
    logits    (B, outputs), as the network gives them, if any term asked for it
    """

    pictures: Tensor
    alpha: Tensor | None
    values: dict[str, Tensor]
    logits: Tensor | None


class Reading(NamedTuple):
    """A term that knows its network: what it reads, and the number that it makes of it, (B,)."""

    value: Callable[[Seen], Tensor]
    layers: tuple[str, ...] = ()
    output: bool = False


class Objective:
    """A weighted sum of terms. ``optimize`` makes it as large as it can.

    Objectives add, subtract and multiply, with each other and with numbers, or lists of one number per picture.
    """

    __array_ufunc__ = None  # so that numpy's numbers leave the arithmetic to us

    def __init__(self, parts: Sequence[tuple[Weight, "Term"]]) -> None:
        self.parts = tuple(parts)

    def __add__(self, other: "Objective | Weight | Sequence[float]") -> "Objective":
        if not isinstance(other, Objective):
            other = Objective([(_weight(other), ONE)])
        return Objective(self.parts + other.parts)

    def __radd__(self, other: Weight | Sequence[float]) -> "Objective":
        return self if isinstance(other, int) and other == 0 else other * ONE + self  # 0 is where sum() begins

    def __sub__(self, other: "Objective | Weight | Sequence[float]") -> "Objective":
        return self + -1.0 * (other if isinstance(other, Objective) else other * ONE)

    def __rsub__(self, other: Weight | Sequence[float]) -> "Objective":
        return other * ONE - self

    def __neg__(self) -> "Objective":
        return -1.0 * self

    def __mul__(self, factor: "Objective | Weight | Sequence[float]") -> "Objective":
        if isinstance(factor, Objective):
            return _product(self, factor)
        factor = _weight(factor)
        return Objective([(weight * factor, term) for weight, term in self.parts])

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> "Objective":
        return self * (1 / divisor)

    def __repr__(self) -> str:
        text = " + ".join(_written(weight, term) for weight, term in self.parts)
        return text.replace("+ -", "- ")

    def bind(self, network: Network, count: int) -> "Bound":
        """Ready for a network and a batch of ``count``. UserError for what is not in the network, before any pass."""
        for weight, term in self.parts:
            if isinstance(weight, Tensor) and len(weight) != count:
                raise UserError(f"{len(weight)} weights of {term!r} do not go with {_pictures(count)}: give one each.")
        return Bound([(weight, term.name, term.read(network, count)) for weight, term in self.parts])


class Term(Objective):
    """One term: its name, as it is printed, and ``read(network, count)``, which makes it ready for a batch of count."""

    def __init__(self, name: str, read: Callable[[Network, int], Reading]) -> None:
        self.name, self.read = name, read

    def __reduce__(self) -> str | tuple:
        """A term is copied and saved as the call that makes it: what it reads with is a function within a function."""
        return "ONE" if self is ONE else self.call

    def __deepcopy__(self, memo: dict) -> "Term":
        return self  # it never changes, and its layer may be a module, of which a copy would be part of no network

    @property
    def parts(self) -> tuple[tuple[Weight, "Term"], ...]:
        return ((1.0, self),)


def _again(make: Callable[..., Term]) -> Callable[..., Term]:
    """The same function, whose terms know how they were made."""

    @wraps(make)
    def made(*args: Any, **kwargs: Any) -> Term:
        term = make(*args, **kwargs)
        term.call = (partial(made, **kwargs), args)
        return term

    return made


ONE = Term("1", lambda network, count: Reading(lambda seen: seen.pictures.new_ones(count)))


@_again
def _product(first: Objective, second: Objective) -> Term:
    def read(network: Network, count: int) -> Reading:
        one, other = first.bind(network, count), second.bind(network, count)
        return Reading(
            lambda seen: sum(one(seen).values()) * sum(other(seen).values()),
            (*one.layers, *other.layers),
            one.output or other.output,
        )

    return Term(" * ".join(f"({one!r})" if len(one.parts) > 1 else repr(one) for one in (first, second)), read)


def _weight(number: Weight | Sequence[float]) -> Weight:
    try:
        weight = torch.as_tensor(number, dtype=torch.float64).detach().cpu()
    except (TypeError, ValueError):
        weight = None
    if weight is None or weight.ndim > 1:
        raise UserError(f"an objective goes together with others, a number, or one number per picture, not {number!r}.")
    return weight if weight.ndim else float(weight)


class Bound:
    """An objective that knows its network: the ``layers`` that it reads, and whether it needs the ``output``."""

    def __init__(self, parts: Sequence[tuple[Weight, str, Reading]]) -> None:
        self._parts = parts
        self.layers = [*dict.fromkeys(layer for *_, reading in parts for layer in reading.layers)]
        self.output = any(reading.output for *_, reading in parts)

    def __call__(self, seen: Seen) -> dict[str, Tensor]:
        """By term, what it adds to the objective: (B,) each."""
        values: dict[str, Tensor] = {}
        for weight, name, reading in self._parts:
            value = reading.value(seen)
            if isinstance(weight, Tensor):
                weight = weight.to(value.device, value.dtype)
            values[name] = values.get(name, 0) + weight * value
        return values


# Units


@_again
@gate
def neuron(layer: AnyLayer, channel: Several, position: tuple[int, int] | None = None) -> Term:
    """One unit; ``position`` is (row, column) in the channel's map, None = its center."""

    def value(maps: Tensor) -> Tensor:
        if maps.ndim < 3:
            if position is not None:
                raise UserError(f"position must be None, not {position!r}: layer {_name(layer)} has no places.")
            return maps.amax(1) if maps.ndim > 1 else maps  # of positions that lie on no grid, the greatest
        rows, columns = maps.shape[-2:]
        row, column = (rows // 2, columns // 2) if position is None else position
        return maps[
            :,
            whole_number("the row of position", row, 0, rows - 1, f"in layer {_name(layer)}"),
            whole_number("the column of position", column, 0, columns - 1, f"in layer {_name(layer)}"),
        ]

    place = "" if position is None else f", {tuple(position)}"
    return _unit(f"neuron({_name(layer)}, {_plain(channel)}{place})", layer, channel, value)


@_again
@gate
def channel(layer: AnyLayer, channel: Several) -> Term:
    """The mean of a channel over its map."""
    return _unit(
        f"channel({_name(layer)}, {_plain(channel)})", layer, channel, lambda maps: maps.reshape(len(maps), -1).mean(1)
    )


def _unit(name: str, layer: AnyLayer, channel: Several, value: Callable[[Tensor], Tensor]) -> Term:
    """``value`` makes (B,) numbers of the channel's map (B, H, W), or of (B,) where the layer has no places."""

    def read(network: Network, count: int) -> Reading:
        found = network.layer(layer)
        index = _each(
            channel, count, lambda one: whole_number("channel", one, 0, found.channels - 1, f"in layer {found.name!r}")
        )
        return Reading(lambda seen: value(_of_each(seen.values[found.name], index)).flatten(), (found.name,))

    return Term(name, read)


@_again
@gate
def layer(layer: AnyLayer) -> Term:
    """Half the mean square of a whole layer, DeepDream's objective: its gradient is the activation itself."""
    return custom(lambda maps: maps.flatten(1).square().mean(1) / 2, layer, name=f"layer({_name(layer)})")


@_again
@gate
def logit(target: int | str | Sequence) -> Term:
    """The score of a class before the softmax: ``network.class_logits``."""
    return _class("logit", target, Network.class_logits)


@_again
@gate
def probability(target: int | str | Sequence) -> Term:
    """The probability of a class."""
    return _class("probability", target, Network.probabilities)


def _class(name: str, target: int | str | Sequence, measure: Callable[[Network, Tensor], Tensor]) -> Term:
    target = _plain(target)

    def read(network: Network, count: int) -> Reading:
        index = _each(target, count, network.class_index)
        return Reading(lambda seen: _of_each(measure(network, seen.logits), index), output=True)

    return Term(f"{name}({json.dumps(target, ensure_ascii=False)})", read)


@_again
@gate
def direction(layer: AnyLayer, vector: Tensor | Sequence[float], power: float = 0.0) -> Term:
    """How far a layer goes along a vector of its channels: the mean over places of ``dot · max(0.1, cosine)^power``.

    vector  (C,), or (B, C): one per picture
    power   above 0, activations that point elsewhere count less: caricatures (Olah et al., 2018)
    """
    wanted = torch.as_tensor(vector)

    def read(network: Network, count: int) -> Reading:
        found = network.layer(layer)
        if wanted.shape not in ((found.channels,), (count, found.channels)):
            raise UserError(
                f"vector must have {found.channels} numbers, the channels of layer {found.name!r}, "
                f"not the shape {tuple(wanted.shape)}."
            )
        given = wanted.clone()

        def value(seen: Seen) -> Tensor:
            values = seen.values[found.name]
            maps = values.flatten(2) if values.ndim > 2 else values[..., None]
            along = given.to(maps).expand(len(maps), -1)
            dots = torch.einsum("bcn,bc->bn", maps, along)
            if not power:
                return dots.mean(1)
            lengths = torch.linalg.vector_norm(maps, dim=1) * torch.linalg.vector_norm(along, dim=1)[:, None]
            return (dots * (dots / lengths.clamp(min=1e-12)).clamp(min=0.1) ** power).mean(1)

        return Reading(value, (found.name,))

    exponent = f", power={power:g}" if power else ""
    return Term(f"direction({_name(layer)}, {_shape(wanted)}{exponent})", read)


@_again
@gate
def target_features(layer: AnyLayer, features: Tensor) -> Term:
    """How near a layer is to given features: ``−‖Φ(x) − Φ₀‖² / ‖Φ₀‖²``, 0 at best (Mahendran & Vedaldi, 2015).

    features  as ``network.activations`` gives them, of one picture, or of as many as are made
    """

    def read(network: Network, count: int) -> Reading:
        found = network.layer(layer)

        def value(seen: Seen) -> Tensor:
            values = seen.values[found.name]
            if features.shape not in (values.shape[1:], values.shape):
                raise UserError(
                    f"features must have the shape {tuple(values.shape[1:])} that layer {found.name!r} has here, "
                    f"not {tuple(features.shape)}."
                )
            wanted = features.to(values).expand_as(values).flatten(1)
            return -(values.flatten(1) - wanted).square().sum(1) / wanted.square().sum(1).clamp(min=1e-12)

        return Reading(value, (found.name,))

    return Term(f"target_features({_name(layer)}, {_shape(features)})", read)


@_again
@gate
def matching(layer: AnyLayer, features: Tensor) -> Term:
    """The mean over places of the dot product with the best fitting place of a guide's features (C, h, w)."""

    def read(network: Network, count: int) -> Reading:
        found = network.layer(layer)
        if features.ndim != 3 or len(features) != found.channels:
            raise UserError(f"features must have the shape ({found.channels}, h, w), not {tuple(features.shape)}.")
        guide = features.flatten(1).clone()

        def value(seen: Seen) -> Tensor:
            places = seen.values[found.name].flatten(2)
            return torch.einsum("bcn,cm->bnm", places, guide.to(places)).amax(2).mean(1)

        return Reading(value, (found.name,))

    return Term(f"matching({_name(layer)}, {_shape(features)})", read)


@_again
@gate
def diversity(layer: AnyLayer) -> Term:
    """How alike a picture is to the others of its batch: the mean cosine of their Gram matrices, 0…1. Subtract it."""

    def value(maps: Tensor) -> Tensor:
        if len(maps) == 1:
            return maps.new_zeros(1)
        flat = maps.reshape(*maps.shape[:2], -1)
        grams = torch.nn.functional.normalize((flat @ flat.mT).flatten(1), dim=1)
        alike = grams @ grams.mT
        return (alike.sum(1) - alike.diagonal()) / (len(maps) - 1)

    return custom(value, layer, name=f"diversity({_name(layer)})")


@_again
@gate
def custom(value: Callable[..., Tensor], *layers: AnyLayer, name: str | None = None) -> Term:
    """Any function of what comes out of layers: ``value(first, second, …)`` makes (B,) of (B, C, H, W) each."""

    def read(network: Network, count: int) -> Reading:
        names = tuple(network.layer(one).name for one in layers)
        return Reading(lambda seen: value(*(seen.values[one] for one in names)), names)

    return Term(name or f"{getattr(value, '__name__', 'custom')}({', '.join(map(_name, layers))})", read)


# Priors: on the picture itself, before the transforms. They are costs: subtract them.


@_again
@gate
def l1(around: float = 0.5) -> Term:
    """``Σ |x − around|``, with values 0…1."""
    return _prior(f"l1({_changed(around, 0.5)})", lambda pictures: (pictures - around).abs())


@_again
@gate
def l2() -> Term:
    """``Σ x²`` of the picture as the network takes it, in standard deviations from the mean color (Simonyan, 2014)."""

    def read(network: Network, count: int) -> Reading:
        return Reading(lambda seen: network.normalize(seen.pictures).square().flatten(1).sum(1))

    return Term("l2()", read)


@_again
@gate
def total_variation(beta: Annotated[float, Range(above=0, most=100)] = 2.0) -> Term:
    """``Σ ((x[i, j+1] − x[i, j])² + (x[i+1, j] − x[i, j])²)^(β/2)``, with values 0…1 (Mahendran & Vedaldi, 2015).

    Beyond the last row and column the picture goes on as it is, so the difference there is 0.
    """

    def value(pictures: Tensor) -> Tensor:
        across = torch.nn.functional.pad(pictures.diff(dim=-1), (0, 1))
        down = torch.nn.functional.pad(pictures.diff(dim=-2), (0, 0, 0, 1))
        squares = across.square() + down.square()
        if beta == 2:
            return squares
        flat = squares == 0  # there the root has no slope
        return torch.where(flat, 0, torch.where(flat, 1, squares) ** (beta / 2))

    return _prior(f"total_variation({_changed(beta, 2.0)})", value)


@_again
@gate
def blur_penalty(sigma: Sigma = 1.0) -> Term:
    """``½ Σ (x − blurred x)²``, where the blurred picture is taken as a given: its gradient leads toward it."""
    return _prior(
        f"blur_penalty({_changed(sigma, 1.0)})",
        lambda pictures: (pictures - gaussian(pictures.detach(), sigma)).square() / 2,
    )


@_again
@gate
def boundary(width: Positive = 16, around: float = 0.5) -> Term:
    """``½ Σ (x − around)²`` over a frame of ``width`` px: keeps the object away from the border."""

    def value(pictures: Tensor) -> Tensor:
        inner = torch.zeros_like(pictures[:1, :1])
        inner[..., width:-width, width:-width] = 1
        return (1 - inner) * (pictures - around).square() / 2

    return _prior(f"boundary({width}{'' if around == 0.5 else f', {around:g}'})", value)


@_again
@gate
def opacity() -> Term:
    """The mean of alpha, 0…1, of a parametrization with ``alpha=True``: what is not needed becomes transparent."""

    def value(seen: Seen) -> Tensor:
        if seen.alpha is None:
            raise UserError("opacity() needs pictures with alpha: a parametrization with alpha=True.")
        return seen.alpha.flatten(1).mean(1)

    return Term("opacity()", lambda network, count: Reading(value))


def _prior(name: str, value: Callable[[Tensor], Tensor]) -> Term:
    return Term(name, lambda network, count: Reading(lambda seen: value(seen.pictures).flatten(1).sum(1)))


# Lists of one per picture, and names


def _each(asked: Any, count: int, checked: Callable[[Any], int]) -> int | list[int]:
    asked = _plain(asked)
    if not isinstance(asked, Sequence) or isinstance(asked, str):
        return checked(asked)
    if len(asked) != count:
        raise UserError(f"{asked} has {len(asked)} entries, which do not go with {_pictures(count)}.")
    return [checked(one) for one in asked]


def _plain(asked: Any) -> Any:
    """Of tensors and arrays the numbers."""
    return asked.tolist() if hasattr(asked, "tolist") else asked


def _of_each(values: Tensor, index: int | list[int]) -> Tensor:
    """Of (B, C, …) one channel of each picture, (B, …)."""
    return values[:, index] if isinstance(index, int) else values[range(len(index)), index]


def _pictures(count: int) -> str:
    return f"a batch of {count}" if count > 1 else "one picture"


def _name(layer: AnyLayer) -> str:
    return json.dumps(layer if isinstance(layer, str) else getattr(layer, "name", type(layer).__name__))


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape))


def _changed(value: float, usual: float) -> str:
    return "" if value == usual else f"{value:g}"


def _written(weight: Weight, term: Term) -> str:
    each = weight.tolist() if isinstance(weight, Tensor) else None
    number = f"{weight:g}" if each is None else f"[{', '.join(f'{one:g}' for one in each)}]"
    if term is ONE:
        return number
    return {"1": "", "-1": "-"}.get(number, f"{number} * ") + term.name
