"""One-pass methods against Captum, and against the bare passes that they cannot do without."""

import pytest
import torch
from captum.attr import Deconvolution, GuidedBackprop, LayerActivation, Saliency

import cnnviz_widgets as cnnviz
from cnnviz_widgets.runtime.device import use


def bare_backward(network, photo):
    """Forward and backward of the module itself."""
    batch = network.normalize(network.prepare(photo))

    def work():
        x = batch.detach().requires_grad_()
        network.module(x)[0].max().backward(inputs=[x])

    return work


def test_saliency(network, photo, compare):
    floor = compare(
        f"saliency, {network.name}, bare forward + backward",
        lambda: cnnviz.saliency(network, photo),
        bare_backward(network, photo),
    )
    batch = network.normalize(network.prepare(photo)).contiguous()
    peer = Saliency(network.module)
    ratio = compare(
        f"saliency, {network.name}, Captum",
        lambda: cnnviz.saliency(network, photo, 3),
        lambda: peer.attribute(batch.detach().requires_grad_(), target=3),
    )
    assert floor <= 1.1
    assert ratio <= 1.1


@pytest.mark.parametrize("rule", ["guided", "deconvnet"])
def test_rules(network, photo, compare, rule):
    ours = lambda: cnnviz.class_gradient(network, photo, 3, rule=rule)  # noqa: E731
    floor = compare(f"{rule}, {network.name}, bare forward + backward", ours, bare_backward(network, photo))
    batch = network.normalize(network.prepare(photo)).contiguous()
    for module in network.module.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False  # Captum cannot hook it otherwise
    peer = {"guided": GuidedBackprop, "deconvnet": Deconvolution}[rule](network.module)
    captum = lambda: peer.attribute(batch.detach().requires_grad_(), target=3)  # noqa: E731
    ratio = compare(f"{rule}, {network.name}, Captum", ours, captum)
    assert floor <= 1.1
    assert ratio <= 1.1


@pytest.mark.parametrize("rule", ["backprop", "guided"])
def test_fast(network, photo, compare, rule):
    """Half as long where the processor has bfloat16, and no longer where it has not."""

    def fast():
        with use(precision="fast"):
            cnnviz.class_gradient(network, photo, 3, rule=rule)

    exact = lambda: cnnviz.class_gradient(network, photo, 3, rule=rule)  # noqa: E731
    assert compare(f"{rule}, {network.name}, fast / exact", fast, exact) <= 1.05


def test_activations(network, photo, compare):
    layer = network.layers[len(network.layers) // 2]
    batch = network.normalize(network.prepare(photo)).contiguous()
    peer = LayerActivation(network.module, network.module.get_submodule(layer.name))

    def whole():
        with torch.no_grad():
            network.module(batch)

    def captum():
        with torch.no_grad():
            peer.attribute(batch)

    ours = lambda: network.activations(photo, layer.name)  # noqa: E731
    assert compare(f"activations half way, {network.name}, bare forward", ours, whole) <= 1.1
    assert compare(f"activations half way, {network.name}, Captum", ours, captum) <= 1.1
