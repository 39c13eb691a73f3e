"""Chapter 02: weights as pictures."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz_widgets.exercises.feedback import Wrong, check, given, number, refute, tensor, whole_numbers
from cnnviz_widgets.methods.filters.filters import filters
from cnnviz_widgets.methods.filters.training_history import training_history
from cnnviz_widgets.networks import Network

EACH, ALL = (1, 2, 3), (0, 1, 2, 3)
DRAWN = (3, 0, 5, 1, 4, 2)  # which of the six states of the first layer comes first, second …


@check
def check_tiles(tiles: Callable[[Tensor], Tensor]) -> str:
    """tiles: weights (N, 3, h, w) to pictures of the same shape, every filter stretched to 0…1 by itself."""
    given(tiles, "write the function `tiles`.")
    weights = torch.randn(5, 3, 4, 6, generator=torch.Generator().manual_seed(2)) + 0.2
    untouched = weights.clone()
    answer = tiles(weights)
    given(answer, "`tiles` returns nothing: let it return the scaled weights.")
    if not torch.equal(weights, untouched):
        raise Wrong("`tiles` writes into the weights that it is given, which are the network's own: make new ones.")
    w = weights.double()
    channels_last: dict[tuple[int, ...], str] = {(5, 4, 6, 3): "keep the colors in dimension 1"}
    values = tensor(answer, (5, 3, 4, 6), "what `tiles` returns", channels_last)

    def stretched(over: tuple[int, ...]) -> Tensor:
        low, high = w.amin(over, keepdim=True), w.amax(over, keepdim=True)
        return (w - low) / (high - low)

    low, high = w.amin(EACH, keepdim=True), w.amax(EACH, keepdim=True)
    greatest = w.abs().amax(EACH, keepdim=True)
    mistakes = {
        "this is min-max scaled over all filters; the exercise asks for each filter by itself: take the minimum and "
        "the maximum over the dimensions (1, 2, 3) only.": stretched(ALL),
        "every color of a filter is scaled by itself, which changes its hue: take the minimum and the maximum over "
        "the three colors together.": stretched((2, 3)),
        "every weight is compared with the same weight of the other filters: dimension 0 counts the filters, so leave "
        "it out of the minimum and the maximum.": stretched((0,)),
        "the minimum is subtracted, but the result is not divided by anything: it does not end at 1.": w - low,
        "it is divided by the maximum: divide by (maximum − minimum), else it does not end at 1.": (w - low) / high,
        "it is divided by the maximum, but the minimum was never subtracted: negative weights stay negative.": w / high,
        "zero is put in the middle, at 0.5: a good choice too, but min-max scaling lets each filter begin at exactly "
        "0.": 0.5 + w / (2 * greatest),
        "values from 0 to 255 came out; 0 to 1 is asked for.": 255 * stretched(EACH),
        "the pictures are negatives: the smallest weight must become 0 and the greatest 1.": 1 - stretched(EACH),
        "the weights are cut off at 0 and 1, not stretched: all negative ones look alike.": w.clamp(0, 1),
        "these are the weights as they were.": w,
    }
    if refute(values, stretched(EACH), mistakes):
        return "Every filter now uses the full range from black to white."
    raise Wrong(
        f"the first filter goes from {values[0].min():.2f} to {values[0].max():.2f}, or its weights between are off."
    )


@check
def check_best_patch(patch: Any, kernel: Tensor) -> str:
    """patch: of all patches of length 1, the one to which this kernel (C, h, w) responds most."""
    given(patch, "put your patch, a tensor of the kernel's shape, in `patch`.")
    w = kernel.detach().cpu().double()
    values = tensor(patch, tuple(w.shape), "`patch`")
    length = float(values.norm())
    if length == 0:
        raise Wrong("the response to a patch of zeros is 0; its length must be 1.")

    def cosine(other: Tensor) -> float:
        return float((values * other).sum() / (length * other.norm()).clamp(min=1e-12))

    alike = cosine(w)
    shown = (w - w.min()) / (w.max() - w.min()).clamp(min=1e-12)
    peak = torch.where(w == w.max(), 1.0, 0.0).double()
    if alike < 0.9999:
        lookalikes = {
            "this is the opposite of the best patch: the one with the most negative response.": -w,
            "the kernel was turned by 180°. A convolution layer does not flip its kernel, it compares.": w.flip(1, 2),
            "the colors are in the opposite order: red is channel 0 in both.": w.flip(0),
            "this is the tile as it is shown. For the eye, its smallest weight was made 0; a dark pixel of the tile "
            "is a negative weight.": shown,
            "this takes only the signs of the weights: the best of all patches with pixels from −1 to 1, not of those "
            "with length 1.": w.sign(),
            "all is put on the one pixel with the greatest weight: the others can add to the response, too.": peak,
        }
        for sentence, other in lookalikes.items():
            if cosine(other) > 0.9999:
                raise Wrong(sentence)
        raise Wrong(f"the kernel's response to this patch is {alike:.0%} of the greatest possible one.")
    if abs(length - 1) > 1e-3:
        raise Wrong(f"the direction is right, but the patch has the length {length:.3g}, not 1: divide it by its norm.")
    return "By Cauchy and Schwarz, no other patch of this length has a greater response: a kernel looks for itself."


@check
def check_parameter_count(answer: Any, network: Network) -> str:
    """answer: how many numbers the first convolution has learned, weights and biases."""
    given(answer, "put the number in `answer`.")
    bank = filters(network)
    layer, (out, channels, height, width) = network.layer(bank.of), bank.values.shape
    weights = bank.values.numel()
    biases = layer.parameters - weights
    mistakes = {f"the one bias of each of the {out} filters is missing.": weights} if biases else {}
    mistakes |= {
        f"the layer {bank.of} has no biases (a normalization after it has them).": weights + out,
        f"a filter has a kernel for each of the {channels} channels of its input.": out * height * width + biases,
        "this is one filter alone, and there are more.": channels * height * width + bool(biases),
        "the filters are counted, not their weights.": out,
    }
    if layer.spatial:
        positions = layer.shape[1] * layer.shape[2]
        mistakes["the weights are counted again for every position of the map, but all positions share them."] = (
            layer.parameters * positions
        )
    if refute(number(answer), layer.parameters, mistakes):
        return f"{out} · {channels} · {height} · {width} weights and {biases or 'no'} biases."
    raise Wrong(
        f"multiply the sizes of the weights, {tuple(bank.values.shape)}; then see whether the layer has biases."
    )


@check
def check_expanded_weights(function: Any) -> str:
    """function(first, second, stride): of two convolutions (M, C, k, k), with that stride, and (N, M, k, k), the
    kernels (N, C, K, K) of the one that does the work of both where no ReLU lies between."""
    given(function, "write the function `expanded`.")
    draw = torch.Generator().manual_seed(4)
    first, second = torch.randn(5, 3, 3, 3, generator=draw), torch.randn(4, 5, 3, 3, generator=draw)
    stride = 2
    answer = function(first.clone(), second.clone(), stride)
    given(answer, "`expanded` returns nothing yet.")
    right = F.conv_transpose2d(second, first, stride=stride).double()
    hints: dict[tuple[int, ...], str] = {
        (
            4,
            3,
            5,
            5,
        ): f"neighbors of the second kernel are {stride} places of the input apart",
        (4, 3, 3, 3): "kernels are not multiplied where they lie on each other: one moves over the other",
    }
    values = tensor(answer, tuple(right.shape), "what `expanded` returns", hints)
    if torch.allclose(values, F.conv_transpose2d(second, first.flip(2, 3), stride=stride).double(), atol=1e-4):
        raise Wrong("one of the kernels was turned round: convolutions of networks do not flip.")
    if not torch.allclose(values, right, atol=1e-4):
        raise Wrong("the shape is right, the weights are not: each weight of `second` lays down a copy of `first`.")
    return (
        "Each weight of the second kernel lays down a copy of the first one, `stride` places apart: this is the "
        "transposed convolution, and the gradient of the two layers."
    )


def shuffled_epochs() -> list[Tensor]:
    """The first layer of ``mini`` at six epochs of its training, (64, 3, 9, 9) each, in an order that was drawn."""
    return [training_history().values[at].clone() for at in DRAWN]


@check
def check_epochs(answer: Any) -> str:
    """answer: the places (0 … 5) of the states in ``shuffled_epochs``, the earliest epoch first."""
    given(answer, "put the order, a list of the six numbers 0 … 5, in `answer`.")
    values = list(whole_numbers(answer, tuple(f"place {at}" for at in range(len(DRAWN)))))
    right = [DRAWN.index(at) for at in range(len(DRAWN))]
    if sorted(values) != sorted(right):
        raise Wrong("each of the numbers 0 … 5 is in the order once.")
    if values == right:
        epochs = ", ".join(map(str, training_history().epochs))
        return f"These are epochs {epochs}. The first layer has found its form early; later it is only polished."
    mistakes = {
        "this is the opposite order: at first, weights are noise.": right[::-1],
        "this says for each state which epoch it is; the order asks which state comes first, second, …": list(DRAWN),
        "epochs 1 and 2 are swapped: which of them is still nearer to pure noise?": [right[1], right[0], *right[2:]],
        "the last two are swapped: the filters of epoch 20 still have a little noise.": [
            *right[:4],
            right[5],
            right[4],
        ],
    }
    for sentence, wrong in mistakes.items():
        if values == wrong:
            raise Wrong(sentence)
    if values[0] != right[0]:
        raise Wrong(f"state {values[0]} is not the earliest: look for the one in which you can recognize nothing.")
    steps = sum(one == other for one, other in zip(values, right, strict=True))
    raise Wrong(f"{steps} of the six are in their place. Go from one state to the one that is most like it.")
