"""Builds the course: ``notebooks/sources/NN-name.md`` -> the chapter and its solutions, executed.

    python -m tools.course            all that is stale
    python -m tools.course 06 07      these chapters, in any case

A source is one MyST Markdown notebook (jupytext). Every cell has an ``id``. A cell tagged ``solution`` takes the place
of the cell before it, of the same id, in the solutions; they hold the cells tagged ``setup`` or ``task``, and those.
"""

import argparse
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
COURSE = ROOT / "notebooks"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
SOLVED = "*Solutions of the tasks of [{0}](../{0}.ipynb). Try them yourself first.*"
OURS = {"solution", "setup", "task"}  # tags that say where a cell belongs; they are not handed on
JPEG = 80  # quality of pictures with many colors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapters", nargs="*", help="numbers, such as 06; none = all that are stale")
    asked = parser.parse_args().chapters
    for source in sources():
        for path, notebook in built(source).items():
            if source.name[:2] in asked or (not asked and is_stale(path, notebook)):
                print(f"executing {path.relative_to(ROOT)}", flush=True)
                nbformat.write(executed(notebook), path)


def sources() -> list[Path]:
    return sorted((COURSE / "sources").glob("[0-9]*.md"))


def question(source: Path) -> str:
    """What a chapter asks, as its first cell says."""
    return jupytext.read(source, fmt="md:myst").cells[0].metadata.get("question", "")


def built(source: Path) -> dict[Path, NotebookNode]:
    """The chapter and its solutions, not executed, by the files in which they belong."""
    cells = jupytext.read(source, fmt="md:myst").cells
    intro = nbformat.v4.new_markdown_cell(SOLVED.format(source.stem), id="solutions")
    return {
        COURSE / f"{source.stem}.ipynb": notebook(cell for cell in cells if not tagged(cell, "solution")),
        COURSE / "solutions" / f"{source.stem}.ipynb": notebook([intro, *solved(cells)]),
    }


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
        metadata = {"tags": tags} if tags else {}
        made.append(new(cell.source, id=cell.metadata.get("id", cell.id), metadata=metadata))
    return nbformat.v4.new_notebook(
        cells=made,
        metadata={
            "kernelspec": KERNEL,
            "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
        },
    )


def is_stale(path: Path, wanted: NotebookNode) -> bool:
    """Whether a committed notebook has other cells than its source, or was not executed."""
    if not path.exists():
        return True
    there = nbformat.read(path, as_version=4)
    shape = lambda book: [(c.cell_type, c.id, c.source, c.metadata.get("tags", [])) for c in book.cells]  # noqa: E731
    return shape(there) != shape(wanted) or any(
        cell.cell_type == "code" and not cell.execution_count for cell in there.cells
    )


def executed(notebook: NotebookNode) -> NotebookNode:
    """The notebook run from top to bottom, without what only a live kernel can show."""
    from nbclient import NotebookClient

    os.environ.setdefault("OMP_NUM_THREADS", "1")  # results to the last digit, wherever it is built
    NotebookClient(notebook, timeout=600, kernel_name="python3", store_widget_state=False).execute(cwd=str(COURSE))
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.pop("application/vnd.jupyter.widget-view+json", None)
            if "image/png" in data:
                kind, content = compressed(data.pop("image/png"))
                data[kind] = content
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"}
    return notebook


def compressed(picture: str) -> tuple[str, str]:
    """(MIME type, base64) of a PNG in base64, in a smaller file that looks the same.

    Few colors, or a page that is seen through some of it: a PNG with the 256 colors that come nearest. Else a JPEG.
    """
    image = Image.open(BytesIO(b64decode(picture))).convert("RGBA")
    opaque = image.getextrema()[3][0] == 255
    candidates = []
    if image.getcolors(256) or not opaque:
        palette = image.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.FLOYDSTEINBERG)
        candidates.append(("image/png", saved(palette, "PNG", optimize=True)))
    if opaque:
        candidates.append(("image/jpeg", saved(image.convert("RGB"), "JPEG", quality=JPEG, optimize=True)))
    kind, content = min([*candidates, ("image/png", b64decode(picture))], key=lambda one: len(one[1]))
    return kind, b64encode(content).decode()


def saved(image: Image.Image, kind: str, **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
