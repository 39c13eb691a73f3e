"""The badge beside a sample that shows nothing of what the network knows, and the camera that all panels follow."""

import io
import threading

import pytest
from PIL import Image

from cnnviz_widgets.panels import Activations, Session
from cnnviz_widgets.panels.controls import PICKERS


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


def test_a_stream_of_the_camera_is_the_pictures_of_all_panels_and_waits_for_them(network):
    """What is on the way is one picture: the next is asked for when the panels are at rest, and once a picture."""
    session = Session(network)
    panels = [Activations(session=session) for _ in range(2)]
    camera, asked = panels[0].controls["image"]._camera, []
    camera.answer = lambda: asked.append(session.image)

    def arrives(gray: int) -> None:
        file = io.BytesIO()
        Image.new("RGB", (32, 24), (gray, gray, gray)).save(file, "JPEG")
        camera._receive(camera, {"do": "file", "name": "camera.jpg", "type": "image/jpeg"}, [file.getvalue()])

    def settled() -> int:
        for thread in threading.enumerate():
            if thread.name == "cnnviz-at-rest":
                thread.join(20)
        return len(asked)

    for count, gray in enumerate((0, 255), 1):
        arrives(gray)
        assert settled() == count
        assert all(panel.wait(0) for panel in panels)
        assert session.image.shape == (3, 24, 32)
        assert session.image.mean() == gray / 255
    session.image = "goldfish"  # not of the camera
    assert settled() == 2

    at_rest = threading.Event()

    class Busy:
        def wait(self, timeout: float) -> bool:
            return at_rest.wait(timeout)

    busy = Busy()
    session.panels.add(busy)
    arrives(128)
    assert len(asked) == 2
    at_rest.set()
    assert settled() == 3
    for panel in panels:
        panel.close()
