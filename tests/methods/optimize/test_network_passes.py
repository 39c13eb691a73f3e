"""Made pictures where memory is short, and of networks that do not take every size."""

import gc
import weakref

import pytest
import torch
import torch.nn.functional as F
from ascent import run, slope
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.optimize import objectives as o
from cnnviz_widgets.engine.optimize import optimize, transforms
from cnnviz_widgets.engine.optimize import parametrizations as p
from cnnviz_widgets.engine.optimize.network_passes import NetworkPasses
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network
from cnnviz_widgets.runtime.batching import TooLarge

# Memory


class Short(nn.Module):
    """Has memory for ``room`` pictures: it fails for more, on the way forward, or only on the way back."""

    def __init__(self, room: int, on_the_way_back: bool = False) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.features = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 5, 3))
        self.head = nn.Linear(5, 4)
        self.room, self.on_the_way_back, self.seen = room, on_the_way_back, []

    def forward(self, x):
        self.seen.append(len(x))
        if len(x) > self.room and not self.on_the_way_back:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 96.00 MiB.")
        maps = self.features(x)
        if maps.requires_grad and len(x) > self.room:
            maps.register_hook(self.fail)
        return self.head(maps.mean((2, 3)))

    def fail(self, _):
        raise RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")


def short(room: int, on_the_way_back: bool = False) -> Network:
    return Network(Short(room, on_the_way_back).double(), input_size=10, mean=0.5, std=0.25)


OBJECTIVES = {
    "classes": lambda: o.logit([0, 1, 2, 3, 0]) - 0.01 * o.l2(),
    "a layer": lambda: o.channel("features.2", [0, 1, 2, 3, 4]) * [1, 2, 3, 4, 5],
    "pictures that are compared": lambda: o.channel("features.2", 1) * (1 - 0.9 * o.diversity("features.2")),
    "both": lambda: o.probability(1) + o.diversity("features.0") - o.total_variation(),
}


@pytest.mark.parametrize("on_the_way_back", [False, True])
@pytest.mark.parametrize("room", [1, 2, 3])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_gradient_of_a_batch_is_that_of_its_pieces(objective, room, on_the_way_back):
    pictures = torch.rand(5, 3, 10, 10, dtype=torch.float64)
    expected = slope(short(99), OBJECTIVES[objective](), pictures)
    found = slope(short(room, on_the_way_back), OBJECTIVES[objective](), pictures)
    assert expected.flatten(1).any(1).all()
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-13)


def test_whole_runs_are_the_same_and_learn_what_fits():
    def made(network):
        moves = [transforms.jitter(2), transforms.color()]
        return run(network, o.logit(2) + o.diversity("features.0"), p.pixels(batch=4), moves, steps=6, seed=1)

    network = short(1)
    small, large = made(network), made(short(99))
    torch.testing.assert_close(small.values, large.values, rtol=0, atol=1e-10)
    assert small.terms == pytest.approx(large.terms, rel=1e-9)
    assert torch.equal(small.generator, large.generator)
    assert network.module.seen.count(4) == 1  # and then never again


@pytest.mark.parametrize(
    "call",
    [
        lambda n: cnnviz.class_model(n, [0, 1, 2], "simonyan", steps=2),
        lambda n: cnnviz.visualize(n, "features.2", [0, 1, 2], size=12, steps=2),
        lambda n: cnnviz.diverse(n, "features.2", 0, 3, size=12, steps=2),
        lambda n: cnnviz.interpolate(n, ("features.2", 0), ("features.2", 1), 3, size=12, steps=2),
    ],
)
def test_every_technique_halves_its_batch(call):
    values = [cnnviz.last(call(short(room)), progress=False).values for room in (1, 99)]
    torch.testing.assert_close(*values, rtol=0, atol=1e-8)


def test_a_single_picture_says_how_much_was_wanted_and_what_takes_less():
    network = short(99)
    states = optimize(network, o.logit(1), p.pixels(9), steps=2)
    network.module.room = 0
    with pytest.raises(TooLarge, match=r"96.00 MiB more were wanted, and .* were free.*smaller size") as error:
        next(states)
    assert "\n" not in str(error.value)


def test_a_single_picture_that_fails_on_the_way_back_is_told_the_same_way():
    network = short(0, on_the_way_back=True)
    for call in (
        lambda: cnnviz.saliency(network, torch.rand(3, 10, 10), 1),
        lambda: run(network, o.logit(1), p.pixels(), steps=1),
    ):
        with pytest.raises(TooLarge, match="one picture of 10×10 pixels"):
            call()


def test_a_step_that_fails_changes_nothing_and_can_be_tried_again():
    network = short(99)
    want = run(network, o.logit(1), p.pixels(batch=2), steps=4)
    half = run(network, o.logit(1), p.pixels(batch=2), steps=2)
    network.module.room = 0
    with pytest.raises(TooLarge):
        run(network, o.logit(1), start=half, steps=4)
    assert not network.module.features[0]._forward_hooks
    network.module.room = 99
    assert torch.equal(run(network, o.logit(1), start=half, steps=4).values, want.values)


def test_an_error_keeps_no_tensors_of_the_pass():
    made = []

    class Keeps(Short):
        def forward(self, x):
            large = self.features(x)
            made.append(weakref.ref(large))
            if self.room == 0:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return self.head(large.mean((2, 3)))

    network = Network(Keeps(1).double(), input_size=10)
    _ = network.layers
    network.module.room = 0
    gc.disable()
    try:
        with pytest.raises(TooLarge) as error:
            run(network, o.logit(1), p.pixels(), steps=1)
        with pytest.raises(TooLarge) as other:
            network.logits(torch.rand(3, 10, 10))
        assert error.value is not other.value  # both still there
        assert [one() for one in made] == [None] * len(made)
    finally:
        gc.enable()


# Sizes


class LeNet(nn.Module):
    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(channels, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.f1, self.f2 = nn.Linear(400, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c2(F.max_pool2d(F.relu(self.c1(x)), 2))), 2)
        return self.f2(F.relu(self.f1(x.flatten(1))))


class Recurrent(nn.Module):
    """Reads columns, of any number, as a network does that reads lines of text: its height is fixed."""

    def __init__(self) -> None:
        super().__init__()
        self.c, self.rnn, self.f = nn.Conv2d(1, 8, 3, 4, 1), nn.GRU(64, 16, batch_first=True), nn.Linear(16, 10)

    def forward(self, x):
        steps, _ = self.rnn(F.relu(self.c(x)).permute(0, 3, 1, 2).flatten(2))
        return self.f(steps.mean(1))


class Patches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.p, self.positions = nn.Conv2d(3, 16, 8, 8), nn.Parameter(torch.randn(1, 16, 16))
        self.block, self.f = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), nn.Linear(16, 10)

    def forward(self, x):
        return self.f(self.block(self.p(x).flatten(2).transpose(1, 2) + self.positions).mean(1))


class Multiples(nn.Module):
    """Adds maps that were pooled and enlarged again: both sides must be multiples of 8."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.f = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8, 10)

    def forward(self, x):
        y = F.relu(self.a(x))
        return self.f(F.relu(self.b(y + F.interpolate(F.max_pool2d(y, 8), scale_factor=8))).mean((2, 3)))


NETWORKS = {
    "lenet": (lambda: LeNet(), 28, "f1"),
    "two channels": (lambda: LeNet(2), 28, "f1"),
    "four channels": (lambda: LeNet(4), 28, "f1"),
    "five channels": (lambda: LeNet(5), 28, "f1"),
    "mlp": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(3072, 50), nn.ReLU(), nn.Linear(50, 10)), 32, "1"),
    "recurrent": (Recurrent, (32, 100), "f"),
    "patches": (Patches, 32, "f"),
    "multiples": (Multiples, 64, "f"),
}


@pytest.fixture(params=NETWORKS)
def fixed(request):
    make, size, layer = NETWORKS[request.param]
    torch.manual_seed(5)
    return Network(make().eval(), input_size=size), layer


@pytest.mark.filterwarnings("ignore:.*takes pictures of")
def test_every_technique_works_at_its_defaults(fixed, tmp_path):
    network, layer = fixed
    photo, large = torch.rand(network.channels, *network.input_size), torch.rand(network.channels, 90, 110)
    calls = {
        "class_model": cnnviz.class_model(network, 3, steps=2),
        "cs231n": cnnviz.class_model(network, 3, "cs231n", steps=2),
        "visualize": cnnviz.visualize(network, layer, [0, 1], steps=2),
        "diverse": cnnviz.diverse(network, layer, 0, steps=2),
        "interpolate": cnnviz.interpolate(network, (layer, 0), (layer, 1), steps=2),
        "invert": cnnviz.invert(network, photo, layer, steps=2),
        "dream": cnnviz.dream(network, photo, layer, steps=1),
        "dream of a large photo": cnnviz.dream(network, large, layer, steps=1),
        "zoom": cnnviz.dream_zoom(network, photo, tmp_path / "dream.gif", layer, frames=2, steps=1),
    }
    for name, states in calls.items():
        state = cnnviz.last(states, progress=False)
        assert state.values.isfinite().all(), name
        assert state.content().pictures is not None, name
    assert state.values.shape == photo.shape


def test_of_what_transforms_add_a_fixed_network_sees_nothing():
    """A pad alone is cut off again: the run is the one without."""
    network = Network(LeNet().double(), input_size=28)
    plain, padded = (run(network, o.logit(3), p.pixels(), moves, steps=3) for moves in ([], [transforms.pad(16)]))
    torch.testing.assert_close(padded.values, plain.values, rtol=0, atol=1e-12)


def test_a_picture_of_another_size_is_seen_resized():
    network = Network(LeNet().double(), input_size=28)
    pictures = torch.rand(1, 1, 56, 42, dtype=torch.float64)
    with pytest.warns(UserWarning, match="LeNet takes pictures of 28×28 pixels here"):
        found = slope(network, o.logit(3), pictures)
    x = pictures.clone().requires_grad_()
    small = F.interpolate(x, (28, 28), mode="bilinear", antialias=True)
    (expected,) = torch.autograd.grad(network.module.eval()(network.normalize(small))[0, 3], x)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def test_layers_before_the_flatten_take_any_size():
    """As large as the picture is, and nothing is said."""
    network = Network(LeNet().double(), input_size=28)
    pictures = torch.rand(1, 1, 60, 50, dtype=torch.float64)
    x = pictures.clone().requires_grad_()
    (expected,) = torch.autograd.grad(network.module.c1(network.normalize(x))[0, 2].mean(), x)
    torch.testing.assert_close(slope(network, o.channel("c1", 2), pictures), expected, rtol=1e-9, atol=1e-13)


def test_the_size_is_found_once(monkeypatch):
    network, tried = Network(LeNet().eval(), input_size=28), []
    whole = network.forward
    monkeypatch.setattr(network, "forward", lambda batch, *a, **k: tried.append(batch.shape) or whole(batch, *a, **k))
    run(network, o.logit(3), p.pixels(), transforms.robust(), steps=2)
    first = len(tried)
    run(network, o.logit(3), p.pixels(), transforms.robust(), steps=2)
    assert len(tried) - first == 3  # the pass that failed, and two steps


def test_networks_that_take_any_size_pay_nothing(monkeypatch):
    network = short(99)
    _ = network.layers
    network.module.seen.clear()
    monkeypatch.setattr(NetworkPasses, "adapted", lambda *_: pytest.fail("nothing failed"))
    run(network, o.logit(1), p.pixels(30), transforms.robust(), steps=3)
    assert len(network.module.seen) == 3


def test_an_error_that_is_no_matter_of_size_is_told():
    network = Network(LeNet().eval(), input_size=28)
    with pytest.raises(UserError, match="position must be None"):
        run(network, o.neuron("f1", 0, (1, 1)), p.pixels(), transforms.robust(), steps=1)
