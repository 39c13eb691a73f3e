"""C3: Guided Grad-CAM: guided backpropagation times Grad-CAM, fine in detail and specific to a class."""

from collections.abc import Callable

from torch import Tensor

from cnnviz_widgets.drawing.results import GradientPicture
from cnnviz_widgets.engine.backward import BACK, check, descend, like, quick_way_back, slope, way_back
from cnnviz_widgets.engine.relu_rules import Rule, RuleName, relu_rule
from cnnviz_widgets.engine.targets import Goal, Neuron, Target, goal
from cnnviz_widgets.gate import gate
from cnnviz_widgets.methods.cam.grad_cam import AnyLayer, gather, heatmap, mean_gradient, wide, with_places
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture
from cnnviz_widgets.runtime.interrupts import guarded

__all__ = ["guided_grad_cam"]


@gate
def guided_grad_cam(
    network: Network, image: AnyPicture, target: Target = None, layer: AnyLayer = None, *, rule: RuleName = "guided"
) -> GradientPicture:
    """The guided gradient at the picture, times the positive part of Grad-CAM, upsampled (Selvaraju et al., 2017).

    image, target, layer  as in ``grad_cam``
    rule                  of the gradient at the picture: "guided", "deconvnet" or "backprop"; Grad-CAM always has
                          the true gradient
    Returns a GradientPicture, values (3, H, W) or (B, 3, H, W), signed. Raises UserError as ``grad_cam``, and for an
    unknown rule.

        guided_grad_cam(load_network("mini"), load_image("chelsea"), "tabby").values
    """
    pictures = network.prepare(image)
    aim = goal(network, target, len(pictures))
    name = with_places(network, layer, aim)
    context = relu_rule(rule)

    def work(piece: range) -> tuple[Tensor, Tensor, list[float], list]:
        batch = lambda: network.normalize(pictures[piece.start : piece.stop])  # noqa: E731
        if rule == "guided":
            maps, at_maps, gradient, scores, start = _together(network, batch, aim, piece, name, Rule(rule))
        else:  # deconvnet forgets what the true gradient needs
            maps, at_maps, _, _ = descend(network, batch, aim, piece, name)
            with context:
                _, gradient, scores, start = descend(network, batch, aim, piece)
        maps, at_maps = wide(maps), wide(at_maps)
        return (mean_gradient(maps, at_maps) * maps).sum(1), wide(gradient), scores.tolist(), start

    raw, gradient, scores, start = gather(network, work, pictures)
    check(network, gradient)
    place = heatmap(network, pictures, pictures, raw, aim, start, name, "Grad-CAM", relu=True, upsample=True)
    return GradientPicture(
        like(image, gradient * place.values[:, None]),
        like(image, pictures.cpu()),
        convention=f"{aim.unit} {BACK[rule]} times {place.convention}, signed",
        of=like(image, list(place.of)),
        score=like(image, scores),
        position=like(image, start) if isinstance(target, Neuron) else None,
    )


def _together(
    network: Network, inputs: Callable[[], Tensor], aim: Goal, piece: range, layer: str, guided: Rule
) -> tuple[Tensor, Tensor, Tensor, Tensor, list]:
    """One pass forward and two back: to the layer by the true gradient, and to the picture by the guided one."""
    layers = [layer] if aim.layer is None else [layer, aim.layer]
    with guarded(way_back(network), quick_way_back(network.module)):
        batch = network.quickest(inputs()).requires_grad_()
        with guarded(guided):
            output, values = network.forward(batch, layers, to_output=aim.layer is None, grad=True)
        scores, start = aim.scores(output, values, piece)
        guided.acting = False
        at_layer = slope(network, scores, values[layer], f"layer {layer!r}", again=True)
        guided.acting = True
        at_picture = slope(network, scores, batch, "the picture")
    return values[layer], at_layer, at_picture, scores, start
