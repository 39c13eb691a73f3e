"""Class activation maps against pytorch-grad-cam, Captum, the papers' formulas by brute force, and each other."""

import captum.attr
import numpy as np
import pytest
import pytorch_grad_cam
import torch
import torch.nn.functional as F
from architectures import module  # noqa: F401
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_grad_cam.utils.image import scale_cam_image
from torch import nn

from cnnviz_widgets import Neuron, class_gradient
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.cam.cam import cam
from cnnviz_widgets.methods.cam.grad_cam import grad_cam, grad_cam_pp, hires_cam, layer_cam
from cnnviz_widgets.methods.cam.guided_grad_cam import guided_grad_cam
from cnnviz_widgets.methods.cam.important_channels import important_channels
from cnnviz_widgets.methods.cam.score_cam import score_cam
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures import load_image

BY_GRADIENT = [grad_cam, grad_cam_pp, hires_cam, layer_cam]
ALL = [*BY_GRADIENT, cam, score_cam]
RAW = {"relu": False, "upsample": False}
NAMES = ["ant", "bee", "cat", "dog", "eel", "fox"]
SIZE = (12, 16)


def averaging(channels=3):
    """Ends in global average pooling and a linear layer; its ReLU "4" works in place."""
    return nn.Sequential(
        nn.Conv2d(channels, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 10, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(10, 6),
    ).double()


def deep(channels=3):
    """Does not: places are flattened, and two linear layers follow "4"."""
    layers = [*averaging(channels)[:5], nn.Flatten(), nn.Linear(10 * 6 * 8, 20), nn.ReLU(), nn.Linear(20, 6)]
    return nn.Sequential(*layers).double()


def view(layers):
    return Network(layers, input_size=SIZE, classes=NAMES)


@pytest.fixture
def network():
    return view(averaging())


@pytest.fixture
def flat():
    return view(deep())


@pytest.fixture
def pictures():
    return torch.rand(3, 3, *SIZE)


def inputs(network, pictures):
    return network.normalize(network.prepare(pictures)).detach()


def at(network, pictures, layer, score):
    """Maps of a Sequential's layer and the gradient of the summed ``score(logits)``, by hand."""
    layers, stop = network.module.eval(), int(layer) + 1
    maps = layers[:stop](inputs(network, pictures)).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(score(layers[stop:](maps.clone())).sum(), maps)
    return maps.detach(), gradient


# The papers' formulas


@pytest.mark.parametrize("layer", ["1", "3", "4"])
def test_grad_cam_as_captum(flat, pictures, layer):
    oracle = captum.attr.LayerGradCam(flat.module.eval(), flat.module[int(layer)])
    expected = oracle.attribute(inputs(flat, pictures), target=[0, 4, 2])[:, 0].detach()
    found = grad_cam(flat, pictures, [0, "eel", 2], layer, **RAW)
    torch.testing.assert_close(found.values, expected, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(
        grad_cam(flat, pictures, [0, 4, 2], layer).values,
        captum.attr.LayerAttribution.interpolate(expected.relu()[:, None], SIZE, "bilinear")[:, 0],
        rtol=1e-12,
        atol=1e-14,
    )


def test_hires_cam_as_captum(flat, pictures):
    oracle = captum.attr.LayerGradientXActivation(flat.module.eval(), flat.module[3])
    expected = oracle.attribute(inputs(flat, pictures), target=3).sum(1).detach()
    torch.testing.assert_close(hires_cam(flat, pictures, 3, "3", **RAW).values, expected, rtol=1e-12, atol=1e-14)


def peer(kind, network, layer, pictures, score):
    """What pytorch-grad-cam returns, and the weighted sums before its ReLU, its scaling and its resizing.

    The network must not work in place: the peer reads a layer's output only after what follows wrote over it. And the
    score must have large gradients: the peer adds 1e-6 to a denominator, and 1e-7 to a maximum.
    """

    class Peer(kind):
        def get_cam_image(self, *args, **options):
            self.raw = super().get_cam_image(*args, **options)
            return self.raw

    with Peer(network.module, [network.module[int(layer)]]) as method:
        shown = method(inputs(network, pictures), [score] * len(pictures))
        return torch.from_numpy(shown), torch.from_numpy(method.raw)


@pytest.mark.parametrize("layer", ["1", "4"])
@pytest.mark.parametrize(
    ("method", "kind"),
    [
        (grad_cam, pytorch_grad_cam.GradCAM),
        (grad_cam_pp, pytorch_grad_cam.GradCAMPlusPlus),
        (hires_cam, pytorch_grad_cam.HiResCAM),
        (layer_cam, pytorch_grad_cam.LayerCAM),
    ],
)
def test_as_pytorch_grad_cam(flat, pictures, method, kind, layer):
    flat.module[4].inplace = False
    _, expected = peer(kind, flat, layer, pictures, lambda logits: 1e7 * logits[2])
    found = method(flat, pictures, lambda logits: 1e7 * logits[:, 2], layer, **RAW)
    tolerance = 1e-6 if method is grad_cam_pp else 1e-12
    torch.testing.assert_close(found.values, expected, rtol=tolerance, atol=tolerance * float(expected.abs().max()))


@pytest.mark.parametrize("size", [SIZE, (16, 12), (13, 13)])
def test_shown_as_pytorch_grad_cam(size):
    """The peer scales its maps from their least to their greatest value, in float32: so do we, for this test."""
    network = Network(averaging(), input_size=size)
    network.module[4].inplace = False
    picture = torch.rand(1, 3, *size)
    shown, _ = peer(pytorch_grad_cam.GradCAM, network, "3", picture, lambda logits: 1e7 * logits[2])
    ours = grad_cam(network, picture, lambda logits: 1e7 * logits[:, 2], "3").values
    torch.testing.assert_close(
        shown.double(), torch.from_numpy(scale_cam_image(ours.numpy())).double(), rtol=0, atol=1e-5
    )


def test_grad_cam_pp_by_the_papers_derivatives(flat, pictures):
    """α = Y″ / (2 Y″ + ΣA·Y‴), w = Σ α ReLU(Y′) with Y = exp(s): every derivative by autograd, one by one."""
    rest = flat.module[5:]
    maps = flat.module[:5].eval()(inputs(flat, pictures[:1])).detach()
    maps[:, 3:] = 0  # of a few channels only

    def derivatives(place):
        value = maps[place].clone().requires_grad_()
        changed = maps.clone()
        changed[place] = value
        order = [rest(changed)[0, 1].exp()]
        for _ in range(3):
            order.append(torch.autograd.grad(order[-1], value, create_graph=True)[0])
        return torch.stack(order[1:]).detach()

    score = rest(maps)[0, 1].exp().detach()
    weights = []
    for channel in range(3):
        places = [(0, channel, row, column) for row in range(6) for column in range(8)]
        first, second, third = torch.stack([derivatives(place) for place in places]).T
        alpha = second / (2 * second + maps[0, channel].sum() * third)
        weights.append((alpha.nan_to_num() * first.relu()).sum() / score)
    expected = sum(weight * one for weight, one in zip(weights, maps[0], strict=False))

    class Upper(nn.Module):  # whose maps are these
        def __init__(self):
            super().__init__()
            self.look, self.rest = nn.Identity(), rest

        def forward(self, x):
            return self.rest(self.look(x))

    scale = float(maps.max())  # pictures are 0…1
    network = Network(Upper(), input_size=(6, 8), mean=[0.0] * 10, std=[1 / scale] * 10)
    found = grad_cam_pp(network, maps[0] / scale, 1, "look", **RAW).values
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", BY_GRADIENT)
@pytest.mark.parametrize("counterfactual", [False, True])
def test_definitions(flat, pictures, method, counterfactual):
    maps, gradient = at(flat, pictures, "3", lambda logits: -logits[:, 5] if counterfactual else logits[:, 5])
    weights = {
        grad_cam: lambda A, g: g.mean((2, 3), keepdim=True),
        grad_cam_pp: lambda A, g: (
            (g**2 / (2 * g**2 + A.sum((2, 3), keepdim=True) * g**3)).nan_to_num() * g.relu()
        ).sum((2, 3), keepdim=True),
        hires_cam: lambda A, g: g,
        layer_cam: lambda A, g: g.relu(),
    }[method]
    raw = (weights(maps, gradient) * maps).sum(1)
    for relu in (True, False):
        expected = raw.relu() if relu else raw
        small = method(flat, pictures, "fox", "3", relu=relu, upsample=False, counterfactual=counterfactual)
        torch.testing.assert_close(small.values, expected, rtol=1e-10, atol=1e-13)
        large = method(flat, pictures, "fox", "3", relu=relu, counterfactual=counterfactual)
        expected = F.interpolate(expected[:, None], SIZE, mode="bilinear", align_corners=False)[:, 0]
        torch.testing.assert_close(large.values, expected, rtol=1e-10, atol=1e-13)
        assert large.signed is small.signed is not relu


# CAM, and what equals it


def test_cam_is_its_definition(network, pictures):
    maps = network.module[:5].eval()(inputs(network, pictures)).detach()
    linear = network.module[-1]
    found = cam(network, pictures, [5, 0, "cat"], **RAW)
    expected = (linear.weight.detach()[[5, 0, 2], :, None, None] * maps).sum(1)
    torch.testing.assert_close(found.values, expected, rtol=1e-12, atol=1e-14)
    logits = network.logits(pictures)[range(3), [5, 0, 2]]
    torch.testing.assert_close(found.values.mean((1, 2)) + linear.bias.detach()[[5, 0, 2]], logits)
    assert found.layer == "4"
    assert found.convention == "logit CAM, signed, as large as the layer"


def test_after_averaging_the_methods_agree(network, pictures):
    """All gradients of a channel are alike: Grad-CAM and HiResCAM are CAM over the number of places."""
    expected = cam(network, pictures, 1, **RAW).values / 48
    for method in (grad_cam, hires_cam):
        torch.testing.assert_close(method(network, pictures, 1, **RAW).values, expected, rtol=1e-12, atol=1e-15)


def test_cam_of_any_function_of_the_logits(network, pictures):
    function = lambda logits: logits.softmax(1)[:, 2] - logits[:, 0] ** 2  # noqa: E731
    expected = 48 * grad_cam(network, pictures, function, **RAW).values
    torch.testing.assert_close(cam(network, pictures, function, **RAW).values, expected)


@pytest.mark.parametrize(
    "end",
    [
        lambda: [nn.AdaptiveAvgPool2d(1), nn.Dropout(), nn.Conv2d(10, 6, 1), nn.Flatten()],
        lambda: [nn.Conv2d(10, 6, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()],
        lambda: [nn.AvgPool2d((6, 8)), nn.Flatten(), nn.Linear(10, 6, bias=False)],
    ],
)
def test_cam_whatever_the_end_is_written_like(pictures, end):
    network = view(nn.Sequential(*averaging()[:5], *end()).double())
    found = cam(network, pictures, 1, **RAW)
    assert found.layer == "4"
    torch.testing.assert_close(found.values, 48 * grad_cam(network, pictures, 1, **RAW).values)


def test_cam_with_a_rectifier_before_the_average(pictures):
    """As in SqueezeNet: with the bias, the rectified map makes the logit; Grad-CAM is the map but for scale."""
    head = nn.Conv2d(10, 6, 1)
    network = view(nn.Sequential(*averaging()[:5], head, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double())
    found = cam(network, pictures, 1, **RAW).values
    before = found + head.bias.detach()[1]
    logits = network.logits(pictures)[:, 1]
    torch.testing.assert_close(before.relu().mean((1, 2)), logits)
    share = (before > 0).double().mean((1, 2), keepdim=True)
    torch.testing.assert_close(found * share / 48, grad_cam(network, pictures, 1, **RAW).values)


def test_cam_of_architectures(module):  # noqa: F811
    network = Network(module, input_size=96)
    name, picture = type(module).__name__, torch.rand(3, 96, 96)
    target = int(network.logits(picture).argmax())
    if name in ("AlexNet", "VGG", "MobileNetV3"):
        with pytest.raises(UserError, match=r"average over positions and one linear layer.*grad_cam") as error:
            cam(network, picture, target)
        assert "\n" not in str(error.value)
        return
    found = cam(network, picture, target, **RAW)
    maps = network.forward(network.normalize(picture[None]), found.layer)[1][found.layer]
    if name == "DenseNet":  # a ReLU that is no module is between the layer and the average
        expected = F.conv2d(F.relu(maps), module.classifier.weight[target, None, :, None, None])[0, 0].detach()
    else:
        expected = grad_cam(network, picture, target, **RAW).values * found.values.numel()
        if name == "SqueezeNet":  # the places where its last ReLU is on have a gradient
            head = module.classifier[1]
            expected /= ((found.values + head.bias[target]) > 0).float().mean()
    torch.testing.assert_close(found.values, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))
    assert expected.any()


# Any layer of any network


def test_layers_of_architectures(module):  # noqa: F811
    """Residual, concatenated, parallel and overwritten ones: against the gradient of the whole recorded pass."""
    network = Network(module, input_size=64)
    picture = torch.rand(3, 64, 64)
    target = int(network.logits(picture).argmax())
    layers = [one for one in network.layers if one.spatial and max(one.shape[1:]) > 1]
    for layer in layers[:: max(1, len(layers) // 4)]:
        logits, values = network.forward(network.normalize(picture[None]), layer, grad=True)
        (gradient,) = torch.autograd.grad(logits[0, target], values[layer.name])
        expected = (gradient.mean((2, 3), keepdim=True) * values[layer.name]).sum((0, 1)).detach()
        found = grad_cam(network, picture, target, layer, **RAW)
        torch.testing.assert_close(found.values, expected)
        assert expected.any()
        assert found.layer == layer.name


class Residual(nn.Module):
    """Its first ReLU's output goes two ways, one of which overwrites it."""

    def __init__(self):
        super().__init__()
        self.stem, self.relu = nn.Conv2d(3, 5, 3, padding=1), nn.ReLU()
        self.block = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(5, 5, 3, padding=1))
        self.score = nn.Linear(5 * 12 * 16, 6)

    def tail(self, x):
        return self.score((torch.tanh(x) + self.block(x)).flatten(1))

    def forward(self, x):
        return self.tail(self.relu(self.stem(x)))


@pytest.mark.parametrize("method", BY_GRADIENT)
def test_a_layer_used_twice(pictures, method):
    network = view(Residual().double())
    found = method(network, pictures[0], 1, "relu", **RAW).values

    part = network.module
    part.block[0].inplace = False
    maps = part.relu(part.stem(inputs(network, pictures[:1]))).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(part.tail(maps)[0, 1], maps)
    weights = {
        grad_cam: gradient.mean((2, 3), keepdim=True),
        grad_cam_pp: (gradient.relu() / (2 + gradient * maps.sum((2, 3), keepdim=True))).sum((2, 3), keepdim=True),
        hires_cam: gradient,
        layer_cam: gradient.relu(),
    }[method]
    torch.testing.assert_close(found, (weights * maps).sum((0, 1)).detach())


def test_no_layer_is_the_default_one(flat, pictures):
    found = grad_cam(flat, pictures[0], 2)
    assert found.layer == flat.default_layer.name == "4"
    torch.testing.assert_close(found.values, grad_cam(flat, pictures[0], 2, flat.module[4]).values, rtol=0, atol=0)


# Targets


@pytest.mark.parametrize("method", ALL)
def test_targets(network, pictures, method):
    top = network.logits(pictures).argmax(1).tolist()
    by_default = method(network, pictures)
    assert list(by_default.target) == top
    assert list(by_default.of) == [NAMES[index] for index in top]
    for i, index in enumerate(top):
        for target in (index, NAMES[index], lambda logits, c=index: logits[:, c]):
            single = method(network, pictures[i], target)
            torch.testing.assert_close(single.values, by_default.values[i], rtol=1e-10, atol=1e-12)
    mixed = method(network, pictures, [2, None, "ant"])
    assert mixed.target == (2, top[1], 0)


@pytest.mark.parametrize("method", BY_GRADIENT)
def test_a_neuron_further_on_is_a_target(flat, pictures, method):
    shorter = Network(flat.module[:7], input_size=SIZE)
    expected = method(shorter, pictures, 7, "3")
    found = method(flat, pictures, Neuron("6", 7), "3")
    torch.testing.assert_close(found.values, expected.values, rtol=1e-12, atol=1e-14)
    assert found.of == ("6 · channel 7",) * 3
    assert found.convention.startswith("activation ")


def test_a_neuron_of_the_same_layer(flat, pictures):
    """Only its own place counts; HiResCAM is its activation there."""
    maps = flat.activations(pictures[0], "4")["4"]
    values = hires_cam(flat, pictures[0], Neuron("4", 2, (3, 5)), "4", **RAW).values
    expected = torch.zeros_like(values)
    expected[3, 5] = maps[2, 3, 5]
    torch.testing.assert_close(values, expected)
    torch.testing.assert_close(grad_cam(flat, pictures[0], Neuron("4", 2, "all"), "4", **RAW).values, maps[2])


# Score-CAM


def masked_scores(network, picture, maps, score):
    """By brute force, one mask after the other."""
    x = inputs(network, picture[None])
    scores = []
    for one in maps:
        mask = F.interpolate(one[None, None], SIZE, mode="bilinear", align_corners=False)
        spread = mask.max() - mask.min()
        mask = (mask - mask.min()) / spread if one.max() > one.min() else torch.zeros_like(mask)
        scores.append(score(network.module.eval()(x * mask))[0])
    return torch.stack(scores).detach()


def test_score_cam_by_brute_force(flat, pictures):
    with torch.no_grad():
        flat.module[3].bias[4] = -9.0  # never on
        flat.module[3].weight[5], flat.module[3].bias[5] = 0.0, 0.7  # the same everywhere
    maps = flat.activations(pictures, "4")["4"]
    found = score_cam(flat, pictures, [1, 3, 0], **RAW).values
    for i, target in enumerate([1, 3, 0]):
        weights = masked_scores(flat, pictures[i], maps[i], lambda logits, c=target: logits[:, c]).softmax(0)
        torch.testing.assert_close(found[i], (weights[:, None, None] * maps[i]).sum(0), rtol=1e-10, atol=1e-13)


def test_score_cam_as_pytorch_grad_cam(flat, pictures, monkeypatch):
    """The peer aligns the corners of its masks, and reads its scores in float32."""
    flat.module[4].inplace = False
    monkeypatch.setattr(nn, "UpsamplingBilinear2d", lambda size: nn.Upsample(size, mode="bilinear"))
    _, expected = peer(pytorch_grad_cam.ScoreCAM, flat, "4", pictures, lambda logits: logits[2])
    torch.testing.assert_close(score_cam(flat, pictures, 2, "4", **RAW).values, expected, rtol=1e-6, atol=1e-7)


def test_score_cam_with_the_strongest_channels(flat, pictures):
    maps = flat.activations(pictures[0], "4")["4"]
    chosen = maps[maps.amax((1, 2)).argsort(descending=True)[:3]]
    weights = masked_scores(flat, pictures[0], chosen, lambda logits: logits[:, 1]).softmax(0)
    found = score_cam(flat, pictures[0], 1, channels=3, **RAW).values
    torch.testing.assert_close(found, (weights[:, None, None] * chosen).sum(0), rtol=1e-10, atol=1e-13)


def test_score_cam_keeps_to_the_class_of_the_whole_picture(flat, pictures):
    top = int(flat.logits(pictures[0]).argmax())
    named = score_cam(flat, pictures[0], top).values
    torch.testing.assert_close(score_cam(flat, pictures[0]).values, named, rtol=0, atol=0)


def test_score_cam_of_a_neuron(flat, pictures):
    unit = Neuron("4", 2)  # where it is strongest in the whole picture, in all that is masked
    maps = flat.activations(pictures[0], "1")["1"]
    place = divmod(int(flat.activations(pictures[0], "4")["4"][2].argmax()), 8)
    part = Network(flat.module[:5], input_size=SIZE, output=lambda maps: maps.flatten(1))
    weights = masked_scores(part, pictures[0], maps, lambda found: found[:, 2, place[0], place[1]]).softmax(0)
    found = score_cam(flat, pictures[0], unit, "1", **RAW).values
    torch.testing.assert_close(found, (weights[:, None, None] * maps).sum(0), rtol=1e-10, atol=1e-13)


# Guided Grad-CAM


@pytest.mark.parametrize("layer", ["1", "4"])
def test_guided_grad_cam_as_captum(pictures, layer):
    network = view(deep())
    network.module[4].inplace = False
    oracle = captum.attr.GuidedGradCam(network.module.eval(), network.module[int(layer)])
    x = inputs(network, pictures).requires_grad_()
    expected = oracle.attribute(x, target=[0, 4, 2], interpolate_mode="bilinear").detach()
    found = guided_grad_cam(network, pictures, [0, 4, 2], layer)
    torch.testing.assert_close(found.values, expected, rtol=1e-12, atol=1e-16)
    assert found.score == pytest.approx(network.logits(pictures)[range(3), [0, 4, 2]].tolist())


@pytest.mark.parametrize("rule", ["guided", "deconvnet", "backprop"])
@pytest.mark.parametrize("target", [3, Neuron("6", 2), Neuron("4", 1), lambda logits: logits.logsumexp(1)])
def test_guided_grad_cam_is_a_product(flat, pictures, rule, target):
    gradient = class_gradient(flat, pictures, target, rule=rule).values
    expected = gradient * grad_cam(flat, pictures, target, "3").values[:, None]
    found = guided_grad_cam(flat, pictures, target, "3", rule=rule)
    torch.testing.assert_close(found.values, expected, rtol=1e-12, atol=1e-16)
    single = guided_grad_cam(flat, pictures[1], target, "3", rule=rule)
    torch.testing.assert_close(single.values, expected[1], rtol=1e-12, atol=1e-16)


def test_guided_grad_cam_of_architectures(module):  # noqa: F811
    """Functional, re-used and in-place rectifiers: as its two parts, each computed by itself."""
    network = Network(module, input_size=64)
    picture = torch.rand(3, 64, 64)
    raw = grad_cam(network, picture, lambda logits: logits.amax(1), relu=False).values
    score = lambda logits: logits.amax(1) * (1 if raw.max() > 0 else -1)  # noqa: E731
    place = grad_cam(network, picture, score).values
    expected = class_gradient(network, picture, score, rule="guided").values * place
    assert expected.any()
    found = guided_grad_cam(network, picture, score).values
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6 * float(expected.abs().max()))


def test_guided_grad_cam_takes_one_forward_pass(flat, pictures):
    _ = flat.layers
    calls = []
    handle = flat.module[0].register_forward_hook(lambda *_: calls.append(1))
    guided_grad_cam(flat, pictures[0], 2)
    handle.remove()
    assert len(calls) == 1


def test_grad_cam_records_nothing_before_the_layer(flat, pictures):
    _ = flat.layers
    recorded = []
    handles = [part.register_forward_hook(lambda *all: recorded.append(all[2].requires_grad)) for part in flat.module]
    grad_cam(flat, pictures[0], 2, "3")
    for handle in handles:
        handle.remove()
    assert recorded == [False] * 4 + [True] * 5


# Important channels


def test_important_channels(flat, pictures):
    maps, gradient = at(flat, pictures, "4", lambda logits: logits[:, 2])
    alphas = gradient.mean((2, 3))
    found = important_channels(flat, pictures, 2, "4", k=3)
    torch.testing.assert_close(found.values, alphas, rtol=1e-12, atol=1e-15)
    for i in range(3):
        order = alphas[i].argsort(descending=True).tolist()
        assert found.channels[i] == (*order[:3], *order[-3:])
        for number, (channel, place) in enumerate(zip(found.channels[i], found.positions[i], strict=True)):
            torch.testing.assert_close(found.maps[i, number], maps[i, channel])
            assert (place is None) == bool((maps[i, channel] == maps[i, channel, 0, 0]).all())
            assert place is None or maps[i, channel][place] == maps[i, channel].max()
    single = important_channels(flat, pictures[1], 2, "4", k=3)
    assert (single.channels, single.positions) == (found.channels[1], found.positions[1])
    assert single.content().count == 6
    assert found.content().count == 18
    assert found.content().names[0] == f"{found.channels[0][0]}: α {alphas[0].max():+.2g}"
    assert single._repr_png_()[:4] == found._repr_png_()[:4] == b"\x89PNG"


def test_channels_that_change_the_score_as_their_weight_says(flat, pictures):
    """α is the mean slope: a small constant added to a map changes the score by α · places · constant."""
    found = important_channels(flat, pictures[0], 2, "4", k=10)
    maps = flat.module[:5].eval()(inputs(flat, pictures[:1])).detach()
    assert found.channels[:10] == found.channels[10:]
    for channel in found.channels[:10]:
        ends = []
        for sign in (1, -1):
            moved = maps.clone()
            moved[0, channel] += sign * 1e-7
            ends.append(flat.module[5:](moved)[0, 2].item())
        assert (ends[0] - ends[1]) / 2e-7 / 48 == pytest.approx(float(found.values[channel]), rel=1e-5, abs=1e-9)


# Properties


PICTURES = torch.rand(4, 3, *SIZE, generator=torch.Generator().manual_seed(5))


@settings(deadline=None, max_examples=10)
@given(order=st.permutations(range(4)), method=st.sampled_from([*ALL, guided_grad_cam]))
def test_a_batch_is_its_pictures_in_any_order(order, method):
    torch.manual_seed(0)
    network = view(averaging())
    whole = method(network, PICTURES[list(order)], [order[0], None, 1, 2])
    for i, number in enumerate(order):
        single = method(network, PICTURES[number], [order[0], None, 1, 2][i])
        torch.testing.assert_close(whole.values[i], single.values, rtol=1e-10, atol=1e-12)
        assert whole.of[i] == single.of


@settings(deadline=None, max_examples=15)
@given(
    height=st.integers(8, 30),
    width=st.integers(8, 30),
    channels=st.sampled_from([1, 3]),
    method=st.sampled_from([*ALL, guided_grad_cam]),
)
def test_pictures_of_any_shape(height, width, channels, method):
    network = Network(averaging(channels), input_size=(height, width))
    picture = torch.rand(channels, height, width)
    colors = (channels,) if method is guided_grad_cam else ()
    result = method(network, picture, 1)
    assert result.values.shape == (*colors, height, width)
    assert result.picture.shape == (channels, height, width)
    assert result._repr_png_()
    if method is not guided_grad_cam:
        assert float(result.values.min()) >= 0
        assert method(network, picture, 1, **RAW).values.shape == (height // 2, width // 2)


@settings(deadline=None, max_examples=10)
@given(factor=st.floats(0.01, 100), method=st.sampled_from([grad_cam, hires_cam, layer_cam, cam]))
def test_values_are_in_units_of_the_score(factor, method):
    network = view(averaging())
    once = method(network, PICTURES, lambda logits: logits[:, 1]).values
    torch.testing.assert_close(method(network, PICTURES, lambda logits: factor * logits[:, 1]).values, factor * once)


@settings(deadline=None, max_examples=10)
@given(classes=st.tuples(st.integers(0, 5), st.integers(0, 5)), method=st.sampled_from([grad_cam, hires_cam, cam]))
def test_maps_of_a_difference_are_the_difference_of_maps(classes, method):
    network = view(averaging())
    one, other = (method(network, PICTURES, index, **RAW).values for index in classes)
    both = method(network, PICTURES, lambda logits: logits[:, classes[0]] - logits[:, classes[1]], **RAW)
    torch.testing.assert_close(both.values, one - other)
    against = method(network, PICTURES, classes[0], counterfactual=True, **RAW)
    torch.testing.assert_close(against.values, -one)
    assert against.convention.startswith("negated logit ")


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_precisions(pictures, method, dtype):
    exact = view(averaging())
    found = method(view(averaging_like(exact).to(dtype)), pictures[0], 2)
    assert found.values.dtype == torch.float32
    expected = method(exact, pictures[0], 2).values.float()
    tolerance = 1e-5 if dtype is torch.float32 else 0.05
    torch.testing.assert_close(found.values, expected, rtol=0, atol=tolerance * float(expected.max()))


def averaging_like(network):
    copy = averaging()
    copy.load_state_dict(network.module.state_dict())
    return copy


@pytest.mark.parametrize("method", [*ALL, guided_grad_cam])
def test_in_other_modes(network, pictures, method):
    expected = method(network, pictures[0], 2).values
    with torch.no_grad():
        torch.testing.assert_close(method(network, pictures[0], 2).values, expected)
    with torch.inference_mode():
        torch.testing.assert_close(method(network, pictures[0], 2).values, expected)
    network.module.train()
    torch.testing.assert_close(method(network, pictures[0], 2).values, expected)
    assert network.module.training


# What is told, and what is rejected


def test_conventions(flat, pictures):
    assert grad_cam(flat, pictures[0], 1).convention == "logit Grad-CAM, positive part, bilinearly upsampled"
    raw = layer_cam(flat, pictures[0], lambda logits: logits[:, 0], counterfactual=True, **RAW)
    assert raw.convention == "negated score LayerCAM, signed, as large as the layer"
    assert guided_grad_cam(flat, pictures[0], 1).convention == (
        "logit guided gradient times Grad-CAM, positive part, bilinearly upsampled, signed"
    )


def test_a_map_with_nothing_positive_says_so(network, pictures):
    with torch.no_grad():
        network.module[7].weight[1] = -network.module[7].weight[1].abs() - 0.1
    for method in (grad_cam, hires_cam, cam):
        with pytest.warns(UserWarning, match="'bee' in layer '4' is the same everywhere: no position supports it"):
            assert not method(network, pictures[0], "bee").values.any()
        assert method(network, pictures[0], "bee", **RAW).values.max() <= 0


def test_a_layer_that_nothing_comes_back_to_says_so(network, pictures):
    with torch.no_grad():
        network.module[7].weight[1] = 0
    with pytest.warns(UserWarning, match="everywhere: its maps or their gradients are 0"):
        assert not grad_cam(network, pictures[0], 1, relu=False).values.any()
    with pytest.warns(UserWarning, match="gradient of a picture is 0"):
        important_channels(network, pictures[0], 1)


def test_a_layer_that_is_the_same_everywhere_says_so(network, pictures):
    with torch.no_grad():
        network.module[3].weight.zero_()
        network.module[3].bias.fill_(0.5)
        network.module[7].weight[1] = 1
    with pytest.warns(UserWarning, match="everywhere: so are the layer's maps"):
        values = grad_cam(network, pictures[0], 1).values
    torch.testing.assert_close(values, torch.full_like(values, 10 * 0.5 / 48))


class Branches(nn.Module):
    """Two ways side by side, one of which leads nowhere."""

    def __init__(self):
        super().__init__()
        self.left, self.right, self.score = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), nn.Linear(4, 6)

    def forward(self, x):
        left, right = self.left(x), self.right(x)
        return self.score(right.mean((2, 3)) + 0 * left.detach().mean())


class Broken(nn.Sequential):
    def forward(self, x):
        return super().forward(x) * float("nan")


@pytest.mark.parametrize("method", [*ALL, guided_grad_cam, important_channels])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "gnu"}, "gnu"),
        ({"target": 6}, "6"),
        ({"target": [1, 2]}, "target must be one class, or one for each of the 1 pictures, not 2"),
        ({"layer": "33"}, "no layer '33'; there are '"),
        ({"layer": "5"}, r"layer must have more than one position, but '5' has the shape \(10, 1, 1\)"),
        ({"layer": "7"}, r"more than one position, but '7' has the shape \(6,\)"),
        (
            {"target": Neuron("1", 2), "layer": "3"},
            "(layer must be '1', the target's, or one before it, not '3')|Neuron",
        ),
        ({"target": Neuron("1", 99), "layer": "1"}, "channel must be a whole number from 0 to 7"),
    ],
)
def test_bad_input_is_one_sentence(network, pictures, method, options, message):
    ran = []
    _ = network.layers
    handle = network.module[0].register_forward_hook(lambda *_: ran.append(1))
    with pytest.raises(UserError, match=message) as error:
        method(network, pictures[0], **options)
    handle.remove()
    assert "\n" not in str(error.value)
    assert not ran


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n, x: score_cam(n, x, channels=0), "channels must be a whole number from 1 to 10 in layer '4', not 0"),
        (lambda n, x: score_cam(n, x, channels=11), "not 11"),
        (lambda n, x: important_channels(n, x, k=0), "k must be a whole number from 1 to 10 in layer '4', not 0"),
        (lambda n, x: important_channels(n, x, k=2.5), "not 2.5"),
        (lambda n, x: guided_grad_cam(n, x, rule="gided"), "rule must be one of"),
        (lambda n, x: cam(n, x, layer="1"), "cam needs logits.*from layer '1' on"),
        (lambda n, x: cam(n, x, Neuron("4", 1)), "target must be a class or a callable, not a Neuron"),
        (lambda n, x: grad_cam(n, x, lambda logits: logits), r"target must turn the logits .* not shape \(1, 6\)"),
        (lambda n, x: grad_cam(n, x, lambda logits: logits[:, 0].detach()), "does not depend on layer '4'"),
        (lambda n, x: cam(n, x, lambda logits: logits[:, 0].detach()), "does not depend on the logits"),
    ],
)
def test_what_does_not_fit_is_one_sentence(network, pictures, call, message):
    with pytest.raises(UserError, match=message) as error:
        call(network, pictures[0])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("method", BY_GRADIENT)
def test_a_layer_that_leads_elsewhere(pictures, method):
    network = view(Branches().double())
    with pytest.raises(UserError, match="does not depend on layer 'left' in a differentiable way"):
        method(network, pictures[0], 1, "left")
    with pytest.raises(UserError, match="does not depend on layer 'left' in a differentiable way"):
        method(network, pictures[0], Neuron("right", 1), "left")


@pytest.mark.parametrize("method", [*ALL, guided_grad_cam, important_channels])
def test_what_is_not_finite(pictures, method):
    broken = view(Broken(*averaging()))
    with pytest.raises(UserError):
        method(broken, pictures[0], 1)
    with pytest.raises(UserError, match="not finite"):
        method(broken, torch.full((3, *SIZE), float("nan")), 1)


# The real thing


@pytest.mark.parametrize("method", [*BY_GRADIENT, cam])
def test_real_maps_lie_on_the_object(real_squeezenet, real_pictures, method):
    values = method(real_squeezenet, load_image(real_pictures["n02165456_ladybug"]), "ladybug").values
    box = torch.zeros_like(values, dtype=torch.bool)
    box[97:188, 102:] = True
    assert box.flatten()[values.argmax()]
    assert values[box].mean() > 3 * values[~box].mean()


def test_real_classes_are_told_apart(real_squeezenet, real_pictures):
    """What speaks against the class is elsewhere."""
    photo = load_image(real_pictures["n02165456_ladybug"])
    for_it = grad_cam(real_squeezenet, photo, "ladybug", **RAW).values
    against = grad_cam(real_squeezenet, photo, "ladybug", upsample=False, counterfactual=True).values
    np.testing.assert_allclose(against, (-for_it).clamp(min=0), atol=1e-6)
    assert np.corrcoef(for_it.flatten(), against.flatten())[0, 1] < 0
