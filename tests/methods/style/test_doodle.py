"""Doodles: every region has the statistics of its own source; masks that do not fit are told by name."""

import pytest
import torch
from torch import nn

from cnnviz_widgets import Network, doodle, last, load_image, suggest_mask, transfer
from cnnviz_widgets.errors import UserError

ADAM = {"optimizer": "adam", "learning_rate": 0.02}


@pytest.fixture
def by_pixel():
    """A network in which no pixel sees another."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 6, 1), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))
    return Network(module.double().eval(), input_size=16)


def halves(height, width, left, right):
    mask = torch.full((height, width), left)
    mask[:, width // 2 :] = right
    return mask


def test_one_region_is_a_transfer_without_content(network, photo, painting):
    everything = torch.zeros(16, 20, dtype=torch.long)
    one = doodle(
        network, painting, torch.zeros(5, 5, dtype=torch.long), everything, size=16, steps=4, start=photo, **ADAM
    )
    other = transfer(network, photo, painting, 0.0, size=16, steps=4, **ADAM)
    torch.testing.assert_close(
        last(one, progress=False).values, last(other, progress=False).values, rtol=1e-9, atol=1e-9
    )


def test_regions_know_nothing_of_each_other(by_pixel):
    """Another source on the left changes the left only; swapped labels and sources change nothing."""
    style, other = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    other[:, :, 8:] = style[:, :, 8:]
    mask, start = halves(16, 16, 0, 1), torch.rand(3, 16, 16, dtype=torch.float64)

    def made(style, style_mask, mask):
        options = {"size": 16, "steps": 3, "start": start, **ADAM}
        return last(doodle(by_pixel, style, style_mask, mask, **options), progress=False).values

    first, second = made(style, mask, mask), made(other, mask, mask)
    torch.testing.assert_close(second[:, :, 8:], first[:, :, 8:], rtol=1e-12, atol=1e-12)
    assert (second[:, :, :8] != first[:, :, :8]).any()
    swapped = made(style.flip(2), halves(16, 16, 7, 3), halves(16, 16, 3, 7))
    torch.testing.assert_close(swapped, first, rtol=1e-9, atol=1e-9)


def test_it_begins_with_mean_colors(by_pixel):
    style = torch.rand(3, 16, 16, dtype=torch.float64)
    mask = halves(16, 16, 0, 1)
    state = next(doodle(by_pixel, style, mask, 1 - mask, size=16, optimizer="sgd", learning_rate=0.0))
    assert state.of == "doodle, regions: 2"
    torch.testing.assert_close(state.values[:, :, 3], style[:, :, 8:].mean((1, 2))[:, None].expand(3, 16))
    torch.testing.assert_close(state.values[:, :, 12], style[:, :, :8].mean((1, 2))[:, None].expand(3, 16))


def test_a_stroke_steers(network, photo, painting):
    mask = halves(16, 20, 0, 1)
    there = halves(24, 18, 0, 1)
    first = last(doodle(network, painting, there, mask, size=16, steps=3), progress=False)
    painted = mask.clone()
    painted[4:9, 2:9] = 1
    state = next(doodle(network, painting, there, painted, size=16, steps=9, start=first))
    assert state.step == 4
    assert (state.values - first.values).abs().max() < 0.1


def test_a_content_is_kept(network, photo, painting):
    mask = halves(16, 20, 0, 1)
    options = {"size": 16, "steps": 30}
    free, kept = (
        last(doodle(network, painting, mask, mask, one, alpha=1000.0, **options), progress=False).values
        for one in (None, photo)
    )
    assert (kept - photo).square().mean() < 0.5 * (free - photo).square().mean()


@pytest.mark.parametrize(
    ("masks", "sentence"),
    [
        ((halves(8, 8, 0, 1), halves(8, 8, 0, 2)), r"no region 2 \(roof\) in it"),
        ((halves(8, 8, 0, 1), halves(8, 8, 0, 9)), "no region 9 in it"),
        ((halves(8, 8, 0, 1).float(), halves(8, 8, 0, 1)), "style_mask must be a tensor .* of whole numbers"),
        ((halves(8, 8, 0, 1), torch.rand(3, 8, 8)), "mask must be a tensor"),
        (
            (halves(8, 8, 0, 1), torch.arange(64).view(8, 8)),
            "mask must have at most 16 regions, not 64: labels, not colors",
        ),
    ],
)
def test_masks_that_do_not_fit(network, painting, masks, sentence):
    with pytest.raises(UserError, match=sentence):
        doodle(network, painting, *masks, names=["sky", "sea", "roof"])


def test_a_suggested_mask():
    """Of two fields of color, exactly these, from top to bottom; and of a photograph whole areas."""
    flag = torch.zeros(3, 60, 40)
    flag[0, :25], flag[2, 25:] = 1, 1
    mask = suggest_mask(flag, 2)
    assert mask.shape == (60, 40)
    assert not mask[:24].any()
    assert mask[27:].all()
    photo = suggest_mask(load_image("coffee"), 4)
    assert photo.unique().tolist() == [0, 1, 2, 3]
    assert photo.shape == load_image("coffee").shape[1:]
    assert (photo.diff(dim=1) != 0).float().mean() < 0.05
    rows = [(photo == label).nonzero()[:, 0].double().mean() for label in range(4)]
    assert rows == sorted(rows)
    for odd in (torch.full((3, 20, 20), 0.5), torch.rand(1, 20, 20), torch.rand(4, 200, 150)):
        assert suggest_mask(odd, 3).shape == odd.shape[1:]
    assert not suggest_mask(flag, 1).any()


@pytest.mark.parametrize("odd", [torch.full((3, 16, 16), 0.5), torch.rand(1, 16, 16), torch.rand(4, 16, 16)])
def test_odd_pictures(network, odd):
    mask = halves(16, 16, 0, 1)
    state = last(doodle(network, odd.double(), mask, mask, odd.double(), size=16, steps=3), progress=False)
    assert state.values.isfinite().all()
