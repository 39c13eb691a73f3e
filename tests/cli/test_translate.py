"""The course in another language: texts are exchanged block by block, and nothing else."""

import ast
import json

import pytest
from babel.messages import Catalog
from babel.messages.pofile import write_po

from cnnviz_widgets import language
from cnnviz_widgets.cli import lab as lab_module
from cnnviz_widgets.cli import main, translate
from cnnviz_widgets.cli.course import pristine_course
from cnnviz_widgets.cli.translate import cell_messages, check_translation, translated, translated_notebook
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.language import PSEUDO, pseudo
from tools import course, messages

TEXT = """## The panel

A paragraph of
two lines, with `code`, $x_{[q]}$ and a [link](06-occlusion.ipynb).

$$d(q) = p_c(x)$$

- **Square**: drag it;
- an entry of
  two lines.

<details><summary>Stuck?</summary>

A hint.

</details>

```python
net = 1  # code
```

| chapter | question |
|---|---|
| [06](06-occlusion.ipynb) | which? |
<!-- a mark -->
"""
CODE = '''panel = 1
cnnviz.prose(
    panel,
    """
    Žluťoučký, [a square](size=16):

    - [the class](target) of *x*
    """,
)
show("not this")'''


def test_a_block_is_a_paragraph_an_entry_or_a_row():
    assert list(cell_messages("markdown", TEXT)) == [
        "## The panel",
        "A paragraph of two lines, with `code`, $x_{[q]}$ and a [link](06-occlusion.ipynb).",
        "- **Square**: drag it;",
        "- an entry of two lines.",
        "Stuck?",
        "A hint.",
        "| chapter | question |",
        "| [06](06-occlusion.ipynb) | which? |",
    ]
    assert list(cell_messages("code", CODE)) == ["Žluťoučký, [a square](size=16):", "- [the class](target) of *x*"]
    assert list(cell_messages("code", "%matplotlib inline\nprose = 1")) == []


def test_only_messages_are_exchanged():
    told = {"- **Square**: drag it;": "- **Čtverec**: táhněte;"}
    czech = translated("markdown", TEXT, lambda one: told.get(one, one))
    assert czech == TEXT.replace("- **Square**: drag it;", "- **Čtverec**: táhněte;")
    changed = translated("code", CODE, lambda one: one.replace("square", "čtverec"))
    assert changed == CODE.replace("a square", "a čtverec")
    assert translated("code", CODE, lambda one: one) == CODE


@pytest.mark.parametrize("chapter", messages.CHAPTERS)
def test_a_chapter_in_no_language(chapter):
    """Every block is another one, code does the same, and outputs are as they were."""
    folder = pristine_course()[0]
    (path,) = folder.glob(f"{chapter}-*.ipynb")
    exchanged = 0
    for one in (path, folder / "solutions" / path.name):
        before, after = json.loads(one.read_bytes())["cells"], json.loads(translated_notebook(one, PSEUDO))["cells"]
        assert len(before) == len(after)
        for old, new in zip(before, after, strict=True):
            assert {**old, "source": 0} == {**new, "source": 0}
            old, new, kind = "".join(old["source"]), "".join(new["source"]), old["cell_type"]
            wanted = [pseudo(block) for block in cell_messages(kind, old)]
            assert list(cell_messages(kind, new)) == wanted
            exchanged += len(wanted)
            if kind == "code" and not wanted:
                assert new == old
            elif kind == "code":
                names = [[n.id for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Name)] for code in (old, new)]
                assert names[0] == names[1]
    assert exchanged >= 45


@pytest.mark.parametrize("source", [one for one in course.sources() if one.name[:2] in messages.CHAPTERS])
def test_a_chapter_is_its_source(source):
    """What is translated of a source is what the notebook asks for."""
    known = {(one.context, one.id) for one in messages.chapter(source)}
    path = course.COURSE / f"{source.stem}.ipynb"
    for cell in json.loads(path.read_bytes())["cells"]:
        for block in cell_messages(cell["cell_type"], "".join(cell["source"])):
            assert (cell["id"], block) in known


@pytest.mark.parametrize(
    ("message", "translation", "reason"),
    [
        ("see `net`", "viz net", r"^the code `net` is lost"),
        ("see `net`", "viz `net` a `x`", r"^the code `x` is not in"),
        ("with $x$", "s $y$", r"^the formula \$x\$ is lost"),
        ("[it](a.md#b)", "[to](a.md)", r"^the link to \]\(a\.md#b\) is lost"),
        ("[it](size=(3, 4))", "[to](size=3)", r"^the link to"),
        ("{n} of {total}", "{n} z", r"^the value \{total\} is lost"),
        ("## A", "# A", r"must begin with '## ', not '# '"),
        ("- a", "a", r"must begin with '- ', not ''"),
        ("| a | b |", "| a |", r"as many cells"),
    ],
)
def test_a_translation_that_loses_something_is_refused(message, translation, reason):
    with pytest.raises(UserError, match=reason):
        check_translation(message, translation)
    check_translation(message, message)


@pytest.fixture
def czech(tmp_path, monkeypatch):
    """Makes a catalog of one chapter the only one there is."""
    monkeypatch.setattr(language, "LOCALE", tmp_path / "locale")
    monkeypatch.setattr(translate, "LOCALE", tmp_path / "locale")

    def make(context: str, message: str, translation: str) -> None:
        catalog = Catalog(locale="cs")
        catalog.add(message, translation, context=context)
        (tmp_path / "locale" / "cs").mkdir(parents=True)
        with (tmp_path / "locale" / "cs" / "06-occlusion.po").open("wb") as file:
            write_po(file, catalog)

    return make


def test_the_command(czech, tmp_path, capsys):
    czech("panel-text", "## The panel", "## Panel")
    assert main(["course", "translate", "cs", str(tmp_path / "course"), "06"]) == 0
    made = sorted(path.relative_to(tmp_path / "course").as_posix() for path in (tmp_path / "course").rglob("*.*"))
    assert made == ["06-occlusion.ipynb", "glossary.md", "solutions/06-occlusion.ipynb"]
    text = (tmp_path / "course" / "06-occlusion.ipynb").read_text(encoding="utf-8")
    assert '"## Panel\\n"' in text
    assert "## The same in three lines" in text  # a block without a translation stays English
    assert main(["course", "translate", "xx", str(tmp_path / "other")]) == 1
    assert "LANG must be one of cs, not 'xx'." in capsys.readouterr().err
    assert main(["course", "translate", "cs", str(tmp_path / "course")]) == 1
    assert "DIR must be a new or an empty folder" in capsys.readouterr().err


def test_a_bad_translation_is_told_with_its_chapter_and_cell(czech, tmp_path, capsys):
    czech("panel-text", "## The panel", "Panel")
    assert main(["course", "translate", "cs", str(tmp_path / "course"), "06"]) == 1
    assert "06-occlusion, cell panel-text: the translation of '## The panel' must" in capsys.readouterr().err
    assert not (tmp_path / "course").exists()


def test_lab_in_a_language(czech, tmp_path, monkeypatch):
    """The kernels inherit it, the copy is in it, and a changed notebook is kept, whatever the language."""
    import os

    czech("panel-text", "## The panel", "## Panel")
    monkeypatch.setattr("jupyterlab.labapp.main", lambda options: None)
    monkeypatch.setenv("CNNVIZ_LANG", "")
    folder = tmp_path / "mine"
    assert lab_module.lab(folder, browser=False) == 0
    chapter = folder / "06-occlusion.ipynb"
    assert "## The panel" in chapter.read_text(encoding="utf-8")
    assert main(["lab", "--no-browser", "--lang", "cs", str(folder)]) == 0
    assert os.environ["CNNVIZ_LANG"] == "cs"
    assert '"## Panel\\n"' in chapter.read_text(encoding="utf-8")
    chapter.write_text("my work", encoding="utf-8")
    assert main(["lab", "--no-browser", "--lang", "en", str(folder)]) == 0
    assert chapter.read_text(encoding="utf-8") == "my work"
    assert main(["lab", "--lang", "xx", str(folder)]) == 1
