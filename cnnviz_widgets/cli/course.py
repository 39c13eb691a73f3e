"""Where the course is, and a copy of it that never overwrites a student's work."""

import json
import os
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from cnnviz_widgets.errors import UserError

if TYPE_CHECKING:
    from nbformat import NotebookNode

START = "00-start.ipynb"
MANIFEST = ".cnnviz-course.json"  # file name -> hash of the content that we put there
SOLUTIONS = "solutions"  # the folder, and the id of the cell of a chapter that names it


def pristine_course() -> tuple[Path, bool]:
    """The folder of the course as it was published, and whether it belongs to a clone.

    A clone is looked for around this package and in the current folder: after ``pip install .`` the package lies
    elsewhere, and someone who stands in the clone means its notebooks.
    """
    package = Path(__file__).resolve().parents[1]
    for root in (package.parent, Path.cwd()):
        if (root / "notebooks" / START).is_file() and (root / package.name / "cli").is_dir():
            return root / "notebooks", True
    if (package / "course" / START).is_file():
        return package / "course", False
    raise UserError("the notebooks are missing from this installation; install cnnviz-widgets again")


def chapters(course: Path, numbers: Sequence[str] = ()) -> list[Path]:
    """The notebooks of chapters by their numbers, such as "06"; none = all. UserError for one that is not there."""
    found = {path.name[:2]: path for path in sorted(course.glob("[0-9][0-9]-*.ipynb"))}
    if unknown := [one for one in numbers if one not in found]:
        raise UserError(f"CHAPTER must be one of {', '.join(found)}, not {unknown[0]!r}.")
    return [found[one] for one in dict.fromkeys(numbers or found)]


def opened(path: Path, with_solutions: bool = True) -> "NotebookNode":
    """A notebook of the course; for readers who do not get the solutions, without the cell that names them.

    Raises UserError where nbformat is not installed.
    """
    try:
        import nbformat  # an extra
    except ImportError as error:
        raise UserError('nbformat is not installed here: pip install "cnnviz-widgets[lab]".') from error
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if with_solutions or cell.id != SOLUTIONS]
    return notebook


def written(notebook: "NotebookNode") -> bytes:
    """The file of a notebook."""
    import nbformat  # without which there is none

    return (nbformat.writes(notebook) + "\n").encode()


def new_folder(folder: Path) -> Path:
    """The folder, made; UserError for one that holds something already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"DIR must be a new or an empty folder, and {folder} is not.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def open_course(
    folder: Path | None = None, content: Callable[[Path], bytes] = Path.read_bytes
) -> tuple[Path, list[str]]:
    """The folder to work in, and the names of changed notebooks there that have a newer version.

    folder: where to put a copy; None = ./cnnviz-course, also in a clone, whose notebooks are under version control.
    A clone's own notebooks are opened as they are when they are named.   content: see ``copy_course``.
    """
    source, clone = pristine_course()
    target = (folder or Path("cnnviz-course")).resolve()
    if clone and target == source.resolve():
        return source, []
    if target.is_relative_to(source.resolve()):
        raise UserError(f"DIR is {target}, inside the course itself; choose a folder outside {source}")
    try:
        return target, copy_course(source, target, content)
    except OSError as error:
        raise UserError(f"the course cannot be copied to {target}: {error.strerror or error}") from error


def copy_course(source: Path, target: Path, content: Callable[[Path], bytes] = Path.read_bytes) -> list[str]:
    """Copy new and newer files from source to target, and return the names of those that were kept for the student.

    A file that still has the hash which the manifest remembers is untouched, so it may be replaced; any other file is
    the student's own. A deleted file comes back, which is how to get a fresh one. ``content`` gives what is copied of a
    file, which may be in another language.
    """
    manifest = target / MANIFEST
    pristine = _read(manifest)
    kept = []
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        relative = path.relative_to(source)
        if any(part.startswith((".", "__pycache__")) for part in relative.parts) or relative.parts[0] == "sources":
            continue  # a source holds the tasks and their solutions together
        name, copy, wanted = relative.as_posix(), target / relative, content(path)
        new, present = _hash(wanted), _hash(copy.read_bytes()) if copy.exists() else None
        if present in (None, new, pristine.get(name)):
            if present != new:
                _write(copy, wanted)
            pristine[name] = new
        elif pristine.get(name) != new:
            kept.append(name)
    _write(manifest, json.dumps(pristine, indent=1).encode())
    return kept


def _hash(content: bytes) -> str:
    return sha256(content).hexdigest()


def _read(manifest: Path) -> dict[str, str]:
    """The manifest; an unreadable one counts as empty: then every file that differs is the student's."""
    try:
        pristine = json.loads(manifest.read_bytes())
    except (OSError, ValueError):
        return {}
    return pristine if isinstance(pristine, dict) else {}


def _write(path: Path, content: bytes) -> None:
    """Write a whole file or none, so that an interruption leaves nothing that looks like a student's edit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.replace(path)
