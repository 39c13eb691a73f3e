"""C1: the class activation map, with the classifier's own weights."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnviz_widgets.drawing.results import Heatmap
from cnnviz_widgets.engine.backward import slope, way_back
from cnnviz_widgets.engine.targets import Target, goal
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import gate
from cnnviz_widgets.methods.cam.grad_cam import AnyLayer, gather, heatmap, wide, with_places
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["cam"]

_SAME = 0.01  # of the greatest logit: more than half precision rounds, less than another formula errs


@gate
def cam(
    network: Network,
    image: AnyPicture,
    target: Target = None,
    layer: AnyLayer = None,
    *,
    relu: bool = True,
    upsample: bool = True,
    counterfactual: bool = False,
) -> Heatmap:
    """Where a class is seen: ``ReLU(Σ_k w_k A_k)``, ``w`` its weights in the classifier (Zhou et al., 2016).

    For networks that end in the average of each map ``A_k`` and one linear layer (or 1×1 convolution), in either order;
    that the logits are made like this is tried with every picture, not assumed. The mean of the values without ``relu``
    and ``upsample`` is then the logit but for its bias, and they are ``grad_cam``'s times the number of positions.
    SqueezeNet has a ReLU between the two (1×1 convolution → ReLU → average): the values are then what this ReLU gets,
    but for the bias, and still ``grad_cam`` but for scale, unless the class's logit is 0. DenseNet has one between the
    layer and the average, called as a function: it counts as part of ``A``, while ``grad_cam`` looks before it.

    target  a class or a callable as in ``grad_cam``, no neuron
    layer   None = ``network.default_layer``; in most networks no other will do
    The rest as in ``grad_cam``. Raises UserError also if the logits are not made like this from the layer.

        cam(load_network("mini"), load_image("chelsea"), "tabby").values
    """
    pictures = network.prepare(image)
    aim = goal(network, target, len(pictures))
    if aim.layer is not None:
        raise UserError("target must be a class or a callable, not a Neuron: cam has weights for classes only.")
    name = with_places(network, layer, aim)

    def work(piece: range) -> tuple[Tensor, list]:
        batch = network.normalize(pictures[piece.start : piece.stop])
        with way_back(network):
            logits, values = network.forward(batch, name)
            assert logits is not None  # asked for
            logits = logits.detach().requires_grad_()
            scores, start = aim.scores(logits, {}, piece)
            share = slope(network, scores, logits, "the logits")  # of each class in the score: (n, classes)
        with network.lock:  # in training mode, spectral norm moves its buffers whenever a weight is read
            maps, weights = _averaged(network, name, wide(values[name]), logits.detach())
        raw = torch.einsum("nk,nkhw->nhw", wide(share) @ weights, maps)
        return -raw if counterfactual else raw, start

    raw, start = gather(network, work, pictures)
    method = "negated " * counterfactual + f"{aim.unit} CAM"
    return heatmap(network, image, pictures, raw, aim, start, name, method, relu, upsample)


def _averaged(network: Network, layer: str, maps: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """The maps (n, C, h, w) and weights (classes, C) that, averaged over positions, make the logits."""
    linear = [one for one in network.module.modules() if isinstance(one, nn.Linear | nn.Conv2d)]
    heads = [one for one in linear if one.weight.flatten(1).shape == (logits.shape[1], maps.shape[1])]
    for head in heads:
        weights, bias = wide(head.weight).flatten(1), None if head.bias is None else wide(head.bias)
        for rectified in (maps, maps.relu()):
            every = F.conv2d(rectified, weights[:, :, None, None], bias)
            for averaged in (every, every.relu()):
                if (averaged.mean((2, 3)) - logits).abs().max() <= _SAME * logits.abs().max():
                    return rectified, weights
    raise UserError(
        f"cam needs logits that are an average over positions and one linear layer; those of {network.name} are not, "
        f"from layer {layer!r} on: grad_cam works with any network and layer."
    )
