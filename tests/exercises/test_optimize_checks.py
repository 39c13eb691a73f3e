"""The checks of chapters 10 to 12: right answers, missing ones, and mistakes that are told by their own result."""

import pytest
import torch

from cnnviz_widgets.exercises import (
    check_ascent,
    check_dream_step,
    check_inversion_loss,
    check_octaves,
    check_total_variation,
)


def ascent(score, picture, steps, rate, *, sign=1, normalized=True, reset=True, repeats=None):
    x = picture.clone().requires_grad_()
    for _ in range(repeats or steps):
        score(x).backward()
        with torch.no_grad():
            x += sign * rate * (x.grad / x.grad.norm() if normalized else x.grad)
        if reset:
            x.grad = None
    return x.detach()


def test_right_ascent():
    assert check_ascent(ascent)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sign": -1}, "downhill"),
        ({"normalized": False}, "not divided by its length"),
        ({"reset": False}, "added up"),
        ({"repeats": 1}, "after one step"),
    ],
)
def test_wrong_ascent(change, says):
    feedback = check_ascent(lambda *arguments: ascent(*arguments, **change))
    assert feedback.right is False
    assert says in feedback.text


def test_ascent_in_place():
    feedback = check_ascent(lambda score, picture, steps, rate: picture.add_(1))
    assert feedback.right is False
    assert "clone" in feedback.text


def dream_step(layer, picture, size, *, power=2, by="mean", sign=1):
    x = picture.clone().requires_grad_()
    (layer(x) ** power).sum().backward()
    sizes = {"mean": x.grad.abs().mean(), "norm": x.grad.norm(), "nothing": 2}
    return picture + sign * size * x.grad / sizes[by]


def test_right_dream_step():
    assert check_dream_step(dream_step)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sign": -1}, "backwards"),
        ({"by": "nothing"}, "not divided by the mean"),
        ({"by": "norm"}, "divided by its length"),
        ({"power": 1}, "Square them"),
    ],
)
def test_wrong_dream_step(change, says):
    feedback = check_dream_step(lambda *arguments: dream_step(*arguments, **change))
    assert feedback.right is False
    assert says in feedback.text


def loss(features, wanted, picture, weight, *, relative=True, rough=True, both=True, power=2):
    far = (features - wanted).square().sum() / (wanted.square().sum() if relative else 1)
    variation = (picture[:, :, 1:] - picture[:, :, :-1]).abs().pow(power).sum()
    variation = variation + both * (picture[:, 1:] - picture[:, :-1]).abs().pow(power).sum()
    return far + rough * weight * variation


def test_right_inversion_loss():
    assert check_inversion_loss(loss)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"relative": False}, "not divided by"),
        ({"rough": False}, "total variation is missing"),
        ({"both": False}, "one direction"),
        ({"power": 1}, "to be squared"),
    ],
)
def test_wrong_inversion_loss(change, says):
    feedback = check_inversion_loss(lambda *arguments: loss(*arguments, **change))
    assert feedback.right is False
    assert says in feedback.text


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (9, "square them"),
        (7, "left to right alone"),
        (8, "top to bottom alone"),
        (7.5, "six pairs"),
        ("x", "one number"),
    ],
)
def test_wrong_total_variation(answer, says):
    feedback = check_total_variation(answer)
    assert feedback.right is False
    assert says in feedback.text


def test_right_numbers():
    assert check_total_variation(15)
    assert check_octaves([82, 114, 160, 224], (300, 224), 4, 1.4)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ([224, 160, 114, 82], "wrong order"),
        ([109, 153, 214, 300], "longer sides"),
        ([1, 2, 3, 224], "1.4 times smaller"),
    ],
)
def test_wrong_octaves(answer, says):
    feedback = check_octaves(answer, (300, 224), 4, 1.4)
    assert feedback.right is False
    assert says in feedback.text


@pytest.mark.parametrize("check", [check_ascent, check_dream_step, check_inversion_loss, check_total_variation])
def test_nothing_yet(check):
    assert check(None).right is None
