"""The linear part of a network: its rectifiers pass everything on, and max pooling is the mean."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from torch import Tensor

from cnnviz_widgets.engine.pooling import pooling
from cnnviz_widgets.engine.relu_rules import Rectifiers, Rule
from cnnviz_widgets.runtime.interrupts import guarded


def linear() -> AbstractContextManager:
    """Context in which a forward pass that records a gradient must run."""
    return guarded(pooling("average"), _Passing())


class _Passing(Rectifiers):
    caught = Rule.caught

    def rectify(self, func: Callable, x: Tensor, rest: list, kwargs: dict) -> Tensor:
        return x
