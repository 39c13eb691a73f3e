"""One batch, a picture for each layer, above and below."""

import numpy as np
import pytest

import cnnviz_widgets as cnnviz
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.methods.texture._view import style_layers
from cnnviz_widgets.panels.reconstructions import Reconstructions


@pytest.fixture
def panel(network, photo):
    made = Reconstructions(network, photo, size=48, steps=4)
    yield made
    made.close()


def table(panel):
    return panel._parts["made"].image.content


def test_pictures_are_those_of_the_method_under_the_names_of_their_layers(panel, network, photo):
    panel.run()
    names = [*style_layers(network, None)]
    painting = cnnviz.load_image("swirling_strokes", channels=len(photo))
    state = cnnviz.last(cnnviz.reconstructions(network, photo, painting, size=48, steps=4), progress=False)
    np.testing.assert_array_equal(table(panel).picture, rgb(state.values))
    assert table(panel).columns == len(names)
    assert table(panel).names[: len(names)] == tuple(f"content: {name}" for name in names)
    assert table(panel).names[len(names)] == f"style: {names[0]}"
    assert table(panel).names[-1] == f"style: {names[0]}–{names[-1]}"


def test_all_of_it_streams(panel):
    frames = [*panel.compute(panel._now())]
    assert [(frame.step, frame.total) for frame in frames] == [(step, 4) for step in range(1, 5)]
    first, last = (frame.parts["made"](None).picture for frame in (frames[0], frames[-1]))
    assert all(np.abs(one.astype(int) - other).max() > 0 for one, other in zip(first, last, strict=True))


def test_the_program_makes_what_is_shown_also_in_another_size(panel, network, photo):
    panel.color, panel.size = 0.0, 64
    panel.run()
    assert table(panel).picture.shape[1:3] == (64, 64)
    *before, last = [line for line in panel.code().splitlines() if not line.startswith(("net =", "photo ="))]
    assert any("color=0" in line and "size=64" in line for line in before)
    scope = {"net": network, "photo": photo}
    exec("\n".join(before), scope)
    np.testing.assert_array_equal(table(panel).picture, rgb(eval(last, scope).values))
