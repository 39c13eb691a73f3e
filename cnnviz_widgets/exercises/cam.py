"""Chapter 09: maps of a class, from the channels of a layer."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cnnviz_widgets.exercises.feedback import NotYet, Wrong, check, given, refute, tensor, whole_numbers
from cnnviz_widgets.exercises.question import Question
from cnnviz_widgets.exercises.saliency import score_of
from cnnviz_widgets.networks import Layer, Network


@check
def check_map_size(answer: Any, network: Network, picture: Tensor, layer: str | Layer) -> str:
    """answer: (rows, columns) of a raw class activation map of the picture at a layer."""
    given(answer, "put `(rows, columns)` in `answer`.")
    layer, extent = network.layer(layer), tuple(network.prepare(picture).shape[-2:])
    channels, *right = network.activations(picture, layer)[layer.name].shape
    if isinstance(answer, tuple | list) and len(answer) == 3:
        raise Wrong("the channels are added up, so the map has only (rows, columns).")
    rows, columns = given_size = whole_numbers(answer, ("rows", "columns"))
    if list(given_size) != right:
        if given_size == extent:
            raise Wrong(
                "that is the size of the picture, and of the map when it is stretched over it; how many different "
                "values does it have?"
            )
        if given_size == tuple(map(round, layer.stride)):
            raise Wrong(
                "that is how many pixels lie between two positions of the layer: divide the picture's sides by it."
            )
        if given_size == layer.receptive_field:
            raise Wrong(
                "that is how much of the picture one position of the layer sees. These parts overlap: what counts "
                "is the distance from one to the next, the stride."
            )
        if [columns, rows] == right:
            raise Wrong("rows and columns are swapped.")
        if channels in given_size:
            raise Wrong("the number of channels is in it; they are added up.")
        raise Wrong("divide the sides of the picture by all the strides on the way to the layer, one after the other.")
    return (
        f"{rows * columns} different values for the {extent[0] * extent[1]} pixels; what is between them in a smooth "
        "picture comes from the interpolation."
    )


@check
def check_grad_cam(function: Callable[[Tensor, Tensor, int], Tensor]) -> str:
    """function(A, scores, target): (h, w), ReLU of the channels of A, each weighted by its mean gradient."""
    given(function, "write the function `my_grad_cam`.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        head = nn.Sequential(nn.Conv2d(6, 7, 3), nn.ReLU(), nn.Flatten(), nn.Linear(7 * 2 * 3, 4))
        features = torch.randn(1, 6, 4, 5)  # sides that no number of channels is taken for
    top = int(head(features).argmax())

    def forward() -> tuple[Tensor, Tensor]:
        """A, with its graph, and the scores that are computed from it, as in a network."""
        A = (features.requires_grad_() + 0.0).clone()
        return A, head(A)

    def gradient(score: Callable[[Tensor], Tensor]) -> Tensor:
        A, scores = forward()
        return torch.autograd.grad(score(scores[0]), A)[0][0]

    def weighted(weights: Tensor, maps: Tensor) -> Tensor:
        return torch.einsum("k,khw->hw", weights, maps)

    for target in ((top + 1) % 4, top, (top + 2) % 4):
        answer = function(*forward(), target)
        if answer is None:
            raise NotYet("`my_grad_cam` returns nothing: let it return the map, a tensor (h, w).")
        A, grad = features[0].detach(), gradient(score_of(target))
        alpha = grad.mean((1, 2))
        raw = weighted(alpha, A)
        right = raw.relu()
        shapes = {
            tuple(A.shape): "the channels are still apart, add them up",
            (1, *A.shape): "the channels are still apart, add them up, and take the first of the batch",
            (1, *right.shape): "of the batch take the first, `[0]`",
            (1, 1, *right.shape): "of the batch take the first, and of the one channel that is left too, `[0, 0]`",
            tuple(right.shape[::-1]): "rows and columns are swapped",
            tuple(alpha.shape): "these are one number per channel, such as α; weight the maps with it and add them up",
            (): "one number is left: the maps are to be added up over the channels, not over the positions",
        }
        values = tensor(answer, tuple(right.shape), "what `my_grad_cam` returns", shapes)

        def cam(score: Callable[[Tensor], Tensor], A: Tensor = A) -> Tensor:
            return weighted(gradient(score).mean((1, 2)), A).relu()

        mistakes = {
            "the ReLU is missing: evidence against the class is still in it, below 0.": raw,
            "the size is taken where a ReLU belongs: evidence against the class now counts for it.": raw.abs(),
            "the ReLU comes too early: first add the channels up, those against the class as well.": (
                (alpha[:, None, None] * A).relu().sum(0)
            ),
            "only channels with α > 0 are in it: the ReLU belongs on the map, not on α.": weighted(
                alpha.relu(), A
            ).relu(),
            "the ReLU is on the gradient: it belongs on the map.": weighted(grad.relu().mean((1, 2)), A).relu(),
            "α is the *maximum* of the gradient over the positions; its mean is asked for.": (
                weighted(grad.amax((1, 2)), A).relu()
            ),
            "α is the *sum* of the gradient over the positions: divide it by their number, it is the mean.": (
                weighted(grad.sum((1, 2)), A).relu()
            ),
            "α is the mean *size* of the gradient: channels that are evidence against the class count for it.": (
                weighted(grad.abs().mean((1, 2)), A).relu()
            ),
            "α is one mean over all channels: each has its own, so average over the positions alone.": (
                (grad.mean() * A.sum(0)).relu()
            ),
            "α is the mean of the activations; it is the mean of their gradient.": weighted(A.mean((1, 2)), A).relu(),
            "this is the gradient of the *probability*: take the score, before the softmax.": (
                cam(score_of(target, torch.softmax))
            ),
            "this is the gradient of the log-probability: take the score, before the softmax.": (
                cam(score_of(target, torch.log_softmax))
            ),
            "this is the gradient of all the scores added up: take that of the target alone.": cam(torch.sum),
            "this is the map of the likeliest class, and not of `target`.": cam(torch.max),
            "gradient and activation are multiplied position by position: that is HiResCAM. In Grad-CAM each channel "
            "has one weight, the mean of its gradient.": (grad * A).sum(0).relu(),
            "this is the weighted gradient; it is the activations that are weighted.": weighted(alpha, grad).relu(),
            "positive gradient times activation, position by position: that is LayerCAM. In Grad-CAM each channel "
            "has one weight, the mean of its gradient.": (grad.relu() * A).sum(0).relu(),
            "the sign of the gradient is turned: this is the counterfactual map, of evidence against the class.": (
                (-raw).relu()
            ),
            "the activations are missing: weight the maps A with α.": grad.sum(0).relu(),
            "no weights: the channels are just added up.": A.sum(0).relu(),
            "this is the mean over the channels; their sum is asked for.": raw.relu() / len(A),
            "the map is scaled to 0…1: return it as it is, so that classes can be compared.": right / right.max(),
            "the map is scaled to 0…1 already, by its least and its greatest value: return it as it is.": (
                (right - right.min()) / (right.max() - right.min())
            ),
            "rows and columns are mixed up: the values are in the order of the transposed map.": (
                right.T.reshape(right.shape)
            ),
            "the map is upside down.": right.flip(0),
            "left and right are swapped.": right.flip(1),
        }
        if not refute(values, right, mistakes):
            raise Wrong(
                "the values are not ReLU(Σₖ αₖ Aₖ) with αₖ the mean of ∂ score of the target / ∂ Aₖ over positions."
            )
    return "One weight per channel, one sum, one ReLU: that is all of Grad-CAM."


def ask_why_equal() -> Question:
    """Why CAM and Grad-CAM agree on networks with global average pooling."""
    return Question(
        "In a network that ends in global average pooling and one linear layer, Grad-CAM at the last layer is CAM up "
        "to a factor. Why?",
        {
            "a": (
                "Because both have a ReLU at the end.",
                "the ReLU only cuts off what is below 0; it makes no two maps proportional.",
            ),
            "b": (
                "Because the score is linear in that layer: its gradient at every position of channel k is wₖ/Z.",
                "The score is linear in the layer, so its gradient is the same at all positions of a channel, and the "
                "same for all photographs: wₖ/Z, the weight of CAM. At earlier layers it depends on the picture.",
            ),
            "c": (
                "Because at that layer the maps have so few positions.",
                "that both have few positions makes them look alike, but two maps of 8×8 can differ in every value.",
            ),
            "d": (
                "Because the training has made the gradient and the weights equal.",
                "the training moves w, and with it both maps; they agree in an untrained network as well.",
            ),
        },
        right="b",
    )
