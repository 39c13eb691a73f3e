"""Trials: every combination once, in an order by seed; counts by hand, and the interval of a peer."""

from collections import Counter
from itertools import product

import pytest
from scipy.stats import binomtest

from cnnviz_widgets.methods.adversarial._trials import CONDITIONS, LATE, Given, Trial, balanced, counted, timing


@pytest.mark.parametrize("photos", [1, 3, 6])
def test_every_combination_comes_once_in_an_order_by_seed(photos):
    orders = [balanced(photos, seed) for seed in range(20)]
    for order in orders:
        assert Counter(order) == Counter(Trial(*one) for one in product(range(photos), (0, 1), CONDITIONS))
    assert balanced(photos, 3) == orders[3]
    assert len(set(orders)) > 15
    firsts = Counter(order[0].condition for order in orders)
    assert len(firsts) == 3  # no condition is always the first


def test_whoever_always_says_the_same_is_right_in_half_of_each():
    """And whoever says the target, in all of them."""
    trials = balanced(4, 0)
    for choice in (0, 1):
        found = counted([Given(one, choice, 4, 66.7) for one in trials], 70)
        assert all(both == (4, 8) for both in found.values())
    found = counted([Given(one, one.target, 4, 66.7) for one in trials], 70)
    assert all(both == (8, 8) for both in found.values())


def test_a_picture_that_stood_too_long_does_not_count():
    trial = Trial(0, 1, "after")
    given = [Given(trial, 1, 4, 70 + LATE), Given(trial, 1, 6, 70 + LATE + 1), Given(trial, 0, 4, 66.7)]
    assert counted(given, 70)["after"] == (1, 2)
    assert counted(given, 70)["before"] == (0, 0)
    assert timing(given, 70) == (
        f"A picture stood for 4 frames, 95 ms (median). 1 of 3 are left out: the picture stood more than {LATE} ms "
        "too long."
    )


def test_pictures_that_stood_until_the_answer_count_and_it_is_said():
    given = [Given(Trial(0, 1, "flipped"), 1, None, 1234.0)]
    assert counted(given, 70)["flipped"] == (1, 1)
    assert timing(given, 70).startswith("Reduced motion is asked for")
    assert timing([], 70) == ""


@pytest.mark.parametrize(("hits", "total"), [(0, 6), (3, 6), (5, 6), (6, 6)])
def test_the_interval_is_wilsons(hits, total):
    given = [Given(Trial(0, 1, "after"), int(number < hits), 4, 66.7) for number in range(total)]
    wanted = binomtest(hits, total).proportion_ci(method="wilson")
    assert counted(given, 70)["after"].interval == pytest.approx((wanted.low, wanted.high), abs=1e-9)
