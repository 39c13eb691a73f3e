"""Chapter 18: tests of maps, the interval of a share, two networks that are both right, and an honest report."""

from collections.abc import Callable
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from cnnviz_widgets.engine.counts import Counted, Z
from cnnviz_widgets.exercises.feedback import NotYet, Wrong, check, given, number, refute, tensor
from cnnviz_widgets.exercises.question import Question

CASES = ((8, 10), (3, 4), (0, 6), (12, 12), (55, 100))
GRAY = 0.5


@check
def check_deletion(function: Callable[[Callable[[Tensor], Any], Tensor, Tensor, int], Any]) -> str:
    """function(probability, picture, heatmap, steps): steps + 1 probabilities, the most important pixels gray first."""
    given(function, "write the function `my_deletion`.")
    random = torch.Generator().manual_seed(4)
    picture, weights = torch.rand(2, 3, 4, 6, generator=random)
    heatmap, steps = torch.randn(4, 6, generator=random), 6

    def probability(shown: Tensor) -> Tensor:
        return ((weights - 0.5) * shown).sum().sigmoid()

    answer = function(probability, picture.clone(), heatmap.clone(), steps)
    if answer is None:
        raise NotYet("`my_deletion` returns nothing: let it return the list of probabilities.")
    values = tensor(
        answer,
        (steps + 1,),
        "the list of probabilities",
        {(steps,): "the whole picture comes first, and a picture all gray last"},
    )
    order = heatmap.flatten().argsort(descending=True)
    counts = [step * heatmap.numel() // steps for step in range(steps + 1)]

    def curve(order: Tensor, filling: float = GRAY, colors: int = 3, only_last: bool = False) -> Tensor:
        """The curve, or what a mistake makes of it."""
        found = []
        for before, count in zip([0, *counts], counts, strict=False):
            changed = picture.clone()
            changed.flatten(1)[:colors, order[before if only_last else 0 : count]] = filling
            found.append(probability(changed))
        return torch.stack(found)

    right, by_size = curve(order), curve(heatmap.flatten().abs().argsort(descending=True))
    mistakes = {
        "the least important pixels go first: turn the order round.": curve(order.flip(0)),
        "the pixels of earlier steps come back: in each step all of them up to there are gone.": curve(
            order, only_last=True
        ),
        "the pixels turn black: 0.5 is gray.": curve(order, 0.0),
        "only red turns gray: a pixel has three colors.": curve(order, colors=1),
        "the size of the numbers makes the order: a number below 0 is evidence against the class, and comes "
        "last.": by_size,
        "the pixels are inserted: begin with the whole picture.": right.flip(0),
    }
    if not refute(values, right, mistakes):
        raise Wrong(
            "these are not the probabilities of the picture with more and more of its most important pixels gray."
        )
    return "Each of these pictures but the first has holes, and the network has never seen such pictures."


@check
def check_wilson(function: Callable[[int, int], Any]) -> str:
    """function(hits, total): (low, high), the 95% interval of the share after Wilson (1927)."""
    given(function, "write the function `wilson`.")
    for hits, total in CASES:
        answer = function(hits, total)
        if answer is None:
            raise NotYet("`wilson` returns nothing: let it return two numbers, (low, high).")
        try:
            low, high = answer
        except (TypeError, ValueError):
            raise Wrong("two numbers are asked for, (low, high).") from None
        found, right = (number(low), number(high)), Counted(hits, total).interval
        if _close(found, right):
            continue
        if _close(found[::-1], right):
            raise Wrong("the two ends are swapped: first the low one.")
        for told, mistake in _mistakes(hits, total).items():
            if _close(found, mistake):
                raise Wrong(told)
        raise Wrong(
            f"for {hits} of {total} it is {right[0]:.3f} … {right[1]:.3f}, and not {found[0]:.3f} … {found[1]:.3f}."
        )
    return "It never leaves 0…1, and after 12 of 12 it still begins at 76%: few answers say little."


def _mistakes(hits: int, total: int) -> dict[str, tuple[float, float]]:
    """What is wrong -> the interval that it gives."""
    share, weight = hits / total, Z * Z / total
    plain = Z * sqrt(share * (1 - share) / total)
    middle = (share + weight / 2) / (1 + weight)
    half = sqrt(share * (1 - share) * weight + weight * weight / 4)
    one = 1 / total
    other = (share + one / 2) / (1 + one)
    around = sqrt(share * (1 - share) * one + one * one / 4) / (1 + one)
    return {
        "this is p̂ ± z √(p̂ (1 − p̂) / n), the interval of Wald: it has no width at 0 and at n of n.": (
            share - plain,
            share + plain,
        ),
        "the root is not divided by 1 + z²/n.": (middle - half, middle + half),
        "the middle is p̂, but it is (p̂ + z²/2n) / (1 + z²/n).": (
            share - half / (1 + weight),
            share + half / (1 + weight),
        ),
        "z is 1 in it: that is the interval of 68%; for 95% it is 1.96.": (other - around, other + around),
    }


def _close(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(abs(a - b) < 1e-3 for a, b in zip(one, other, strict=True))  # 1.96 is as good as all digits of z


def ask_which_is_right() -> Question:
    """What it means that one map wins by deletion and another by pointing."""
    return Question(
        "Of two maps of the same picture, one has the smaller area under the deletion curve, and the other wins the "
        "pointing game. Which is right?",
        {
            "a": (
                "The one that points at the thing: that is what a map is for.",
                "pointing asks whether people would mark that place. A network that recognizes sheep by the meadow "
                "has a right map if it points at the meadow.",
            ),
            "b": (
                "The one that wins by deletion: only the network can say what it needs.",
                "deletion asks the network, but about pictures with holes, which it has never seen; part of the fall "
                "of the curve is due to the holes.",
            ),
            "c": (
                "Neither: one cannot test maps.",
                "both are numbers from experiments that can be done again; they only answer different questions.",
            ),
            "d": (
                "That depends on the question: what the network needs, or where the thing is.",
                "Deletion asks what the network needs, pointing asks where the object is. They agree only if the "
                "network looks at the object, and that is what one wanted to find out.",
            ),
        },
        right="d",
    )


def ask_which_robot() -> Question:
    """What it says about two networks that people prefer the maps of one."""
    return Question(
        "Two networks are right about the same pictures. People find the maps of A more reasonable. What do we know?",
        {
            "a": (
                "That A is right more often.",
                "both were right about every picture that was shown: of their accuracy the comparison says nothing.",
            ),
            "b": (
                "That A looks at the object, and B at the background.",
                "that is one reason to prefer a map. Another is that it is smooth: a network that was trained against "
                "attacks has such gradients, and may be wrong more often.",
            ),
            "c": (
                "That A's maps agree better with what people expect.",
                "That is what was asked. Whether one may trust A more has to be measured otherwise: by its mistakes.",
            ),
            "d": (
                "That the method shows what A computes.",
                "people compare a map with the picture and not with the network; the sanity check of chapter 08 does.",
            ),
        },
        right="c",
    )


def ask_honest_report() -> Question:
    """How a small study is reported."""
    return Question(
        "With Grad-CAM, 8 of 10 answers were right, and with saliency 6 of 10; chance is 50%, and the intervals are "
        "49…94% and 31…83%. Which sentence reports that honestly?",
        {
            "a": (
                "Grad-CAM is more trustworthy than saliency.",
                "the intervals overlap almost wholly, and right answers about a map are no measure of trust.",
            ),
            "b": (
                "Both methods are better than chance.",
                "chance, 50%, lies in both intervals.",
            ),
            "c": (
                "One reader was right 8 (Grad-CAM) and 6 (saliency) times of 10: too few answers to tell the methods "
                "apart, or from chance.",
                "It has the counts, who answered, and what does not follow. With ten times as many answers of the "
                "same shares, Grad-CAM's interval would begin at 71%.",
            ),
            "d": (
                "Grad-CAM was right in 80%, saliency in 60%.",
                "that is true, but nobody can see that each is of ten answers only.",
            ),
        },
        right="c",
    )
