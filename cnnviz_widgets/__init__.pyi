from . import exercises, methods, networks, panels, pictures, runtime
from .errors import UserError
from .methods import (
    activations,
    class_gradient,
    filters,
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
    "Session",
    "UserError",
    "activations",
    "class_gradient",
    "device",
    "exercises",
    "filters",
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
