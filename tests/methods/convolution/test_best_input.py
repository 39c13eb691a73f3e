"""``best_input`` against Cauchy and Schwarz, and against every other input that is tried."""

from math import hypot

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import cnnviz_widgets as cnnviz
from cnnviz_widgets.errors import UserError


def test_by_hand():
    found = cnnviz.best_input([3, -4, 0, 12])
    assert found.response == 13
    assert found.values.tolist() == pytest.approx([3 / 13, -4 / 13, 0, 12 / 13], rel=1e-15)
    assert found.response_to(found.values) == pytest.approx(13, rel=1e-15)
    assert found.response_to([0, 0, 5, 0]) == 0


def test_no_other_input_of_norm_1_responds_more():
    found = cnnviz.best_input([3, -4, 0, 12])
    others = torch.randn(10_000, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    others /= others.norm(dim=1, keepdim=True)
    responses = others @ found.weights
    assert responses.max() < 13
    assert found.response_to(others[0] * 7) == pytest.approx(float(responses[0]), rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999))
def test_is_where_gradient_ascent_on_the_sphere_ends(seed):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(3, 5, 5, dtype=torch.float64, generator=generator)
    picture = torch.randn(3, 5, 5, dtype=torch.float64, generator=generator)
    for _ in range(200):
        picture = picture / picture.norm() + weights
    found = cnnviz.best_input(weights)
    torch.testing.assert_close(found.values, picture / picture.norm(), rtol=0, atol=1e-2)
    assert float((found.values * weights).sum()) == pytest.approx(found.response, rel=1e-12)
    assert float(found.values.norm()) == pytest.approx(1, rel=1e-12)


def test_of_a_filter_of_a_network():
    weights = cnnviz.load_network("mini").module.get_submodule("conv1").weight[3].detach().double()
    found = cnnviz.best_input(weights)
    response = torch.nn.functional.conv2d(found.values[None], weights[None])
    assert float(response) == pytest.approx(found.response, rel=1e-12)


@pytest.mark.parametrize("weights", [[0, 0], [], [float("inf")], "chelsea"])
def test_what_responds_to_nothing(weights):
    with pytest.raises(UserError, match="weights"):
        cnnviz.best_input(weights)


def test_another_shape():
    with pytest.raises(UserError, match="input must have the shape"):
        cnnviz.best_input([1, 2]).response_to([1, 2, 3])
    with pytest.raises(UserError, match="0 everywhere"):
        cnnviz.best_input([1, 2]).response_to([0, 0])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 999), st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
def test_a_sphere_of_inputs(seed, x, y):
    generator = torch.Generator().manual_seed(seed)
    found = cnnviz.best_input(torch.randn(3, 2, 2, generator=generator, dtype=torch.float64))
    best = found.best_on_sphere(seed)
    assert hypot(*best) == pytest.approx(0.5, rel=1e-12)
    torch.testing.assert_close(found.on_sphere(*best, seed), found.values, rtol=0, atol=1e-12)
    reach = max(1, hypot(x, y))
    chosen, center = (found.on_sphere(*at, seed) for at in ((x, y), (0, 0)))
    axes = [found.on_sphere(*at, seed) for at in ((1, 0), (0, 1))] + [center]
    ours = torch.stack([(one * chosen).sum() for one in axes])
    in_front = max(0, 1 - (x / reach) ** 2 - (y / reach) ** 2) ** 0.5
    torch.testing.assert_close(
        ours, torch.tensor([x / reach, y / reach, in_front], dtype=torch.float64), atol=1e-7, rtol=0
    )
    assert float(chosen.norm()) == pytest.approx(1, rel=1e-12)
    assert float((chosen * found.weights).sum()) <= found.response * (1 + 1e-12)


def test_two_numbers_have_no_sphere():
    with pytest.raises(UserError, match="at least three numbers"):
        cnnviz.best_input([3, 4]).on_sphere(0, 0)
