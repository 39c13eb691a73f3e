"""Values made in a thread are those of the iterator, and the thread ends."""

import subprocess
import sys
import threading
import time

import pytest

from cnnviz_widgets.remarks import listening, remark
from cnnviz_widgets.runtime.ahead import ahead
from cnnviz_widgets.runtime.leaving import LEAVING


def ended() -> bool:
    for _ in range(100):
        if not any(thread.name == "cnnviz-ahead" for thread in threading.enumerate()):
            return True
        time.sleep(0.02)
    return False


def test_the_same_values_in_order():
    assert list(ahead(range(1000), 3)) == list(range(1000))
    assert list(ahead([], 3)) == []
    assert ended()


def test_at_most_so_many_wait():
    made = []

    def values():
        for number in range(100):
            made.append(number)
            yield number

    taken = ahead(values(), 4)
    next(taken)
    time.sleep(0.3)
    assert len(made) <= 6  # one taken, four waiting, one to be put
    taken.close()
    assert ended()


def test_what_is_raised_comes_in_its_place():
    def values():
        yield 1
        raise ZeroDivisionError("own")

    taken = ahead(values(), 4)
    assert next(taken) == 1
    with pytest.raises(ZeroDivisionError, match="own"):
        next(taken)
    assert ended()


def test_remarks_are_heard_where_the_callers_are():
    def values():
        remark("told")
        yield 1

    heard = []
    with listening(heard.append):
        assert list(ahead(values(), 1)) == [1]
    assert heard == ["told"]


LEFT = """
import time
import torch
from cnnviz_widgets.runtime.ahead import ahead

def values():
    large = torch.rand(1500, 1500)
    while True:
        large @ large  # without the interpreter, which is gone when this returns
        yield 1

taken = ahead(values(), {most})
next(taken)
{end}
"""


@pytest.mark.parametrize(
    ("most", "end"),
    [
        (100, "time.sleep(0.3)"),  # at work
        (1, "time.sleep(0.3)"),  # waits for its value to be taken
        (1, "from cnnviz_widgets.runtime.leaving import begin; begin(lambda: [*taken], 'other')"),
    ],
    ids=["at work", "waiting", "read by a thread"],
)
def test_python_ends_in_peace_and_at_once(most, end):
    """Without the wait for the value that is being made, such processes were aborted."""
    program = LEFT.format(most=most, end=end) + "print(time.time())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert "terminate" not in done.stderr
    assert time.time() - float(done.stdout) < LEAVING  # nobody waits for what will not come
