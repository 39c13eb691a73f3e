"""Against finite differences, Captum, and the definitions."""

import captum.attr
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnviz_widgets import Neuron, class_gradient, input_x_gradient, neuron_gradient, saliency
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network

RULES = ["backprop", "deconvnet", "guided"]

NEURON = {
    "backprop": captum.attr.NeuronGradient,
    "guided": captum.attr.NeuronGuidedBackprop,
    "deconvnet": captum.attr.NeuronDeconvolution,
}


def small(channels=3, activation=nn.ReLU):
    return nn.Sequential(
        nn.Conv2d(channels, 8, 3, padding=1),
        activation(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1),
        nn.BatchNorm2d(12),
        activation(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(48, 6),
    ).double()


@pytest.fixture
def network():
    return Network(small(), input_size=(12, 16), classes=["ant", "bee", "cat", "dog", "eel", "fox"])


@pytest.fixture
def pictures():
    return torch.rand(3, 3, 12, 16)


def inputs(network, picture):
    return network.normalize(picture[None]).detach()


def test_saliency_by_finite_differences(network, pictures):
    values = saliency(network, pictures[0], 4).values
    x, step = inputs(network, pictures[0]), 1e-6
    module = network.module.eval()
    with torch.no_grad():
        for y, column in [(0, 0), (5, 7), (11, 15), (3, 12)]:
            slopes = []
            for channel in range(3):
                ends = []
                for sign in (1, -1):
                    moved = x.clone()
                    moved[0, channel, y, column] += sign * step
                    ends.append(module(moved)[0, 4])
                slopes.append((ends[0] - ends[1]) / (2 * step))
            assert float(values[y, column]) == pytest.approx(float(torch.stack(slopes).abs().max()), rel=1e-6, abs=1e-9)


def test_saliency_as_captum(network, pictures):
    x = inputs(network, pictures[1]).requires_grad_()
    expected = captum.attr.Saliency(network.module.eval()).attribute(x, target=2)[0].amax(0)
    heatmap = saliency(network, pictures[1], "cat")
    torch.testing.assert_close(heatmap.values, expected, rtol=1e-12, atol=1e-12)
    assert heatmap.target == 2
    assert heatmap.of == "cat"
    assert heatmap.convention == "logit gradient, maximum of absolute value over color channels"


@pytest.mark.parametrize(
    ("rule", "oracle"), [("guided", captum.attr.GuidedBackprop), ("deconvnet", captum.attr.Deconvolution)]
)
def test_rules_as_captum(network, pictures, rule, oracle):
    x = inputs(network, pictures[0]).requires_grad_()
    expected = oracle(network.module.eval()).attribute(x, target=3)[0]
    found = class_gradient(network, pictures[0], "dog", rule=rule)
    torch.testing.assert_close(found.values, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(saliency(network, pictures[0], 3, rule=rule).values, expected.abs().amax(0))


@pytest.mark.parametrize("rule", RULES)
def test_neuron_as_captum(network, pictures, rule):
    x = inputs(network, pictures[0])
    expected = NEURON[rule](network.module.eval(), network.module[3]).attribute(x, (7, 2, 5))[0]
    found = neuron_gradient(network, pictures[0], "3", 7, (2, 5), rule=rule)
    torch.testing.assert_close(found.values, expected, rtol=1e-12, atol=1e-12)
    assert found.of == "3 · channel 7 · (2, 5)"
    assert found.score == pytest.approx(float(network.module[:4](x).detach()[0, 7, 2, 5]))


def test_neuron_stays_within_its_receptive_field(network, pictures):
    field = neuron_gradient(network, pictures[0], "0", 1, (6, 9)).values.abs().sum(0).nonzero()
    assert field.amin(0).tolist() == [5, 8]
    assert field.amax(0).tolist() == [7, 10]


def test_without_a_position_the_strongest_place_is_taken(network, pictures):
    maps = network.activations(pictures[2], "5")["5"][4]
    found = neuron_gradient(network, pictures[2], "5", 4)
    assert maps[found.position] == maps.max()
    torch.testing.assert_close(found.values, neuron_gradient(network, pictures[2], "5", 4, found.position).values)


def test_a_layer_without_places(network, pictures):
    found = neuron_gradient(network, pictures[0], "8", 5)
    assert found.position is None
    torch.testing.assert_close(found.values, class_gradient(network, pictures[0], 5).values)


@pytest.mark.parametrize("rule", RULES)
def test_a_whole_channel_is_the_sum_of_its_neurons(network, pictures, rule):
    x = inputs(network, pictures[0])
    expected = NEURON[rule](network.module.eval(), network.module[3]).attribute(x, lambda maps: maps[:, 7].sum((1, 2)))[
        0
    ]
    found = neuron_gradient(network, pictures[0], "3", 7, "all", rule=rule)
    torch.testing.assert_close(found.values, expected, rtol=1e-12, atol=1e-12)
    assert found.of == "3 · channel 7 · all"
    assert found.score == pytest.approx(float(network.module[:4](x).detach()[0, 7].sum()))
    if rule == "backprop":
        each = [neuron_gradient(network, pictures[0], "3", 7, (r, c)).values for r in range(6) for c in range(8)]
        torch.testing.assert_close(found.values, torch.stack(each).sum(0), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_a_map_goes_back_as_it_is(network, pictures, rule):
    """Zeiler and Fergus set all other maps to 0 and put this one in at the end of the deconvnet."""
    x = inputs(network, pictures[0])
    expected = NEURON[rule](network.module.eval(), network.module[3]).attribute(
        x, lambda maps: (maps[:, 7].detach() * maps[:, 7]).sum((1, 2))
    )[0]
    found = neuron_gradient(network, pictures[0], "3", 7, "map", rule=rule)
    torch.testing.assert_close(found.values, expected, rtol=1e-12, atol=1e-12)
    assert "activation²/2" in found.convention
    assert found.score == pytest.approx(float(network.module[:4](x).detach()[0, 7].square().sum()) / 2)


def test_gradient_times_input_as_captum(network, pictures):
    x = network.normalize(pictures).detach().requires_grad_()
    expected = captum.attr.InputXGradient(network.module.eval()).attribute(x, target=[1, 2, 0])
    found = input_x_gradient(network, pictures, ["bee", 2, "ant"])
    torch.testing.assert_close(found.values, expected.detach(), rtol=1e-12, atol=1e-12)
    assert "times normalized input" in found.convention


def test_without_biases_gradient_times_input_adds_up_to_the_score(pictures):
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(280, 4, bias=False)
    ).double()
    network = Network(module, input_size=(12, 16))
    found = input_x_gradient(network, pictures, 2)
    torch.testing.assert_close(found.values.sum((1, 2, 3)), torch.tensor(found.score, dtype=torch.float64))
    torch.testing.assert_close(torch.tensor(found.score, dtype=torch.float64), network.logits(pictures)[:, 2])


def test_other_targets(network, pictures):
    """A neuron, a function of the logits, and a class by name lead to the same gradients by other ways."""
    neuron = class_gradient(network, pictures, Neuron("5", 2))
    torch.testing.assert_close(neuron.values, neuron_gradient(network, pictures, "5", 2).values, rtol=0, atol=0)
    torch.testing.assert_close(saliency(network, pictures, Neuron("5", 2)).values, neuron.values.abs().amax(1))

    def contrast(logits):
        return 2 * logits[:, 1] - logits[:, 4]

    parts = [class_gradient(network, pictures, target).values for target in ("bee", 4)]
    found = class_gradient(network, pictures, contrast)
    torch.testing.assert_close(found.values, 2 * parts[0] - parts[1], rtol=1e-12, atol=1e-12)
    assert found.of == ("contrast",) * 3
    assert found.convention == "score gradient, signed"
    assert saliency(network, pictures[0], contrast).target is None


def test_a_batch_is_its_pictures(network, pictures):
    for rule in RULES:
        batch = saliency(network, pictures, [1, "cat", 0], rule=rule)
        assert batch.target == (1, 2, 0)
        assert batch.of == ("bee", "cat", "ant")
        for i, target in enumerate(batch.target):
            torch.testing.assert_close(batch.values[i], saliency(network, pictures[i], target, rule=rule).values)
    neurons = neuron_gradient(network, pictures, "5", 2)
    assert neurons.values.shape == pictures.shape
    for i, picture in enumerate(pictures):
        single = neuron_gradient(network, picture, "5", 2)
        assert single.position == neurons.position[i]
        torch.testing.assert_close(neurons.values[i], single.values)


def test_no_target_is_the_top_class_of_each_picture(network, pictures):
    top = network.logits(pictures).argmax(1).tolist()
    assert list(saliency(network, pictures).target) == top
    assert saliency(network, pictures[0]).target == top[0]
    assert set(saliency(network, pictures, 3).target) == {3}


def test_one_channel(pictures):
    network = Network(small(channels=1), input_size=(12, 16))
    assert saliency(network, pictures[0, :1], 1).values.shape == (12, 16)
    assert class_gradient(network, pictures[0, :1], 1).shown().shape == (12, 16, 3)


def test_an_input_that_the_network_overwrites(pictures):
    class Overwrites(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = small()

        def forward(self, x):
            return self.inner(x.mul_(2))

    module = Overwrites()
    doubled = saliency(Network(module, input_size=(12, 16)), pictures[0], 1).values
    x = (2 * inputs(Network(module, input_size=(12, 16)), pictures[0])).requires_grad_()
    (expected,) = torch.autograd.grad(module.inner.eval()(x)[0, 1], x)
    torch.testing.assert_close(doubled, 2 * expected[0].abs().amax(0))


@pytest.mark.parametrize("rule", RULES)
def test_network_is_left_as_it_was(network, pictures, rule):
    network.module.train()
    network.module[0].weight.requires_grad_(False)
    before = {name: value.clone() for name, value in network.module.state_dict().items()}
    saliency(network, pictures[0], 1, rule=rule)
    neuron_gradient(network, pictures[0], "5", 1, rule=rule)
    with pytest.raises(UserError):
        neuron_gradient(network, pictures[0], "5", 99, rule=rule)
    with pytest.raises(UserError):
        neuron_gradient(network, pictures[0], "5", 9, (99, 0), rule=rule)
    assert all(part.training for part in network.module.modules())
    assert all(parameter.grad is None for parameter in network.module.parameters())
    assert [parameter.requires_grad for parameter in network.module.parameters()][:2] == [False, True]
    assert not any(part._forward_hooks or part._backward_hooks for part in network.module.modules())
    for name, value in network.module.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_within_no_grad(network, pictures):
    expected = saliency(network, pictures[0], 1).values
    with torch.no_grad():
        torch.testing.assert_close(saliency(network, pictures[0], 1).values, expected)


def test_within_inference_mode(network, pictures):
    expected = saliency(network, pictures, 1).values
    neuron = neuron_gradient(network, pictures[0], "5", 2, rule="guided").values
    with torch.inference_mode():
        fresh = Network(network.module, input_size=(12, 16))
        torch.testing.assert_close(saliency(fresh, pictures, 1).values, expected)
        torch.testing.assert_close(saliency(network, pictures, 1).values, expected)
        torch.testing.assert_close(saliency(network, pictures.clone(), 1).values, expected)
        torch.testing.assert_close(neuron_gradient(network, pictures[0], "5", 2, rule="guided").values, neuron)
        born_there = Network(small(), input_size=(12, 16))
        with pytest.raises(UserError, match=r"Sequential was made in torch.inference_mode\(\): make it outside"):
            saliency(born_there, pictures[0], 1)


def test_a_score_that_cannot_be_differentiated(network, pictures):
    class Detached(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = small()

        def forward(self, x):
            return self.inner(x.detach())

    for bad, target in [(network, lambda logits: logits.argmax(1).double()), (Network(Detached(), input_size=12), 1)]:
        with pytest.raises(UserError, match="does not depend on the picture in a differentiable way"):
            saliency(bad, pictures[0], target)


def test_a_gradient_that_is_not_finite(network, pictures):
    with pytest.raises(UserError, match="not finite"):
        saliency(network, pictures[0], lambda logits: (logits[:, 0] * 0).sqrt())


@pytest.mark.parametrize("rule", RULES)
def test_the_memory_format_is_the_networks_own_affair(network, pictures, rule):
    expected = class_gradient(network, pictures, 1, rule=rule).values
    network.module.to(memory_format=torch.channels_last)
    for again in (network, Network(network.module, input_size=(12, 16))):
        found = class_gradient(again, pictures, 1, rule=rule).values
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
        assert found.is_contiguous()


def test_a_module_that_wants_its_pictures_contiguous(pictures):
    class Views(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.score = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4 * 12 * 16, 5)

        def forward(self, x):
            return self.score(self.conv(x).view(len(x), -1))

    module = Views()
    x = Network(module, input_size=(12, 16)).normalize(pictures).requires_grad_()
    (expected,) = torch.autograd.grad(module(x)[:, 1].sum(), x)
    torch.testing.assert_close(class_gradient(Network(module, input_size=(12, 16)), pictures, 1).values, expected)


@pytest.mark.parametrize("at_once", [1, 2, 64])
def test_pieces_make_no_difference(network, pictures, at_once, monkeypatch):
    expected = [class_gradient(network, picture, rule="guided") for picture in pictures]
    monkeypatch.setattr(Network, "at_once", lambda self, size: at_once)
    found = class_gradient(network, pictures, rule="guided")
    torch.testing.assert_close(found.values, torch.stack([one.values for one in expected]), rtol=1e-12, atol=1e-14)
    assert found.of == tuple(one.of for one in expected)
    assert found.score == pytest.approx([one.score for one in expected])


def test_a_network_without_relu_warns(pictures):
    network = Network(small(activation=nn.Tanh), input_size=(12, 16))
    with pytest.warns(UserWarning, match="met no ReLU"):
        guided = class_gradient(network, pictures[0], 1, rule="guided")
    torch.testing.assert_close(guided.values, class_gradient(network, pictures[0], 1).values)


def test_a_signal_that_dies_on_its_way_is_told(network, pictures):
    network.module[
        8
    ].weight.data.abs_().neg_()  # nothing positive leaves the class score: deconvnet has nothing to pass on
    with pytest.warns(UserWarning, match="gradient of a picture is 0"):
        assert not class_gradient(network, pictures[0], 1, rule="deconvnet").values.any()


def test_pooling_goes_back_through_its_switches():
    """Only the greatest of each window gets a signal, in every rule."""
    network = Network(nn.Sequential(nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()), input_size=4, mean=[0.0], std=[1.0])
    picture = torch.rand(1, 4, 4)
    for rule in RULES:
        where = class_gradient(network, picture, 2, rule=rule).values[0]
        expected = torch.zeros(4, 4)
        expected[2:, :2] = (picture[0, 2:, :2] == picture[0, 2:, :2].max()).float()
        torch.testing.assert_close(where, expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n, x: saliency(n, x, "gnu"), "gnu"),
        (lambda n, x: saliency(n, x, 6), "6"),
        (lambda n, x: saliency(n, x, 1, rule="gided"), "rule must be one of 'backprop', 'deconvnet', 'guided'"),
        (lambda n, x: saliency(n, x, [1, 2]), "target must be one class, or one for each of the 1 pictures, not 2"),
        (lambda n, x: neuron_gradient(n, x, "55", 0), "'55'"),
        (
            lambda n, x: neuron_gradient(n, x, "5", 12),
            "channel must be a whole number from 0 to 11 in layer '5', not 12",
        ),
        (lambda n, x: neuron_gradient(n, x, "5", -1), "channel .* not -1"),
        (lambda n, x: neuron_gradient(n, x, "5", 1.5), "channel .* not 1.5"),
        (
            lambda n, x: neuron_gradient(n, x, "5", 1, (6, 0)),
            "row of position must be a whole number from 0 to 5 .* not 6",
        ),
        (lambda n, x: neuron_gradient(n, x, "5", 1, (0, 8)), "column of position .* from 0 to 7 .* not 8"),
        (
            lambda n, x: neuron_gradient(n, x, "5", 1, 3),
            'position must be \\(row, column\\), None, "all" or "map", not 3',
        ),
        (lambda n, x: neuron_gradient(n, x, "8", 1, (0, 0)), "layer '8' has no spatial positions"),
    ],
)
def test_bad_input_is_one_sentence(network, pictures, call, message):
    with pytest.raises(UserError, match=message) as error:
        call(network, pictures[0])
    assert "\n" not in str(error.value)


def test_the_picture_shows_zero_as_gray(network, pictures):
    gradient = class_gradient(network, pictures[0], 1)
    shown = gradient.shown()
    assert shown.shape == (12, 16, 3)
    up, down = gradient.values.permute(1, 2, 0).numpy() > 1e-12, gradient.values.permute(1, 2, 0).numpy() < -1e-12
    assert (shown[up] >= 128).all()
    assert (shown[down] <= 128).all()
    assert {shown.max(), shown.min()} & {0, 255}


def test_real_saliency_lies_on_the_object(real_squeezenet, real_pictures):
    from cnnviz_widgets.pictures import load_image

    values = saliency(real_squeezenet, load_image(real_pictures["n02165456_ladybug"]), "ladybug").values
    box = torch.zeros_like(values, dtype=torch.bool)
    box[97:188, 102:] = True
    assert values[box].mean() > 1.3 * values[~box].mean()  # raw gradients are noisy


def test_functional_network_needs_no_modules(pictures):
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.score = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)

        def forward(self, x):
            return self.score(F.relu_(self.conv(x)).mean((2, 3)))

    network = Network(Functional().double(), input_size=(12, 16))
    weight, x = network.module.conv.weight.detach(), inputs(network, pictures[0])
    f = network.module.conv(x).detach()
    signal = network.module.score.weight.detach()[1].view(1, -1, 1, 1).expand_as(f) / f[0, 0].numel()
    expected = F.conv_transpose2d(signal * (f > 0) * (signal > 0), weight)[0]
    torch.testing.assert_close(class_gradient(network, pictures[0], 1, rule="guided").values, expected)
