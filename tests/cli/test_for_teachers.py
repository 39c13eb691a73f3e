"""A chapter on paper, a folder for a class without internet, and a page in the docs whose commands there are."""

import re
import shlex

import pytest

from cnnviz_widgets.cli import _parser, main
from cnnviz_widgets.cli.handout import handout
from cnnviz_widgets.cli.pack import pack
from cnnviz_widgets.errors import UserError
from tools.course import ROOT


@pytest.mark.parametrize("number", ["01", "06", "12"])
def test_a_handout_has_text_formulas_and_pictures_but_no_code(number, tmp_path):
    page = handout(number, tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("<math") >= 2
    assert "$" not in re.sub(r"<(code|pre)\b.*?</\1>|data:[^'\"]*", "", page, flags=re.DOTALL)
    assert page.count("<img") >= 3
    assert "Task 1" in page
    assert "load_network(" not in re.sub(r"<code>.*?</code>", "", page)
    assert not re.search(r"(src|href)=\"https?://[^\"]*\.(js|css)", page)


def test_a_handout_of_no_chapter(tmp_path, capsys):
    assert main(["course", "handout", "99"]) == 1
    assert re.search(r"CHAPTER must be one of 00, 01.*not '99'", capsys.readouterr().err)
    with pytest.raises(UserError, match=r"^FILE .* cannot be written"):
        handout("06", tmp_path / "nowhere" / "page.html")


def test_a_folder_for_a_class(tmp_path, monkeypatch):
    """Without what it depends on, which would be gigabytes."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    weights = tmp_path / "home" / "hub" / "checkpoints" / "net.pth"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"weights")
    made = pack(tmp_path / "class", ["--no-deps", "--quiet"])
    assert [one.name.split("-")[0] for one in (made / "wheels").iterdir()] == ["cnnviz_widgets"]
    assert (made / "weights" / "hub" / "checkpoints" / "net.pth").read_bytes() == b"weights"
    assert (made / "course" / "06-occlusion.ipynb").exists()
    assert not (made / "course" / "solutions").exists()
    assert "--no-index" in (made / "START.txt").read_text(encoding="utf-8")
    with pytest.raises(UserError, match="DIR must be a new or an empty folder"):
        pack(made)


def test_wheels_that_are_not_to_be_had(tmp_path):
    with pytest.raises(UserError, match="the wheels cannot be collected: "):
        pack(tmp_path / "class", ["--no-such-option"])


def test_the_commands_of_the_page_are_commands():
    page = (ROOT / "docs" / "for-teachers.md").read_text(encoding="utf-8")
    commands = re.findall(r"^cnnviz (.*)$", page, re.MULTILINE)
    assert len(commands) == 7
    for command in commands:
        _parser().parse_args(shlex.split(command))
