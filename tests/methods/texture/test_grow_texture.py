"""Growing textures: every pixel is a copy, what is known to be grown exactly is, and the quick way is the plain one."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage import data

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.texture import grow_texture as module
from cnnviz_widgets.methods.texture.grow_texture import grow_texture

BOARD = torch.kron(torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(6, 6), torch.ones(2, 2)).expand(3, -1, -1)
NOISE = torch.rand(3, 20, 17, generator=torch.Generator().manual_seed(0))


def end(states):
    *_, state = states
    return state


def is_board(values):
    """Whether it is a checkerboard of 2 px tiles, wherever it begins."""
    height, width = values.shape[-2:]
    return any(
        torch.equal(values, BOARD.repeat(1, 2, 2)[:, top : top + height, left : left + width])
        for top in range(4)
        for left in range(4)
    )


@pytest.mark.parametrize("order", ["onion", "raster"])
@pytest.mark.parametrize("seed", range(5))
def test_a_checkerboard_goes_on_exactly(order, seed):
    assert is_board(end(grow_texture(BOARD, 22, 5, order, seed=seed)).values)


@pytest.mark.parametrize("tolerance", [0, 0.1, 5])
@pytest.mark.parametrize("order", ["onion", "raster"])
def test_every_pixel_is_a_copy_at_every_step(order, tolerance):
    count = 0
    for state in grow_texture(NOISE, 24, 7, order, tolerance):
        assert state.step == int(state.filled.sum()) > count
        count = state.step
        row, column = state.source
        assert torch.equal(state.filled, row >= 0)
        assert torch.equal(state.values[:, state.filled], NOISE[:, row, column][:, state.filled])
        assert (state.values[:, ~state.filled] == 0.5).all()
    assert count == state.total == 24**2


def test_a_hole_is_filled_and_the_rest_stays():
    hole = torch.zeros(24, 24, dtype=torch.bool)
    hole[7:15, 9:17] = True
    spoiled = torch.where(hole, 0.3, BOARD)
    state = end(grow_texture(spoiled, window=5, hole=hole))
    assert torch.equal(state.values, BOARD)
    assert not hole[tuple(state.source.flatten(1))].any()


def brute_force(growth, at, compared):
    """The weighted mean squared difference to every window of the sample, one by one."""
    reach, sample = growth.reach, growth.sample.astype(float)
    axis = np.arange(-reach, reach + 1)
    bell = np.exp(-(axis[:, None] ** 2 + axis**2) / 2 / (growth.window / 6.4) ** 2) * compared
    seen = growth.made[:, at[0] : at[0] + growth.window, at[1] : at[1] + growth.window].astype(float)
    weight = bell * growth.known[at[0] : at[0] + growth.window, at[1] : at[1] + growth.window]
    found = {}
    for row in range(reach, sample.shape[1] - reach):
        for column in range(reach, sample.shape[2] - reach):
            window = sample[:, row - reach : row + reach + 1, column - reach : column + reach + 1]
            found[row, column] = float((weight * (window - seen) ** 2).sum() / weight.sum())
    return found


@pytest.mark.parametrize("order", ["onion", "raster"])
def test_the_place_is_among_the_best_of_a_brute_force(order, monkeypatch):
    compared = np.ones((5, 5))
    compared.reshape(-1)[12 if order == "onion" else slice(12, None)] = 0
    checked = []
    best = module._Growth._best

    def checking(growth, at, chance):
        there = best(growth, at, chance)
        for one, place in zip(at.T, there.T, strict=True):
            distance = brute_force(growth, one, compared)
            assert distance[tuple(place)] <= min(distance.values()) * 1.2 + 2e-6
            checked.append(place)
        return there

    monkeypatch.setattr(module._Growth, "_best", checking)
    end(grow_texture(NOISE[:, :12, :11], 17, 5, order, 0.2))
    assert len(checked) > 30


def test_the_tree_of_the_raster_finds_what_all_windows_hold(monkeypatch):
    smooth = torch.from_numpy(gaussian_filter(NOISE.numpy(), (0, 1, 1)))
    monkeypatch.setattr(module, "VARIANCE", 1.0)
    quick = end(grow_texture(smooth, 16, 5, "raster", 0))
    monkeypatch.setattr(module._Growth, "_causal_tree", lambda growth, *_: growth._best)
    assert torch.equal(end(grow_texture(smooth, 16, 5, "raster", 0)).source, quick.source)


def test_filling_together_is_filling_one_at_a_time(monkeypatch):
    together = end(grow_texture(NOISE, 16, 5))
    monkeypatch.setattr(module, "_turns", lambda ring, reach: ([one] for one in range(ring.shape[1])))
    assert torch.equal(end(grow_texture(NOISE, 16, 5)).source, together.source)


def test_pixels_that_see_each_other_keep_their_order():
    ring = np.random.default_rng(0).integers(0, 20, (2, 60))
    turn_of = {int(one): number for number, turn in enumerate(module._turns(ring, 2)) for one in turn}
    assert sorted(turn_of) == list(range(60))
    for later in range(60):
        for earlier in range(later):
            if abs(ring[:, later] - ring[:, earlier]).max() <= 2:
                assert turn_of[earlier] < turn_of[later]


def test_small_windows_forget_the_bricks():
    """Efros & Leung's figure: the window must hold the largest regular element."""
    brick = torch.from_numpy(data.brick()[:256:4, :256:4].copy()).float()[None] / 255
    mortar = brick > brick.mean()

    def runs(values):  # how long the lines of mortar are, along the columns
        return float((values[:, 1:] & values[:, :-1]).float().mean())

    wanted = runs(mortar)
    found = {size: runs(end(grow_texture(brick, 48, size, "raster")).values > brick.mean()) for size in (3, 13)}
    assert abs(found[13] - wanted) < abs(found[3] - wanted)


def test_a_seed_repeats_and_another_differs():
    one, same, other = (end(grow_texture(NOISE, 12, 5, seed=seed)).source for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_one_color_and_one_channel():
    flat = torch.full((1, 9, 9), 0.25)
    for order in ("onion", "raster"):
        assert torch.equal(end(grow_texture(flat, 12, 5, order)).values, torch.full((1, 12, 12), 0.25))


def test_it_shows_itself():
    state = end(grow_texture(NOISE, 12, 5))
    assert state._repr_png_().startswith(b"\x89PNG")
    colors = state.by_source().pictures[0]
    assert len(np.unique(colors.reshape(-1, 3), axis=0)) == len(np.unique(state.source.reshape(2, -1).T, axis=0))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"window": 4}, "window must be an odd number from 3 to 17, a side of the sample, not 4."),
        ({"window": 19}, "window must be an odd number from 3 to 17, a side of the sample, not 19."),
        ({"hole": torch.ones(20, 17)}, "hole must be a bool tensor"),
        ({"hole": torch.zeros(20, 17, dtype=torch.bool)}, "hole must be a bool tensor"),
        ({"sample": NOISE.expand(2, -1, -1, -1)}, "sample must be one picture"),
        ({"sample": NOISE * 300}, "sample must have values 0…1"),
    ],
)
def test_bad_input_is_told_at_once(arguments, sentence):
    with pytest.raises(UserError) as error:
        grow_texture(**{"sample": NOISE, "window": 5} | arguments)
    assert sentence in str(error.value)


def test_a_hole_must_leave_something():
    hole = torch.ones(20, 17, dtype=torch.bool)
    hole[:4] = False
    with pytest.raises(UserError, match="hole must leave a whole window of 5×5 pixels"):
        grow_texture(NOISE, window=5, hole=hole)
