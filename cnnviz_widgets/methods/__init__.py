"""Techniques, as plain functions on a network and a picture. No widget is needed for any of them."""

from cnnviz_widgets.methods.passes.activations import activations
from cnnviz_widgets.methods.passes.filters import filters
from cnnviz_widgets.methods.passes.gradients import (
    class_gradient,
    gradient_times_input,
    neuron_gradient,
    saliency,
)
from cnnviz_widgets.methods.passes.occlusion import OcclusionState, occluded, occlusion
from cnnviz_widgets.methods.passes.relu_rules import relu_rule
from cnnviz_widgets.methods.results import ActivationMaps, Filters, GradientPicture, Heatmap
from cnnviz_widgets.methods.states import last
from cnnviz_widgets.methods.targets import Neuron

__all__ = [
    "ActivationMaps",
    "Filters",
    "GradientPicture",
    "Heatmap",
    "Neuron",
    "OcclusionState",
    "activations",
    "class_gradient",
    "filters",
    "gradient_times_input",
    "last",
    "neuron_gradient",
    "occluded",
    "occlusion",
    "relu_rule",
    "saliency",
]
