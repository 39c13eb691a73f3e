from dataclasses import replace

import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.exercises import check_preferred_angle


@pytest.fixture(scope="module")
def found():
    return cnnviz.last(cnnviz.tuning("mini", "conv1", 1), progress=False)


def direction(found, times=2, clamp=True, swapped=False):
    lengths = found.values.clamp(min=0) if clamp else found.values
    around = torch.deg2rad(times * found.angles)
    y, x = (lengths * around.sin()).sum(), (lengths * around.cos()).sum()
    return torch.rad2deg(torch.atan2(x, y) if swapped else torch.atan2(y, x)) / times


def test_preferred_angle(found):
    right = direction(found) % 180
    assert check_preferred_angle(right, found)
    assert check_preferred_angle(float(right), found)
    assert check_preferred_angle(None, found).right is None
    lengths = found.values.clamp(min=0)
    for wrong, says in (
        (found.preferred, "this is the angle at the peak"),
        (direction(found, 1) % 180, "double the angles before"),
        (2 * right, "must be halved"),
        (torch.deg2rad(right), "radians"),
        (direction(found, swapped=True) % 180, "swapped"),
        ((lengths * found.angles).sum() / lengths.sum(), "the mean of the angles"),
        (right - 180, "another name"),
        (17.3, "half of that vector's angle"),
    ):
        feedback = check_preferred_angle(wrong, found)
        assert feedback.right is False, says
        assert says in feedback.text


def test_activations_below_0_count_as_0(found):
    lower = replace(found, responses=found.responses - 3)
    assert check_preferred_angle(direction(lower) % 180, lower)
    feedback = check_preferred_angle(direction(lower, clamp=False) % 180, lower)
    assert feedback.right is False
    assert "clamp" in feedback.text
