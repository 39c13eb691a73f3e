"""Which size is taken instead of one that is not, found by trying."""

import pytest

from cnnviz_widgets.networks.sizes import nearest


def multiple_of(number):
    return lambda size: all(side % number == 0 for side in size)


@pytest.mark.parametrize(
    ("takes", "own", "size", "taken"),
    [
        (lambda size: True, (28, 28), (60, 61), (60, 61)),
        (lambda size: size == (28, 28), (28, 28), (60, 60), (28, 28)),
        (lambda size: size == (28, 28), (28, 28), (20, 24), (28, 28)),
        (multiple_of(8), (64, 64), (150, 130), (152, 128)),
        (multiple_of(14), (224, 224), (100, 60), (98, 56)),
        (lambda size: size[0] == 32, (32, 100), (64, 128), (32, 64)),  # in the same proportions
        (lambda size: size[0] == 32 and size[1] >= 50, (32, 100), (128, 64), (32, 64)),  # else by itself
        (lambda size: size[1] == 100, (32, 100), (64, 200), (32, 100)),
        (lambda size: False, (28, 28), (60, 60), None),
        (lambda size: size == (28, 28), (28, 28), (3, 3), None),  # too small for anything to be seen
        (lambda size: size == (5, 6), (5, 6), (7, 7), (5, 6)),
    ],
)
def test_the_nearest_size(takes, own, size, taken):
    assert nearest(takes, own, size) == taken


def test_what_is_too_small_is_enlarged_no_more_than_it_must_be():
    height, width = nearest(lambda size: min(size) >= 100, (224, 224), (88, 90))
    assert 100 <= height <= 113
    assert 100 <= width <= 115


def test_nothing_else_is_tried_where_only_its_own_is_taken():
    tried = []
    assert nearest(lambda size: tried.append(size) or size == (28, 28), (28, 28), (60, 60), own_only=True) == (28, 28)
    assert tried == [(60, 60), (28, 28)]
