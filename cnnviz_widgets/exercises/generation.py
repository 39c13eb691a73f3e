"""Chapter 17: networks that make pictures, of parameters and of features. And decibels, for chapter 12."""

from math import log, log10
from typing import Any

import torch

from cnnviz_widgets.exercises.feedback import Wrong, check, given, number, refute, tensor
from cnnviz_widgets.exercises.question import Question
from cnnviz_widgets.pictures.objects import render_object

MYSTERY = 290.0  # degrees of azimuth
NEAR = 6.0  # degrees


@check
def check_psnr(psnr: Any, factor: Any) -> str:
    """psnr: of a mean squared error of 0.0025; factor: by which 3 dB more divide the mean squared error."""
    given(psnr, "put the PSNR in `psnr`.")
    given(factor, "put one number in `factor`.")
    mse = 0.0025
    mistakes = {
        "`psnr` has the wrong sign: the smaller the error, the *more* dB.": 10 * log10(mse),
        "`psnr` is in bels: ten times as many *deci*bels.": -log10(mse),
        "`psnr` was made with the natural logarithm: take `log10`.": -10 * log(mse),
        "`psnr` is twice too large: 20 · log₁₀ belongs to the root of the mean squared error.": -20 * log10(mse),
    }
    if not refute(number(psnr), -10 * log10(mse), mistakes):
        raise Wrong("`psnr` is 10 · log₁₀(1 / MSE).")
    times = 10**0.3
    found = number(factor)
    if not abs(found - times) < 0.01:
        refute(found, times, {
            "`factor` is that of the *root* of the mean squared error.": 10**0.15,
            "`factor` is turned round: what is asked is by how much the error is *divided*.": 1 / times,
            "`factor` is not 3: decibels are logarithms.": 3.0,
            "`factor` is in bels: 3 dB are 0.3.": 10**3,
        })  # fmt: skip
        raise Wrong("`factor`: 3 = 10 · log₁₀(factor).")
    return "3 dB more halve the squared error. From 17 to 20 dB a picture gains as much as from 27 to 30."


@check
def check_mix(function: Any) -> str:
    """function(a, b, n): n vectors from a to b, in equal steps, (n, length)."""
    given(function, "write the function `my_mix`.")
    a, b = torch.tensor([1.0, 0.0, 2.0]).double(), torch.tensor([0.0, 1.0, 5.0]).double()
    answer = function(a, b, 5)
    given(answer, "`my_mix` returns nothing yet: let it return (n, length) numbers.")
    shares = torch.arange(5).double()[:, None] / 4
    right = (1 - shares) * a + shares * b
    mistakes = {
        "it goes from b to a.": right.flip(0),
        "it never arrives at b: the shares are 0, 1/(n − 1), …, 1.": torch.stack(
            [(1 - at / 5) * a + at / 5 * b for at in range(5)]
        ),
        "the shares of a and b do not add up to 1.": a + shares * b,
        "a and b are left out: both ends belong to it.": torch.stack(
            [(1 - at / 6) * a + at / 6 * b for at in range(1, 6)]
        ),
    }
    if refute(tensor(answer, (5, 3), "what `my_mix` returns", {(3, 5): "one vector a row"}), right, mistakes):
        return "Between two kinds the network draws what it was never shown: objects that are partly both."
    raise Wrong("row i is (1 − t) a + t b, with t = i / (n − 1).")


@check
def check_sum(legs: Any) -> str:
    """legs: the third component of a − b + c."""
    given(legs, "compute a − b + c by hand, and put it in `legs`.")
    a, b, c = (torch.tensor(one).double() for one in ([1.0, 4.0, 0.5], [0.0, 4.0, 1.0], [0.0, 3.0, 0.5]))
    mistakes = {
        "this is a + b + c: b is taken away.": a + b + c,
        "this is b − a + c: a and b are swapped.": b - a + c,
        "this is a − b − c: c is added.": a - b - c,
        "this is a − b: c is missing.": a - b,
    }
    if refute(tensor(legs, (3,), "`legs`"), a - b + c, mistakes):
        return "The first number says “arms”: a and b differ in it, and c gets the difference. Its three legs stay."
    raise Wrong("add and subtract number by number: a − b + c.")


def mystery() -> torch.Tensor:
    """A picture (3, 64, 64) of a chair, seen from an azimuth that is to be found: 20° up, all else as it usually is."""
    return render_object("chair", MYSTERY, 20).image


@check
def check_azimuth(azimuth: Any) -> str:
    """azimuth: of ``mystery()``, in degrees."""
    given(azimuth, "search for the azimuth, and put it in `azimuth`.")
    found = number(azimuth) % 360
    away = abs((found - MYSTERY + 180) % 360 - 180)
    if away <= NEAR:
        return f"It is {MYSTERY:.0f}°. You have turned a drawing network round: from a picture to its parameters."
    if abs((found + MYSTERY + 180) % 360 - 180) <= NEAR:
        raise Wrong("that is the mirror image: is the error of the *right* picture the least?")
    if abs((found - MYSTERY) % 360 - 180) <= NEAR:
        raise Wrong("that is the view from the opposite side.")
    raise Wrong(f"it is {away:.0f}° off: the mean squared error is least at another azimuth.")


def ask_learned() -> Question:
    """What a generator of objects cannot do."""
    return Question(
        "You ask the trained generator for a lamp, which it never saw. What could you do to get one?",
        {
            "a": (
                "Mix the right kinds: every object lies between chairs and tables.",
                "mixtures are made of what was learned. No chair and no table has a lampshade.",
            ),
            "b": (
                "Move the azimuth to a view that was never learned.",
                "views between others can be filled in. A kind without any picture cannot.",
            ),
            "c": (
                "Find a code by optimization that draws it: some code draws every picture.",
                "try it: from a code come pieces of chairs and tables. 32 numbers do not make every picture.",
            ),
            "d": (
                "Nothing with these weights: it must be trained on lamps.",
                "It fills in between what it was shown: views, kinds, sums. What no picture of the training had is not "
                "in its weights.",
            ),
        },
        right="d",
    )
