"""Chapter 05: tuning curves."""

from typing import Any

import torch
from torch import Tensor

from cnnviz_widgets.exercises.feedback import Wrong, check, given, number, refute
from cnnviz_widgets.methods.units.tuning import Tuning


@check
def check_preferred_angle(answer: Any, found: Tuning) -> str:
    """answer: the direction of the mean vector of a curve over orientations, in degrees from 0 to 180."""
    given(answer, "put the angle, in degrees, in `answer`.")
    right = _direction(found.values, found.angles)
    mistakes = {
        "this is the angle at the peak, which is one of the 36: the mean uses all activations.": found.preferred,
        "orientations repeat themselves after 180°: double the angles before, and halve the angle of the mean "
        "after.": _direction(found.values, found.angles, times=1),
        "the angles were doubled, and that of the mean must be halved.": 2 * right,
        "this is in radians: give degrees.": float(torch.deg2rad(torch.tensor(right))),
        "sine and cosine are swapped: `torch.atan2(y, x)`, and y is the sum with the sines.": (90 - 2 * right)
        / 2
        % 180,
        "activations below 0 count as 0: `clamp(min=0)`.": _direction(found.values, found.angles, clamped=False),
        "this is the mean of the angles, and 175° is next to 0°: take the angle of the mean vector.": float(
            (found.values.clamp(min=0) * found.angles).sum() / found.values.clamp(min=0).sum().clamp(min=1e-30)
        ),
    }
    value = number(answer)
    if -180 <= value < 0 and refute(value + 180, right, {}):
        raise Wrong("the direction is right, but from 0° to 180° it has another name: `% 180`.")
    if refute(value, right, mistakes):
        return (
            f"{right:.1f}°, and the peak is at {found.preferred:g}°. The length of the same vector is the selectivity."
        )
    raise Wrong("sum up activation × (cos 2θ, sin 2θ); the answer is half of that vector's angle.")


def _direction(values: Tensor, angles: Tensor, times: int = 2, *, clamped: bool = True) -> float:
    weights, around = (values.clamp(min=0) if clamped else values).double(), torch.deg2rad(times * angles.double())
    turned = torch.atan2((weights * around.sin()).sum(), (weights * around.cos()).sum())
    return float(torch.rad2deg(turned)) / times % 180
