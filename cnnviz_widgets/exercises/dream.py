"""Chapter 11: one step of a dream, and its octaves."""

from typing import Any

import torch

from cnnviz_widgets.exercises.feedback import Wrong, check, given, refute, tensor
from cnnviz_widgets.exercises.question import Question


@check
def check_dream_step(function: Any) -> str:
    """function(layer, picture, size): the picture after one step on ``½ Σ a²``, of mean absolute change ``size``."""
    given(function, "write the function `my_dream_step`.")
    draw = torch.Generator().manual_seed(0)
    weights = torch.randn(3, 2, 4, generator=draw).double()
    picture = torch.rand(2, 4, generator=draw).double()
    before, size = picture.clone(), 0.1
    answer = function(lambda x: torch.einsum("khw,hw->k", weights, x), picture, size)
    given(answer, "`my_dream_step` returns nothing yet: let it return the new picture.")
    if not torch.equal(picture.detach(), before):
        raise Wrong("`my_dream_step` writes into the picture that it was given: begin with `picture.clone()`.")
    a = torch.einsum("khw,hw->k", weights, before)
    squares, sums = torch.einsum("k,khw->hw", a, weights), weights.sum(0)
    mistakes = {
        "the dream goes backwards: add the gradient.": before - size * squares / squares.abs().mean(),
        "the gradient is not divided by the mean of its absolute values.": before + size * squares,
        "the gradient is divided by its length, not by the mean of its absolute values.": before
        + size * squares / squares.norm(),
        "that is a step on the sum of activations: weak ones would grow like strong ones. Square them.": before
        + size * sums / sums.abs().mean(),
        "the picture has not changed.": before,
    }
    right = before + size * squares / squares.abs().mean()
    if refute(tensor(answer, tuple(before.shape), "what `my_dream_step` returns"), right, mistakes):
        return "What the layer sees strongly becomes stronger. Ten such steps in each of four sizes are DeepDream."
    raise Wrong("take the gradient g of half the sum of squares, and return `picture + size * g / g.abs().mean()`.")


@check
def check_octaves(answer: Any, size: tuple[int, int], octaves: int, scale: float) -> str:
    """answer: the shorter side of each octave in px, in the order in which they are dreamed."""
    given(answer, f"put a list of {octaves} numbers in `answer`.")
    values = tensor(answer, (octaves,), "`answer`")
    sides = torch.tensor([round(min(size) / scale**smaller) for smaller in range(octaves)]).double()
    longer = torch.tensor([round(max(size) / scale**smaller) for smaller in range(octaves)]).double()
    right = sides.flip(0)
    if (values - right).abs().max() <= 1:
        return "From coarse to fine: what was dreamed large is there already when the details are added."
    if (values - sides).abs().max() <= 1:
        raise Wrong("these are the right sizes in the wrong order: the smallest one is dreamed first.")
    if min(size) != max(size) and (values - longer.flip(0)).abs().max() <= 1:
        raise Wrong("these are the longer sides; the shorter ones are asked for.")
    raise Wrong(f"the last octave is the picture itself, {min(size)} px; each before it is {scale:g} times smaller.")


def ask_gradient() -> Question:
    """The gradient of ``½ Σ a²`` with respect to the activations."""
    return Question(
        "What is the gradient of ½ Σ a² with respect to the activations a?",
        {
            "a": (
                "a itself.",
                "The gradient *is* the activation: whatever the layer sees is asked for as strongly as it is seen.",
            ),
            "b": (
                "1 everywhere.",
                "that would be the gradient of the plain sum: every unit is asked for alike, seen or not.",
            ),
            "c": (
                "a².",
                "that would be the gradient of a sum of cubes, over three.",
            ),
            "d": (
                "2a.",
                "the half is there to take away the 2 that comes down from the square.",
            ),
        },
        right="a",
    )
