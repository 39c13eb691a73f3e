from math import sqrt

import pytest

from cnnviz_widgets.exercises import check_wilson


def wilson(z=1.96, middle=True, divided=True, swapped=False):
    """A solution, and its usual mistakes."""

    def interval(hits, total):
        share, weight = hits / total, z * z / total
        center = (share + weight / 2) / (1 + weight) if middle else share
        half = sqrt(share * (1 - share) * weight + weight * weight / 4) / (1 + weight if divided else 1)
        ends = center - half, center + half
        return ends[::-1] if swapped else ends

    return interval


def wald(hits, total):
    share = hits / total
    half = 1.96 * sqrt(share * (1 - share) / total)
    return share - half, share + half


def test_the_right_interval():
    assert check_wilson(wilson())


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (wald, "the interval of Wald"),
        (wilson(z=1.0), "68 %"),
        (wilson(middle=False), "the middle is p̂"),
        (wilson(divided=False), "not divided"),
        (wilson(swapped=True), "swapped"),
        (lambda hits, total: (0.1, 0.2), "for 8 of 10 it is 0.490 … 0.943"),
        (lambda hits, total: 0.5, "two numbers"),
        (lambda hits, total: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_wrong_intervals(function, says):
    feedback = check_wilson(function)
    assert feedback.right is False
    assert says in feedback.text


def test_no_interval_yet():
    assert check_wilson(None).right is None
    assert check_wilson(lambda hits, total: None).right is None
