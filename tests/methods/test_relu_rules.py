"""Each rule against its definition, on networks whose backward pass is written out by hand."""

import warnings

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from cnnviz_widgets.engine.relu_rules import RULES, relu_rule
from cnnviz_widgets.errors import UserError

BY_DEFINITION = {
    "backprop": lambda f, signal: signal * (f > 0),
    "deconvnet": lambda f, signal: signal * (signal > 0),
    "guided": lambda f, signal: signal * (f > 0) * (signal > 0),
}

RECTIFIERS = {
    "nn.ReLU": nn.ReLU(),
    "nn.ReLU in place": nn.ReLU(inplace=True),
    "F.relu": F.relu,
    "F.relu, by keyword": lambda x: F.relu(input=x),
    "F.relu in place": lambda x: F.relu(x, inplace=True),
    "F.relu_": F.relu_,
    "torch.relu": torch.relu,
    "torch.relu_": torch.relu_,
    "Tensor.relu": torch.Tensor.relu,
    "Tensor.relu_": torch.Tensor.relu_,
    "clamp": lambda x: x.clamp(min=0),
    "clamp_": lambda x: x.clamp_(0.0),
    "clip": lambda x: torch.clip(x, 0),
    "clamp_min_": lambda x: x.clamp_min_(0),
    "nn.Threshold": nn.Threshold(0, 0),
    "nn.Hardtanh": nn.Hardtanh(0, 1e9),
}


def gradient(function, x, rule):
    x = x.clone().requires_grad_()
    with relu_rule(rule):
        out = function(x * 1)  # times 1: x is a leaf, and no leaf may be changed in place
    return torch.autograd.grad(out.sum(), x)[0]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", RECTIFIERS)
def test_every_way_to_write_a_relu(name, rule):
    x, weight = torch.randn(2, 50, dtype=torch.float64)
    relu = RECTIFIERS[name]
    torch.testing.assert_close(
        gradient(lambda v: relu(v) * weight, x, rule), BY_DEFINITION[rule](x, weight), rtol=0, atol=0
    )


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("in_place", [False, True])
def test_relu6_has_no_slope_above_six(rule, in_place):
    x, weight = torch.tensor([-1.0, 3.0, 7.0, -1.0, 3.0, 7.0]), torch.tensor([1.0, 1.0, 1.0, -1.0, -1.0, -1.0])
    expected = {"backprop": [0, 1, 0, 0, -1, 0], "deconvnet": [1, 1, 1, 0, 0, 0], "guided": [0, 1, 0, 0, 0, 0]}[rule]
    relu6 = nn.ReLU6(in_place)
    assert gradient(lambda v: relu6(v) * weight, x, rule).tolist() == expected


def sigmoid(x):
    return 1 / (1 + torch.exp(-x))


def bell(x):
    return torch.exp(-(x**2) / 2) / (2 * torch.pi) ** 0.5


ONE = torch.ones(1, dtype=torch.float64)
SELU = 1.0507009873554805, 1.6732632423543772  # scale, alpha

# The slope of each relative of the ReLU, worked out by hand.
RELATIVES = {
    "relu6": (nn.ReLU6(), lambda x: ((x > 0) & (x < 6)).double()),
    "leaky ReLU": (nn.LeakyReLU(0.1), lambda x: torch.where(x > 0, ONE, 0.1)),
    "leaky ReLU, functional": (F.leaky_relu, lambda x: torch.where(x > 0, ONE, 0.01)),
    "PReLU": (nn.PReLU().double(), lambda x: torch.where(x > 0, ONE, 0.25)),
    "RReLU": (nn.RReLU(0.1, 0.3).eval(), lambda x: torch.where(x > 0, ONE, 0.2)),
    "ELU": (nn.ELU(0.7), lambda x: torch.where(x > 0, 1, 0.7 * x.exp())),
    "CELU": (nn.CELU(2.0), lambda x: torch.where(x > 0, 1, (x / 2).exp())),
    "SELU": (nn.SELU(), lambda x: torch.where(x > 0, SELU[0], SELU[0] * SELU[1] * x.exp())),
    "SiLU": (nn.SiLU(), lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x)))),
    "Hardswish": (nn.Hardswish(), lambda x: torch.where(x.abs() < 3, x / 3 + 0.5, (x > 0).double())),
    "GELU": (nn.GELU(), lambda x: (1 + torch.erf(x / 2**0.5)) / 2 + x * bell(x)),
    "Mish": (nn.Mish(), lambda x: (t := torch.log1p(x.exp()).tanh()) + x * sigmoid(x) * (1 - t**2)),
    "Softplus": (nn.Softplus(2.0), lambda x: sigmoid(2 * x)),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", RELATIVES)
def test_relatives_by_their_slope(name, rule):
    function, slope = RELATIVES[name]
    x, weight = 4 * torch.randn(2, 200, dtype=torch.float64)
    expected = {
        "backprop": slope(x) * weight,
        "deconvnet": weight.clamp(min=0),
        "guided": slope(x) * weight.clamp(min=0),
    }[rule]
    torch.testing.assert_close(gradient(lambda v: function(v) * weight, x, rule), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rule", ["deconvnet", "guided"])
@pytest.mark.parametrize("name", ["ReLU6", "LeakyReLU", "RReLU", "ELU", "CELU", "SELU", "SiLU", "Hardswish", "Mish"])
def test_relatives_in_place(name, rule):
    x, weight = 4 * torch.randn(2, 200, dtype=torch.float64)
    apart, in_place = (getattr(nn, name)(inplace=inplace).eval() for inplace in (False, True))
    expected = gradient(lambda v: apart(v) * weight, x, rule)
    torch.testing.assert_close(gradient(lambda v: in_place(v) * weight, x, rule), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "function", [lambda x: x.clamp(min=1e-3), lambda x: x.clamp(-1, 1), torch.sigmoid, lambda x: x.abs()]
)
def test_what_is_no_rectifier_is_left_alone(function):
    x = torch.randn(50)
    with pytest.warns(UserWarning, match="'guided' met no ReLU"):
        guided = gradient(function, x, "guided")
    torch.testing.assert_close(guided, gradient(function, x, "backprop"), rtol=0, atol=0)


def test_no_warning_when_a_relu_was_met_nor_over_an_error():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gradient(torch.relu, torch.randn(5), "guided")
        with pytest.raises(ZeroDivisionError), relu_rule("guided"):
            raise ZeroDivisionError


def test_three_layers_by_hand():
    """image -> weights A -> ReLU -> weights B -> ReLU -> c, multiplied out by the rules' definitions."""
    a, b, c = torch.randn(6, 4).double(), torch.randn(5, 6).double(), torch.randn(5).double()
    x = torch.randn(4).double()
    f1 = a @ x
    f2 = b @ f1.relu()
    assert (f1 > 0).any()
    assert (f1 < 0).any()
    for rule, back in BY_DEFINITION.items():
        expected = a.T @ back(f1, b.T @ back(f2, c))
        found = gradient(lambda v: c @ torch.relu_(b @ F.relu(a @ v)), x, rule)
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


class Tangled(nn.Module):
    """Everything that breaks hooks on ReLU modules: DenseNet's and GoogLeNet's habits in one small network."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.three = (
            nn.Conv2d(3, 8, 3),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.Conv2d(16, 8, 3, padding=1),
        )
        self.relu = nn.ReLU(inplace=True)  # one module, used twice
        self.score = nn.Linear(8, 5)

    def forward(self, x, relu=None):
        """``relu``: None = as a network would write it; or one out-of-place function for all five places."""
        f = self.one(x)
        if relu:
            f = relu(f)
            g = relu(self.two(f))
            h = self.three(relu(torch.cat([f, g], 1)))
            h = relu(F.max_pool2d(relu(h + g), 2))
        else:
            self.relu(f)  # its result is not used: f itself was changed
            g = F.relu(self.two(f), inplace=True)
            h = self.three(F.relu(torch.cat([f, g], 1)))
            h += g
            h = F.max_pool2d(self.relu(h), 2).relu_()
        return self.score(h.mean((2, 3)))


def defined_relu(rule):
    class Relu(torch.autograd.Function):
        @staticmethod
        def forward(ctx, f):
            ctx.save_for_backward(f)
            return f * (f > 0)

        @staticmethod
        def backward(ctx, signal):
            return BY_DEFINITION[rule](*ctx.saved_tensors, signal)

    return Relu.apply


@pytest.mark.parametrize("rule", RULES)
def test_functional_in_place_and_reused_relus(rule):
    network = Tangled().double().eval()
    x = torch.randn(2, 3, 12, 12, dtype=torch.float64)

    def by_definition(v):
        return network(v, defined_relu(rule))[:, 3]

    expected = gradient(by_definition, x, "backprop")
    assert expected.abs().max() > 0
    torch.testing.assert_close(gradient(lambda v: network(v)[:, 3], x, rule), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["densenet121", "googlenet", "resnet18"])
@pytest.mark.parametrize("rule", ["deconvnet", "guided"])
def test_torchvision_against_relus_replaced_by_their_definition(name, rule, monkeypatch):
    options = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    network = getattr(torchvision.models, name)(weights=None, **options).double().eval()
    relu = defined_relu(rule)
    compare(network, rule, monkeypatch, relu=lambda f, inplace=False: relu(f))


def defined(slope, rule):
    """A function for which ``slope`` has been worked out by hand, with the way back of ``rule``."""

    class Defined(torch.autograd.Function):
        @staticmethod
        def forward(ctx, f, value):
            ctx.save_for_backward(f)
            return value

        @staticmethod
        def backward(ctx, signal):
            (f,) = ctx.saved_tensors
            positive = signal.clamp(min=0)
            return positive * slope(f) if rule == "guided" else positive, None

    return Defined.apply


@pytest.mark.parametrize("name", ["mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "convnext_tiny"])
@pytest.mark.parametrize("rule", ["deconvnet", "guided"])
def test_networks_of_relatives_against_their_definition(name, rule, monkeypatch):
    network = torchvision.models.get_model(name, weights=None).double().eval()
    for parameter_name, parameter in network.named_parameters():
        if "layer_scale" in parameter_name:
            parameter.data.fill_(1)  # ConvNeXt's blocks begin as all but the identity
    relu, swish, hard, gelu, six = (
        defined(slope, rule)
        for slope in (lambda f: f > 0, *(RELATIVES[name][1] for name in ("SiLU", "Hardswish", "GELU", "relu6")))
    )
    found = compare(
        network,
        rule,
        monkeypatch,
        relu=lambda f, inplace=False: relu(f, f * (f > 0)),
        silu=lambda f, inplace=False: swish(f, f * sigmoid(f)),
        hardswish=lambda f, inplace=False: hard(f, f * (f / 6 + 0.5).clamp(0, 1)),
        gelu=lambda f, approximate="none": gelu(f, f * (1 + torch.erf(f / 2**0.5)) / 2),
        hardtanh=lambda f, low, high, inplace=False: six(f, f.clamp(low, high)),
    )
    plain = gradient(lambda v: network(v)[:, 7], PICTURE, "backprop")
    assert (found - plain).abs().max() > 0.1 * plain.abs().max()


PICTURE = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def compare(network, rule, monkeypatch, **definitions):
    """The rule on the network as it is, against plain backprop through its activations replaced by definitions."""
    found = gradient(lambda v: network(v)[:, 7], PICTURE, rule)
    with monkeypatch.context() as patch:
        for name, function in definitions.items():
            patch.setattr(nn.functional, name, function)
        expected = gradient(lambda v: network(v)[:, 7], PICTURE, "backprop")
    assert expected.abs().max() > 0
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9 * float(expected.abs().max()))
    return found


def test_unknown_rule():
    with pytest.raises(UserError, match="rule must be one of 'backprop', 'deconvnet', 'guided', not 'gided'"):
        relu_rule("gided")
