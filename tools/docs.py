"""What mkdocs builds the documentation from, beside ``docs/``: a hook, and an extension that reads our docstrings.

The front page is the README, each family of techniques has a page made from the registry, and the chapters are shown
as they were saved. Nothing of it lies in the tree a second time.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from cnnviz_widgets import registry
from cnnviz_widgets.cli.course import SOLUTIONS
from cnnviz_widgets.cli.handout import printable, typeset
from tools import course, play, sync

ROOT = Path(__file__).resolve().parents[1]
# The template "lab" leaves out the words that an output has for its picture.
PICTURE = """{{% block data_{block} scoped %}}
<div class="jp-RenderedImage jp-OutputArea-output">
{{%- set alt = output | get_metadata('alt', '{kind}') %}}
<img src="data:{kind};base64,{{{{ output.data['{kind}'] }}}}"
{{%- if alt %}} alt="{{{{ alt | escape_html }}}}"{{% endif %}}>
</div>
{{% endblock %}}"""
KINDS = {"png": "image/png", "jpg": "image/jpeg"}
DARK = """{% block html_head_css %}{{ resources.include_css("static/theme-dark.css")
| replace("<style", '<style media="screen and (prefers-color-scheme: dark)"') }}{% endblock %}"""
PICTURES = (PICTURE.format(block=block, kind=kind) for block, kind in KINDS.items())
PAGE = "".join(["{% extends 'lab/index.html.j2' %}", DARK, *PICTURES])
PAGES = {
    "index.md": "README.md",
    "glossary.md": "notebooks/glossary.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
GROUND = {  # pages of the reference beside the techniques: title -> modules
    "Networks": ("networks.network", "networks.layers", "networks.zoo"),
    "Pictures": ("pictures.load", "pictures.painted", "pictures.samples", "pictures.labels", "pictures.dataset"),
    "Results": ("drawing.results",),
    "Optimization": tuple(
        f"engine.optimize.{name}"
        for name in ("loop", "objectives", "parametrizations", "transforms", "operators", "optimizers")
    ),
    "Device": ("runtime.device",),
    "Panels": ("panels.panel", "panels.session", "panels.lab"),
}
BAR = """<nav class="bar"><a href="../">cnnviz-widgets</a> <a href="../course/">The course</a>
<a href="../play/#{number}">Play</a> <a href="printed/{name}.html">To print</a>
<a href="../teaching/{number}/">For teachers</a> <a href="../#run-it">Run it live</a></nav>"""
CHAPTER = """<link rel="icon" href="../assets/images/favicon.png">
<style>
nav.bar { font: 14px/2 sans-serif; padding: 0 0 8px 80px; }
nav.bar a { margin-right: 1.5em; color: var(--jp-content-link-color); }
summary { cursor: pointer; padding: 6px 0; font: bold 16px/1.6 sans-serif; }
details details summary { font-size: 14px; }
details { border-top: 1px solid var(--jp-border-color1); }
summary + .jp-Cell h2 { display: none; } /* the summary says it */
main img { max-width: 100%; height: auto; }
.jp-InputArea-editor { overflow-x: auto; }
@media (min-width: 761px) { main > details > summary, main > details > details > summary { padding-left: 76px; } }
</style>"""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    config.nav = [*(config.nav or []), {"Reference": [{title: uri} for title, uri, _ in references()]}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is made: front page, reference, and chapters."""
    for uri, source in PAGES.items():
        files.append(File.generated(config, uri, content=(ROOT / source).read_text(encoding="utf-8")))
    for title, uri, modules in references():
        content = "\n\n".join([f"# {title}", *(f"::: {registry.PACKAGE.name}.{module}" for module in modules)])
        files.append(File.generated(config, uri, content=content))
    files.append(File.generated(config, "course.md", content=course_page()))
    files.append(File.generated(config, "play.md", content=play.page()))
    for path in course.sources():
        files.append(File.generated(config, f"course/{path.stem}.html", content=chapter(path)))
        files.append(File.generated(config, f"course/printed/{path.stem}.html", content=printed(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links as they are in the tree, which GitHub follows → links within the site."""
    uri = page.file.src_uri
    folder, top = (ROOT / PAGES.get(uri, f"docs/{uri}")).parent, "../" * uri.count("/")

    def link(match: re.Match) -> str:
        text, target = match["text"], match["target"]
        path, _, part = target.partition("#")
        inside = (folder / path).resolve().relative_to(ROOT).as_posix()
        for ours, source in PAGES.items():
            if inside == source:
                return f"[{text}]({top}{ours}{part and '#' + part})"
        if inside.startswith("docs/"):
            return f"[{text}]({top}{inside.removeprefix('docs/')}{part and '#' + part})"
        if re.fullmatch(r"notebooks/\d[^/]*\.ipynb", inside):
            return f"[{text}]({top}course/{Path(inside).stem}.html)"
        return text  # a file of the sources: it is not on the site

    if uri == "index.md":
        film = next(one for one in play.films() if one["name"] == "06-occlusion")
        first = f"{play.figure(film, 'play/')}\n[More to play with](docs/play.md){{ .md-button .md-button--primary }}"
        markdown = re.sub(r"!\[[^]]*\]\(docs/screenshot\.png\)", lambda _: first, markdown, count=1)
    if uri == "gallery.md":
        for one in registry.techniques():
            place = f"reference/{one.family}.md#{one.module}.{one.name}"
            markdown = markdown.replace(f"**{one.name}**", f"**[{one.name}]({place})**")
    return re.sub(r"\[(?P<text>[^][]*)\]\((?P<target>(?!https?:|#|reference/|course/)[^) ]+)\)", link, markdown)


def references() -> list[tuple[str, str, list[str]]]:
    """(title, page, modules) of the reference: the families of techniques, then the ground that they stand on."""
    pages = []
    for family in registry.families():
        members = [one.module for one in registry.techniques() if one.family == family]
        members += [one.module for one in registry.panels() if one.family == family]
        names = dict.fromkeys(module.removeprefix(f"{registry.PACKAGE.name}.") for module in members)
        pages.append((registry.about(family), f"reference/{family}.md", list(names)))
    for title, modules in GROUND.items():
        pages.append((title, f"reference/{title.lower()}.md", list(modules)))
    return pages


def course_page() -> str:
    first = course.sources()[0].stem
    start = f"Begin with [{first}](course/{first}.html). Chapters are notebooks to run, with tasks that are checked."
    chapters = re.sub(r"\]\((.*?)\.ipynb\)", r"](course/\1.html)", sync.chapter_list())
    return f"# The course\n\n{start}\n\n{chapters}"


def chapter(source: Path) -> str:
    """A saved chapter as a page of its own, with each task folded, and its solution in it.

    Formulas are MathML, so that no script is needed.
    """
    name, tasks = source.stem, {cell.metadata.id for cell in course.cells(source) if course.tagged(cell, "task")}
    head, cells, foot = taken_apart(course.COURSE / f"{name}.ipynb")
    solutions = taken_apart(course.COURSE / "solutions" / f"{name}.ipynb")[1]
    page, folded = [], False
    for id, cell in cells.items():
        if id == SOLUTIONS:  # which are in the tasks here
            continue
        if folded and (id not in tasks or id.startswith("task-")):
            page.append("</details>")
            folded = False
        if id.startswith("task-"):
            heading = re.search(r"<h2[^>]*>(.*?)<a ", cell)
            page.append(f"<details><summary>{heading[1] if heading else id}</summary>")
            folded = True
        page.append(cell)
        if id.startswith("answer-"):
            solved = solutions[id].replace(f"cell-id={id}", f"cell-id={id.replace('answer', 'solution')}")
            page.append(f"<details><summary>Solution</summary>{solved}</details>")
    if folded:
        page.append("</details>")
    return linked(anchored("".join([head, BAR.format(name=name, number=name[:2]), *page, foot])), "../")


def anchored(html: str) -> str:
    """With a number at the anchors of headings that come again, such as "The panel"."""
    seen: Counter[str] = Counter()

    def anchor(match: re.Match) -> str:
        seen[name := match["id"]] += 1
        return match[0] if seen[name] == 1 else match[0].replace(name, f"{name}-{seen[name]}")

    return re.sub(r'<h\d id="(?P<id>[^"]+)">.*?<a class="anchor-link" href="#(?P=id)">', anchor, html)


def taken_apart(path: Path) -> tuple[str, dict[str, str], str]:
    """A notebook as HTML: what is before its cells, each cell by its id, and what is behind them."""
    from nbconvert import HTMLExporter
    from nbconvert.preprocessors import TagRemovePreprocessor

    exporter = HTMLExporter(raw_template=PAGE)
    exporter.register_preprocessor(TagRemovePreprocessor(remove_input_tags={"hide-input"}), enabled=True)
    html, _ = exporter.from_filename(str(path))
    html = re.sub(r"<script\b.*?</script>", "", html, flags=re.DOTALL)
    starts = list(re.finditer(r'<div class="jp-Cell [^"]*" id="cell-id=([^"]+)">', html))
    end = html.index("</main>")
    ends = [*(one.start() for one in starts[1:]), end]
    cells = {one[1]: typeset(html[one.start() : to]) for one, to in zip(starts, ends, strict=True)}
    return html[: starts[0].start()].replace("</head>", f"{CHAPTER}</head>"), cells, html[end:]


def printed(source: Path) -> str:
    """A chapter to be printed, as ``cnnviz course handout`` makes it."""
    return linked(printable(course.COURSE / f"{source.stem}.ipynb"), "../../")


def linked(html: str, top: str) -> str:
    """With links to other chapters and to the glossary as they are on the site."""
    html = re.sub(r'href="(?:\.\./)?(\d\d-[^"/]*)\.ipynb"', r'href="\1.html"', html)
    return html.replace('href="glossary.md#', f'href="{top}glossary/#')


class Docstrings(griffe.Extension):
    """Makes Markdown of our docstrings: an argument and what it means, in two columns, become a table."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(docstring: str) -> str:
    """A docstring with its tables, lines that begin with Returns or Raises as paragraphs, and examples as code.

    name     what it means,
             on one line or more
    """
    lines: list[str] = []
    in_table = False
    for line in docstring.splitlines():
        row = re.match(r"(?P<name>[\w*…][\w*…, ]*?)\s{2,}(?P<meaning>\S.*)", line)
        if row:
            if not in_table:
                lines += ["", "| | |", "|---|---|"]
            names = ", ".join(f"`{name}`" for name in row["name"].split(", "))
            lines.append(f"| {names} | {sync.escaped(row['meaning'])} |")
            in_table = True
        elif in_table and line.startswith("  "):
            lines[-1] = f"{lines[-1].removesuffix(' |')} {sync.escaped(line.strip())} |"
        else:
            if in_table or line.startswith(("Returns ", "Raises ", "UserError ")):
                lines.append("")
            in_table = False
            lines.append(line)
    return "\n".join(lines)
