"""Projections onto a ball within 0…1, against quadratic programs and closed forms; 8 bits that never leave the ball."""

import numpy as np
import pytest
import torch
from ascent import run
from hypothesis import example, given, settings
from hypothesis import strategies as some
from scipy.optimize import brentq

from cnnviz_widgets.engine.optimize import objectives as o
from cnnviz_widgets.engine.optimize import optimize
from cnnviz_widgets.engine.optimize import parametrizations as p
from cnnviz_widgets.engine.optimize.balls import drawn, length, nearest, rounded
from cnnviz_widgets.engine.optimize.passing import Cut
from cnnviz_widgets.errors import UserError

RADII = {"linf": 0.1, "l2": 0.6, "l1": 2.5, "l0": 4}
NORMS = [*RADII]


def case(seed, dtype=torch.float64, eight_bits=False):
    """A change far outside, and the limits of a picture of which many values are black or white."""
    generator = torch.Generator().manual_seed(seed)
    picture = (1.6 * torch.rand(2, 3, 4, 5, generator=generator, dtype=torch.float64) - 0.3).clamp(0, 1)
    picture = (picture * 255).round() / 255 if eight_bits else picture
    change = torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64)
    change[1] *= 0.05
    return change.to(dtype), -picture.to(dtype), 1 - picture.to(dtype)


def multiplier(change, low, high, radius, norm):
    """The Karush-Kuhn-Tucker solution of one picture, its multiplier by scipy."""
    cut = lambda values: np.clip(values, low, high)  # noqa: E731
    if norm == "l2":
        size, point = (lambda z: np.sqrt((z**2).sum())), lambda m: cut(change / (1 + m))
    else:
        size, point = (lambda z: np.abs(z).sum()), lambda m: cut(np.sign(change) * np.maximum(np.abs(change) - m, 0))
    if size(point(0)) <= radius:
        return point(0)
    return point(brentq(lambda m: size(point(m)) - radius, 0, 1e6, xtol=1e-15, rtol=1e-14))


@pytest.mark.parametrize("norm", ["l2", "l1"])
@pytest.mark.parametrize("seed", range(4))
def test_the_nearest_change_solves_the_quadratic_program(norm, seed):
    change, low, high = case(seed)
    radii = torch.tensor([RADII[norm], RADII[norm] / 3], dtype=torch.float64)
    found = nearest(change, low, high, radii, norm)
    for one, *given_one, radius in zip(found, change, low, high, radii, strict=True):
        expected = multiplier(*(values.numpy() for values in given_one), float(radius), norm)
        np.testing.assert_allclose(one.numpy(), expected, rtol=0, atol=1e-9)


def test_an_l2_projection_and_then_a_cut_are_not_the_nearest_change():
    change, low, high = case(0)
    radius = torch.tensor([0.6, 0.6], dtype=torch.float64)
    naive = (change * (0.6 / length(change, "l2")).clamp(max=1)[:, None, None, None]).clamp(low, high)
    found = nearest(change, low, high, radius, "l2")
    assert float((found - change)[0].norm()) < float((naive - change)[0].norm()) - 1e-3


def test_pixels_of_l0_are_those_that_bring_it_nearest():
    change, low, high = case(1)
    found = nearest(change, low, high, torch.tensor([4.0, 4.0]), "l0")
    inside = change.clamp(low, high)
    for one, full, aim in zip(found, inside, change, strict=True):
        distances = (
            (torch.where(kept, full, 0) - aim).square().sum()
            for kept in (torch.zeros(20).index_fill(0, torch.tensor(some), 1).bool().view(4, 5) for some in _fours())
        )
        assert float((one - aim).square().sum()) == pytest.approx(min(map(float, distances)), abs=1e-12)


def _fours():
    import itertools

    return itertools.combinations(range(20), 4)


@settings(max_examples=40)
@example(seed=0, norm="linf", share=2.509765625)  # 63.999 steps of 1/255: 64 are too many
@given(seed=some.integers(0, 10_000), norm=some.sampled_from(NORMS), share=some.floats(0.01, 3))
def test_what_is_drawn_projected_or_rounded_is_allowed(seed, norm, share):
    change, low, high = case(seed, eight_bits=True)
    bound = torch.tensor([RADII[norm] * share, RADII[norm] * share / 2], dtype=torch.float64)
    bound = bound.ceil() if norm == "l0" else bound
    generator = torch.Generator().manual_seed(seed)
    for made in (nearest(change, low, high, bound, norm), drawn(low, high, bound, norm, generator)):
        for allowed in (made, rounded(made, low, high, bound, norm)):
            assert (length(allowed, norm) <= bound * (1 + 1e-6)).all()
            assert ((allowed >= low) & (allowed <= high)).all()
        steps = allowed * 255
        torch.testing.assert_close(steps, steps.round(), rtol=0, atol=1e-9)
        again = nearest(made, low, high, bound, norm)
        torch.testing.assert_close(again, made, rtol=0, atol=1e-9)


def test_a_quarter_of_a_step_is_gone_once_rounded():
    low, high = torch.full((1, 3, 2, 2), -0.5), torch.full((1, 3, 2, 2), 0.5)
    for bound, expected in ((0.25, 0), (0.5, 0), (1, 1), (1.5, 1), (8, 8)):
        limit = torch.tensor([bound / 255])
        assert (rounded(limit.view(1, 1, 1, 1).expand_as(low), low, high, limit, "linf") * 255).round().unique() == (
            expected
        )


def test_each_picture_has_its_own_bound_and_is_alone_in_its_batch():
    change, low, high = case(2)
    for norm in NORMS:
        bounds = torch.tensor([RADII[norm], 2], dtype=torch.float64)
        both = nearest(change, low, high, bounds, norm)
        for i in range(2):
            one = nearest(*(values[i : i + 1] for values in (change, low, high)), bounds[i : i + 1], norm)
            torch.testing.assert_close(one[0], both[i], rtol=0, atol=1e-12)


# In the loop


def steps(network, photo, norm, **options):
    made = p.perturbation(photo, RADII[norm] / (1 if norm == "l0" else 4), norm=norm, **options)
    how = {"optimizer": "normalized", "learning_rate": 0.2, "steps": 8}
    return [*optimize(network, o.logit("cat"), made, **how)]


@pytest.mark.parametrize("quantize", [False, True])
@pytest.mark.parametrize("norm", NORMS)
def test_a_run_stays_in_the_ball_and_the_mask(network, norm, quantize):
    photo = (torch.rand(3, 5, 6, dtype=torch.float64) * 255).round() / 255
    mask = torch.zeros(5, 6, dtype=torch.bool)
    mask[1:4, 2:5] = True
    for state in steps(network, photo, norm, mask=mask, quantize=quantize, random=True):
        change = (state.values - photo)[None]
        assert (length(change.round(decimals=9), norm) <= RADII[norm] * (1 + 1e-6)).all()
        assert not change[..., ~mask].any()
        assert 0 <= state.values.min() <= state.values.max() <= 1
        if quantize:
            torch.testing.assert_close(state.values * 255, (state.values * 255).round(), rtol=0, atol=1e-9)
    assert change.any()


def test_one_change_for_several_pictures(network):
    photos = torch.rand(4, 3, 5, 6, dtype=torch.float64)
    photos[:, 0, 0] = torch.tensor([0.0, 1.0, 0.0, 1.0], dtype=torch.float64)[:, None]
    made = p.perturbation(photos, 0.05, universal=True)
    state = run(network, o.logit("cat"), made, steps=4, optimizer="signed", learning_rate=0.02)
    assert len(state.parameters[0]) == 1
    assert state.each['logit("cat")'].shape == (1, 4)
    torch.testing.assert_close(state.values, 0.5 + state.parameters[0][0])
    assert float((state.values - 0.5).abs().max()) <= 0.05 * (1 + 1e-12)
    decoded = state.form.decode(*state.parameters)
    torch.testing.assert_close(decoded, (photos + state.parameters[0]).clamp(0, 1))


def test_black_and_white_pass_their_gradient():
    values = torch.tensor([-0.1, 0.0, 0.5, 1.0, 1.1], requires_grad=True)
    Cut.apply(values).sum().backward()
    assert values.grad.tolist() == [0, 1, 1, 1, 0]


def test_a_seed_gives_the_same_random_start(network):
    photo = torch.rand(3, 5, 6, dtype=torch.float64)

    def start(seed):
        made = p.perturbation(photo, 0.05, random=True)
        return next(optimize(network, o.logit("cat"), made, seed=seed, steps=1)).form.start[0]

    assert torch.equal(start(1), start(1))
    assert not torch.equal(start(1), start(2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: p.perturbation(x, [0.1, 0.2]), "bound must be one number, or one for each of 1 pictures"),
        (lambda x: p.perturbation(x, mask=torch.ones(2, 2)), "mask must have the size of the network's pictures, 5×6"),
        (lambda x: p.perturbation(x, norm="l3"), "norm must be one of 'linf', 'l2', 'l1', 'l0', not 'l3'"),
    ],
)
def test_bad_input(network, call, message):
    with pytest.raises(UserError, match=message):
        run(network, o.logit("cat"), call(torch.rand(3, 5, 6)), steps=1)
