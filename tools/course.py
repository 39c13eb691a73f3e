"""Builds the course: ``notebooks/sources/NN-name.md`` -> the chapter and its solutions, executed.

    python -m tools.course            all that is stale; where only text has changed, outputs stay as they are
    python -m tools.course 06 07      these chapters, in any case

A source is one MyST Markdown notebook (jupytext). Every cell has an ``id``. A cell tagged ``solution`` takes the place
of the cell before it, of the same id, in the solutions; they hold the cells tagged ``setup`` or ``task``, and those.
"""

import argparse
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jupytext
import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

from cnnviz_widgets.cli.course import SOLUTIONS

ROOT = Path(__file__).resolve().parents[1]
COURSE = ROOT / "notebooks"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
PROJECT = ROOT / "pyproject.toml"
INSTALL = """\
import importlib.util

if not importlib.util.find_spec("cnnviz_widgets"):  # as in Colab
    %pip install --quiet "cnnviz-widgets @ git+https://github.com/{}"
"""
HELP = """\
*Stuck? Where there is something to write, a task has two hints. All solutions are in
[solutions/{0}.ipynb](solutions/{0}.ipynb).*"""
SOLVED = "*Solutions of the tasks of [{0}](../{0}.ipynb). Try them yourself first.*"
LANGUAGE = {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"}
RESET = """
import ipywidgets
ipywidgets.Widget.close_all()
get_ipython().reset()
import gc, torch
gc.collect()
gc.freeze()  # what is left are modules: no later search for garbage looks at them
torch.seed()  # by chance, as in a process that has just started
"""
OURS = {"solution", "setup", "task"}  # tags that say where a cell belongs; they are not handed on
LARGEST = 600_000  # bytes of a notebook: all of it is in the history with every run
QUALITIES = (75, 65, 55, 45)  # of JPEG for pictures with many colors: the first with which the notebook is not larger


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapters", nargs="*", help="numbers, such as 06; none = all that are stale")
    asked = parser.parse_args().chapters
    with kernel() as manager:
        for source in sources():
            for path, notebook in built(source).items():
                if source.name[:2] not in asked and (asked or not is_stale(path, notebook)):
                    continue
                if asked or not keep_outputs(path, notebook):
                    print(f"executing {path.relative_to(ROOT)}", flush=True)
                    execute(notebook, manager)
                    clean(notebook)
                nbformat.write(notebook, path)


def sources() -> list[Path]:
    return sorted((COURSE / "sources").glob("[0-9]*.md"))


def cells(source: Path) -> list[NotebookNode]:
    """The cells of a source, with their tags."""
    return jupytext.read(source, fmt="md:myst").cells


def question(source: Path) -> str:
    """What a chapter asks, as its first cell says."""
    return cells(source)[0].metadata.get("question", "")


def named(number: str) -> str:
    """The name of the chapter with a number."""
    return next(path.stem for path in sources() if path.name.startswith(number))


def title(source: Path) -> str:
    """What a chapter is called, without its number and what follows a colon."""
    heading = re.search(r"^# \d\d · (.*?)(:|$)", source.read_text(encoding="utf-8"), re.M)
    assert heading, f"{source.name} has no title such as '# 06 · Occlusion: cover it, and see'"
    return heading[1]


def minutes(source: Path) -> list[int]:
    """What a chapter takes, as its head says: in all, and to read, to play, and for the tasks."""
    said = re.search(
        r"about (\d+) minutes \(read (\d+) · play (\d+) · tasks (\d+)\)", source.read_text(encoding="utf-8")
    )
    assert said, f"{source.name} does not say how long it takes"
    return [int(one) for one in said.groups()]


def built(source: Path) -> dict[Path, NotebookNode]:
    """The chapter and its solutions, not executed, by the files in which they belong."""
    every = cells(source)
    given = [cell for cell in every if not tagged(cell, "solution")]
    intro = nbformat.v4.new_markdown_cell(SOLVED.format(source.stem), id=SOLUTIONS)
    return {
        COURSE / f"{source.stem}.ipynb": notebook(openable(given, source.stem)),
        COURSE / "solutions" / f"{source.stem}.ipynb": notebook([intro, *solved(every)]),
    }


def repository() -> str:
    """Where the sources are public: ``Repository`` in pyproject.toml's ``[project.urls]``; "" while they are not."""
    said = re.search(r'^Repository = "https://github\.com/([^/"]+/[^/"]+)"', PROJECT.read_text(encoding="utf-8"), re.M)
    return said[1] if said else ""


def badges(name: str) -> str:
    """Links that open a chapter on Binder and in Colab; "" while the sources are not public."""
    where, notebook = repository(), f"notebooks/{name}.ipynb"
    if not where:
        return ""
    binder = f"https://mybinder.org/v2/gh/{where}/main?urlpath=lab/tree/{notebook}"
    colab = f"https://colab.research.google.com/github/{where}/blob/main/{notebook}"
    return (
        f"[![Open on Binder](https://mybinder.org/badge_logo.svg)]({binder})\n"
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab})\n"
    )


def openable(cells: list[NotebookNode], name: str) -> Iterator[NotebookNode]:
    """The cells of a chapter, and before its tasks where their solutions are.

    Where it can be opened by a badge, it has those, and installs the package if need be.
    """
    for cell in cells:
        if cell.metadata.get("id") == "task-1":
            about = {"id": SOLUTIONS, "tags": ["task"]}
            yield nbformat.v4.new_markdown_cell(HELP.format(name), id=SOLUTIONS, metadata=about)
        if (where := repository()) and cell.metadata.get("id") == "import":
            install = INSTALL.format(where)
            yield nbformat.v4.new_code_cell(install, id="colab", metadata={"id": "colab", "tags": ["setup"]})
        yield cell
        if where and cell.metadata.get("id") == "title":
            yield nbformat.v4.new_markdown_cell(badges(name).strip(), id="badges", metadata={"id": "badges"})


def solved(cells: list[NotebookNode]) -> Iterator[NotebookNode]:
    answers = {cell.metadata.id: cell for cell in cells if tagged(cell, "solution")}
    for cell in cells:
        if tagged(cell, "setup", "task"):
            yield answers.get(cell.metadata.id, cell)


def tagged(cell: NotebookNode, *tags: str) -> bool:
    return bool(set(tags) & set(cell.metadata.get("tags", [])))


def notebook(cells) -> NotebookNode:
    """A notebook of copies of the cells, with their ids and the tags that a reader of the notebook needs."""
    made = []
    for cell in cells:
        new = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
        tags = [tag for tag in cell.metadata.get("tags", []) if tag not in OURS]
        metadata: dict[str, Any] = {"slideshow": {"slide_type": slide(cell)}} | ({"tags": tags} if tags else {})
        if "hide-input" in tags:  # a text that is written as code
            metadata["jupyter"] = {"source_hidden": True}
        made.append(new(cell.source, id=cell.metadata.get("id", cell.id), metadata=metadata))
    return nbformat.v4.new_notebook(
        cells=made,
        metadata={
            "kernelspec": KERNEL,
            "language_info": LANGUAGE,
        },
    )


def slide(cell: NotebookNode) -> str:
    """What a cell is when the notebook is shown as slides (nbconvert, RISE): its `slide_type`.

    A chapter and its sections begin a slide, other texts go on below it, and code comes after its text. What only
    prepares, and the tasks, are left out.
    """
    if tagged(cell, "task") or (cell.cell_type == "code" and tagged(cell, "setup")):
        return "skip"
    if cell.cell_type == "code":
        return "fragment"
    return "slide" if re.match("##? ", cell.source) else "subslide"


def is_stale(path: Path, wanted: NotebookNode) -> bool:
    """Whether a committed notebook has other cells than its source, or was not executed."""
    if not path.exists():
        return True
    there = nbformat.read(path, as_version=4)
    shape = lambda book: [(c.cell_type, c.id, c.source, dict(c.metadata)) for c in book.cells]  # noqa: E731
    return shape(there) != shape(wanted) or any(
        cell.cell_type == "code" and not cell.execution_count for cell in there.cells
    )


def keep_outputs(path: Path, notebook: NotebookNode) -> bool:
    """Give a notebook the outputs of the committed one, if that has the same code; whether it has."""
    if not path.exists():
        return False
    there, wanted = (
        [cell for cell in book.cells if cell.cell_type == "code"] for book in (nbformat.read(path, 4), notebook)
    )
    shape = lambda cells: [(cell.id, cell.source, cell.metadata.get("tags")) for cell in cells]  # noqa: E731
    if shape(there) != shape(wanted) or not all(cell.execution_count for cell in there):
        return False
    for old, new in zip(there, wanted, strict=True):
        new.outputs, new.execution_count = old.outputs, old.execution_count
    return True


@contextmanager
def kernel(**environment: str) -> Iterator[AsyncKernelManager]:
    """A kernel for several notebooks, one after the other: to start one takes longer than most chapters."""
    results = {"OMP_NUM_THREADS": "1"}  # the same to the last digit, wherever a notebook is run
    starter = NotebookClient(nbformat.v4.new_notebook(), kernel_name="python3")
    manager: Any = starter.create_kernel_manager()  # an AsyncKernelManager: nbclient's annotation is of its base
    with TemporaryDirectory() as sockets:  # two kernels that start at once may choose the same TCP port
        manager.transport, manager.ip = "ipc", f"{sockets}/kernel"
        starter.start_new_kernel(cwd=str(COURSE), env=os.environ | results | environment)
        try:
            yield manager
        finally:
            run_sync(manager.shutdown_kernel)(now=True)


def execute(notebook: NotebookNode, manager: AsyncKernelManager) -> None:
    """Run a notebook from top to bottom, as if its kernel had just started."""
    fresh = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(RESET)])
    for one in (fresh, notebook):
        NotebookClient(one, km=manager, timeout=600, store_widget_state=False).execute()
    code = (cell for cell in notebook.cells if cell.cell_type == "code")
    for number, cell in enumerate(code, 1):
        cell.execution_count = number
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number


def clean(notebook: NotebookNode) -> None:
    """Leave out what only a live kernel can show, and make the pictures so small that the notebook is, too."""
    pictures: list[tuple[NotebookNode, str]] = []
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.pop("application/vnd.jupyter.widget-view+json", None)
            if "image/png" in data:
                pictures.append((output, data["image/png"]))
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = LANGUAGE
    for quality in QUALITIES:
        for output, picture in pictures:
            replace(output, *compressed(picture, quality))
        if pictures and not any("image/png" in one.data for one, _ in pictures):  # some readers look for PNG only
            files = [(one, palette(opened(picture))) for one, picture in pictures]
            output, png = min(files, key=lambda one: len(one[1]))
            replace(output, "image/png", png)
        if len(nbformat.writes(notebook).encode()) <= LARGEST:
            break


def replace(output: NotebookNode, kind: str, content: bytes) -> None:
    """Put a picture of this MIME type in the place of those of an output, of which Pillow gives two.

    What the metadata say of it is kept: what is in it.
    """
    said: dict = {}
    for other in ("image/png", "image/jpeg"):
        output.data.pop(other, None)
        said |= output.metadata.pop(other, {})
    output.data[kind] = b64encode(content).decode()
    if said:
        output.metadata[kind] = said


def compressed(picture: str, quality: int = QUALITIES[0]) -> tuple[str, bytes]:
    """(MIME type, file) of a PNG in base64, in a smaller file that looks the same.

    Few colors, or a page that is seen through some of it: a PNG with the 256 colors that come nearest. Else a JPEG.
    """
    image = opened(picture)
    opaque = image.getchannel("A").getextrema() == (255, 255)
    candidates = [("image/png", b64decode(picture))]
    if image.getcolors(256) or not opaque:
        candidates.append(("image/png", palette(image)))
    if opaque:
        candidates.append(("image/jpeg", saved(image.convert("RGB"), "JPEG", quality=quality, optimize=True)))
    return min(reversed(candidates), key=lambda one: len(one[1]))


def opened(picture: str) -> Image.Image:
    return Image.open(BytesIO(b64decode(picture))).convert("RGBA")


def palette(image: Image.Image) -> bytes:
    """A PNG with the 256 colors that come nearest."""
    few = image.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.FLOYDSTEINBERG)
    return saved(few, "PNG", optimize=True)


def saved(image: Image.Image, kind: str, **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
