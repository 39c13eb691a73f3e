"""The course for graders: solutions get full marks from nbgrader and otter themselves, what is untouched gets none."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cells
import nbformat
import pytest
from nbgrader.apps.api import NbGraderAPI
from traitlets.config.loader import PyFileConfigLoader
from warm_kernels import warm_kernels

from cnnviz_widgets import exercises
from cnnviz_widgets.cli import export, main
from cnnviz_widgets.cli.course import pristine_course
from cnnviz_widgets.errors import UserError

CHOSEN = re.compile(r"^\w+\.answer = None  # such as .*\n", re.MULTILINE)  # what an exported question has more
OTTER = ("06", "13")  # numbers, functions, choices; the sources of all are the same as for nbgrader
CHAPTERS = sorted(path.name for path in pristine_course()[0].glob("[0-9]*.ipynb"))


def pairs(name):
    course = pristine_course()[0]
    return (nbformat.read(path, as_version=4) for path in (course / name, course / "solutions" / name))


def test_a_wrong_answer_is_an_error_only_when_it_is_graded(monkeypatch):
    assert exercises.check_output_size(None).right is None
    monkeypatch.setenv("CNNVIZ_GRADE", "1")
    for answer in (None, -1):
        with pytest.raises(AssertionError, match=r"\w"):
            exercises.check_output_size(answer)
    monkeypatch.setenv("CNNVIZ_GRADE", "0")
    assert exercises.check_output_size(-1).right is False
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    assert exercises.check_output_size(-1).right is False
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(AssertionError):
        exercises.check_output_size(-1)


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_stub_in_the_place_of_the_marked_solution_is_the_chapters_cell(name):
    chapter, solved = pairs(name)
    stubs, solutions = ({cell.id: cell.source for cell in book.cells} for book in (chapter, solved))
    source = {cell.id: cell.source for cell in export.source_of(chapter, solved, "### {} SOLUTION").cells}
    assert set(stubs) <= set(source)
    for id in (id for id in stubs if id.startswith("answer-")):
        head, _, rest = CHOSEN.sub("", source[id]).partition("### BEGIN SOLUTION\n")
        solution, _, tail = rest.partition("### END SOLUTION")
        indent = head.rpartition("\n")[2]
        student = [head.removesuffix(indent) + tail.removeprefix("\n"), f"{head}return None{tail}"]
        assert stubs[id] in [one.rstrip("\n") for one in student]
        assert set(solution.split("\n")) <= {*solutions[id].split("\n"), "", indent}
        compile(source[id], id, "exec")
        assert source[id.replace("answer", "check")].endswith(".require()")


def test_the_course_for_students_has_no_solutions(tmp_path, capsys):
    assert main(["course", "export", "student", str(tmp_path / "course"), "06"]) == 0
    assert "1 chapter" in capsys.readouterr().out
    there = {path.name for path in (tmp_path / "course").iterdir()}
    assert {"06-occlusion.ipynb"} == {name for name in there if name.endswith(".ipynb")}
    assert not there & {"solutions", "sources"}
    assert "solutions/" not in (tmp_path / "course" / "06-occlusion.ipynb").read_text(encoding="utf-8")


def test_bad_input(tmp_path, capsys):
    with pytest.raises(UserError, match=r"CHAPTER must be one of 00, 01.*not '99'"):
        export.export("student", tmp_path / "new", ["99"])
    (tmp_path / "mine").write_text("work")
    assert main(["course", "export", "otter", str(tmp_path)]) == 1
    assert "DIR must be a new or an empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.fixture(scope="module")
def environment():
    """Of a grader whose kernels begin at once."""
    one = os.environ | {"OMP_NUM_THREADS": "1", "CNNVIZ_GRADE": "1"}
    with warm_kernels(one) as warm:
        yield one | warm


@pytest.fixture(scope="module")
def nbgrader(tmp_path_factory):
    """All chapters as one course: nbgrader takes longer to make a gradebook than to grade."""
    course = tmp_path_factory.mktemp("nbgrader")
    export.export("nbgrader", course)
    config = PyFileConfigLoader("nbgrader_config.py", str(course)).load_config()
    config.CourseDirectory.root = str(course)
    config.KernelManager.transport = "ipc"  # a TCP port can be taken before the kernel that was given it has begun
    config.KernelManager.ip = str(tmp_path_factory.mktemp("kernels") / "kernel")
    return NbGraderAPI(config=config)


@pytest.mark.no_cover  # nothing of ours runs in this process: chapters have kernels
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
@pytest.mark.parametrize("name", CHAPTERS)
def test_nbgrader(name, nbgrader, environment, monkeypatch):
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    name = name.removesuffix(".ipynb")
    course = Path(nbgrader.coursedir.root)
    succeeds(nbgrader.generate_assignment(name))
    for student, of in (("solved", "source"), ("untouched", "release")):
        to = course / "submitted" / student / name
        to.mkdir(parents=True)
        nbformat.write(only_tasks(course / of / name / f"{name}.ipynb"), to / f"{name}.ipynb")
        succeeds(nbgrader.autograde(name, student))
    points = tasks(name)
    with nbgrader.gradebook as book:
        grades = {one.student_id: (one.score, one.max_score) for one in book.assignment_submissions(name)}
    assert grades == {"solved": (points, points), "untouched": (0, points)}


def succeeds(told):
    assert told["success"], told.get("log", "")[-3000:] + told.get("error", "")


OTTER_GRADES = """
import faulthandler, glob, os, sys
from otter import assign, run

name = sys.argv[1]
faulthandler.dump_traceback_later(150, exit=True)  # it waits for its kernel without an end
assign.main(f"otter/{name}", "made", no_pdfs=True, no_run_tests=True)
(archive,) = glob.glob("made/autograder/*.zip")
for kind in ("autograder", "student"):
    os.mkdir(kind)
    run.main(f"made/{kind}/{name}", autograder=archive, output_dir=kind, no_logo=True)
"""


@pytest.mark.flaky(reruns=1)  # of some fifty kernels of otter's two never answered
@pytest.mark.parametrize("name", [name for name in CHAPTERS if name[:2] in OTTER])
def test_otter(name, tmp_path, environment):
    export.export("otter", tmp_path / "otter", [name[:2]])
    master = tmp_path / "otter" / name
    nbformat.write(only_tasks(master), master)
    graded = [sys.executable, "-c", OTTER_GRADES, name]
    done = subprocess.run(graded, cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=240)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for kind, points in (("autograder", tasks(name.removesuffix(".ipynb"))), ("student", 0)):
        results = json.loads((tmp_path / kind / "results.json").read_text(encoding="utf-8"))["tests"]
        assert sum(one.get("score", 0) for one in results) == points, kind


def only_tasks(path):
    """A notebook with its answers, their checks, and what these read: ``tests/test_notebooks.py`` runs the rest."""
    book = nbformat.read(path, as_version=4)
    run = cells.needing(book, [cell for cell in book.cells if cell.id.startswith(("answer-", "check-"))])
    book.cells = [cell for cell in book.cells if cell in run or cell.cell_type == "raw"]  # otter's
    return book


def tasks(name):
    chapter, _ = pairs(f"{name}.ipynb")
    return sum(cell.id.startswith("answer-") for cell in chapter.cells)
