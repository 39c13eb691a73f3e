"""A step of ``optimize`` against the bare passes that it cannot do without, and against lucent with its own settings.

Lucent (``pip install torch-lucent "kornia<0.5"``) enlarges pictures below 224 px before the network sees them. It is
timed with that, and for the record also with as many pixels as ours.
"""

import gc
import resource
import time
from contextlib import suppress

import pytest
import torch
from torchvision.models import get_model

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.optimize import objectives, optimize, parametrizations, transforms
from cnnviz_widgets.runtime.device import _fast_dtype

MIDDLE = {"squeezenet1_0": "features.8", "resnet18": "layer3", "googlenet": "inception4c"}
LAST = {"squeezenet1_0": "classifier.1", "resnet18": "fc", "googlenet": "fc"}  # in lucent's words, the logits
PADDED = 24  # px that ``transforms.robust`` adds


@pytest.fixture(params=MIDDLE)
def name(request):
    return request.param


def frozen(name):
    network = cnnviz.load_network(name, weights=None, device="cpu")
    _ = network.layers
    return network


def strongest(network, layer, k=1):
    """Channels that are on: a dead one would be woken, which costs a second pass."""
    noise = 0.5 + 0.1 * torch.randn(3, 128, 128).clamp(-4, 4)
    return network.activations(noise, layer)[layer].mean((1, 2)).topk(k).indices.tolist()


def stepping(network, objective, size, moves=(), batch=1):
    """Each call is one step of a run that has begun."""
    states = optimize(network, objective, parametrizations.fourier(size, batch), moves, steps=10**6)
    next(states)
    return lambda: next(states)


class Enough(Exception):
    pass


def bare(network, layer, size, moves=(), batch=1):
    """Plain PyTorch: through ``moves`` and forward to the layer, where a hook ends the pass, and back."""
    pictures, reached = network.normalize(torch.rand(batch, 3, size, size)), []

    def end(module, inputs, output):
        reached.append(output)
        raise Enough

    def work():
        x = pictures.detach().requires_grad_()
        handle = network.module.get_submodule(layer).register_forward_hook(end) if layer else None
        with suppress(Enough):
            reached.append(network.module(network.quickest(transforms.apply(moves, x, torch.Generator()))))
        if handle:
            handle.remove()
        torch.autograd.grad(reached.pop()[:, 3].mean(), x)

    return work


@pytest.mark.parametrize("size", [128, 224, 512])
@pytest.mark.parametrize("depth", ["middle", "last"])
def test_a_step(name, depth, size, compare):
    network = frozen(name)
    layer, (channel,) = MIDDLE[name], strongest(network, MIDDLE[name])
    aim = objectives.channel(layer, channel) if depth == "middle" else objectives.logit(3)
    turns = 15 if size < 512 else 5
    to = layer if depth == "middle" else None
    for moves, extra in (((), ""), (transforms.robust(), " with transforms")):
        run = f"step{extra}, {name}, {depth}, {size} px, bare{extra}"
        assert compare(run, stepping(network, aim, size, moves), bare(network, to, size, moves), turns) <= 1.15


@pytest.mark.parametrize("size", [128, 224, 512])
@pytest.mark.parametrize(("depth", "floor"), [("middle", 2.0), ("last", 1.5)])
@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_against_lucent(name, depth, floor, size, precision, compare):
    if precision == "fast":
        floor = 2.5
        if _fast_dtype("cpu") is None:
            pytest.skip("this processor has no fast 16-bit numbers")
    render = pytest.importorskip("lucent.optvis.render")
    from lucent.optvis import param

    network, module = frozen(name), get_model(name, weights=None).eval()
    layer, (channel,) = MIDDLE[name], strongest(network, MIDDLE[name])
    aim = objectives.channel(layer, channel) if depth == "middle" else objectives.logit(3)
    steps = 4 if size < 512 else 2
    step = stepping(network, aim, size, transforms.robust())
    asked = f"{(layer if depth == 'middle' else LAST[name]).replace('.', '_')}:3"

    def ours():
        for _ in range(steps):
            step()

    def lucent(seen=None):
        render.render_vis(
            module, asked, lambda: param.image(size), thresholds=(steps,), progress=False, show_image=False,
            fixed_image_size=seen,
        )  # fmt: skip
        for part in module.modules():  # lucent leaves its hooks there, and would get slower with every call
            part._forward_hooks.clear()

    with cnnviz.use(precision=precision):
        run = f"step, {name}, {depth}, {size} px, {precision}"
        compare(f"{run}, lucent with as many pixels", ours, lambda: lucent(size + PADDED), 3)
        ratio = compare(f"{run}, lucent", ours, lucent, 3)
    assert 1 / ratio >= floor


def test_many_channels_at_once_cost_less(compare):
    """The time of one step of k channels beside k steps of one: the curve."""
    network = frozen("squeezenet1_0")
    channels = strongest(network, "features.8", 16)
    single = stepping(network, objectives.channel("features.8", channels[0]), 128, transforms.robust())
    for k in (1, 2, 4, 8, 16):
        aim = objectives.channel("features.8", channels[:k])
        together = stepping(network, aim, 128, transforms.robust(), batch=k)
        ratio = compare(
            f"{k} channels at once, one after the other", together, lambda k=k: [single() for _ in range(k)]
        )
        assert ratio < (1 if k > 1 else 1.1)


def test_a_hundred_renders_do_not_slow_down(record_speed):
    """Each beside as many bare passes, so that a machine that gets slower does not count."""
    network = frozen("squeezenet1_0")
    aim = objectives.channel("features.5", strongest(network, "features.5"))
    plain = bare(network, "features.5", 64 + PADDED)

    def render(seed):
        picture = parametrizations.fourier(64)
        began = time.process_time()
        cnnviz.last(optimize(network, aim, picture, transforms.robust(), steps=4, seed=seed), progress=False)
        took = time.process_time() - began
        for _ in range(4):
            plain()
        return took, took / (time.process_time() - began - took)

    def middle(some):
        return sorted(some)[len(some) // 2]

    for seed in range(10):
        render(seed)
    gc.collect()
    objects, peak = len(gc.get_objects()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times, ratios = zip(*(render(seed) for seed in range(100)), strict=True)
    gc.collect()
    growth = middle(ratios[-20:]) / middle(ratios[:20])
    record_speed("a render, the last of a hundred, the first", 1000 * middle(times[-20:]), growth)
    assert growth < 1.1
    assert len(gc.get_objects()) < objects + 500
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < peak + 8 * 1024  # kB


LIVE = """
import time
import cnnviz_widgets as cnnviz
from cnnviz_widgets.widgets import ImageView
net, photo, made = cnnviz.load_network("{network}"), cnnviz.load_image("chelsea"), cnnviz.panels.{kind}
drawn, receive = [], ImageView._receive
def heard(view, at, message, buffers):
    if message.get("do") == "drawn" and view is panel._reel().image and view.content.count:
        drawn.append(time.time())
    receive(view, at, message, buffers)
ImageView._receive = heard
"""


@pytest.mark.parametrize("network", ["mini", "squeezenet1_0"])
@pytest.mark.parametrize("kind", ["ClassModel", "FeatureVisualization", "DeepDream", "Inversion"])
def test_a_panel_shows_its_first_picture_soon_and_then_five_a_second(kind, network, open_notebook, record_speed):
    """From the beginning of the panel's cell to what a real browser says that it has drawn."""
    cell = "began = time.time()\npanel = made(net, photo, steps=50)\npanel"
    notebook = open_notebook(LIVE.format(network=network, kind=kind), cell)
    notebook.panel.wait_for(timeout=60_000)
    notebook.page.wait_for_timeout(6000)
    first, *later = (float(one) for one in notebook.kernel("print(*(one - began for one in drawn))").split())
    every = (later[-1] - first) / len(later)
    record_speed(f"{kind}, {network}: first picture; then so many a second", 1000 * first, 1 / every)
    assert first < 1
    assert 1 / every > 5
