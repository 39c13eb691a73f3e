"""A step of style transfer against what it cannot do without, and against the usual way to write it.

The floor is a hand-written loop on the frozen network in its quickest memory format, with the same Gram terms, each of
one product forward and one back. The tutorial's way, of PyTorch's own pages, is plain: maps are flattened and
multiplied, and ``torch.optim.LBFGS`` asks for loss and gradient.
"""

import copy

import pytest
import torch
from torch.nn.functional import mse_loss

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.optimize.objectives.statistics import gram_matrices

SIZE, CONTENT, STYLE = 256, 5, (1, 4, 7, 9)
MOST = {"adam": 1.15, "lbfgs": 1.3}  # times the floor


@pytest.fixture(scope="module")
def network():
    return cnnviz.load_network("squeezenet1_0", weights=None, device="cpu")


def stepping(network, photo, painting, **options):
    """Each call is one step of a run that has begun."""
    states = cnnviz.transfer(network, photo, painting, color=0, size=None, steps=10**6, **options)
    for _ in range(3):
        next(states)
    return lambda: next(states)


def layers_of(module, x):
    """What comes out of the layers that are read; the pass ends at the deepest."""
    found = {}
    for number, part in enumerate(module.features[: max(STYLE) + 1]):
        x = part(x)
        if number in (CONTENT, *STYLE):
            found[number] = x
            x = x.clone()  # the next rectifier works in place
    return found


def floor(network, photo, painting):
    module = copy.deepcopy(network.module).requires_grad_(False).to(memory_format=torch.channels_last)
    mean, std = (torch.tensor(one)[:, None, None] for one in (network.mean, network.std))

    def prepared(picture):
        return ((picture - mean) / std).contiguous(memory_format=torch.channels_last)

    with torch.no_grad():
        content = layers_of(module, prepared(photo[None]))[CONTENT]
        grams = {key: gram_matrices(one) for key, one in layers_of(module, prepared(painting[None])).items()}
    x = photo[None].clone().requires_grad_()
    adam = torch.optim.Adam([x], lr=0.03)

    def step():
        adam.zero_grad()
        found = layers_of(module, prepared(x))
        loss = (found[CONTENT] - content).square().sum() / content.square().sum()
        for key in STYLE:
            loss = loss + 25 * (gram_matrices(found[key]) - grams[key]).square().sum() / grams[key].square().sum()
        loss.backward()
        adam.step()
        with torch.no_grad():
            x.clamp_(0, 1)

    return step


def tutorial(network, photo, painting):
    """One evaluation of the closure, with that share of L-BFGS's own work."""
    module = network.module

    def gram(maps):
        rows = maps.view(maps.shape[0] * maps.shape[1], -1)
        return torch.mm(rows, rows.t()).div(maps.numel())

    def features(picture):
        return layers_of(module, network.normalize(picture[None]).contiguous())

    with torch.no_grad():
        content = features(photo)[CONTENT]
        grams = {key: gram(one.contiguous()) for key, one in features(painting).items()}
    x = photo.clone().requires_grad_()
    lbfgs = torch.optim.LBFGS([x], max_iter=1, max_eval=1, lr=1e-3)

    def closure():
        lbfgs.zero_grad()
        found = features(x)
        loss = mse_loss(found[CONTENT], content)
        for key in STYLE:
            loss = loss + 1e6 * mse_loss(gram(found[key].contiguous()), grams[key])
        loss.backward()
        return loss

    return lambda: lbfgs.step(closure)


@pytest.mark.parametrize("optimizer", MOST)
def test_a_step(network, optimizer, compare):
    photo, painting = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    ours = stepping(network, photo, painting, optimizer=optimizer)
    plain = compare(f"style step, {optimizer}, the tutorial's", ours, tutorial(network, photo, painting), 9)
    least = compare(f"style step, {optimizer}, hand-written", ours, floor(network, photo, painting), 9)
    assert least <= MOST[optimizer]
    assert plain <= 0.75
