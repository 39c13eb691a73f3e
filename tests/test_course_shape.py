"""Every chapter has its head, foot and teaching page, and links each term of the glossary where it comes up first."""

import re
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat
import pytest

from cnnviz_widgets.cli.course import copy_course, opened
from tools import course, docs

ROOT = Path(__file__).resolve().parents[1]
SOURCES = course.sources()
GLOSSARY = ROOT / "notebooks" / "glossary.md"
FRAME = {"goals", "key-points", "discuss", "next"}
LINK = re.compile(r"\]\(glossary\.md(?:#([^)]*))?\)")
NOT_PROSE = re.compile(  # where a term is no use of it that could be linked
    r"^#[^\n]*|^- \*\*.*?\*\*|```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|<!--.*-->|\[[^]]*\]\((?!glossary)[^)]*\)",
    re.S | re.M,
)


def terms() -> dict[str, list[str]]:
    """Anchor of each entry -> the words for it: the heading, and what follows "Also:"."""
    found = {}
    for entry in re.split(r"^### ", GLOSSARY.read_text(encoding="utf-8"), flags=re.M)[1:]:
        title, _, text = entry.partition("\n")
        also = re.search(r"\*Also: (.*?)\.\*", text)
        found[anchor(title)] = [title, *(also[1].split(", ") if also else [])]
    return found


def anchor(title: str) -> str:
    """As GitHub and MkDocs make it of a heading."""
    return re.sub(r"[^\w-]", "", title.lower().replace(" ", "-"))


def uses() -> re.Pattern:
    """Any term in the singular or plural; of those that begin at one place, the longest."""
    words = {word: name for name, all_words in terms().items() for word in all_words}
    longest = sorted(words, key=len, reverse=True)
    spelled = [re.escape(word).replace(r"\ ", r"[\s-]+").replace(r"\-", "-") for word in longest]
    return re.compile(rf"(?<![\w-])(?:{'|'.join(spelled)})(?:s|es)?(?![\w-])", re.I)


def name_of(use: str) -> str:
    """The anchor of the term that has been used in these words."""
    spoken = re.sub(r"[\s-]+", " ", use.lower())
    for name, words in terms().items():
        for word in words:
            plain = re.sub(r"[\s-]+", " ", word.lower())
            if spoken in (plain, f"{plain}s", f"{plain}es"):
                return name
    raise AssertionError(use)


def texts(source: Path) -> Iterator[nbformat.NotebookNode]:
    """The prose of a chapter in which terms are linked: not head and foot, nor tasks, which the solutions repeat."""
    for cell in jupytext.read(source, fmt="md:myst").cells:
        if cell.cell_type == "markdown" and not course.tagged(cell, "task") and cell.metadata.id not in FRAME:
            yield cell


def prose(text: str) -> str:
    """The text with all that is no prose blanked out, so that places stay where they are."""
    return NOT_PROSE.sub(lambda match: " " * len(match[0]), text)


@pytest.fixture(params=SOURCES, ids=lambda path: path.stem)
def cells(request) -> dict[str, str]:
    """The cells of a chapter, by id, in their order."""
    return {cell.metadata.id: cell.source for cell in jupytext.read(request.param, fmt="md:myst").cells}


def listed(text: str) -> int:
    return len(re.findall("^- ", text, re.M))


def test_head(cells):
    assert list(cells)[:2] == ["title", "goals"]
    goals = cells["goals"]
    assert "You will be able to" in goals
    assert listed(goals) == 3
    (minutes,) = re.findall(r"\*\*Time:\*\* about (\d+) minutes \(read (\d+) · play (\d+) · tasks (\d+)\)", goals)
    total, *parts = map(int, minutes)
    assert total == sum(parts)
    assert re.search(r"\*\*Before:\*\* (nothing|\[\d\d [^]]+\]\(\d\d)", goals)
    assert "**Device:**" in goals
    assert "You will be able to" not in cells["title"]


def test_before_means_earlier_chapters(cells):
    names = [path.stem for path in SOURCES]
    own = next(path.stem for path in SOURCES if path.read_text("utf-8").count(cells["goals"]))
    for before in re.findall(r"\]\(([^)]*)\.ipynb\)", cells["goals"]):
        assert names.index(before) < names.index(own)


def test_foot(cells):
    assert list(cells)[-3:] == ["key-points", "discuss", "next"]
    assert cells["key-points"].startswith("## Key points\n")
    assert listed(cells["key-points"]) == 3
    assert cells["discuss"].startswith("## For discussion\n")
    assert 2 <= listed(cells["discuss"]) <= 3
    for question in re.split("^- ", cells["discuss"], flags=re.M)[1:]:
        assert "?" in question


def test_glossary_is_in_order_and_short():
    titles = re.findall(r"^### (.*)$", GLOSSARY.read_text(encoding="utf-8"), re.M)
    assert len(titles) >= 60
    assert titles == sorted(titles, key=str.lower)
    assert len({*terms()}) == len(titles)
    for entry in re.split(r"^### .*$", GLOSSARY.read_text(encoding="utf-8"), flags=re.M)[1:]:
        plain = re.sub(r"\*Also: .*?\.\*|\(.*?\)|\$.*?\$", "", entry)
        assert 1 <= len(re.findall(r"[.:!?](?:\s|$)", plain)) <= 4, entry


def test_every_term_is_linked_where_it_comes_up_first():
    known, any_use, seen, wrong = terms(), uses(), set(), []
    for source in SOURCES:
        for cell in texts(source):
            text = prose(cell.source)
            for use in any_use.finditer(
                re.sub(r"\]\(glossary[^)]*\)", lambda match: "]" + " " * (len(match[0]) - 1), text)
            ):
                name = name_of(use[0])
                if name in seen:
                    continue
                seen.add(name)
                if not cell.source[use.end() :].startswith(f"](glossary.md#{name})"):
                    wrong.append(f"{source.stem}, cell {cell.metadata.id}: [{use[0]}](glossary.md#{name})")
    assert not wrong
    assert seen == {*known}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_links_to_the_glossary(source):
    """They lead to entries, each at most once, and none is in a task: the solutions, in another folder, repeat it."""
    all_cells = [cell for cell in jupytext.read(source, fmt="md:myst").cells if cell.cell_type == "markdown"]
    links = [target for cell in all_cells for target in LINK.findall(cell.source)]
    assert links == [target for cell in texts(source) for target in LINK.findall(cell.source)]
    assert {*links} <= {*terms()}
    assert len({*links}) == len(links)


def test_links_to_the_glossary_lead_there_on_the_site():
    html = docs.chapter(SOURCES[0])
    assert "glossary.md" not in html
    targets = re.findall(r'href="\.\./glossary/#([^"]+)"', html)
    assert {*targets} == {*LINK.findall(SOURCES[0].read_text(encoding="utf-8"))} != set()


def test_a_copy_of_the_course_has_the_glossary(tmp_path):
    copy_course(ROOT / "notebooks", tmp_path)
    assert (tmp_path / GLOSSARY.name).read_bytes() == GLOSSARY.read_bytes()


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_teaching_page(source):
    page = (ROOT / "docs" / "teaching" / f"{source.name[:2]}.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", page, re.M | re.S))
    assert list(sections) == ["Questions of students", "What goes wrong in class", "Sources", "Pictures and weights"]
    assert f"](../../notebooks/{source.stem}.ipynb)" in page.partition("\n## ")[0]
    questions = re.findall(r"^\*\*(.*)\*\*$", sections["Questions of students"], re.M)
    assert 4 <= len(questions) <= 6
    assert all(question.endswith("?") for question in questions)
    assert all(sections[title].strip() for title in sections)
    if source != SOURCES[0]:  # the first chapter explains the course, and no paper
        assert re.search(r"(19|20)\d\d", sections["Sources"])
    assert f"teaching/{source.name[:2]}.md" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_hints(source):
    """Two, one in the other, where something is to be written; a question replies to each of its answers."""
    every = course.cells(source)
    choices = {cell.metadata.id for cell in every if "exercises.ask_" in cell.source}
    for cell in every:
        if (found := re.fullmatch(r"task-(\d+)", cell.metadata.id)) and f"answer-{found[1]}" not in choices:
            first, second = re.findall(r"^<details><summary>(.*)</summary>\n\n", cell.source, re.M)
            assert (first, second) == ("Stuck?", "Still stuck?"), cell.metadata.id
            assert cell.source.endswith("\n\n</details></details>")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_chapter_says_where_its_solutions_are_and_a_copy_without_them_does_not(source):
    path = course.COURSE / f"{source.stem}.ipynb"
    with_them, without = ({cell.id: cell.source for cell in opened(path, one).cells} for one in (True, False))
    (link,) = re.findall(r"\]\((solutions/[^)]*)\)", with_them.pop("solutions"))
    assert (path.parent / link).is_file()
    assert with_them == without
    assert not re.search(r"\]\(solutions/", "".join(without.values()))


def test_slides():
    """A chapter begins with a slide, each section does, and what only prepares is left out."""
    for source in SOURCES:
        for path, notebook in course.built(source).items():
            if path.parent != course.COURSE:
                continue
            kinds = {cell.id: cell.metadata.slideshow.slide_type for cell in notebook.cells}
            assert kinds["title"] == kinds["key-points"] == "slide"
            assert kinds["goals"] == "subslide"
            assert kinds["import"] == kinds["check-1"] == "skip"
            assert "fragment" in kinds.values()
