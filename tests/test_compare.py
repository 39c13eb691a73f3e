"""``tools.compare`` times a checkout against a revision of it."""

import re
import subprocess

from tools import compare


def test_a_call_that_has_become_quicker_and_one_that_is_new(tmp_path, monkeypatch, capsys):
    def git(*arguments):
        name = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        return subprocess.run(
            ["git", "-C", str(tmp_path), *name, *arguments], check=True, capture_output=True, text=True
        ).stdout

    (tmp_path / "cnnviz_widgets.py").write_text("def work():\n    sum(range(4_000_000))\n")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    (tmp_path / "cnnviz_widgets.py").write_text("def work():\n    sum(range(400_000))\n\nnew = work\n")
    monkeypatch.setattr(compare, "ROOT", tmp_path)
    monkeypatch.setattr(compare, "SETUP", "import cnnviz_widgets as cnnviz")
    monkeypatch.setattr(compare, "CALLS", {name: f"cnnviz.{name}()" for name in ("work", "new")})
    monkeypatch.setattr("sys.argv", ["compare", "HEAD", "--rounds", "3"])
    compare.main()
    (_, ratio), (_, no_ratio) = re.findall(r"(\w+) .*ms, × (\S+)", capsys.readouterr().out)
    assert 0 < float(ratio) < 0.5
    assert no_ratio == "nan"
    assert len(git("worktree", "list").splitlines()) == 1  # what was checked out is gone
