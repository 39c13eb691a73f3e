# Written by tools/sync.
from .activations import Activations
from .attack import Attack
from .attacker import Attacker
from .checkerboard import Checkerboard
from .circuit import Circuit
from .class_activation import ClassActivation
from .class_model import ClassModel
from .compare import Compare
from .convolution import Convolution
from .convolution_matrix import ConvolutionMatrix
from .deep_dream import DeepDream
from .defense import Defense
from .dictionary import Dictionary
from .doodle import Doodle
from .embedding import Embedding
from .fast_style import FastStyle
from .feature_decoder import FeatureDecoder
from .feature_visualization import FeatureVisualization
from .filters import Filters
from .fooling import Fooling
from .generator import Generator
from .gradients import Gradients
from .grand_tour import GrandTour
from .illusion import Illusion
from .image_map import ImageMap
from .interpretable_filters import InterpretableFilters
from .inversion import Inversion
from .lab import Lab, lab
from .linear_toy import LinearToy
from .live_style import LiveStyle
from .masked_trial import MaskedTrial
from .matching import Matching
from .neighbors import Neighbors
from .normalization import Normalization
from .occlusion import Occlusion
from .one_pixel import OnePixel
from .other_classifiers import OtherClassifiers
from .panel import Panel, computes
from .patch import Patch
from .patches import Patches
from .pixels import Pixels
from .prose import Prose, prose
from .receptive_field import ReceptiveField
from .reconstructions import Reconstructions
from .robust_example import RobustExample
from .sanity import Sanity
from .session import Session
from .smoothing import Smoothing
from .spectrum import Spectrum
from .style_transfer import StyleTransfer
from .super_resolution import SuperResolution
from .texture import Texture
from .texture_growth import TextureGrowth
from .training import Training
from .transfer import Transfer
from .trust_quiz import TrustQuiz
from .tuning import Tuning
from .unit import Unit
from .universal import Universal

__all__ = [
    "Activations",
    "Attack",
    "Attacker",
    "Checkerboard",
    "Circuit",
    "ClassActivation",
    "ClassModel",
    "Compare",
    "Convolution",
    "ConvolutionMatrix",
    "DeepDream",
    "Defense",
    "Dictionary",
    "Doodle",
    "Embedding",
    "FastStyle",
    "FeatureDecoder",
    "FeatureVisualization",
    "Filters",
    "Fooling",
    "Generator",
    "Gradients",
    "GrandTour",
    "Illusion",
    "ImageMap",
    "InterpretableFilters",
    "Inversion",
    "Lab",
    "LinearToy",
    "LiveStyle",
    "MaskedTrial",
    "Matching",
    "Neighbors",
    "Normalization",
    "Occlusion",
    "OnePixel",
    "OtherClassifiers",
    "Panel",
    "Patch",
    "Patches",
    "Pixels",
    "Prose",
    "ReceptiveField",
    "Reconstructions",
    "RobustExample",
    "Sanity",
    "Session",
    "Smoothing",
    "Spectrum",
    "StyleTransfer",
    "SuperResolution",
    "Texture",
    "TextureGrowth",
    "Training",
    "Transfer",
    "TrustQuiz",
    "Tuning",
    "Unit",
    "Universal",
    "computes",
    "lab",
    "prose",
]
