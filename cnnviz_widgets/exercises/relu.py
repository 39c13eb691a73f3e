"""Chapter 08: three ways back through a ReLU."""

from typing import Any

import torch
from torch import Tensor

from cnnviz_widgets.exercises.feedback import Wrong, check, given, refute, same, tensor
from cnnviz_widgets.exercises.question import Question

ACTIVATION = (3.0, -1.0, 2.0, -4.0, 0.0, 5.0)  # f, before the ReLU
SIGNAL = (2.0, 4.0, -1.0, -3.0, 5.0, 1.0)  # R, that arrives from above


def _rules(f: Tensor, r: Tensor) -> dict[str, Tensor]:
    return {"backprop": (f > 0) * r, "deconvnet": (r > 0) * r, "guided": (f > 0) * (r > 0) * r}


@check
def check_by_hand(backprop: Any, deconvnet: Any, guided: Any) -> str:
    """What each rule passes back for ACTIVATION and SIGNAL: six numbers each."""
    f, r = torch.tensor(ACTIVATION).double(), torch.tensor(SIGNAL).double()
    right = _rules(f, r)
    answers = {"backprop": backprop, "deconvnet": deconvnet, "guided": guided}
    for name, answer in answers.items():
        given(answer, f"`{name}` has no numbers: put a list of {len(f)} there.")
    for name, answer in answers.items():
        values = tensor(answer, tuple(f.shape), f"`{name}`")
        mask = (right[name] != 0).double()
        mistakes = {
            f"`{name}` has the mask, zeros and ones: multiply it by R.": mask,
            f"`{name}` is multiplied by f itself: f only decides what passes, R is what passes.": right[name] * f,
            f"`{name}` holds the output of the ReLU in the forward pass.": f.clamp(min=0),
            f"`{name}` lets R through where f is exactly 0: the rule says f > 0.": right[name] + (f == 0) * r,
        }
        for other, result in right.items():
            if other != name:
                mistakes[f"under `{name}` you have written what {other} passes back."] = result
        if not refute(values, right[name], mistakes):
            place = int((values != right[name]).nonzero()[0])
            raise Wrong(
                f"`{name}` is off at number {place}, where f = {f[place]:g} and R = {r[place]:g}: it has "
                f"{values[place]:g}."
            )
    return "Backprop asks who was active, deconvnet asks whose signal is positive, guided asks both."


@check
def check_guided_relu(function: Any) -> str:
    """function: a torch.autograd.Function, ReLU forward, and backward (f > 0) · (R > 0) · R."""
    given(function, "write the class `GuidedReLU`.")
    if not (isinstance(function, type) and issubclass(function, torch.autograd.Function)):
        raise Wrong("give the class itself: a subclass of `torch.autograd.Function`.")
    draw = torch.Generator().manual_seed(0)
    f, r = torch.randn(2, 3, 4, 5, generator=draw).double(), torch.randn(2, 3, 4, 5, generator=draw).double()
    f[0, 0, 0], r[0, 0, 0] = 0.0, 1.0  # a ReLU at exactly 0 is not active
    x = f.clone().requires_grad_()
    out = function.apply(x)
    if not isinstance(out, Tensor):
        given(out, "`forward` returns nothing: let it return the ReLU of x.")
        raise Wrong(f"`forward` returns a {type(out).__name__}, a tensor is asked for.")
    if not same(x.detach(), f):
        raise Wrong("`forward` writes into its input: make a new tensor, `x.clamp(min=0)`.")
    forward = {
        "`forward` returns its input: forward it must be an ordinary ReLU, 0 where x < 0.": f,
        "`forward` returns the mask x > 0, not the ReLU: the values of x are lost.": (f > 0).double(),
        "`forward` takes the absolute value: a ReLU gives 0 where x < 0.": f.abs(),
    }
    if not refute(tensor(out, tuple(f.shape), "what `forward` returns"), f.clamp(min=0), forward):
        raise Wrong("`forward` is not an ordinary ReLU: x where x > 0, and else 0.")
    (back,) = torch.autograd.grad(out, x, r, allow_unused=True)
    given(back, "`backward` returns nothing: let it return the signal for x.")
    rules = _rules(f, r)
    backward = {
        "your guided ReLU passes negative signals back: you forgot (R > 0). This is plain backprop.": rules["backprop"],
        "your guided ReLU passes signals through units that were not active: you forgot (f > 0). This is the "
        "deconvnet rule.": rules["deconvnet"],
        "everything is passed back, as if there were no ReLU: both (f > 0) and (R > 0) are missing.": r,
        "the mask is passed back: multiply it by R.": (rules["guided"] != 0).double(),
        "units whose f is exactly 0 count as active: write f > 0, not f >= 0.": (f >= 0) * (r > 0) * r,
        "the two conditions are joined by *or*: a signal must meet both.": ((f > 0) | (r > 0)) * r,
        "the signal's size is passed back where it is negative, too: `abs` is not (R > 0).": (f > 0) * r.abs(),
        "the signal is multiplied by f: f decides only whether it passes.": rules["guided"] * f,
        "only zeros are passed back: the result must depend on R.": torch.zeros_like(r),
    }
    if refute(tensor(back, tuple(f.shape), "what `backward` returns"), rules["guided"], backward):
        return "Forward it is a ReLU; backward it passes positive signals only, and only to units that were active."
    raise Wrong("`backward` must return R where both f > 0 and R > 0, and 0 elsewhere.")


def ask_same_picture() -> Question:
    """The rule whose picture is the same for every photograph in a ReLU network without max pooling."""
    return Question(
        "A network has convolutions and ReLUs, but no max pooling. With one of the three rules, the picture that "
        "is passed back from a class is the same for every photograph. With which, and why?",
        {
            "a": (
                "Backprop.",
                "its mask is f > 0, and which units are active depends on the photograph.",
            ),
            "b": (
                "The deconvnet rule.",
                "Its mask looks at R alone, so nothing in the backward pass depends on the photograph but the switches "
                "of max pooling. Without them, deconvnet draws the network's picture of the class.",
            ),
            "c": (
                "Guided backprop.",
                "one of its two masks is f > 0, and which units are active depends on the photograph.",
            ),
            "d": (
                "None of them.",
                "look at the three masks once more: one of them never looks at f.",
            ),
        },
        right="b",
    )


def ask_edges() -> Question:
    """What follows from a map that stays the same when the network's last layers are random."""
    return Question(
        "A network's last layers are replaced by random numbers. Somebody's method draws nearly the same picture as "
        "before, sharp and convincing. What follows?",
        {
            "a": (
                "The network still knows what it sees: the first layers have learned most of it.",
                "ask it: with random last layers the prediction is random, however good the first ones are.",
            ),
            "b": (
                "The last layers play no part in the prediction.",
                "every score goes through the last layers. It is the map that does not need them, not the prediction.",
            ),
            "c": (
                "The picture cannot explain the prediction: it hardly depends on what makes it.",
                "A map that does not notice when the classifier is gone cannot tell what the classifier does. It may "
                "still be a fine drawing of what is in the photograph, as the edge detector's is.",
            ),
            "d": (
                "Nothing: without the true map, one cannot judge a map.",
                "the check needs no true map: it asks whether the map depends on what it claims to explain. To fail "
                "rules a map out; to pass does not prove it right.",
            ),
        },
        right="c",
    )
