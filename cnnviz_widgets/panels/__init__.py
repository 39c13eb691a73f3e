"""One live panel per technique, and the lab that shows them together."""

from cnnviz_widgets.panels.activations import Activations
from cnnviz_widgets.panels.class_activation import ClassActivation
from cnnviz_widgets.panels.class_model import ClassModel
from cnnviz_widgets.panels.compare import Compare
from cnnviz_widgets.panels.deep_dream import DeepDream
from cnnviz_widgets.panels.feature_visualisation import FeatureVisualisation
from cnnviz_widgets.panels.filters import Filters
from cnnviz_widgets.panels.gradients import Gradients
from cnnviz_widgets.panels.inversion import Inversion
from cnnviz_widgets.panels.lab import Lab, lab
from cnnviz_widgets.panels.occlusion import Occlusion
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.sanity import Sanity
from cnnviz_widgets.panels.session import Session

__all__ = [
    "Activations",
    "ClassActivation",
    "ClassModel",
    "Compare",
    "DeepDream",
    "FeatureVisualisation",
    "Filters",
    "Gradients",
    "Inversion",
    "Lab",
    "Occlusion",
    "Panel",
    "Sanity",
    "Session",
    "computes",
    "lab",
]
