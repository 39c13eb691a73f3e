"""A network in training, in use: on the photograph, on what the camera sees, or in place of it one from a file."""

import io

import numpy as np
import pytest
from PIL import Image

import cnnviz_widgets as cnnviz
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.panels.fast_style import FROM_FILE, SIDE, TRAINED, FastStyle


@pytest.fixture
def make(network, photo):
    made = []

    def make_it(**settings):
        made.append(FastStyle(network, photo, **{"steps": 3, "size": 64, "style_size": 64, "batch": 1} | settings))
        return made[-1]

    yield make_it
    for one in made:
        one.close()


def jpeg(color):
    file = io.BytesIO()
    Image.new("RGB", (128, 96), color).save(file, "jpeg", quality=95)
    return file.getvalue()


def as_seen(color):
    """What the camera's frame is for the panel."""
    with Image.open(io.BytesIO(jpeg(color))) as frame:
        return cnnviz.load_image(np.asarray(frame), size=SIDE)


def panel_photo(panel):
    return cnnviz.load_image(panel.session.image, size=SIDE)


def shown(parts):
    return parts["painted"].picture


def receive(panel, color):
    panel._camera._receive(None, {"do": "frame"}, [jpeg(color)])


def execute(panel):
    """What the program on the Code button leaves."""
    *before, last = [line for line in panel.code().splitlines() if not line.startswith(("net =", "photo ="))]
    scope = {"cnnviz": cnnviz, "net": panel.session.network, "photo": panel.session.image}
    exec("\n".join(before), scope)
    return rgb(eval(last, scope).values)


def test_a_saved_style_is_opened_and_paints(make, tmp_path):
    path, panel = tmp_path / "mine.safetensors", make(strength=0.5).run()
    cnnviz.save_style(panel._reached(panel._now()), path)
    panel = make(strength=0.5)
    panel.file = str(path)
    assert panel.painter == FROM_FILE
    painted = shown(panel.paint(panel._now()).parts)
    np.testing.assert_array_equal(painted, rgb(cnnviz.load_style(path)(panel_photo(panel), 0.5).values))
    np.testing.assert_array_equal(painted, execute(panel))
    panel.file = ""
    assert panel.painter == TRAINED


@pytest.mark.parametrize(
    ("file", "sentence"), [("", "file must be the path of a saved style"), ("none.pth", "none.pth")]
)
def test_a_file_that_is_not_there_is_told(make, file, sentence):
    panel = make(file=file, painter=FROM_FILE)
    with pytest.raises(UserError, match=sentence):
        panel.paint(panel._now())


def test_the_camera_is_painted_by_the_network_in_training(make):
    """Every frame that is shown during the training is by the weights of that very step."""
    panel = make()
    panel._camera.state = "on"
    assert panel.source == "camera"
    frames, color = panel.compute(panel._now()), (200, 40, 40)
    next(frames)
    receive(panel, color)
    first = next(frames)
    assert first.step == 1
    network = cnnviz.load_style(panel._reached(panel._now()))
    np.testing.assert_array_equal(shown(first.parts), rgb(network(as_seen(color)).values))
    frames.close()


def test_after_the_training_the_camera_streams_by_whoever_is_chosen(make):
    panel = make()
    panel._camera.state = "on"
    frames = panel.compute(panel._now())
    while next(frames).step < 3:
        pass
    for painter, color in ((TRAINED, (30, 60, 200)), ("watercolor", (30, 200, 60))):
        panel.painter = painter
        receive(panel, color)
        source = panel._reached(panel._now()) if painter == TRAINED else painter
        painted = shown(next(one for one in frames if one.parts).parts)
        np.testing.assert_array_equal(painted, rgb(cnnviz.load_style(source)(as_seen(color)).values))
    panel._camera.state = "off"
    assert [*frames] == []
    assert panel.source == "photograph"
    painted = shown(panel.paint(panel._now()).parts)
    np.testing.assert_array_equal(painted, rgb(cnnviz.load_style("watercolor")(panel_photo(panel)).values))
