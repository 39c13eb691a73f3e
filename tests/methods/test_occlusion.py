"""Against brute force and Captum."""

from itertools import pairwise

import captum.attr
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cnnviz_widgets import Neuron, last, occluded, occlusion
from cnnviz_widgets.engine.fills import FILLS, fill_picture
from cnnviz_widgets.engine.incremental import quickest_passes
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.occlusion.occlusion import around, coarse_to_fine, positions, strongest_map
from cnnviz_widgets.networks import Network
from cnnviz_widgets.runtime import batching


@pytest.fixture
def network():
    module = nn.Sequential(
        nn.Conv2d(3, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3), nn.Flatten(), nn.Linear(8 * 8 * 10, 4)
    )
    return Network(module.double(), input_size=(24, 30), classes=["ant", "bee", "cat", "dog"])


@pytest.fixture
def picture():
    return torch.rand(3, 24, 30)


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("score", ["probability", "logit"])
def test_every_position_by_brute_force(network, picture, fill, score):
    state = last(occlusion(network, picture, "cat", size=7, stride=5, fill=fill, score=score), progress=False)
    assert state.tops == (0, 5, 10, 15, 17)
    assert state.lefts == (0, 5, 10, 15, 20, 23)
    assert state.known.all()
    assert state.step == state.total == 30

    def score_of(x):
        logits = network.logits(x).double()
        return float((logits.softmax(-1) if score == "probability" else logits)[2])

    assert state.baseline == pytest.approx(score_of(picture), abs=1e-12)
    for row, top in enumerate(state.tops):
        for column, left in enumerate(state.lefts):
            covered = occluded(network, picture, top, left, 7, fill)
            assert float(state.values[row, column]) == pytest.approx(score_of(covered), abs=1e-12)


def test_heatmap_by_brute_force(network, picture):
    state = last(occlusion(network, picture, 0, size=7, stride=5), progress=False)
    total, count = torch.zeros(24, 30).double(), torch.zeros(24, 30)
    for row, top in enumerate(state.tops):
        for column, left in enumerate(state.lefts):
            total[top : top + 7, left : left + 7] += state.baseline - state.values[row, column]
            count[top : top + 7, left : left + 7] += 1
    assert (count > 0).all()
    torch.testing.assert_close(state.heatmap, total / count, rtol=1e-12, atol=1e-15)


def test_as_captum(network, picture):
    """On sides where the squares fit exactly; Captum lets the last ones hang over the border."""
    x = network.normalize(picture[None]).detach()
    gray = network.normalize(torch.full_like(picture, 0.5)[None]).detach()
    oracle = captum.attr.Occlusion(lambda batch: network.module.eval()(batch).softmax(1))
    expected = oracle.attribute(x, (3, 8, 8), strides=(3, 2, 2), target=1, baselines=gray, perturbations_per_eval=16)
    state = last(occlusion(network, picture, 1, size=8, stride=2), progress=False)
    assert float((state.heatmap - expected[0, 0]).abs().max()) < 1e-7  # Captum's result is float32


def test_states_refine_each_other(network, picture):
    states = list(occlusion(network, picture, size=4, stride=2))
    final = states[-1]
    assert final.target == int(network.logits(picture).argmax())
    assert len(states) > 3
    for state, following in pairwise(states):
        assert state.step == int(state.known.sum()) < following.step
        assert (following.known | ~state.known).all()
        torch.testing.assert_close(state.values[state.known], final.values[state.known])
        assert set(state.values.flatten().tolist()) <= {*final.values[state.known].tolist(), state.baseline}
    assert states[0].known[0, 0]
    assert not states[0].known[0, 1]


def test_first_state_comes_after_a_few_pictures(network, picture):
    seen = []
    network.module.register_forward_pre_hook(lambda _, x: seen.append(len(x[0])))
    states = occlusion(network, picture, 0, size=4, stride=1)
    assert seen == []
    next(states)
    assert sum(seen) <= 8


def test_a_square_of_the_whole_picture(picture):
    network = Network(nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()), input_size=24)
    state = last(occlusion(network, picture, 0, size=24, stride=3), progress=False)
    assert state.values.shape == (1, 1)
    assert state.heatmap.shape == (24, 24)


def test_gaps_between_squares_are_zero(network, picture):
    state = last(occlusion(network, picture, 0, size=2, stride=10), progress=False)
    heatmap = state.heatmap
    assert (heatmap[2:10] == 0).all()
    torch.testing.assert_close(heatmap[:2, :2], (state.baseline - state.values[0, 0]).expand(2, 2), rtol=1e-9, atol=0)


@pytest.mark.parametrize("fill", FILLS)
def test_what_is_under_the_square(network, picture, fill):
    covered = occluded(network, picture, 3, 5, 6, fill)
    outside = torch.ones(24, 30, dtype=torch.bool)
    outside[3:9, 5:11] = False
    assert (covered[:, outside] == picture[:, outside]).all()
    square = covered[:, 3:9, 5:11]
    color = {"gray": torch.full((3,), 0.5), "black": torch.zeros(3), "mean": picture.mean((1, 2))}.get(fill)
    if color is not None:
        torch.testing.assert_close(square, color[:, None, None].expand_as(square))
    assert (square != picture[:, 3:9, 5:11]).all()
    assert square.min() >= 0
    assert square.max() <= 1
    assert (covered == occluded(network, picture, 3, 5, 6, fill)).all()


def test_a_network_that_overwrites_its_input(network, picture):
    class Overwrites(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network.module

        def forward(self, x):
            return self.inner(x.mul_(1.0).add_(0.0).clamp_(-0.5, 0.5))

    other = Network(Overwrites(), input_size=(24, 30))
    state = last(occlusion(other, picture, 0, size=8, stride=8), progress=False)
    for row, top in enumerate(state.tops):
        expected = network.module(other.normalize(occluded(other, picture, top, 8, 8)[None]).clamp(-0.5, 0.5)).softmax(
            1
        )[0, 0]
        assert float(state.values[row, 1]) == pytest.approx(float(expected), abs=1e-12)


def test_any_area_is_covered_pixel_by_pixel(network, picture):
    whole, rng = network.prepare(picture)[0], torch.Generator().manual_seed(3)
    height, width = whole.shape[-2:]
    for x, y, wide, tall in ((0, 0, width, height), (3, 5, 1, 9), (width - 2, height - 1, 2, 1)):
        for fill in ("gray", "black", "mean", "noise", "blurred"):
            covered, fillings = (
                occluded(network, picture, area=(x, y, wide, tall), fill=fill),
                fill_picture(whole, fill),
            )
            for row in range(height):
                for column in range(width):
                    inside = x <= column < x + wide and y <= row < y + tall
                    expected = (fillings if inside else whole)[:, row, column]
                    assert (covered[:, row, column] == expected).all()
    share = torch.rand(height, width, generator=rng, dtype=torch.float64)
    expected = whole.double() * (1 - share) + 0.5 * share
    for area in (share, share.numpy(), share.tolist()):
        covered = occluded(network, picture, area=area)
        torch.testing.assert_close(covered.double(), expected, rtol=0, atol=1e-6)
    square = torch.zeros(height, width, dtype=torch.bool)
    square[4:12, 6:14] = True
    assert (occluded(network, picture, 4, 6, 8) == occluded(network, picture, area=square)).all()
    assert (occluded(network, picture, 4, 6, 8) == occluded(network, picture, area=(6, 4, 8, 8))).all()


@pytest.mark.parametrize(
    ("area", "message"),
    [
        ((0, 0, 0, 5), "width of area must be a whole number from 1 to 30 from x 0 in 30 pixels, not 0"),
        ((26, 0, 5, 5), "width of area .* from 1 to 4 .* not 5"),
        ((0, 24, 1, 1), "y of area .* not 24"),
        ((0, 0, 1.5, 1), "width of area .* not 1.5"),
        (
            torch.zeros(3, 4),
            r"area must be \(x, y, width, height\) .* or a mask of 24×30 shares 0…1, not a Tensor",
        ),
        (torch.full((24, 30), float("nan")), "area must be"),
        (torch.full((24, 30), 2), "area must be"),
        ("all of it", "area must be .* not 'all of it'"),
        ({}, "area must be"),
        (None, "occluded needs top and left, where the square begins, or an area"),
    ],
)
def test_an_area_that_is_none_is_told(network, picture, area, message):
    with pytest.raises(UserError, match=message):
        occluded(network, picture, area=area)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 25}, "size must be a whole number from 1 to 24 \\(a side of the picture\\), not 25"),
        ({"size": 0}, "size .* not 0"),
        ({"size": 7.5}, "size .* not 7.5"),
        ({"stride": 0}, "stride must be a whole number at least 1, not 0"),
        ({"stride": None}, "stride .* not None"),
        ({"fill": "pink"}, "fill must be one of 'gray', 'mean', 'black', 'blurred', 'noise', not 'pink'"),
        ({"score": "loss"}, "score must be one of 'probability', 'logit', not 'loss'"),
        ({"target": 4}, "4"),
        ({"target": "gnu"}, "gnu"),
    ],
)
def test_bad_input_is_told_at_once(network, picture, options, message):
    with pytest.raises(UserError, match=message):
        occlusion(network, picture, **{"size": 8} | options)


def first_minus_last(logits):
    return logits[:, 0] - logits[:, -1]


@pytest.mark.parametrize(
    ("targets", "options"),
    [
        ([2, "ant", None], {}),
        ([2, 0, 3], {"score": "logit", "fill": "mean", "shape": "disc"}),
        ([None] * 3, {"layer": "0", "fill": "blurred"}),
        ([1, 1, 2], {"layer": "4", "fill": "noise"}),
        (first_minus_last, {"layer": "2"}),
        (Neuron("2", 3), {}),
        (Neuron("0", 1, (5, 6)), {"layer": "2"}),
    ],
)
def test_a_batch_is_its_pictures(network, targets, options):
    pictures = torch.rand(3, 3, 24, 30)
    options = {"size": 7, "stride": 5} | options
    batch = last(occlusion(network, pictures, targets, **options), progress=False)
    assert batch.values.shape == batch.labels.shape == (3, *batch.known.shape) == (3, 5, 6)
    assert batch.heatmap.shape == (3, 24, 30)
    assert batch.step == batch.total == 30
    for i, picture in enumerate(pictures):
        target = targets[i] if isinstance(targets, list) else targets
        single = last(occlusion(network, picture, target, **options), progress=False)
        for name in ("values", "heatmap", "picture", *(["activation"] if "layer" in options else [])):
            torch.testing.assert_close(getattr(batch, name)[i], getattr(single, name), rtol=1e-12, atol=1e-14)
        assert torch.equal(batch.labels[i], single.labels)
        assert batch.of[i] == single.of
        assert batch.baseline[i] == pytest.approx(single.baseline, rel=1e-12)
        if "layer" in options:
            assert batch.channel[i] == single.channel
            assert batch.uncovered_activation[i] == pytest.approx(single.uncovered_activation, rel=1e-6)  # float32
        assert (None if batch.target is None else batch.target[i]) == single.target
        for name in ("known", "tops", "lefts", "layer", "convention"):
            assert np.array_equal(getattr(batch, name), getattr(single, name))


def test_a_batch_of_one_is_a_batch(network, picture):
    state = last(occlusion(network, picture[None], 1, size=8, layer="2"), progress=False)
    assert state.values.shape == state.activation.shape == (1, 3, 4)
    assert state.target == (1,)
    assert [len(one) for one in (state.baseline, state.of, state.channel, state.uncovered_activation)] == [1] * 4


def test_a_batch_is_refined_together_and_shown_side_by_side(network):
    pictures = torch.rand(2, 3, 24, 30)
    states = list(occlusion(network, pictures, ["bee", "dog"], size=4, stride=2))
    first, final = states[0], states[-1]
    assert 0 < int(first.known.sum()) == first.step < first.total
    for state in states:
        torch.testing.assert_close(state.values[:, state.known], final.values[:, state.known])
    assert not torch.equal(first.values[0], first.values[1])
    content = first.content()
    assert content.names == first.of == ("bee", "dog")
    assert content.picture.shape == (2, 24, 30, 3)
    np.testing.assert_array_equal(content.values, first.heatmap.float())
    assert repr(first).startswith("OcclusionState(bee, dog: 2×11×14, probability lost")


def test_more_pictures_than_the_memory_takes(network, monkeypatch):
    pictures = torch.rand(3, 3, 24, 30)
    expected = last(occlusion(network, pictures, size=7, stride=5), progress=False)
    begun = []

    def counted(*arguments):
        begun.append(arguments)
        return quickest_passes(*arguments)

    monkeypatch.setattr("cnnviz_widgets.methods.occlusion.occlusion.quickest_passes", counted)
    monkeypatch.setattr(batching, "memory_budget", lambda where=None: 1)
    state = last(occlusion(network, pictures, size=7, stride=5), progress=False)
    torch.testing.assert_close(state.values, expected.values, rtol=1e-12, atol=1e-14)
    assert len(begun) > 3


def test_what_is_for_one_picture_says_so(network, picture):
    pictures = torch.stack([picture, picture])
    with pytest.raises(UserError, match=r"image must be one picture .* not a batch of 2"):
        occluded(network, pictures, 0, 0, 8)
    with pytest.raises(UserError, match=r"image must be one picture .* not a batch of 2"):
        strongest_map(network, pictures, "2")
    with pytest.raises(UserError, match="target must be one class, or one for each of the 2 pictures, not 3"):
        occlusion(network, pictures, [0, 1, 2], size=8)
    with pytest.raises(UserError, match="top must be a whole number from 0 to 16"):
        occluded(network, picture, 17, 0, 8)


@given(length=st.integers(1, 300), size=st.integers(1, 300), stride=st.integers(1, 300))
def test_positions_reach_from_border_to_border(length, size, stride):
    size = min(size, length)
    starts = positions(length, size, stride)
    assert starts[0] == 0
    assert starts[-1] == length - size
    steps = [b - a for a, b in pairwise(starts)]
    assert all(step == stride for step in steps[:-1])
    assert all(0 < step <= stride for step in steps)


@given(rows=st.integers(1, 40), columns=st.integers(1, 40))
def test_coarse_grid_first_and_every_position_once(rows, columns):
    order = list(coarse_to_fine(rows, columns))
    assert sorted(place[:2] for place in order) == [(r, c) for r in range(rows) for c in range(columns)]
    assert [place[2] for place in order] == sorted((place[2] for place in order), reverse=True)

    known, painted = set(), torch.full((rows, columns), -1)
    for i, (row, column, spacing) in enumerate(order):
        painted[around(row, spacing, rows), around(column, spacing, columns)] = i
        known.add((row, column, i))
        if i + 1 == len(order) or order[i + 1][2] < spacing:
            assert painted.min() >= 0  # each grid fills the map
    assert all(painted[row, column] == i for row, column, i in known)  # and nothing known is painted over


def test_real_occlusion_lies_on_the_object(real_squeezenet, real_pictures):
    from cnnviz_widgets.pictures import load_image

    ladybug = load_image(real_pictures["n02165456_ladybug"])
    state = last(occlusion(real_squeezenet, ladybug, "ladybug", size=56, stride=28), progress=False)
    assert state.baseline > 0.95
    loss = state.heatmap.clamp(min=0)
    assert loss[97:188, 102:].sum() / loss.sum() > 0.6  # its box, 22 % of the picture
