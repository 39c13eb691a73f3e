"""The one-pixel attack: exactly so many pixels, 8 bits, the counted queries, and what it minimizes."""

import pytest
import torch
from torch import nn

import cnnviz_widgets as cnnviz


def brightest() -> cnnviz.Network:
    """Two classes: whether the sum of a picture's values is below or above 100. One pixel can be decisive."""
    linear = nn.Linear(3 * 8 * 8, 2)
    with torch.no_grad():
        linear.weight.copy_(torch.stack([torch.zeros(192), torch.ones(192)]))
        linear.bias.copy_(torch.tensor([0.0, -100.0]))
    return cnnviz.Network(
        nn.Sequential(nn.Flatten(), linear), input_size=8, mean=0.0, std=1.0, classes=["dark", "light"]
    )


def picture(total: float) -> torch.Tensor:
    return torch.full((3, 8, 8), round(255 * total / 192) / 255)


@pytest.fixture(scope="module")
def net():
    return cnnviz.load_network("mini")


@pytest.mark.parametrize("pixels", [1, 3, 5])
def test_exactly_so_many_pixels_differ(net, pixels):
    for state in cnnviz.one_pixel(net, "chelsea", pixels=pixels, population=16, generations=3):
        changed = (state.values != state.picture).any(0)
        assert int(changed.sum()) == pixels
        assert {tuple(place) for place in changed.nonzero().tolist()} == {tuple(one) for one in state.pixels.tolist()}
        assert torch.equal((state.values * 255).round() / 255, state.values)
        assert 0 <= float(state.values.min()) <= float(state.values.max()) <= 1


def test_it_finds_the_pixel_that_is_enough():
    """The sum is 99 of 100: any pixel that becomes white is enough, and no smaller change by one value."""
    state = cnnviz.last(cnnviz.one_pixel(brightest(), picture(98.9), population=50, generations=30))
    assert state.fooled
    assert state.step < state.total
    assert float(state.values.sum()) > 100
    logits = brightest().logits(state.values)
    assert state.margin == pytest.approx(float(logits[0] - logits[1]), abs=1e-4)


def test_what_cannot_be_done_in_one_pixel_is_not_claimed():
    """A pixel adds at most 3 · (1 − value): the sum cannot pass 100 from 90."""
    dark = picture(90)
    state = cnnviz.last(cnnviz.one_pixel(brightest(), dark, population=60, generations=40))
    assert not state.fooled
    best = 100 - float(dark.sum() - dark[:, 0, 0].sum() + 3)
    assert best - 1e-3 <= state.margin < best + 0.3
    assert state.margins == tuple(sorted(state.margins, reverse=True))


def test_every_candidate_is_counted_once(net):
    shown = 0

    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = net.module

        def forward(self, pictures):
            nonlocal shown
            shown += len(pictures)
            return self.inner(pictures)

    counted = cnnviz.Network(Counting(), input_size=128, classes=list(net.classes))
    counted.logits(cnnviz.load_image("chelsea"))
    states = cnnviz.one_pixel(counted, "chelsea", population=20, generations=3)
    shown = 1  # the picture itself, in the call
    for number, state in enumerate(states, 1):
        assert state.queries == shown == 1 + 20 * (number + 1) + number  # the best one is shown once more
        assert float(state.tried.sum()) == 20 * (number + 1)


def test_a_target_is_reached_or_named(net):
    top = net.predict(cnnviz.load_image("chelsea"))[0].name
    with pytest.raises(cnnviz.UserError, match="target must be another class"):
        cnnviz.one_pixel(net, "chelsea", top)
    other = "light"
    state = cnnviz.last(cnnviz.one_pixel(brightest(), picture(98.9), other, population=50, generations=30))
    assert state.fooled
    assert int(state.probabilities.argmax()) == state.target == 1


def test_a_seed_repeats(net):
    first, again, other = (
        cnnviz.last(cnnviz.one_pixel(net, "chelsea", population=12, generations=3, seed=seed)) for seed in (3, 3, 4)
    )
    assert torch.equal(first.values, again.values)
    assert first.margins == again.margins
    assert not torch.equal(first.tried, other.tried)
