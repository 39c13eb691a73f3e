"""What ``import cnnviz_widgets`` costs, and what it does without."""

import subprocess
import sys

import pytest


def python(program: str) -> str:
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_costs_at_most_half_a_second_more_than_torch():
    clock = "from time import perf_counter as clock; began = clock(); import cnnviz_widgets; print(clock() - began)"
    assert float(python(f"import torch, torchvision; {clock}")) < 0.5


def test_panels_without_a_chart_need_no_bqplot():
    """It takes longer to import than all of ours: it brings pandas."""
    panels = "cnnviz.panels.Filters(), cnnviz.panels.Activations()"
    python(
        f"import cnnviz_widgets as cnnviz; {panels}; import sys; assert not {{'bqplot', 'pandas'}} & {{*sys.modules}}"
    )


@pytest.mark.parametrize("name", ["methods", "networks", "pictures", "runtime"])
def test_needs_no_jupyter(name):
    blocked = (
        "import sys; sys.modules.update(dict.fromkeys(('ipywidgets', 'anywidget', 'bqplot', 'IPython', 'ipykernel')))"
    )
    python(f"{blocked}; import cnnviz_widgets.{name}")
