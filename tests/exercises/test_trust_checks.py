from math import sqrt

import pytest

from cnnviz_widgets.exercises import check_deletion, check_wilson


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
        (wilson(z=1.0), "68%"),
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


def deletion(descending=True, size=False, fill=0.5, colors=slice(None), last_only=False, backward=False, steps_more=1):
    """A solution, and its usual mistakes."""

    def curve(probability, picture, heatmap, steps):
        order = (heatmap.abs() if size else heatmap).flatten().argsort(descending=descending)
        each, found = len(order) // steps, []
        for step in range(steps + steps_more):
            changed = picture.clone()
            gone = order[max(0, step - 1) * each if last_only else 0 : step * each]
            changed.flatten(1)[colors, gone] = fill
            found.append(probability(changed))
        return found[::-1] if backward else found

    return curve


def test_the_right_deletion():
    assert check_deletion(deletion())


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (deletion(descending=False), "least important pixels go first"),
        (deletion(size=True), "size of the numbers"),
        (deletion(fill=0.0), "black"),
        (deletion(fill=0.3), "not the probabilities"),
        (deletion(colors=slice(1)), "only red"),
        (deletion(last_only=True), "earlier steps come back"),
        (deletion(backward=True), "inserted"),
        (deletion(steps_more=0), "the whole picture comes first"),
        (lambda *args: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_wrong_deletions(function, says):
    feedback = check_deletion(function)
    assert feedback.right is False
    assert says in feedback.text


def test_no_deletion_yet():
    assert check_deletion(None).right is None
    assert check_deletion(lambda *args: None).right is None
