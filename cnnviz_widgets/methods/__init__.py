"""Techniques, as plain functions on a network and a picture. No widget is needed for any of them."""

from cnnviz_widgets.methods.evaluation.curves import Curve, deletion_curve, insertion_curve
from cnnviz_widgets.methods.evaluation.pointing import PointingGame, boxes_in_view, pointing_game
from cnnviz_widgets.methods.evaluation.random_labels import random_labels
from cnnviz_widgets.methods.evaluation.sanity import SanityState, edge_map, sanity_check, similarity
from cnnviz_widgets.methods.evaluation.segment import Segmentation, segment
from cnnviz_widgets.methods.optimise import (
    InversionLadder,
    OptimisationState,
    class_model,
    diverse,
    dream,
    dream_zoom,
    interpolate,
    inversion_ladder,
    invert,
    invert_hog,
    objectives,
    operators,
    optimise,
    optimisers,
    parametrisations,
    transforms,
    visualise,
)
from cnnviz_widgets.methods.passes.activations import activations
from cnnviz_widgets.methods.passes.cam import cam
from cnnviz_widgets.methods.passes.channels import ImportantChannels, important_channels
from cnnviz_widgets.methods.passes.examples import TopExamples, top_examples
from cnnviz_widgets.methods.passes.filters import filters
from cnnviz_widgets.methods.passes.fullgrad import full_grad
from cnnviz_widgets.methods.passes.grad_cam import grad_cam, grad_cam_pp, hires_cam, layer_cam
from cnnviz_widgets.methods.passes.gradients import class_gradient, gradient_times_input, neuron_gradient, saliency
from cnnviz_widgets.methods.passes.guided_cam import guided_grad_cam
from cnnviz_widgets.methods.passes.integrated import integrated_gradients
from cnnviz_widgets.methods.passes.occlusion import OcclusionState, occluded, occlusion
from cnnviz_widgets.methods.passes.relu_rules import relu_rule
from cnnviz_widgets.methods.passes.score_cam import score_cam
from cnnviz_widgets.methods.passes.smooth import smooth_gradient, smoothgrad
from cnnviz_widgets.methods.results import ActivationMaps, Filters, GradientPicture, Heatmap
from cnnviz_widgets.methods.states import last
from cnnviz_widgets.methods.targets import Neuron

__all__ = [
    "ActivationMaps",
    "Curve",
    "Filters",
    "GradientPicture",
    "Heatmap",
    "ImportantChannels",
    "InversionLadder",
    "Neuron",
    "OcclusionState",
    "OptimisationState",
    "PointingGame",
    "SanityState",
    "Segmentation",
    "TopExamples",
    "activations",
    "boxes_in_view",
    "cam",
    "class_gradient",
    "class_model",
    "deletion_curve",
    "diverse",
    "dream",
    "dream_zoom",
    "edge_map",
    "filters",
    "full_grad",
    "grad_cam",
    "grad_cam_pp",
    "gradient_times_input",
    "guided_grad_cam",
    "hires_cam",
    "important_channels",
    "insertion_curve",
    "integrated_gradients",
    "interpolate",
    "inversion_ladder",
    "invert",
    "invert_hog",
    "last",
    "layer_cam",
    "neuron_gradient",
    "objectives",
    "occluded",
    "occlusion",
    "operators",
    "optimise",
    "optimisers",
    "parametrisations",
    "pointing_game",
    "random_labels",
    "relu_rule",
    "saliency",
    "sanity_check",
    "score_cam",
    "segment",
    "similarity",
    "smooth_gradient",
    "smoothgrad",
    "top_examples",
    "transforms",
    "visualise",
]
