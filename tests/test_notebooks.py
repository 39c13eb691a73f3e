"""The course: committed executed, with pictures; runs again to the same text; and on any other network."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cells
import nbformat
import pytest

from tools import course

ROOT = Path(__file__).resolve().parents[1]
COURSE = ROOT / "notebooks"
CHAPTERS = sorted(path.stem for path in COURSE.glob("*.ipynb"))
NOTEBOOKS = sorted(path.relative_to(COURSE).as_posix() for path in COURSE.rglob("[0-9]*.ipynb"))

CHOICE = 'net = cnnviz.load_network("mini")'
OTHER = 'net = cnnviz.load_network("{}", weights=None, input_size={})'
OPTIMIZING = ("04", "05", "10", "11", "12", "13", "14", "15", "16")  # chapters that take hundreds of steps
COMPARING = "18"  # takes as many passes, of pictures that are not flat in squares of 32 px
SOLVED = "solved-"
PICTURES = {"image/png", "image/jpeg"}
LIVE = "application/vnd.jupyter.widget-view+json"

pytestmark = pytest.mark.no_cover  # chapters run in kernels


@pytest.fixture(scope="module")
def kernel(tmp_path_factory) -> Iterator:
    """One kernel for all of them: this checkout, one thread, and none of the user's own Jupyter settings."""
    home = tmp_path_factory.mktemp("jupyter")
    folders = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    with pytest.MonkeyPatch.context() as patch:
        for name, folder in (folders | {"IPYTHONDIR": str(home / "ipython")}).items():
            patch.setenv(name, folder)
        patch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        with course.kernel(CUDA_VISIBLE_DEVICES="") as manager:
            yield manager


def read(name: str) -> nbformat.NotebookNode:
    return nbformat.read(COURSE / f"{name.removesuffix('.ipynb')}.ipynb", as_version=4)


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in cells.code(notebook) for output in cell.outputs]


def answers(notebook: nbformat.NotebookNode) -> list[str]:
    """What the checks said."""
    return [
        output.data["text/plain"]
        for cell in cells.code(notebook)
        if re.search(r"cnnviz\.exercises\.(check|ask)_", cell.source)
        for output in cell.outputs
        if "data" in output
    ]


def test_every_chapter_has_solutions():
    assert CHAPTERS
    assert CHAPTERS[0] == "00-start"
    assert sorted(path.stem for path in (COURSE / "solutions").glob("*.ipynb")) == CHAPTERS


def said(cell: nbformat.NotebookNode) -> list[tuple[str, object]]:
    """All that a cell's outputs say in words, and whether it was text or a picture.

    Where rounding grows over hundreds of steps, each kind of processor has numbers of its own: such a cell is tagged,
    and each of its texts counts up to the first number.
    """
    counts = r"\D*" if "nbval-ignore-output" in cell.metadata.get("tags", ()) else r"(?s).*"
    told: list[tuple[str, object]] = []
    streams: dict[str, str] = {}  # in how many pieces it came is chance
    for output in cell.outputs:
        if output.output_type == "stream":
            streams[output.name] = streams.get(output.name, "") + output.text
        else:
            kinds = output.data.keys() - PICTURES - {LIVE}
            data = {kind: re.match(counts, output.data[kind])[0] for kind in kinds}
            told.append((output.output_type, (data, bool(PICTURES & output.data.keys()))))
    return [*told, *((name, re.match(counts, text)[0]) for name, text in streams.items())]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_runs_to_the_same_text(name, kernel):
    """Every output but what is in the pictures is as committed.

    What follows from no answer says in the solutions what it says in the chapter, and is run there.
    """
    notebook, committed = read(name), read(name)
    chapter = read(Path(name).name) if name.startswith("solutions/") else nbformat.v4.new_notebook()
    notebook.cells = cells.needing(notebook, cells.following(notebook, cells.others(notebook, chapter)))
    course.execute(notebook, kernel)
    now = {cell.id: cell for cell in cells.code(chapter) + notebook.cells}
    for before in cells.code(committed):
        assert said(now[before.id]) == said(before), before.id


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_is_committed_executed_and_clean(name):
    notebook = read(name)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata
    assert notebook.metadata.kernelspec.name == "python3"
    counts = [cell.execution_count for cell in cells.code(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    for output in outputs(notebook):
        assert output.output_type in ("stream", "display_data", "execute_result")
        assert output.get("name") != "stderr"
        assert LIVE not in output.get("data", {})
        for kind in PICTURES & output.get("data", {}).keys():
            assert len(PICTURES & output.data.keys()) == 1
            alt = output.metadata[kind]["alt"]  # what is in the picture, for who cannot see it
            assert output.data["text/plain"].endswith(f"\n{alt}")
            assert len(alt) > 20
    assert str(ROOT) not in nbformat.writes(notebook)
    assert (COURSE / name).stat().st_size <= course.LARGEST


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_chapter_has_pictures_and_open_tasks(chapter):
    notebook = read(chapter)
    shows = re.compile(r"(^|\n)(cnnviz\.panels\.|cnnviz\.lab\(|panel$)")
    panels = [cell for cell in cells.code(notebook) if shows.search(cell.source)]
    assert panels
    for cell in panels:
        assert any(PICTURES & output.get("data", {}).keys() for output in cell.outputs)
    assert sum(bool(PICTURES & output.get("data", {}).keys()) for output in outputs(notebook)) >= 3
    assert any("image/png" in output.get("data", {}) for output in outputs(notebook))
    open_tasks = answers(notebook)
    assert len(open_tasks) >= 2
    assert all(text.startswith("… Not yet:") for text in open_tasks)
    solved = answers(read(f"solutions/{chapter}"))
    assert len(solved) == len(open_tasks)
    assert all(text.startswith("✔ Right.") for text in solved)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_links_lead_somewhere(chapter):
    for cell in read(chapter).cells:
        for target in re.findall(r"\]\(([^)]+\.ipynb)\)", cell.source if cell.cell_type == "markdown" else ""):
            assert (COURSE / target).is_file(), target


@pytest.mark.timeout(600)
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_runs_on_another_network(chapter, kernel):
    """With the one line changed that chooses the network: all that follows from it, with stubs and then with answers.

    One with shortcuts and normalization, where a pass is the work; where hundreds are, one that takes a quarter of it.
    What does not follow from it is the same on any network.
    """
    size = 48 if chapter.startswith(OPTIMIZING) else 64
    other = OTHER.format("squeezenet1_1" if size == 48 or chapter.startswith(COMPARING) else "resnet18", size)
    notebook = nbformat.v4.new_notebook(cells=with_answers(read(chapter), read(f"solutions/{chapter}")))
    chosen = [cell for cell in notebook.cells if CHOICE in cell.source]
    assert len(chosen) == 1
    notebook.cells = cells.needing(notebook, cells.following(notebook, chosen))
    chosen[0].source = chosen[0].source.replace(CHOICE, other)
    course.execute(notebook, kernel)
    for cell in notebook.cells:
        verdict = "✔" if cell.id.startswith(SOLVED) else "…"
        assert all(text.startswith(verdict) for text in answers(nbformat.v4.new_notebook(cells=[cell]))), cell.id


def with_answers(chapter: nbformat.NotebookNode, solutions: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The code of a chapter; after what follows from a stub, the same that follows from its answer."""
    solved = {cell.id: cell for cell in cells.following(solutions, cells.others(solutions, chapter))}
    every, waiting = [], []
    for cell in cells.code(chapter):
        if cell.id in solved:
            waiting.append(nbformat.from_dict(solved[cell.id] | {"id": SOLVED + cell.id}))
        else:
            every += waiting
            waiting = []
        every.append(cell)
    return every + waiting


@pytest.mark.timeout(600)
def test_nbval_runs_a_chapter_as_well(tmp_path):
    """What a teacher would call; it starts a kernel for each notebook, so that a quick one must do."""
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "-q", "-c", os.devnull, "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", "IPYTHONDIR": str(tmp_path)}
    ran = subprocess.run(
        [*command, str(COURSE / "03-activations.ipynb")], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout
    assert f"{len(cells.code(read('03-activations')))} passed" in ran.stdout
