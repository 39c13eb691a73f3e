"""Waiting threads sleep, from before torch is loaded, unless the user has chosen otherwise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cnnviz_widgets.runtime import threads

CLONE = Path(__file__).resolve().parents[2]
SHOW = "import os; print(os.environ.get('OMP_WAIT_POLICY'))"


def shown(*command: str, **settings: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in threads.SETTINGS} | settings
    run = subprocess.run(command, env=environment, cwd=CLONE, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.mark.parametrize(
    ("program", "settings", "policy"),
    [
        ("import cnnviz_widgets", {}, "PASSIVE"),
        ("import cnnviz_widgets.networks, torch", {}, "PASSIVE"),
        ("import cnnviz_widgets", {"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE"),
        ("import torch, cnnviz_widgets", {}, "None"),  # too late to have an effect here
    ],
)
def test_it_is_set_where_it_counts(program, settings, policy):
    assert shown(sys.executable, "-c", f"{program}; {SHOW}", **settings) == policy


def test_the_kernels_of_the_course_inherit_it():
    """Also where torch is loaded already when the server starts."""
    program = f"""
import sys, torch
from types import ModuleType
sys.modules["jupyterlab.labapp"] = labapp = ModuleType("labapp")
labapp.main = lambda options: exec({SHOW!r})
from cnnviz_widgets.cli.lab import lab
lab(browser=False)
"""
    assert shown(sys.executable, "-c", program).splitlines()[-1] == "PASSIVE"


@pytest.mark.skipif(os.name != "posix", reason="Binder runs Linux")
def test_binder_starts_what_it_is_given_with_it():
    start = CLONE / "binder" / "start"
    assert os.access(start, os.X_OK)
    assert shown(str(start), sys.executable, "-c", SHOW) == "PASSIVE"
    assert shown(str(start), sys.executable, "-c", SHOW, OMP_WAIT_POLICY="ACTIVE") == "ACTIVE"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "OMP_WAIT_POLICY=PASSIVE: waiting threads sleep"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE: waiting threads spin"),
    ],
)
def test_the_doctor_says_what_is_set(settings, said):
    program = "from cnnviz_widgets.cli import doctor; print(*doctor._threads())"
    assert said in shown(sys.executable, "-c", program, **settings)
