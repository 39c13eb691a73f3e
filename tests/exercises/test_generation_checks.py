"""The checks of chapter 17, and the decibels of chapter 12: right answers, and mistakes that are told."""

import re
from math import log10

import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.exercises import check_azimuth, check_mix, check_psnr, check_sum, mystery


def mix(a, b, n, shares=lambda n: torch.arange(n) / (n - 1)):
    t = shares(n)[:, None]
    return (1 - t) * a + t * b


def test_right_answers():
    assert check_psnr(10 * log10(400), 10**0.3)
    assert check_psnr(26.0206, 2)
    assert check_mix(mix)
    assert check_sum([1, 3, 0])


def test_the_azimuth_can_be_found_in_rendered_pictures():
    errors = {
        angle: float((cnnviz.render_object("chair", angle, 20).image - mystery()).square().mean())
        for angle in range(0, 360, 5)
    }
    assert check_azimuth(min(errors, key=errors.get))


def test_the_azimuth_can_be_found_with_the_bundled_generator():
    draw = cnnviz.load_generator()
    errors = {
        angle: float((draw("chair", azimuth=angle).values - mystery()).square().mean()) for angle in range(0, 360, 5)
    }
    assert check_azimuth(min(errors, key=errors.get))


def test_missing_answers():
    for feedback in (check_psnr(None, None), check_mix(None), check_mix(lambda a, b, n: None), check_sum(None),
                     check_azimuth(None)):  # fmt: skip
        assert feedback.right is None


@pytest.mark.parametrize(
    ("feedback", "says"),
    [
        (lambda: check_psnr(-26.0206, 2), "wrong sign"),
        (lambda: check_psnr(2.60206, 2), "bels"),
        (lambda: check_psnr(26.0206, 3), "logarithms"),
        (lambda: check_psnr(26.0206, 0.5012), "turned round"),
        (lambda: check_mix(lambda a, b, n: mix(b, a, n)), "from b to a"),
        (lambda: check_mix(lambda a, b, n: mix(a, b, n, lambda n: torch.arange(n) / n)), "never arrives"),
        (lambda: check_mix(lambda a, b, n: mix(a, b, n).T), "one vector a row"),
        (lambda: check_sum([0, 4, 1]), "a − b \\+ c"),
        (lambda: check_sum([-1, 3, 1]), "swapped"),
        (lambda: check_azimuth(70), "mirror image"),
        (lambda: check_azimuth(110), "opposite"),
        (lambda: check_azimuth(200), "off"),
    ],
)
def test_mistakes_are_told(feedback, says):
    answer = feedback()
    assert answer.right is False
    assert re.search(says, answer.text)
