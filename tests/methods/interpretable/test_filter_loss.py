"""The filter loss against its definition term by term, finite differences, and the paper's template on 3×3."""

import math
from itertools import product

import pytest
import torch

import cnnviz_widgets as cnnviz


def random_maps(*shape, seed=0):
    return 20 * torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def by_definition(maps):
    """Sums over pictures and templates, as the paper writes them."""
    count, n, _ = maps.shape
    tau, places = 0.5 / n**2, list(product(range(n), range(n)))

    def score(x, place):
        total = 0.0
        for i, j in places:
            fall = -1.0 if place is None else max(1 - 4 * (abs(i - place[0]) + abs(j - place[1])) / n, -1.0)
            total += float(x[i, j]) * tau * fall
        return total

    alpha = n**2 / (1 + n**2)
    prior = dict.fromkeys(places, alpha / n**2) | {None: 1 - alpha}
    given = {}
    for place in prior:
        exps = [math.exp(score(x, place)) for x in maps]
        given[place] = [one / sum(exps) for one in exps]
    overall = [sum(prior[place] * given[place][b] for place in prior) for b in range(count)]
    return -sum(
        prior[place] * given[place][b] * math.log(given[place][b] / overall[b]) for place in prior for b in range(count)
    )


def test_the_template_in_the_middle_of_three_by_three():
    middle, none = cnnviz.filter_templates(3)[[4, 9]]
    third = 1 / 3
    wanted = torch.tensor([[-1, -third, -1], [-third, 1, -third], [-1, -third, -1]], dtype=torch.float64)
    torch.testing.assert_close(middle, wanted, rtol=0, atol=1e-15)
    assert (none == -1).all()
    torch.testing.assert_close(cnnviz.filter_templates(3, 0.5 / 9), cnnviz.filter_templates(3) / 18)


@pytest.mark.parametrize(("count", "n"), [(2, 2), (5, 3), (4, 4)])
def test_the_loss_is_its_definition(count, n):
    maps = random_maps(count, n, n)
    assert float(cnnviz.filter_loss(maps)) == pytest.approx(by_definition(maps), rel=1e-10)
    several = torch.stack([maps, random_maps(count, n, n, seed=1)], 1)
    each = torch.stack([cnnviz.filter_loss(several[:, k]) for k in range(2)])
    torch.testing.assert_close(cnnviz.filter_loss(several), each, rtol=1e-12, atol=0)


def test_the_gradient_is_that_of_finite_differences():
    maps = random_maps(4, 3, 3).requires_grad_()
    assert torch.autograd.gradcheck(cnnviz.filter_loss, maps, eps=1e-5, atol=1e-8)


def test_identical_maps_tell_nothing_and_sharp_ones_more_than_flat():
    n, cells = 5, torch.arange(25)
    assert abs(float(cnnviz.filter_loss(random_maps(1, n, n).expand(8, n, n)))) < 1e-14
    sharp = torch.zeros(25, 25, dtype=torch.float64)
    sharp[cells, cells] = 100 * n
    flat = sharp.mean(1, keepdim=True) * (0.5 + random_maps(25, 25) / 20)
    sharp, flat = (float(cnnviz.filter_loss(one.view(25, n, n))) for one in (sharp, flat))
    assert -math.log(25) <= sharp < flat < 0


def test_peaks_at_all_places_reach_the_bound():
    """Every template picks its own map, and "none" the empty one: as many nats as there are templates."""
    n = 3
    peaks = 1e6 * torch.eye(9, dtype=torch.float64).view(9, n, n)
    maps = torch.cat([peaks, torch.zeros(1, n, n, dtype=torch.float64)])
    assert float(cnnviz.filter_loss(maps)) == pytest.approx(-math.log(10), rel=1e-12)


def test_a_mask_is_the_template_of_the_greatest_value():
    maps = random_maps(4, 6, 5, 5)
    masks, templates = cnnviz.template_mask(maps), cnnviz.filter_templates(5)
    for b, k in product(range(4), range(6)):
        wanted = templates[int(maps[b, k].argmax())].clamp(min=0)
        assert torch.equal(masks[b, k], wanted)
    assert float(masks.max()) == 1
    assert not cnnviz.template_mask(maps.clone().requires_grad_()).requires_grad


@pytest.mark.parametrize("call", [cnnviz.filter_loss, cnnviz.template_mask])
def test_what_are_no_square_maps_is_told(call):
    for maps in (torch.rand(4, 3, 5), torch.rand(3), torch.zeros(0, 3, 3), torch.ones(2, 3, 3).int()):
        with pytest.raises(cnnviz.UserError, match="maps must be numbers"):
            call(maps)
