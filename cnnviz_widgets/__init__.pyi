# Written by tools/sync.
from . import drawing, exercises, methods, networks, panels, pictures, runtime
from .drawing.plot import plot
from .drawing.results import ActivationMaps, Filters, GradientPicture, Heatmap
from .drawing.show import grid, show
from .engine.optimize import (
    OptimizationState,
    objectives,
    operators,
    optimize,
    optimizers,
    parametrizations,
    transforms,
)
from .engine.relu_rules import relu_rule
from .engine.states import last
from .engine.targets import Neuron
from .errors import UserError
from .methods.activations.activations import activations
from .methods.activations.top_examples import TopExamples, top_examples
from .methods.adversarial.apply_patch import apply_patch
from .methods.adversarial.classifiers import (
    Classifier,
    HogClassifier,
    NeighborClassifier,
    hog_classifier,
    neighbor_classifier,
)
from .methods.adversarial.fgsm import EpsilonSweep, epsilon_sweep, fgsm
from .methods.adversarial.fool import Population, breed, fool
from .methods.adversarial.fool_hog import HogAttack, fool_hog
from .methods.adversarial.fool_neighbor import NeighborAttack, fool_neighbor
from .methods.adversarial.human_example import HumanExample, human_example
from .methods.adversarial.illusion import Hybrid, Illusion, hybrid, illusion
from .methods.adversarial.linear_toy import TOY_INPUT, TOY_WEIGHTS, LinearToy, linear_toy, long_toy
from .methods.adversarial.one_pixel import OnePixelState, one_pixel
from .methods.adversarial.patch import patch
from .methods.adversarial.patch_success import PatchSuccess, patch_success
from .methods.adversarial.pgd import pgd
from .methods.adversarial.robust_example import Poses, poses, robust_example, seen_as
from .methods.adversarial.targeted import targeted
from .methods.adversarial.train_attacker import AttackerState, train_attacker
from .methods.adversarial.train_robust import DefenseState, train_robust
from .methods.adversarial.transfer_attack import TransferMatrix, transfer_attack
from .methods.adversarial.universal import UniversalSuccess, universal, universal_success
from .methods.cam.cam import cam
from .methods.cam.grad_cam import grad_cam, grad_cam_pp, hires_cam, layer_cam
from .methods.cam.guided_grad_cam import guided_grad_cam
from .methods.cam.important_channels import ImportantChannels, important_channels
from .methods.cam.score_cam import score_cam
from .methods.convolution.best_input import BestInput, best_input
from .methods.convolution.convolution_matrix import ConvolutionMatrix, convolution_matrix
from .methods.convolution.convolve import Convolved, convolve
from .methods.convolution.numbers import PixelNumbers, numbers
from .methods.convolution.overlap import Overlap, overlap
from .methods.convolution.projective_field import ProjectiveField, projective_field
from .methods.convolution.receptive_field import Ellipse, ReceptiveField, receptive_field
from .methods.convolution.upsample_compare import Upsampling, upsample_compare
from .methods.embeddings.embed import Embedding, embed
from .methods.embeddings.features import Features, features
from .methods.embeddings.grand_tour import TourFrame, drag_axis, grand_tour
from .methods.embeddings.image_map import ImageMap, image_map, map_picture
from .methods.embeddings.neighbors import Neighbors, neighbors
from .methods.evaluation.deletion_curve import Curve, deletion_curve, insertion_curve
from .methods.evaluation.pointing_game import PointingGame, boxes_in_view, pointing_game
from .methods.evaluation.quiz_result import QuizAnswer, QuizResult, merge_quizzes
from .methods.evaluation.random_labels import random_labels
from .methods.evaluation.sanity_check import SanityState, edge_map, sanity_check, similarity
from .methods.evaluation.segment import Segmentation, segment
from .methods.evaluation.trust_quiz import Quiz, QuizTrial, trust_quiz
from .methods.features.class_model import class_model
from .methods.features.dream import dream, dream_zoom
from .methods.features.invert import InversionLadder, inversion_ladder, invert, invert_hog
from .methods.features.visualize import diverse, interpolate, visualize
from .methods.filters.circuit import Circuit, circuit
from .methods.filters.filters import filters
from .methods.filters.train_live import Epoch, LiveState, train_live
from .methods.filters.training_history import History, training_history
from .methods.generation.load_decoder import Decoded, Decoder, decoders, load_decoder, save_decoder
from .methods.generation.load_generator import Drawn, Generator, load_generator, save_generator
from .methods.generation.train_decoder import train_decoder
from .methods.generation.train_generator import train_generator
from .methods.gradients.full_grad import full_grad
from .methods.gradients.integrated_gradients import integrated_gradients
from .methods.gradients.saliency import class_gradient, input_x_gradient, neuron_gradient, saliency
from .methods.gradients.smoothgrad import smoothgrad, vargrad
from .methods.interpretable.filter_loss import filter_loss, filter_templates, template_mask
from .methods.interpretable.train_interpretable import InterpretableState, load_interpretable, train_interpretable
from .methods.occlusion.occlusion import OcclusionState, occluded, occlusion
from .methods.scan.deconvnet_patches import deconvnet_patches
from .methods.scan.scan import Scan, load_scan, scan
from .methods.scan.spectrum import Spectrum, spectrum
from .methods.scan.top_patches import Patches, top_patches
from .methods.style.contrast_response import ContrastResponse, contrast_response
from .methods.style.doodle import doodle
from .methods.style.keep_color import keep_color
from .methods.style.load_style import Style, Styled, load_style, save_style, styles
from .methods.style.reconstructions import reconstructions
from .methods.style.suggest_mask import suggest_mask
from .methods.style.train_style import train_style
from .methods.style.train_upscaler import train_upscaler
from .methods.style.transfer import transfer
from .methods.style.transfer_grid import transfer_grid
from .methods.style.upscale import Upscaled, UpscaleTable, save_upscaler, upscale, upscale_table
from .methods.texture.gram import gatys_layer_loss, gram, moments
from .methods.texture.grow_texture import TextureGrowth, grow_texture
from .methods.texture.texture import texture, texture_numbers
from .methods.units.activation_grid import ActivationGrid, activation_grid
from .methods.units.atlas import Atlas, atlas, load_atlas
from .methods.units.factor_groups import FactorGroups, factor_groups
from .methods.units.semantic_dictionary import SemanticDictionary, semantic_dictionary
from .methods.units.tuning import Tuning, tuning
from .methods.units.unit_name import UnitName, unit_name
from .methods.units.unit_neighbors import UnitNeighbors, unit_neighbors
from .networks import Network, load_network
from .panels import Session, lab, prose
from .pictures import labels, load_dataset, load_image, objects, painted, render_object, samples, scenes
from .runtime.device import device, use

__all__ = [
    "TOY_INPUT",
    "TOY_WEIGHTS",
    "ActivationGrid",
    "ActivationMaps",
    "Atlas",
    "AttackerState",
    "BestInput",
    "Circuit",
    "Classifier",
    "ContrastResponse",
    "ConvolutionMatrix",
    "Convolved",
    "Curve",
    "Decoded",
    "Decoder",
    "DefenseState",
    "Drawn",
    "Ellipse",
    "Embedding",
    "Epoch",
    "EpsilonSweep",
    "FactorGroups",
    "Features",
    "Filters",
    "Generator",
    "GradientPicture",
    "Heatmap",
    "History",
    "HogAttack",
    "HogClassifier",
    "HumanExample",
    "Hybrid",
    "Illusion",
    "ImageMap",
    "ImportantChannels",
    "InterpretableState",
    "InversionLadder",
    "LinearToy",
    "LiveState",
    "NeighborAttack",
    "NeighborClassifier",
    "Neighbors",
    "Network",
    "Neuron",
    "OcclusionState",
    "OnePixelState",
    "OptimizationState",
    "Overlap",
    "PatchSuccess",
    "Patches",
    "PixelNumbers",
    "PointingGame",
    "Population",
    "Poses",
    "ProjectiveField",
    "Quiz",
    "QuizAnswer",
    "QuizResult",
    "QuizTrial",
    "ReceptiveField",
    "SanityState",
    "Scan",
    "Segmentation",
    "SemanticDictionary",
    "Session",
    "Spectrum",
    "Style",
    "Styled",
    "TextureGrowth",
    "TopExamples",
    "TourFrame",
    "TransferMatrix",
    "Tuning",
    "UnitName",
    "UnitNeighbors",
    "UniversalSuccess",
    "Upsampling",
    "UpscaleTable",
    "Upscaled",
    "UserError",
    "activation_grid",
    "activations",
    "apply_patch",
    "atlas",
    "best_input",
    "boxes_in_view",
    "breed",
    "cam",
    "circuit",
    "class_gradient",
    "class_model",
    "contrast_response",
    "convolution_matrix",
    "convolve",
    "decoders",
    "deconvnet_patches",
    "deletion_curve",
    "device",
    "diverse",
    "doodle",
    "drag_axis",
    "drawing",
    "dream",
    "dream_zoom",
    "edge_map",
    "embed",
    "epsilon_sweep",
    "exercises",
    "factor_groups",
    "features",
    "fgsm",
    "filter_loss",
    "filter_templates",
    "filters",
    "fool",
    "fool_hog",
    "fool_neighbor",
    "full_grad",
    "gatys_layer_loss",
    "grad_cam",
    "grad_cam_pp",
    "gram",
    "grand_tour",
    "grid",
    "grow_texture",
    "guided_grad_cam",
    "hires_cam",
    "hog_classifier",
    "human_example",
    "hybrid",
    "illusion",
    "image_map",
    "important_channels",
    "input_x_gradient",
    "insertion_curve",
    "integrated_gradients",
    "interpolate",
    "inversion_ladder",
    "invert",
    "invert_hog",
    "keep_color",
    "lab",
    "labels",
    "last",
    "layer_cam",
    "linear_toy",
    "load_atlas",
    "load_dataset",
    "load_decoder",
    "load_generator",
    "load_image",
    "load_interpretable",
    "load_network",
    "load_scan",
    "load_style",
    "long_toy",
    "map_picture",
    "merge_quizzes",
    "methods",
    "moments",
    "neighbor_classifier",
    "neighbors",
    "networks",
    "neuron_gradient",
    "numbers",
    "objectives",
    "objects",
    "occluded",
    "occlusion",
    "one_pixel",
    "operators",
    "optimize",
    "optimizers",
    "overlap",
    "painted",
    "panels",
    "parametrizations",
    "patch",
    "patch_success",
    "pgd",
    "pictures",
    "plot",
    "pointing_game",
    "poses",
    "projective_field",
    "prose",
    "random_labels",
    "receptive_field",
    "reconstructions",
    "relu_rule",
    "render_object",
    "robust_example",
    "runtime",
    "saliency",
    "samples",
    "sanity_check",
    "save_decoder",
    "save_generator",
    "save_style",
    "save_upscaler",
    "scan",
    "scenes",
    "score_cam",
    "seen_as",
    "segment",
    "semantic_dictionary",
    "show",
    "similarity",
    "smoothgrad",
    "spectrum",
    "styles",
    "suggest_mask",
    "targeted",
    "template_mask",
    "texture",
    "texture_numbers",
    "top_examples",
    "top_patches",
    "train_attacker",
    "train_decoder",
    "train_generator",
    "train_interpretable",
    "train_live",
    "train_robust",
    "train_style",
    "train_upscaler",
    "training_history",
    "transfer",
    "transfer_attack",
    "transfer_grid",
    "transforms",
    "trust_quiz",
    "tuning",
    "unit_name",
    "unit_neighbors",
    "universal",
    "universal_success",
    "upsample_compare",
    "upscale",
    "upscale_table",
    "use",
    "vargrad",
    "visualize",
]

__version__: str
