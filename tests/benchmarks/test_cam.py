"""Grad-CAM against its peers and against the bare passes that it cannot do without."""

from copy import deepcopy

import captum.attr
import pytest
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn
from torchvision.models import get_model

import cnnviz_widgets as cnnviz


@pytest.fixture
def other(network) -> nn.Module:
    """For the peers, which do not survive what happens in place."""
    copy = deepcopy(network.module)
    for part in copy.modules():
        if hasattr(part, "inplace"):
            part.inplace = False
    return copy


@pytest.fixture
def last(network, other) -> nn.Module:
    """What the default layer is in the copy: for the peers the last block, not the second call of its ReLU."""
    return other.layer4 if network.name == "resnet18" else other.get_submodule(network.default_layer.name)


@pytest.fixture
def batch(network, photo) -> torch.Tensor:
    return network.normalize(network.prepare(photo)).contiguous()


def full(network, batch):
    """Forward and backward of the module itself."""

    def work():
        x = batch.detach().requires_grad_()
        torch.autograd.grad(network.module(x.clone())[0, 3], x)

    return work


def test_grad_cam(network, photo, other, last, batch, compare):
    ours = lambda: cnnviz.grad_cam(network, photo, 3)  # noqa: E731
    whole = compare(f"Grad-CAM, {network.name}, bare forward + backward", ours, full(network, batch))
    oracle = captum.attr.LayerGradCam(other, last)
    captums = compare(f"Grad-CAM, {network.name}, Captum", ours, lambda: oracle.attribute(batch, 3))
    with pytorch_grad_cam.GradCAM(other, [last]) as method:
        peers = compare(
            f"Grad-CAM, {network.name}, pytorch-grad-cam",
            ours,
            lambda: method(batch, [ClassifierOutputTarget(3)]),
        )
    assert whole <= 0.65
    assert captums <= 1.1
    assert peers <= 0.4


def test_guided_grad_cam(network, photo, other, last, batch, compare):
    ours = lambda: cnnviz.guided_grad_cam(network, photo, 3)  # noqa: E731
    whole = compare(f"guided Grad-CAM, {network.name}, bare forward + backward", ours, full(network, batch))
    oracle = captum.attr.GuidedGradCam(other, last)
    captums = compare(
        f"guided Grad-CAM, {network.name}, Captum",
        ours,
        lambda: oracle.attribute(batch.detach().requires_grad_(), 3),
        turns=3,
    )
    assert whole <= 1.15
    assert captums <= 0.85


def test_score_cam(photo, compare):
    """Two looks at the picture, 16 masks and an empty one, against as many bare forward passes."""
    network = cnnviz.Network(get_model("squeezenet1_0", weights=None).eval(), name="squeezenet1_0")
    batch = network.normalize(network.prepare(photo))

    def bare():
        with torch.no_grad():
            for _ in range(19):
                network.module(batch)

    ours = lambda: cnnviz.score_cam(network, photo, 3, channels=16)  # noqa: E731
    assert compare("Score-CAM of 16 channels, squeezenet1_0, 19 bare forward passes", ours, bare, turns=3) <= 1.2
