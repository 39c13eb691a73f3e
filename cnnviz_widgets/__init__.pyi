from . import exercises, methods, networks, panels, pictures, runtime
from .errors import UserError
from .methods import (
    Neuron,
    activations,
    class_gradient,
    filters,
    gradient_times_input,
    last,
    neuron_gradient,
    occluded,
    occlusion,
    saliency,
)
from .networks import Network, load_network
from .panels import Session, lab
from .pictures import labels, load_image, samples
from .runtime.device import device, use

__all__ = [
    "Network",
    "Neuron",
    "Session",
    "UserError",
    "activations",
    "class_gradient",
    "device",
    "exercises",
    "filters",
    "gradient_times_input",
    "lab",
    "labels",
    "last",
    "load_image",
    "load_network",
    "methods",
    "networks",
    "neuron_gradient",
    "occluded",
    "occlusion",
    "panels",
    "pictures",
    "runtime",
    "saliency",
    "samples",
    "use",
]
