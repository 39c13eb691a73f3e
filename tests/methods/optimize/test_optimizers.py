"""Against torch.optim, step by step."""

from itertools import pairwise

import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.optimize import objectives, optimizers, parametrizations
from cnnviz_widgets.errors import UserError

STEPS = 12
MATRIX = torch.tensor([[3.0, 1, 0], [1, 2, 0.5], [0, 0.5, 1]], dtype=torch.float64)


def slope(x):
    """Of a hill with its top at (1, 1, 1), not quite quadratic."""
    away = x - 1
    return -(MATRIX @ away) - 0.1 * away**3


def ours(optimizer, rate):
    path, x, memory = [], (torch.zeros(3, dtype=torch.float64),), None
    for _ in range(STEPS):
        x, memory = optimizer(x, (slope(x[0]),), memory, rate)
        path.append(x[0])
    return torch.stack(path)


def theirs(kind, **options):
    path, x = [], torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = kind([x], **options)

    def closure():
        x.grad = -slope(x.detach())
        return torch.zeros(())

    for _ in range(STEPS):
        optimizer.step(closure)
        path.append(x.detach().clone())
    return torch.stack(path)


@pytest.mark.parametrize(
    ("optimizer", "rate", "kind", "options"),
    [
        (optimizers.adam, 0.05, torch.optim.Adam, {}),
        (optimizers.sgd(), 0.1, torch.optim.SGD, {}),
        (optimizers.sgd(0.9), 0.05, torch.optim.SGD, {"momentum": 0.9}),
        (
            optimizers.lbfgs(5, longest=10),
            0.5,
            torch.optim.LBFGS,
            {"max_iter": 1, "history_size": 5, "tolerance_change": 0},
        ),
    ],
)
def test_as_torch(optimizer, rate, kind, options):
    torch.testing.assert_close(ours(optimizer, rate), theirs(kind, lr=rate, **options), rtol=1e-12, atol=1e-12)


def test_lbfgs_reaches_the_top_soon():
    assert (ours(optimizers.lbfgs(), 1.0)[-1] - 1).abs().max() < 1e-6


def as_meant(parameters, gradients, memory, rate):
    """L-BFGS that takes every step for made as it was meant, also where it was clipped."""
    memory, meant = memory or (None, None)
    if memory is not None:
        memory = (memory[0], parameters[0].flatten() - meant.flatten(), memory[2])
    moved, later = optimizers.lbfgs()(parameters, gradients, memory, rate)
    return moved, (later, moved[0] - parameters[0])


def test_lbfgs_is_minus_the_inverse_of_the_updated_matrix_times_the_slope():
    """Against BFGS written out (Nocedal & Wright, 7.19): the whole matrix, from all pairs, in float64."""
    generator = torch.Generator().manual_seed(0)
    bends = torch.rand(12, dtype=torch.float64, generator=generator) + 0.5
    x, memory, trail = (torch.randn(12, dtype=torch.float64, generator=generator),), None, []
    for _ in range(8):
        slope = bends * x[0] + 0.1 * x[0] ** 3
        trail.append((x[0], slope))
        moved, memory = optimizers.lbfgs(5, longest=100)(x, (-slope,), memory, 0.5)
        steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(trail)][-5:]
        if steps:
            s, y = steps[-1]
            inverse = torch.eye(12, dtype=torch.float64) * (s @ y) / (y @ y)
            for s, y in steps:
                left = torch.eye(12, dtype=torch.float64) - torch.outer(s, y) / (y @ s)
                inverse = left @ inverse @ left.T + torch.outer(s, s) / (y @ s)
            torch.testing.assert_close(moved[0], x[0] - 0.5 * inverse @ slope, rtol=0, atol=1e-12)
        x = moved
    assert len(steps) == 5


def test_lbfgs_learns_from_what_really_moved(real_squeezenet, real_styles):
    """A photograph on white, painted: most of its pixels are at their bound."""
    photo = torch.ones(3, 192, 192)
    photo[:, 48:144, 24:168] = cnnviz.load_image("chelsea", size=(96, 144))
    painting = cnnviz.load_image(real_styles["rain-princess-cropped"], size=(192, 192))
    names = ["features.1", "features.4", "features.7", "features.9"]
    of = [real_squeezenet.normalize(one[None]) for one in (photo, painting)]
    content, style = (real_squeezenet.forward(one, [*names, "features.5"], to_output=False)[1] for one in of)
    aim = objectives.target_features("features.5", content["features.5"][0])
    aim = aim + 25 * sum(objectives.gram(name, style[name][0]) for name in names)

    def loss(rule):
        picture = parametrizations.pixels((192, 192))
        states = cnnviz.optimize(
            real_squeezenet, aim, picture, steps=11, optimizer=rule, learning_rate=1.0, start=photo
        )
        return cnnviz.last(states, progress=False).loss

    assert loss(optimizers.lbfgs()) < 0.9 * loss(as_meant)


def test_lbfgs_leaves_a_place_where_the_loss_bends_down():
    """As a Gram matrix's does near gray: the mean of (x² − 1)² / 4, close to its maximum at 0."""
    x, memory = (torch.linspace(-1e-3, 1e-3, 50, dtype=torch.float64),), None
    for _ in range(40):
        x, memory = optimizers.lbfgs(longest=0.2)(x, (x[0] * (1 - x[0].square()) / 50,), memory, 1.0)
    torch.testing.assert_close(x[0].abs(), torch.ones_like(x[0]), rtol=1e-6, atol=0)


def test_lbfgs_takes_no_step_that_is_too_long():
    x, memory = (torch.zeros(3, dtype=torch.float64),), None
    for _ in range(STEPS):
        before = x[0]
        x, memory = optimizers.lbfgs(longest=0.05)(x, (slope(x[0]),), memory, 1.0)
        assert (x[0] - before).square().mean().sqrt() <= 0.05 * (1 + 1e-12)
    assert (x[0] - before).square().mean().sqrt() > 0.04


def test_normalized_steps_are_equally_long_in_every_picture():
    before = torch.rand(3, 2, 4, 4, dtype=torch.float64)
    gradient = torch.rand_like(before) * torch.tensor([1e-3, 1.0, 1e3]).view(3, 1, 1, 1)
    (after,), _ = optimizers.normalized((before,), (gradient,), None, 0.7)
    lengths = (after - before).square().mean((1, 2, 3)).sqrt()
    torch.testing.assert_close(lengths, torch.full((3,), 0.7, dtype=torch.float64))
    torch.testing.assert_close((after - before)[2], 0.7 * 32**0.5 * gradient[2] / gradient[2].norm())


def test_nothing_is_changed_in_place():
    for optimizer in optimizers.OPTIMIZERS.values():
        x, memory = (torch.zeros(3, dtype=torch.float64),), None
        for _ in range(4):
            gradient = slope(x[0])
            kept = x[0].clone(), gradient.clone(), repr(memory)
            after, later = optimizer(x, (gradient,), memory, 0.1)
            assert torch.equal(x[0], kept[0])
            assert torch.equal(gradient, kept[1])
            assert repr(memory) == kept[2]
            x, memory = after, later


def test_several_parameters():
    gradients = (torch.tensor([1.0, 2.0]), torch.tensor([[3.0]]))
    for optimizer in optimizers.OPTIMIZERS.values():
        moved, memory = optimizer((torch.zeros(2), torch.zeros(1, 1)), gradients, None, 0.1)
        moved, _ = optimizer(moved, gradients, memory, 0.1)
        assert [one.shape for one in moved] == [(2,), (1, 1)]
        assert all((one > 0).all() for one in moved)


def test_unknown():
    with pytest.raises(UserError, match="one of 'adam', 'sgd', 'normalized', 'signed', 'lbfgs', not 'adamm'"):
        optimizers.chosen("adamm")
