"""The grand tour: planes stay planes, frames follow smoothly, and a dragged axis goes where it is dragged."""

from itertools import pairwise

import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.embeddings.grand_tour import between

POINTS = torch.rand(40, 7, generator=torch.Generator().manual_seed(1))
EYE = torch.eye(2, dtype=torch.float64)


def plane(seed, count=7):
    draw = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.linalg.qr(draw).Q


def test_every_basis_is_orthonormal_and_the_points_are_projected_onto_it():
    for frame in cnnviz.grand_tour(POINTS, 200):
        torch.testing.assert_close(frame.basis.T @ frame.basis, EYE, rtol=0, atol=1e-12)
        wanted = (POINTS.double() - POINTS.double().mean(0)) @ frame.basis
        torch.testing.assert_close(frame.values.double(), wanted, rtol=0, atol=1e-6)


def test_no_frame_jumps():
    bases = [frame.basis for frame in cnnviz.grand_tour(POINTS, 240)]
    steps = [float((one @ one.T - other @ other.T).norm()) for one, other in pairwise(bases)]
    assert max(steps) < 0.1
    assert sum(steps) > 3  # it goes somewhere


def test_the_way_begins_here_and_ends_in_the_other_plane():
    one, other = plane(0), plane(1)
    torch.testing.assert_close(between(one, other, 0.0), one, rtol=0, atol=1e-12)
    end = between(one, other, 1.0)
    torch.testing.assert_close(end @ end.T, other @ other.T, rtol=0, atol=1e-12)
    half = between(one, other, 0.5)
    angles = [torch.linalg.svdvals(half.T @ side).clamp(max=1).acos() for side in (one, other)]
    torch.testing.assert_close(*angles, rtol=0, atol=1e-7)


def test_a_dragged_axis_by_hand():
    basis = torch.eye(3, 2, dtype=torch.float64)
    pulled = cnnviz.drag_axis(basis, 2, (1.0, 0.0))
    half = 0.5**0.5
    torch.testing.assert_close(pulled, torch.tensor([[half, 0], [0, 1], [half, 0]], dtype=torch.float64))
    again = cnnviz.drag_axis(plane(3), 4, (0.3, -0.2))
    torch.testing.assert_close(again.T @ again, EYE, rtol=0, atol=1e-12)


def test_it_begins_at_the_first_two_axes_or_where_it_is_told():
    torch.testing.assert_close(next(cnnviz.grand_tour(POINTS)).basis, torch.eye(7, 2, dtype=torch.float64))
    torch.testing.assert_close(next(cnnviz.grand_tour(POINTS, start=plane(5))).basis, plane(5))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: cnnviz.grand_tour(POINTS[:, :1]), "points must have at least 2 numbers each."),
        (lambda: cnnviz.grand_tour(POINTS, start=torch.ones(7, 2)), "start must be a tensor (7, 2) with orthonormal"),
        (lambda: cnnviz.drag_axis(plane(0), 7, (0, 1)), "axis must be at most 6, not 7."),
        (lambda: cnnviz.drag_axis(plane(0), 1, "up"), "to must be two numbers (x, y), not 'up'."),
        (lambda: cnnviz.drag_axis(3, 1, (0, 1)), "basis must be"),
    ],
)
def test_bad_input(call, sentence):
    with pytest.raises(UserError) as error:
        call()
    assert sentence in str(error.value)


def test_several_epochs_are_gone_through_on_straight_lines():
    epochs = torch.stack([POINTS, POINTS.flip(0), 2 * POINTS])
    frames = list(cnnviz.grand_tour(epochs, 5))
    centered = (epochs - epochs.mean(1, keepdim=True)).double()
    halves = [centered[0], (centered[0] + centered[1]) / 2, centered[1], (centered[1] + centered[2]) / 2, centered[2]]
    for frame, rows in zip(frames, halves, strict=True):
        torch.testing.assert_close(frame.values.double(), rows @ frame.basis, rtol=0, atol=1e-6)
    (one,) = cnnviz.grand_tour(epochs, 1, epoch=1.25)
    wanted = (0.75 * centered[1] + 0.25 * centered[2])[:, :2]
    torch.testing.assert_close(one.values.double(), wanted, rtol=0, atol=1e-6)
    with pytest.raises(UserError, match=r"epoch must be at most 2, the last one of points, not 2\.5"):
        cnnviz.grand_tour(epochs, epoch=2.5)
