"""Occlusion against Captum's best setting and against the bare forward passes."""

import pytest
import torch
from captum.attr import Occlusion

import cnnviz_widgets as cv

SIZE, STRIDE = 32, 32  # few positions: each costs the same


@pytest.fixture(params=["squeezenet1_0", "resnet18"])
def network(request):
    from torchvision.models import get_model

    return cv.Network(get_model(request.param, weights=None).eval(), name=request.param)


def test_occlusion(network, photo, compare):
    batch = network.normalise(network.prepare(photo)).contiguous()
    peer = Occlusion(lambda x: network.module(x).softmax(1))

    def ours():
        cv.last(cv.occlusion(network, photo, 3, size=SIZE, stride=STRIDE), progress=False)

    def captum(perturbations):
        with torch.no_grad():
            peer.attribute(
                batch, (3, SIZE, SIZE), (3, STRIDE, STRIDE), baselines=0.0, target=3,
                perturbations_per_eval=perturbations,
            )  # fmt: skip

    def bare():
        with torch.no_grad():
            for _ in range(7):
                network.module(batch.expand(7, -1, -1, -1))

    ratios = [
        compare(f"occlusion 7×7, {network.name}, Captum {n} at once", ours, lambda n=n: captum(n), turns=3)
        for n in (1, 8, 16)
    ]
    assert max(ratios) <= 1.0  # that is, against Captum's best
    assert compare(f"occlusion 7×7, {network.name}, bare forward", ours, bare, turns=3) <= 1.2
