"""Techniques, as plain functions on a network and a picture. No widget is needed for any of them."""

from cnnviz_widgets.methods.passes.activations import activations
from cnnviz_widgets.methods.passes.filters import filters
from cnnviz_widgets.methods.passes.gradients import class_gradient, neuron_gradient, saliency
from cnnviz_widgets.methods.passes.occlusion import OcclusionState, occluded, occlusion
from cnnviz_widgets.methods.passes.relu_rules import relu_rule
from cnnviz_widgets.methods.results import ActivationMaps, Filters, GradientPicture, Heatmap
from cnnviz_widgets.methods.states import last

__all__ = [
    "ActivationMaps",
    "Filters",
    "GradientPicture",
    "Heatmap",
    "OcclusionState",
    "activations",
    "class_gradient",
    "filters",
    "last",
    "neuron_gradient",
    "occluded",
    "occlusion",
    "relu_rule",
    "saliency",
]
