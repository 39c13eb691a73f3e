"""From one source a chapter and its solutions: the right cells in each, and nobody forgets to build them."""

import ast
import base64
import io
import re
from itertools import pairwise

import jupytext
import nbformat
import numpy as np
import pytest
from PIL import Image

from tools import course

SOURCES = course.sources()
SOURCE = """
+++ {"id": "title"}

# A chapter

```{code-cell}
:id: network
:tags: [setup]

net = 1
```

```{code-cell}
:id: text
:tags: [hide-input]

prose = 2
```

```{code-cell}
:id: answer-1
:tags: [task]

answer = None
```

```{code-cell}
:id: answer-1
:tags: [solution]

answer = 3
```
"""


@pytest.fixture
def built(tmp_path, monkeypatch):
    """The chapter and the solutions of SOURCE, and the file that they come from."""
    monkeypatch.setattr(course, "COURSE", tmp_path)
    (tmp_path / "sources").mkdir()
    source = tmp_path / "sources" / "01-test.md"
    source.write_text(SOURCE, encoding="utf-8")
    return source, *course.built(source).items()


def by_id(notebook: nbformat.NotebookNode) -> dict[str, str]:
    return {cell.id: cell.source for cell in notebook.cells}


def test_every_cell_is_in_its_place(built, tmp_path):
    _, (path, chapter), (path_of_solutions, solutions) = built
    assert (path, path_of_solutions) == (tmp_path / "01-test.ipynb", tmp_path / "solutions" / "01-test.ipynb")
    assert by_id(chapter) == {
        "title": "# A chapter",
        "network": "net = 1",
        "text": "prose = 2",
        "answer-1": "answer = None",
    }
    assert by_id(solutions).keys() == {"solutions", "network", "answer-1"}
    assert by_id(solutions)["answer-1"] == "answer = 3"
    assert "01-test" in by_id(solutions)["solutions"]
    for notebook in (chapter, solutions):
        nbformat.validate(notebook)
        assert not any(course.OURS & {*cell.metadata.get("tags", ())} for cell in notebook.cells)
    hidden = [cell.id for cell in chapter.cells if cell.metadata.get("jupyter", {}).get("source_hidden")]
    assert hidden == ["text"]


def test_outputs_stay_where_only_text_has_changed(built):
    source, (path, chapter), _ = built
    for number, cell in enumerate((cell for cell in chapter.cells if cell.cell_type == "code"), 1):
        cell.execution_count = number
        cell.outputs = [nbformat.v4.new_output("stream", text=cell.id)]
    nbformat.write(chapter, path)
    for before, after, kept in (("# A chapter", "# The chapter", True), ("answer = None", "answer = ...", False)):
        source.write_text(SOURCE.replace(before, after), encoding="utf-8")
        (_, changed), _ = course.built(source).items()
        assert course.is_stale(path, changed)
        assert course.keep_outputs(path, changed) is kept
        assert [cell.get("outputs") for cell in changed.cells if cell.cell_type == "code"] == [
            cell.outputs if kept else [] for cell in chapter.cells if cell.cell_type == "code"
        ]


def test_stale_until_built_and_after_every_change(built):
    _, (path, chapter), _ = built
    assert course.is_stale(path, chapter)
    nbformat.write(chapter, path)
    assert course.is_stale(path, chapter)  # it was not executed
    for number, cell in enumerate((one for one in chapter.cells if one.cell_type == "code"), 1):
        cell.execution_count = number
    nbformat.write(chapter, path)
    wanted = nbformat.read(path, 4)
    assert not course.is_stale(path, wanted)
    for change in (
        lambda cells: cells[1].update(source="net = 2"),
        lambda cells: cells[1].update(id="other"),
        lambda cells: cells[1].metadata.update(tags=["hide-input"]),
        lambda cells: cells.pop(0),
        lambda cells: cells.reverse(),
    ):
        other = nbformat.read(path, 4)
        change(other.cells)
        assert course.is_stale(path, other)


def test_a_run_shows_and_keeps_what_was_said(built):
    _, (_, chapter), _ = built
    chapter.cells[
        2
    ].source = (
        "from PIL import Image\nprint(net)\ndisplay(Image.effect_noise((32, 32), 90))\nImage.effect_noise((64, 64), 90)"
    )
    with course.kernel() as manager:
        for _ in range(2):
            course.execute(chapter, manager)
    course.clean(chapter)
    stream, small, shown = chapter.cells[2].outputs
    assert stream.text == "1\n"
    assert "image/jpeg" in shown.data
    assert "image/png" not in shown.data
    assert "image/jpeg" not in small.data
    assert palette_of(small.data["image/png"])  # one PNG is always there, for what looks for no other picture
    assert shown.execution_count == chapter.cells[2].execution_count == 2
    assert "widgets" not in chapter.metadata
    assert "execution" not in chapter.cells[2].metadata


def test_each_notebook_begins_anew_in_the_same_kernel(built):
    _, (_, chapter), (_, solutions) = built
    chapter.cells[1].source = "import torch, ipywidgets\nslider = ipywidgets.IntSlider()\ntorch.manual_seed(5)"
    solutions.cells[1].source = "assert 'slider' not in globals()\nimport torch, ipywidgets"
    solutions.cells[2].source = "print(len(ipywidgets.Widget.widgets), torch.initial_seed() == 5)"
    with course.kernel() as manager:
        course.execute(chapter, manager)
        course.execute(solutions, manager)
    assert solutions.cells[2].outputs[0].text == "0 False\n"
    assert [cell.execution_count for cell in solutions.cells if cell.cell_type == "code"] == [1, 2]


def palette_of(png: str) -> bool:
    return Image.open(io.BytesIO(base64.b64decode(png))).mode == "P"


def packed(picture: Image.Image) -> tuple[str, Image.Image, float]:
    """(MIME type, what became of the picture, its size as a share of the PNG's)."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    kind, content = course.compressed(base64.b64encode(buffer.getvalue()).decode())
    return kind, Image.open(io.BytesIO(content)), len(content) / buffer.tell()


def test_pictures_become_smaller_and_look_the_same():
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)).resize(
        (256, 192), Image.Resampling.BICUBIC
    )
    kind, seen, share = packed(noise)
    assert (kind, seen.mode) == ("image/jpeg", "RGB")
    assert share < 0.3
    assert np.abs(np.asarray(seen, float) - np.asarray(noise)).mean() < 4

    drawing = Image.new("RGB", (200, 100), "white")
    drawing.paste("navy", (20, 20, 80, 60))
    kind, seen, share = packed(drawing)
    assert kind == "image/png"
    assert share <= 1
    assert np.array_equal(np.asarray(seen.convert("RGB")), np.asarray(drawing))

    holes = noise.convert("RGBA")
    holes.paste((0, 0, 0, 0), (0, 0, 64, 192))
    kind, seen, share = packed(holes)
    assert kind == "image/png"
    assert share < 0.6
    assert seen.convert("RGBA").getpixel((10, 10))[3] == 0


def test_a_large_notebook_has_poorer_pictures(built, monkeypatch):
    _, (_, chapter), _ = built
    levels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    sizes = []
    for largest in (10**6, 5000, 1000):
        monkeypatch.setattr(course, "LARGEST", largest)
        png = base64.b64encode(course.saved(Image.fromarray(levels), "PNG")).decode()
        said = {"image/png": {"alt": "noise"}}
        outputs = [nbformat.v4.new_output("display_data", {"image/png": png}, metadata=said) for _ in range(2)]
        chapter.cells[1].outputs = outputs
        course.clean(chapter)
        sizes.append(len(outputs[1].data["image/jpeg"]))
        assert outputs[1].metadata == {"image/jpeg": {"alt": "noise"}}
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[2]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_is_built_and_executed(source):
    stale = [path.name for path, notebook in course.built(source).items() if course.is_stale(path, notebook)]
    assert not stale, "run `python -m tools.course`"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_source_is_as_jupytext_writes_it(source):
    """Read and written again it is the same: nothing of it is lost in the notebook."""
    text = source.read_text(encoding="utf-8")
    written = jupytext.writes(jupytext.read(source, fmt="md:myst"), fmt="md:myst")
    header = re.compile(r"\A---\n.*?\n---\n", re.S)  # which names jupytext's own version
    assert header.sub("", written).strip() == header.sub("", text).strip()


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_task_has_one_solution_and_every_cell_its_own_id(source):
    cells = jupytext.read(source, fmt="md:myst").cells
    solutions = [cell.metadata.id for cell in cells if course.tagged(cell, "solution")]
    others = [cell.metadata.id for cell in cells if not course.tagged(cell, "solution")]
    assert len({*others}) == len(others)
    assert len({*solutions}) == len(solutions)
    assert {*solutions} <= {*others}
    assert {name for name in others if re.fullmatch(r"answer-\d", name)} <= {*solutions}
    for before, cell in pairwise(cells):
        assert not course.tagged(cell, "solution") or before.metadata.id == cell.metadata.id


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_imports_nothing_of_ours_but_cnnviz(source):
    for cell in jupytext.read(source, fmt="md:myst").cells:
        if cell.cell_type != "code":
            continue
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import):
                ours = [(one.name, one.asname) for one in node.names if one.name.startswith("cnnviz")]
                assert ours in ([], [("cnnviz_widgets", "cnnviz")])
            elif isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("cnnviz")
            elif isinstance(node, ast.Attribute):
                assert not node.attr.startswith("_"), cell.source
