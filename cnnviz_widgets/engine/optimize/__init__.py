"""Gradient steps on a picture: one loop, and what it is made of."""

from cnnviz_widgets.engine.optimize import objectives, operators, optimizers, parametrizations, transforms
from cnnviz_widgets.engine.optimize.loop import OptimizationState, optimize

__all__ = [
    "OptimizationState",
    "objectives",
    "operators",
    "optimize",
    "optimizers",
    "parametrizations",
    "transforms",
]
