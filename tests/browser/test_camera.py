"""The camera, on Chromium's fake device: frames one at a time, a picture, every state, and the end of the track."""

import numpy as np
import pytest

from cnnviz_widgets.pictures import load_image, source_of
from cnnviz_widgets.widgets.camera import Camera

TRUSTED = "http://localhost/camera"  # a browser gives the camera to https and localhost only
TRACK = "document.querySelector('video').srcObject?.getTracks()[0]"


@pytest.fixture
def stream(on_page):
    camera = Camera(live=True, size=128)
    page = on_page(camera, address=TRUSTED)
    page.page.get_by_role("button", name="Start camera").click()
    page.until(lambda: camera._frame is not None)
    return page, camera


def sent(page, kind):
    return [message for message in page.heard if message["do"] == kind]


def next_frame(page, camera):
    page.until(lambda: camera._frame is not None)
    return camera.take(0)


def test_one_frame_at_a_time_and_it_is_a_new_one(stream):
    page, camera = stream
    page.page.wait_for_timeout(300)
    assert len(sent(page, "frame")) == 1  # nobody has taken it
    frames = [next_frame(page, camera) for _ in range(5)]
    assert {one.shape for one in frames} == {(96, 128, 3)}
    assert any(not np.array_equal(one, frames[0]) for one in frames[1:])
    page.until(lambda: len(sent(page, "frame")) == 6)
    page.page.wait_for_timeout(300)
    assert len(sent(page, "frame")) == 6
    assert "frames a second" in page.page.locator(".cnnviz-camera").inner_text()
    assert camera.take(0) is not None
    assert camera.take(0.01) is None


def test_stop_ends_the_track(stream):
    page, camera = stream
    page.page.evaluate(f"window.track = {TRACK}")
    page.page.get_by_role("button", name="Stop camera").click()
    page.until(lambda: camera.state == "off")
    assert page.page.evaluate("track.readyState") == "ended"
    camera.take(0)
    page.deliver()
    page.page.wait_for_timeout(200)
    assert len(sent(page, "frame")) == 1


def test_the_track_ends_with_the_view(stream):
    page, _ = stream
    page.page.evaluate(f"window.track = {TRACK}")
    assert page.page.evaluate("track.readyState") == "live"
    page.page.evaluate("close()")
    assert page.page.evaluate("track.readyState") == "ended"


def test_no_frames_while_it_is_out_of_sight(stream):
    page, camera = stream
    page.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<div style=height:4000px></div>')")
    page.page.mouse.wheel(0, 3000)
    page.until(lambda: camera.state == "hidden")
    camera.take(0)
    page.deliver()
    page.page.wait_for_timeout(300)
    assert len(sent(page, "frame")) == 1
    page.page.mouse.wheel(0, -3000)
    page.until(lambda: camera.state == "on" and len(sent(page, "frame")) == 2)


def test_a_stream_goes_on_while_a_follower_is_in_sight(on_page):
    camera = Camera(streams=True, followers="follower")
    page = on_page(camera, address=TRUSTED)
    page.page.evaluate("""document.body.insertAdjacentHTML('beforeend', `
        <div style="height: 4000px"></div><div class="follower">Here</div><div style="height: 4000px"></div>`)""")
    page.page.get_by_role("button", name="Camera").click()
    live = page.page.get_by_role("button", name="Live")
    page.until(live.is_enabled)
    live.click()

    def comes() -> bool:
        camera.value = ()
        camera.answer()
        return page.until(lambda: camera.value)

    assert comes()
    page.page.get_by_text("Here").scroll_into_view_if_needed()
    page.until(lambda: camera.state == "on")
    page.page.wait_for_timeout(300)
    assert camera.state == "on"
    assert comes()
    page.page.mouse.wheel(0, 3000)
    page.until(lambda: camera.state == "hidden")
    page.page.mouse.wheel(0, -3000)
    page.until(lambda: camera.state == "on")
    assert comes()


def test_a_picture_is_taken_as_a_file_is(on_page):
    camera = Camera(size=256)
    page = on_page(camera, address=TRUSTED)
    page.page.get_by_role("button", name="Camera").click()
    assert not page.page.get_by_role("button", name="Live").is_visible()  # only where all may follow it
    take = page.page.get_by_role("button", name="Take picture")
    page.until(take.is_enabled)
    page.page.evaluate(f"window.track = {TRACK}")
    take.click()
    page.until(lambda: camera.value)
    picture = load_image(camera.value)
    assert picture.shape == (3, 192, 256)
    assert source_of(picture) == 'cnnviz.load_image("camera.jpg")'
    assert "value" not in camera.get_state()
    assert not page.page.locator("dialog").is_visible()
    assert page.page.evaluate("track.readyState") == "ended"


def test_pictures_one_after_the_other_until_its_button_is_pressed_again(on_page):
    camera = Camera(size=256, streams=True)
    page = on_page(camera, address=TRUSTED)
    page.page.get_by_role("button", name="Camera").click()
    live = page.page.get_by_role("button", name="Live")
    page.until(live.is_enabled)
    page.page.evaluate(f"window.track = {TRACK}")
    live.click()
    page.until(lambda: camera.value)
    assert not page.page.locator("dialog").is_visible()
    pictures = []
    for number in range(1, 5):
        page.until(lambda: camera.value)
        page.page.wait_for_timeout(150)
        assert len(sent(page, "file")) == number  # the next one is not sent before this one is answered
        pictures.append(load_image(camera.value))
        camera.value = ()
        camera.answer()
    assert {one.shape for one in pictures} == {(3, 168, 224)}
    assert any(not np.array_equal(one, pictures[0]) for one in pictures[1:])
    assert "frames a second" in page.page.locator(".cnnviz-camera").inner_text()
    page.page.get_by_role("button", name="Stop camera").click()
    page.until(lambda: camera.state == "off")
    assert page.page.evaluate("track.readyState") == "ended"
    count = len(sent(page, "file"))
    camera.answer()
    page.deliver()
    page.page.wait_for_timeout(200)
    assert len(sent(page, "file")) == count
    assert "frames a second" not in page.page.locator(".cnnviz-camera").inner_text()


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize(
    ("error", "state", "words"),
    [
        ("NotAllowedError", "refused", "was refused"),
        ("NotFoundError", "missing", "No camera was found"),
        ("NotReadableError", "busy", "used by another program"),
        ("AbortError", "failed", "does not start"),
    ],
)
def test_why_there_is_no_stream_is_said(on_page, live, error, state, words):
    camera = Camera(live=live)
    page = on_page(camera, address=TRUSTED)
    page.page.evaluate(
        f"void (navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('no', '{error}'); }})"
    )
    page.page.get_by_role("button", name="Start camera" if live else "Camera").click()
    page.until(lambda: camera.state == state)
    assert words in page.page.get_by_role("status").filter(has_text=words).inner_text()
    assert "asked" in [message["state"] for message in sent(page, "state")]


def test_a_page_that_is_not_secure_gets_no_camera(on_page):
    camera = Camera(live=True)
    page = on_page(camera)
    page.page.get_by_role("button", name="Start camera").click()
    page.until(lambda: camera.state == "insecure")
    page.page.get_by_text("only to pages on https or on localhost").wait_for()
