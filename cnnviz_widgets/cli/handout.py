"""``cnnviz course handout``: a chapter as one page to be printed, with its text and pictures and without code."""

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING

from cnnviz_widgets.errors import UserError

from .course import chapters, opened, pristine_course

if TYPE_CHECKING:
    from nbformat import NotebookNode

PRINTED = """
<style>
  body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 11pt/1.45 Georgia, serif; }
  h1, h2, h3 { font-family: sans-serif; line-height: 1.2; }
  img { max-width: 100%; break-inside: avoid; }
  table { border-collapse: collapse; } td, th { border-bottom: 1px solid #aaa; padding: 0.2em 0.6em; }
  h2, h3 { break-after: avoid; }
  @page { margin: 18mm; }
</style>
"""
# A browser draws MathML by itself, without a script from elsewhere. Code is left as it is.
FORMULA = re.compile(r"<(code|pre)\b.*?</\1>|\$\$(?P<block>.+?)\$\$|\$(?P<line>[^$\n]+?)\$", re.DOTALL)


def handout(number: str, path: Path | None = None) -> Path:
    """Write chapter ``number``, such as "06", as HTML, and return the file; None = ``<chapter>.html`` in this folder.

    What a cell has printed is left out with its code; a question keeps its answers, to be ticked by hand.
    Raises UserError for a number that no chapter has, and where nbconvert is not installed or nothing can be written.
    """
    (chapter,) = chapters(pristine_course()[0], [number])
    path = path or Path(f"{chapter.stem}.html")
    page = printable(chapter)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UserError(f"FILE {path} cannot be written: {error.strerror}.") from error
    return path


def printable(chapter: Path) -> str:
    """The page of a chapter. Raises UserError where nbconvert or latex2mathml is not installed."""
    notebook = opened(chapter, with_solutions=False)
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type != "code" or _shown(cell)]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = _shown(cell)
    try:
        from nbconvert import HTMLExporter

        plain = {"exclude_input": True, "exclude_output_prompt": True, "exclude_anchor_links": True}
        page = typeset(HTMLExporter(template_name="basic", **plain).from_notebook_node(notebook)[0])
    except ImportError as error:
        raise UserError(f'{error.name} is not installed here: pip install "cnnviz-widgets[lab]".') from error
    title = f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{chapter.stem}</title>"
    return f"{title}{PRINTED}<body>{page}</body></html>"


def typeset(page: str) -> str:
    """HTML whose formulas, between dollar signs, are MathML."""
    from latex2mathml.converter import convert

    def formula(found: re.Match) -> str:
        block, line = found["block"], found["line"]
        text = html.unescape(block or line or "")
        return convert(text, display="block" if block else "inline") if text else found[0]

    return FORMULA.sub(formula, page)


def _shown(cell: "NotebookNode") -> list:
    """Outputs that are more than plain text."""
    return [one for one in cell.outputs if set(one.get("data", {})) - {"text/plain"}]
