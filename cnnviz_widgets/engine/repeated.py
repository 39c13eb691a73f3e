"""Many gradients of one score, near a picture or on the path to it: for SmoothGrad and integrated gradients."""

from collections.abc import Callable
from dataclasses import replace
from functools import reduce as reduce_pieces
from itertools import chain
from operator import add
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cnnviz_widgets.engine.backward import descend, in_pieces
from cnnviz_widgets.engine.relu_rules import RuleName, relu_rule
from cnnviz_widgets.engine.targets import Goal, Neuron, Target, goal
from cnnviz_widgets.networks import Network


class Look(NamedTuple):
    """Of B prepared pictures: their scores, what these are (class or position) and in words."""

    scores: list[float]
    start: list
    names: list[str]


def look(network: Network, pictures: Tensor, aim: Goal) -> Look:
    """A pass forward alone."""
    layers = [] if aim.layer is None else [aim.layer]

    def work(piece: range) -> tuple[list[float], list]:
        batch = network.quickest(network.normalize(pictures[piece.start : piece.stop]))
        output, values = network.forward(batch, layers, to_output=not layers)
        scores, start = aim.scores(output, values, piece)
        return scores.tolist(), start

    each_scores, each_start = zip(*in_pieces(network, work, len(pictures), pictures.shape[-2:]), strict=True)
    scores, start = [*chain(*each_scores)], [*chain(*each_start)]
    return Look(scores, start, [aim.name(one) for one in start])


def settled(network: Network, target: Target, start: Any, count: int, *, probability: bool = False) -> Goal:
    """What was explained in one picture, class or position ``start``, as the goal for ``count`` others."""
    if isinstance(target, Neuron):
        return goal(network, replace(target, position=start), count)
    return goal(network, target if callable(target) else start, count, probability=probability)


def gradient_sum(
    network: Network,
    aim: Goal,
    rule: RuleName,
    count: int,
    size: tuple[int, ...],
    inputs: Callable[[range], Tensor],
    reduce: Callable[[range, Tensor], Tensor],
) -> Tensor:
    """The sum of ``reduce(piece, gradients)`` over all pieces of ``range(count)``, in float64, on the CPU.

    inputs   the pictures (n, C, H, W) of a piece of n numbers, normalized, of height and width ``size``
    reduce   is given the gradients (n, C, H, W) with respect to them, in float64
    """

    def work(piece: range) -> Tensor:
        _, gradients, _, _ = descend(network, lambda: inputs(piece), aim, piece)
        gradients = gradients.cpu() if gradients.device.type == "mps" else gradients  # which has no float64
        return reduce(piece, gradients.to(torch.float64, memory_format=torch.contiguous_format)).cpu()

    with relu_rule(rule):
        return reduce_pieces(add, in_pieces(network, work, count, size))
