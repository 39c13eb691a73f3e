"""The user's module is left exactly as it was, however a call ends."""

import gc
import threading
from collections.abc import Callable

import pytest
import torch
from architectures import state
from torch import nn

from cnnviz_widgets.networks import Network


def ask_everything(network: Network, picture: torch.Tensor) -> None:
    _ = network.layers, network.default_layer
    network.predict(picture)
    network.activations(picture, [network.layers[0], network.layers[len(network.layers) // 2]])
    batch = network.normalize(network.prepare(picture)).requires_grad_()
    scores, values = network.forward(batch, network.default_layer, grad=True)
    torch.autograd.grad(scores[0, 0], [batch, *values.values()])


def test_after_success(odd, picture):
    before = state(odd)
    generator = torch.get_rng_state()
    ask_everything(Network(odd, input_size=64), picture)
    assert state(odd) == before
    assert torch.equal(torch.get_rng_state(), generator)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("call", ["layers", "predict", "activations", "forward"])
def test_after_an_error_in_the_middle(odd, picture, error, call):
    network = Network(odd, input_size=64)
    if call != "layers":
        _ = network.layers
    parts = list(odd.modules())
    middle = [part for part in parts[: 3 * len(parts) // 4] if not list(part.children())][-1]
    middle.register_forward_pre_hook(broken := Raise(error))
    before = state(odd)
    calls: dict[str, Callable] = {
        "layers": lambda: network.layers,
        "predict": lambda: network.predict(picture),
        "activations": lambda: network.activations(picture, [network.layers[0], network.layers[-1]]),
        "forward": lambda: network.forward(network.normalize(picture[None]), network.layers, grad=True),
    }
    with pytest.raises((error, ValueError)):
        calls[call]()
    after = state(odd)
    middle._forward_pre_hooks.clear()
    assert broken.raised
    assert after == before


class Raise:
    def __init__(self, error):
        self.error, self.raised = error, False

    def __call__(self, *_):
        self.raised = True
        raise self.error("in the middle")


def test_hundreds_of_calls():
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 5),
    )
    network, picture = Network(module, input_size=8), torch.rand(3, 8, 8)

    def call() -> None:
        batch = network.normalize(network.prepare(picture)).requires_grad_()
        scores, values = network.forward(batch, ["2", "4"], grad=True)
        torch.autograd.grad(scores[0, 0], [batch, *values.values()])
        network.activations(picture, "1")

    ask_everything(network, picture)
    call()
    gc.collect()
    before, objects = state(module), len(gc.get_objects())
    for _ in range(200):
        call()
    gc.collect()
    assert state(module) == before
    assert len(gc.get_objects()) < objects + 100
    assert not torch.is_autocast_enabled("cpu")
    assert torch.is_grad_enabled()


def test_users_hooks_still_run_and_stay(picture):
    module, seen = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), []
    module[0].register_forward_hook(lambda part, _, output: seen.append(output.shape))
    network = Network(module, input_size=64)
    network.activations(picture, "0")
    assert len(seen) == 2  # the probe and the pass
    assert len(module[0]._forward_hooks) == 1


def test_two_views_of_one_module_do_not_leave_it_in_each_others_mode():
    """One view's pass must not put the module back into training mode in the middle of the other's."""
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten()).train()
    inside, go_on = threading.Event(), threading.Event()

    def wait(*_):
        if threading.current_thread() is not threading.main_thread():
            inside.set()
            go_on.wait(5)

    handle = module[0].register_forward_hook(wait)
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    first, second = Network(module, input_size=8), Network(module, input_size=8)
    other = threading.Thread(target=lambda: first.logits(torch.rand(3, 8, 8)))
    other.start()
    inside.wait(5)
    threading.Timer(0.1, go_on.set).start()
    second.logits(torch.rand(3, 8, 8))
    other.join()
    handle.remove()
    assert module.training
    assert all(torch.equal(buffer, before[name]) for name, buffer in module.named_buffers())
