"""Many gradients of one picture against as many bare passes, in the quickest way to do them, and against the peers."""

import copy
import itertools

import pytest
import torch
from captum.attr import IntegratedGradients, NoiseTunnel, Saliency
from pytorch_grad_cam import FullGrad
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from timing import seconds
from torchvision.models import get_model

import cnnviz_widgets as cnnviz
from cnnviz_widgets.methods.gradients.full_grad import full_grad
from cnnviz_widgets.methods.gradients.integrated_gradients import integrated_gradients
from cnnviz_widgets.methods.gradients.smoothgrad import smoothgrad

TURNS = 3
FORMATS = torch.contiguous_format, torch.channels_last


@pytest.fixture(params=["squeezenet1_0", "resnet18", "mobilenet_v2"])
def network(request):
    return cnnviz.Network(get_model(request.param, weights=None).eval(), name=request.param)


def passes(network, photo, count):
    """``count`` bare forward and backward passes, as many at once and in the memory format that are quickest."""
    batch = network.normalize(network.prepare(photo))
    modules = {form: copy.deepcopy(network.module).to(memory_format=form) for form in FORMATS}

    def work(at_once, form, count):
        for start in range(0, count, at_once):
            x = batch.expand(min(at_once, count - start), -1, -1, -1).contiguous(memory_format=form)
            x = x.clone().requires_grad_()
            modules[form](x)[:, 3].sum().backward(inputs=[x])

    ways = list(itertools.product((1, 4, 8, 16) if count > 1 else (1,), FORMATS))
    best = min(ways, key=lambda way: min(seconds(lambda: work(*way, min(count, 16))) for _ in range(2)))
    return lambda: work(*best, count)


def test_smoothgrad(network, photo, compare):
    ours = lambda: smoothgrad(network, photo, 3)  # noqa: E731
    floor = compare(f"smoothgrad 25, {network.name}, bare passes", ours, passes(network, photo, 25))
    batch, peer = network.normalize(network.prepare(photo)), NoiseTunnel(Saliency(network.module))
    captum = lambda: peer.attribute(batch, nt_samples=25, stdevs=0.6, target=3)  # noqa: E731
    ratio = compare(f"smoothgrad 25, {network.name}, Captum's default", ours, captum, TURNS)
    assert floor <= 1.05
    assert ratio <= 1


def test_integrated_gradients(network, photo, compare):
    ours = lambda: integrated_gradients(network, photo, 3)  # noqa: E731
    floor = compare(f"integrated gradients 50, {network.name}, bare passes", ours, passes(network, photo, 50))
    batch, peer = network.normalize(network.prepare(photo)), IntegratedGradients(network.module)
    captum = lambda: peer.attribute(batch, target=3, n_steps=50)  # noqa: E731
    ratio = compare(f"integrated gradients 50, {network.name}, Captum's default", ours, captum, TURNS)
    assert floor <= 1.05
    assert ratio <= 1


def test_fullgrad(network, photo, compare):
    ours = lambda: full_grad(network, photo, 3)  # noqa: E731
    floor = compare(f"FullGrad, {network.name}, bare forward + backward", ours, passes(network, photo, 1))
    for module in network.module.modules():
        if hasattr(module, "inplace"):
            module.inplace = False  # the peer cannot hook what is overwritten
    batch, peer = network.normalize(network.prepare(photo)), FullGrad(network.module, [])
    theirs = lambda: peer(batch.detach(), [ClassifierOutputTarget(3)])  # noqa: E731
    ratio = compare(f"FullGrad, {network.name}, pytorch-grad-cam", ours, theirs, TURNS)
    assert floor <= 1.5
    assert ratio <= 1
