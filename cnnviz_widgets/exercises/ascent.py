"""Chapter 10: gradient ascent on a picture, and what keeps it smooth."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cnnviz_widgets.exercises.feedback import Wrong, check, given, number, refute, tensor
from cnnviz_widgets.exercises.question import Question

Score = Callable[[Tensor], Tensor]
PEAK, STEEPNESS = 0.7, torch.tensor([1.0, 4.0, 0.5, 2.0]).view(1, 2, 2)
PICTURE = ((0, 0, 1), (0, 2, 1), (0, 0, 1))


@check
def check_ascent(function: Any) -> str:
    """function(score, picture, steps, rate): ``picture ← picture + rate · g / ‖g‖``, so many times."""
    given(function, "write the function `my_ascent`.")
    start = torch.tensor([0.1, 0.2, 0.3, 0.4]).view(1, 2, 2).double()
    before, steps, rate = start.clone(), 3, 0.05
    answer = function(_hill, start, steps, rate)
    given(answer, "`my_ascent` returns nothing yet: let it return the picture after the last step.")
    if not torch.equal(start.detach(), before):
        raise Wrong("`my_ascent` writes into the picture that it was given: begin with `picture.clone()`.")
    mistakes = {
        "the picture goes downhill: add the gradient of the score, a minus is for losses.": _climbed(-1),
        "the gradient is not divided by its length: steep places make huge steps.": _climbed(1, False),
        "the gradients of all steps so far are added up: reset `grad`, or ask `torch.autograd.grad` anew.": _climbed(
            1, forget=False
        ),
        "this is the picture after one step: repeat it `steps` times.": _climbed(1, steps=1),
        "only the sign of the gradient is used: divide by its length instead.": _climbed(1, sign=True),
        "the picture has not moved.": before,
    }
    if refute(tensor(answer, tuple(start.shape), "what `my_ascent` returns"), _climbed(1), mistakes):
        return "Six lines, and everything in this chapter is made of them: a score, its gradient, a step uphill."
    raise Wrong("that is another picture: `steps` times, take the gradient g of the score and add `rate * g / ‖g‖`.")


def _hill(picture: Tensor) -> Tensor:
    return -(STEEPNESS.to(picture) * (picture - PEAK).square()).sum()


def _climbed(
    direction: int, normalized: bool = True, *, forget: bool = True, steps: int = 3, sign: bool = False
) -> Tensor:
    picture, total = torch.tensor([0.1, 0.2, 0.3, 0.4]).view(1, 2, 2).double(), torch.zeros(1, 2, 2).double()
    for _ in range(steps):
        slope = -2 * STEEPNESS.double() * (picture - PEAK)
        total = slope if forget else total + slope
        step = total.sign() if sign else total / total.norm() if normalized else total
        picture = picture + direction * 0.05 * step
    return picture


@check
def check_total_variation(answer: Any) -> str:
    """answer: ``Σ (x[i, j+1] − x[i, j])² + (x[i+1, j] − x[i, j])²`` of PICTURE."""
    given(answer, "put one number in `answer`.")
    x = torch.tensor(PICTURE).double()
    across, down = x.diff(dim=1), x.diff(dim=0)
    squares = float(across.square().sum() + down.square().sum())
    mistakes = {
        "you have added the sizes of the differences: square them.": float(across.abs().sum() + down.abs().sum()),
        "that is the differences from left to right alone: those from top to bottom count, too.": float(
            across.square().sum()
        ),
        "that is the differences from top to bottom alone: those from left to right count, too.": float(
            down.square().sum()
        ),
        "the last pixel of a row has no neighbor: nothing goes round from the right border to the left.": float(
            (x.roll(-1, 1) - x).square().sum() + (x.roll(-1, 0) - x).square().sum()
        ),
        "that is the sum of the squared values: take the differences of neighbors first.": float(x.square().sum()),
    }
    if refute(number(answer), squares, mistakes):
        return "Six pairs beside each other and six above each other. The single bright pixel pays for four of them."
    raise Wrong("six pairs of neighbors from left to right, six from top to bottom: square each difference.")


def ask_dumbbell() -> Question:
    """Why the class model of a dumbbell has an arm."""
    return Question(
        "In a famous class model of *dumbbell*, an arm holds the dumbbell. Why?",
        {
            "a": (
                "The network takes arms for dumbbells.",
                "then a picture of an arm alone should have a high score, too. It is the two together that were seen.",
            ),
            "b": (
                "In its training pictures an arm was nearly always there.",
                "Nobody told the network where the dumbbell ends: if most of them are being lifted, the arm is part "
                "of it. So a class model shows what the *data* were like, and that is a good reason to make one.",
            ),
            "c": (
                "The optimizer likes arms.",
                "the optimizer knows nothing but the network's gradient: what it paints, the network asks for.",
            ),
            "d": (
                "Jitter moved an arm into the picture.",
                "jitter moves the whole picture; it cannot bring in an arm that nothing asks for.",
            ),
        },
        right="b",
    )


def ask_head() -> Question:
    """Why there is a neuron for heads in a network that has no class for heads."""
    return Question(
        "In networks trained on ImageNet there is a unit that responds to the heads of all kinds of animals. No class "
        "is called *head*. Why is the unit there?",
        {
            "a": (
                "Heads are hidden among the labels.",
                "no label says so: labels are names of classes, and none of them is a head.",
            ),
            "b": (
                "It is chance.",
                "by chance a unit may respond to anything, but the same units are found again in other networks.",
            ),
            "c": (
                "A detector of heads helps with many classes at once.",
                "A head is a part that many animals share: one unit that finds it serves dozens of classes. Nobody "
                "asked for it; training found it useful.",
            ),
            "d": (
                "It was made by the visualization.",
                "the picture was made for the unit, but what the unit responds to was there before.",
            ),
        },
        right="c",
    )


def ask_sure() -> Question:
    """Why the network is sure of a class long before a person can read the picture."""
    return Question(
        "You guessed the class of a picture in the making. `mini` gives the goldfish, the snail and the black widow "
        "more than 97% each after 16 of 48 steps. If you needed more steps: why is the network sure so early?",
        {
            "a": (
                "It was told the class, and repeats it.",
                "the class only says which score is raised. The percentages are computed from the picture alone, as "
                "for any other.",
            ),
            "b": (
                "The ascent raises just that score, and patterns do for it that are no picture of a thing to you.",
                "A score asks for whatever raises it: textures and parts, in any place. That they look like the thing "
                "is asked for by the priors alone, and they take longer.",
            ),
            "c": (
                "It has seen more goldfish than you have.",
                "then it would need a picture of one as you do. What it is sure of here looks like no photograph that "
                "it was trained on.",
            ),
            "d": (
                "A softmax is always sure of something.",
                "it is not: on the first pictures of the run, the class of the goldfish has about 1%.",
            ),
        },
        right="b",
    )
