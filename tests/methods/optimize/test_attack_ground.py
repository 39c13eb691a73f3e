"""What attacks need of the loop: samples, losses that do not saturate, several networks, gradients as they are."""

import pytest
import torch
import torch.nn.functional as F
from ascent import by_differences, run, slope
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.optimize import objectives as o
from cnnviz_widgets.engine.optimize import optimizers
from cnnviz_widgets.engine.optimize import parametrizations as p
from cnnviz_widgets.engine.optimize import transforms as t
from cnnviz_widgets.engine.queries import Queries
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network


def linear(scale=1.0, size=4, classes=3, **options):
    torch.manual_seed(3)
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * size * size, classes)).double()
    with torch.no_grad():
        module[1].weight.mul_(scale)
    return Network(module, input_size=size, mean=0.0, std=1.0, **options)


def test_cross_entropy_is_torchs():
    network, pictures = linear(), torch.rand(2, 3, 4, 4, dtype=torch.float64)
    targets = [2, 0]
    x = pictures.clone().requires_grad_()
    loss = F.cross_entropy(network.module(x), torch.tensor(targets), reduction="none")
    (expected,) = torch.autograd.grad(loss.sum(), x)
    torch.testing.assert_close(slope(network, o.cross_entropy(targets), pictures), expected, rtol=1e-12, atol=1e-15)
    state = run(network, o.cross_entropy(targets), p.pixels(start=pictures), steps=1)
    torch.testing.assert_close(state.each["cross_entropy([2, 0])"][0], loss.detach(), rtol=1e-12, atol=0)


def test_margin_is_carlini_and_wagners():
    network, pictures = linear(), torch.rand(2, 3, 4, 4, dtype=torch.float64)
    z = network.logits(pictures)
    expected = torch.stack([z[0, [0, 1]].max() - z[0, 2], z[1, [1, 2]].max() - z[1, 0]])
    state = run(network, o.margin([2, 0]), p.pixels(start=pictures), steps=1)
    torch.testing.assert_close(state.each["margin([2, 0])"][0], expected)
    enough = o.margin([2, 0], confidence=0)
    differences = by_differences(lambda x: _margin(network, x, [2, 0]).clamp(min=0), pictures)
    torch.testing.assert_close(slope(network, enough, pictures), differences, rtol=1e-6, atol=1e-8)
    assert repr(-o.margin("goose", 2)) == '-margin("goose", 2)'


def _margin(network, x, targets):
    z = network.module(x)
    return torch.stack([torch.cat([row[:i], row[i + 1 :]]).max() - row[i] for row, i in zip(z, targets, strict=True)])


def test_a_saturated_picture_has_a_gradient_still():
    """P is 1 in float32; the gradient of log P there is that of float64."""
    exact, network = linear(100), linear(100)
    network.module.float()
    picture = torch.rand(1, 3, 4, 4)
    best = int(network.top(network.logits(picture)))
    assert network.probabilities(network.logits(picture))[0, best] == 1
    found = slope(network, o.cross_entropy(best), picture, gradient=[lambda g: g / g.norm()])
    expected = slope(exact, o.cross_entropy(best), picture.double(), gradient=[lambda g: g / g.norm()])
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["binary", "multilabel"])
def test_classes_that_do_not_exclude_each_other(kind):
    network, picture = linear(classes=1 if kind == "binary" else 3, scores=kind), torch.rand(1, 3, 4, 4).double()
    state = run(network, o.cross_entropy(1), p.pixels(start=picture), steps=1)
    expected = -network.probabilities(network.logits(picture))[:, 1].log()
    torch.testing.assert_close(state.each["cross_entropy(1)"][0], expected)


TRANSFORMS = [t.pad(2), t.jitter(2), t.rotate(20), t.scale(0.8, 1.2), t.noise(0.05), t.blur(0, 1)]


def test_samples_are_the_mean_of_so_many_passes(network):
    """Oracle 7: the same draws, one after another, and their gradients averaged."""
    pictures = torch.rand(2, 3, 8, 9, dtype=torch.float64)
    free = p.decoded(lambda code: code, pictures)
    objective = o.logit("cat") - 0.1 * o.total_variation()
    how = {"optimizer": "sgd", "learning_rate": 1.0, "steps": 1, "seed": 5}
    together = run(network, objective, free, TRANSFORMS, samples=3, **how)
    generator, gradients, values = None, [], []
    for _ in range(3):
        one = run(network, objective, free, [_after(generator), *TRANSFORMS], **how)
        generator = one.generator
        gradients.append(one.parameters[0] - pictures)
        values.append(one.each['logit("cat")'][0])
    expected = torch.stack(gradients).mean(0)
    torch.testing.assert_close(together.parameters[0] - pictures, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(together.each['logit("cat")'], torch.stack(values), rtol=0, atol=1e-12)
    assert together.terms['logit("cat")'] == pytest.approx(float(torch.stack(values).mean(0).sum()), abs=1e-12)
    assert torch.equal(together.generator, generator)


def _after(state):
    def transform(pictures, generator):
        if state is not None:
            generator.set_state(state)
        return pictures

    return transform


def test_one_sample_is_what_there_was(network):
    usual = run(network, o.logit("cat"), p.pixels(8), TRANSFORMS, steps=4)
    one = run(network, o.logit("cat"), p.pixels(8), TRANSFORMS, steps=4, samples=1)
    assert torch.equal(one.values, usual.values)


def test_across_is_the_mean_of_networks_of_other_sizes_and_units():
    first, second = linear(), Network(linear(size=6).module, input_size=6, mean=0.4, std=0.2)
    pictures = torch.rand(2, 3, 4, 4, dtype=torch.float64)

    def value(x):
        larger = F.interpolate(x, (6, 6), mode="bilinear", antialias=True, align_corners=False)
        return (first.module(x)[:, 1] + second.module((larger - 0.4) / 0.2)[:, 1]) / 2

    x = pictures.clone().requires_grad_()
    (expected,) = torch.autograd.grad(value(x).sum(), x)
    term = o.across([first, second], o.logit(1))
    torch.testing.assert_close(slope(first, term, pictures), expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(slope(first, term, pictures, samples=2), expected, rtol=1e-10, atol=1e-12)
    assert repr(-term) == "-across([Sequential, Sequential], logit(1))"


def test_signed_and_sparse_steps():
    gradient = torch.tensor([[3.0, -0.5, 0.0, 1.0, -9.0]]).view(1, 1, 1, 5)
    start = (torch.zeros(1, 1, 1, 5),)
    (moved,), _ = optimizers.signed(start, (gradient,), None, 0.1)
    torch.testing.assert_close(moved.flatten(), torch.tensor([0.1, -0.1, 0, 0.1, -0.1]))
    (moved,), _ = optimizers.sparse(0.4)(start, (gradient,), None, 0.1)
    torch.testing.assert_close(moved.flatten(), torch.tensor([0.05, 0, 0, 0, -0.05]))


def dead_beside_alive():
    """Two branches; a ReLU blocks one of them for the second picture, and all of it for the first."""
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten()
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.Conv2d(2, 1, 1), nn.ReLU(), *head)
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([1.0, -0.5]).view(2, 1, 1, 1).expand(2, 3, 1, 1))
        module[0].bias.copy_(torch.tensor([-1.0, -9.0]))
        module[2].weight.fill_(1.0)
        module[2].bias.fill_(-0.01)
    return Network(module, input_size=4, mean=0.0, std=1.0, scores="logits", classes=["no", "yes"])


def test_waking_one_picture_leaves_its_neighbor_as_it_is():
    network = dead_beside_alive()
    asleep, awake = torch.full((1, 3, 4, 4), 0.1), torch.full((1, 3, 4, 4), 0.9)
    awake[..., :2] = 0.2
    alone = slope(network, o.channel("2", 0) * 1.0 + o.channel("3", 0), awake)
    both = slope(network, o.channel("2", 0) * 1.0 + o.channel("3", 0), torch.cat([asleep, awake]))
    assert torch.equal(both[1], alone[0])


def test_an_attack_sees_the_gradient_that_is_there():
    network = dead_beside_alive()
    photo = torch.full((3, 4, 4), 0.1)
    woken = run(network, o.channel("3", 0), p.pixels(start=photo), steps=1, optimizer="signed", learning_rate=0.1)
    assert not torch.equal(woken.values, photo)
    with pytest.raises(UserError, match=r"is zero: the network masks it, .* margin"):
        run(network, o.channel("3", 0), p.perturbation(photo), steps=1, optimizer="signed", learning_rate=0.1)
    photos = torch.cat([photo[None], torch.full((1, 3, 4, 4), 0.9)])
    state = run(network, o.channel("3", 0), p.perturbation(photos), steps=1, optimizer="signed", learning_rate=0.01)
    assert torch.equal(state.values[0], photo)
    assert not torch.equal(state.values[1], photos[1])


def test_attacks_that_begin_with_noise_wake_nothing_either():
    network = dead_beside_alive()
    with torch.no_grad():
        network.module[2].bias.fill_(-9.0)  # dead for every picture
    with pytest.raises(UserError, match="is zero: the network masks it"):
        cnnviz.last(cnnviz.patch(network, [torch.rand(3, 4, 4)], "yes", area=0.2, steps=3), progress=False)
    with pytest.raises(UserError, match="is zero: the network masks it"):
        cnnviz.last(cnnviz.fool(network, "no", steps=3), progress=False)


def test_queries_are_counted_and_change_nothing():
    network, pictures = linear(), torch.rand(5, 3, 4, 4, dtype=torch.float64)
    counted = Queries(network)
    assert counted.count == 0
    assert torch.equal(counted.network.logits(pictures), network.logits(pictures))
    assert counted.count == 5
    counted.network.predict(pictures[0])
    assert counted.count == 6
