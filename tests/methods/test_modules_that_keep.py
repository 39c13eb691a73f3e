"""Modules whose ``forward`` stores, appends, counts and caches, on themselves and elsewhere."""

import copy
import io
import pickle
from itertools import islice

import pytest
import torch
from torch import fx, nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.incremental import IncrementalPasses, quickest_passes

ELSEWHERE: dict = {"all": []}


class Keeps(nn.Module):
    """Everyone's home-made Grad-CAM."""

    calls, together = 0, []

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 6)
        self.maps, self.all, self.by_name, self.count = None, [], {}, 0
        self.plain = torch.zeros(1)
        self.register_buffer("seen", torch.zeros(1))
        self.register_buffer("mean", torch.zeros(4))

    def forward(self, x):
        self.maps = maps = self.body(x).relu()
        self.view, self.pair = maps.flatten(1), (x, maps)
        self.all.append(maps)
        self.by_name["maps"] = maps
        self.count += 1
        self.seen += 1
        self.plain = self.plain + 1
        self.mean = 0.9 * self.mean + 0.1 * maps.mean((0, 2, 3))
        Keeps.calls += 1
        Keeps.together.append(maps)
        ELSEWHERE["maps"] = maps
        ELSEWHERE["all"].append((maps, "a name"))
        return self.head(maps.mean((2, 3)))


METHODS = {
    "occlusion": lambda n, x: next(cnnviz.occlusion(n, x, 0, size=8, stride=8)),
    "saliency": lambda n, x: cnnviz.saliency(n, x),
    "guided": lambda n, x: cnnviz.class_gradient(n, x, rule="guided"),
    "smoothgrad": lambda n, x: cnnviz.smoothgrad(n, x, samples=2),
    "full_grad": lambda n, x: cnnviz.full_grad(n, x),
    "grad_cam": lambda n, x: cnnviz.grad_cam(n, x, layer="body"),
    "guided_grad_cam": lambda n, x: cnnviz.guided_grad_cam(n, x, layer="body"),
    "score_cam": lambda n, x: cnnviz.score_cam(n, x, layer="body"),
    "class_model": lambda n, x: [*islice(cnnviz.class_model(n, 0, steps=2), 2)],
    "sanity_check": lambda n, x: [*islice(cnnviz.sanity_check(cnnviz.saliency, n, x), 2)],
    "predict": lambda n, x: n.predict(x),
}


@pytest.fixture
def module(monkeypatch):
    """With places to keep things that are as new as a user's: see ``pytest_collection_finish``."""
    monkeypatch.setitem(globals(), "ELSEWHERE", {"all": []})
    monkeypatch.setattr(Keeps, "together", [])
    return Keeps().eval()


@pytest.fixture
def picture():
    return torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(2))


def kept(value):
    """Every tensor, and what is like one, in attributes, lists and dictionaries."""
    if isinstance(value, torch.Tensor | fx.Proxy):
        yield value
    elif isinstance(value, list | tuple | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from kept(one)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.filterwarnings("ignore:.*(gradient of a picture is 0|met no ReLU|the same everywhere)")
def test_what_a_module_keeps_is_its_own_and_can_be_copied_and_saved(module, picture, method):
    METHODS[method](cnnviz.Network(module, input_size=32), picture)
    for tensor in kept(vars(module)):
        assert isinstance(tensor, torch.Tensor)
        assert tensor.grad_fn is None
        assert not tensor.is_inference()
    assert not any(isinstance(one, fx.Proxy) for one in kept([ELSEWHERE, Keeps.together]))
    assert isinstance(module.count, int)
    assert float(module.seen) == module.count == float(module.plain)
    torch.save(module.state_dict(), io.BytesIO())
    torch.save(module, io.BytesIO())
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(twin.maps, module.maps)


class Hooked(nn.Module):
    """As the guides to hooks have it: the output is stored on the layer, one of torch's own."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 6)
        self.body.register_forward_hook(_store)

    def forward(self, x):
        return self.head(self.body(x).relu().mean((2, 3)))


def _store(module, inputs, output):
    module.output = output


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.filterwarnings("ignore:.*(gradient of a picture is 0|met no ReLU|the same everywhere)")
def test_what_a_hook_keeps_can_be_copied(picture, method):
    hooked = Hooked().eval()
    network = cnnviz.Network(hooked, input_size=32)
    METHODS[method](network, picture)
    assert hooked.body.output.grad_fn is None
    copy.deepcopy(network)


def test_such_a_module_is_occluded_as_quickly_as_others(module):
    network = cnnviz.Network(module, input_size=32)
    assert isinstance(quickest_passes(network, torch.randn(3, 32, 32)), IncrementalPasses)


def test_a_copy_in_the_middle_of_a_pass_has_nothing_of_ours(picture):
    class Copies(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU())
            self.head = nn.Linear(4, 6)

        def forward(self, x):
            out = self.head(self.body(x).mean((2, 3)))
            copies.append(copy.deepcopy(self))
            return out

    copies, module = [], Copies().eval()
    network = cnnviz.Network(module, input_size=32)
    for method in ("saliency", "grad_cam", "guided", "class_model"):
        if method == "grad_cam":
            cnnviz.grad_cam(network, picture, layer="body.0")
        else:
            METHODS[method](network, picture)
    assert len(copies) > 5
    for twin in copies:
        for part, own in zip(twin.modules(), module.modules(), strict=True):
            assert vars(part).keys() == vars(own).keys()
            assert not part._forward_hooks
            assert not part._forward_pre_hooks
        pickle.dumps(twin.body)


def test_reading_the_weights_moves_no_spectral_norm():
    convolution = nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 3))
    module = nn.Sequential(convolution, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).train()
    network = cnnviz.Network(module, input_size=16)
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    cnnviz.filters(network)
    cnnviz.cam(network, torch.rand(3, 16, 16), layer="1")
    assert module.training
    assert all(torch.equal(buffer, before[name]) for name, buffer in module.named_buffers())


class KeepsOnALayer(nn.Module):
    """What is stored on one of torch's own layers is seen by no hook of the module that stores it."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 6)

    def forward(self, x):
        self.body.out = self.body(x).relu()
        return self.head(self.body.out.mean((2, 3)))


@pytest.mark.parametrize("mode", ["cascading", "independent"])
def test_a_module_that_keeps_maps_on_a_layer_can_be_randomized(mode):
    module = KeepsOnALayer()
    module(torch.rand(1, 3, 16, 16))  # leaves a tensor that has a way back
    network = cnnviz.Network(module, input_size=16)
    states = [*cnnviz.sanity_check(cnnviz.saliency, network, torch.rand(3, 16, 16), target=0, mode=mode)]
    assert [one.step for one in states] == [0, 1, 2]
    assert all(weight.requires_grad for weight in module.parameters())
    module.body.out = None  # as its user would, before copying it
    copy.deepcopy(module)
