"""The widgets' JavaScript, run by node: its own tests, and its equality with the Python that draws static pictures."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from javascript import node

from cnnviz_widgets import colormaps
from cnnviz_widgets.drawing import render
from cnnviz_widgets.drawing.render import Content

HERE = Path(__file__).parent


def encode(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()


@pytest.mark.parametrize("path", sorted(HERE.glob("*.test.mjs")), ids=lambda path: path.name)
def test_its_own_tests(path: Path) -> None:
    node("--test", path.name)


def test_colors_and_layout_are_those_of_python() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 20, 30)).astype(np.float32)
    values[0, 0, :3] = np.nan, np.inf, -np.inf
    low, high = [-1.0, -2.0, 0.5], [1.0, 3.0, 0.5]
    contents = [Content(values=np.zeros((n, h, w))) for n, h, w in [(1, 13, 13), (10, 13, 13), (512, 7, 7), (3, 50, 9)]]
    contents += [Content(np.zeros(shape, np.uint8)) for shape in [(224, 224, 3), (64, 7, 7, 3), (5, 300, 100, 3)]]
    contents += [Content(values=np.zeros((12, 5, 5)), columns=3)]
    boxes = [256, 448, 640, 881]
    given = {
        "values": encode(values),
        "size": [20, 30],
        "count": 3,
        "low": low,
        "high": high,
        "table": encode(colormaps.table("viridis")),
        "boxes": boxes,
        "scenes": [
            {"count": c.count, "size": c.size, "columns": c.columns, "picture": c.picture is not None} for c in contents
        ],
    }
    drawn = json.loads(node("colors.mjs", given=json.dumps(given)))
    colors = np.frombuffer(base64.b64decode(drawn["colors"]), np.uint8).reshape(3, 20, 30, 4)
    ours = render.color(values, "viridis", low, high)
    opaque = ours[..., 3] > 0
    np.testing.assert_array_equal(colors[..., 3], ours[..., 3])
    np.testing.assert_array_equal(colors[opaque], ours[opaque])
    for content, layouts in zip(contents, drawn["layouts"], strict=True):
        assert [tuple(one) for one in layouts] == [tuple(render.layout(content, box)) for box in boxes]
