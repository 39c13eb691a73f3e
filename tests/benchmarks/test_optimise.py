"""A step of ``optimise`` against the bare passes that it cannot do without, and against lucent with its own settings.

Lucent (``pip install torch-lucent "kornia<0.5"``) enlarges pictures below 224 px before the network sees them. It is
timed with that, and for the record also with as many pixels as ours.
"""

import gc
import time

import pytest
import torch
from torchvision.models import get_model

import cnnviz_widgets as cv
from cnnviz_widgets.methods.optimise import objectives, optimise, parametrisations, transforms

MIDDLE = {"squeezenet1_0": "features.8", "resnet18": "layer3", "googlenet": "inception4c"}
LAST = {"squeezenet1_0": "classifier.1", "resnet18": "fc", "googlenet": "fc"}  # in lucent's words, the logits
PADDED = 24  # px that ``transforms.robust`` adds


@pytest.fixture(params=MIDDLE)
def name(request):
    return request.param


def frozen(name):
    network = cv.load_network(name, weights=None, device="cpu")
    _ = network.layers
    return network


def strongest(network, layer, k=1):
    """Channels that are on: a dead one would be woken, which costs a second pass."""
    noise = 0.5 + 0.1 * torch.randn(3, 128, 128).clamp(-4, 4)
    return network.activations(noise, layer)[layer].mean((1, 2)).topk(k).indices.tolist()


def stepping(network, objective, size, moves=(), batch=1):
    """Each call is one step of a run that has begun."""
    states = optimise(network, objective, parametrisations.fourier(size, batch), moves, steps=10**6)
    next(states)
    return lambda: next(states)


def bare(network, layer, size, batch=1):
    """Forward to the layer and back, of the module's own children where the layer is one of them."""
    picture = network.normalise(torch.rand(batch, 3, size, size))

    def work():
        x = picture.detach().requires_grad_()
        logits, values = network.forward(x, [layer] if layer else [], to_output=layer is None, grad=True)
        torch.autograd.grad((logits if layer is None else values[layer])[:, 3].mean(), x)

    return work


@pytest.mark.parametrize("size", [128, 224, 512])
@pytest.mark.parametrize("depth", ["middle", "last"])
def test_a_step(name, depth, size, compare):
    network = frozen(name)
    layer, (channel,) = MIDDLE[name], strongest(network, MIDDLE[name])
    aim = objectives.channel(layer, channel) if depth == "middle" else objectives.logit(3)
    turns = 15 if size < 512 else 5
    plain = compare(
        f"step, {name}, {depth}, {size} px, bare",
        stepping(network, aim, size),
        bare(network, layer if depth == "middle" else None, size),
        turns,
    )
    moved = compare(
        f"step with transforms, {name}, {depth}, {size} px, bare",
        stepping(network, aim, size, transforms.robust()),
        bare(network, layer if depth == "middle" else None, size + PADDED),
        turns,
    )
    assert plain <= (1.15 if size > 128 else 1.25)
    assert moved <= (1.25 if size > 128 else 1.4)


@pytest.mark.parametrize("size", [128, 224, 512])
@pytest.mark.parametrize(("depth", "floor"), [("middle", 2.0), ("last", 1.5)])
@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_against_lucent(name, depth, floor, size, precision, compare):
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

    with cv.use(precision=precision):
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
        assert ratio < 1.1


def test_a_hundred_renders_do_not_slow_down(record_speed):
    network = frozen("squeezenet1_0")

    def render(seed):
        began = time.process_time()
        picture = parametrisations.fourier(64)
        cv.last(
            optimise(network, objectives.channel("features.5", seed), picture, transforms.robust(), steps=4),
            progress=False,
        )
        return time.process_time() - began

    render(0)
    gc.collect()
    objects = len(gc.get_objects())
    times = [render(seed) for seed in range(100)]
    gc.collect()
    first, final = (sorted(some)[len(some) // 2] for some in (times[:20], times[-20:]))
    record_speed("a render, the last of a hundred, the first", 1000 * final, final / first)
    assert final < 1.2 * first
    assert len(gc.get_objects()) < objects + 500
