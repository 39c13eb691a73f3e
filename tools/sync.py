"""Writes what must be a file and follows from the registry: ``python -m tools.sync``; a test says when it is stale.

The names that are imported lazily and their stubs, the README's table of panels, the gallery of techniques in the
docs, and the list of chapters at the end of the first one (of its source: build it then, see ``tools.course``).
"""

import re
import subprocess
import sys
from pathlib import Path

from cnnviz_widgets import registry
from tools import course

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "cnnviz_widgets"
GROUND = {  # public names that are no techniques -> module
    "exercises methods networks panels pictures runtime drawing": "",
    "UserError": "errors",
    "OptimizationState objectives operators optimize optimizers parametrizations transforms": "engine.optimize",
    "relu_rule": "engine.relu_rules",
    "last": "engine.states",
    "Neuron": "engine.targets",
    "Network load_network": "networks",
    "Session lab prose": "panels",
    "labels load_dataset load_image objects painted render_object samples scenes": "pictures",
    "device use": "runtime.device",
    "ActivationMaps Filters GradientPicture Heatmap": "drawing.results",
    "grid show": "drawing.show",
    "plot": "drawing.plot",
}
SHORT_COURSES = {  # a mark in docs/short-courses.md -> its chapters
    "lecture-demo": "00 06 09 11",
    "one-day": "00 01 06 08 09 13",
    "art": "00 10 11 14 15 16",
}
PANELS = {"Lab lab": "lab", "Panel computes": "panel", "Prose prose": "prose", "Session": "session"}


def main() -> None:
    for path, text in files().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"written: {path.relative_to(ROOT)}")


def files() -> dict[Path, str]:
    """Every file that follows from the registry, and what should be in it."""
    public = {name: module for names, module in GROUND.items() for name in names.split()}
    public |= {name: module.removeprefix(f"{PACKAGE}.") for name, module in registry.exports().items()}
    panels = {name: module for names, module in PANELS.items() for name in names.split()}
    panels |= {one.name: one.module.rpartition(".")[2] for one in registry.panels()}
    readme, start = ROOT / "README.md", ROOT / "notebooks" / "sources" / "00-start.md"
    short = ROOT / "docs" / "short-courses.md"
    short_courses = short.read_text(encoding="utf-8")
    for mark, numbers in SHORT_COURSES.items():
        short_courses = between(short_courses, mark, minutes_table(numbers.split()))
    return {
        ROOT / PACKAGE / "__init__.pyi": f"{stub(public)}\n__version__: str\n",
        ROOT / PACKAGE / "names.py": named(public),
        ROOT / PACKAGE / "panels" / "__init__.pyi": stub(panels),
        readme: between(
            between(readme.read_text(encoding="utf-8"), "panels", panel_table()), "badges", course.badges("00-start")
        ),
        ROOT / "docs" / "gallery.md": gallery(),
        short: short_courses,
        start: between(start.read_text(encoding="utf-8"), "chapters", chapter_list()),
    }


def stub(names: dict[str, str]) -> str:
    """A stub: public name -> module, below the package."""
    lines = [f"from .{module} import {', '.join(imported)}" for module, imported in by_module(names).items()]
    return formatted("stub.pyi", "# Written by tools/sync.", *lines, f"__all__ = {sorted(names)}")


def named(names: dict[str, str]) -> str:
    """The same for lazy_loader: to read the stub would take a third of the package's import."""
    modules = by_module(names)
    return formatted(
        "names.py",
        '"""The modules of the public names. Written by tools/sync."""',
        f"SUBMODULES = {sorted(modules.pop(''))}",
        f"MODULES = {dict(sorted(modules.items()))}",
    )


def by_module(names: dict[str, str]) -> dict[str, list[str]]:
    modules: dict[str, list[str]] = {}
    for name, module in names.items():
        modules.setdefault(module, []).append(name)
    return modules


def formatted(file: str, *lines: str) -> str:
    written = "\n".join(lines)
    for command in (["check", "--fix", "--select", "I,RUF022"], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--quiet", "--stdin-filename", file, "-"]
        written = subprocess.run(ruff, input=written, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return written


def between(text: str, mark: str, new: str) -> str:
    """The text with what stands between two comments exchanged."""
    pattern = rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)"
    if not re.search(pattern, text, re.S):
        raise ValueError(f"the text has no place for {mark!r}.")
    return re.sub(pattern, lambda match: f"{match[1]}{new}{match[2]}", text, flags=re.S)


def panel_table() -> str:
    rows = ["| panel | shows | the same as a call | chapter |", "|---|---|---|---|"]
    for one in registry.panels():
        links = ", ".join(chapter_link(number, "notebooks") for number in one.chapters)
        rows.append(f"| `panels.{one.name}` | {one.shows} | `{one.call}` | {links} |")
    return "\n".join(rows) + "\n"


def gallery() -> str:
    """Every technique: a picture of what it gives, its formula, how it is called, the paper, the chapter."""
    lines = ["# Gallery of techniques", "", "Of the bundled network, and a photograph of a tabby cat.", ""]
    for family in registry.families():
        of_family = [one for one in registry.techniques() if one.family == family]
        if not of_family:
            continue
        panels = [one for one in registry.panels() if one.family == family]
        numbers = dict.fromkeys(number for panel in panels for number in panel.chapters)
        links = ", ".join(chapter_link(number, "../notebooks") for number in numbers)
        named = ", ".join(f"`cnnviz.panels.{panel.name}`" for panel in panels)
        lines += [f"## {registry.about(family)}", ""]
        lines += [f"Live: {named}. {'Chapters' if len(numbers) > 1 else 'Chapter'} {links}.", ""] if panels else []
        lines += ['<div class="grid cards" markdown>', ""]
        for one in of_family:
            lines += [f"-   {line}" if at == 0 else f"    {line}".rstrip() for at, line in enumerate(card(one))]
        lines += ["</div>", ""]
    return "\n".join(lines)


def card(technique: registry.Technique) -> list[str]:
    """The lines of one technique in the gallery."""
    name, what = technique.name, technique.summary.rstrip(".")
    paper = re.search(r"\(([^()]*(?:19|20)\d\d[^()]*)\)", what)
    formula = re.search(r"``([^`]*[∂·Σ|∫][^`]*)``", what)
    for found in (paper, formula):
        what = what.replace(found[0], "") if found else what
    what = re.sub(r"\s+", " ", what).strip(" :,")
    drawn = ROOT / "docs" / "gallery" / f"{name}.jpg"
    lines = [f"![{name}](gallery/{name}.jpg)", ""] if drawn.exists() else []
    lines += [f"**{name}**", "", f"{escaped(what)}.", ""]
    lines += [f"`{formula[1]}`", ""] if formula else []
    lines += [f"`cnnviz.{technique.name}({', '.join(technique.needs)})`", ""]
    return [*lines, paper[1], ""] if paper else lines


def escaped(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")


def chapters() -> dict[str, str]:
    """Number of a chapter -> its file."""
    return {path.name[:2]: f"{path.stem}.ipynb" for path in course.sources()}


def chapter_link(number: str, folder: str) -> str:
    """The number of a chapter, with a link where it is written."""
    return f"[{number}]({folder}/{chapters()[number]})" if number in chapters() else number


def minutes_table(numbers: list[str]) -> str:
    """Some chapters with the minutes that their heads name, and the sums."""
    rows = ["| chapter | read | play | tasks | together |", "|---|---|---|---|---|"]
    every = {path.name[:2]: path for path in course.sources()}
    found = [course.minutes(every[number]) for number in numbers]
    for number, (together, *kinds) in zip(numbers, found, strict=True):
        name = f"{number} {course.title(every[number])}"
        rows.append(f"| [{name}](../notebooks/{chapters()[number]}) | {' | '.join(map(str, kinds))} | {together} |")
    together, *kinds = map(sum, zip(*found, strict=True))
    rows.append(f"| **minutes** | {' | '.join(f'**{one}**' for one in (*kinds, together))} |")
    return "\n".join(rows) + "\n"


def chapter_list() -> str:
    """The chapters after the first, each with its question and its panels."""
    rows = ["| chapter | question | panels |", "|---|---|---|"]
    for path in course.sources()[1:]:
        number = path.name[:2]
        titles = ", ".join(one.title for one in registry.panels() if number in one.chapters)
        rows.append(f"| [{number} {course.title(path)}]({path.stem}.ipynb) | {course.question(path)} | {titles} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()
