"""The course in another language, by the messages of ``cnnviz_widgets/locale``.

A message is a block of a cell: a paragraph, an entry of a list, a row of a table. Code, ids and outputs stay as they
are, but for the texts that a cell gives to ``cnnviz.prose``. A block without a translation stays English.
"""

import ast
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from textwrap import dedent, indent

from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.language import LOCALE, PSEUDO, languages, pseudo, read

from .course import chapters, new_folder, opened, pristine_course, written

# What stands between two blocks, and what is no text: code and formulas in lines of their own, comments, folds.
BETWEEN = re.compile(
    r"(^```.*?^```$|^\$\$.*?\$\$$|<!--.*?-->|</?(?:details|summary)>"
    r"|^\|[-|: ]+\|$|\n\s*\n[ \t]*|\n\s*(?=(?:[-*|]|\d+\.) ))",
    re.M | re.S,
)
LETTER = re.compile(r"[^\W\d_]")
CODE = r"(`+)(?:(?!\1).)+\1"
LINK = r"\]\(((?:[^()]|\([^()]*\))*)\)"
KEPT = {  # what a translation has as often as its message, in any order
    "the code": re.compile(CODE),
    "the formula": re.compile(r"\$[^$]+\$"),
    "the link to": re.compile(LINK),
    "the value": re.compile(r"\{\w+\}"),
}
MARK = re.compile(r"(?:#+|[-*]|\d+\.) |")  # of a heading or of an entry of a list


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """(part, whether it is a block to be translated) of a cell's text, in its order."""
    for at, part in enumerate(BETWEEN.split(text)):
        yield part, at % 2 == 0 and bool(LETTER.search(re.sub(CODE, "", part)))


def message(block: str) -> str:
    """A block in one line: where its lines end is of no importance."""
    return " ".join(block.split())


def prose_texts(code: str) -> Iterator[tuple[ast.Constant, str]]:
    """The texts that code gives to ``cnnviz.prose``: where they stand, and what they are."""
    try:
        tree = ast.parse(code)
    except SyntaxError:  # a magic of IPython
        return
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "prose":
            for one in call.args:
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield one, dedent(one.value).strip()


def translate(language: str, folder: Path, numbers: Sequence[str] = ()) -> list[Path]:
    """Write chapters of the course and their solutions in a language into a new folder, with all that they link to.

    numbers  such as "06"; none = all. A chapter without a catalog, and a block without a translation, stays English.
    Raises UserError for a language or a chapter that there is not, and for a translation that loses something.
    """
    known(language)
    course = pristine_course()[0]
    made = []
    for chapter in chapters(course, numbers):
        for path in (chapter, course / "solutions" / chapter.name):
            made.append((path.relative_to(course), translated_notebook(path, language)))
    target = new_folder(folder)
    shutil.copytree(course, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "sources", "*.ipynb"))
    for relative, content in made:
        (target / relative).parent.mkdir(parents=True, exist_ok=True)
        (target / relative).write_bytes(content)
    return [target / chapter.name for chapter in chapters(course, numbers)]


def known(language: str) -> None:
    """UserError for a language that there is not."""
    if language not in (*languages(), PSEUDO):
        raise UserError(f"LANG must be one of {', '.join(languages())}, not {language!r}.")


def content(path: Path, language: str) -> bytes:
    """What a file of the course holds in a language, "" for English."""
    return translated_notebook(path, language) if language and path.suffix == ".ipynb" else path.read_bytes()


def translated_notebook(path: Path, language: str) -> bytes:
    """The file of a notebook of the course, in a language; see ``translate``."""
    notebook = opened(path)
    found = chapter_messages(path.stem, language)
    for cell in notebook.cells:

        def one(block: str, at: str = cell.id) -> str:
            translation = pseudo(block) if language == PSEUDO else found.get((at, block), "")
            if translation:
                with naming(f"{path.stem}, cell {at}"):
                    check_translation(block, translation)
            return translation or block

        cell.source = translated(cell.cell_type, cell.source, one)
    return written(notebook)


def chapter_messages(chapter: str, language: str) -> dict[tuple[str, str], str]:
    """(id of the cell, block) -> its translation."""
    path = LOCALE / language / f"{chapter}.po"
    return {(one.context, one.id): one.string for one in read(path) if one.id} if path.exists() else {}


def cell_messages(kind: str, source: str) -> Iterator[str]:
    """The messages of a cell: of its text, or of the texts in its code."""
    texts = [source] if kind == "markdown" else [text for _, text in prose_texts(source)]
    for text in texts:
        yield from (message(part) for part, is_block in pieces(text) if is_block)


def translated(kind: str, source: str, translate: Callable[[str], str]) -> str:
    """The source of a cell with every message exchanged."""

    def blocks(text: str) -> str:
        return "".join(_exchanged(part, translate) if is_block else part for part, is_block in pieces(text))

    if kind == "markdown":
        return blocks(source)
    lines = source.split("\n")
    for at, text in reversed([*prose_texts(source)]):
        first, last = at.lineno - 1, (at.end_lineno or at.lineno) - 1
        before = lines[first].encode()[: at.col_offset].decode()
        after = lines[last].encode()[at.end_col_offset :].decode()
        margin = " " * (len(lines[first]) - len(lines[first].lstrip()))
        words = indent(blocks(text), margin)
        lines[first : last + 1] = f'{before}"""\n{words}\n{margin}"""{after}'.split("\n")
    return "\n".join(lines)


def _exchanged(block: str, translate: Callable[[str], str]) -> str:
    core, known = block.strip(), message(block)
    before, _, after = block.partition(core)
    new = translate(known)
    return block if new == known else before + new + after


def check_translation(message: str, translation: str) -> None:
    """UserError with what a translation has lost, or has too many of: code, formulas, targets of links, marks."""
    for what, pattern in KEPT.items():
        wanted, there = (Counter(found[0] for found in pattern.finditer(text)) for text in (message, translation))
        if missing := wanted - there:
            raise UserError(f"{what} {next(iter(missing))} is lost in the translation of {message!r}.")
        if added := there - wanted:
            raise UserError(f"{what} {next(iter(added))} is not in what is translated: {message!r}.")
    mark, begins = (found[0] for found in map(MARK.match, (message, translation)) if found)
    if mark != begins:
        raise UserError(f"the translation of {message!r} must begin with {mark!r}, not {begins!r}.")
    if message.startswith("|") and message.count("|") != translation.count("|"):
        raise UserError(f"the translation of {message!r} must have as many cells of a table.")
