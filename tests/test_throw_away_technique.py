"""A technique is one method file, one panel file and one chapter source: it is found, with no other edit.

In a copy of the tree a technique of a family of its own is added, and ``tools.sync`` is run.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COPIED = "cnnviz_widgets", "docs", "notebooks/sources", "tests", "tools"
FILES = "README.md", "pyproject.toml", "CHANGELOG.md", "CONTRIBUTING.md"

TECHNIQUE = {
    "cnnviz_widgets/methods/shifts/__init__.py": '''"""What a small shift of the picture changes."""''',
    "cnnviz_widgets/methods/shifts/shift_change.py": '''
"""How the saliency of a picture that is shifted differs from that of the picture."""

from dataclasses import replace
from typing import Annotated

from cnnviz_widgets.drawing.results import Heatmap
from cnnviz_widgets.engine.targets import Target
from cnnviz_widgets.gate import Range, gate
from cnnviz_widgets.methods.gradients.saliency import saliency
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["shift_change"]
example = dict(distance=1)


@gate
def shift_change(
    network: Network, image: AnyPicture, target: Target = None, *, distance: Annotated[int, Range(0, 16)] = 4
) -> Heatmap:
    """Change of the saliency when the picture is shifted: ``|M(x) - M(x shifted)|`` (Nobody, 2026).

    distance  px, by which the picture is shifted to the right
    """
    here, there = saliency(network, image, target), saliency(network, image.roll(distance, -1), target)
    return replace(here, values=(here.values - there.values).abs(), convention="change of the saliency")
''',
    "cnnviz_widgets/panels/shift_change.py": '''
"""How the saliency of a picture that is shifted differs from that of the picture."""

import ipywidgets

from cnnviz_widgets.methods.shifts.shift_change import shift_change
from cnnviz_widgets.panels.call import Call, class_named
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.runtime.runner import Frame


class ShiftChange(Panel):
    """How much the saliency changes when the picture is shifted."""

    title = "Shift"
    family = "shifts"
    chapters = ("99",)
    shows = "what a small shift changes"
    as_call = "cnnviz.shift_change(net, photo)"
    pickers = ("image", "target")
    distance = option(shift_change)

    def build(self) -> list[ipywidgets.Widget]:
        return [self.part("map", View("Change"))]

    def compute(self, now: Now) -> Frame:
        return Frame({"map": _call(now)().content()})

    def call(self, now: Now) -> str:
        return str(_call(now))


def _call(now: Now) -> Call:
    return Call(shift_change, now.network, now.image, class_named(now.network, now.target), distance=now.distance)
''',
    "notebooks/sources/99-shifts.md": """
+++ {"id": "title", "question": "Does a shift of one pixel matter?"}

# 99 · Shifts

```{code-cell}
:id: panel

import cnnviz_widgets as cnnviz

cnnviz.panels.ShiftChange(cnnviz.load_network("mini"), cnnviz.load_image("chelsea"))
```

```{code-cell}
:id: task
:tags: [task]

task = cnnviz.exercises.Question("Did it?", {"a": ("Yes.", "It did."), "b": ("No.", "Look again.")}, "a")
task
```
""",
}

USED = """
import cnnviz_widgets as cnnviz
net, photo = cnnviz.load_network("mini"), cnnviz.load_image("chelsea")
print(*cnnviz.shift_change(net, photo, distance=2).values.shape)
panel = cnnviz.panels.ShiftChange(net, photo)
panel.distance = 2
panel.wait()
print(panel.last_error, panel.controls["distance"].description)
print(panel.code().splitlines()[-1])
print(type(cnnviz.lab(net, photo).open("Shift")).__name__)
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy, with the technique in it, after ``tools.sync``."""
    copy = tmp_path_factory.mktemp("tree")
    for name in COPIED:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    for name in FILES:
        shutil.copy(ROOT / name, copy)
    for name, text in TECHNIQUE.items():
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(text.lstrip("\n"), encoding="utf-8")
    run(copy, "-m", "tools.sync")
    return copy


def run(tree: Path, *command: str) -> str:
    """What Python prints in the copy."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    environment = {name: value for name, value in environment.items() if not name.startswith(("PYTEST", "COV"))}
    done = subprocess.run([sys.executable, *command], cwd=tree, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_it_is_small():
    lines = [line for text in TECHNIQUE.values() for line in text.splitlines() if line.strip()]
    assert len(lines) <= 60


def test_it_is_written_where_techniques_are_listed(tree):
    for file, said in {
        "cnnviz_widgets/__init__.pyi": "from .methods.shifts.shift_change import shift_change",
        "cnnviz_widgets/panels/__init__.pyi": "from .shift_change import ShiftChange",
        "README.md": "| `panels.ShiftChange` | what a small shift changes |",
        "docs/gallery.md": "`|M(x) - M(x shifted)|`",
        "notebooks/sources/00-start.md": "Does a shift of one pixel matter?",
    }.items():
        assert said in (tree / file).read_text(encoding="utf-8"), file


def test_its_family_comes_by_its_chapter(tree):
    families = run(tree, "-c", "from cnnviz_widgets import registry; print(*registry.families())").split()
    assert families[-1] == "shifts"


def test_it_is_in_the_reference(tree):
    pages = run(tree, "-c", "from tools import docs; print(docs.references())")
    title, page, modules = "What a small shift of the picture changes", "reference/shifts.md", "['methods.shifts"
    assert f"({title!r}, {page!r}, {modules}" in pages


def test_it_works(tree):
    called = "cnnviz.shift_change(net, photo, distance=2)"
    assert run(tree, "-c", USED).splitlines() == ["128 128", "None Distance", called, "ShiftChange"]


def test_it_keeps_the_contracts(tree):
    """Those of every technique, and of the files that follow from the registry."""
    chosen = ["-k", "shift_change or ShiftChange", "tests/contracts"]
    said = run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen)
    assert re.search(r"\b\d+ passed", said), said
