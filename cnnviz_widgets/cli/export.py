"""``cnnviz course export``: the course for students, without solutions, and its chapters as sources for graders.

A source is a chapter in which the solution of each task stands where its stub was, between marks that nbgrader and
otter know: both put ``...`` in the place of what is marked. What is given beside it, the head of a function or numbers
to start from, stays. The ids of cells say what they are: a student writes ``answer-N``, and ``check-N`` is graded.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from shutil import copy, copytree, ignore_patterns

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_raw_cell

from .course import SOLUTIONS, chapters, new_folder, opened, pristine_course

# A line of an answer that puts something else in the place of a check is undone.
FRESH = """\
import sys

for name in [name for name in sys.modules if name.startswith("cnnviz_widgets.exercises")]:
    del sys.modules[name]
import cnnviz_widgets as cnnviz
import cnnviz_widgets.exercises

"""
CHOICE = re.compile(r"^(\w+) = (cnnviz\.exercises\.ask_\w+\(\))$", re.MULTILINE)
CONFIG = """\
c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "cnnviz"
c.ClearSolutions.code_stub = {"python": "..."}  # a check calls it no answer yet
c.Execute.timeout = 600
"""


def export(format: str, folder: Path, asked: Sequence[str] = ()) -> list[Path]:
    """Write chapters in a format ("student", or one of ``GRADERS``) into a folder, and return the files.

    asked: numbers of chapters, such as "06"; none = all.
    nbgrader: ``source/<chapter>/<chapter>.ipynb`` and a configuration.   otter: ``<chapter>.ipynb``, to be assigned.
    student: the course as it is, without its solutions.
    Raises UserError for a number that no chapter has, and for a folder that holds something already.
    """
    course, _ = pristine_course()
    wanted = chapters(course, asked)
    new_folder(folder)
    if format == "student":
        return _without_solutions(course, folder, wanted)
    grader, written = GRADERS[format], []
    for path in wanted:
        chapter, solved = opened(path, with_solutions=False), opened(course / SOLUTIONS / path.name)
        file = folder / grader.file.format(path.stem)
        file.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(grader.told(source_of(chapter, solved, grader.mark), path.stem), file)
        copy(course / "glossary.md", file.parent)  # to which chapters link
        written.append(file)
    for name, text in grader.beside.items():
        (folder / name).write_text(text, encoding="utf-8")
    return written


def _without_solutions(course: Path, folder: Path, wanted: list[Path]) -> list[Path]:
    left_out = ignore_patterns(SOLUTIONS, "sources", ".*", "__pycache__", "*.ipynb")
    copytree(course, folder, ignore=left_out, dirs_exist_ok=True)
    for path in wanted:
        nbformat.write(opened(path, with_solutions=False), folder / path.name)
    return [folder / path.name for path in wanted]


def source_of(chapter: NotebookNode, solved: NotebookNode, mark: str) -> NotebookNode:
    """A chapter with marked solutions, and a check of every answer; ``mark`` has a place for BEGIN and END."""
    solutions = {cell.id: cell.source for cell in solved.cells}
    cells = []
    for cell in chapter.cells:
        cell = cell.copy()
        cells.append(cell)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if cell.id.startswith("answer-"):
            choice = CHOICE.search(cell.source)
            cell.source = marked(cell.source, solutions[cell.id], mark)
            if choice:
                cells.append(new_code_cell(_check_choice(*choice.groups()), id=cell.id.replace("answer", "check")))
        elif cell.id.startswith("check-"):
            cell.source = f"{FRESH}{cell.source}.require()"
    return nbformat.v4.new_notebook(cells=cells, metadata=chapter.metadata)


def marked(stub: str, solution: str, mark: str) -> str:
    """A student's cell with its solution between marks, behind what of the stub may stay when it is solved."""
    there, wanted = stub.split("\n"), solution.split("\n")
    before = _same(there, wanted)
    behind = _same(there[before:][::-1], wanted[before:][::-1])
    kept = there[before : len(there) - behind]
    if kept and kept[-1].strip() == "return None":  # nothing behind it would run
        kept = kept[:-1]
    if choice := CHOICE.search(stub):
        kept = [f'{choice[1]}.answer = None  # such as "a": a click alone is not graded']
    solved = wanted[before : len(wanted) - behind]
    first = next(line for line in solved if line)
    indent = " " * (len(first) - len(first.lstrip()))
    between = [indent + mark.format("BEGIN"), *solved, indent + mark.format("END")]
    return "\n".join([*there[:before], *kept, *between, *there[len(there) - behind :]])


def _same(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines at the beginning are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _check_choice(name: str, question: str) -> str:
    return f"{FRESH}asked = {question}\nasked.answer = {name}.answer\nasked.feedback.require()"


def for_nbgrader(source: NotebookNode, name: str) -> NotebookNode:
    """With nbgrader's metadata: answers are solutions, checks are locked and give one point."""
    for cell in source.cells:
        answer, check = (cell.id.startswith(kind) for kind in ("answer-", "check-"))
        if answer or check:
            about = {"grade_id": cell.id, "schema_version": 3, "solution": answer, "grade": check, "locked": check}
            cell.metadata["nbgrader"] = about | {"task": False} | ({"points": 1} if check else {})
    return source


def for_otter(source: NotebookNode, name: str) -> NotebookNode:
    """With otter's raw cells around each task: the solution goes as far as its check."""
    cells = [new_raw_cell(f"# ASSIGNMENT CONFIG\nname: {name}\nexport_cell: false", id="otter")]

    def raw(*texts: str) -> list[NotebookNode]:
        return [new_raw_cell(text, id=f"otter-{len(cells)}-{at}") for at, text in enumerate(texts)]

    for cell in source.cells:
        kind, _, number = cell.id.partition("-")
        if kind == "answer":
            cells += raw(f"# BEGIN QUESTION\nname: task-{number}\npoints: 1", "# BEGIN SOLUTION")
        elif kind == "check":
            *lines, last = cell.source.split("\n")
            cell.source = "\n".join([*lines, f"_ = {last}"])  # what a cell shows would be part of otter's test
            cells += raw("# END SOLUTION", "# BEGIN TESTS")
        cells.append(cell)
        if kind == "check":
            cells += raw("# END TESTS", "# END QUESTION")
    source.cells = cells
    return source


@dataclass(frozen=True)
class Grader:
    """How a tool wants a chapter.

    mark    the comment around a solution, with a place for BEGIN and END
    file    of a chapter in the folder, with a place for its name
    told    (source, name of the chapter) -> the notebook with what the tool must know
    beside  other files: name -> text
    """

    mark: str
    file: str
    told: Callable[[NotebookNode, str], NotebookNode]
    beside: Mapping[str, str] = field(default_factory=dict)


GRADERS = {
    "nbgrader": Grader("### {} SOLUTION", "source/{0}/{0}.ipynb", for_nbgrader, {"nbgrader_config.py": CONFIG}),
    "otter": Grader("# {} SOLUTION", "{0}.ipynb", for_otter),
}
