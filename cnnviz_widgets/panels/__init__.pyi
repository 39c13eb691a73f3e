# Written by tools/sync.
from .activations import Activations
from .class_activation import ClassActivation
from .class_model import ClassModel
from .compare import Compare
from .deep_dream import DeepDream
from .doodle import Doodle
from .fast_style import FastStyle
from .feature_visualization import FeatureVisualization
from .filters import Filters
from .gradients import Gradients
from .illusion import Illusion
from .inversion import Inversion
from .lab import Lab, lab
from .live_style import LiveStyle
from .normalization import Normalization
from .occlusion import Occlusion
from .one_pixel import OnePixel
from .panel import Panel, computes
from .patch import Patch
from .prose import Prose, prose
from .sanity import Sanity
from .session import Session
from .style_transfer import StyleTransfer
from .super_resolution import SuperResolution
from .texture import Texture
from .texture_growth import TextureGrowth

__all__ = [
    "Activations",
    "ClassActivation",
    "ClassModel",
    "Compare",
    "DeepDream",
    "Doodle",
    "FastStyle",
    "FeatureVisualization",
    "Filters",
    "Gradients",
    "Illusion",
    "Inversion",
    "Lab",
    "LiveStyle",
    "Normalization",
    "Occlusion",
    "OnePixel",
    "Panel",
    "Patch",
    "Prose",
    "Sanity",
    "Session",
    "StyleTransfer",
    "SuperResolution",
    "Texture",
    "TextureGrowth",
    "computes",
    "lab",
    "prose",
]
