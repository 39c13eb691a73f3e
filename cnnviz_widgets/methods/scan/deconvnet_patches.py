"""A4: the strongest activations, each projected back to the pixels."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnviz_widgets.drawing.results import GradientPicture
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Positive, gate
from cnnviz_widgets.methods.activations.top_examples import Example
from cnnviz_widgets.methods.gradients.saliency import neuron_gradient
from cnnviz_widgets.methods.scan.scan import Scan, Which
from cnnviz_widgets.methods.scan.top_patches import Patches, top_patches
from cnnviz_widgets.networks import Layer, Network

__all__ = ["deconvnet_patches"]
example = dict(count=2)


@gate
def deconvnet_patches(
    scan: Scan,
    layer: str | Layer | nn.Module,
    channel: int,
    which: Which = "top",
    *,
    count: Positive | None = None,
) -> GradientPicture:
    """Deconvnet projections of a unit's strongest activations (Zeiler & Fergus, 2014, fig. 2).

    For each patch of ``top_patches``, the activation is projected to the pixels: max-pooling sends it back to where the
    maximum was (the "switches"), a ReLU lets only what is positive pass. It begins with 1 at the unit, and 0 at all
    others, so that a projection does not depend on how strong the activation is. It is cropped as the patch.

    Arguments as in ``top_patches``.
    Returns a GradientPicture, values (k, C, h, w), signed, per unit of normalized input, its pictures the patches.
    Raises UserError as ``top_patches`` does, and if no picture is in the list.

        deconvnet_patches(last(scan(load_network("mini"), samples(), "conv4")), "conv4", 7).values
    """
    patches = top_patches(scan, layer, channel, which, count=count)
    if not patches.examples:
        raise UserError(f"which: no picture is in the list {which!r} of {patches.of}.")
    return projections_of(scan.network, patches)


def projections_of(network: Network, patches: Patches) -> GradientPicture:
    """Of patches that are known; at least one."""
    examples = patches.examples
    back = [
        neuron_gradient(network, one.picture, patches.layer, patches.channel, one.position, rule="deconvnet")
        for one in examples
    ]
    return GradientPicture(
        _together([_cropped(one, example) for one, example in zip(back, examples, strict=True)]),
        _together([example.patch for example in examples]),
        back[0].convention,
        tuple(f"{one.value:.3g} · {one.name}" for one in examples),
        tuple(one.value for one in examples),
        tuple(one.position or (0, 0) for one in examples),
    )


def _cropped(back: GradientPicture, example: Example) -> Tensor:
    """As ``example.patch``; beyond the border nothing comes back."""
    (left, top, right, bottom), (first, highest, last, lowest) = example.window, example.field
    beyond = left - first, last - right, top - highest, lowest - bottom
    return F.pad(back.values[:, top:bottom, left:right], beyond)


def _together(patches: list[Tensor]) -> Tensor:
    """(k, C, h, w); where a unit sees all of pictures of several sizes, 0 fills up the smaller ones."""
    height, width = (max(one.shape[axis] for one in patches) for axis in (1, 2))
    return torch.stack([F.pad(one, (0, width - one.shape[2], 0, height - one.shape[1])) for one in patches])
