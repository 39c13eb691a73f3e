"""Patches: pasted as by hand, as large as asked, trained as by hand, and counted with their control."""

import numpy as np
import pytest
import torch
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.drawing.render import layout
from cnnviz_widgets.engine.counts import Counted
from cnnviz_widgets.methods.adversarial._sticking import Places, cover, side_of, stuck
from cnnviz_widgets.methods.adversarial.patch_success import PatchSuccess


def drawn(*shape, seed=0):
    values = torch.rand(*shape, generator=torch.Generator().manual_seed(seed))
    return (values * 255).round() / 255


@pytest.mark.parametrize("turns", [0, 1, 2, 3, -1, 4])
@pytest.mark.parametrize(("top", "left"), [(0, 0), (5, 11), (20, 18)])
def test_at_right_angles_and_whole_pixels_it_is_pasted_as_by_hand(turns, top, left):
    photo, patch = drawn(3, 32, 30), drawn(3, 12, 12, seed=1)
    pasted = cnnviz.apply_patch(photo, patch, (left + 6, top + 6), angle=90 * turns, shape="square")
    wanted = photo.clone()
    wanted[:, top : top + 12, left : left + 12] = torch.rot90(patch, turns, (1, 2))
    assert torch.equal(pasted, wanted)


def test_an_odd_patch_has_its_middle_on_half_a_pixel():
    photo, patch = drawn(3, 20, 20), drawn(3, 5, 5, seed=1)
    pasted = cnnviz.apply_patch(photo, patch, (7.5, 9.5), angle=90, shape="square")
    wanted = photo.clone()
    wanted[:, 7:12, 5:10] = torch.rot90(patch, 1, (1, 2))
    assert torch.equal(pasted, wanted)


def test_twice_as_large_it_covers_twice_as_much():
    photo, patch = torch.zeros(3, 64, 64), torch.ones(3, 10, 10)
    sums = [cnnviz.apply_patch(photo, patch, scale=scale, shape="square")[0].sum() for scale in (1, 2)]
    assert sums[0] == 100
    assert float(sums[1]) == pytest.approx(400, rel=0.02)


@pytest.mark.parametrize("angle", [17.0, 45.0, -30.0])
def test_a_turned_circle_covers_what_it_covers(angle):
    photo, patch = torch.zeros(1, 60, 60), torch.ones(1, 31, 31)
    areas = [float(cnnviz.apply_patch(photo, patch, angle=one).sum()) for one in (0.0, angle)]
    assert areas[1] == pytest.approx(areas[0], rel=0.01)
    assert areas[0] == pytest.approx(np.pi * 15.5**2, rel=0.01)


@pytest.mark.parametrize("shape", ["circle", "square"])
@pytest.mark.parametrize("area", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("size", [(64, 64), (128, 128), (224, 224), (100, 160)])
def test_it_is_as_large_as_asked_but_for_one_pixel_of_its_side(shape, area, size):
    side = side_of(area, size, shape)
    smaller, larger = (float(cover(one, shape).sum()) for one in (side - 1, side + 1))
    assert smaller < area * size[0] * size[1] < larger


def test_random_places_hold_the_whole_patch():
    photo, patch = torch.zeros(1, 64, 48), torch.ones(1, 15, 15)
    places, generator = Places(30, 0.3), torch.Generator().manual_seed(0)
    covered = cover(15, "square")
    for _ in range(50):
        place = places.draw(photo, 15, generator)
        area = float(stuck(photo, patch, covered, *place).sum())
        assert area == pytest.approx(15**2 * place[3] ** 2, rel=0.08)
        assert abs(place[2]) <= 30
        assert 0.7 <= place[3] <= 1.3


def linear() -> cnnviz.Network:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4)).double()
    return cnnviz.Network(module, input_size=16, mean=0.0, std=1.0, classes=["a", "b", "c", "d"])


def test_a_step_is_the_gradient_by_hand():
    """One photograph, one place, plain gradient ascent on log P: against torch's own, in float64."""
    net, photo = linear(), drawn(3, 16, 16).double()
    how = {"area": 0.1, "shape": "square", "degrees": 0, "sizes": 0, "samples": 1, "steps": 1}
    begun = drawn(3, 5, 5, seed=2).double()
    state = cnnviz.last(
        cnnviz.patch(net, photo[None], "c", **how, start=begun, optimizer=cnnviz.optimizers.sgd(), learning_rate=0.1)
    )
    generator = torch.Generator().manual_seed(0)
    torch.randn(1, 3, 5, 5, generator=generator)  # of the noise to begin with, in whose place the start comes
    torch.randint(1, (), generator=generator)
    place = Places(0, 0).draw(photo, 5, generator)
    leaf = begun.clone().requires_grad_()
    pasted = stuck(photo.float().double(), leaf, cover(5, "square"), *place)
    loss = torch.nn.functional.cross_entropy(net.module(pasted[None]), torch.tensor([2]))
    (gradient,) = torch.autograd.grad(loss, leaf)
    assert torch.allclose(state.parameters[0][0], (begun - 0.1 * gradient).clamp(0, 1), atol=1e-7)
    assert state.loss == pytest.approx(float(loss.detach()), abs=1e-6)


def test_a_trained_patch_works_on_other_photographs_and_noise_does_not():
    net = cnnviz.load_network("mini")
    names = [one for one in cnnviz.samples() if one not in cnnviz.samples().styles]
    state = cnnviz.last(cnnviz.patch(net, names[::2], "goldfish", area=0.12, steps=40, samples=6))
    found = cnnviz.patch_success(net, names[1::2], state.values, "goldfish", draws=1)
    assert found.patched.share > 0.5
    assert found.control.share < 0.2
    assert found.patched.interval[0] > found.control.interval[1]
    assert torch.equal((found.values * 255).round() / 255, found.values)


@pytest.mark.parametrize("count", [2, 14])
def test_the_pictures_of_success_are_as_wide_as_there_is_room(count):
    none = Counted(0, count)
    content = PatchSuccess(torch.rand(count, 3, 128, 128), none, none, ("bee",) * count, "goldfish").content()
    place = layout(content, 900, gap=8, head=18)
    assert place.columns * (place.width + place.gap) - place.gap > 0.95 * 900


def test_success_is_counted_after_rounding_and_without_pictures_of_the_class():
    net = linear()
    photos = torch.stack([drawn(3, 16, 16, seed=seed) for seed in range(12)])
    before = [one.name for one in (net.predict(photo)[0] for photo in photos)]
    target = max(set(before), key=before.count)
    found = cnnviz.patch_success(net, photos, drawn(3, 6, 6, seed=3), target, draws=3)
    assert found.patched.total == found.control.total == 3 * sum(one != target for one in before)
    assert len(found.values) == len(found.names) == found.patched.total // 3


def test_unprintable_is_zero_for_inks_only():
    net = linear()
    term = cnnviz.objectives.unprintable()
    inks = torch.tensor([[0, 174, 239], [255, 242, 0], [35, 31, 32]]).T[:, None].expand(3, 3, 3) / 255

    def cost(picture):
        return -cnnviz.last(
            cnnviz.optimize(net, -1 * term, cnnviz.parametrizations.pixels(start=picture), steps=1)
        ).terms["unprintable()"]

    assert cost(inks) == pytest.approx(0, abs=1e-10)
    assert cost(torch.tensor([0.0, 1.0, 0.0])[:, None, None].expand(3, 4, 4)) > 0.05


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)
def test_wilson(hits, total, low, high):
    """The interval's ends are the shares from which the count is 1.96 standard deviations away (Newcombe, 1998)."""
    counted = Counted(hits, total)
    assert counted.interval == pytest.approx((low, high), abs=5e-5)
    for end in counted.interval:
        if 1e-6 < end < 1 - 1e-6:
            deviation = (end * (1 - end) / total) ** 0.5
            assert abs(counted.share - end) / deviation == pytest.approx(1.959964, rel=1e-5)


def test_what_does_not_fit_is_refused():
    net, photo = cnnviz.load_network("mini"), cnnviz.load_image("chelsea", size=(128, 128))
    with pytest.raises(cnnviz.UserError, match="patch must not be larger than image"):
        cnnviz.apply_patch(photo, torch.rand(3, 40, 40), scale=4)
    with pytest.raises(cnnviz.UserError, match="patch must be as high as it is wide"):
        cnnviz.apply_patch(photo, torch.rand(3, 40, 30))
    wide = cnnviz.Network(linear().module, input_size=16, classes=["a", "b", "c", "d"])
    one = drawn(1, 3, 16, 16)
    top = wide.predict(one[0])[0].name
    with pytest.raises(cnnviz.UserError, match="images are all taken for"):
        cnnviz.patch_success(wide, one, torch.rand(3, 4, 4), top)
    with pytest.raises(cnnviz.UserError, match="images are all taken for"):
        cnnviz.patch(wide, one, top)
    with pytest.raises(cnnviz.UserError, match="area must be a number"):
        cnnviz.patch(net, photo[None], "goldfish", area=0.9)
