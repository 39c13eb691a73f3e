"""The copy of the course: what is new or untouched is brought up to date, what a student wrote stays."""

from pathlib import Path

import pytest

from cnnviz_widgets.cli import course
from cnnviz_widgets.errors import UserError


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "published"
    (folder / "solutions").mkdir(parents=True)
    (folder / course.START).write_bytes(b"start\r\n")
    (folder / "02-filters.ipynb").write_bytes(b"filters")
    (folder / "solutions" / "02-filters.ipynb").write_bytes(b"solved")
    return folder


@pytest.fixture
def target(tmp_path):
    return tmp_path / "somewhere" / "cnnviz-course"


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_copy_is_complete_and_exact(source, target):
    assert course.copy_course(source, target) == []
    copied = files(target)
    assert copied.pop(course.MANIFEST)
    assert copied == files(source)


def test_what_jupyter_and_python_leave_behind_is_not_copied(source, target):
    for clutter in (".ipynb_checkpoints", "__pycache__", "solutions/.ipynb_checkpoints"):
        (source / clutter).mkdir()
        (source / clutter / "x.ipynb").write_bytes(b"clutter")
    course.copy_course(source, target)
    assert b"clutter" not in files(target).values()


def test_sources_are_not_copied_for_they_hold_the_solutions(source, target):
    (source / "sources").mkdir()
    (source / "sources" / "02-filters.md").write_bytes(b"tasks and solutions")
    course.copy_course(source, target)
    assert sorted(files(target)) == sorted(
        [course.MANIFEST, course.START, "02-filters.ipynb", "solutions/02-filters.ipynb"]
    )


def test_edited_notebook_is_never_overwritten(source, target):
    course.copy_course(source, target)
    (target / "02-filters.ipynb").write_bytes(b"my work")
    assert course.copy_course(source, target) == []  # nothing newer to tell about
    (source / "02-filters.ipynb").write_bytes(b"filters, second edition")
    for _ in range(2):
        assert course.copy_course(source, target) == ["02-filters.ipynb"]
        assert (target / "02-filters.ipynb").read_bytes() == b"my work"


def test_untouched_notebook_is_updated_and_new_one_added(source, target):
    course.copy_course(source, target)
    (source / "02-filters.ipynb").write_bytes(b"filters, second edition")
    (source / "03-activations.ipynb").write_bytes(b"activations")
    assert course.copy_course(source, target) == []
    assert (target / "02-filters.ipynb").read_bytes() == b"filters, second edition"
    assert (target / "03-activations.ipynb").read_bytes() == b"activations"


def test_students_own_files_stay(source, target):
    target.mkdir(parents=True)
    (target / "mine.ipynb").write_bytes(b"mine")
    (target / course.START).write_bytes(b"a file of the same name that was here before the course")
    assert course.copy_course(source, target) == [course.START]
    assert (target / "mine.ipynb").read_bytes() == b"mine"
    assert (target / course.START).read_bytes().startswith(b"a file of the same name")


def test_deleted_or_renamed_notebook_comes_back_fresh(source, target):
    course.copy_course(source, target)
    (target / course.START).write_bytes(b"my work")
    (target / course.START).rename(target / "mine.ipynb")
    course.copy_course(source, target)
    assert (target / course.START).read_bytes() == b"start\r\n"
    assert (target / "mine.ipynb").read_bytes() == b"my work"


@pytest.mark.parametrize("manifest", [None, b"", b"{half", b"[]", b"\xff\xfe", b'{"02-filters.ipynb": 3}'])
def test_lost_manifest_overwrites_nothing_and_heals(source, target, manifest):
    course.copy_course(source, target)
    (target / "02-filters.ipynb").write_bytes(b"my work")
    (target / course.MANIFEST).unlink()
    if manifest is not None:
        (target / course.MANIFEST).write_bytes(manifest)
    (source / "02-filters.ipynb").write_bytes(b"second edition")
    assert course.copy_course(source, target) == ["02-filters.ipynb"]
    assert (target / "02-filters.ipynb").read_bytes() == b"my work"
    (source / course.START).write_bytes(b"start, second edition")
    course.copy_course(source, target)
    assert (target / course.START).read_bytes() == b"start, second edition"


def test_interrupted_copy_is_finished_later(source, target, monkeypatch):
    write = course._write

    def interrupted(path, content):
        if path.name == "02-filters.ipynb":
            raise KeyboardInterrupt
        write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(course, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            course.copy_course(source, target)
    (source / course.START).write_bytes(b"start, second edition")
    assert course.copy_course(source, target) == [course.START]  # no manifest was written: it might be the student's
    assert (target / "02-filters.ipynb").read_bytes() == b"filters"


@pytest.fixture
def clone(source, tmp_path, monkeypatch):
    """A clone in the current folder, as someone who ran ``pip install .`` in it would have."""
    root = tmp_path / "clone"
    (root / "cnnviz_widgets" / "cli").mkdir(parents=True)
    source.rename(root / "notebooks")
    installed = tmp_path / "site-packages" / "cnnviz_widgets" / "cli" / "course.py"
    monkeypatch.setattr(course, "__file__", str(installed))
    monkeypatch.chdir(root)
    return root


def test_work_in_a_clone_leaves_its_notebooks_alone(clone):
    published = files(clone)
    folder, kept = course.open_course()
    assert (folder, kept) == (clone / "cnnviz-course", [])
    (folder / course.START).write_bytes(b"my work")
    assert course.open_course() == (folder, [])
    assert (folder / course.START).read_bytes() == b"my work"
    assert {name: content for name, content in files(clone).items() if not name.startswith(folder.name)} == published


def test_notebooks_of_a_clone_are_opened_as_they_are_when_they_are_named(clone):
    before = files(clone)
    assert course.open_course(clone / "notebooks") == (clone / "notebooks", [])
    assert files(clone) == before


def test_copy_is_never_tracked():
    """Neither by the clone in which it lies nor by the linter, which reads the same file."""
    ignored = (Path(__file__).resolve().parents[2] / ".gitignore").read_text().splitlines()
    assert "cnnviz-course/" in ignored


def test_named_folder_gets_a_copy_also_from_a_clone(clone, target):
    assert course.open_course(target) == (target, [])
    assert (target / course.START).is_file()


def test_folder_inside_the_course_is_refused(clone):
    with pytest.raises(UserError, match="inside the course itself"):
        course.open_course(clone / "notebooks" / "mine")


def test_folder_that_cannot_be_written_is_one_sentence(clone, tmp_path):
    (tmp_path / "a-file").write_bytes(b"")
    with pytest.raises(UserError, match=r"cannot be copied to .*a-file"):
        course.open_course(tmp_path / "a-file")


def test_installation_without_a_course_is_one_sentence(clone, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="notebooks are missing"):
        course.open_course()
