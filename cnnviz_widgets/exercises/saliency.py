"""Chapter 07: gradients, and what is made of them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cnnviz_widgets.exercises.feedback import NotYet, Wrong, check, given, refute, same, tensor
from cnnviz_widgets.exercises.question import Question

POINT = (2.0, 2.0, 1.0)  # where s = 3 x₁ + min(x₂, 1) − 2 x₃ is explained


@check
def check_by_formula(saliency: Any, times_input: Any, integrated: Any) -> str:
    """Three maps of s = 3 x₁ + min(x₂, 1) − 2 x₃ at POINT, with the baseline (0, 0, 0): three numbers each."""
    gradient, x = torch.tensor((3.0, 0.0, -2.0)).double(), torch.tensor(POINT).double()
    right = {
        "saliency": gradient.abs(),
        "times_input": gradient * x,
        "integrated": torch.tensor((6.0, 1.0, -2.0)).double(),
    }
    answers = {"saliency": saliency, "times_input": times_input, "integrated": integrated}
    for name, answer in answers.items():
        given(answer, f"`{name}` has no numbers: put a list of 3 there.")
    mistakes = {
        "saliency": {
            "`saliency` has a sign: it is the *size* of the gradient.": gradient,
            "`saliency` is multiplied by x: it is the gradient alone.": (gradient * x).abs(),
            "`saliency` says that x₂ matters, but at x₂ = 2 the minimum is the 1: the score does not move with x₂.": (
                torch.tensor((3.0, 1.0, 2.0))
            ),
        },
        "times_input": {
            "`times_input` has lost its sign: only saliency takes the size.": (gradient * x).abs(),
            "`times_input` is the gradient itself: multiply it by x.": gradient,
            "`times_input` gives x₂ a share, but the gradient there is 0 at x₂ = 2.": torch.tensor((6.0, 2.0, -2.0)),
            "under `times_input` you have written the integrated gradients.": right["integrated"],
        },
        "integrated": {
            "under `integrated` you have written gradient × input: take the mean of the gradient all the way from 0 "
            "to x, not the gradient at its end.": right["times_input"],
            "`integrated` has lost its sign: only saliency takes the size.": torch.tensor((6.0, 1.0, 2.0)),
            "`integrated` treats x₂ as if its gradient were 1 all the way; from x₂ = 1 on it is 0.": (
                torch.tensor((6.0, 2.0, -2.0))
            ),
            "`integrated` is the mean of the gradient: multiply it by x − 0.": torch.tensor((3.0, 0.5, -2.0)),
        },
    }
    for name, answer in answers.items():
        values = tensor(answer, (3,), f"`{name}`")
        if not refute(values, right[name], mistakes[name]):
            place = int((values != right[name]).nonzero()[0])
            raise Wrong(f"`{name}` is off at x{'₁₂₃'[place]}, where it has {values[place]:g}.")
    return (
        "Only the integrated gradients add up to the score, 6 + 1 − 2 = 5. They are also the only ones to see that "
        "x₂ has given its share, although it no longer makes a difference."
    )


def _problem() -> tuple[nn.Module, Tensor]:
    """A network and a normalized batch of one picture, higher than wide, small enough to be done again and again."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        module = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()
        )
        last = nn.Linear(24, 4)
        module.append(last)
        with torch.no_grad():
            last.weight *= 8  # scores that differ, so that a softmax changes the picture
        return module.eval().requires_grad_(False), 2 * torch.randn(1, 3, 9, 12)


def _gradient(module: nn.Module, batch: Tensor, score: Callable[[Tensor], Tensor]) -> Tensor:
    """(C, H, W): of ``score`` of the logits (classes,)."""
    x = batch.detach().clone().requires_grad_()
    return torch.autograd.grad(score(module(x)[0]), x)[0][0]


def score_of(target: int, after: Callable[..., Tensor] | None = None) -> Callable[[Tensor], Tensor]:
    """Of scores (classes,) that of one class; ``after`` a softmax, say."""
    return lambda scores: (scores if after is None else after(scores, 0))[target]


@check
def check_saliency(function: Callable[[nn.Module, Tensor, int], Tensor]) -> str:
    """function(module, batch, target): (H, W), the greatest size of the gradient over colors, of one class's logit."""
    given(function, "write the function `my_saliency`.")
    module, batch = _problem()
    untouched = batch.clone()
    top = int(module(batch).argmax())
    earlier = torch.zeros_like(batch[0])
    for target in ((top + 1) % 4, top, (top + 2) % 4):
        answer = function(module, batch, target)
        if answer is None:
            raise NotYet("`my_saliency` returns nothing: let it return the map, a tensor (H, W).")
        if not same(batch.detach(), untouched):
            raise Wrong("the picture that was given has been changed: work on a copy, `batch.clone()`.")
        gradient = _gradient(module, batch, score_of(target))
        right = gradient.abs().amax(0)
        shapes = {
            (3, *right.shape): "take the greatest of the three colors",
            (1, 3, *right.shape): "of the batch take the first, `[0]`, and then the greatest of the three colors",
            (1, *right.shape): "of the batch take the first, `[0]`",
            (3,): "the maximum is taken over the places; take it over the colors",
            (): "the maximum is taken over everything; take it over the colors alone, `amax(dim)`",
            tuple(right.shape[::-1]): "rows and columns are swapped",
        }
        values = tensor(answer, tuple(right.shape), "what `my_saliency` returns", shapes)
        both = gradient + earlier
        mistakes = {
            "the gradient of an earlier call is in it as well: `backward` *adds* to `.grad`. Begin with a fresh copy "
            "of the picture, or clear `.grad`.": both.abs().amax(0),
            "this is the gradient of the *probability*: leave the softmax out, take the score itself.": _gradient(
                module, batch, score_of(target, torch.softmax)
            ),
            "this is the gradient of the log-probability: leave the softmax out, take the score itself.": _gradient(
                module, batch, score_of(target, torch.log_softmax)
            ),
            "this is the gradient of all the scores added up: take that of the target alone.": _gradient(
                module, batch, torch.sum
            ),
            "this is the map of the likeliest class, and not of `target`.": _gradient(module, batch, torch.max),
        }
        mistakes = {text: one if one.ndim == 2 else one.abs().amax(0) for text, one in mistakes.items()} | {
            "the signs are still there, so that strong negative gradients count as small: take the size, `abs`, "
            "before the maximum.": gradient.amax(0),
            "`abs` comes too late: take the size first, and then the maximum.": gradient.amax(0).abs(),
            "what lowers the score is left out: take the size of the gradient, `abs`, and then the maximum.": (
                gradient.amax(0).relu()
            ),
            "this is one color; the maximum over the three is asked for.": gradient[0].abs(),
            "this is the length of the gradient's three colors; their maximum is asked for.": gradient.norm(dim=0),
            "this is the mean over the colors; the maximum is asked for.": gradient.abs().mean(0),
            "this is the sum over the colors; the maximum is asked for.": gradient.abs().sum(0),
            "this is the mean over the colors, and opposite signs cancel: take the size, and then the maximum.": (
                gradient.mean(0)
            ),
            "the colors are added up, and opposite signs cancel: take the size, and then the maximum.": (
                gradient.sum(0)
            ),
            "the gradient is multiplied by the picture: that is gradient × input, not saliency.": (
                (gradient * batch[0]).abs().amax(0)
            ),
            "this is the squared gradient: take its size, `abs`.": gradient.square().amax(0),
            "the map is scaled to 0…1: return it as it is, so that pictures can be compared.": right / right.max(),
            "the map is scaled to 0…1 already, by its least and its greatest value: return it as it is.": (
                (right - right.min()) / (right.max() - right.min())
            ),
            "the map is 0 everywhere: has a softmax been taken over the batch, and not over the classes?": 0 * right,
        }
        if not refute(values, right, mistakes):
            raise Wrong("the values are not max over the colors of |∂ score of the target / ∂ picture|.")
        earlier = both
    return "One pass forward, one back, and Simonyan's saliency map is there, whatever the network."


@check
def check_integrated_gradients(function: Callable[[nn.Module, Tensor, Tensor, int, int], Tensor]) -> str:
    """function(module, batch, baseline, target, steps): (C, H, W), by the trapezoid rule on ``steps`` points."""
    given(function, "write the function `my_integrated_gradients`.")
    module, batch = _problem()
    baseline, target, steps = 0.3 * batch.flip(-1) - 0.5, 2, 7

    def gradients(
        shares: Tensor, start: Tensor = baseline, end: Tensor = batch, score: Callable = lambda logits: logits[target]
    ) -> Tensor:
        """(points, C, H, W): along the straight path."""
        return torch.stack([_gradient(module, start + share * (end - start), score) for share in shares])

    def average(along: Tensor, weights: Tensor) -> Tensor:
        return torch.einsum("n,nchw->chw", weights, along)

    answer = function(module, batch.clone(), baseline.clone(), target, steps)
    if answer is None:
        raise NotYet("`my_integrated_gradients` returns nothing: let it return a tensor (C, H, W).")
    difference = (batch - baseline)[0]
    ends = torch.linspace(0, 1, steps)
    equal, trapezoid = torch.ones(steps), torch.ones(steps)
    trapezoid[[0, -1]] = 0.5
    along, trapezoid = gradients(ends), trapezoid / (steps - 1)
    right = average(along, trapezoid) * difference
    shapes = {
        (1, *right.shape): "of the batch take the first, `[0]`",
        tuple(right.shape[1:]): "leave the colors apart: the shape is that of the picture",
        (steps, *right.shape): "take the mean over the points of the path",
    }
    values = tensor(answer, tuple(right.shape), "what `my_integrated_gradients` returns", shapes)
    probability = gradients(ends, score=lambda logits: logits.softmax(0)[target])
    zero = torch.zeros_like(baseline)
    pieces = torch.arange(steps) / steps
    more = torch.linspace(0, 1, steps + 1)
    halves = torch.ones(steps + 1) / steps
    halves[[0, -1]] /= 2
    other = "a fair rule, but its error shrinks more slowly than the trapezoid's, which is asked for."
    mistakes = {
        "the weights add up to (n − 1)/n and not to 1, so a share of the score is lost: between n points there are "
        "n − 1 pieces.": average(along, trapezoid * (steps - 1) / steps) * difference,
        "all points weigh the same: in the trapezoid rule the two ends weigh half as much as the others.": (
            average(along, equal / steps) * difference
        ),
        "the weights add up to n/(n − 1) and not to 1: the two ends weigh half as much as the others.": (
            average(along, equal / (steps - 1)) * difference
        ),
        "the gradients are added up, but not divided by the number of pieces.": (
            average(along, trapezoid * (steps - 1)) * difference
        ),
        "the gradients are added up: their mean is asked for, and the two ends weigh half.": (
            average(along, equal) * difference
        ),
        "the mean gradient is right, but it is not yet multiplied by (picture − baseline).": average(along, trapezoid),
        "the mean gradient is multiplied by the picture; multiply it by the way from the baseline to it, "
        "(picture − baseline).": average(along, trapezoid) * batch[0],
        "the sign is wrong: the way is picture − baseline.": -right,
        "the path begins at 0 and not at the baseline: the points are baseline + α · (picture − baseline).": (
            average(gradients(ends, zero), trapezoid) * difference
        ),
        "the baseline is ignored: the path begins there, and the difference is to it.": (
            average(gradients(ends, zero), trapezoid) * batch[0]
        ),
        "the path leads to baseline + picture: the points are baseline + α · (picture − baseline).": (
            average(gradients(ends, end=baseline + batch), trapezoid) * difference
        ),
        "this is the gradient at the picture alone, times the difference: take the mean along the path.": (
            along[-1] * difference
        ),
        "this is the gradient of the *probability*: leave the softmax out.": average(probability, trapezoid)
        * difference,
        "this is the gradient of all the scores added up: take that of the target alone.": (
            average(gradients(ends, score=torch.sum), trapezoid) * difference
        ),
        "this is the gradient of the greatest score at each point: take that of the target.": (
            average(gradients(ends, score=torch.max), trapezoid) * difference
        ),
        "these are steps + 1 points: `linspace(0, 1, steps)` has both ends and `steps` points in all.": (
            average(gradients(more), halves) * difference
        ),
        "the sign is lost: integrated gradients add up to the score only with their signs.": right.abs(),
        f"these are the left ends of the pieces: {other}": average(gradients(pieces), equal / steps) * difference,
        f"these are the right ends of the pieces: {other}": (
            average(gradients(pieces + 1 / steps), equal / steps) * difference
        ),
        "these are the middles of the pieces, a rule as good as the trapezoid's; but the trapezoid's is asked for.": (
            average(gradients(pieces + 0.5 / steps), equal / steps) * difference
        ),
    }
    if not refute(values, right, mistakes):
        raise Wrong(
            "the values are off: average ∂ score / ∂ picture over the points baseline + α · (picture − baseline), "
            "α = 0 … 1, and multiply by (picture − baseline)."
        )
    whole = float((module(batch) - module(baseline))[0, target])
    return f"They add up to {float(right.sum()):.3g}; the score has risen by {whole:.3g}, and more points come nearer."


def ask_black() -> Question:
    """What integrated gradients from a black baseline say of black pixels."""
    return Question(
        "“Integrated gradients from a black baseline, and the pupils of the cat have the value 0. So the network does "
        "not look at the pupils.” What do you answer?",
        {
            "a": (
                "That is so: a network that used them would have given them a share.",
                "the factor (picture − baseline) is exactly 0 where the picture is as black as the baseline. No "
                "network could change that.",
            ),
            "b": (
                "No, it is a mistake in the computation: black pixels should stand out most.",
                "the baseline is black, so *black* is what counts as nothing. The result there is 0, not great.",
            ),
            "c": (
                "That is so: the gradient at a black pixel is always 0.",
                "the gradient there may be anything; but it is multiplied by 0.",
            ),
            "d": (
                "That says nothing: they would be 0 whatever the network does with them.",
                "Their difference from the baseline is 0, so their share is 0 whatever the network makes of them. A "
                "baseline is a decision about what “nothing” looks like: take several, and see what stays.",
            ),
        },
        right="d",
    )


def ask_which_map() -> Question:
    """How the map of SmoothGrad is told from that of saliency."""
    return Question(
        "In the panel you had to say which of the maps is which. Saliency and SmoothGrad both show sizes only, without "
        "a sign. By what can you tell that a map is SmoothGrad's?",
        {
            "a": (
                "Neighboring pixels differ less.",
                "Each noisy copy has its gradient jump at other places, so the mean jumps less: in the cat's map, the "
                "differences of neighbors add up to 0.69 of its sum, and to 0.79 in that of saliency.",
            ),
            "b": (
                "It is blurred: it is the map of saliency with its neighbors averaged.",
                "nothing is averaged over neighbors. It is a mean over noisy copies of the picture, pixel by pixel.",
            ),
            "c": (
                "The noise that was added to the picture can be seen in it.",
                "the noise is another one in each copy, and the mean over 25 of them takes it out.",
            ),
            "d": (
                "Its values add up to the score.",
                "that is the promise of integrated gradients. A gradient, or a mean of gradients, adds up to no score.",
            ),
        },
        right="a",
    )
