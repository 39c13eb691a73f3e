"""What travels in the wheel, and that the README's commands are those that are tested."""

import re
import subprocess
import sys
from email import message_from_string
from pathlib import Path
from zipfile import ZipFile

CLONE = Path(__file__).resolve().parents[2]


def published(folder):
    """The files below a folder of the clone that are meant to travel."""
    for path in sorted((CLONE / folder).rglob("*")):
        relative = path.relative_to(CLONE / folder)
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in relative.parts):
            yield relative


def test_wheel_holds_the_package_and_the_course(wheel):
    expected = {Path("cnnviz_widgets") / path for path in published("cnnviz_widgets")}
    expected |= {Path("cnnviz_widgets", "course") / path for path in published("notebooks")}
    assert Path("cnnviz_widgets/course/00-start.ipynb") in expected
    assert Path("cnnviz_widgets/py.typed") in expected
    found = {Path(name) for name in ZipFile(wheel).namelist()}  # where it is unpacked, others have run it
    assert {path for path in found if not path.parts[0].endswith(".dist-info")} == expected


def test_wheel_is_small(wheel):
    assert wheel.stat().st_size < 25e6


def test_metadata(unpacked_wheel):
    information = next(unpacked_wheel.glob("*.dist-info"))
    metadata = message_from_string((information / "METADATA").read_text("utf-8"))
    assert metadata["Name"] == "cnnviz-widgets"
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License-Expression"] == "BSD-3-Clause AND OFL-1.1 AND Bitstream-Vera"
    assert metadata.get_all("Provides-Extra") == ["cluster", "lab", "segment", "test"]
    assert "cnnviz = cnnviz_widgets.cli:main" in (information / "entry_points.txt").read_text()
    fonts = [f"cnnviz_widgets/drawing/fonts/LICENSE-{name}.txt" for name in ("hangul", "text")]
    assert sorted(metadata.get_all("License-File")) == ["LICENSE", *fonts]
    assert all((information / "licenses" / name).is_file() for name in ("LICENSE", *fonts))


def test_editable_install_needs_no_copy_of_the_course(tmp_path):
    build = f"from hatchling.build import build_editable; build_editable({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=CLONE, check=True)
    listing = subprocess.run(
        [sys.executable, "-m", "zipfile", "-l", next(tmp_path.glob("*.whl"))],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cnnviz_widgets.pth" in listing.stdout
    assert "ipynb" not in listing.stdout


def test_readme_has_the_two_commands():
    readme = (CLONE / "README.md").read_text("utf-8")
    commands = re.findall(r"<!-- (\w+)-command -->\n```bash\n(.*?)\n```", readme, re.DOTALL)
    assert [name for name, _ in commands] == ["run", "test"]
    assert dict(commands)["run"].endswith("cnnviz lab")
    peer = "pip install --no-deps torchattacks"  # it asks for a version of requests that JupyterLab does not take
    assert dict(commands)["test"].endswith(f'pip install -e ".[test]" && {peer} && pytest -n 2 --cov')


def test_links_of_the_documents_lead_somewhere():
    for document in ("README.md", "CONTRIBUTING.md"):
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", (CLONE / document).read_text("utf-8")):
            assert link.startswith("https://") or (CLONE / link).exists(), f"{document} links to {link}"
