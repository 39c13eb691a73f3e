"""G1, G4, part of G2: gradients of a class score or of one neuron with respect to the picture.

class_gradient    ``∂s/∂x`` of a class score, signed and in color
saliency          its absolute value, maximum over the color channels: one number ≥ 0 for every pixel
input_x_gradient  it times the normalized input: each pixel's contribution to the score, to first order
neuron_gradient   the same derivative of one neuron of a layer instead of a class score
"""

from torch import nn

from cnnviz_widgets.drawing.results import GradientPicture, Heatmap
from cnnviz_widgets.engine.backward import BACK, like, pull_back
from cnnviz_widgets.engine.relu_rules import RuleName
from cnnviz_widgets.engine.targets import Neuron, Position, Target, goal
from cnnviz_widgets.gate import gate
from cnnviz_widgets.networks import Layer, Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["class_gradient", "input_x_gradient", "neuron_gradient", "saliency"]


@gate
def saliency(network: Network, image: AnyPicture, target: Target = None, *, rule: RuleName = "backprop") -> Heatmap:
    """Saliency map: sensitivity of one class score to every pixel, ``max_c |∂s/∂x_c|`` (Simonyan et al., 2014).

    The gradient itself, signed and in color, is ``class_gradient``; that of a neuron is ``neuron_gradient``.

    image    (3, H, W) or (B, 3, H, W), values 0…1, any device
    target   class index or name, None = the top class of each picture, a ``Neuron``, or a callable that turns the
             logits (B, classes) into (B,) numbers; for a batch also a list of classes, one per picture
    rule     what a ReLU passes back: "backprop", "deconvnet" or "guided"
    Returns a Heatmap, values (H, W) or (B, H, W) ≥ 0: change of the score per unit of normalized input.
    Raises UserError for an unknown class, layer or rule.

        saliency(load_network("mini"), load_image("chelsea"), "tabby").values
    """
    pictures = network.prepare(image)
    aim = goal(network, target, len(pictures))
    back = pull_back(network, pictures, aim, rule)
    return Heatmap(
        like(image, back.gradient.abs().amax(1)),
        like(image, back.pictures),
        convention=f"{aim.unit} {BACK[rule]}, maximum of absolute value over color channels",
        of=like(image, back.names),
        target=like(image, back.start),
    )


@gate
def class_gradient(
    network: Network, image: AnyPicture, target: Target = None, *, rule: RuleName = "backprop"
) -> GradientPicture:
    """Gradient of one class score with respect to the picture, ``∂s/∂x``, signed and in color.

    Arguments and errors as in ``saliency``, which is the maximum of its absolute value over the color channels.
    Returns a GradientPicture, values (3, H, W) or (B, 3, H, W), per unit of normalized input.

        class_gradient(load_network("mini"), load_image("chelsea"), "tabby").values
    """
    return _signed(network, image, target, rule)


@gate
def input_x_gradient(
    network: Network, image: AnyPicture, target: Target = None, *, rule: RuleName = "backprop"
) -> GradientPicture:
    """Input × gradient: each pixel's contribution to the score to first order, ``x · ∂s/∂x`` (Shrikumar et al., 2016).

    ``x`` is the normalized picture, so 0 is the mean color of the network's training pictures. For a network without
    biases the values add up to the score. Arguments and result as in ``class_gradient``, in units of the score.
    """
    return _signed(network, image, target, rule, times_input=True)


@gate
def neuron_gradient(
    network: Network,
    image: AnyPicture,
    layer: "str | Layer | nn.Module",
    channel: int,
    position: Position = None,
    *,
    rule: RuleName = "backprop",
) -> GradientPicture:
    """Gradient of one neuron with respect to the picture (with ``rule="guided"``: Springenberg et al., 2015, fig. 3).

    ``class_gradient`` for a neuron of an inner layer in place of a class score.

    image     (3, H, W) or (B, 3, H, W), values 0…1, any device
    channel   of the layer, from 0
    position  (row, column) in the channel's map; None = where it is greatest, in each picture; "all" = the sum over
              the whole map; "map" = half the sum of its squares, whose gradient is the map itself
    rule      what a ReLU passes back: "backprop", "deconvnet" or "guided"
    Returns a GradientPicture, values (3, H, W) or (B, 3, H, W), signed, per unit of normalized input.
    Raises UserError for an unknown layer or rule, and for a channel or position that the layer does not have.

        neuron_gradient(load_network("mini"), load_image("chelsea"), "relu3", 17, rule="guided")
    """
    return _signed(network, image, Neuron(layer, channel, position), rule)


def _signed(
    network: Network, image: AnyPicture, target: Target, rule: RuleName, *, times_input: bool = False
) -> GradientPicture:
    pictures = network.prepare(image)
    aim = goal(network, target, len(pictures))
    back = pull_back(network, pictures, aim, rule)
    values = back.gradient * network.normalize(pictures).cpu() if times_input else back.gradient
    return GradientPicture(
        like(image, values),
        like(image, back.pictures),
        convention=f"{aim.unit} {BACK[rule]}{' times normalized input' * times_input}, signed",
        of=like(image, back.names),
        score=like(image, back.scores),
        position=like(image, back.start) if isinstance(target, Neuron) else None,
    )
