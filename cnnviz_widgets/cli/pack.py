"""``cnnviz course pack``: wheels, weights and the course in one folder, for a class without internet."""

import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from shutil import copytree

import torch

from cnnviz_widgets.errors import UserError

from .course import new_folder, pristine_course
from .export import export

START = """\
On every computer, with Python {python} and this folder:

    python -m venv cnnviz
    . cnnviz/bin/activate                    (Windows: cnnviz\\Scripts\\activate)
    pip install --no-index --find-links "{here}/wheels" "cnnviz-widgets[lab]"
    export TORCH_HOME="{here}/weights"       (Windows: set TORCH_HOME=...)
    cnnviz lab

Put the place of this folder for {here}. The wheels are for {platform}. The folder "course" holds the chapters without
their solutions, if these are not to be seen: open it by "jupyter lab course".
"""


def pack(folder: Path, options: Sequence[str] = ()) -> Path:
    """Fill a new folder, and return it: ``wheels``, ``weights`` that torch has here, ``course`` and ``START.txt``.

    options: for ``pip wheel``, such as ("--extra-index-url", "https://download.pytorch.org/whl/cpu").
    Raises UserError for a folder that holds something already, and with pip's last line where wheels are not to be had.
    """
    new_folder(folder)
    clone = Path(__file__).resolve().parents[2]
    ours = f"{clone}[lab]" if pristine_course()[1] else f"cnnviz-widgets[lab]=={version('cnnviz-widgets')}"
    command = [sys.executable, "-m", "pip", "wheel", "--wheel-dir", str(folder / "wheels"), ours, *options]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise UserError(f"the wheels cannot be collected: {said[-1]}")
    weights = Path(torch.hub.get_dir()) / "checkpoints"
    if weights.is_dir():
        copytree(weights, folder / "weights" / "hub" / "checkpoints")
    export("student", folder / "course")
    here, python = "FOLDER", ".".join(map(str, sys.version_info[:2]))
    start = START.format(here=here, python=python, platform=sys.platform)
    (folder / "START.txt").write_text(start, encoding="utf-8")
    return folder
