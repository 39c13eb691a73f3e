"""Runs the front end's JavaScript in node."""

import shutil
import subprocess
from pathlib import Path

import playwright
from jupyterlab_harness import missing

WIDGETS = Path(__file__).parent / "widgets"
NODE = shutil.which("node") or shutil.which("node", path=Path(playwright.__file__).parent / "driver")  # it brings one


def node(*arguments: str, given: str = "") -> str:
    """What it prints, in the folder of the widgets' tests."""
    if NODE is None:
        missing("node")
    done = subprocess.run([NODE, *arguments], cwd=WIDGETS, input=given, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
