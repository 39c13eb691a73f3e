"""The badge beside a sample that shows nothing of what the network knows, and the camera that all panels follow."""

import io
import threading

import pytest
from PIL import Image

from cnnviz_widgets.panels import Activations, Session
from cnnviz_widgets.panels.controls import PICKERS
from cnnviz_widgets.panels.controls.pickers import sample_of


@pytest.mark.parametrize(
    ("sample", "badge"),
    [
        ("goldfish", ""),
        ("goldfish_and_jellyfish", ""),
        ("coins", "not among its 50 classes"),
        ("astronaut", "not among its 50 classes"),
        ("stained_glass", "a style"),
    ],
)
def test_the_badge_of_a_sample(sample, badge):
    session = Session("mini", sample)
    picker = PICKERS["image"](session, lambda error: None)
    assert picker.children[-1].value == badge
    picker.close()


def test_the_badge_follows_picture_and_network(network, photo):
    session = Session("mini", "coins")
    picker = PICKERS["image"](session, lambda error: None)
    session.image = photo  # of the user's own: nobody knows what it shows
    assert picker.children[-1].value == ""
    session.image = "goldfish"
    session.network = network
    assert picker.children[-1].value == "not among its 4 classes"
    picker.close()


@pytest.fixture
def stream(network):
    """A session, two panels, the pictures it had when the camera was asked for the next one, and what sends one."""
    session = Session(network)
    panels = [Activations(session=session) for _ in range(2)]
    camera, asked = panels[0].controls["image"]._camera, []
    camera.answer = lambda: asked.append(session.image)

    def arrives(gray: int, **more: bool) -> None:
        file = io.BytesIO()
        Image.new("RGB", (32, 24), (gray, gray, gray)).save(file, "JPEG")
        head = {"do": "file", "name": "camera.jpg", "type": "image/jpeg", **more}
        camera._receive(camera, head, [file.getvalue()])

    yield session, panels, asked, arrives
    for panel in panels:
        panel.close()


def settled(asked: list) -> int:
    for thread in threading.enumerate():
        if thread.name == "cnnviz-at-rest":
            thread.join(20)
    return len(asked)


@pytest.fixture
def busy(stream):
    """Lets go of what looks like one more panel, at work."""
    at_rest = threading.Event()

    class Busy:
        def wait(self, timeout: float) -> bool:
            return at_rest.wait(timeout)

    panel = Busy()
    stream[0].panels.add(panel)
    yield at_rest.set
    at_rest.set()


def test_a_stream_of_the_camera_is_the_pictures_of_all_panels(stream):
    session, panels, asked, arrives = stream
    for count, gray in enumerate((0, 255), 1):
        arrives(gray, follows=True)
        assert settled(asked) == count  # the next one is asked for once a picture, and while the panels work
        assert all(panel.wait(0) for panel in panels)
        assert session.image.shape == asked[-1].shape == (3, 24, 32)
        assert session.image.mean() == gray / 255
    session.image = "goldfish"  # not of the camera
    assert settled(asked) == 2


def test_the_network_runs_once_for_both_views_of_a_picture(network, photo, monkeypatch):
    panel = Activations(network, photo).run()
    passes, forward = [], network.forward
    monkeypatch.setattr(network, "forward", lambda *given, **more: passes.append(given) or forward(*given, **more))
    panel.session.image = photo.flip(-1)
    panel.wait()
    assert len(passes) == 1
    panel.session.channel = 1
    panel.wait()
    assert len(passes) == 1
    panel.close()


def test_a_picture_of_a_stream_waits_for_panels_at_work(stream, busy):
    session, _, asked, arrives = stream
    before = session.image
    arrives(128, follows=True)
    assert session.image is before
    assert not asked  # one is on the way
    busy()
    assert settled(asked) == 1
    assert session.image.shape == asked[0].shape == (3, 24, 32)


def test_what_is_chosen_while_a_picture_of_a_stream_waits_stays(stream, busy):
    session, _, asked, arrives = stream
    arrives(128, follows=True)
    session.image = "goldfish"
    busy()
    assert settled(asked) == 1
    assert sample_of(session.image) == "goldfish"
    arrives(128, follows=True)  # the same once more
    assert settled(asked) == 2
    assert session.image.shape == (3, 24, 32)


def test_a_single_picture_of_the_camera_waits_for_nobody(stream, busy):
    session, _, asked, arrives = stream
    arrives(128)
    assert session.image.shape == (3, 24, 32)
    assert not asked
