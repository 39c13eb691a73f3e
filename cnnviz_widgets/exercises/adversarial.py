"""Chapter 13: small changes that make a network answer something else."""

from collections.abc import Callable
from math import pi
from typing import Any

import torch
from torch import Tensor

from cnnviz_widgets.exercises.feedback import Wrong, check, given, number, refute, tensor
from cnnviz_widgets.exercises.question import Question
from cnnviz_widgets.methods.adversarial.patch_success import patch_success
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures import samples

ENOUGH, MOST_AREA = (
    0.9,
    0.25,
)  # of the contest: share of photographs that are fooled, and of the picture that is covered
MEAN, STD = 0.45, 0.25  # of the small network in the check: its logits are those of normalized pictures


@check
def check_toy_score(answer: Any) -> str:
    """The score of the ten numbers once every input has moved by ``0.5 · sign(w)``."""
    given(answer, "write the score down: `score = …`.")
    mistakes = {
        "this is the probability: the score comes before the sigmoid.": 0.8807970779778823,
        "every input moved the wrong way: the score has fallen by 5, not risen.": -8.0,
        "one input alone moves the score by 0.5; there are ten of them.": -2.5,
        "this is by how much the score moves: it began at −3.": 5.0,
    }
    if refute(number(answer), 2.0, mistakes):
        return "Every input moves by 0.5 and adds 0.5 · |w| = 0.5 to the score: −3 + 10 · 0.5 = 2, and P = 0.88."
    raise Wrong("each of the ten inputs adds `0.5 · |w|` to the score, which was −3.")


def _toy() -> tuple[Callable[[Tensor], Tensor], Tensor, int]:
    """From a picture (3, 6, 6) to four logits; a picture of which some values are nearly black or white; its class."""
    draw = torch.Generator().manual_seed(2)
    first, second = torch.randn(12, 108, generator=draw).double() / 10, torch.randn(4, 12, generator=draw).double()

    def logits(picture: Tensor) -> Tensor:
        return second @ (first @ ((picture.double() - MEAN) / STD).flatten()).tanh()

    picture = (1.4 * torch.rand(3, 6, 6, generator=draw).double() - 0.2).clamp(0, 1)
    return logits, picture, int(logits(picture).argmax())


def _slope(value: Callable[[Tensor], Tensor], picture: Tensor) -> Tensor:
    x = picture.clone().requires_grad_()
    return torch.autograd.grad(value(x), x)[0]


@check
def check_fgsm(function: Any) -> str:
    """function(logits, picture, label, epsilon): ``x + ε · sign(∇ₓ −log P(label))``, cut off at 0 and 1."""
    given(function, "write the function `my_fgsm`.")
    logits, picture, label = _toy()
    epsilon = 0.03
    with torch.enable_grad():
        answer = function(logits, picture.clone(), label, epsilon)
        given(answer, "`my_fgsm` returns nothing yet: let it return the changed picture.")
        slope = _slope(lambda x: -logits(x).log_softmax(0)[label], picture)
        of_logit = _slope(lambda x: -logits(x)[label], picture)
    free = picture + epsilon * slope.sign()
    mistakes = {
        "the sign is wrong, and the class becomes surer: walk up the loss −log P(label), not up the probability.": (
            picture - epsilon * slope.sign()
        ).clamp(0, 1),
        "the sign is wrong, and nothing is cut off at 0 and 1.": picture - epsilon * slope.sign(),
        "values below 0 and above 1 are no picture: clamp the result to 0…1.": free,
        "this is the gradient of the logit alone: the loss also counts the other classes.": (
            picture + epsilon * of_logit.sign()
        ).clamp(0, 1),
        "this is ε in units of the normalized picture: in pixels it is another one, ε · std.": (
            picture + epsilon * STD * slope.sign()
        ).clamp(0, 1),
        "the gradient is used as it is: take its sign, so that every value moves by ε.": (
            picture + epsilon * slope
        ).clamp(0, 1),
        "the gradient is scaled to length 1: take its sign, so that every value moves by ε.": (
            picture + epsilon * slope / slope.norm()
        ).clamp(0, 1),
        "this is the change alone: add it to the picture.": epsilon * slope.sign(),
        "this is the picture as it was.": picture,
    }
    found = tensor(answer, (3, 6, 6), "what `my_fgsm` returns")
    if refute(found, free.clamp(0, 1), mistakes):
        return "One step of the same size for every value, up the loss: that is all of FGSM."
    raise Wrong("it must be `(x + ε · sign(∇ₓ loss)).clamp(0, 1)` with the loss `−log softmax(logits(x))[label]`.")


@check
def check_projection(function: Any) -> str:
    """function(changed, original, epsilon): the nearest picture that is 0…1 and within ε of the original in L∞."""
    given(function, "write the function `my_projection`.")
    _, original, _ = _toy()
    epsilon = 0.05
    draw = torch.Generator().manual_seed(3)
    changed = original + 0.1 * torch.randn(original.shape, generator=draw).double()
    answer = function(changed.clone(), original.clone(), epsilon)
    given(answer, "`my_projection` returns nothing yet: let it return a picture.")
    change = changed - original
    in_ball = original + change.clamp(-epsilon, epsilon)
    shorter = original + change * min(1.0, epsilon / float(change.norm()))
    mistakes = {
        "the values are within ε, but some are below 0 or above 1.": in_ball,
        "the values are 0…1, but some are farther than ε from the original.": changed.clamp(0, 1),
        "this clamps the picture to ±ε: its change has to be within ε.": changed.clamp(-epsilon, epsilon),
        "this is the change alone: add it to the original.": change.clamp(-epsilon, epsilon),
        "this makes the whole change as long as ε, the L2 norm: in L∞ each value has its own bound.": shorter.clamp(
            0, 1
        ),
        "the whole change is scaled until its greatest value fits: clamp each value by itself.": (
            original + change * (epsilon / float(change.abs().max()))
        ).clamp(0, 1),
        "this goes back to the original: what is within ε may stay.": original,
    }
    found = tensor(answer, tuple(original.shape), "what `my_projection` returns")
    if refute(found, in_ball.clamp(0, 1), mistakes):
        return "Each value by itself: within ε of the original, then within 0…1. In L∞ the two clamps are exact."
    raise Wrong("it must be `original + (changed − original).clamp(−ε, ε)`, clamped to 0…1.")


@check
def check_contest(network: Network, patch: Any, target: str) -> str:
    """A round patch for ``network``: above 90% on photographs that it was not trained on, and how small it is."""
    given(patch, "train a patch first: choose an `area`.")
    size = network.input_size or (64, 64)
    found = tensor(patch, (3, *[len(patch[0])] * 2), "the patch")
    area = pi / 4 * found.shape[-1] ** 2 / (size[0] * size[1])
    if area > MOST_AREA:
        raise Wrong(f"it covers {area:.0%} of the picture: more than a quarter is not a sticker any more.")
    success = patch_success(network, contest_photos()[1], found.float(), target)
    if success.patched.share <= ENOUGH:
        raise Wrong(
            f"with {area:.1%} of the area it works on {success.patched} of the others: make it larger, or train longer."
        )
    return f"{area:.1%} of the area: {success.patched}; a patch of noise: {success.control}. Who needs less?"


def contest_photos() -> tuple[list[str], list[str]]:
    """Names of samples: those to train a patch on, and those on which it is tried."""
    names = [name for name in samples() if name not in samples().styles]
    return names[::2], names[1::2]


def ask_transfer() -> Question:
    """What the row of noise rules out in a transfer matrix."""
    return Question(
        "Beside the diagonal some numbers are above 0: networks are fooled by changes that were made for others. In "
        "the row of noise, of the same ε, all are 0. What does that row rule out?",
        {
            "a": (
                "That the networks have the same weights.",
                "they have not: their shapes differ. Noise would tell nothing about that.",
            ),
            "b": (
                "That any change of this size would do.",
                "Noise of ±ε moves every value by as much, and moves no answer. What is handed from one network to "
                "another is a direction: they have learned from the same pictures and rely on the same things in them.",
            ),
            "c": (
                "That they were wrong about these pictures before.",
                "that is ruled out by the choice of pictures: only those count on which all networks agree.",
            ),
            "d": (
                "That PGD has taken too few steps.",
                "the diagonal shows that: its changes fool the network for which they were made.",
            ),
        },
        right="b",
    )


def ask_price() -> Question:
    """What adversarial training costs."""
    return Question(
        "The network that saw attacked pictures in its training withstands more. What has it paid?",
        {
            "a": (
                "Nothing: it is right as often as the other one on pictures as they are.",
                "look at the accuracy without an attack: it is lower.",
            ),
            "b": (
                "It has more weights.",
                "both networks have the same shape, and began with the same weights.",
            ),
            "c": (
                "Accuracy on pictures as they are, and training time.",
                "It gives up what is useful and easily changed. Every step of the training needs several more passes, "
                "for the attack; and it withstands only what it has met: changes of that norm, of about that size.",
            ),
            "d": (
                "It needs longer to answer.",
                "it answers with one pass, as the other one does: only its training took longer.",
            ),
        },
        right="c",
    )


def ask_flipped() -> Question:
    """Why the control of the masked trial is the same change upside down."""
    return Question(
        "Some of the pictures carried the same change upside down. What are they for?",
        {
            "a": (
                "To have more trials.",
                "more trials of the other kinds would do that.",
            ),
            "b": (
                "To hide the change from you.",
                "it is as visible upside down as it is upright.",
            ),
            "c": (
                "The networks take them for the same class.",
                "not for these two: as the panel shows, none of them takes the picture with the flipped change for it.",
            ),
            "d": (
                "It disturbs as much and shows nothing: only more than that speaks for the change itself.",
                "The same contrast, the same frequencies, the same size, but no longer the class. If you chose the "
                "class as often with this one, the picture was only harder to see.",
            ),
        },
        right="d",
    )


def ask_8_bits() -> Question:
    """What a PNG file leaves of ε = ¼/255."""
    return Question(
        "FGSM with ε = ¼/255 fools a network that reads floating-point numbers. You save the picture as a PNG, "
        "8 bits for each value, and open it again. What does the network say?",
        {
            "a": (
                "The wrong class still: a PNG loses nothing.",
                "a PNG loses nothing of its 8 bits; but what is put into it has been rounded to 8 bits before.",
            ),
            "b": (
                "The right class: the change is gone.",
                "A quarter of a level is rounded away in every value: the file is the old picture, bit for bit. From "
                "½/255 on it would be rounded up, to more than ε allows. Success counts only after rounding.",
            ),
            "c": (
                "Something else again: rounding is noise.",
                "rounding brings every value back to where it was: nothing of the change is left, and no noise either.",
            ),
            "d": (
                "The wrong class, and with a higher probability.",
                "that would need a larger change, and rounding takes away even this one.",
            ),
        },
        right="b",
    )


def ask_jpeg() -> Question:
    """What JPEG does to a small and to a larger change."""
    return Question(
        "A targeted attack with ε = 2/255 and one with 8/255 are saved as JPEG files of quality 85. Which of the two "
        "holds?",
        {
            "a": (
                "Both are gone: JPEG throws high frequencies away.",
                "JPEG makes high frequencies coarser; a change of 8 levels is still there afterward.",
            ),
            "b": (
                "Both hold: JPEG keeps what the eye sees.",
                "the eye sees neither of the two changes; JPEG's quantization is about as large as the small one.",
            ),
            "c": (
                "The small one mostly falls, the large one mostly holds.",
                "What is smaller than the steps of JPEG's quantization is lost, what is larger stays. So JPEG is no "
                "defense: an attack takes a little more ε.",
            ),
            "d": (
                "The large one is lost, the small one holds.",
                "it is the other way round: quantization takes away what is small.",
            ),
        },
        right="c",
    )


def ask_noise() -> Question:
    """Random signs against those of the gradient."""
    return Question(
        "Random signs change every value by the same ε as FGSM does. Why do they hardly move the score?",
        {
            "a": (
                "They are smaller.",
                "they are of exactly the same size in L∞, L2 and L1: only the signs differ.",
            ),
            "b": (
                "Half of them push up and half of them down: they cancel.",
                "With n inputs, the gradient's signs add up to ε · ‖w‖₁, which grows like n; random ones to about "
                "ε · ‖w‖₂, which grows like √n. The network is robust against noise, and not against a direction.",
            ),
            "c": (
                "The network was trained with noise.",
                "this network was not; one that was does not move much less for FGSM.",
            ),
            "d": (
                "They leave the picture's values outside of 0…1.",
                "both are clamped to 0…1 in the same way, and few values are so near to the ends.",
            ),
        },
        right="b",
    )
