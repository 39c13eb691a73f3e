"""Chapter 15: the content of one picture, the style of another."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cnnviz_widgets.exercises.feedback import Wrong, check, given, number, refute, tensor
from cnnviz_widgets.exercises.question import Question
from cnnviz_widgets.methods.texture.gram import gram

MYSTERY, NEAR = 30.0, 1.5  # β of a picture whose β is to be found, and the factor by which an answer may miss it


@check
def check_style_loss(function: Callable[..., Tensor]) -> str:
    """function(maps, wanted, grams, wanted_grams, alpha, beta): content and style, each relative to what is wanted.

    ``α ‖F − P‖² / ‖P‖² + β · mean over layers of ‖G − A‖² / ‖A‖²``
    """
    given(function, "write the function `my_loss`.")
    draw = torch.Generator().manual_seed(0)
    maps, wanted = torch.randn(2, 4, 3, 5, generator=draw).double()
    layers = [torch.rand(2, c, 6, 5, generator=draw).double() * c for c in (2, 3, 4)]  # of unlike strength
    grams, aims = [gram(one[0]) for one in layers], [gram(one[1]) for one in layers]
    alpha, beta = 2.0, 30.0
    answer = function(maps, wanted, grams, aims, alpha, beta)
    given(answer, "`my_loss` returns nothing yet: let it return one number.")

    def square(one: Tensor) -> Tensor:
        return one.square().sum()

    far, size = square(maps - wanted), square(wanted)
    content = far / size
    missed, sizes = [square(g - a) for g, a in zip(grams, aims, strict=True)], [square(a) for a in aims]
    each = torch.stack(missed) / torch.stack(sizes)
    style, count = each.mean(), len(each)
    mistakes = {
        "the style is missing: only the content is asked for.": alpha * content,
        "the content is missing: only the style is asked for, and that is a texture.": beta * style,
        "α and β are swapped: α weighs the content, β the style.": beta * content + alpha * style,
        "the weights are missing.": content + style,
        "α is missing.": content + beta * style,
        "β is missing.": alpha * content + style,
        "neither term is divided by the size of what is wanted: α and β would mean something else in every layer and "
        "every network.": alpha * far + beta * sum(missed) / count,
        "the content is not divided by ‖P‖²: α would mean something else in every layer.": alpha * far + beta * style,
        "the style is not divided by ‖A‖²: the layers with large values would drown the others.": alpha * content
        + beta * sum(missed) / count,
        "the style is divided only after the layers are added up: the strongest layer drowns the others. Divide in "
        "each layer, then take the mean.": alpha * content + beta * sum(missed) / sum(sizes),
        "the layers are added up: take their mean, so that β does not depend on how many there are.": alpha * content
        + beta * each.sum(),
        "only the last layer's style is in it: is it overwritten in the loop? Add the layers up.": alpha * content
        + beta * each[-1],
        "only the first layer's style is in it: does `return` stand inside the loop?": alpha * content + beta * each[0],
        "the distances are not squared.": alpha * content.sqrt() + beta * each.sqrt().mean(),
        "the content is not squared.": alpha * content.sqrt() + beta * style,
        "the style is not squared.": alpha * content + beta * each.sqrt().mean(),
        "divide by what is *wanted*, ‖P‖² and ‖A‖²: if you divide by what is there, large values make the loss "
        "small.": alpha * far / square(maps)
        + beta * (torch.stack(missed) / torch.stack([square(g) for g in grams])).mean(),
        "a mean of squares stands over a sum of squares: take both as sums, or both as means.": alpha
        * far
        / maps.numel()
        / size
        + beta * (each / torch.tensor([g.numel() for g in grams])).mean(),
    }
    if refute(tensor(answer, (), "what `my_loss` returns"), alpha * content + beta * style, mistakes):
        return (
            "0 = all is as wanted, and about α + β = nothing is done. So the same α and β serve for any network, any "
            "layers and any size."
        )
    raise Wrong("it must be `alpha * ‖F − P‖² / ‖P‖² + beta * (mean over the layers of ‖G − A‖² / ‖A‖²)`.")


@check
def check_masked_gram(function: Callable[[Tensor, Tensor], Tensor]) -> str:
    """function(maps, mask): ``Σ m F Fᵀ / Σ m``, (C, C); ``maps`` (C, h, w), ``mask`` (h, w) with values 0…1."""
    given(function, "write the function `my_masked_gram`.")
    draw = torch.Generator().manual_seed(1)
    maps = torch.randn(3, 4, 5, generator=draw).double()
    mask = torch.rand(4, 5, generator=draw).double() * (torch.rand(4, 5, generator=draw) > 0.3)
    channels, places = len(maps), mask.numel()
    answer = function(maps, mask)
    given(answer, "`my_masked_gram` returns nothing yet: let it return a tensor (C, C).")
    rows, weight = maps.flatten(1), mask.flatten()
    once, twice, area = (rows * weight) @ rows.T, (rows * weight) @ (rows * weight).T, weight.sum()
    shapes = {
        (places, places): "channels and positions are swapped: `F @ F.T`, not `F.T @ F`",
        (1, channels, channels): "of the batch take the first, `[0]`",
        (channels,): "there is one number per channel, and one for each *pair* of channels is asked for",
    }
    values = tensor(answer, (channels, channels), "what `my_masked_gram` returns", shapes)
    inside = (weight > 0).double()
    mistakes = {
        "the mask is not in it: this is the Gram matrix of the whole picture.": gram(maps),
        "it is divided by all positions: divide by the mask's sum, or a small region gets a weak texture.": once
        / places,
        "it is not divided by anything: divide by the mask's sum.": once,
        "both factors are multiplied by the mask, so that it counts squared: multiply one of them, or both by its "
        "root. And divide by the mask's sum.": twice / places,
        "the mask counts squared: multiply only one of the two factors by it, or both by its root.": twice / area,
        "the mask counts squared, above and below: multiply one factor by it, and divide by its sum.": twice
        / weight.square().sum(),
        "both factors are multiplied by the mask, and nothing is divided.": twice,
        "it is divided by the sum of the squared mask: divide by its sum.": once / weight.square().sum(),
        "it is divided by the number of positions where the mask is not 0: half-transparent ones count half. Divide "
        "by its sum.": once / inside.sum(),
        "the mask is taken as yes or no: a position with 0.5 counts half.": (rows * inside) @ rows.T / inside.sum(),
        "it is divided by C times the mask's sum: the number of channels does not count.": once / area / channels,
        "this is what is *outside*: the mask is turned round.": (rows * (1 - weight)) @ rows.T / (1 - weight).sum(),
        "the order of mask and maps is mixed up: `mask.T` or a swapped `reshape`.": (rows * mask.T.flatten())
        @ rows.T
        / area,
    }
    if refute(values, once / area, mistakes):
        return (
            "A mean over the region alone. If masks add up to 1 everywhere, their matrices, each times its area, add "
            "up to that of the whole picture."
        )
    raise Wrong("it must be `(F * m) @ F.T / m.sum()`, where F is (C, h · w) and m is (h · w).")


def ask_brush() -> Question:
    """Which layers carry the brush, and which the composition of strokes."""
    return Question(
        "You paint with the Gram matrices of the *first* layer alone. What do you get of the painting?",
        {
            "a": (
                "Its motifs: the same swirls and panes, only smaller.",
                "a motif is larger than what a position of the first layer sees, a few pixels. It cannot know of it.",
            ),
            "b": (
                "Nothing: style is in deep layers only.",
                "something is there, look again: the colors have come over, and the finest grain.",
            ),
            "c": (
                "Its colors and its finest grain, but no strokes.",
                "One position of the first layer sees a few pixels, so its matrix can only hold colors and the finest "
                "grain. Strokes are in the middle layers, whose positions see as much as a stroke is wide; parts of "
                "motifs are in deeper ones. For the whole brush, take several.",
            ),
            "d": (
                "Its composition: what is where.",
                "no Gram matrix of any layer knows where something is. What is where comes from the content.",
            ),
        },
        right="c",
    )


def ask_keep_colors() -> Question:
    """What is kept when only the luminance is painted."""
    return Question(
        "“Keep the colors” takes the *luminance* (how light a pixel is) from the result, and the rest from the "
        "photograph. Why do the brush strokes survive that?",
        {
            "a": (
                "Strokes are edges in light and dark, and those are all in the luminance.",
                "Our eyes see fine detail nearly only in the luminance; color may be coarse, or old, and nobody minds. "
                "JPEG and color television rest on the same.",
            ),
            "b": (
                "They do not: without its colors a painting has no style.",
                "look at the picture again: the strokes are there, in the photograph's colors.",
            ),
            "c": (
                "The network sees no color.",
                "it does: its first layer has filters for color. The colors were exchanged *after* its work.",
            ),
            "d": (
                "The Gram matrix has no colors in it.",
                "the first layer's matrix holds them very well: without this step the photograph takes the painting's "
                "colors.",
            ),
        },
        right="a",
    )


def painted_by_somebody(paint: Callable[[float], Tensor]) -> Tensor:
    """paint(beta) with a weight that is not told: ``check_mystery`` knows it."""
    return paint(MYSTERY)


@check
def check_mystery(answer: Any) -> str:
    """answer: the weight β with which ``painted_by_somebody`` has painted; a factor of 1.5 more or less is right."""
    given(answer, "put the weight in `answer`.")
    beta = number(answer)
    if beta <= 0:
        raise Wrong("β is a weight, above 0.")
    factor = max(beta / MYSTERY, MYSTERY / beta)
    if factor > NEAR:
        far = "a little" if factor < 3 else "a good deal" if factor < 12 else "very much"
        less = "more of the painting and less of the photograph" if beta < MYSTERY else "less of the painting"
        raise Wrong(f"the other picture has {far} {less} than yours.")
    return (
        f"It was {MYSTERY:g}. A picture that was made by known steps can be made again, so its settings can be found: "
        "paint, compare, correct. The distance is 0 only where all of them are right."
    )
