"""What a chapter calls by name above a panel is there: a control, one of its words, a heading or a button.

And every link of a text that drives a panel sets what the panel takes.
"""

import ast
import re
from itertools import pairwise
from pathlib import Path

import ipywidgets
import nbformat
import pytest

import cnnviz_widgets as cnnviz
from cnnviz_widgets.widgets.actions import Actions
from cnnviz_widgets.widgets.tree import tree

COURSE = Path(__file__).resolve().parents[1] / "notebooks"
CHAPTERS = sorted(COURSE.glob("[0-9]*.ipynb"))
PANEL = re.compile(r"cnnviz\.panels\.(\w+)\(")
IN_JAVASCRIPT = {"code", "reset", "stop", "png", "colors", "before"}  # what is made in the browser
GESTURES = {"point", "click", "look", "drag", "move", "choose"}  # what is done, not with what


def named(text: str) -> set[str]:
    """The bold beginnings of a list's entries, and what is quoted in them: "Order → strength" are two."""
    found = set()
    for bold in re.findall(r"\*\*([^*]+)\*\*", "\n".join(re.findall(r"^- .*(?:\n  .*)*", text, re.M))):
        words = re.findall("“(.+?)”", bold) or bold.split("→")
        found |= {word.strip().casefold() for word in words if word.split()[0].casefold() not in GESTURES}
    return found


def offered(panel: cnnviz.panels.Panel) -> set[str]:
    """Every word that a panel shows."""
    words = {panel.title, *IN_JAVASCRIPT}
    for widget in tree(panel):
        words |= {getattr(widget, "description", ""), getattr(widget, "heading", "")}
        words |= {words for words, _ in getattr(widget, "_options_full", ())}
        for trait in ("columns", "rows"):
            words |= {words for _, words in getattr(widget, trait, ())}
        if isinstance(widget, Actions):
            words |= {word for button in widget._buttons for word in button}
        if isinstance(widget, ipywidgets.HTML):
            words.add(widget.value)
    return {re.sub(r":.*", "", word).strip().casefold() for word in words if isinstance(word, str)}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_every_control_that_is_named_is_there(chapter):
    cells = nbformat.read(chapter, as_version=4).cells
    network, photo = cnnviz.load_network("mini"), cnnviz.load_image("chelsea")
    missing = {}
    for text, cell in pairwise(cells):
        if text.cell_type == "markdown" and cell.cell_type == "code" and (panel := PANEL.search(cell.source)):
            shown = getattr(cnnviz.panels, panel[1])(network, photo)
            missing |= dict.fromkeys(named(text.source) - offered(shown), panel[1])
            shown.close()
    assert not missing


def test_the_chapters_have_such_lists():
    texts = [cell.source for path in CHAPTERS for cell in nbformat.read(path, as_version=4).cells]
    assert sum(len(named(text)) for text in texts if "## The panel" in text) > 20


def proses() -> list:
    """(code of a cell, its chapter) wherever a text drives a panel."""
    return [
        pytest.param(cell.source, id=path.stem)
        for path in CHAPTERS
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code" and "cnnviz.prose(" in cell.source
    ]


@pytest.mark.parametrize("code", proses())
def test_every_link_sets_something_that_the_panel_takes(code):
    network, photo = cnnviz.load_network("mini"), cnnviz.load_image("chelsea")
    names = {"cnnviz": cnnviz, "net": network, "photo": photo, "mosaic": photo, "targets": [13, 14]}
    *statements, last = ast.parse(code).body
    exec(compile(ast.Module(statements, []), "cell", "exec"), names)
    text = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    assert text.links >= 3
    assert any(does == "point" for _, parts in text.blocks for _, does, *_ in parts)
    for number in range(text.links):
        before = repr(text.panel), text.panel.session.target
        text.press(number)
        assert not text.panel._bar.error
        assert number or (repr(text.panel), text.panel.session.target) != before
    text.panel.close()
    text.close()


def test_some_chapters_have_such_texts():
    assert len(proses()) >= 3
