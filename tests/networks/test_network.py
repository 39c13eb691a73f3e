"""The network view: what it says about layers, what it returns, how it takes pictures, and what it rejects."""

import pickle
import threading
import warnings
from copy import deepcopy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network, load_network
from cnnviz_widgets.networks.layers import convolutions


class Digits(nn.Module):
    """As in a first course: one channel, one ReLU used three times, views, and a tuple that comes out."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 5), nn.Conv2d(4, 8, 5)
        self.relu, self.pool = nn.ReLU(inplace=True), nn.MaxPool2d(2)
        self.fc1, self.fc2 = nn.Linear(8 * 4 * 4, 16), nn.Linear(16, 10)

    def forward(self, x):
        x = self.pool(self.relu(self.conv1(x)))
        x = self.pool(self.relu(self.conv2(x)))
        x = self.relu(self.fc1(x.view(-1, 128)))
        return self.fc2(x), x


def hear(module, picture):
    """What plain hooks see: (module's name, copy of its output) in order, and the output."""
    names = {part: name for name, part in module.named_modules()}
    heard = []
    handles = [
        part.register_forward_hook(lambda part, _, out: heard.append((names[part], out.clone())))
        for name, part in module.named_modules()
        if name
    ]
    with torch.no_grad():
        output = module(picture.clone())
    for handle in handles:
        handle.remove()
    return heard, output


# Layers and what comes out of them


def test_layers_are_what_plain_hooks_see(network, picture):
    batch = network.normalize(picture[None])
    heard, output = hear(network.module, batch)
    scores, values = network.forward(batch, network.layers)
    torch.testing.assert_close(scores, output, rtol=0, atol=0)

    calls: dict[str, int] = {}
    by_name = {}
    for name, value in heard:
        calls[name] = calls.get(name, 0) + 1
        by_name[name if calls[name] == 1 else f"{name}#{calls[name]}"] = value
    listed = [layer.name for layer in network.layers]
    assert listed == [name for name in by_name if name in set(listed)]  # the same order
    leaves = {name for name, part in network.module.named_modules() if not list(part.children())}
    unlisted = set(by_name) - set(listed)
    assert all("Dropout" in type(network.module.get_submodule(name)).__name__ for name in unlisted & leaves)
    for layer in network.layers:
        torch.testing.assert_close(values[layer.name], by_name[layer.name], rtol=0, atol=0)
        assert layer.shape == by_name[layer.name].shape[1:]
    for name in unlisted:  # another name of the layer whose tensor it returns
        torch.testing.assert_close(values[network.layer(name).name], by_name[name], rtol=0, atol=0)


def test_parameters_and_blocks(network):
    for layer in network.layers:
        part = network.module.get_submodule(layer.name.partition("#")[0])
        assert layer.parameters == sum(parameter.numel() for parameter in part.parameters())
        assert layer.kind == type(part).__name__
        assert layer.block == bool(list(part.children()))
        assert network.layer(layer.name) is network.layer(layer) is layer
    assert len({layer.name for layer in network.layers}) == len(network.layers)


def test_blocks_resolve_to_their_last_layer():
    network = Network(models.resnet18(), input_size=64)
    assert network.layer("layer3").name == "layer3.1.relu#2"
    assert network.layer(network.module.layer3[1].bn2).name == "layer3.1.bn2"
    assert network.layer("layer3").label == "layer3 › 1 › relu#2"
    assert network.layer("layer3").path == ("layer3", "1", "relu#2")
    assert list(network.activations(torch.rand(3, 64, 64), "layer3")) == ["layer3"]


def test_what_a_block_adds_in_place_makes_it_a_layer_of_its_own():
    """MobileNet: ``result = self.block(x); result += x`` is the tensor of the last child, with another content."""
    network = Network(models.mobilenet_v3_small(), input_size=64)
    block = next(layer for layer in network.layers if layer.kind == "InvertedResidual" and layer.name != "features.1")
    values = network.activations(torch.rand(3, 64, 64), [block, f"{block.name}.block.2.1"])
    assert not torch.equal(*values.values())


@pytest.mark.parametrize(
    "parametrized", [nn.utils.parametrizations.spectral_norm, nn.utils.parametrizations.weight_norm]
)
def test_a_layer_with_parametrized_weights_is_a_layer_as_any(parametrized):
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), parametrized(nn.Conv2d(4, 6, 3)), nn.Flatten(), nn.Linear(6, 5)
    )
    layer = Network(module, input_size=5).layer("2")
    assert (layer.kind, layer.block) == ("Conv2d", False)
    assert convolutions([layer]) == [layer]


def test_default_layer(network):
    layer = network.default_layer
    assert layer.spatial
    assert max(layer.shape[1:]) > 1
    assert f"{layer.shape[1]}×{layer.shape[2]}" in network.default_layer_reason


@pytest.mark.parametrize(
    ("name", "expected"),
    [("squeezenet1_0", "features.12"), ("alexnet", "features.11"), ("resnet18", "layer4.1.relu#2")],
)
def test_default_layer_by_name(name, expected):
    assert Network(models.get_model(name), input_size=224).default_layer.name == expected


def test_a_pass_stops_at_the_deepest_layer(network, picture):
    reached = []
    deepest = network.layers[len(network.layers) // 2]
    last = list(network.module.modules())[-1]
    handle = last.register_forward_hook(lambda *_: reached.append(True))
    asked = [network.layers[0], deepest]
    values = network.activations(picture, asked)
    handle.remove()
    assert not reached
    assert list(values) == [layer.name for layer in asked]
    assert all(values[layer.name].shape == layer.shape for layer in asked)
    assert not any(value.requires_grad for value in values.values())


def test_watching_hands_out_what_a_pass_returns(network, picture):
    batch = network.normalize(torch.stack([picture, picture.flip(-1)]))
    _, expected = network.forward(batch, network.layers)
    seen = {}
    network.watch(batch, network.layers, lambda name, maps: seen.__setitem__(name, maps.clone()))
    assert list(seen) == list(expected)
    assert all(torch.equal(seen[name], expected[name]) for name in expected)


def test_watching_copies_nothing_and_ends_at_the_deepest_layer(network, picture):
    deepest, last = network.layers[len(network.layers) // 2], list(network.module.modules())[-1]
    module = network.module.get_submodule(deepest.name.partition("#")[0])
    reached, made, seen = [], [], []
    handles = [
        last.register_forward_hook(lambda *_: reached.append(True)),
        module.register_forward_hook(lambda *given: made.append(given[-1].data_ptr())),
    ]
    network.watch(network.normalize(picture[None]), deepest, lambda name, maps: seen.append((name, maps)))
    for handle in handles:
        handle.remove()
    assert not reached
    ((name, maps),) = seen
    assert name == deepest.name
    assert maps.data_ptr() in made
    assert not maps.is_inference()
    assert not maps.requires_grad


def test_what_the_watcher_raises_ends_the_pass_as_it_is(network, picture):
    seen = []

    def see(name, maps):
        seen.append(name)
        raise ZeroDivisionError("own")

    with pytest.raises(ZeroDivisionError, match="own"):
        network.watch(network.normalize(picture[None]), network.layers, see)
    assert seen == [network.layers[0].name]
    assert network.predict(picture, 1)


def test_watching_says_what_fails_in_the_module():
    network = Network(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), input_size=2)
    with pytest.raises(UserError, match="does not take pictures of 5×5 pixels"):
        network.watch(torch.zeros(1, 3, 5, 5), "1", lambda name, maps: None)


def test_a_copy_by_pickle_gives_the_same(network, picture):
    copy = pickle.loads(pickle.dumps(network))
    assert torch.equal(copy.logits(picture), network.logits(picture))
    assert copy.fingerprint == network.fingerprint


def test_a_fingerprint_tells_weights_and_preparation_apart():
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.LazyLinear(2))
    module(torch.zeros(1, 3, 8, 8))
    first = Network(module, input_size=8)
    assert Network(deepcopy(module), input_size=8, name="other").fingerprint == first.fingerprint
    assert Network(module, input_size=8, mean=0.4).fingerprint != first.fingerprint
    for changed in ("0.weight", "1.running_mean"):
        other = deepcopy(module)
        other.state_dict()[changed].view(-1)[0].add_(1e-6)
        assert Network(other, input_size=8).fingerprint != first.fingerprint


def test_takes_several():
    class One(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 3)

        def forward(self, x):
            return self.conv(x).view(1, 2, 36).mean(-1)

    assert not Network(One(), input_size=8).takes_several
    assert Network(nn.Sequential(nn.Conv2d(3, 2, 8), nn.Flatten()), input_size=8).takes_several


def test_gradients_at_layers(module, picture):
    """Against ``retain_grad`` in a copy in which nothing happens in place."""
    network = Network(module, input_size=64)
    layers = [layer for layer in network.layers if not layer.block][:: max(1, len(network.layers) // 5)]
    batch = network.normalize(picture[None])
    scores, values = network.forward(batch, layers, grad=True)
    gradients = torch.autograd.grad(scores[0, 3], list(values.values()))

    copy, kept, calls = deepcopy(module), {}, {}
    for part in copy.modules():
        if hasattr(part, "inplace"):
            part.inplace = False

    def keep(name):
        def hook(part, _, output):
            calls[name] = calls.get(name, 0) + 1
            output = output.clone()  # DenseNet and GoogLeNet call relu in place as a function
            output.retain_grad()
            kept[name if calls[name] == 1 else f"{name}#{calls[name]}"] = output
            return output.clone()

        return hook

    for name, part in copy.named_modules():
        if not list(part.children()):
            part.register_forward_hook(keep(name))
    copy(batch.clone().requires_grad_())[0, 3].backward()
    for layer, gradient in zip(layers, gradients, strict=True):
        torch.testing.assert_close(gradient, kept[layer.name].grad)


class WritesLater(nn.Module):
    """Every way to write to what a part has returned: by a part, by a function, through a view, into a sum."""

    def __init__(self, in_place=True):
        super().__init__()
        self.parts = nn.ModuleList(nn.Conv2d(3 if not number else 4, 4, 3, padding=1) for number in range(5))
        self.relu, self.norm, self.head = nn.ReLU(in_place), nn.BatchNorm2d(4), nn.Linear(4, 3)
        self.in_place, self.calls, self.last = in_place, 0, None

    def forward(self, x):
        self.calls += 1
        first = self.norm(self.relu(self.parts[0](x)))
        second, third, fourth = (part(first) for part in self.parts[1:4])
        if self.in_place:
            F.leaky_relu_(second, 0.1)
            third.view(-1).mul_(2)
            fourth += second
        else:
            second, third = F.leaky_relu(second, 0.1), third * 2
            fourth = fourth + second
        self.last = self.parts[4](third * fourth)
        return self.head(self.last.mean((2, 3)))


def test_what_is_written_to_later_is_copied_and_nothing_else(picture):
    """Against the same module without in-place operations; one pass finds out, all others are single ones."""
    module, plain = WritesLater().double().eval(), WritesLater(in_place=False).double().eval()
    plain.load_state_dict(module.state_dict())
    network, other = Network(module, input_size=64), Network(plain, input_size=64)
    layers, batch = [layer.name for layer in network.layers], network.normalize(picture[None].double())
    assert {"parts.0", "relu", "norm", "parts.1", "parts.2", "parts.3", "parts.4"} < {*layers}
    for passes in (2, 1):
        before = module.calls
        scores, values = network.forward(batch, layers, grad=True)
        assert module.calls - before == passes
        assert module.last.data_ptr() == values["parts.4"].data_ptr()
        expected, wanted = other.forward(batch, layers, grad=True)
        torch.testing.assert_close(scores, expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(values, wanted, rtol=0, atol=1e-12)
        gradients = [torch.autograd.grad(s[0, 1], [*v.values()]) for s, v in ((scores, values), (expected, wanted))]
        torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)


def test_gradients_from_a_layer_on(network, picture):
    """The same numbers as with all recorded, and nothing before the layer is."""
    places = [layer.name for layer in network.layers if layer.spatial]
    batch = network.normalize(picture[None])
    for name in places[:: max(1, len(places) // 5)]:
        scores, values = network.forward(batch, [places[0], name], grad=True)
        (expected,) = torch.autograd.grad(scores[0, 3], values[name])
        found_scores, found = network.forward(batch, [places[0], name], grad_from=name)
        assert found[name].is_leaf
        assert found[name].requires_grad
        assert name == places[0] or not found[places[0]].requires_grad
        (gradient,) = torch.autograd.grad(found_scores[0, 3], found[name])
        torch.testing.assert_close(found_scores, scores, rtol=0, atol=0)
        torch.testing.assert_close(found[name], values[name], rtol=0, atol=0)
        torch.testing.assert_close(gradient, expected, rtol=0, atol=0)
    assert torch.is_grad_enabled()


def test_gradients_between_two_layers(module, picture):
    network = Network(module, input_size=64)
    names = [layer.name for layer in network.layers if layer.spatial]
    first, last = names[len(names) // 2], names[-1]
    batch = network.normalize(picture[None])
    with torch.no_grad():
        none, values = network.forward(batch, [first, last], to_output=False, grad_from=first)
        assert not torch.is_grad_enabled()
    assert none is None
    _, expected = network.forward(batch, [first, last], grad=True)
    gradients = [torch.autograd.grad(some[last].square().sum(), some[first])[0] for some in (values, expected)]
    torch.testing.assert_close(*gradients, rtol=0, atol=0)


def test_gradient_at_the_picture(network, picture):
    batch = network.normalize(picture[None]).requires_grad_()
    scores, _ = network.forward(batch, grad=True)
    (gradient,) = torch.autograd.grad(scores[0, 0], batch)
    assert gradient.shape == batch.shape
    assert gradient.abs().sum() > 0


# The user's own modules


def test_digits():
    network = Network(Digits(), input_size=28)
    assert (network.channels, network.mean, network.std) == (1, (0.5,), (0.5,))
    names = [layer.name for layer in network.layers]
    assert names == ["conv1", "relu", "pool", "conv2", "relu#2", "pool#2", "fc1", "relu#3", "fc2"]
    assert network.logits(torch.rand(1, 28, 28)).shape == (10,)
    assert network.logits(torch.rand(3, 40, 50)).shape == (10,)
    assert network.activations(torch.rand(2, 1, 28, 28), "relu#2")["relu#2"].shape == (2, 8, 8, 8)
    assert network.classes[3] == "class 3"
    assert network.class_index("class 3") == 3


def test_in_place_first_layer_leaves_the_picture_alone():
    module = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = Network(module, input_size=8)
    batch = torch.randn(1, 3, 8, 8)
    before = batch.clone()
    network.forward(batch, "0")
    assert torch.equal(batch, before)
    scores, values = network.forward(batch.requires_grad_(), "0", grad=True)
    torch.autograd.grad(scores.sum(), [batch, values["0"]])
    assert torch.equal(values["0"], before.clamp(min=0))


def test_the_same_view_of_another_module():
    settings = {"input_size": (10, 12), "mean": 0.3, "std": 0.2, "resize": 14, "interpolation": "bicubic"}
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = Network(module, classes=["ant", "bee"], output=lambda scores: 2 * scores, **settings)
    copy = network.with_module(deepcopy(module))
    picture = torch.rand(1, 20, 30)
    assert copy.module is not module
    assert repr(copy) == repr(network)
    assert torch.equal(copy.prepare(picture), network.prepare(picture))
    assert torch.equal(copy.logits(picture), network.logits(picture))
    nn.init.zeros_(copy.module[0].weight)
    assert not torch.equal(copy.logits(picture), network.logits(picture))


def test_functional_network():
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(4, 3, 3, 3))

        def forward(self, x):
            return F.relu_(F.conv2d(x, self.weight)).mean((2, 3))

    network = Network(Functional(), input_size=(10, 12), classes=["a", "b", "c", "d"])
    assert network.layers == ()
    assert network.predict(torch.rand(3, 10, 12), 2)[0].name in "abcd"
    with pytest.raises(UserError, match="calls no modules"):
        _ = network.default_layer


class Answer(nn.Module):
    def __init__(self, wrap):
        super().__init__()
        self.conv, self.wrap = nn.Conv2d(3, 4, 3), wrap

    def forward(self, x):
        return self.wrap(self.conv(x).mean((2, 3)))


@pytest.mark.parametrize(
    ("wrap", "output"),
    [
        (lambda y: y, None),
        (lambda y: (y, None), None),
        (lambda y: [y], None),
        (lambda y: {"out": y, "aux": None}, None),
        (lambda y: {"logits": y}, None),
        (lambda y: {"loss": y[:, 0], "scores": y, "features": y[:, :2]}, None),
        (lambda y: Named(y[:, :2], y), None),
        (lambda y: Named(y[:, :, None, None], y), None),
        (lambda y: Pair(y.mean(), y), None),
        (lambda y: SimpleNamespace(loss=None, logits=y, hidden_states=(y, y)), None),
        (lambda y: models.GoogLeNetOutputs(y, y[:, :2], y[:, :3]), None),
        (lambda y: (y[:, :, None, None], y), None),
        (lambda y: (None, {"x": y}, y), None),
        (lambda y: {"other": y}, lambda answer: answer["other"]),
    ],
)
def test_outputs(wrap, output):
    assert Network(Answer(wrap), input_size=8, output=output).logits(torch.rand(3, 8, 8)).shape == (4,)


class Named(NamedTuple):
    features: torch.Tensor
    out: torch.Tensor


@dataclass
class Pair:
    first: torch.Tensor
    second: torch.Tensor


@pytest.mark.parametrize(
    ("wrap", "last"),
    [(lambda y: Pair(y, y[:, :2]), "answer.second"), (lambda y: (None, y, y[:, :2]), r"answer\[2\]")],
)
def test_two_tensors_that_could_be_the_scores(wrap, last):
    module = Answer(wrap)
    with pytest.raises(UserError, match=f"several tensors.*output=lambda answer: {last}"):
        _ = Network(module, input_size=8).layers
    assert Network(module, input_size=8, classes=["a", "b"]).logits(torch.rand(3, 8, 8)).shape == (2,)


def test_the_first_of_a_tuple_is_remarked_unless_the_names_tell():
    module = Answer(lambda y: (torch.cat([y, y], 1), y))
    with pytest.warns(UserWarning, match=r"2 tensors that could be its scores, and the first is taken.*answer\[1\]"):
        assert len(Network(module, input_size=8).classes) == 8
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(Network(module, input_size=8, classes=["a", "b", "c", "d"]).predict(torch.rand(3, 8, 8))) == 4


def test_output_that_does_not_fit():
    with pytest.raises(UserError, match=r"output cannot pick the scores .* a dict: KeyError\('y'\)"):
        _ = Network(Answer(lambda y: {"x": y}), input_size=8, output=lambda answer: answer["y"]).layers
    with pytest.raises(UserError, match="output must be a function"):
        Network(Answer(lambda y: y), output="logits")


@pytest.mark.parametrize(("wrap", "came"), [(lambda y: {"x": y}, "a dict"), (lambda y: y[:, :, None], "shape")])
def test_output_that_is_no_scores(wrap, came):
    with pytest.raises(UserError, match=f"{came}.*output="):
        Network(Answer(wrap), input_size=8).logits(torch.rand(3, 8, 8))


def test_any_size_and_precision():
    network = Network(Answer(lambda y: y).double(), input_size=None)
    for size in [(8, 8), (31, 17)]:
        picture = torch.rand(3, *size)
        assert network.prepare(picture).shape[2:] == size
        assert network.logits(picture).dtype == torch.float64
    half = Network(Answer(lambda y: y).bfloat16(), input_size=8)
    assert half.logits(torch.rand(3, 8, 8)).dtype == torch.float32


def test_only_this_thread_is_heard():
    class Slow(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.meanwhile = None

        def forward(self, x):
            if self.meanwhile:
                thread = threading.Thread(target=self.meanwhile)
                thread.start()
                thread.join()
            return self.conv(x).mean((2, 3))

    network = Network(Slow(), input_size=8)
    assert len(network.layers) == 1
    others = []
    with torch.no_grad():
        network.module.meanwhile = lambda: others.append(network.module.conv(torch.zeros(1, 3, 8, 8)))
        values = network.activations(torch.rand(3, 8, 8), "conv")
    assert len(others) == 1
    assert not torch.equal(values["conv"], others[0][0])


def test_a_layer_that_this_pass_does_not_reach():
    class Fickle(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.relu = nn.Conv2d(3, 4, 3), nn.ReLU()

        def forward(self, x):
            x = self.conv(x)
            return (self.relu(x) if x.shape[-1] == 222 else x).mean((2, 3))

    with pytest.raises(UserError, match="did not reach layer 'relu'"):
        Network(Fickle(), input_size=None).activations(torch.rand(3, 8, 8), "relu")


# Pictures


@pytest.mark.parametrize("size", [(300, 451), (500, 375), (224, 224), (100, 90), (256, 256)])
@pytest.mark.parametrize("name", ["squeezenet1_0", "efficientnet_b0"])
def test_prepare_is_torchvisions_transform(name, size):
    weights = models.get_model_weights(name).DEFAULT
    network = load_network(name, weights=None)
    picture = torch.rand(3, *size)
    prepared = network.prepare(picture)
    assert prepared.shape == (1, 3, 224, 224)
    assert torch.equal(network.prepare(prepared), prepared)
    assert torch.equal(network.prepare(picture[None]), prepared)
    if size != (224, 224):
        expected = weights.transforms()(picture)
        if name == "efficientnet_b0":  # bicubic: torchvision lets float pictures leave 0…1
            mean, std = (torch.tensor(values)[:, None, None] for values in (network.mean, network.std))
            expected = ((expected * std + mean).clamp(0, 1) - mean) / std
        torch.testing.assert_close(network.normalize(prepared)[0], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("target", [(32, 48), (48, 32), (33, 7)])
@pytest.mark.parametrize("size", [(100, 100), (20, 90), (64, 31)])
def test_prepare_covers_a_size_that_is_not_square(target, size):
    prepared = Network(Answer(lambda y: y), input_size=target).prepare(torch.ones(3, *size))
    assert prepared.shape[2:] == target
    torch.testing.assert_close(prepared, torch.ones_like(prepared))  # no black border


def test_prepare_channels():
    color, gray = torch.rand(3, 8, 8), torch.rand(1, 8, 8)
    assert torch.equal(Network(nn.Conv2d(3, 2, 3), input_size=8).prepare(gray), gray.expand(1, 3, 8, 8))
    luminance = Network(nn.Conv2d(1, 2, 3), input_size=8).prepare(color)
    torch.testing.assert_close(luminance[0, 0], 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2])
    five = Network(nn.Conv2d(5, 2, 3), input_size=8)
    assert five.channels == 5
    with pytest.raises(UserError, match="5 channels, not 3"):
        five.prepare(color)


@pytest.mark.parametrize(
    ("image", "complaint"),
    [
        ("chelsea", "must be a tensor"),
        (torch.rand(8, 8), "shape"),
        (torch.rand(3, 0, 8), "shape"),
        (torch.zeros(3, 8, 8, dtype=torch.uint8), "uint8"),
        (torch.full((3, 8, 8), float("nan")), "not finite"),
        (torch.full((3, 8, 8), float("inf")), "not finite"),
        (torch.rand(3, 8, 8) * 255, "0…1"),
        (torch.rand(8, 8, 3), "channels, not 8"),
    ],
)
def test_bad_pictures(image, complaint):
    with pytest.raises(UserError, match=complaint):
        Network(nn.Conv2d(3, 2, 3), input_size=8).prepare(image)


# Answers


def test_predict(network, picture):
    best = network.predict(picture, k=3)
    probabilities = network.logits(picture).softmax(0)
    assert [one.probability for one in best] == pytest.approx(probabilities.topk(3).values.tolist())
    assert all(one.probability == pytest.approx(probabilities[one.index].item()) for one in best)
    assert best[0].name == network.classes[best[0].index]
    batch = network.predict(torch.stack([picture, picture.flip(2)]), k=20)
    assert [len(one) for one in batch] == [10, 10]
    assert [one.probability for one in batch[0]][:3] == pytest.approx([one.probability for one in best])


def test_scores_that_are_not_finite():
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    nn.init.constant_(module[0].bias, float("nan"))
    with pytest.raises(UserError, match=r"gives scores that are not finite \(NaN or infinity\)"):
        Network(module, input_size=8).predict(torch.rand(3, 8, 8))


@pytest.mark.parametrize("target", [10, -1, "nonsense", True, None, 2.5])
def test_bad_classes(target):
    with pytest.raises(UserError):
        Network(Digits(), input_size=28).class_index(target)


# What is rejected


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"mean": [0.5, 0.5]}, "std|mean"),
        ({"mean": [0.1] * 3, "std": [1.0]}, "std has 1 values"),
        ({"std": 0.0}, "positive"),
        ({"input_size": (3, 4, 5)}, "input_size"),
        ({"input_size": 0}, "input_size"),
        ({"interpolation": "cubic"}, "interpolation"),
        ({"classes": ["a", "b"]}, "2 names, but .* 4 outputs"),
        ({"input_size": 2}, "does not take pictures of 3×2×2"),
    ],
)
def test_bad_networks(options, complaint):
    with pytest.raises(UserError, match=complaint):
        _ = Network(Answer(lambda y: y), **options).layers


def test_not_a_module():
    with pytest.raises(UserError, match="must be a torch"):
        Network("resnet18")


def test_unknown_layer_names_the_nearest():
    network = Network(Digits(), input_size=28)
    with pytest.raises(UserError, match="'conv1'"):
        network.layer("convv1")
    with pytest.raises(UserError, match="not part of it"):
        network.layer(nn.ReLU())
    with pytest.raises(UserError, match="must be a name"):
        network.layer(3)


def test_repr():
    network = Network(Digits(), input_size=28, name="digits", trained=False)
    assert repr(network) == "Network(digits, 28×28, untrained)"
    _ = network.layers
    assert repr(network) == "Network(digits, 10 classes, 28×28, untrained)"


def test_a_very_long_picture_takes_no_more_memory_than_its_center(network):
    long = torch.rand(3, 2, 6000)
    torch.testing.assert_close(network.prepare(long), network.prepare(long[..., 2900:3100]), rtol=0, atol=1e-6)
