"""Waiting threads that sleep and that spin, alone and beside two busy processes; a new process for every setting."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cnnviz_widgets.runtime.threads import SETTINGS

PROGRAM = """
import json, statistics, time
import cnnviz_widgets as cnnviz
net, photo = cnnviz.load_network("mini", device="cpu"), cnnviz.load_image("chelsea")
work = {
    "saliency": lambda: cnnviz.saliency(net, photo),
    "occlusion": lambda: cnnviz.last(cnnviz.occlusion(net, photo), progress=False),
}
took = {}
for name, one in work.items():
    one()
    times = []
    for _ in range(5):
        began = time.perf_counter()
        one()
        times.append(time.perf_counter() - began)
    took[name] = statistics.median(times)
print(json.dumps(took))
"""
TURNS = 3


def times(policy: str) -> dict[str, float]:
    """Seconds of each piece of work in a new process."""
    others = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    environment = {**others, "OMP_WAIT_POLICY": policy}
    run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


@contextmanager
def busy(processes: int) -> Iterator[None]:
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("processes", "at_most"),
    [
        pytest.param(0, 2.0, id="alone"),  # to wake a thread costs a little
        pytest.param(2, 1.0, id="beside two busy processes"),
    ],
)
def test_sleeping_beside_spinning(processes, at_most, record_speed):
    """The floors are those of the best turn: whatever else runs on the machine makes both slower, and not equally."""
    with busy(processes):
        turns = [(times("PASSIVE"), times("ACTIVE")) for _ in range(TURNS)]
    for name in turns[0][0]:
        ratios = [sleeping[name] / spinning[name] for sleeping, spinning in turns]
        place = f"beside {processes} busy" if processes else "alone"
        record_speed(f"{name} {place}, threads sleep / spin", 1000 * min(s[name] for s, _ in turns), min(ratios))
        assert min(ratios) < at_most
