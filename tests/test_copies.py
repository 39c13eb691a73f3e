"""Networks, states, results and what they are made of: copied, pickled and saved, and the same afterwards."""

import copy
import io
import multiprocessing
import pickle
from itertools import islice

import pytest
import torch
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.networks.held import held

WAYS = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda one: pickle.loads(pickle.dumps(one)),
    "torch.save": lambda one: _saved(one),
}


def _saved(one):
    file = io.BytesIO()
    torch.save(one, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


def first_of_two(output):
    return output[0]


@pytest.fixture
def network():
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)
    )
    return cnnviz.Network(module.eval(), input_size=32, classes=list("abcde"))


@pytest.fixture
def picture():
    return torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("way", WAYS)
def test_a_network(network, picture, way):
    for seen in (False, True):  # before its layers are looked at, and after
        if seen:
            _ = network.layers
        twin = WAYS[way](network)
        assert twin.module is not network.module
        assert torch.equal(twin.logits(picture), network.logits(picture))
        assert twin.layers == network.layers
        assert twin.predict(picture) == network.predict(picture)
    with held(network.module):  # which another module does not wait for
        assert torch.equal(cnnviz.saliency(twin, picture).values, cnnviz.saliency(network, picture).values)


def test_a_network_with_an_output_of_its_own(network, picture):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network.module

        def forward(self, x):
            return self.inner(x), 0

    own = cnnviz.Network(Two(), input_size=32, output=first_of_two)
    assert torch.equal(copy.deepcopy(own).logits(picture), network.logits(picture))


def _logits(network, picture):
    return network.logits(picture).tolist()


def test_a_network_reaches_a_worker_process(network, picture):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_logits, (network, picture)) == pytest.approx(network.logits(picture).tolist())


RESULTS = {
    "heatmap": lambda n, x: cnnviz.saliency(n, x),
    "gradient": lambda n, x: cnnviz.class_gradient(n, x),
    "maps": lambda n, x: cnnviz.activations(n, x, "0"),
    "filters": lambda n, x: cnnviz.filters(n),
    "occlusion": lambda n, x: next(cnnviz.occlusion(n, x, size=8, stride=8)),
    "class model": lambda n, x: next(cnnviz.class_model(n, 0, steps=2)),
    "dream": lambda n, x: next(cnnviz.dream(n, x, "0", octaves=1, steps=2)),
    "inversion": lambda n, x: next(cnnviz.invert(n, x, "0", steps=2)) if hasattr(cnnviz, "invert") else None,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("result", RESULTS)
def test_a_result(network, picture, result, way):
    own = RESULTS[result](network, picture)
    if own is not None:
        twin = WAYS[way](own)
        assert torch.equal(twin.values, own.values)
        assert vars(twin).keys() >= vars(own).keys() - {"values"}
        assert repr(twin) == repr(own)


@pytest.mark.parametrize("picture", [
    cnnviz.parametrizations.pixels(), cnnviz.parametrizations.pixels(decorrelate=True),
    cnnviz.parametrizations.fourier(),
    cnnviz.parametrizations.laplacian(), cnnviz.parametrizations.cppn(),
    cnnviz.parametrizations.perturbation(torch.full((3, 32, 32), 0.5)),
], ids=repr)  # fmt: skip
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "lbfgs"])
def test_a_run_goes_on_from_a_saved_state(network, picture, optimizer):
    objective = cnnviz.objectives.channel("0", 1) - 0.1 * cnnviz.objectives.total_variation()
    how = {"picture": picture, "optimizer": optimizer, "learning_rate": 1e-3}
    whole = [*cnnviz.optimize(network, objective, **how, steps=4)]
    saved = pickle.loads(pickle.dumps((whole[1], objective)))
    (*_, end) = cnnviz.optimize(network, saved[1], **how, steps=4, start=saved[0])
    assert torch.equal(end.values, whole[-1].values)


@pytest.mark.parametrize("way", WAYS)
def test_objectives_and_small_things(network, way):
    objectives = cnnviz.objectives
    term = objectives.neuron("0", 1) * objectives.l2() + 2 * objectives.logit(["a", "b"]) - 1
    assert repr(WAYS[way](term)) == repr(term)
    for one in (network.classes, network.layers[0], cnnviz.Neuron("0", 1)):
        assert WAYS[way](one) == one or repr(WAYS[way](one)) == repr(one)


def test_a_term_keeps_a_layer_that_is_a_module(network):
    term = cnnviz.objectives.channel(network.module[0], 1)
    (state,) = islice(cnnviz.optimize(network, copy.deepcopy(term), steps=1), 1)
    assert state.step == 1
