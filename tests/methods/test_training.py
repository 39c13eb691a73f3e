"""The training loop against torch's own optimizer, resumed against uninterrupted, two processes against one."""

import os
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.optimize import optimizers
from cnnviz_widgets.engine.training import Goal, TrainingState, initialized, train

INPUTS = torch.rand(32, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def small() -> nn.Module:
    make = lambda: nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 3))  # noqa: E731
    return initialized(make, 1).double()


def losses(module, generator, step):
    chosen = INPUTS[torch.randint(32, (4,), generator=generator)]
    return {"size": module(chosen).square().mean(), "weights": 0.1 * module[0].weight.abs().sum()}


def view(module):
    return module(INPUTS[:2].to(next(module.parameters()).dtype))


def run(steps=6, **options) -> list[TrainingState]:
    return list(train(small(), losses, view, steps=steps, learning_rate=0.01, **options))


def equal(one, other) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_every_step_is_that_of_torchs_adam():
    module, generator = small().train(), torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(module.parameters(), 0.01)
    for state in run():
        loss = sum(losses(module, generator, state.step).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert state.loss == pytest.approx(float(loss.detach()), rel=1e-12)
        for name, one in module.state_dict().items():
            torch.testing.assert_close(state.weights[name], one, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("average", [None, 0.9])
@pytest.mark.parametrize("optimizer", [optimizers.adam, optimizers.sgd(0.9)])
def test_resumed_is_uninterrupted(average, optimizer, tmp_path):
    whole = run(average=average, optimizer=optimizer)
    for state in whole[:-1]:
        state.save(tmp_path / "state")
        for start in (state, tmp_path / "state"):
            resumed = run(average=average, optimizer=optimizer, start=start)
            assert [one.step for one in resumed] == [one.step for one in whole[state.step :]]
            assert resumed[-1].losses == whole[-1].losses
            assert equal(resumed[-1].weights, whole[-1].weights)
            assert torch.equal(resumed[-1].preview, whole[-1].preview)


def test_states_stay_what_they_were_and_so_does_the_module():
    module = small()
    before = {name: one.clone() for name, one in module.state_dict().items()}
    states = []
    copies = []
    for state in train(module, losses, view, steps=4):
        states.append(state)
        copies.append({name: one.clone() for name, one in state.weights.items()})
    assert all(equal(state.weights, copy) for state, copy in zip(states, copies, strict=True))
    assert not equal(states[0].weights, states[1].weights)
    assert equal(module.state_dict(), before)
    assert not states[-1].network.training
    assert not any(one.requires_grad for one in states[-1].network.parameters())


def test_the_running_average_is_one():
    expected = dict(small().state_dict())
    for state in run(average=0.75):
        for name, one in state.weights.items():
            if one.is_floating_point():
                expected[name] = 0.75 * expected[name] + 0.25 * one
                torch.testing.assert_close(state.average[name], expected[name], rtol=1e-12, atol=1e-12)
    assert torch.equal(state.network[0].weight, state.average["0.weight"])


def test_two_goals_move_each_its_own_part():
    """A generator of numbers, and a critic that tells them from others: each step by hand."""
    module = nn.ModuleDict({"critic": nn.Linear(2, 1), "generator": nn.Linear(3, 2)}).double()
    real = torch.ones(4, 2, dtype=torch.float64)

    def made(module, generator):
        return module["generator"](torch.rand(4, 3, generator=generator, dtype=torch.float64))

    def critic(module, generator, step):
        return {"critic": (module["critic"](made(module, generator)) - module["critic"](real)).mean()}

    def painter(module, generator, step):
        return {"generator": -module["critic"](made(module, generator)).mean()}

    goals = (Goal(critic, "critic"), Goal(painter, "generator"))
    (state,) = train(module, goals, lambda m: real[None], steps=1, optimizer=optimizers.sgd(), learning_rate=0.1)

    generator = torch.Generator().manual_seed(0)
    by_hand = nn.ModuleDict({"critic": nn.Linear(2, 1), "generator": nn.Linear(3, 2)}).double()
    by_hand.load_state_dict(module.state_dict())
    for losses, part in ((critic, "critic"), (painter, "generator")):
        optimizer = torch.optim.SGD(by_hand[part].parameters(), 0.1)
        by_hand.zero_grad()
        sum(losses(by_hand, generator, 1).values()).backward()
        optimizer.step()
    for name, one in by_hand.state_dict().items():
        torch.testing.assert_close(state.weights[name], one, rtol=1e-12, atol=1e-12)
    assert set(state.losses) == {"critic", "generator"}


def test_a_loss_that_is_not_finite_is_told_and_the_state_before_is_good():
    def explodes(module, generator, step):
        return {"size": losses(module, generator, step)["size"] * (torch.inf if step == 3 else 1)}

    states = train(small(), explodes, view, steps=5)
    _, good = next(states), next(states)
    with pytest.raises(cnnviz.UserError, match=r"not finite .* step 3: the state of step 2"):
        next(states)
    assert all(one.isfinite().all() for one in good.weights.values())


def test_what_is_no_start_is_refused(tmp_path):
    state = run(steps=2)[-1]
    other = replace(state, weights={name: one[:1] for name, one in state.weights.items() if one.ndim})
    (tmp_path / "text").write_text("no weights")
    with pytest.raises(cnnviz.UserError, match="start must be a state of the same kind"):
        run(start=other)
    with pytest.raises(cnnviz.UserError, match="steps must be more than the 2"):
        run(steps=2, start=state)
    for path in ("text", "nowhere"):
        with pytest.raises(cnnviz.UserError, match=r"start .* is not the file of a saved training"):
            run(start=tmp_path / path)
    with pytest.raises(cnnviz.UserError, match="start must be a state of a training"):
        run(start=3)


TOGETHER = """
import sys, torch
import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.training import share, train

rank, count, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if count > 1:
    torch.distributed.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=count)
images = torch.rand(6, 3, 40, 40, generator=torch.Generator().manual_seed(3))
style = dict(size=32, style_size=64, batch=4, steps=3)
*_, painter = cnnviz.train_style(cnnviz.load_network("mini"), "coffee", images, **style)

torch.manual_seed(0)
module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Tanh(), torch.nn.Conv2d(4, 3, 3)).double()
draw = lambda generator: share(torch.rand(4, 3, 8, 8, dtype=torch.float64, generator=generator))
losses = lambda module, generator, step: {"size": module(draw(generator)).square().mean()}
*_, state = train(module, losses, lambda module: images, steps=5)
if rank == 0:
    torch.save({"pictures": painter.preview, "weights": state.weights}, f"{folder}/{count}.pt")
"""


def test_two_processes_are_one_with_the_joint_batch(tmp_path):
    """Weights of any module in float64; of a style, the pictures: some of its biases make no difference to anything."""
    environment = os.environ | {"PYTHONPATH": str(Path(cnnviz.__file__).parents[1])}
    places = [(0, 1), (0, 2), (1, 2)]  # rank, number of processes
    commands = [[sys.executable, "-c", TOGETHER, str(rank), str(count), str(tmp_path)] for rank, count in places]
    started = [subprocess.Popen(one, env=environment, cwd=tmp_path) for one in commands]
    assert [one.wait(timeout=200) for one in started] == [0, 0, 0]
    one, two = (torch.load(tmp_path / f"{count}.pt") for count in (1, 2))
    for name, weight in one["weights"].items():
        torch.testing.assert_close(two["weights"][name], weight, rtol=0, atol=1e-12)
    torch.testing.assert_close(two["pictures"], one["pictures"], rtol=0, atol=1e-5)


def test_a_batch_that_processes_cannot_share_is_refused(monkeypatch):
    from torch import distributed

    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed, "get_world_size", lambda: 2)
    images = torch.rand(2, 3, 40, 40)
    states = cnnviz.train_style(cnnviz.load_network("mini"), "coffee", images, size=32, style_size=64, batch=3)
    with pytest.raises(cnnviz.UserError, match="batch must be a multiple of 2, the number of processes, not 3"):
        next(states)


def test_the_same_again_by_seed():
    one, same, other = (list(islice(train(small(), losses, view, steps=3, seed=s), 3))[-1] for s in (1, 1, 2))
    assert equal(one.weights, same.weights)
    assert not equal(one.weights, other.weights)
