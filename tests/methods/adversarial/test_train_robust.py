"""Adversarial training: its inner attack, its control, and what both are worth."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.methods.adversarial._hardening import hardened


def same(pictures):
    return pictures


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 3)).double()


def test_the_inner_attack_on_two_classes_ends_where_the_closed_form_says():
    """A linear model of two classes: the worst point of the ball within 0…1 is x + ε · sign(w_other − w_true)."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).double()
    pictures, labels = torch.rand(5, 3, 2, 2, dtype=torch.float64), torch.tensor([0, 1, 0, 1, 1])
    found = hardened(module, same, pictures, labels, epsilon=0.3, generator=torch.Generator().manual_seed(1), steps=10)
    weight = module[1].weight.detach()
    worst = (weight[1 - labels] - weight[labels]).sign().view_as(pictures)
    assert torch.allclose(found, (pictures + 0.3 * worst).clamp(0, 1), atol=1e-12)


def test_the_inner_attack_stays_in_the_ball_and_leaves_the_module_as_it_was():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)).train()
    before = {name: one.clone() for name, one in module.state_dict().items()}
    pictures, labels = torch.rand(6, 3, 6, 6), torch.arange(6) % 3
    found = hardened(module, same, pictures, labels, epsilon=0.1, generator=torch.Generator().manual_seed(0))
    assert float((found - pictures).abs().max()) <= 0.1 + 1e-6
    assert 0 <= float(found.min()) <= float(found.max()) <= 1
    assert module.training
    assert not found.requires_grad
    assert all(torch.equal(one, before[name]) for name, one in module.state_dict().items())
    clean, attacked = (F.cross_entropy(module.eval()(one), labels) for one in (pictures, found))
    assert attacked > clean


def test_the_control_is_plain_training():
    """The first step of the control: Adam's on the same pictures, by hand."""
    state = next(cnnviz.train_robust(steps=5, batch=16, seed=3))
    (before,) = {one.step for one in (state.plain, state.robust)}
    assert before == 1
    assert state.plain.losses["cross entropy"] < state.robust.losses["cross entropy"]  # the same weights, attacked
    again = next(cnnviz.train_robust(steps=5, batch=16, seed=3, epsilon=0.3))
    assert all(torch.equal(one, again.plain.weights[name]) for name, one in state.plain.weights.items())


def test_it_helps_and_the_control_falls():
    *_, state = cnnviz.train_robust(steps=150, batch=48, epsilon=0.15)
    plain, robust = state.accuracy(0.15)
    assert robust.interval[0] > plain.interval[1]
    assert state.accuracies[-1].plain > 0.85
    assert state.accuracies[-1].robust > 0.75
    assert state.accuracies[-1].robust_attacked == robust.share
    assert [one.total for one in (plain, robust)] == [len(state.labels)] * 2


def test_accuracy_without_attack_is_that_of_the_networks():
    state = next(cnnviz.train_robust(steps=2, batch=8))
    for counted, network in zip(state.accuracy(0), state.networks, strict=True):
        right = network.logits(state.pictures).argmax(1) == state.labels
        assert counted.hits == int(right.sum())


def test_gradients_are_those_of_the_loss():
    state = next(cnnviz.train_robust(steps=2, batch=8))
    picture = state.pictures[:1].double().requires_grad_()
    network = deepcopy(state.robust.network).double()
    loss = F.cross_entropy(network(picture), state.labels[:1])
    (wanted,) = torch.autograd.grad(loss, picture)
    assert torch.allclose(state.values[1, 0].double(), wanted[0] / wanted.abs().max(), atol=1e-5)


def test_it_goes_on_exactly():
    *_, whole = cnnviz.train_robust(steps=6, batch=8)
    states = cnnviz.train_robust(steps=6, batch=8)
    half = [next(states) for _ in range(3)][-1]
    *_, rest = cnnviz.train_robust(steps=6, batch=8, start=half)
    assert all(torch.equal(one, rest.robust.weights[name]) for name, one in whole.robust.weights.items())
    assert rest.accuracies == whole.accuracies


def test_own_pictures():
    pictures = torch.rand(40, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    labels = (pictures.mean((1, 2, 3)) > pictures.mean()).long()
    state = next(cnnviz.train_robust(pictures, labels, steps=2, batch=8))
    assert state.pictures.shape == (10, 3, 12, 12)
    with pytest.raises(cnnviz.UserError, match="labels must be 40 whole numbers"):
        cnnviz.train_robust(pictures, labels[:3])
    with pytest.raises(cnnviz.UserError, match="labels must be left out"):
        cnnviz.train_robust(None, labels)
    with pytest.raises(cnnviz.UserError, match="images must have values"):
        cnnviz.train_robust(pictures * 2, labels)
