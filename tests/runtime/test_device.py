"""Where and how precisely; and fair turns on a device."""

import threading
import time
from itertools import pairwise

import pytest
import torch

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.runtime import device as runtime
from cnnviz_widgets.runtime.device import computing, device, precision, turn, use


def test_use_as_a_context():
    before = device(), precision()
    with use("cpu", "fast"):
        assert (device(), precision()) == (torch.device("cpu"), "fast")
        with use(precision="exact"):
            assert (device().type, precision()) == ("cpu", "exact")
        assert precision() == "fast"
    assert (device(), precision()) == before


def test_use_holds_without_a_context():
    before = device()
    setting = use(device="cpu", precision="fast")
    assert (device().type, precision()) == ("cpu", "fast")
    setting.__exit__()
    assert device() == before


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"device": "tpu"}, "must be"),
        ({"device": "xpu"}, "must be"),
        ({"device": 3.5}, "must be"),
        ({"device": "cuda:99"}, "not on this machine"),
        ({"precision": "double"}, "precision"),
    ],
)
def test_what_is_not_there(asked, complaint):
    before = device(), precision()
    with pytest.raises(UserError, match=complaint):
        use(**asked)
    assert (device(), precision()) == before


def test_exact_is_exact_and_fast_is_autocast_where_it_pays(monkeypatch):
    cpu, ones = torch.device("cpu"), torch.ones(2, 2)
    with use("cpu", "exact"), computing(cpu):
        assert (ones @ ones).dtype == torch.float32
    with use("cpu", "fast"):
        monkeypatch.setattr(runtime, "_fast_dtype", lambda kind: torch.bfloat16)
        with computing(cpu):
            assert (ones @ ones).dtype == torch.bfloat16
        with computing(cpu, cast=False):
            assert (ones @ ones).dtype == torch.float32
        monkeypatch.setattr(runtime, "_fast_dtype", lambda kind: None)
        with computing(cpu):
            assert (ones @ ones).dtype == torch.float32
    assert not torch.is_autocast_enabled("cpu")


@pytest.fixture
def tf32():
    """Read and set the process's flags, which are put back afterwards."""

    def flags(*new):
        if new:
            runtime._set_tf32(*new)
        return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32

    before = flags()
    yield flags
    flags(*before)


def test_tf32_is_put_back_by_the_last_to_leave(tf32):
    tf32("medium", True)

    def enter_and_leave():
        with runtime._no_tf32:
            pass

    with runtime._no_tf32:
        thread = threading.Thread(target=enter_and_leave)
        thread.start()
        thread.join()
        assert tf32() == ("highest", False)
    assert tf32() == ("medium", True)


@pytest.mark.skipif(not hasattr(torch.backends.cudnn, "conv"), reason="before PyTorch 2.9 there is one flag for all")
def test_what_the_user_set_by_operator_is_left_alone(tf32):
    flags = torch.backends.cudnn.conv, torch.backends.cudnn.rnn
    before = [flag.fp32_precision for flag in flags]
    try:
        flags[0].fp32_precision, flags[1].fp32_precision = "tf32", "ieee"
        with runtime._no_tf32:
            pass
        assert [flag.fp32_precision for flag in flags] == ["tf32", "ieee"]
    finally:
        for flag, value in zip(flags, before, strict=True):
            flag.fp32_precision = value


def test_turns_are_served_in_order():
    served, threads = [], []

    def work(number):
        with turn() as mine:
            assert mine
            served.append(number)

    with turn():
        for number in range(8):
            threads.append(threading.Thread(target=work, args=(number,)))
            threads[-1].start()
            wait_until(lambda n=number: queued() == n + 1)
        assert served == []
    for thread in threads:
        thread.join(5)
    assert served == list(range(8))
    with turn(wait=False) as mine:
        assert mine


def test_whoever_gives_up_the_device_between_steps_lets_others_in():
    order, ready = [], threading.Event()

    def work(name, steps):
        ready.wait()
        for _ in range(steps):
            with turn():
                order.append(name)
                time.sleep(0.002)

    threads = [threading.Thread(target=work, args=(name, 10)) for name in "ab"]
    for thread in threads:
        thread.start()
    ready.set()
    for thread in threads:
        thread.join(5)
    changes = sum(first != second for first, second in pairwise(order))
    assert changes > 10  # a plain lock would let one thread through many times in a row


def test_the_owner_may_enter_again():
    with turn() as outer, turn() as inner, turn(wait=False) as innermost:
        assert outer
        assert inner
        assert innermost
        assert refused()
    assert not refused()


@pytest.fixture
def held():
    """The turn is another thread's; calling it lets that thread go."""
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with turn():
            inside.set()
            leave.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait()

    def release():
        leave.set()
        thread.join(5)

    yield release
    release()


def test_without_waiting(held):
    with turn(wait=False) as mine:
        assert not mine
    held()
    with turn(wait=False) as mine:
        assert mine


def test_an_error_inside_gives_the_turn_back():
    with pytest.raises(KeyboardInterrupt), turn():
        raise KeyboardInterrupt
    assert not refused()


def test_an_interrupt_while_waiting_gives_up_the_place(monkeypatch, held):
    class Interrupted(threading.Event):
        def wait(self, timeout=None):
            raise KeyboardInterrupt

    monkeypatch.setattr(runtime.threading, "Event", Interrupted)
    with pytest.raises(KeyboardInterrupt), turn():
        pass
    monkeypatch.undo()
    assert queued() == 0
    held()
    assert not refused()


def queued() -> int:
    return sum(len(turnstile._queue) for turnstile in runtime._turnstiles.values())


def refused() -> bool:
    """Whether another thread would find the device busy."""
    answers = []

    def ask():
        with turn(wait=False) as mine:
            answers.append(mine)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(5)
    return not answers[0]


def wait_until(condition) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.002)
    raise AssertionError("it did not happen")
