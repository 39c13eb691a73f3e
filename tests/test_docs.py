"""What the documentation is made from; ``.ci/run`` builds all of it, with warnings as errors."""

from types import SimpleNamespace

import pytest
from PIL import Image

from cnnviz_widgets import registry
from tools import docs, sync

GALLERY = sync.ROOT / "docs" / "gallery"


def test_tables_of_docstrings():
    written = docs.as_markdown(
        """What it does.

    image    (3, H, W)
    a, b     two numbers, a | b:
             of any kind
    Returns a map.
    Raises UserError for anything else.

        call(image)
    """.replace("\n    ", "\n")
    )
    assert written.split("\n") == [
        "What it does.", "",
        "", "| | |", "|---|---|", "| `image` | (3, H, W) |", r"| `a`, `b` | two numbers, a \| b: of any kind |",
        "", "Returns a map.", "", "Raises UserError for anything else.", "", "    call(image)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("page", "markdown", "wanted"),
    [
        ("index.md", "[m](docs/mini.md#data)", "[m](mini.md#data)"),
        ("index.md", "[s](notebooks/00-start.ipynb)", "[s](course/00-start.html)"),
        ("index.md", "![s](docs/screenshot.png)", "![s](screenshot.png)"),
        ("index.md", "[how](CONTRIBUTING.md)", "[how](contributing.md)"),
        ("index.md", "[x](https://x.org)", "[x](https://x.org)"),
        ("mini.md", "[the code](../cnnviz_widgets/networks/mini.py)", "the code"),
        ("gallery.md", "[02](../notebooks/02-filters.ipynb)", "[02](course/02-filters.html)"),
    ],
)
def test_links_lead_to_the_site(page, markdown, wanted):
    given = SimpleNamespace(file=SimpleNamespace(src_uri=page))
    assert docs.on_page_markdown(markdown, given, None, None) == wanted


def test_every_technique_is_in_the_reference_and_in_the_gallery():
    modules = {module for _, _, modules in docs.references() for module in modules}
    gallery = sync.gallery()
    for one in registry.techniques():
        assert one.module.removeprefix("cnnviz_widgets.") in modules
        assert f"**{one.name}**" in gallery


def test_pictures_of_the_gallery_are_small_and_of_techniques():
    names = {one.name for one in registry.techniques()}
    pictures = list(GALLERY.glob("*"))
    assert len(pictures) > 20
    for path in pictures:
        assert path.stem in names, f"{path.name}: there is no such technique; python -m tools.pictures draws them"
        assert path.stat().st_size < 50_000
        with Image.open(path) as picture:
            assert picture.format == "JPEG"


def test_card():
    summary = "Sum of all: ``Σ x`` (Ann, 2001; Bo, 2002)."
    technique = registry.Technique("f", "m", "gradients", summary, needs=("image",))
    assert sync.card(technique) == ["**f**", "", "Sum of all.", "", "`Σ x`", "", "`cnnviz.f(image)`", "",
                                    "Ann, 2001; Bo, 2002", ""]  # fmt: skip
