"""Against brute force: the module itself, on pictures with the squares in them."""

import gc
import threading
import weakref
from math import prod
from typing import ClassVar

import pytest
import torch
import torch.nn.functional as F
from architectures import module, odd, state, with_statistics  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from cnnviz_widgets.engine.incremental import FullPasses, IncrementalPasses, passes, quickest_passes, tiles
from cnnviz_widgets.engine.incremental.passes import _traced
from cnnviz_widgets.engine.incremental.windows import Blur, Kernel, Span, widest
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures import load_image
from cnnviz_widgets.runtime.device import use


def with_squares(picture, squares, tops, lefts):
    height, width = squares.shape[-2:]
    batch = picture.repeat(len(squares), 1, 1, 1)
    for i, (top, left) in enumerate(zip(tops, lefts, strict=True)):
        batch[i, :, top : top + height, left : left + width] = squares[i]
    return batch


def places(height, width, size, steps):
    """Corners, borders and the middle."""
    tops, lefts = ([round(i * (side - size) / (steps - 1)) for i in range(steps)] for side in (height, width))
    return zip(*[(top, left) for top in tops for left in lefts], strict=True)


def largest_difference(network, size, steps=3, layers=(), kind=IncrementalPasses):
    """Between the answers of the quickest passes and the module's own, for ``steps`` × ``steps`` positions."""
    network.module.eval()
    parameter = next(network.module.parameters(), torch.zeros(0).double())
    picture = torch.randn(network.channels, *network.input_size, dtype=parameter.dtype)
    tops, lefts = places(*network.input_size, size, steps)
    squares = torch.randn(len(tops), network.channels, size, size, dtype=parameter.dtype)
    passes = quickest_passes(network, picture, layers)
    assert type(passes) is kind
    found, values = passes(squares, tops, lefts)
    batch = with_squares(picture, squares, tops, lefts)
    with torch.no_grad():
        expected = network.scores(network.module(batch))
    assert float((expected - expected.mean(0)).abs().max()) > 1e-6 * float(expected.abs().max())  # it matters where
    _, own = network.forward(batch, layers)
    pairs = [(found, expected), *((values[name], own[name]) for name in layers)]
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


def lively(one):
    """With normalizations that do something, and without a signal that fades away on its way through many layers."""
    for part in one.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight)
    return with_statistics(one).double().eval()


@pytest.mark.parametrize(
    "name",
    ["alexnet", "vgg11", "resnet18", "squeezenet1_0", "googlenet", "densenet121", "mobilenet_v2", "mobilenet_v3_small"],
)
def test_architectures(name):
    options = {"init_weights": False} if name in ("vgg11", "googlenet") else {}
    net = models.get_model(name, weights=None, num_classes=5, **options)
    if name in ("alexnet", "vgg11"):  # their last layers have most of the weights
        net.classifier = nn.Linear(net.classifier[1 if name == "alexnet" else 0].in_features, 5)
    if name == "googlenet":
        net.transform_input = True
    network = Network(lively(net), input_size=(80, 69))
    assert largest_difference(network, 19) < 1e-11
    assert largest_difference(network, 1) < 1e-11


@pytest.mark.parametrize("size", [1, 4, 13, 21])
def test_squares_of_any_size(size):
    torch.manual_seed(size)
    network = Network(lively(models.squeezenet1_1(num_classes=4)), input_size=(64, 75))
    assert largest_difference(network, size, 4) < 1e-12


class Net(nn.Module):
    """Convolutions around something else, so that it is met by a part of a map."""

    def __init__(self, middle):
        super().__init__()
        self.first, self.middle = nn.Conv2d(2, 6, 3, padding=1), middle
        self.last = nn.Conv2d(6, 5, 3)

    def forward(self, x):
        return self.last(F.relu(self.middle(self.first(x)))).square().mean((2, 3))


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.scale = nn.Parameter(torch.rand(1, 6, 1, 1))
        self.ramp = nn.Parameter(torch.rand(1, 1, 21, 26))
        self.conv = nn.Conv2d(6, 6, 1)
        self.wide = nn.Conv2d(6, 6, 5, padding=2)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.function(self, x)


def used_afterwards(self, x):
    y = x.relu_()
    return y + 2 * x


def used_before(self, x):
    y = x * 3
    z = self.relu(x)
    return y + z + x


def added_in_place(self, x):
    y = self.wide(x)
    y += x
    return y - x


MIDDLES = {
    "max pool": nn.MaxPool2d(3, 2),
    "max pool, ceiling": nn.MaxPool2d(3, 2, ceil_mode=True),
    "max pool, padded": nn.MaxPool2d((3, 2), (2, 1), padding=(1, 1)),
    "max pool, dilated": nn.MaxPool2d(2, 1, dilation=3),
    "max pool with indices": Function(lambda self, x: F.max_pool2d(x, 2, return_indices=True)[0]),
    "max pool, function": Function(lambda self, x: F.max_pool2d(x, 3, stride=2, padding=1, ceil_mode=True)),
    "average pool": nn.AvgPool2d(2),
    "average pool, padded": nn.AvgPool2d(3, 1, padding=1),
    "average pool, padding not counted": nn.AvgPool2d(3, 2, padding=1, count_include_pad=False),
    "average pool, ceiling": nn.AvgPool2d(3, 2, ceil_mode=True),
    "average pool, ceiling and padded": nn.AvgPool2d((4, 3), (3, 2), padding=1, ceil_mode=True),
    "average pool, its own divisor": nn.AvgPool2d(3, 2, padding=1, divisor_override=2),
    "average pool, function": Function(lambda self, x: F.avg_pool2d(x, 3, 1, 1)),
    "grouped": nn.Conv2d(6, 6, 3, padding=1, groups=3),
    "one by one": nn.Conv2d(6, 6, 1),
    "one by one, strided": nn.Conv2d(6, 6, 1, stride=2),
    "dilated": nn.Conv2d(6, 6, 3, padding=2, dilation=2),
    "even": nn.Conv2d(6, 6, 4, padding=1),
    "oblong": nn.Conv2d(6, 6, (1, 7), padding=(0, 3), stride=(2, 1)),
    "gaps": nn.Conv2d(6, 6, 2, stride=4),
    "no padding": nn.Conv2d(6, 6, 5, bias=False),
    "more padding than kernel": nn.Conv2d(6, 6, 3, padding=4),
    "same": nn.Conv2d(6, 6, 5, padding="same"),
    "same, uneven": nn.Conv2d(6, 6, 4, padding="same"),
    "valid": nn.Conv2d(6, 6, 3, padding="valid"),
    "mirrored": nn.Conv2d(6, 6, 3, padding=1, padding_mode="reflect"),
    "circular": nn.Conv2d(6, 6, 3, padding=1, padding_mode="circular"),
    "transposed": nn.ConvTranspose2d(6, 6, 3, stride=2),
    "norm": nn.Sequential(nn.Conv2d(6, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.BatchNorm2d(6)),
    "norm without weights": nn.Sequential(nn.Conv2d(6, 6, 3), nn.BatchNorm2d(6, affine=False), nn.ReLU6()),
    "group norm": nn.GroupNorm(2, 6),
    "local response": nn.LocalResponseNorm(3),
    "sigmoids": nn.Sequential(nn.SiLU(), nn.PReLU(6), nn.Hardswish(), nn.Dropout(), nn.Identity(), nn.Softplus()),
    "softmax": nn.Softmax(1),
    "shuffle": nn.Sequential(nn.ChannelShuffle(3)),
    "enlarged": nn.Upsample(scale_factor=2, mode="bilinear"),
    "a constant each channel": Function(lambda self, x: x * self.scale + 1),
    "a constant each place": Function(lambda self, x: x * self.ramp),
    "gate": Function(lambda self, x: x * self.conv(F.adaptive_avg_pool2d(x, 1)).sigmoid()),
    "sum": Function(lambda self, x: self.wide(x) + self.conv(x) - 0.5),
    "crossed": Function(lambda self, x: self.conv(x) * x.mean((2, 3), keepdim=True) + self.wide(x)),
    "means": Function(
        lambda self, x: x * F.adaptive_avg_pool2d(self.wide(x), (1, 1)) + x.mean(dim=[-2, -1], keepdim=True)
    ),
    "joined": Function(lambda self, x: torch.cat([self.conv(x), x, self.wide(self.wide(x))], dim=1)[:, 4:10]),
    "joined below": Function(lambda self, x: torch.cat([x, self.wide(x)], dim=2)),
    "one channel": Function(lambda self, x: self.wide(x)[:, -2].unsqueeze(1) * self.scale),
    "rows": Function(lambda self, x: x[:, :, 3:]),
    "chunks": Function(lambda self, x: torch.cat([x.chunk(2, dim=1)[one] for one in (1, 0)], 1)),
    "turned": Function(lambda self, x: x.permute(0, 2, 3, 1).softmax(-1).permute(0, 3, 1, 2)),
    "twice": Function(lambda self, x: self.wide(self.wide(x).relu())),
    "functional": Function(lambda self, x: F.conv2d(x, self.conv.weight, padding=1)),
    "overwritten, used afterwards": Function(used_afterwards),
    "overwritten, used before": Function(used_before),
    "added in place": Function(added_in_place),
    "sizes": Function(lambda self, x: x.view(x.size(0), x.shape[1], -1).view(x.size())),
}


@pytest.mark.parametrize("name", MIDDLES)
def test_operations(name):
    network = Network(lively(Net(MIDDLES[name])), input_size=(21, 26), mean=(0.5, 0.5), std=(1, 1))
    assert largest_difference(network, 5, 5) < 1e-12
    assert largest_difference(network, 1, 9) < 1e-12


@pytest.mark.parametrize("name", ["max pool, padded", "more padding than kernel", "norm", "sum", "means"])
def test_in_tiles(name, monkeypatch):
    for cost in ("MULTIPLY", "STEP", "TOUCH", "READ", "MAKE"):
        monkeypatch.setattr(tiles, cost, 0)
    test_operations(name)


@pytest.mark.parametrize("name", MIDDLES)
def test_operations_where_little_is_felt(name, monkeypatch):
    with use(precision="fast"):
        monkeypatch.setitem(passes.FELT, "fast", 100)
        test_operations(name)
        monkeypatch.setitem(passes.FELT, "fast", 0)
        network = Network(lively(Net(MIDDLES[name])), input_size=(21, 26), mean=(0.5, 0.5), std=(1, 1))
        assert largest_difference(network, 5, 5) < 2  # no way through it fails, whatever is cut off


def test_what_is_not_felt_stays_as_it_was(monkeypatch):
    """Against whole maps, of which only the windows are taken."""
    torch.manual_seed(0)
    monkeypatch.setitem(passes.FELT, "fast", 0.8)
    relu = nn.ReLU()
    layers = [
        nn.Sequential(nn.Conv2d(2, 6, 5, padding=2), relu),
        nn.MaxPool2d(3, 2),
        nn.Sequential(nn.Conv2d(6, 8, 3, padding=1), relu),
        nn.Sequential(nn.Conv2d(8, 8, 3, padding=2, dilation=2), relu),
        nn.AvgPool2d(2),
    ]
    head = nn.Sequential(nn.Flatten(), nn.Linear(8 * 9 * 11, 4))
    network = Network(nn.Sequential(*layers, head).double().eval(), input_size=(40, 48), mean=(0.5, 0.5), std=(1, 1))
    picture, squares = torch.randn(2, 40, 48).double(), torch.randn(9, 2, 7, 7).double()
    tops, lefts = places(40, 48, 7, 3)
    with use(precision="fast"):
        quick = quickest_passes(network, picture)
        found, _ = quick(squares, tops, lefts)
        windows = quick._plan((Span(tops, 7), Span(lefts, 7)))
    values, unchanged, left_out = with_squares(picture, squares, tops, lefts), picture[None], []
    with torch.no_grad():
        for layer, step in zip(layers, quick._steps, strict=False):
            values, unchanged = layer(values), layer(unchanged)
            rows, columns = windows[step.out]
            felt = torch.zeros(9, 1, *values.shape[2:], dtype=torch.bool)
            for one, top, left in zip(felt, rows.starts, columns.starts, strict=True):
                one[:, top : top + rows.length, left : left + columns.length] = True
            left_out.append(float(((values - unchanged) * ~felt).abs().max()))
            values = torch.where(felt, values, unchanged)
        torch.testing.assert_close(found, head(values), rtol=0, atol=1e-12)
    assert all(left_out[number] > 0.01 for number in (0, 2, 3))


def test_less_is_computed():
    for net in (models.squeezenet1_1(num_classes=4), models.resnet18(num_classes=4)):
        network = Network(net.eval(), input_size=160)
        squares, corner = torch.zeros(1, 3, 16, 16), [(48,), (64,)]
        count = {}
        for kind in (FullPasses, quickest_passes):
            passes = kind(network, torch.randn(3, 160, 160))
            with FlopCounterMode(display=False) as counter:
                passes(squares, *corner)
            count[kind] = counter.get_total_flops()
        assert count[quickest_passes] < 0.65 * count[FullPasses]


class Squeezing(nn.Module):
    """A module that is used again, a block, and layers whose outputs others overwrite or take in."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.drop = nn.Dropout()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.fc = nn.Linear(16, 3)

    def forward(self, x):
        x = self.drop(self.stem(x))
        x = self.relu(self.conv(x))
        x = self.relu(self.conv(x))
        return self.fc(torch.flatten(self.pool(x), 1))


def test_what_comes_out_of_layers():
    network = Network(lively(Squeezing()), input_size=(16, 19), mean=(0, 0), std=(1, 1))
    names = [layer.name for layer in network.layers]
    assert {"stem.0", "stem.1", "stem.2", "conv", "conv#2", "relu#2", "pool", "fc"} <= set(names)
    assert largest_difference(network, 5, 4, layers=names) < 1e-12
    for name in names:
        assert largest_difference(network, 5, 4, layers=[name]) < 1e-12


def test_however_many_at_once():
    network = Network(lively(models.squeezenet1_1(num_classes=4)), input_size=(64, 75))
    tops, lefts = places(64, 75, 12, 6)
    passes, squares = quickest_passes(network, torch.randn(3, 64, 75).double()), torch.randn(36, 3, 12, 12).double()
    together, _ = passes(squares, tops, lefts)
    for count in (1, 5, 17):
        pieces = [slice(i, i + count) for i in range(0, 36, count)]
        apart = torch.cat([passes(squares[piece], tops[piece], lefts[piece])[0] for piece in pieces])
        torch.testing.assert_close(apart, together, rtol=1e-12, atol=1e-14)


class Undecided(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.other = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return (self.conv if x.sum() > 0 else self.other)(x).mean((2, 3))


def test_what_cannot_be_read_is_computed_whole():
    undecided = Network(Undecided().double(), input_size=(16, 18))
    assert largest_difference(undecided, 5, 3, kind=FullPasses) == 0
    changed = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten()).double()
    changed[1].register_forward_hook(lambda *call: call[-1] * 2)
    assert largest_difference(Network(changed, input_size=(16, 18)), 5, 3, kind=FullPasses) == 0


def test_a_module_that_has_changed():
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(), nn.Linear(16, 5),
    ).double()  # fmt: skip
    network = Network(net, input_size=(16, 18))

    def weights():
        net[0].weight.data += 1

    def statistics():
        net[1].running_mean += 1

    def geometry():
        net[3].stride = (2, 1)

    def layer():
        net[3] = nn.Conv2d(4, 4, 1, groups=2).double()

    def order():
        net[2] = nn.Sequential(nn.MaxPool2d(3, 1), nn.Conv2d(4, 4, 3)).double()

    def training():
        net[1].track_running_stats, net[1].running_mean, net[1].running_var = False, None, None

    for change in (lambda: None, weights, statistics, geometry, layer, order):
        change()
        assert largest_difference(network, 5) < 1e-12
    picture = torch.randn(3, 16, 18).double()
    training()  # now what comes out of one picture depends on the others that are computed with it
    assert type(quickest_passes(network, picture)) is IncrementalPasses


def test_everything_stays_as_it_was(odd):  # noqa: F811
    network = Network(odd, input_size=64)
    before, generator = state(odd), torch.get_rng_state()
    passes = quickest_passes(network, torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(0)))
    passes(torch.zeros(2, 3, 9, 9), (3, 50), (0, 55))
    assert state(odd) == before
    assert torch.equal(torch.get_rng_state(), generator)
    assert torch.is_grad_enabled()


def test_what_is_known_goes_with_the_module():
    network = Network(models.squeezenet1_1(num_classes=4).eval(), input_size=64)
    passes = quickest_passes(network, torch.randn(3, 64, 64))
    net = weakref.ref(network.module)
    assert network.module in _traced
    del network, passes
    gc.collect()
    assert net() is None


class Meanwhile(nn.Module):
    """Another thread uses the module while it is being read."""

    answers: ClassVar[list] = []  # of the class: what a copy that is read stores on itself is gone with it

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3).double()
        self.scale = nn.Parameter(torch.ones(1, 4, 1, 1).double())

    def forward(self, x):
        if not isinstance(x, torch.Tensor):
            real = torch.ones(1, 3, 8, 8).double()
            thread = threading.Thread(target=lambda: self.answers.append(self.conv(real) * self.scale))
            thread.start()
            thread.join()
        return (self.conv(x) * self.scale).mean((2, 3))


def test_other_threads_are_left_in_peace():
    network = Network(Meanwhile(), input_size=(16, 18))
    assert largest_difference(network, 5) < 1e-12
    assert [answer.shape for answer in Meanwhile.answers] == [(1, 4, 6, 6)]


class Largest(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **kwargs or {})
        for one in out if isinstance(out, tuple | list) else [out]:
            if isinstance(one, torch.Tensor):
                self.most = max(getattr(self, "most", 0), one.untyped_storage().nbytes())
        return out


def test_memory_is_that_of_full_passes_at_most(monkeypatch):
    monkeypatch.setattr(tiles, "MAKE", 0)  # kernels are made in the first pass, and kept as weights are
    network = Network(models.resnet18(num_classes=4).eval(), input_size=96)
    most = {}
    for size in (16, 96):
        squares, corners = torch.zeros(16, 3, size, size), [(0,) * 16] * 2
        for kind in (FullPasses, quickest_passes):
            passes = kind(network, torch.randn(3, 96, 96))
            passes(squares, *corners)
            with Largest() as largest:
                passes(squares, *corners)
            most[size, kind] = largest.most
    assert most[16, quickest_passes] < 0.5 * most[16, FullPasses]
    assert most[96, quickest_passes] <= 1.2 * most[96, FullPasses]


def test_a_real_network_in_single_precision(real_squeezenet):
    """The probabilities, which have to agree to 1e-4, agree to the last digits."""
    network = real_squeezenet
    picture = network.normalize(network.prepare(load_image("chelsea")))[0]
    tops, lefts = places(*picture.shape[1:], 32, 5)
    squares = torch.zeros(len(tops), 3, 32, 32)
    found, _ = quickest_passes(network, picture)(squares, tops, lefts)
    with torch.no_grad():
        expected = network.module(with_squares(picture, squares, tops, lefts))
    assert float((expected.softmax(1) - expected.softmax(1)[0]).abs().max()) > 0.2
    assert float((found.softmax(1) - expected.softmax(1)).abs().max()) < 1e-5


def test_what_is_hardly_changed_is_left_in_fast_precision():
    torch.manual_seed(0)
    network = Network(lively(models.vgg11(num_classes=4, init_weights=False)), input_size=160)  # in float64: never cast
    picture, squares = torch.randn(3, 160, 160).double(), torch.randn(9, 3, 16, 16).double()
    tops, lefts = places(160, 160, 16, 3)
    answers, flops = {}, {}
    for precision in ("exact", "fast"):
        with use(precision=precision):
            passes = quickest_passes(network, picture)
            with FlopCounterMode(display=False) as counter:
                answers[precision], _ = passes(squares, tops, lefts)
        flops[precision] = counter.get_total_flops()
    change = answers["exact"] - passes.unchanged[0]
    error = answers["fast"] - answers["exact"]
    assert 1e-6 < float(error.norm() / change.norm()) < 0.1
    assert flops["fast"] < 0.9 * flops["exact"]


def test_half_precision():
    network = Network(models.resnet18(num_classes=10).eval(), input_size=96)
    picture, squares = torch.randn(3, 96, 96), torch.randn(4, 3, 20, 20)
    corners = (0, 20, 40, 76), (0, 70, 40, 76)
    exact, _ = FullPasses(network, picture)(squares, *corners)
    with use(precision="fast"):
        passes = quickest_passes(network, picture)
        fast, _ = passes(squares, *corners)
    assert type(passes) is IncrementalPasses
    assert fast.dtype == torch.float32
    assert float((fast - exact).abs().max()) < 0.05 * float(exact.abs().max())


@given(
    kernel=st.builds(Kernel, st.integers(1, 5), st.integers(1, 4), st.integers(0, 5), st.integers(1, 3)),
    size=st.integers(16, 24),
    ends=st.lists(st.tuples(st.integers(0, 15), st.integers(1, 9)), min_size=1, max_size=3),
)
def test_windows(kernel, size, ends):
    length = max(length for _, length in ends)
    inputs = Span(tuple(min(start, size - length) for start, _ in ends), length)
    outputs = (size + 2 * kernel.padding - kernel.reach - 1) // kernel.stride + 1

    def sees(output):
        return {output * kernel.stride - kernel.padding + tap * kernel.dilation for tap in range(kernel.size)}

    changed = kernel.changes(inputs, outputs)
    for start, begins in zip(inputs.starts, changed.starts, strict=True):
        touched = {output for output in range(outputs) if sees(output) & set(range(start, start + length))}
        assert 0 <= begins <= outputs - changed.length
        assert touched <= set(range(begins, begins + changed.length))
    if len(inputs.starts) == kernel.dilation == 1 and touched:
        assert touched >= {changed.starts[0], changed.stops[0] - 1}  # and not too large
    reads = kernel.reads(changed)
    for begins, start, stop in zip(changed.starts, reads.starts, reads.stops, strict=True):
        assert start == min(sees(begins))
        assert stop - 1 == max(sees(begins + changed.length - 1))


@given(
    kernels=st.lists(
        st.builds(Kernel, st.integers(1, 4), st.integers(1, 2), st.integers(0, 3), st.integers(1, 2)),
        min_size=1,
        max_size=4,
    )
)
def test_a_blur_is_that_of_means(kernels):
    """Of one changed value, wherever it is: where the changes of the means are on average, and how far spread."""
    count, size = prod(kernel.stride for kernel in kernels), 320
    changed = torch.arange(size // 2, size // 2 + count)
    values = F.one_hot(changed, size)[:, None].double()
    blur = Blur.of(Span(tuple(changed.tolist()), 1))
    for kernel in kernels:
        mean = torch.full((1, 1, kernel.size), 1 / kernel.size, dtype=torch.float64)
        values = F.conv1d(values, mean, None, kernel.stride, kernel.padding, kernel.dilation)
        blur = kernel.blurs(blur)
    assert blur.firsts == blur.lasts
    # As strides leave places out, what one change lacks another has.
    offsets = torch.arange(values.shape[-1]) - torch.tensor(blur.firsts, dtype=torch.float64)[:, None, None]
    total = values.sum()
    assert float((values * offsets).sum() / total) == pytest.approx(0, abs=1e-9)
    assert float((values * offsets**2).sum() / total) == pytest.approx(blur.variance, abs=1e-9)


def test_what_is_felt():
    inputs = Span((0, 20, 32), 8)
    wide, kernel = Blur.of(inputs)._replace(variance=4.0), Kernel(3, 1, 1, 1)
    reached = Span((0, 10, 20), 20)
    assert wide.noticeable(reached, 1.5, 40) == Span((0, 17, 27), 13)  # 0 … 10, 17 … 29 and 29 … 39, made equally long
    assert wide.noticeable(reached, 100, 40) == reached
    assert Blur.of(inputs).noticeable(inputs, 2.5, 40) == inputs
    assert widest([kernel.blurs(wide), Blur((1.0, 19.0, 33.0), (3.0, 30.0, 35.0), 1.0)]) == Blur(
        (0, 19, 32), (7, 30, 39), 4 + 2 / 3
    )
