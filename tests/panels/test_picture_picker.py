"""The badge beside a sample that shows nothing of what the network knows."""

import pytest

from cnnviz_widgets.panels import Session
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
