"""The course: committed executed, with pictures; runs again to the same text; and on any other network."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
COURSE = ROOT / "notebooks"
CHAPTERS = sorted(path.stem for path in COURSE.glob("*.ipynb"))
NOTEBOOKS = sorted(path.relative_to(COURSE).as_posix() for path in COURSE.rglob("[0-9]*.ipynb"))

CHOICE = 'net = cnnviz.load_network("mini")'
OTHER = 'net = cnnviz.load_network("resnet18", weights=None, input_size=64)'


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """This checkout, one thread, and none of the user's own Jupyter settings."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    folders = {
        f"{name}_DIR": str(tmp_path / name) for name in ("JUPYTER_CONFIG", "JUPYTER_DATA", "JUPYTER_RUNTIME")
    } | {"IPYTHONDIR": str(tmp_path / "ipython")}
    return os.environ | folders | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def read(name: str) -> nbformat.NotebookNode:
    return nbformat.read(COURSE / f"{name.removesuffix('.ipynb')}.ipynb", as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def answers(notebook: nbformat.NotebookNode) -> list[str]:
    """What the checks said."""
    return [
        output.data["text/plain"]
        for cell in code_cells(notebook)
        if "cnnviz.exercises.check_" in cell.source
        for output in cell.outputs
        if "data" in output
    ]


def test_every_chapter_has_solutions():
    assert CHAPTERS
    assert CHAPTERS[0] == "00-start"
    assert sorted(path.stem for path in (COURSE / "solutions").glob("*.ipynb")) == CHAPTERS


@pytest.mark.timeout(2400)
def test_all_run_to_the_same_text(environment):
    """nbval, strict: every output but pictures must be as committed."""
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "-p", "no:cacheprovider", "."]
    run = subprocess.run(command, cwd=COURSE, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_is_committed_executed_and_clean(name):
    notebook = read(name)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata
    assert notebook.metadata.kernelspec.name == "python3"
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    for output in outputs(notebook):
        assert output.output_type in ("stream", "display_data", "execute_result")
        assert output.get("name") != "stderr"
        assert "application/vnd.jupyter.widget-view+json" not in output.get("data", {})
    assert str(ROOT) not in nbformat.writes(notebook)
    assert (COURSE / name).stat().st_size < 2.5e6


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_chapter_has_pictures_and_open_tasks(chapter):
    notebook = read(chapter)
    panels = [cell for cell in code_cells(notebook) if "cnnviz.panels." in cell.source or "cnnviz.lab(" in cell.source]
    assert panels
    for cell in panels:
        assert any("image/png" in output.get("data", {}) for output in cell.outputs)
    assert sum("image/png" in output.get("data", {}) for output in outputs(notebook)) >= 3
    said = answers(notebook)
    assert len(said) >= 2
    assert all(text.startswith("… Not yet:") for text in said)
    solved = answers(read(f"solutions/{chapter}"))
    assert len(solved) == len(said)
    assert all(text.startswith("✔ Right.") for text in solved)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_links_lead_somewhere(chapter):
    for cell in read(chapter).cells:
        for target in re.findall(r"\]\(([^)]+\.ipynb)\)", cell.source if cell.cell_type == "markdown" else ""):
            assert (COURSE / target).is_file(), target


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_runs_on_another_network(chapter, environment, monkeypatch):
    """The chapter and then its solutions, with the one line changed that chooses the network."""
    notebook, solutions = read(chapter), read(f"solutions/{chapter}")
    for part in (notebook, solutions):
        chosen = [cell for cell in part.cells if CHOICE in cell.source]
        assert len(chosen) == 1
        chosen[0].source = chosen[0].source.replace(CHOICE, OTHER)
    first_of_solutions = len(notebook.cells)
    for cell in solutions.cells:
        cell.id = f"solution-{cell.id}"
    notebook.cells += solutions.cells
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    NotebookClient(notebook, timeout=300, kernel_name="python3", store_widget_state=False).execute()
    for half, verdict in ((notebook.cells[:first_of_solutions], "…"), (notebook.cells[first_of_solutions:], "✔")):
        said = answers(nbformat.v4.new_notebook(cells=half))
        assert len(said) >= 2
        assert all(text.startswith(verdict) for text in said), said
