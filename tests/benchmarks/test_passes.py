"""One-pass methods against Captum, and against the bare passes that they cannot do without."""

import torch
from captum.attr import GuidedBackprop, LayerActivation, Saliency

import cnnviz_widgets as cv


def bare_backward(network, photo):
    """Forward and backward of the module itself."""
    batch = network.normalise(network.prepare(photo))

    def work():
        x = batch.detach().requires_grad_()
        network.module(x)[0].max().backward(inputs=[x])

    return work


def test_saliency(network, photo, compare):
    floor = compare(
        f"saliency, {network.name}, bare forward + backward",
        lambda: cv.saliency(network, photo),
        bare_backward(network, photo),
    )
    batch = network.normalise(network.prepare(photo)).contiguous()
    peer = Saliency(network.module)
    ratio = compare(
        f"saliency, {network.name}, Captum",
        lambda: cv.saliency(network, photo, 3),
        lambda: peer.attribute(batch.detach().requires_grad_(), target=3),
    )
    assert floor <= 1.3
    assert ratio <= 1.3


def test_guided(network, photo, compare):
    batch = network.normalise(network.prepare(photo)).contiguous()
    for module in network.module.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False  # Captum cannot hook it otherwise
    peer = GuidedBackprop(network.module)
    ratio = compare(
        f"guided, {network.name}, Captum",
        lambda: cv.class_gradient(network, photo, 3, rule="guided"),
        lambda: peer.attribute(batch.detach().requires_grad_(), target=3),
    )
    assert ratio <= 1.3


def test_activations(network, photo, compare):
    layer = network.layers[len(network.layers) // 2]
    batch = network.normalise(network.prepare(photo)).contiguous()
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
