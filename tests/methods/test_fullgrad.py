"""Completeness on well-known networks, and every bias gradient by autograd on a small one."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from architectures import with_statistics
from torch import nn

from cnnviz_widgets import Neuron, class_gradient
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.gradients.full_grad import full_grad
from cnnviz_widgets.networks import Network

MEAN = (0.4, 0.5, 0.6)


def stirred(module):
    """In float64, with statistics and biases as if it had been trained."""
    for part in with_statistics(module).modules():
        if getattr(part, "bias", None) is not None:
            nn.init.normal_(part.bias, 0, 0.2)
    return module.double()


@pytest.fixture
def pictures():
    return torch.rand(2, 3, 64, 64, dtype=torch.float64)


@pytest.mark.parametrize(
    "name",
    [
        "alexnet", "vgg11", "vgg11_bn", "resnet18", "densenet121", "googlenet", "squeezenet1_0", "shufflenet_v2_x0_5",
        "mnasnet0_5", "regnet_x_400mf",
    ],
)  # fmt: skip
def test_all_terms_add_up_to_the_score(name, pictures):
    options = {"init_weights": True, "transform_input": True} if name == "googlenet" else {}  # adds constants itself
    network = Network(stirred(torchvision.models.get_model(name, weights=None, **options)), input_size=64)
    found = full_grad(network, pictures, [3, 5])
    scores = network.logits(pictures)[[0, 1], [3, 5]]
    assert found.values.shape == (2, 64, 64)
    for error, score in zip(found.completeness_error, scores.tolist(), strict=True):
        assert abs(error) <= 1e-10 * abs(score)


class Small(nn.Module):
    """A convolution with a bias, used twice and defined last; BatchNorm; a ReLU in place; two linear layers."""

    def __init__(self):
        super().__init__()
        self.score = nn.Linear(10, 4)
        self.hidden = nn.Linear(6, 10)
        self.norm = nn.BatchNorm2d(6)
        self.again = nn.Conv2d(6, 6, 3, padding=1)
        self.first = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x, nudges=None):
        """``nudges``: zeros to be added wherever a bias is, so that autograd tells the gradient there."""
        nudge = iter(nudges or [0] * 5)
        h = self.relu(self.norm(self.first(x)) + next(nudge))
        h = self.relu(self.again(h) + next(nudge))
        h = self.relu(F.max_pool2d(self.again(h) + next(nudge), 2))
        h = self.relu(self.hidden(h.mean((2, 3))) + next(nudge))
        return self.score(h) + next(nudge)


class Plain(Small):
    """The same without nudges: ReLUs overwrite what the biased layers gave."""

    def forward(self, x):
        h = self.relu(self.norm(self.first(x)))
        h = self.relu(self.again(h))
        h = self.relu(F.max_pool2d(self.again(h), 2))
        return self.score(self.relu(self.hidden(h.mean((2, 3)))))


@pytest.fixture
def network():
    return Network(stirred(Plain()), input_size=(12, 16), mean=MEAN)


@pytest.fixture
def picture():
    return torch.rand(3, 12, 16, dtype=torch.float64)


def terms(module, x, target):
    """By autograd: x · ∂s/∂x, and for each place where a bias is added, in order, bias · ∂s/∂bias."""
    shapes = [(1, 6, 12, 16)] * 3 + [(1, 10), (1, 4)]
    nudges = [torch.zeros(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    x = x.detach().requires_grad_()
    gradient, *gradients = torch.autograd.grad(Small.forward(module, x, nudges)[0, target], [x, *nudges])
    norm, again = module.norm, module.again.bias.detach().view(-1, 1, 1)
    shift = (norm.bias - norm.weight * norm.running_mean / (norm.running_var + norm.eps).sqrt()).detach()
    biases = [shift.view(-1, 1, 1), again, again, module.hidden.bias.detach(), module.score.bias.detach()]
    return [x.detach() * gradient, *(bias * gradient for bias, gradient in zip(biases, gradients, strict=True))]


def scaled(term):
    size = term.abs()
    return ((size - size.min()) / (size.max() - size.min())).sum(1)[0]


def test_terms_by_autograd(network, picture):
    x = network.normalize(picture[None])
    expected = terms(network.module.eval(), x, 2)
    score = float(network.logits(picture)[2])
    assert sum(float(term.sum()) for term in expected) == pytest.approx(score, rel=1e-12)  # the paper's proposition
    found = full_grad(network, picture, 2)
    assert abs(found.completeness_error) <= 1e-12 * abs(score)
    torch.testing.assert_close(found.values, sum(map(scaled, expected[:4])), rtol=1e-10, atol=1e-12)
    assert found.target == 2
    assert "each layer scaled to 0…1" in found.convention


def test_smaller_maps_are_upsampled(picture):
    class Pooled(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 5, 3, padding=1)

        def forward(self, x):
            return self.conv(F.max_pool2d(x, 4)).relu().amax((2, 3))

    network = Network(stirred(Pooled()), input_size=(12, 16))
    pooled = F.max_pool2d(network.normalize(picture[None]), 4)
    maps = network.module.conv(pooled).relu()
    (gradient,) = torch.autograd.grad(maps.amax((2, 3))[0, 1], maps)
    term = network.module.conv.bias.view(-1, 1, 1) * gradient
    small = scaled(term.detach())
    values = network.normalize(picture[None])[0] * class_gradient(network, picture, 1).values
    large = F.interpolate(small[None, None], (12, 16), mode="bilinear", align_corners=False)[0, 0]
    torch.testing.assert_close(full_grad(network, picture, 1).values, scaled(values[None]) + large)


class Functional(nn.Module):
    """Biases that no module holds, constants on either side, and rectifiers with a slope on the left."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 3, 3, 3) / 5)
        self.bias = nn.Parameter(torch.randn(5))
        self.offset = nn.Parameter(torch.randn(5, 1, 1))
        self.up = nn.ConvTranspose2d(5, 4, 2, stride=2)
        self.slope = nn.PReLU()
        self.norm = torchvision.ops.FrozenBatchNorm2d(4)
        self.mean, self.variance = nn.Buffer(torch.randn(5)), nn.Buffer(torch.rand(5))
        self.score = nn.Linear(4, 3)

    def forward(self, x):
        h = F.leaky_relu(F.conv2d((x - 0.3) / 2, self.weight, bias=self.bias), 0.2)
        h = F.batch_norm(h, self.mean, self.variance, bias=self.bias, eps=0.3)
        h = F.relu(1.5 - (self.offset + h) - 0.1)
        h = torch.add(self.slope(self.up(h)), torch.ones(4, 1, 1, dtype=x.dtype), alpha=0.7)
        h += 0.2
        h -= self.norm(h).mul(0.1)
        h = torch.addcmul(self.norm.bias.view(-1, 1, 1), h, self.norm.weight.view(-1, 1, 1), value=0.6)
        h = h.addcmul_(torch.tensor(0.3, dtype=x.dtype), self.norm.bias.view(-1, 1, 1)).addcmul(h, h.detach().sign())
        return self.score(F.avg_pool2d(self.norm(h), 3).flatten(2).amax(2)).sub(0.5)


def test_biases_without_modules(picture):
    network = Network(stirred(Functional()), input_size=(12, 16), mean=MEAN)
    network.module.norm.running_mean.normal_()
    network.module.norm.bias.normal_()
    for target in range(3):
        found = full_grad(network, picture, target)
        assert abs(found.completeness_error) <= 1e-12 * float(network.logits(picture).abs().max())


def test_channels_last_layers_have_their_places(picture):
    """Linear layers on (B, H, W, C), as in ConvNeXt, are the 1×1 convolutions that they could be."""

    class Mixed(nn.Module):
        def __init__(self, last):
            super().__init__()
            self.last, self.first, self.mix = last, nn.Conv2d(3, 6, 3), nn.Linear(6, 5)

        def forward(self, x):
            h = self.first(x).relu()
            if self.last:
                h = self.mix(h.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            else:
                h = F.conv2d(h, self.mix.weight[:, :, None, None], self.mix.bias)
            return h.relu().mean((2, 3))

    module = stirred(Mixed(last=True))
    last, first = (
        full_grad(Network(module, input_size=(12, 16)), picture, lambda logits: logits.sum(1))
        for module.last in (True, False)
    )
    torch.testing.assert_close(last.values, first.values)


def test_what_hides_in_the_non_linearity_is_the_error(picture):
    """With SiLU a(f) in the place of the ReLU, what is missing is Σ ∂s/∂a · (a - f · a')."""

    class Smooth(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.score = nn.Conv2d(3, 6, 3), nn.Linear(6, 4)

        def forward(self, x):
            return self.score(F.silu(self.conv(x)).mean((2, 3)))

    network = Network(stirred(Smooth()), input_size=(12, 16))
    f = network.module.conv(network.normalize(picture[None])).detach().requires_grad_()
    a = F.silu(f)
    (slope,) = torch.autograd.grad(a.sum(), f)
    missing = ((a - f * slope).mean((2, 3)) @ network.module.score.weight[2]).item()
    assert full_grad(network, picture, 2).completeness_error == pytest.approx(-missing, rel=1e-10)


def test_a_batch_is_its_pictures(network, picture):
    pictures = torch.stack([picture, picture.flip(1), 1 - picture])
    batch = full_grad(network, pictures, [1, 3, 0])
    for i, target in enumerate([1, 3, 0]):
        single = full_grad(network, pictures[i], target)
        torch.testing.assert_close(batch.values[i], single.values, rtol=1e-10, atol=1e-12)
        assert batch.of[i] == single.of
    assert max(map(abs, batch.completeness_error)) < 1e-12
    top = network.logits(pictures).argmax(1).tolist()
    assert list(full_grad(network, pictures).target) == top


@pytest.mark.parametrize("at_once", [1, 2])
def test_pieces_make_no_difference(network, picture, at_once, monkeypatch):
    pictures = torch.stack([picture, picture.flip(1), 1 - picture])
    expected = full_grad(network, pictures, 1)
    monkeypatch.setattr(Network, "at_once", lambda self, size: at_once)
    torch.testing.assert_close(full_grad(network, pictures, 1).values, expected.values, rtol=1e-10, atol=1e-12)


def test_other_targets_are_complete_too(network, picture):
    for target in (Neuron("again", 3, (2, 5)), Neuron("again#2", 3, "all"), lambda logits: logits[:, 1] - logits[:, 2]):
        assert abs(full_grad(network, picture, target).completeness_error) < 1e-12
    assert full_grad(network, picture, Neuron("again", 3, (2, 5))).of == "again · channel 3 · (2, 5)"


def test_without_biases_it_is_gradient_times_input(picture):
    module = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(560, 3, bias=False))
    network = Network(module.double(), input_size=(12, 16))
    found = full_grad(network, picture, 1)
    expected = network.normalize(picture[None]) * class_gradient(network, picture, 1).values
    torch.testing.assert_close(found.values, scaled(expected))
    assert abs(found.completeness_error) < 1e-12


def test_batch_statistics_are_no_bias(picture):
    """Without running statistics BatchNorm takes the picture's own: its β alone is added."""
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False), nn.AdaptiveAvgPool2d(1))
    nn.init.normal_(module[1].bias)
    network = Network(nn.Sequential(*module, nn.Flatten()).double(), input_size=(12, 16))
    found = full_grad(network, picture, 1)  # the mean of what has mean β is β, whatever the picture is
    assert found.completeness_error == pytest.approx(0, abs=1e-12)


def test_a_score_that_never_leaves_its_constant(network, picture):
    network.module.norm.weight.data.zero_()
    network.module.norm.bias.data.fill_(-1)
    with pytest.warns(UserWarning, match="gradient of a picture is 0"):
        found = full_grad(network, picture, 1)
    assert abs(found.completeness_error) < 1e-12
    assert found.values.isfinite().all()


def test_within_inference_mode(network, picture):
    expected = full_grad(network, picture, 1)
    with torch.inference_mode():
        found = full_grad(network, picture.clone(), 1)
        torch.testing.assert_close(found.values, expected.values)
    assert abs(found.completeness_error) < 1e-12


def test_the_network_is_left_as_it_was(network, picture):
    network.module.train()
    before = {name: value.clone() for name, value in network.module.state_dict().items()}
    full_grad(network, picture, 1)
    assert all(part.training for part in network.module.modules())
    assert all(parameter.grad is None for parameter in network.module.parameters())
    for name, value in network.module.state_dict().items():
        assert torch.equal(value, before[name])


def test_bad_input_is_one_sentence(network, picture):
    for target, message in (("gnu", "gnu"), (4, "4"), ([1, 2], "target must be one class, or one for each of the 1")):
        with pytest.raises(UserError, match=message) as error:
            full_grad(network, picture, target)
        assert "\n" not in str(error.value)
