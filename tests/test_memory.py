"""A chapter fits into a kernel of 1.1 GB: two of them, and the server, into the 2 GB of a free Binder."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tools import course

ROOT = Path(__file__).resolve().parents[1]
HEAVIEST = "05"  # 0.6 GB above torch; 06, for one, takes 0.46
LARGEST = 1100  # MB
TORCH = 229  # MB: a process that has imported the build of torch for processors alone, and taken a step
MEMORY = """
from pathlib import Path
told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(*(told[name].split()[0] for name in ("VmHWM", "VmRSS")))  # kB: the peak, and now
"""


@pytest.mark.timeout(600)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell the peak")
def test_the_heaviest_chapter(monkeypatch):
    """What it takes above torch, whose builds differ by 300 MB, in a kernel that has run nothing else."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    (path,) = course.COURSE.glob(f"{HEAVIEST}-*.ipynb")
    chapter = nbformat.read(path, as_version=4).cells
    before = nbformat.v4.new_code_cell(f"import torch\ntorch.ones(1, requires_grad=True).sum().backward(){MEMORY}")
    after = nbformat.v4.new_code_cell(MEMORY)
    notebook = nbformat.v4.new_notebook(cells=[before, *chapter, after])
    with course.kernel(CUDA_VISIBLE_DEVICES="") as manager:
        NotebookClient(notebook, km=manager, timeout=600, store_widget_state=False).execute()
    (_, empty), (peak, _) = (map(int, cell.outputs[0].text.split()) for cell in (before, after))
    assert TORCH + (peak - empty) / 1000 <= LARGEST
