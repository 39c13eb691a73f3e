"""The grid of pictures: by hand, always a permutation, and near the cost of the exact assignment."""

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

import cnnviz_widgets as cnnviz
from cnnviz_widgets.errors import UserError

FOUR = torch.tensor([[0.1, 0.1], [0.2, 0.1], [0.9, 0.9], [0.8, 0.2]])


def clumps(count):
    draw = np.random.default_rng(0)
    middles = draw.uniform(0.2, 0.8, (6, 2))
    return torch.from_numpy((middles[draw.integers(6, size=count)] + draw.normal(0, 0.06, (count, 2))).clip(0, 1))


@pytest.mark.parametrize("exact", [True, False])
def test_by_hand(exact):
    found = cnnviz.last(cnnviz.image_map(FOUR, exact=exact), progress=False)
    assert found.cells.tolist() == [0, 2, 3, 1]
    assert found.cost == pytest.approx(0.52, abs=1e-6)


@pytest.mark.parametrize("count", [7, 360, 900])
def test_every_state_is_a_permutation_and_the_cost_what_it_says(count):
    points = clumps(count)
    before = np.inf
    for state in cnnviz.image_map(points, exact=False):
        rows, columns = state.shape
        assert len(set(state.cells.tolist())) == count <= rows * columns < count + columns
        middles = torch.stack([(state.cells % columns + 0.5) / columns, (state.cells // columns + 0.5) / rows], 1)
        assert state.cost == pytest.approx(float((points - middles).square().sum()), rel=1e-6)
        assert state.cost <= before * (1 + 1e-9)
        before = state.cost


@pytest.mark.parametrize("count", [250, 900])
def test_windows_come_near_the_least_cost(count):
    points = clumps(count)
    exact = cnnviz.last(cnnviz.image_map(points, exact=True), progress=False)
    rows, columns = exact.shape
    y, x = np.divmod(np.arange(rows * columns), columns)
    middles = np.stack([(x + 0.5) / columns, (y + 0.5) / rows], 1)
    costs = ((points.numpy()[:, None] - middles) ** 2).sum(2)
    assert exact.cost == pytest.approx(costs[linear_sum_assignment(costs)].sum(), rel=1e-6)
    quick = cnnviz.last(cnnviz.image_map(points, exact=False), progress=False)
    assert exact.cost * (1 - 1e-9) <= quick.cost <= 1.01 * exact.cost


def test_the_large_picture_has_each_picture_in_its_cell():
    flat = torch.linspace(0, 1, 4)[:, None, None, None].expand(4, 3, 50, 50)
    found = cnnviz.last(cnnviz.image_map(FOUR), progress=False)
    sheet = np.asarray(cnnviz.map_picture(found, 200, pictures=flat))
    assert sheet.shape == (200, 200, 3)
    for number, cell in enumerate(found.cells.tolist()):
        block = sheet[cell // 2 * 100 :, cell % 2 * 100 :][:100, :100]
        assert (block == round(255 * number / 3)).all()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"positions": FOUR * 2}, "positions must be (N, 2) numbers 0…1, or what embed found"),
        ({"positions": torch.rand(4, 3)}, "positions must be (N, 2) numbers 0…1"),
        ({"pictures": 3}, "pictures must be what features found of these 4 pictures, not 3."),
    ],
)
def test_bad_input(arguments, sentence):
    with pytest.raises(UserError) as error:
        cnnviz.image_map(**{"positions": FOUR} | arguments)
    assert sentence in str(error.value)
