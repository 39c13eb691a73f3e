"""What every panel in the registry promises. Its own tests hold what is special about it.

Names of controls, colors and themes are looked at in a browser: see ``tests/browser``.
"""

import importlib
import io
import threading
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import torch
from ipywidgets.widgets import widget as widget_module
from least import least
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


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_opens_computes_says_its_program_resets_and_closes(kind, network, photo):
    left = used(kind, network, photo)
    if left != (0, 0):  # what is made once and kept is not made again
        left = used(kind, network, photo)
    assert left == (0, 0)


def used(kind: type, network: cnnviz.Network, photo: torch.Tensor) -> tuple[int, int]:
    """How many widgets and threads a panel has left behind that has kept its promises."""
    widgets, threads = len(widget_module._instances), threading.active_count()
    panel: Any = kind(network, photo, **least(kind.__name__))
    before = {name: getattr(panel, name) for name in panel._own_traits()}
    panel.run()
    assert panel.last_error is None
    drawn = Image.open(io.BytesIO(panel.snapshot()))
    assert drawn.width >= 320
    assert np.asarray(drawn.convert("L")).std() > 10
    assert_says_what_is_shown(panel)
    has_pictures_of_its_charts(panel)
    assert_its_program_gives_what_is_shown(panel, network, photo)
    for name, value in before.items():
        setattr(panel, name, another(panel, name, value))
    assert {name: getattr(panel, name) for name in before} != before or not before
    panel.shown = False
    panel.reset()
    assert {name: getattr(panel, name) for name in before} == before
    panel.close()
    panel.close()
    ending = time.monotonic() + 10  # s: workers that have been told to end
    while threading.active_count() > threads and time.monotonic() < ending:
        time.sleep(0.05)
    return len(widget_module._instances) - widgets, max(0, threading.active_count() - threads)


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
    shown = Pile(one for part in panel._parts.values() for one in numbers(content_of(part)))
    for result in results:
        shows_it = all(one in shown for one in numbers(result.content())) or any(one in shown for one in maps(result))
        assert shows_it, result


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


class Pile:
    """Maps and pictures: another is in it if it is equal to one of them, but for a scale.

    Panels may choose one for several pictures together.
    """

    def __init__(self, every: Iterable[np.ndarray]) -> None:
        of_shape: dict[tuple, list[np.ndarray]] = {}
        for one in every:
            of_shape.setdefault(one.shape, []).append(one.ravel().astype(np.float64))
        self._rows = {shape: np.stack(rows) for shape, rows in of_shape.items()}
        self._scaled = {shape: scaled(rows) for shape, rows in self._rows.items()}

    def __contains__(self, one: np.ndarray) -> bool:
        if one.shape not in self._rows:
            return False
        row = one.ravel().astype(np.float64)
        if (self._scaled[one.shape] @ scaled(row[None])[0] > 0.99).any():
            return True
        return any(np.allclose(row, other, rtol=1e-4, atol=1e-6, equal_nan=True) for other in self._rows[one.shape])


def scaled(rows: np.ndarray) -> np.ndarray:
    """Each with mean 0 and length 1, so that products are correlations; 0 where it is constant, or not finite."""
    with np.errstate(invalid="ignore", divide="ignore"):
        centered = rows - rows.mean(1, keepdims=True)
        unit = centered / np.linalg.norm(centered, axis=1, keepdims=True)
    return np.where(np.isfinite(unit).all(1, keepdims=True) & (rows.std(1, keepdims=True) > 0), unit, 0)
