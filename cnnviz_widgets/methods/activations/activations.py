"""A1: the activation maps of a layer."""

from torch import Tensor, nn

from cnnviz_widgets.drawing.results import ActivationMaps
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import gate
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["activations"]


@gate
def activations(network: Network, image: AnyPicture, layer: "str | Layer | nn.Module | None" = None) -> ActivationMaps:
    """The feature maps of one layer (shown live in Yosinski et al., 2015).

    image   (3, H, W), values 0…1.   layer: None = ``network.default_layer``.
    Returns ActivationMaps, values (C, H, W) in the layer's own units. For batches see ``network.activations``.
    Raises UserError if the layer is unknown, or the picture is none or more than one.
    """
    layer = network.default_layer if layer is None else network.layer(layer)
    picture = one_picture(network, image)
    values = network.activations(picture, layer.name)[layer.name].cpu()
    maps = values.reshape(*values.shape, *[1] * (3 - values.ndim))
    return ActivationMaps(maps, picture.cpu(), layer.name, ActivationMaps.convention + layer.omission)


def one_picture(network: Network, image: AnyPicture) -> Tensor:
    """The prepared picture, (C, H, W); UserError for a batch of several."""
    pictures = network.prepare(image)
    if len(pictures) != 1:
        raise UserError(f"image must be one picture (C, H, W), not a batch of {len(pictures)}.")
    return pictures[0]
