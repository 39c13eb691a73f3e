"""Attacks with gradients: closed forms on linear networks, a peer, and what holds whatever the picture."""

import copy
from io import BytesIO

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image
from scipy.optimize import brentq
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.optimize.balls import length
from cnnviz_widgets.engine.states import last
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network

SIDE = 4


def linear(classes=3, seed=0, **options):
    torch.manual_seed(seed)
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, classes)).double()
    return Network(module, input_size=SIDE, mean=0.0, std=1.0, **options)


def photo(seed=0, edges=False):
    """On the 8-bit grid; with edges, half of the values are black or white."""
    x = torch.rand(3, SIDE, SIDE, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    x = (4 * x - 1.5).clamp(0, 1) if edges else 0.25 + x / 2
    return (x * 255).round() / 255


def done(states):
    return last(states, progress=False)


# Oracle 1


def test_the_ten_numbers():
    toy = cnnviz.linear_toy()
    assert toy.scores == (-3, 2)
    assert toy.probabilities == pytest.approx((0.0474258731775668, 0.8807970779778823), abs=1e-15)


@given(some.lists(some.tuples(some.floats(-9, 9), some.floats(-9, 9)), min_size=1, max_size=30), some.floats(-3, 3))
def test_the_score_moves_by_the_sum_of_the_weights(pairs, step):
    x, w = zip(*pairs, strict=True)
    toy = cnnviz.linear_toy(x, w, step)
    expected = step * sum(map(abs, w))
    assert toy.scores[1] - toy.scores[0] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("count", [10, 100, 1000])
def test_more_inputs_take_a_smaller_step(count):
    toy = cnnviz.long_toy(count)
    assert len(toy.x) == count
    assert toy.scores == pytest.approx((-3, 2), abs=1e-9)
    assert toy.step == pytest.approx(0.5 / (count / 10) ** 0.5)


# Oracle 2


@pytest.mark.parametrize("target", [None, 2])
@pytest.mark.parametrize("edges", [False, True])
def test_fgsm_and_pgd_are_the_closed_form_on_two_classes(edges, target):
    network, x, epsilon = linear(classes=2, seed=3), photo(1, edges), 8 / 255
    truth = int(network.top(network.logits(x)))
    other = 1 - truth
    w = network.module[1].weight.detach()
    expected = (x + epsilon * (w[other] - w[truth]).sign().view_as(x)).clamp(0, 1)
    target = None if target is None else other
    found = cnnviz.fgsm(network, x, epsilon, target, quantize=False)
    torch.testing.assert_close(found.values, expected, rtol=0, atol=1e-12)
    for steps in (4, 9):
        made = done(cnnviz.pgd(network, x, epsilon=epsilon, target=target, steps=steps, quantize=False, seed=steps))
        if made.aim.gain(made.logits) > made.aim.gain(made.aim.logits):
            torch.testing.assert_close(made.values, expected, rtol=0, atol=1e-12)
    in_bits = cnnviz.fgsm(network, x, epsilon, target)
    torch.testing.assert_close(in_bits.values, expected, rtol=0, atol=1e-7)


def test_fgsm_of_a_softmax_of_many_classes():
    network, x = linear(classes=7, seed=4), photo(2)
    truth = int(network.top(network.logits(x)))
    w, p = network.module[1].weight.detach(), network.probabilities(network.logits(x))
    gradient = (p[:, None] * w).sum(0) - w[truth]
    found = cnnviz.fgsm(network, x, 3 / 255, quantize=False)
    torch.testing.assert_close(found.values, x + 3 / 255 * gradient.sign().view_as(x), rtol=0, atol=1e-12)
    assert found.chances[0, 0, 0] == pytest.approx(float(p[truth]), abs=1e-12)


# Oracle 3


@pytest.mark.parametrize("edges", [False, True])
def test_l2_pgd_ends_at_the_exact_projection(edges):
    network, x, epsilon = linear(classes=2, seed=5), photo(3, edges), 0.7
    truth = int(network.top(network.logits(x)))
    w = network.module[1].weight.detach()
    way = (w[1 - truth] - w[truth]).view_as(x)

    def point(scale):
        return (x + scale * way).clamp(0, 1)

    scale = brentq(lambda s: float((point(s) - x).norm()) - epsilon, 0, 1e3, xtol=1e-15)
    expected = point(scale)
    how = {"norm": "l2", "epsilon": epsilon, "step_size": 0.5, "steps": 400, "random_start": False}
    made = done(cnnviz.pgd(network, x, **how, quantize=False))
    torch.testing.assert_close(made.values, expected, rtol=0, atol=1e-6)
    if not edges:
        torch.testing.assert_close(made.values, x + epsilon * way / way.norm(), rtol=0, atol=1e-9)


# Oracle 4


@pytest.mark.parametrize(("norm", "dual"), [("linf", 1), ("l2", 2)])
def test_the_least_change_is_the_distance_to_the_boundary(norm, dual):
    network, x = linear(classes=2, seed=6), photo(4)
    truth = int(network.top(network.logits(x)))
    z, w = network.logits(x), network.module[1].weight.detach()
    distance = float(z[truth] - z[1 - truth]) / float(torch.linalg.vector_norm(w[truth] - w[1 - truth], dual))
    found = done(cnnviz.targeted(network, x, 1 - truth, norm=norm, epsilon=4 * distance, halvings=20, quantize=False))
    assert found.success
    assert distance <= found.norms[norm] <= 1.01 * distance


def test_the_least_change_in_8_bits_is_a_whole_number_of_levels(net, tabby):
    found = done(cnnviz.targeted(net, tabby, "goose"))
    levels = round(found.norms["linf"] * 255)
    assert found.norms["linf"] == pytest.approx(levels / 255, abs=1e-6)
    assert found.success
    less = done(cnnviz.targeted(net, tabby, "goose", epsilon=(levels - 1) / 255, halvings=0))
    assert not less.success


# What torchattacks, Foolbox and ART do is in test_peers.py


@pytest.fixture(scope="module")
def net():
    return cnnviz.load_network("mini")


@pytest.fixture(scope="module")
def tabby(net):
    return (net.prepare(cnnviz.load_image("chelsea"))[0] * 255).round() / 255


@pytest.fixture(scope="module")
def exact(net):
    return cnnviz.Network(
        copy.deepcopy(net.module).double(), input_size=net.input_size, mean=net.mean, std=net.std, classes=net.classes
    )


# Oracle 6


@settings(max_examples=12)
@given(
    seed=some.integers(0, 1000),
    norm=some.sampled_from(["linf", "l2", "l1", "l0"]),
    size=some.floats(0.3, 3),
    quantize=some.booleans(),
    rule=some.sampled_from(["constant", "auto"]),
)
def test_what_holds_for_every_attack(seed, norm, size, quantize, rule):
    network = linear(classes=5, seed=seed)
    x = torch.stack([photo(seed), photo(seed + 1, edges=True)])
    mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    mask[1:, :3] = True
    epsilon = {"linf": 0.02, "l2": 0.3, "l1": 1.0, "l0": 2}[norm] * size
    epsilon = max(1, round(epsilon)) if norm == "l0" else epsilon
    rule = rule if norm == "linf" else "constant"
    how = {"norm": norm, "epsilon": epsilon, "steps": 6, "quantize": quantize, "rule": rule, "seed": seed}
    states = [*cnnviz.pgd(network, x, mask=mask, restarts=2, **how)]
    assert [state.step for state in states] == [*range(1, 13)]
    gains = torch.stack([state.aim.gain(state.logits) for state in states])
    assert (gains.diff(dim=0) >= 0).all()  # more steps are never worse
    for state in states[::4]:
        change = state.values - x
        assert (length(change.round(decimals=10), norm) <= epsilon * (1 + 1e-6)).all()
        assert not change[..., ~mask].any()
        assert 0 <= state.values.min() <= state.values.max() <= 1
        if quantize:
            torch.testing.assert_close(state.values * 255, (state.values * 255).round(), rtol=0, atol=1e-6)
        torch.testing.assert_close(state.logits, network.logits(state.values), rtol=0, atol=1e-10)
    again = done(cnnviz.pgd(network, x, mask=mask, restarts=2, **how))
    assert torch.equal(again.values, states[-1].values)


def test_a_picture_alone_is_as_in_a_batch(exact, tabby):
    x = torch.stack([tabby, tabby.flip(-1), 1 - tabby]).double()
    how = {"steps": 4, "random_start": False, "epsilon": 2 / 255}
    for rule in ("constant", "auto"):
        together = done(cnnviz.pgd(exact, x, rule=rule, **how))
        for i in range(3):
            alone = done(cnnviz.pgd(exact, x[i], rule=rule, **how))
            torch.testing.assert_close(alone.values, together.values[i], rtol=0, atol=1e-9)


def test_pgd_is_stronger_than_fgsm_and_auto_than_constant_steps(net, tabby):
    bound, truth = 1 / 255, int(net.top(net.logits(tabby)))
    one = cnnviz.fgsm(net, tabby, bound, truth=truth)
    many = done(cnnviz.pgd(net, tabby, epsilon=bound, steps=20, truth=truth))
    assert many.aim.gain(many.logits) >= one.aim.gain(one.logits)


def test_auto_pgd_finds_the_corner_of_a_linear_network():
    network, x = linear(classes=2, seed=8), photo(6)
    closed = cnnviz.fgsm(network, x, 5 / 255, quantize=False)
    made = done(cnnviz.pgd(network, x, epsilon=5 / 255, steps=30, rule="auto", quantize=False))
    torch.testing.assert_close(made.values, closed.values, rtol=0, atol=1e-6)


# 8 bits


def test_success_is_that_of_the_file(net, tabby):
    state = cnnviz.fgsm(net, tabby, 4 / 255)
    assert state.success
    file = BytesIO()
    pixels = (state.values * 255).round().to(torch.uint8).movedim(0, -1).numpy()
    Image.fromarray(pixels).save(file, "PNG")
    opened = cnnviz.load_image(file.getvalue())
    torch.testing.assert_close(opened, state.values, rtol=0, atol=1e-6)
    assert net.predict(opened, 1)[0].name == state.answers[0]
    assert state.survives("png")


def test_a_quarter_of_a_level_is_gone_in_8_bits(net, tabby):
    floats, bits = (cnnviz.fgsm(net, tabby, 0.25 / 255, quantize=quantize) for quantize in (False, True))
    assert floats.norms["linf"] == pytest.approx(0.25 / 255, rel=1e-4)
    assert bits.norms["linf"] == 0
    assert torch.equal(bits.values, tabby)


def test_the_sweep_is_one_attack_after_another(exact, tabby):
    x = tabby.double()
    for quantize in (False, True):
        sweep = cnnviz.epsilon_sweep(exact, x, (0, 1 / 255, 4 / 255), quantize=quantize)
        for i, epsilon in enumerate((1 / 255, 4 / 255), 1):
            alone = cnnviz.fgsm(exact, x, epsilon, quantize=quantize)
            torch.testing.assert_close(sweep.pictures[i], alone.values, rtol=0, atol=1e-9)
            assert sweep.success[i] == alone.success
        torch.testing.assert_close(sweep.pictures[0], x, rtol=0, atol=1e-7)
        assert not sweep.success[0]


# Bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n, x: cnnviz.fgsm(n, x, 0), "epsilon must be above 0, not 0"),
        (lambda n, x: cnnviz.fgsm(n, x, 8), "epsilon must be at most 1 for values 0…1, not 8: .* 8/255"),
        (lambda n, x: done(cnnviz.pgd(n, x, norm="l0", epsilon=0.5)), "a whole number of pixels .* 'l0', not 0.5"),
        (lambda n, x: cnnviz.fgsm(n, x, target="tabby"), "target must be another class than 'tabby', .* already"),
        (lambda n, x: cnnviz.fgsm(n, x, target="unicorn"), "unicorn"),
        (lambda n, x: cnnviz.fgsm(n, x, truth=["tabby", "goose"]), "truth must be one class, or one for each of 1"),
        (lambda n, x: cnnviz.targeted(n, x[None].expand(2, -1, -1, -1), "goose"), "image must be one picture"),
        (lambda n, x: cnnviz.linear_toy([1, 2], [1]), "w must have as many numbers as x, 2, not 1"),
        (lambda n, x: cnnviz.linear_toy([float("nan")], [1]), "x must be a list of numbers"),
    ],
)
def test_bad_input_is_one_sentence(net, tabby, call, message):
    with pytest.raises(UserError, match=message) as error:
        call(net, tabby)
    assert "\n" not in str(error.value)


def test_pictures_that_are_wrong_to_begin_with_are_told(net, tabby):
    with pytest.warns(UserWarning, match="1 of 1 pictures are not recognized"):
        state = cnnviz.fgsm(net, tabby, truth="goose")
    assert state.recognized is False
