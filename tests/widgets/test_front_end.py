"""All JavaScript and CSS travels once, and every widget finds its own half in it."""

import base64
import gzip
import json

import ipywidgets
import numpy as np
import pytest
from comm.base_comm import BaseComm
from javascript import node

from cnnviz_widgets import colormaps, widgets
from cnnviz_widgets.widgets import actions, upload  # noqa: F401, not in the package's own names
from cnnviz_widgets.widgets.front_end import HERE, BrowserWidget, FrontEnd, files
from cnnviz_widgets.widgets.tree import close_tree, tree


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes of every message that goes to a browser from now on."""
    sizes = []

    def count(_, msg_type, data=None, metadata=None, buffers=None, **__):
        sizes.append(len(json.dumps(data or {})) + sum(memoryview(one).nbytes for one in buffers or ()))

    monkeypatch.setattr("comm.DummyComm.publish_msg", count, raising=False)
    assert issubclass(type(ipywidgets.Layout().comm), BaseComm)
    sizes.clear()
    return sizes


def test_the_files_travel_once_and_a_widget_is_small(sent: list[int]) -> None:
    FrontEnd.one().close()
    sent.clear()
    first = widgets.ImageView()
    once = sum(sent)
    second = widgets.ImageView()
    assert once < 74_000
    assert sum(sent) - once < 8_000
    assert first._front_end is second._front_end
    close_tree(first, second)


def test_what_travels_is_the_program_that_is_written() -> None:
    pairs = [
        ((HERE / name).read_text(encoding="utf-8"), text) for name, text in files().items() if name.endswith(".js")
    ]
    assert node("--expose-internals", "same_programs.cjs", given=json.dumps(pairs)) == "true"
    assert sum(len(short) for _, short in pairs) < 0.8 * sum(len(written) for written, _ in pairs)


@pytest.mark.parametrize(
    ("own", "most"),
    [
        (("convolution_view.js", "convolution_view.css", "js/convolution.js"), 25_000),
        (("scatter.js", "scatter.css"), 20_000),
    ],
)
def test_a_widget_is_no_larger_than_it_has_to_be(own: tuple[str, ...], most: int) -> None:
    assert sum(len(files()[name].encode()) for name in own) <= most


def test_it_outlives_its_widgets_and_comes_again_when_all_were_closed() -> None:
    view = widgets.ImageView()
    front = view._front_end
    assert front not in tree(view)
    close_tree(view)
    assert FrontEnd.one() is front
    front.close()
    assert FrontEnd.one() is not front


def test_the_data_are_the_files_and_the_color_tables() -> None:
    held = json.loads(gzip.decompress(FrontEnd.one().data))
    assert held["files"] == files()
    for name in (*colormaps.COLORMAPS, "levels"):
        assert base64.b64decode(held["tables"][name]) == np.ascontiguousarray(colormaps.table(name)).tobytes()


def test_every_widget_names_a_module_that_is_there() -> None:
    kinds = {kind for kind in BrowserWidget.__subclasses__() if kind.__module__.startswith("cnnviz_widgets")}
    assert len(kinds) >= 8
    assert {kind.module for kind in kinds} <= set(files())


def test_unknown_settings_are_named() -> None:
    with pytest.raises(TypeError, match=r"^ImageView has no colors\.$"):
        widgets.ImageView(colors="gray")
