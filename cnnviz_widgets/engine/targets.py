"""What a method explains: a class, a neuron, or any number that can be computed from the output."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from torch import Tensor, nn

from cnnviz_widgets.engine.checks import somebodys, whole_number
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import gate
from cnnviz_widgets.networks import Layer, Network

WHOLE, ITSELF = "all", "map"  # positions of a whole channel
Position = Annotated[tuple[int, int] | Literal["all", "map"] | None, '(row, column), None, "all" or "map"']


@gate
@dataclass(frozen=True)
class Neuron:
    """One unit of a layer as a target, or a whole channel.

    layer     name, Layer or module
    channel   from 0
    position  (row, column) in the channel's map; None = where it is greatest, in each picture; "all" = the sum over
              the map; "map" = half the sum of its squares: the gradient of that is the map itself
    """

    layer: str | Layer | nn.Module
    channel: int
    position: Position = None


One = int | str | Neuron | Callable[[Tensor], Tensor] | None
Target = One | Sequence[One]


class Goal:
    """A target, understood: which number of a forward pass is explained, for each picture of a batch.

    layer     where the number is; None = at the output
    unit      what the number is: "logit", "activation", "score" …
    of_class  whether it is one of a class
    """

    layer: str | None = None
    unit = "score"
    of_class = False

    def scores(self, logits: Tensor | None, values: dict[str, Tensor], piece: range) -> tuple[Tensor, list]:
        """Of the pictures ``piece`` of the batch: (n,) numbers, and what each is: a class, a position, or None.

        ``logits`` are the scores (n, outputs) as the network gives them.
        """
        raise NotImplementedError

    def name(self, start: Any) -> str:
        """In words, given what ``scores`` said that it is."""
        raise NotImplementedError


def goal(network: Network, target: Target, count: int, *, probability: bool = False) -> Goal:
    """The goal for a batch of ``count`` pictures; ``probability``: of a class its probability, not its logit.

    UserError for what is not in the network, or not ``count`` long.
    """
    if isinstance(target, Tensor | np.ndarray) and target.ndim:
        target = target.tolist()
    if isinstance(target, Neuron):
        return _Neuron(network, target)
    if callable(target):
        return _Function(target)
    asked = [*target] if isinstance(target, Sequence) and not isinstance(target, str) else [target] * count
    if len(asked) != count:
        raise UserError(f"target must be one class, or one for each of the {count} pictures, not {len(asked)}.")
    return _Classes(network, asked, probability)


class _Classes(Goal):
    of_class = True

    def __init__(self, network: Network, asked: list, probability: bool) -> None:
        self._network = network
        self._asked = [None if one is None else network.class_index(one) for one in asked]
        self._measure = network.probabilities if probability else network.class_logits
        self.unit = "probability" if probability else network.class_unit

    def scores(self, logits: Tensor | None, values: dict[str, Tensor], piece: range) -> tuple[Tensor, list]:
        assert logits is not None  # asked for, as no layer is
        top = self._network.top(logits).tolist()
        classes = [best if self._asked[i] is None else self._asked[i] for best, i in zip(top, piece, strict=True)]
        return self._measure(logits)[range(len(piece)), classes], classes

    def name(self, start: int) -> str:
        return self._network.classes[start]


class _Function(Goal):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        self._function = function

    def scores(self, logits: Tensor | None, values: dict[str, Tensor], piece: range) -> tuple[Tensor, list]:
        assert logits is not None
        with somebodys("target"):
            scores = self._function(logits)
        if not isinstance(scores, Tensor) or scores.shape != (len(piece),):
            came = f"shape {tuple(scores.shape)}" if isinstance(scores, Tensor) else f"a {type(scores).__name__}"
            raise UserError(f"target must turn the logits (B, classes) into a tensor of shape (B,), not {came}.")
        return scores, [None] * len(piece)

    def name(self, start: None) -> str:
        return getattr(self._function, "__name__", "score")


class _Neuron(Goal):
    layer: str
    unit = "activation"

    def __init__(self, network: Network, neuron: Neuron) -> None:
        layer = network.layer(neuron.layer)
        self.layer = layer.name
        self._channel = whole_number("channel", neuron.channel, 0, layer.channels - 1, f"in layer {layer.name!r}")
        self._position = neuron.position
        if self._position == ITSELF:
            self.unit = "activation²/2"

    def scores(self, logits: Tensor | None, values: dict[str, Tensor], piece: range) -> tuple[Tensor, list]:
        maps = values[self.layer][:, self._channel]
        place = _checked(self._position, maps.shape[1:], self.layer)
        if place == WHOLE:
            return maps.reshape(len(piece), -1).sum(1), [WHOLE] * len(piece)
        if place == ITSELF:
            return maps.square().reshape(len(piece), -1).sum(1) / 2, [ITSELF] * len(piece)
        if maps.ndim != 3:  # no positions: the channel's one value, or the greatest of its row
            return maps.flatten(1).amax(1) if maps.ndim > 1 else maps, [None] * len(piece)
        top = maps.flatten(1).argmax(1).tolist()
        places = [divmod(index, maps.shape[2]) if place is None else place for index in top]
        rows, columns = zip(*places, strict=True)
        return maps[range(len(piece)), rows, columns], places

    def name(self, start: tuple[int, int] | str | None) -> str:
        return f"{self.layer} · channel {self._channel}" + (f" · {start}" if start else "")


def _checked(position: Any, size: tuple[int, ...], layer: str) -> tuple[int, int] | str | None:
    if position is None or (isinstance(position, str) and position in (WHOLE, ITSELF)):
        return position
    position = position.tolist() if hasattr(position, "tolist") else position
    if len(size) != 2:
        raise UserError(f"position must be None, not {position!r}: layer {layer!r} has no spatial positions.")
    if not isinstance(position, Sequence) or isinstance(position, str) or len(position) != 2:
        raise UserError(f'position must be (row, column), None, "{WHOLE}" or "{ITSELF}", not {position!r}.')
    row, column = (
        whole_number(f"the {name} of position", at, 0, length - 1, f"in layer {layer!r}")
        for name, at, length in zip(("row", "column"), position, size, strict=True)
    )
    return row, column
