"""Chapter 14: textures, and the numbers that describe them."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from cnnviz_widgets.engine.states import last
from cnnviz_widgets.exercises.feedback import Wrong, check, given, number, refute, same, tensor
from cnnviz_widgets.exercises.question import Question
from cnnviz_widgets.methods.texture.grow_texture import grow_texture

INTACT = 0.99  # share of a grown wall that must be as in the sample
GROWN = 40  # px of a side of it


@check
def check_gram(function: Callable[[Tensor], Tensor]) -> str:
    """function(maps): (C, C), mean over the positions of the products of channels of ``maps``, (C, h, w)."""
    given(function, "write the function `my_gram`.")
    maps = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0)).double()  # sides that differ from C
    channels, height, width = maps.shape
    untouched = maps.clone()
    answer = function(maps)
    given(answer, "`my_gram` returns nothing yet: let it return a tensor (C, C).")
    if not same(maps, untouched):
        raise Wrong("`my_gram` writes into the maps that it was given: work on a copy.")
    rows = maps.flatten(1)
    places = height * width
    summed = rows @ rows.T
    right = summed / places
    mixed = maps.reshape(places, channels)
    length = rows.norm(dim=1)
    shapes = {
        (places, places): "channels and positions are swapped. This compares positions with each other; flatten to "
        "F (C, h·w) and take `F @ F.T`, not `F.T @ F`",
        (channels, height, height): "each channel is multiplied by itself alone: flatten the two sides first, "
        "`maps.flatten(1)`",
        (channels, width, width): "each channel is multiplied by itself alone: flatten the two sides first, "
        "`maps.flatten(1)`",
        (channels,): "there is one number per channel, and one for each *pair* of channels is asked for",
        (1, channels, channels): "of the batch take the first, `[0]`",
        (channels, height, width): "this is the product place by place: it is to be averaged over the places, for "
        "each pair of channels",
        (): "all is added up to one number: keep the pairs of channels apart",
    }
    values = tensor(answer, (channels, channels), "what `my_gram` returns", shapes)
    mistakes = {
        "this is the sum over the positions: divide it by their number, h · w, or a larger picture has another "
        "texture.": summed,
        "it is divided by C · h · w: not the channels count, only the positions, h · w.": right / channels,
        "it is divided by the number of channels: divide by the number of positions, h · w.": summed / channels,
        "it is divided by one side of the map: divide by both, h · w.": summed / width,
        "it is divided by the height of the map alone: divide by h · w.": summed / height,
        "it is divided by h · w − 1: that belongs to an unbiased covariance. A plain mean is asked for.": summed
        / (places - 1),
        "the means of the channels are taken away first: that is the covariance. A Gram matrix keeps them.": torch.cov(
            rows, correction=0
        ),
        "this is `torch.cov`: the means are taken away, and it is divided by h · w − 1. A Gram matrix does neither.": (
            torch.cov(rows)
        ),
        "the channels are scaled to length 1: that is their cosine, and how strong they are is lost.": (
            summed / torch.outer(length, length)
        ),
        "`reshape(h * w, C)` does not swap axes: it deals out the numbers in the order in which they lie, so that "
        "channels and positions are mixed up. Use `maps.flatten(1)`, and `.T` where you need it.": (
            mixed.T @ mixed / places
        ),
        "channels and positions are mixed up by `reshape(h * w, C)`, and it is not divided by h · w.": mixed.T @ mixed,
        "only the diagonal is there: each channel with itself. The products of two *different* channels are what "
        "tells that two patterns come together.": right.diag().diag(),
        "this is the product of the means; the mean of the products is asked for.": torch.outer(
            rows.mean(1), rows.mean(1)
        ),
        "half of it is missing: the matrix is symmetric, but both halves are there.": right.triu(),
    }
    if refute(values, right, mistakes):
        return (
            "One matrix product. It has C × C numbers for a map of any size, and not one of them says *where*: "
            "the sum runs over all positions."
        )
    raise Wrong("it must be `F @ F.T / (h * w)`, where F is (C, h · w): a row for each channel.")


@check
def check_texture_numbers(answer: Any, channels: Sequence[int]) -> str:
    """answer: how many different numbers are in the Gram matrices of layers with so many channels."""
    given(answer, "put one number in `answer`.")
    right, total = sum(c * (c + 1) // 2 for c in channels), sum(channels)
    mistakes = {
        "every product of two different channels is counted twice: G_ij = G_ji.": sum(c * c for c in channels),
        "the diagonals are missing: a channel times itself counts, too.": right - total,
        "these are half of all entries; the diagonal is not doubled, so it must not be halved.": sum(
            c * c / 2 for c in channels
        ),
        "these are the channels: there is a number for each *pair* of channels.": total,
        "that is one matrix for the channels of all layers together. Each layer has a matrix of its own: channels of "
        "two layers are not multiplied.": total * (total + 1) // 2,
        "that is one full matrix for the channels of all layers together: each layer has its own.": total**2,
        "that is the last layer alone.": channels[-1] * (channels[-1] + 1) // 2,
    }
    if refute(number(answer), right, mistakes):
        side = (right / 3) ** 0.5
        return (
            f"{right:,} numbers, as many as a color picture of {side:.0f}×{side:.0f} pixels has. For a wall of any "
            "size that is little; for a small picture it may be more than its pixels."
        )
    raise Wrong("a symmetric matrix of C channels has C · (C + 1) / 2 different entries: add that up over the layers.")


def ask_shuffle() -> Question:
    """Why shuffled pixels change the Gram matrix, and shuffled positions of the maps do not."""
    return Question(
        "You shuffle the *pixels* of the picture, and G of every layer changes. You shuffle the *positions* of a "
        "layer's maps, in all channels alike, and G stays the same. Why?",
        {
            "a": (
                "The network is trained: it knows pictures whose pixels are shuffled.",
                "a network with random weights does the same. It is about which numbers are added up.",
            ),
            "b": (
                "G is a sum over positions, and a sum does not know its order. But what is at one position of a map "
                "comes from many pixels that lie side by side.",
                "So G forgets where something is, and keeps what is *within* one receptive field: an edge, a corner, a "
                "brush stroke. Shuffled pixels have none of these, and the channels that find them fall silent.",
            ),
            "c": (
                "Shuffled pixels have other colors.",
                "the colors are the same, each pixel is still there. What has changed is which pixels are neighbors.",
            ),
            "d": (
                "The positions are many and average out; with enough pixels G would not change either.",
                "no number of pixels helps: neighbors that have been torn apart have no edges. And the positions need "
                "no averaging: exactly the same numbers are added up.",
            ),
        },
        right="b",
    )


@check
def check_window(answer: Any, wall: Tensor, brick: int) -> str:
    """answer: the smallest window with which a wall of bricks, ``brick`` px long, is grown without a fault."""
    given(answer, "put the window, a number of pixels, in `answer`.")
    asked = number(answer)
    most = min(wall.shape[1:])
    if asked % 1 or asked % 2 == 0 or not 3 <= asked <= most:
        raise Wrong(f"a window has a pixel in its middle: an odd number from 3 to {most} is asked for.")
    window = next(window for window in range(3, most + 1, 2) if _intact(wall, window, brick) >= INTACT)
    if asked < window:
        raise Wrong(
            f"with a window of {asked:g} px, {_intact(wall, int(asked), brick):.0%} of the grown wall is as in the "
            f"sample. A brick is {brick} px long: does a window at one end of it see the other end?"
        )
    if asked > window:
        raise Wrong(f"with {asked:g} px the bricks survive, but a smaller window is enough.")
    return (
        f"A window of {window} px just sees a whole brick of {brick} px and where the next one begins. Of anything "
        "longer it knows nothing: Efros and Leung's rule is a window as large as the largest regular element."
    )


def _intact(wall: Tensor, window: int, brick: int) -> float:
    """Share of the patches, a little larger than a brick, of a grown wall that are in the sample as well."""
    side = brick + 1
    grown, known = (
        picture.double().unfold(1, side, 1).unfold(2, side, 1).permute(1, 2, 0, 3, 4).flatten(0, 1).flatten(1)
        for picture in (last(grow_texture(wall, GROWN, window), progress=False).values, wall)
    )
    return float((torch.cdist(grown, known).amin(1) < 1e-3).double().mean())
