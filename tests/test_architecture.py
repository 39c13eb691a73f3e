"""The rooms, and which may import which: the contracts in ``pyproject.toml``."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run([sys.executable, "-c", LINT], cwd=folder, env=environment, capture_output=True, text=True)


def test_imports_keep_to_the_contracts():
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("runtime/threads.py", "import cnnviz_widgets.methods", "Imports point one way"),
        ("widgets/tree.py", "import torch", "Front-end parts know nothing of networks and pictures"),
        ("methods/cam/cam.py", "import ipywidgets", "Methods need no Jupyter"),
        ("panels/parts.py", "import bqplot", "Panels know bqplot by its chart alone"),
        ("errors.py", "import cnnviz_widgets.gate", "No circles, in any room"),
        ("attic/__init__.py", "", "Imports point one way"),
    ],
)
def test_a_wrong_import_is_told(module, line, contract, tmp_path):
    """The contracts can fail: of a copy in which one import, or one room, is too many."""
    left_out = shutil.ignore_patterns("weights", "__pycache__")
    shutil.copytree(ROOT / "cnnviz_widgets", tmp_path / "cnnviz_widgets", ignore=left_out)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    changed = tmp_path / "cnnviz_widgets" / module
    changed.parent.mkdir(exist_ok=True)
    with changed.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    result = lint(tmp_path)
    assert result.returncode != 0
    assert f"{contract} BROKEN" in result.stdout
