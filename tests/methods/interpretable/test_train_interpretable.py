"""The training beside its definition: what is measured, the mask in the pass, a resumed run, and what is bundled."""

import math

import numpy as np
import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.states import last
from cnnviz_widgets.methods.interpretable._parts import PartNetwork, distances, furniture, instability
from cnnviz_widgets.methods.interpretable.train_interpretable import TRAININGS

HOW = dict(filters=4, batch=8, seed=2)


def test_a_resumed_training_equals_an_uninterrupted_one():
    whole = last(cnnviz.train_interpretable(steps=6, **HOW), progress=False)
    states = cnnviz.train_interpretable(steps=6, **HOW)
    half = [next(states) for _ in range(3)][-1]
    again = last(cnnviz.train_interpretable(steps=6, start=half, **HOW), progress=False)
    for name in TRAININGS:
        one, other = whole.trainings[name].weights, again.trainings[name].weights
        assert all(torch.equal(one[key], other[key]) for key in one)
    assert np.array_equal(np.array(whole.course[-1].accuracy), np.array(again.course[-1].accuracy))


def test_all_three_begin_alike_and_only_the_loss_tells_them_apart():
    first = next(cnnviz.train_interpretable(steps=6, **HOW))
    plain, loss, masked = (first.trainings[name].losses for name in TRAININGS)
    assert plain["cross entropy"] == loss["cross entropy"]  # of the same weights and pictures
    assert set(loss) == set(masked) == {"cross entropy", "filter loss"}
    assert loss["filter loss"] == masked["filter loss"] < 0
    without = next(cnnviz.train_interpretable(steps=6, weight=0, **HOW))
    one, other = (without.trainings[name].weights for name in ("plain", "loss"))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_the_mask_lets_nothing_pass_that_is_far_from_the_peak():
    torch.manual_seed(0)
    module = PartNetwork(3, 2, masked=True).eval()
    maps = torch.rand(2, 3, 16, 16)
    maps[:, :, 4, 4] = 9.0
    before = module.classified(maps)
    far = maps.clone()
    far[:, :, 4, 8:] += 1  # 4 cells away the template is 0
    assert torch.equal(module.classified(far), before)
    near = maps.clone()
    near[:, :, 4, 6] += 1
    assert not torch.equal(module.classified(near), before)


def test_instability_is_its_definition():
    """By loops over filters, kinds, landmarks and pictures; a filter that fires too seldom in a kind has none there."""
    generator = torch.Generator().manual_seed(0)
    maps, labels = torch.rand(30, 3, 16, 16, generator=generator), torch.tensor([0, 1] * 15)
    maps[:12:2, 1] = 0  # of kind 0 it fires in nine
    maps[:12, 2] = 0  # of both kinds
    landmarks = 64 * torch.rand(30, 2, 2, generator=generator)
    wanted = []
    for k, kinds in ((0, (0, 1)), (1, (1,))):
        spreads = []
        for kind in kinds:
            for p in range(2):
                away = []
                for b in range(30):
                    row, column = divmod(int(maps[b, k].argmax()), 16)
                    if labels[b] == kind and maps[b, k].max() > 0:
                        y, x = landmarks[b, p].tolist()
                        away.append(math.hypot(4 * (row + 0.5) - y, 4 * (column + 0.5) - x) / math.hypot(64, 64))
                spreads.append(np.std(away, ddof=1))
        wanted.append(np.mean(spreads))
    found = instability(maps, landmarks, labels)
    np.testing.assert_allclose(found[:2], wanted, rtol=1e-5)
    assert found[2].isnan()
    assert distances(maps, landmarks).shape == (30, 3, 2)


def test_a_filter_that_always_fires_as_far_from_the_landmarks_is_perfectly_steady():
    cells = torch.randint(2, 14, (40, 2), generator=torch.Generator().manual_seed(1))
    maps = torch.zeros(40, 1, 16, 16)
    maps[range(40), 0, cells[:, 0], cells[:, 1]] = 1
    landmarks = 4.0 * cells[:, None] + torch.tensor([[3.0, -7.0], [0.0, 9.0]])
    assert float(instability(maps, landmarks, torch.zeros(40).long())) < 1e-6


def test_pictures_are_rendered_as_they_are_told():
    one = furniture(2000)[5]
    again = cnnviz.render_object(**one.parameters)
    assert torch.equal(one.image, again.image)
    assert furniture(2000)[5] is one


def test_what_is_bundled_is_what_it_says():
    """Its course ends with what is measured now, but for float16; with the loss, all filters fire, and are steadier."""
    state = cnnviz.load_interpretable()
    assert state.course[-1].step == state.step <= state.total
    for at, name in enumerate(TRAININGS):
        scores = state.trainings[name].network(state.held.pictures)
        right = float((scores.argmax(1) == state.held.labels).float().mean())
        assert right == pytest.approx(state.course[-1].accuracy[at], abs=0.01)
        assert float(state.instability[name].nanmean()) == pytest.approx(state.course[-1].instability[at], abs=2e-3)
    plain, loss, masked = state.course[-1].instability
    assert loss < masked < plain
    assert state.course[-1].filters[1:] == (state.filters, state.filters)


@pytest.mark.parametrize("objects", [[], "chairs", 7])
def test_what_are_no_objects_is_told(objects):
    with pytest.raises(cnnviz.UserError, match="objects must be at least 160 rendered ones"):
        cnnviz.train_interpretable(objects)


@pytest.mark.parametrize("objects", [[1] * 200, torch.rand(200, 3, 64, 64)])
def test_what_are_no_rendered_objects_is_told(objects):
    with pytest.raises(cnnviz.UserError, match="objects must have 64×64 px and landmarks"):
        cnnviz.train_interpretable(objects)


def test_other_objects_can_be_learned():
    every = [cnnviz.render_object(kind, azimuth) for azimuth in range(80) for kind in ("stool", "table")]
    state = next(cnnviz.train_interpretable(every, steps=1, **HOW))
    assert state.classes == ("stool", "table")
    assert state.held.landmarks.shape == (20, 8, 2)
