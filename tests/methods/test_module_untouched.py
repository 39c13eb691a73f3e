"""Every method leaves the user's module exactly as it was, on networks of many kinds, also when it is broken off."""

from itertools import islice

import pytest
import torch
from architectures import module, odd, state  # noqa: F401

import cnnviz_widgets as cnnviz

METHODS = {
    "saliency": lambda n, x: cnnviz.saliency(n, x),
    "deconvnet": lambda n, x: cnnviz.class_gradient(n, x, 3, rule="deconvnet"),
    "guided": lambda n, x: cnnviz.class_gradient(n, x, rule="guided"),
    "neuron": lambda n, x: cnnviz.neuron_gradient(n, x, n.layers[2], 0, rule="guided"),
    "smoothgrad": lambda n, x: cnnviz.smoothgrad(n, x, samples=2, rule="guided"),
    "integrated": lambda n, x: cnnviz.integrated_gradients(n, x, steps=2),
    "full_grad": lambda n, x: cnnviz.full_grad(n, x),
    "grad_cam": lambda n, x: cnnviz.grad_cam(n, x, layer=middle(n)),
    "grad_cam_pp": lambda n, x: cnnviz.grad_cam_pp(n, x, layer=middle(n)),
    "hires_cam": lambda n, x: cnnviz.hires_cam(n, x, layer=middle(n)),
    "layer_cam": lambda n, x: cnnviz.layer_cam(n, x, layer=middle(n)),
    "score_cam": lambda n, x: cnnviz.score_cam(n, x, layer=middle(n), channels=2),
    "guided_grad_cam": lambda n, x: cnnviz.guided_grad_cam(n, x, layer=middle(n)),
    "important_channels": lambda n, x: cnnviz.important_channels(n, x, layer=middle(n)),
    "sanity_check": lambda n, x: [*islice(cnnviz.sanity_check(cnnviz.saliency, n, x), 2)],
    "deletion": lambda n, x: cnnviz.deletion_curve(n, x, x, steps=2),
    "optimize": lambda n, x: cnnviz.last(cnnviz.optimize(n, cnnviz.objectives.logit(3), steps=2), progress=False),
    "occlusion": lambda n, x: next(cnnviz.occlusion(n, x, size=16, stride=16)),
}


def middle(network: cnnviz.Network):
    """A layer with places half way."""
    placed = [layer for layer in network.layers if layer.spatial and layer.shape[1] > 1]
    return placed[len(placed) // 2]


@pytest.fixture
def picture() -> torch.Tensor:
    return torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.filterwarnings("ignore:.*(nothing came back|met no ReLU|constant)")
def test_after_success(odd, picture, method):  # noqa: F811
    network = cnnviz.Network(odd, input_size=64)
    before, generator = state(odd), torch.get_rng_state()
    METHODS[method](network, picture)
    assert state(odd) == before
    assert torch.equal(torch.get_rng_state(), generator)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("method", METHODS)
def test_after_an_interrupt(odd, picture, method):  # noqa: F811
    network = cnnviz.Network(odd, input_size=64)
    _ = network.layers
    parts = [part for part in odd.modules() if not list(part.children())]

    def interrupt(*_):
        raise KeyboardInterrupt

    handle = parts[1].register_forward_pre_hook(interrupt)
    try:
        before = state(odd)
        with pytest.raises(KeyboardInterrupt):
            METHODS[method](network, picture)
        after = state(odd)
    finally:
        handle.remove()
    assert after == before
    assert torch.is_grad_enabled()
