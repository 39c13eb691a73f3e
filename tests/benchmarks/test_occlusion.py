"""A whole occlusion map, size 32 and stride 8, against Captum's best setting: 625 positions of 224 pixels.

A position costs Captum the same wherever it is, and however large the square, so only a grid of 4 × 4 is timed.
"""

import statistics
from copy import deepcopy

import pytest
import torch
from captum.attr import Occlusion
from timing import seconds
from torchvision.models import get_model

import cnnviz_widgets as cnnviz

SIZE, STRIDE, POSITIONS = 32, 8, 625
LARGE, APART, TIMED = (64, 64), (54, 54), 16
FORMATS = {torch.contiguous_format: "nchw", torch.channels_last: "channels_last"}
GOALS = {"vgg16": 8.0, "alexnet": 3.5, "squeezenet1_0": 9.0, "resnet18": 2.7}  # times faster than Captum
FAST = 1.5  # times faster once more
FIRST_MAP = {"vgg16": 2.0, "squeezenet1_0": 0.5}  # s


@pytest.fixture(params=GOALS)
def network(request):
    return cnnviz.Network(get_model(request.param, weights=None).eval(), name=request.param)


def captum(network, photo, at_once, memory_format):
    """Some positions, and the picture itself."""
    module = deepcopy(network.module).to(memory_format=memory_format)
    batch = network.normalize(network.prepare(photo)).contiguous(memory_format=memory_format)
    peer = Occlusion(lambda x: module(x).softmax(1))

    def work():
        with torch.no_grad():
            peer.attribute(batch, (3, *LARGE), (3, *APART), baselines=0.0, target=3, perturbations_per_eval=at_once)

    return work


def test_occlusion(network, photo, record_speed):
    settings = [(n, form) for n in (1, 4, 16) for form in FORMATS]
    others = {setting: captum(network, photo, *setting) for setting in settings}
    trials = {setting: (work(), seconds(work))[1] for setting, work in others.items()}
    best = min(trials, key=trials.get)
    maps = {}

    def ours(precision):
        with cnnviz.use(precision=precision):
            states = cnnviz.occlusion(network, photo, 3, size=SIZE, stride=STRIDE)
            maps[precision] = cnnviz.last(states, progress=False).values

    times = {"captum": [], "exact": [], "fast": []}
    for _ in range(3):
        times["captum"].append(seconds(others[best]) / (TIMED + 1) * (POSITIONS + 1))
        for precision in ("exact", "fast"):
            times[precision].append(seconds(lambda precision=precision: ours(precision)))
    peer, exact, fast = (statistics.median(some) for some in times.values())
    run = f"occlusion 25×25, {network.name}"
    record_speed(f"{run}, Captum ({best[0]} at once, {FORMATS[best[1]]})", exact * 1000, exact / peer)
    difference = float((maps["fast"] - maps["exact"]).abs().max())
    record_speed(f"{run}, fast (differs by up to {difference:.1g}), exact", fast * 1000, fast / exact)
    assert peer / exact >= GOALS[network.name]
    assert exact / fast >= FAST


@pytest.mark.parametrize("network", FIRST_MAP, indirect=True)
def test_the_first_map_comes_soon(network, photo, record_speed):
    states = lambda: next(cnnviz.occlusion(network, photo, 3, size=SIZE, stride=STRIDE))  # noqa: E731
    states()
    soon = statistics.median(seconds(states) for _ in range(5))
    record_speed(f"first map, {network.name}, of what is allowed", soon * 1000, soon / FIRST_MAP[network.name])
    assert soon <= FIRST_MAP[network.name]
