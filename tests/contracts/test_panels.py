"""What every panel in the registry promises. Its own tests hold what is special about it.

Names of controls, colors and themes are looked at in a browser: see ``tests/browser``.
"""

import importlib
import io
import threading
import time
from typing import Any

import numpy as np
import pytest
import torch
from ipywidgets.widgets import widget as widget_module
from PIL import Image
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets import registry
from cnnviz_widgets.described import describe
from cnnviz_widgets.drawing.render import alt_of
from cnnviz_widgets.drawing.results import Result
from cnnviz_widgets.widgets.chart import ChartView
from cnnviz_widgets.widgets.image_view import ImageView
from cnnviz_widgets.widgets.tree import tree

KINDS = [getattr(importlib.import_module(one.module), one.name) for one in registry.panels()]
SIDE = 48
FEW = {"steps": 5, "epochs": 1, "generations": 5, "pictures": 4, "trials": 1}  # of what has them

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def network() -> cnnviz.Network:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 5, 2, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 12, 3, 1, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 4),
    )  # fmt: skip
    return cnnviz.Network(module, input_size=SIDE, classes=["cat", "dog", "bird", "fish"], name="tiny")


@pytest.fixture(scope="module")
def photo() -> torch.Tensor:
    return cnnviz.load_image("chelsea", size=(SIDE, SIDE))


def opened(kind: type, network: cnnviz.Network, photo: torch.Tensor) -> Any:
    return kind(network, photo, **{name: value for name, value in FEW.items() if name in kind._own_traits()})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_opens_computes_says_its_program_resets_and_closes(kind, network, photo):
    first = opened(kind, network, photo).run()  # its program makes, too, what is made once and kept
    assert_its_program_gives_what_is_shown(first, network, photo)
    first.close()
    widgets, threads = len(widget_module._instances), threading.active_count()
    panel = opened(kind, network, photo)
    before = {name: getattr(panel, name) for name in panel._own_traits()}
    panel.run()
    assert panel.last_error is None
    drawn = Image.open(io.BytesIO(panel.snapshot()))
    assert drawn.width >= 320
    assert np.asarray(drawn.convert("L")).std() > 10
    assert_says_what_is_shown(panel)
    has_pictures_of_its_charts(panel)
    for name, value in before.items():
        setattr(panel, name, another(panel, name, value))
    assert {name: getattr(panel, name) for name in before} != before or not before
    panel.shown = False
    panel.reset()
    assert {name: getattr(panel, name) for name in before} == before
    panel.close()
    panel.close()
    assert len(widget_module._instances) == widgets
    ending = time.monotonic() + 10  # s: workers that have been told to end
    while threading.active_count() > threads and time.monotonic() < ending:
        time.sleep(0.05)
    assert threading.active_count() <= threads


def assert_says_what_is_shown(panel: Any) -> None:
    """Every canvas, and of the picture for who has no kernel every part."""
    for view in (one for one in tree(panel) if isinstance(one, ImageView) and one.content.count):
        assert view._scene["alt"] == describe(view.content)
    assert panel.alt.startswith(f"{panel.title}. ")
    for part in panel._parts.values():
        picture = part.snapshot() if hasattr(part, "snapshot") else None
        if picture is not None and getattr(part, "widget", part).layout.display != "none":
            told = alt_of(picture)
            assert told in panel.alt
            assert len(told.removeprefix(f"{part.heading}: ")) > 8, told


def has_pictures_of_its_charts(panel: Any) -> None:
    """What a front end asks for that cannot load bqplot: nothing of bqplot's stands beside a chart."""
    charts = [one for one in tree(panel) if isinstance(one, ChartView)]
    inside = {one.model_id for chart in charts for one in tree(chart)}
    assert {one.model_id for one in tree(panel) if one._model_module in ("bqplot", "bqscales")} <= inside
    for chart in charts:
        if chart._chart is not None:  # it has been drawn
            chart._receive(chart, {"do": "still"}, None)
            assert np.asarray(Image.open(io.BytesIO(chart._still)).convert("L")).std() > 2


def another(panel: Any, name: str, value: Any) -> Any:
    """Another value that the trait takes, or the same where none is known."""
    trait = panel.traits()[name]
    if isinstance(value, bool):
        return not value
    if words := [one for one in getattr(trait, "values", ()) if one != value]:
        return words[0]
    if isinstance(value, int | float) and getattr(trait, "min", None) is not None:
        return trait.min if value != trait.min else min(trait.max, value + 1)
    return value


def assert_its_program_gives_what_is_shown(panel: Any, network: cnnviz.Network, photo: torch.Tensor) -> None:
    """That of its Code button."""
    displayed: list[Any] = []
    scope: dict[str, Any] = {"display": lambda *several: displayed.extend(several)}
    lines = panel.code().splitlines()
    for name, value in {"net": network, "photo": photo}.items():
        at = next(number for number, line in enumerate(lines) if line.startswith(f"{name} ="))
        lines[at], scope[f"given_{name}"] = f"{name} = given_{name}", value
    *program, last = lines
    exec("\n".join([*program, f"_ = {last}"]), scope)
    if scope["_"] is not None:
        displayed.append(scope["_"])
    assert displayed
    # A picture that was drawn is as good as the results from which the program drew it.
    pictures = [one for one in displayed if isinstance(one, Image.Image)]
    computed = [getattr(one, "result", one) for one in (scope.values() if pictures else displayed)]
    results = [one for one in computed if isinstance(one, Result)]
    assert results
    shown = [one for part in panel._parts.values() for one in numbers(content_of(part))]
    for result in results:
        assert all(any(alike(one, ours) for ours in shown) for one in numbers(result.content())) or any(
            alike(one, ours) for one in maps(result) for ours in shown
        ), result


def content_of(part: Any) -> Any:
    view = getattr(part, "image", part)
    return getattr(view, "content", None)


def numbers(content: Any) -> list[np.ndarray]:
    """Every map and every picture of a content by itself."""
    if content is None:
        return []
    found = []
    if content.values is not None:
        values = np.asarray(content.values, np.float64)
        found += list(values.reshape(-1, *values.shape[-2:]))
    elif content.picture is not None:
        picture = np.asarray(content.picture)
        found += list(picture.reshape(-1, *picture.shape[-3:]))
    return found


def maps(result: Result) -> list[np.ndarray]:
    """The result as one map, which a panel may show in place of its colors: the sum of them, or the greatest size."""
    values = np.asarray(result.values, np.float64)
    return [values.sum(-3), np.abs(values).max(-3)] if values.ndim == 3 else [values]


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal but for a scale, which panels may choose for several pictures together."""
    if one.shape != other.shape:
        return False
    one, other = one.ravel().astype(np.float64), other.ravel().astype(np.float64)
    if np.allclose(one, other, rtol=1e-4, atol=1e-6, equal_nan=True):
        return True
    return bool(one.std() and other.std() and np.corrcoef(one, other)[0, 1] > 0.99)
