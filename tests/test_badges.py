"""Once the sources are public, README and chapters open by a click, and install the package where it is missing."""

import importlib.util

import pytest
from IPython.core.interactiveshell import InteractiveShell

from tools import course, sync

WHERE = "someone/cnnviz-widgets"


@pytest.fixture
def public(monkeypatch, tmp_path):
    project = tmp_path / "pyproject.toml"
    project.write_text(f'[project.urls]\nRepository = "https://github.com/{WHERE}"\n', encoding="utf-8")
    monkeypatch.setattr(course, "PROJECT", project)


def chapter(source):
    return {cell.id: cell.source for cell in course.built(source)[course.COURSE / f"{source.stem}.ipynb"].cells}


def test_badges_name_the_notebook(public):
    source = course.sources()[6]
    cells = chapter(source)
    assert list(cells)[:3] == ["title", "badges", "goals"]
    for link in (
        f"mybinder.org/v2/gh/{WHERE}/main?urlpath=lab/tree/notebooks/",
        f"/github/{WHERE}/blob/main/notebooks/",
    ):
        assert f"{link}{source.stem}.ipynb" in cells["badges"]
        assert f"{link}00-start.ipynb" in sync.files()[sync.ROOT / "README.md"]


def test_every_chapter_installs_the_package_before_it_imports_it(public):
    for source in course.sources():
        names = list(chapter(source))
        assert names.index("colab") + 1 == names.index("import")


@pytest.mark.parametrize("missing", [True, False])
def test_it_is_installed_only_where_it_is_missing(public, monkeypatch, missing):
    asked = []
    shell = InteractiveShell()
    shell.register_magic_function(asked.append, magic_name="pip")
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if missing else find(name))
    shell.run_cell(chapter(course.sources()[0])["colab"]).raise_error()
    assert asked == [f'install --quiet "cnnviz-widgets @ git+https://github.com/{WHERE}"'] * missing


def test_without_a_public_address_there_are_none(monkeypatch, tmp_path):
    monkeypatch.setattr(course, "PROJECT", tmp_path / "pyproject.toml")
    course.PROJECT.write_text("[project.scripts]\n", encoding="utf-8")
    assert not {"badges", "colab"} & set(chapter(course.sources()[0]))
    assert "mybinder.org/v2" not in sync.files()[sync.ROOT / "README.md"]
