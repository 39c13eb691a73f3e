"""What every technique in the registry promises. Its own tests hold its numbers only."""

import inspect
from base64 import b64decode
from contextlib import suppress

import pytest
import torch
from architectures import ARCHITECTURES, module_of, oddly, state
from contracts.calls import TECHNIQUES, call, mini, noise, photograph, same, takes_network, tensors

import cnnviz_widgets as cnnviz
from cnnviz_widgets.described import describe
from cnnviz_widgets.drawing.results import Result

SIDE = 64  # px of pictures for large networks
SEEDED = [name for name in TECHNIQUES if "seed" in inspect.signature(getattr(cnnviz, name)).parameters]
ON_NETWORKS = [name for name in TECHNIQUES if takes_network(name)]
# Every technique with two architectures, in turn. VGG and AlexNet are large, and hold nothing that the others do not.
SMALL = [name for name in ARCHITECTURES if name not in ("vgg16", "alexnet")]
PAIRS = [(name, SMALL[(number + shift) % len(SMALL)]) for number, name in enumerate(ON_NETWORKS) for shift in (0, 2)]

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.no_cover,  # their own tests cover them, and being traced takes a third of the time
]


@pytest.mark.parametrize("name", TECHNIQUES)
def test_runs_and_is_the_same_again(name, tmp_path):
    """Twice, with torch's own random numbers in another state; those are not touched."""
    image, before = photograph(128), state(mini().module)
    torch.manual_seed(1)
    first = call(name, mini(), image, tmp_path)
    torch.manual_seed(2)
    generator = torch.get_rng_state()
    second = call(name, mini(), image, tmp_path)
    assert torch.equal(torch.get_rng_state(), generator)
    assert same(first, second)
    assert state(mini().module) == before
    assert torch.equal(image, photograph(128))
    assert torch.is_grad_enabled()
    assert not any(one.requires_grad for one in tensors(first) if one.is_floating_point())
    if isinstance(first, Result):
        assert first.values.isfinite().all()
        assert first.values.device.type == "cpu"
        data, metadata = first._repr_mimebundle_()
        assert b64decode(data["image/png"]).startswith(b"\x89PNG")
        assert data["text/plain"] == f"{first!r}\n{describe(first.content())}"
        assert metadata == {"image/png": {"alt": describe(first.content())}}
        assert first.convention


@pytest.mark.parametrize("name", SEEDED)
def test_another_seed_gives_another_result(name, tmp_path):
    image = photograph(128)
    assert not same(call(name, mini(), image, tmp_path, seed=1), call(name, mini(), image, tmp_path, seed=2))


@pytest.mark.parametrize("name", TECHNIQUES)
def test_says_what_it_is(name):
    lines = (getattr(cnnviz, name).__doc__ or "").splitlines()
    assert lines
    assert lines[0].endswith((".", ":"))
    assert len(lines[0]) <= 120


@pytest.mark.no_cover  # the same lines as on mini
@pytest.mark.parametrize(("name", "architecture"), PAIRS)
def test_leaves_odd_modules_untouched(name, architecture, tmp_path):
    """In training mode in part, with frozen parts, gradients and weights in another memory format."""
    mini()  # is loaded once, which draws random weights first
    with oddly(module_of(architecture)) as module:
        network = cnnviz.Network(module, input_size=SIDE)
        before, generator = state(module), torch.get_rng_state()
        with suppress(cnnviz.UserError):  # where an architecture is not one for it, as for CAM
            call(name, network, noise(SIDE), tmp_path)
        assert state(module) == before
        assert torch.equal(torch.get_rng_state(), generator)
        assert torch.is_grad_enabled()


@pytest.mark.no_cover  # the same lines as on mini
@pytest.mark.parametrize(("name", "architecture"), PAIRS[1::2])
def test_leaves_odd_modules_untouched_when_it_is_interrupted(name, architecture, tmp_path):
    with oddly(module_of(architecture)) as module:
        network = cnnviz.Network(module, input_size=SIDE)
        _ = network.layers
        parts = [part for part in module.modules() if not list(part.children())]
        interrupted = []

        def interrupt(*_):
            interrupted.append(True)
            raise KeyboardInterrupt

        handle = parts[1].register_forward_pre_hook(interrupt)
        try:
            before = state(module)
            try:
                call(name, network, noise(SIDE), tmp_path)
            except KeyboardInterrupt:
                assert interrupted
            except cnnviz.UserError:
                assert not interrupted
            else:
                assert not interrupted
            after = state(module)
        finally:
            handle.remove()
        assert after == before
        assert torch.is_grad_enabled()
