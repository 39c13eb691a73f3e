"""Interrupts at random moments, as the kernel sends them: the module and torch are as before."""

import random
import signal
import threading
import time
from functools import partial

import pytest
import torch
from architectures import state
from contracts.calls import TECHNIQUES, call, takes_network
from torch import nn
from torch.nn.modules import module as modules
from torch.overrides import _get_current_function_mode_stack

import cnnviz_widgets as cnnviz
from cnnviz_widgets.networks.held import held
from cnnviz_widgets.runtime.interrupts import guarded, uninterrupted

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers that interrupt on this system")

INTERRUPTS = 300
SLOW = ("random_labels", "dream_zoom")  # the one trains, the other writes a film
REFUSED = ("cam", "breed", "trust_quiz")  # by this module: no layer for CAM, not the class bred for, no known sample

METHODS = {
    "layers": lambda n, x, folder: n.with_module(n.module).layers,
    "predict": lambda n, x, folder: n.predict(x),
    "new occlusion": lambda n, x, folder: next(cnnviz.occlusion(n.with_module(n.module), x, size=8, stride=8)),
    **{name: partial(call, name) for name in TECHNIQUES if takes_network(name) and name not in (*SLOW, *REFUSED)},
}


@pytest.fixture
def module():
    """With all that a pass could leave something on: flags, BatchNorm, a first layer with a stride, spectral norm."""
    normed = nn.utils.parametrizations.spectral_norm(nn.Conv2d(4, 6, 3, padding=1))
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), normed, nn.BatchNorm2d(6),
        nn.ReLU(), nn.Dropout(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5),
    ).train()  # fmt: skip
    module[1].eval()
    return module


def modes() -> tuple:
    """All of torch and Python that a pass changes for a while."""
    return (
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        len(_get_current_function_mode_stack()),
        len(modules._global_forward_hooks),
        "forward" in vars(nn.BatchNorm2d),
        nn.Module.__call__,
        nn.Module.__getattr__,
        signal.getsignal(signal.SIGINT),
    )


@pytest.fixture
def timer():
    """Interrupts whoever runs after so many seconds, as Ctrl+C does; 0 for not at all."""

    def send(*_):
        signal.raise_signal(signal.SIGINT)

    before, timers = signal.signal(signal.SIGALRM, send), signal.getitimer(signal.ITIMER_REAL)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, *timers)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def interruptible():
    """A shell starts what runs in its background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.timeout(900, method="thread")  # the usual method has the same timer
@pytest.mark.filterwarnings("ignore")
def test_the_module_is_untouched_by_random_interrupts(module, timer, tmp_path):
    draw, hits = random.Random(0), 0
    network, picture = cnnviz.Network(module, input_size=32), torch.rand(3, 32, 32)
    seconds = {}
    for name, method in METHODS.items():
        method(network, picture, tmp_path)
        began = time.perf_counter()
        method(network, picture, tmp_path)
        seconds[name] = time.perf_counter() - began
    before, usual = state(module), modes()
    while hits < INTERRUPTS:
        name = draw.choice([*METHODS])
        try:
            try:
                timer(draw.uniform(1e-5, seconds[name]))
                METHODS[name](network, picture, tmp_path)
            finally:
                timer(0)  # which may be what is interrupted
        except KeyboardInterrupt:
            hits += 1
        assert state(module) == before, name
        assert modes() == usual, name
    assert free(module)


def free(module: nn.Module) -> bool:
    """Whether another thread can have it."""
    had = []

    def have():
        with held(module):
            had.append(True)

    thread = threading.Thread(target=have, daemon=True)
    thread.start()
    thread.join(5)
    return bool(had)


class Step:
    """A context that is interrupted while it is entered or left."""

    def __init__(self, when):
        self.when, self.inside = when, False

    def __enter__(self):
        if self.when == "enter":
            signal.raise_signal(signal.SIGINT)
        self.inside = True

    def __exit__(self, *error):
        if self.when == "exit":
            signal.raise_signal(signal.SIGINT)
        self.inside = False


@pytest.mark.parametrize("when", ["enter", "exit"])
def test_a_signal_waits_until_all_is_entered_or_left(when):
    steps, reached = [Step(""), Step(when), Step("")], []
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), guarded(*steps):
        reached += [step.inside for step in steps]
    assert reached == ([True] * 3 if when == "exit" else [])
    assert not any(step.inside for step in steps)
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_handler_that_only_takes_note_does_not_end_the_context(timer):
    heard = []
    signal.signal(signal.SIGALRM, lambda *_: heard.append(1))

    class Rings(Step):
        def __enter__(self):
            signal.raise_signal(signal.SIGALRM)
            self.inside = True

    with guarded(step := Rings("")):
        assert step.inside
        assert heard == [1]
        signal.raise_signal(signal.SIGALRM)
        assert heard == [1, 1]


def test_an_error_while_entering_leaves_what_was_entered():
    first, second = Step(""), Step("")
    second.__class__ = type("Fails", (Step,), {"__enter__": lambda self: 1 / 0})
    with pytest.raises(ZeroDivisionError), guarded(first, second):
        pass
    assert not first.inside


def test_a_function_as_one_step():
    done = []

    def work():
        signal.raise_signal(signal.SIGINT)
        done.append(True)

    with pytest.raises(KeyboardInterrupt):
        uninterrupted(work)
    assert done


def test_waiting_for_another_thread_can_be_interrupted(module, timer):
    inside, go_on = threading.Event(), threading.Event()

    def have():
        with held(module):
            inside.set()
            go_on.wait(10)

    thread = threading.Thread(target=have)
    thread.start()
    inside.wait(5)
    timer(0.2)
    with pytest.raises(KeyboardInterrupt):
        cnnviz.Network(module, input_size=16).logits(torch.rand(3, 16, 16))
    timer(0)
    go_on.set()
    thread.join()
    assert free(module)
