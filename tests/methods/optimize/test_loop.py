"""The loop: one step by hand, then all that must stay equal however a run is cut, resumed, or looked at."""

import gc
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from ascent import run, slope
from torch import nn

from cnnviz_widgets.engine.optimize import objectives as o
from cnnviz_widgets.engine.optimize import operators, optimize, optimizers
from cnnviz_widgets.engine.optimize import parametrizations as p
from cnnviz_widgets.engine.optimize import transforms as t
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network
from cnnviz_widgets.runtime.device import use

EVERYTHING = [t.pad(2), t.jitter(2), t.scale(), t.rotate(), t.jitter(1, wrap=True), t.noise(0.01)]


@pytest.fixture
def deep() -> Network:
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 6),
    )  # fmt: skip
    return Network(module.double(), input_size=16)


def same(a, b):
    """Two states, bit for bit."""
    assert (a.step, a.terms) == (b.step, b.terms)
    assert all(torch.equal(x, y) for x, y in zip(a.parameters, b.parameters, strict=True))
    assert torch.equal(a.values, b.values)
    assert torch.equal(a.generator, b.generator)
    assert a.snapshots.keys() == b.snapshots.keys()
    assert all(torch.equal(a.snapshots[step], b.snapshots[step]) for step in a.snapshots)


def test_steps_by_hand(network):
    """Two steps of ascent with every kind of operator, written out."""
    photo = torch.rand(1, 3, 5, 6, dtype=torch.float64)
    states = optimize(
        network, o.logit("bee") - 0.01 * o.l2(), p.pixels(start=photo), steps=2, optimizer="sgd", learning_rate=0.02,
        gradient=[operators.normalize(), operators.smooth(0.7)], after=[operators.decay(0.1), operators.blur(0.6, 2)],
    )  # fmt: skip
    mean = torch.tensor(network.mean, dtype=torch.float64)[:, None, None]
    x = photo
    for step, state in enumerate(states, 1):
        x = x.detach().requires_grad_()
        normal = network.normalize(x)
        score, size = network.module(normal)[0, 1], normal.square().sum()
        (g,) = torch.autograd.grad(score - 0.01 * size, x)
        score, size = score.item(), size.item()
        x = (x.detach() + 0.02 * operators.gaussian(g / g.norm(), 0.7)).clamp(0, 1)
        x = mean + 0.9 * (x - mean)
        if step == 2:
            x = operators.gaussian(x, 0.6)
        assert (state.step, state.total) == (step, 2)
        assert state.terms == pytest.approx({'logit("bee")': score, "l2()": -0.01 * size})
        assert state.loss == pytest.approx(0.01 * size - score)
        torch.testing.assert_close(state.values, x[0], rtol=1e-12, atol=1e-12)


def test_operators_see_pixels_in_every_parametrization(network):
    """A gradient operator works on the gradient by the pixels, also where the parameters are a spectrum."""
    seen = []
    made = p.fourier()
    form = made.begin(network, torch.Generator().manual_seed(0))
    run(network, o.channel("maps", 1), made, steps=1, gradient=[lambda g: seen.append(g) or 0 * g], optimizer="sgd")
    pictures = form.decode(*form.start)
    torch.testing.assert_close(seen[0], slope(network, o.channel("maps", 1), pictures), rtol=1e-9, atol=1e-12)
    half = run(network, o.l1(), made, steps=1, after=[lambda update: 0.5 + 0 * update.pictures])
    torch.testing.assert_close(half.values, torch.full((3, 5, 6), 0.5, dtype=torch.float64))


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "normalized", "lbfgs", optimizers.sgd(0.9)])
def test_going_on_is_as_if_uninterrupted(deep, optimizer):
    objective = o.channel("3", 4) - 0.01 * o.total_variation(1)
    options = {"optimizer": optimizer, "steps": 9, "snapshots": [2, 8], "learning_rate": lambda step: 0.05 / step}
    whole = list(optimize(deep, objective, p.fourier(), EVERYTHING, **options))
    for cut in (1, 4, 8):
        rest = list(optimize(deep, objective, None, EVERYTHING, start=whole[cut - 1], seed=99, **options))
        assert len(rest) == 9 - cut
        for a, b in zip(rest, whole[cut:], strict=True):
            same(a, b)


def test_a_snapshot_is_a_run_of_so_many_steps(deep):
    objective = o.neuron("3", 4)
    state = run(deep, objective, p.laplacian(), EVERYTHING, steps=20, snapshots=(1, 7, 20))
    assert list(state.snapshots) == [1, 7, 20]
    for step, picture in state.snapshots.items():
        assert torch.equal(picture, run(deep, objective, p.laplacian(), EVERYTHING, steps=step).values)
    assert torch.equal(state.snapshots[20], state.values)


def test_states_do_not_change_once_they_are_yielded(deep):
    states, copies = [], []
    for state in optimize(deep, o.channel("3", 1), p.pixels(), EVERYTHING, steps=6, snapshots=[2, 4]):
        states.append(state)
        copies.append((dict(state.snapshots), [one.clone() for one in state.parameters], state.generator.clone()))
    for state, (snapshots, parameters, generator) in zip(states, copies, strict=True):
        assert state.snapshots.keys() == snapshots.keys()
        assert all(torch.equal(a, b) for a, b in zip(state.parameters, parameters, strict=True))
        assert torch.equal(state.generator, generator)


def test_seeds_repeat_and_differ(deep):
    def made(seed):
        return run(deep, o.logit(2), p.fourier(batch=2), EVERYTHING, steps=4, seed=seed)

    same(made(7), made(7))
    assert not torch.allclose(made(7).values, made(8).values)


def test_another_objective_takes_over(deep):
    first = run(deep, o.channel("3", 1), p.pixels(), steps=3)
    going_on = next(optimize(deep, o.channel("3", 2), start=first, steps=4))
    assert going_on.of == 'channel("3", 2)'
    assert going_on.step == 4
    assert first.of == 'channel("3", 1)'
    other = next(optimize(deep, o.channel("3", 1), start=first, steps=4, optimizer="sgd"))  # Adam's memory is dropped
    torch.testing.assert_close(
        other.parameters[0],
        (first.parameters[0] + 0.05 * slope(deep, o.channel("3", 1), first.parameters[0])).clamp(0, 1),
    )


# One truncated pass


def count_calls(module):
    calls = []
    handles = [
        part.register_forward_hook(lambda *_, name=name: calls.append(name)) for name, part in module.named_children()
    ]
    return calls, handles


def test_truncation_changes_nothing(deep):
    pictures = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    x = deep.normalize(pictures).requires_grad_()
    whole, values = deep.forward(x, "3", grad=True)
    assert whole.shape == (2, 6)
    (expected,) = torch.autograd.grad(values["3"][:, 4].mean((1, 2)).sum(), x)
    expected = expected / torch.tensor(deep.std, dtype=torch.float64)[:, None, None]
    torch.testing.assert_close(slope(deep, o.channel("3", 4), pictures), expected, rtol=1e-12, atol=1e-14)


def test_however_many_terms_there_is_one_pass_and_it_stops_early(deep):
    objective = o.channel("1", 2) + o.neuron("3", 1) - o.diversity("1") + o.layer("0") - o.l2()
    run(deep, objective, p.pixels(batch=2), steps=1)  # the pass that finds a ReLU in place is made again, and no other
    calls, handles = count_calls(deep.module)
    run(deep, objective, p.pixels(batch=2), steps=1)
    assert calls == ["0", "1", "2", "3"]
    calls.clear()
    run(deep, o.channel("1", 2) + o.logit(1) + o.probability(2), steps=1)
    assert calls == [str(i) for i in range(8)]
    calls.clear()
    run(deep, -o.total_variation() - o.l1(), steps=3)
    assert not calls
    for handle in handles:
        handle.remove()


def test_the_network_is_left_as_it_was(deep):
    deep.module.train()
    deep.module[0].weight.requires_grad_(False)
    before = {name: value.clone() for name, value in deep.module.state_dict().items()}
    generator = torch.get_rng_state()
    states = optimize(deep, o.logit(1) - o.l2(), p.fourier(), EVERYTHING, steps=20)
    with torch.no_grad():
        for _ in range(18):
            next(states)
            assert not torch.is_grad_enabled()
            assert not any(part._forward_hooks for part in deep.module.modules())
            assert all(part.training for part in deep.module.modules())
    with pytest.raises(UserError):
        run(deep, o.neuron("3", 1, (99, 0)), steps=1)
    assert torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(parameter.grad is None for parameter in deep.module.parameters())
    assert [parameter.requires_grad for parameter in deep.module.parameters()][:2] == [False, True]
    for name, value in deep.module.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_a_step_may_be_made_in_any_thread(deep):
    """The runner begins in one thread and may go on in another."""
    expected = list(optimize(deep, o.logit(1), p.fourier(), EVERYTHING, steps=6))
    states, found = optimize(deep, o.logit(1), p.fourier(), EVERYTHING, steps=6), []
    for _ in range(6):
        thread = threading.Thread(target=lambda: found.append(next(states)))
        thread.start()
        thread.join()
    for a, b in zip(found, expected, strict=True):
        same(a, b)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_in_any_mode(deep, mode):
    def made():
        photo = torch.full((3, 16, 16), 0.3, dtype=torch.float64)
        guide = deep.activations(photo, "3")["3"]
        aims = [
            (o.matching("3", guide) + o.direction("3", torch.ones(12, dtype=torch.float64), 1), p.perturbation(photo)),
            (o.target_features("3", guide) - o.blur_penalty(), p.fourier()),
            (o.logit(1), p.decoded(lambda code: code.sigmoid(), torch.zeros(1, 3, 16, 16, dtype=torch.float64))),
        ]
        return [run(deep, aim, picture, [t.jitter(2)], steps=3) for aim, picture in aims]

    expected = made()
    with mode():
        found = made()
    for a, b in zip(found, expected, strict=True):
        same(a, b)


def test_no_growth_over_a_hundred_renders(deep):
    def render(seed):
        objective = o.channel("3", 1) - 0.1 * o.diversity("1") + o.target_features("2", torch.zeros(8, 8, 8))
        return run(deep, objective, p.fourier(batch=2), EVERYTHING[2:], steps=2, snapshots=[1], seed=seed)

    def tensors():
        gc.collect()
        return sum(issubclass(type(one), torch.Tensor) for one in gc.get_objects())

    render(0), render(1)
    before, objects = tensors(), len(gc.get_objects())
    for seed in range(100):
        render(seed)
    assert tensors() == before
    assert len(gc.get_objects()) < objects + 200


def test_pictures_are_decoded_only_when_asked_for(network):
    decoded = []
    made = p.decoded(lambda code: decoded.append(code.requires_grad) or code, torch.rand(1, 3, 5, 6))
    *_, state = optimize(network, o.layer("maps"), made, steps=5)
    assert decoded == [False, *[True] * 5]  # its shape; then one for every step
    assert state.values is state.values
    assert len(decoded) == 7


# Known answers


def xor() -> Network:
    """Of two pixels a, b: relu(a + b) − 2 relu(a + b − 1), the exclusive or, which is greatest where a + b = 1."""
    hidden, output = nn.Conv2d(1, 2, (1, 2)), nn.Linear(2, 1)
    with torch.no_grad():
        hidden.weight.fill_(1)
        hidden.bias.copy_(torch.tensor([0.0, -1.0]))
        output.weight.copy_(torch.tensor([[1.0, -2.0]]))
        output.bias.zero_()
    return Network(
        nn.Sequential(hidden, nn.ReLU(), nn.Flatten(), output).double(), input_size=(1, 2), mean=0.0, std=1.0
    )


def settling(step):
    return 0.05 * 0.98**step


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "normalized"])
@pytest.mark.parametrize(("a", "b"), [(0.05, 0.2), (0.9, 0.7)])
def test_exclusive_or(optimizer, a, b):
    """Straight to the ridge a + b = 1, from below and from above."""
    start = p.pixels(start=torch.tensor([[[a, b]]], dtype=torch.float64))
    found = run(xor(), o.logit(1), start, steps=200, learning_rate=settling, optimizer=optimizer).values.flatten()
    assert found.tolist() == pytest.approx([(1 + a - b) / 2, (1 - a + b) / 2], abs=0.01)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "normalized"])
def test_exclusive_or_with_a_prior(optimizer):
    """With a small l2 the ridge has one top, (½, ½): the point of it nearest to nothing."""
    start = p.pixels(start=torch.tensor([[[0.1, 0.9]]], dtype=torch.float64))
    found = run(
        xor(), o.logit(1) - 0.4 * o.l2(), start, steps=500, learning_rate=lambda step: 0.1 * 0.986**step,
        optimizer=optimizer,
    )  # fmt: skip
    assert found.values.flatten().tolist() == pytest.approx([0.5, 0.5], abs=5e-3)


def test_not_exclusive_or_from_the_other_side():
    start = torch.tensor([[[0.3, 0.4]]], dtype=torch.float64)
    least = run(xor(), -o.logit(1) - o.l2(), p.pixels(start=start), steps=300, learning_rate=settling)
    assert least.values.flatten().tolist() == pytest.approx([0, 0], abs=1e-3)


def test_linear_unit_with_l2_is_its_filter():
    """max w·x − λ‖x‖² is at w / 2λ."""
    conv = nn.Conv2d(3, 1, 4, bias=False)
    network = Network(nn.Sequential(conv, nn.Flatten()).double(), input_size=4, mean=0.5, std=1.0)
    made = run(network, o.neuron("0", 0) - 0.5 * o.l2(), p.pixels(), steps=60, optimizer="lbfgs", learning_rate=1.0)
    torch.testing.assert_close(made.values - 0.5, conv.weight.detach()[0], rtol=1e-6, atol=1e-8)


def test_the_same_in_all_parametrizations():
    """A concave objective has one top, whichever way one writes the picture."""
    wanted = 0.2 + 0.6 * torch.rand(3, 6, 7, dtype=torch.float64)
    same_again = nn.init.dirac_(nn.Conv2d(3, 3, 1, bias=False).weight)
    network = Network(nn.Sequential(nn.Conv2d(3, 3, 1, bias=False), nn.Flatten()).double(), input_size=(6, 7))
    network.module[0].weight.data.copy_(same_again.data)
    objective = o.target_features("0", network.activations(wanted, "0")["0"])
    for made in (p.pixels(), p.fourier(), p.laplacian(), p.pixels(decorrelate=True), p.fourier(decorrelate=False)):
        state = run(network, objective, made, steps=150, optimizer="lbfgs", learning_rate=1.0)
        torch.testing.assert_close(state.values, wanted, rtol=0, atol=1e-4)


def test_fast_precision_is_nearly_the_same(deep):
    network = Network(deep.module.float(), input_size=16)
    exact = run(network, o.logit(1), p.fourier(), EVERYTHING, steps=8)
    with use(precision="fast"):
        fast = run(network, o.logit(1), p.fourier(), EVERYTHING, steps=8)
    assert fast.values.dtype == torch.float32
    assert (fast.values - exact.values).abs().mean() < 0.01


# Alpha


def test_what_is_not_needed_becomes_transparent(network):
    """A neuron in the middle needs one pixel; the rest may go."""
    made = p.fourier(alpha=True, sd=0.1)
    state = run(network, o.neuron("maps", 0, (2, 3)) - 2 * o.opacity(), made, steps=150)
    alpha = state.values[3]
    assert state.values.shape == (4, 5, 6)
    assert alpha.mean() < 0.2
    assert state._repr_png_().startswith(b"\x89PNG")


def test_decay_leads_to_nothing_also_with_alpha(network):
    state = run(network, o.l1(), p.pixels(alpha=True), steps=3, after=[operators.decay(1.0)])
    torch.testing.assert_close(state.values[:, 0, 0], torch.tensor([*network.mean, 0.0], dtype=torch.float64))


def test_states_show_themselves(deep):
    single, several = run(deep, o.logit(1), steps=1), run(deep, o.logit(1), p.pixels((8, 12), batch=3), steps=1)
    assert single.content().picture.shape == (16, 16, 3)
    assert several.content().picture.shape == (3, 8, 12, 3)
    assert single.content().caption == "logit(1), step 1 of 1"
    assert repr(several) == "OptimizationState(logit(1): 3×3×8×12, picture, values 0…1)"


# When it does not work


def test_a_loss_that_is_not_finite(deep):
    values = iter([1.0, 1.0, 1.0, float("nan")])
    objective = o.custom(lambda maps: maps.mean((1, 2, 3)) * next(values), "3", name="odd")
    states = optimize(deep, objective, steps=9)
    seen = [next(states) for _ in range(3)]
    with pytest.raises(UserError, match=r"not finite .* at step 4: the picture of step 3 is the last good one"):
        next(states)
    assert [state.step for state in seen] == [1, 2, 3]
    assert seen[-1].values.isfinite().all()
    assert len(list(optimize(deep, o.channel("3", 1), start=seen[-1], steps=5))) == 2


def test_a_step_that_is_too_long(deep):
    with pytest.raises(UserError, match="at step 1"):
        run(deep, o.logit(1), p.fourier(), steps=3, learning_rate=lambda step: float("inf"), optimizer="sgd")


def biased(bias: float) -> Network:
    """One ReLU unit per place, off until the mean of the pixels makes up for the bias."""
    conv = nn.Conv2d(3, 1, 1)
    nn.init.constant_(conv.weight, 1 / 3)
    nn.init.constant_(conv.bias, bias)
    last = nn.Conv2d(1, 1, 1)
    nn.init.ones_(last.weight)
    nn.init.zeros_(last.bias)
    return Network(nn.Sequential(conv, nn.ReLU(), last, nn.Flatten()), input_size=8, mean=0.5, std=0.25)


def test_a_unit_that_sleeps_is_woken():
    state = run(biased(-1.0), o.channel("1", 0), p.pixels(), steps=30)
    assert state.terms['channel("1", 0)'] > 0.9


def test_only_the_picture_that_sleeps_is_woken():
    """In a batch, one picture is off and one is on; the latter's gradient is what it is."""
    network = biased(-1.0)
    pictures = torch.stack([torch.full((3, 8, 8), 0.5), torch.full((3, 8, 8), 0.9)])
    pictures[1, :, :4] = 0.5
    moved = slope(network, o.channel("1", 0), pictures)
    expected = torch.zeros(3, 8, 8)
    expected[:, 4:] = 1 / 3 / 64 / 0.25
    torch.testing.assert_close(moved[1], expected, rtol=1e-4, atol=1e-6)
    assert (moved[0] > 0).all()


def test_redirected_gradients_repeat_the_same_draws():
    """A step that is made again uses the transforms of the first try: the seed's stream goes on as in any other run."""
    asleep, awake = (
        next(optimize(biased(bias), o.channel("1", 0), p.pixels(), EVERYTHING, steps=20)) for bias in (-3.0, 3.0)
    )
    assert torch.equal(asleep.generator, awake.generator)


def test_a_unit_that_can_never_wake():
    network = biased(-1.0)
    nn.init.constant_(network.module[0].weight, 0.0)
    for objective in (o.channel("1", 0), o.channel("1", 0) - o.l2()):
        states = optimize(network, objective, p.pixels(), steps=100, seed=5)
        assert [next(states).step for _ in range(15)][-1] == 15
        with pytest.raises(UserError, match=r"the gradient of .* is zero: .* dead .* try another seed than 5") as error:
            next(states)
        assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="dead"):
        run(network, o.channel("1", 0), p.pixels(), steps=1)


def test_where_something_passes_nothing_else_is_let_through(deep):
    pictures = torch.rand(1, 3, 16, 16, dtype=torch.float64)
    x = deep.normalize(pictures).requires_grad_()
    (expected,) = torch.autograd.grad(deep.module.eval()(x)[0, 1], x)
    expected = expected / torch.tensor(deep.std, dtype=torch.float64)[:, None, None]
    torch.testing.assert_close(slope(deep, o.logit(1), pictures), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: optimize(n, o.l1(), steps=0), "steps must be a whole number at least 1, not 0"),
        (lambda n: optimize(n, o.l1(), steps=1.5), "steps must be a whole number at least 1, not 1.5"),
        (lambda n: optimize(n, o.l1(), steps=5, snapshots=[6]), "snapshots must be a whole number from 1 to 5, not 6"),
        (lambda n: optimize(n, o.l1(), optimizer="adamw"), "optimizer must be one of 'adam', .* not 'adamw'"),
        (lambda n: optimize(n, "goose"), "objective must be made of cnnviz.objectives, not 'goose'"),
        (lambda n: optimize(n, o.channel("33", 0)), "no layer '33'"),
        (lambda n: optimize(n, o.l1(), start=run(n, o.l1(), steps=3), steps=3), r"at least 4 \(3 are done\), not 3"),
        (lambda n: run(n, o.logit(0), p.pixels(1), steps=1), "does not take pictures of 1×1 pixels"),
        (lambda n: run(n, o.custom(lambda x: x.detach().mean((1, 2, 3)), "0"), steps=1), "it has no gradient"),
    ],
)
def test_bad_input_is_one_sentence(deep, call, message):
    with pytest.raises(UserError, match=message) as error:
        call(deep)
    assert "\n" not in str(error.value)


# start=photo, as the sentence about a dead unit advises


def dark() -> Network:
    """Its units see bright pixels only: noise around gray gives no gradient, whatever a ReLU lets through."""
    module = nn.Sequential(
        nn.Hardtanh(0.75, 1.0), nn.Conv2d(3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3)
    )
    nn.init.constant_(module[1].weight, 0.5)
    return Network(module, input_size=16, mean=(0, 0, 0), std=(1, 1, 1))


def test_a_photograph_helps_where_a_dead_unit_is_told_of():
    network, photo = dark(), torch.linspace(0, 1, 24).expand(3, 20, 24)
    with pytest.raises(UserError, match=r"dead .* or start=photo"):
        run(network, o.channel("1", 0), p.pixels(), steps=20)
    states = list(optimize(network, o.channel("1", 0), p.pixels(), steps=20, start=photo))
    assert states[-1].loss < states[0].loss


def test_photograph_of_the_right_size_is_what_pixels_begin_with(deep):
    photo = torch.rand(3, 16, 16, dtype=torch.float64)
    given, started = (
        list(optimize(deep, o.logit(1), picture, steps=3, start=start))
        for picture, start in ((p.pixels(start=photo), None), (p.pixels(), photo))
    )
    for one, other in zip(given, started, strict=True):
        assert one.terms == other.terms
        assert torch.equal(one.values, other.values)


@pytest.mark.parametrize("size", [(40, 60), (60, 40), (200, 31), (10, 12)])
def test_photograph_of_another_size_is_its_middle_scaled(deep, size):
    from PIL import Image

    photo = torch.rand(3, *size)
    side = min(size)
    top, left = ((length - side) // 2 for length in size)
    middle = (photo[:, top : top + side, left : left + side] * 255).round().byte().permute(1, 2, 0).numpy()
    expected = torch.from_numpy(np.array(Image.fromarray(middle).resize((16, 16), Image.Resampling.BILINEAR)))
    state = next(optimize(deep, o.logit(1), p.pixels(), start=photo, optimizer="sgd", learning_rate=0.0))
    torch.testing.assert_close(state.values, expected.permute(2, 0, 1).double() / 255, rtol=0, atol=1.5 / 255)


@pytest.mark.parametrize("picture", [p.pixels, p.fourier, p.laplacian])
def test_photograph_is_written_down_in_every_way(deep, picture):
    photos = torch.rand(2, 3, 16, 16, dtype=torch.float64) * 0.9 + 0.05
    for start, alpha in ((photos, False), (photos[0], False), (photos[0], True)):
        states = optimize(
            deep, o.logit(1), picture(batch=2, alpha=alpha), start=start, optimizer="sgd", learning_rate=0.0
        )
        values = next(states).values
        torch.testing.assert_close(values[:, :3], start.expand(2, -1, -1, -1), rtol=0, atol=1e-6)
        assert values.shape[1] == 3 + alpha


def test_what_is_no_start_is_told(deep):
    for picture, start, words in (
        (p.pixels(), "photo.jpg", "start must be a state or a photograph"),
        (p.pixels(batch=3), torch.rand(2, 3, 16, 16), "start must be one photograph or 3 of them, not 2"),
        (p.cppn(), torch.rand(3, 16, 16), "start must be a state for this picture"),
        (p.pixels(), torch.rand(3, 16, 16) * 300, "values 0…1"),
    ):
        with pytest.raises(UserError, match=words):
            optimize(deep, o.logit(1), picture, start=start)


def test_the_callers_precision_changes_nothing():
    """Neither autocast nor another default type changes a picture, also when it is decoded."""
    network = Network(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2)), input_size=8)
    expected = run(network, o.logit(1), p.fourier(), steps=3).values
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(run(network, o.logit(1), p.fourier(), steps=3).values, expected)
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(run(network, o.logit(1), p.fourier(), steps=3).values, expected)
    finally:
        torch.set_default_dtype(torch.float32)


# What an optimizer remembers


def test_an_explosion_makes_lbfgs_begin_again(deep):
    """The loss grows tenfold: the next step is the first one of a run that begins there."""
    wanted = torch.rand(12, 8, 8, dtype=torch.float64)
    aim, start = o.target_features("3", wanted), p.pixels(start=torch.rand(1, 3, 16, 16, dtype=torch.float64))
    states = [*optimize(deep, aim, start, steps=4, optimizer="lbfgs", learning_rate=1.0)]
    for weight, again in ((1, False), (100, True)):
        exploded = replace(states[-1], terms={"loss": states[-1].loss / -weight})
        after = next(optimize(deep, aim, start=exploded, steps=5, optimizer="lbfgs", learning_rate=1.0))
        pairs, *_ = after.memory
        assert (len(pairs) == 0) is again


def test_lbfgs_forgets_another_objective_and_adam_does_not(deep):
    wanted = torch.rand(12, 8, 8, dtype=torch.float64)

    def aim(weight, wanted=wanted):
        return weight * o.target_features("3", wanted.clone()) - 0.1 * o.l2()

    for optimizer, forgets in (("lbfgs", True), ("adam", False)):
        options = {"optimizer": optimizer, "learning_rate": 0.1}
        start = run(deep, aim(1), p.pixels(), steps=4, **options)
        count = (lambda state: len(state.memory[0])) if optimizer == "lbfgs" else (lambda state: state.memory[0])
        (same, *_), (steered, *_), (other, *_) = (
            [*optimize(deep, objective, start=start, steps=6, **options)]
            for objective in (aim(1), aim(2), aim(1, 2 * wanted))
        )
        assert count(same) > count(start) - (optimizer == "lbfgs")
        for changed in (steered, other):
            assert count(changed) == (0 if forgets else 5)


def test_a_changed_weight_steers_the_picture_that_is_there(deep):
    """Weights, layers and masks hold from the next step on: as one step by hand from the picture of before."""
    wanted, mask = torch.rand(12, 8, 8, dtype=torch.float64), torch.zeros(16, 16)
    mask[:8] = 1
    first = run(deep, o.gram("3", wanted), p.pixels(), steps=3, optimizer="sgd")
    for changed in (7 * o.gram("3", wanted), o.gram("1", wanted[:8]), o.gram("3", wanted, mask)):
        state = next(optimize(deep, changed, start=first, steps=4, optimizer="sgd", learning_rate=0.01))
        expected = first.parameters[0] + 0.01 * slope(deep, changed, first.parameters[0])
        torch.testing.assert_close(state.parameters[0], expected.clamp(0, 1), rtol=1e-9, atol=1e-12)


def test_objectives_that_are_made_alike_have_one_fingerprint():
    features = torch.rand(3, 4, 4)

    def aim(weight=2.0, features=features, layer="3"):
        return weight * o.target_features(layer, features) * o.l2() - [1, 2] * o.channel("1", 3) + 1

    assert o.fingerprint(aim()) == o.fingerprint(aim(features=features.clone()))
    others = [
        aim(3.0),
        aim(features=features.flip(0)),
        aim(layer="4"),
        aim() + 1,
        -aim(),
        aim(features=features.half()),
    ]
    assert len({o.fingerprint(one) for one in (aim(), *others)}) == 1 + len(others)
