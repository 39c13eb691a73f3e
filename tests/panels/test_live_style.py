"""The painted camera: frame by frame, by the style of that moment; a clip where there is no camera."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

import cnnviz_widgets as cnnviz
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.panels.live_style import CLIP, LiveStyle


@pytest.fixture
def panel(network, photo):
    made = LiveStyle(network, photo, size=96)
    yield made
    made.close()


def picture(parts):
    return parts["painted"].picture


def painted(photo, style="stained_glass", strength=1.0):
    return rgb(cnnviz.load_style(style)(photo, strength).values)


def jpeg(color):
    file = io.BytesIO()
    Image.new("RGB", (128, 96), color).save(file, "jpeg", quality=95)
    return file.getvalue()


def receive(panel, color):
    panel._camera._receive(None, {"do": "frame"}, [jpeg(color)])


@pytest.fixture
def streaming(panel):
    """The panel, and its frames while the camera is on."""
    panel._camera.state = "on"
    frames = panel.compute(panel._now())
    yield panel, frames
    frames.close()


def next_painted(panel, frames, color):
    receive(panel, color)
    return next(picture(frame.parts) for frame in frames if frame.parts)


def test_the_clip_ends_with_the_photograph_itself(panel, photo):
    frames = [*panel.compute(panel._now())]
    assert [(frame.step, frame.total) for frame in frames] == [(step, CLIP) for step in range(1, CLIP + 1)]
    assert not np.array_equal(picture(frames[0].parts), picture(frames[CLIP // 2].parts))
    assert np.array_equal(picture(frames[-1].parts), painted(cnnviz.load_image(photo, size=96)))
    assert "frames a second" in frames[-1].parts["painted"].caption


def test_a_gray_photograph_is_painted_in_colors(network):
    panel = LiveStyle(network, torch.rand(1, 48, 48), size=96).run()
    assert panel.last_error is None
    assert np.ptp(panel._parts["painted"].image.content.picture.astype(int), axis=-1).max() > 20
    panel.close()


def test_the_camera_is_painted_frame_by_frame(streaming):
    panel, frames = streaming
    assert panel.source == "camera"
    for color in ((200, 40, 40), (40, 60, 200)):
        seen = next_painted(panel, frames, color)
        with Image.open(io.BytesIO(jpeg(color))) as sent:
            assert np.array_equal(seen, painted(cnnviz.load_image(np.asarray(sent), size=96)))


def test_style_and_strength_change_without_a_stop(streaming):
    panel, frames = streaming
    gray = (128, 128, 128)
    first = next_painted(panel, frames, gray)
    panel.style = "watercolor"
    second = next_painted(panel, frames, gray)
    assert np.abs(first.astype(int) - second).mean() > 5
    panel.strength = 0
    assert np.ptp(next_painted(panel, frames, gray)) <= 2  # the frame itself


def test_the_stream_ends_with_the_camera(streaming):
    panel, frames = streaming
    next_painted(panel, frames, (10, 20, 30))
    panel._camera.state = "hidden"
    assert next(frames).parts == {}  # it waits
    panel._camera.state = "off"
    assert [*frames] == []
    assert panel.source == "clip"


def test_the_picture_that_stays_takes_another_style(panel, photo):
    panel.run()
    panel.style, panel.strength = "watercolor", 0.5
    parts = panel.paint(panel._now()).parts
    assert np.array_equal(picture(parts), painted(cnnviz.load_image(photo, size=96), "watercolor", 0.5))


def test_frames_are_asked_for_as_large_as_they_are_painted(panel):
    assert panel._camera.size == 128
    panel.size = 384
    assert panel._camera.size == 512


def test_code_paints_the_photograph(panel, photo):
    panel.strength = 0.5
    lines = [line for line in panel.code().splitlines() if not line.startswith(("net =", "photo ="))]
    scope = {"photo": photo, "cnnviz": cnnviz}
    *before, last = lines
    exec("\n".join(before), scope)
    result = eval(last, scope)
    assert np.array_equal(rgb(result.values), painted(cnnviz.load_image(photo, size=96), strength=0.5))
