"""A training that keeps its epochs: resumed as uninterrupted, measured as by hand."""

from copy import deepcopy

import pytest
import torch
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.methods.filters._lessons import RENDERED
from cnnviz_widgets.methods.filters.train_live import untrained
from cnnviz_widgets.pictures.scenes import scene_of

HOW = dict(classes=3, each=12, batch=8, epochs=2, seed=3)


@pytest.fixture(scope="module")
def states():
    return list(cnnviz.train_live(**HOW))


def alike(one, other):
    assert one.step == other.step
    assert one.training.losses == other.training.losses
    for name, weights in one.training.weights.items():
        torch.testing.assert_close(weights, other.training.weights[name], rtol=0, atol=0)
    assert len(one.epochs) == len(other.epochs)
    for epoch, again in zip(one.epochs, other.epochs, strict=True):
        for value, known in zip(epoch, again, strict=True):
            torch.testing.assert_close(value, known, rtol=0, atol=0)


def test_there_is_a_state_before_the_first_step_and_one_after_each(states):
    steps = -(-27 // 8)  # of an epoch: every fourth of 3 × 12 pictures is held out
    assert [one.step for one in states] == list(range(2 * steps + 1))
    assert [len(one.epochs) for one in states] == [1 + step // steps for step in range(2 * steps + 1)]
    assert [one.epoch for one in states[-1].epochs] == [0, 1, 2]
    assert not torch.equal(states[-1].epochs[0].kernels, states[-1].epochs[2].kernels)


def test_the_filters_before_any_training_need_no_picture(states):
    assert torch.equal(untrained(HOW["classes"], HOW["seed"]).values, states[0].filters().values)


@pytest.mark.parametrize("at", [0, 1, 4, 6])
def test_a_resumed_training_is_that_of_an_uninterrupted_one(states, at, tmp_path):
    *_, again = cnnviz.train_live(**HOW, start=states[at])
    alike(states[-1], again)
    if at:
        states[at].save(tmp_path / "a.training")
        *_, again = cnnviz.train_live(**HOW, start=tmp_path / "a.training")
        alike(states[-1], again)


def test_states_stay_what_they_are(states):
    first = states[1]
    kept = deepcopy(first.training.weights), first.epochs[0].kernels.clone()
    list(cnnviz.train_live(**HOW, start=first))
    for name, weights in kept[0].items():
        torch.testing.assert_close(first.training.weights[name], weights, rtol=0, atol=0)
    torch.testing.assert_close(first.epochs[0].kernels, kept[1], rtol=0, atol=0)


def test_an_epoch_is_measured_as_by_hand(states):
    state = states[-1]
    module, epoch = state.training.network, state.epochs[-1]
    pictures = (state.pictures / 255 - 0.5) / 0.25
    with torch.no_grad():
        scores, maps = module(pictures), module[:8](pictures)
    assert isinstance(module[7], nn.Conv2d)
    torch.testing.assert_close(epoch.scores, scores, rtol=1e-4, atol=1e-5)
    assert epoch.unseen == pytest.approx(float((scores.argmax(1) == state.truth).double().mean()))
    torch.testing.assert_close(epoch.kernels, module[0].weight, rtol=0, atol=0)
    layer = state.network.layer(state.layer)
    for unit in range(len(epoch.patches)):
        best = maps[:, unit].flatten(1).amax(1).argsort(descending=True)[: epoch.patches.shape[1]]
        for place, number in enumerate(best.tolist()):
            row, column = divmod(int(maps[number, unit].argmax()), maps.shape[-1])
            left, top, right, bottom = layer.field((row, column), (64, 64))
            inside = state.pictures[number][:, max(0, top) : bottom, max(0, left) : right].permute(1, 2, 0)
            patch = epoch.patches[unit, place]
            y, x = max(0, -top), max(0, -left)
            assert torch.equal(patch[y : y + len(inside), x : x + inside.shape[1]], inside)


def test_rendered_classes_are_shapes_and_colors(states):
    assert states[0].classes == ("red circle", "orange square", "yellow triangle")
    assert states[0].truth.tolist() == [0] * 3 + [1] * 3 + [2] * 3
    scene = scene_of("circle", "red", 4, 3)
    assert (scene.label, scene.color) == ("circle", "red")
    torch.testing.assert_close(states[0].pictures[1] / 255, scene.image, rtol=0, atol=0.5 / 255 + 1e-6)
    assert len(set(RENDERED)) == len(RENDERED) == 24


def test_pictures_of_a_data_set():
    draw = torch.Generator().manual_seed(0)
    dark, light = (0.3 * torch.rand(16, 3, 20, 24, generator=draw) + at for at in (0.0, 0.7))
    entries = [
        (one, name) for both in zip(dark, light, strict=True) for one, name in zip(both, ("dark", "light"), strict=True)
    ]
    *_, state = cnnviz.train_live([*entries, (dark[0], "alone")], classes=5, each=12, batch=6, epochs=6)
    assert state.classes == ("dark", "light")
    assert state.pictures.shape == (6, 3, 64, 64)
    assert state.epochs[-1].unseen == 1


def test_a_module_of_ones_own():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 5, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    before = deepcopy(module.state_dict())
    *_, state = cnnviz.train_live(**HOW, module=module)
    assert state.filters().values.shape == (4, 3, 5, 5)
    assert all(torch.equal(one, before[name]) for name, one in module.state_dict().items())
    for wrong in (nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 3)), module[:4]):
        with pytest.raises(cnnviz.UserError, match="module must have convolutions and give 3 scores"):
            cnnviz.train_live(**HOW, module=wrong)


def test_what_cannot_be_learned_from(states, tmp_path):
    with pytest.raises(cnnviz.UserError, match="pictures must be of at least 2 classes"):
        cnnviz.train_live([torch.rand(3, 8, 8)] * 9)
    with pytest.raises(cnnviz.UserError, match="classes must be at most 24"):
        cnnviz.train_live(classes=25)
    with pytest.raises(cnnviz.UserError, match="start must be a state of a training of the same classes"):
        cnnviz.train_live(**HOW | {"classes": 4}, start=states[2])
    with pytest.raises(cnnviz.UserError, match="epochs must be more than the 2 that start has done, not 2"):
        cnnviz.train_live(**HOW, start=states[-1])
    with pytest.raises(cnnviz.UserError, match="start must be a state"):
        cnnviz.train_live(**HOW, start=3)


def test_the_history_of_mini():
    history = cnnviz.training_history()
    assert history.epochs == (1, 2, 5, 10, 20, 30)
    distances = history.distances.mean(1)
    assert (distances[:-1] > distances[1:]).all()  # from epoch to epoch it comes nearer to its last state
    assert float(distances[-1]) == 0
    kernel, last = history.values[0, 5].flatten(), history.values[-1, 5].flatten()
    torch.testing.assert_close(history.distances[0, 5], (kernel - last).norm() / last.norm())
    torch.testing.assert_close(history.filters(10).values, cnnviz.networks.mini_history()[10], rtol=0, atol=0)
    with pytest.raises(cnnviz.UserError, match="epoch must be one of 1, 2, 5, 10, 20, 30, not 3"):
        history.filters(3)
