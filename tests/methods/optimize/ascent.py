"""What the loop makes of an objective, and gradients by brute force."""

from collections.abc import Callable

import torch
from torch import Tensor

from cnnviz_widgets.engine.optimize import OptimizationState, optimize, parametrizations
from cnnviz_widgets.engine.optimize.objectives import Objective
from cnnviz_widgets.engine.states import last
from cnnviz_widgets.networks import Network


def slope(network: Network, objective: Objective, pictures: Tensor, **options) -> Tensor:
    """The gradient by the pixels, as the loop sees it: one step of length 1 along it, from pictures without a bound."""
    free = parametrizations.decoded(lambda code: code, pictures)
    state = run(network, objective, free, steps=1, optimizer="sgd", learning_rate=1.0, **options)
    return state.parameters[0] - pictures


def run(*arguments, **options) -> OptimizationState:
    return last(optimize(*arguments, **options), progress=False)


def by_differences(value: Callable[[Tensor], Tensor], pictures: Tensor, step: float = 1e-6) -> Tensor:
    """The gradient of ``value(pictures).sum()``, number by number."""
    gradient = torch.zeros_like(pictures)
    for index in range(pictures.numel()):
        ends = []
        for sign in (1, -1):
            moved = pictures.clone()
            moved.view(-1)[index] += sign * step
            ends.append(value(moved).sum())
        gradient.view(-1)[index] = (ends[0] - ends[1]) / (2 * step)
    return gradient
