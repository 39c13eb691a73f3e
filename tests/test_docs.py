"""What the documentation is made from; ``.ci/run`` builds all of it, with warnings as errors."""

import json
import re
from html import unescape
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cnnviz_widgets import registry
from tools import course, docs, play, sync

OCCLUSION = next(path for path in course.sources() if path.stem == "06-occlusion")
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
        ("index.md", "![s](docs/gallery/dream.jpg)", "![s](gallery/dream.jpg)"),
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


def test_a_chapter_on_the_site_folds_its_tasks_and_shows_their_solutions():
    page = docs.chapter(OCCLUSION)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len({*ids}) == len(ids)
    assert not re.search(r"<script|src=.http|\.ipynb", page)
    assert page.count("<math") >= 4
    assert "$" not in re.sub(r"<(code|pre)\b.*?</\1>|data:[^'\"]*|<style.*?</style>", "", page, flags=re.DOTALL)
    folded = re.findall(r"<details><summary>(.*?)</summary>", page)
    assert folded.count("Stuck?") == folded.count("Still stuck?") == 2
    assert [one for one in folded if one.startswith("Task")] == re.findall(
        "^## (Task .*)$", OCCLUSION.read_text("utf-8"), re.M
    )
    assert folded.count("Solution") == page.count("cell-id=solution-") == 4
    assert page.count("<details>") == page.count("</details>")
    assert page.index("</details>") < page.index("cell-id=key-points")
    assert page.rindex("</details>") < page.index("cell-id=key-points")
    assert 'href="printed/06-occlusion.html"' in page
    assert "cnnviz.prose(" not in page  # a text that drives a panel is shown, its code is not


def test_headings_that_come_again_have_anchors_of_their_own():
    page = docs.anchored('<h2 id="a">a<a class="anchor-link" href="#a"></a></h2>' * 3)
    assert re.findall(r'id="(.*?)".*?href="#(.*?)"', page) == [("a", "a"), ("a-2", "a-2"), ("a-3", "a-3")]


def test_a_chapter_on_the_site_can_be_printed():
    page = docs.printed(OCCLUSION)
    assert 'href="07-saliency.html"' in page
    assert 'href="../../glossary/#occlusion"' in page


def test_every_chapter_has_a_film():
    assert {one.chapter for one in play.PLAYED} == {path.name[:2] for path in course.sources()}
    assert [one["name"] for one in play.films()] == [one.name for one in play.PLAYED]
    assert {one["file"] for one in play.films()} == {path.name for path in play.FILMS.glob("*.webp")}
    assert sum(path.stat().st_size for path in play.FILMS.iterdir()) < 3_000_000


@pytest.mark.parametrize("film", play.films(), ids=lambda film: film["name"])
def test_a_film_has_its_states_below_each_other(film):
    asked = next(one for one in play.PLAYED if one.name == film["name"])
    assert [one["label"] for one in film["states"]] == [*asked.named]
    with Image.open(play.FILMS / film["file"]) as strip:
        assert strip.size == (film["width"], film["height"] * len(film["states"]))
        frames = np.asarray(strip.convert("L"), float).reshape(len(film["states"]), film["height"], film["width"])
    for one, other in pairwise(frames):
        assert np.abs(one - other).max() > 30  # a slider that moves shows something else
    figure = play.figure(film)
    assert json.loads(unescape(re.search('data-states="([^"]*)"', figure)[1])) == film["states"]
    assert figure in play.page()


def test_a_film_is_what_the_panel_shows(tmp_path, monkeypatch):
    monkeypatch.setattr(play, "FILMS", tmp_path)
    film = next(one for one in play.PLAYED if one.panel == "ClassActivation")
    assert play.made(film) in play.films()
    ours, theirs = (
        np.asarray(Image.open(folder / f"{film.name}.webp").convert("L"), float)
        for folder in (tmp_path, play.LIST.parent)
    )
    assert np.abs(ours - theirs).mean() < 1


def test_the_front_page_has_something_to_play_with():
    given = SimpleNamespace(file=SimpleNamespace(src_uri="index.md"))
    front = docs.on_page_markdown((sync.ROOT / "README.md").read_text(encoding="utf-8"), given, None, None)
    assert 'src="play/06-occlusion.webp"' in front
    assert "(play.md)" in front


def test_short_courses_add_up():
    page = (sync.ROOT / "docs" / "short-courses.md").read_text(encoding="utf-8")
    for mark, numbers in sync.SHORT_COURSES.items():
        table = page.partition(f"<!-- {mark} -->")[2].partition("<!-- /")[0]
        rows = [[int(one) for one in re.findall(r"\| \**(\d+)\**(?= \|)", row)] for row in table.splitlines()[3:]]
        *chapters, sums = rows
        assert len(chapters) == len(numbers.split())
        assert [sum(column) for column in zip(*chapters, strict=True)] == sums
        assert sum(sums[:3]) == sums[3]
