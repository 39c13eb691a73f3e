"""Every method leaves the user's module exactly as it was, on networks of many kinds, also when it is broken off."""

import pytest
import torch
from architectures import module, odd, state  # noqa: F401

import cnnviz_widgets as cv

METHODS = {
    "saliency": lambda n, x: cv.saliency(n, x),
    "deconvnet": lambda n, x: cv.class_gradient(n, x, 3, rule="deconvnet"),
    "guided": lambda n, x: cv.class_gradient(n, x, rule="guided"),
    "neuron": lambda n, x: cv.neuron_gradient(n, x, n.layers[2], 0, rule="guided"),
    "occlusion": lambda n, x: next(cv.occlusion(n, x, size=16, stride=16)),
}


@pytest.fixture
def picture() -> torch.Tensor:
    return torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.filterwarnings("ignore:.*(nothing came back|met no ReLU|constant)")
def test_after_success(odd, picture, method):  # noqa: F811
    network = cv.Network(odd, input_size=64)
    before, generator = state(odd), torch.get_rng_state()
    METHODS[method](network, picture)
    assert state(odd) == before
    assert torch.equal(torch.get_rng_state(), generator)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("method", METHODS)
def test_after_an_interrupt(odd, picture, method):  # noqa: F811
    network = cv.Network(odd, input_size=64)
    _ = network.layers
    parts = [part for part in odd.modules() if not list(part.children())]

    def interrupt(*_):
        raise KeyboardInterrupt

    handle = parts[1].register_forward_pre_hook(interrupt)
    before = state(odd)
    with pytest.raises(KeyboardInterrupt):
        METHODS[method](network, picture)
    after = state(odd)
    handle.remove()
    assert after == before
    assert torch.is_grad_enabled()
