"""A session keeps what fits together, and tells all panels at once."""

import pytest
import torch
from torch import nn

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels import Session
from cnnviz_widgets.pictures import samples


@pytest.fixture
def session(network, photo) -> Session:
    return Session(network, photo)


def test_starts_at_the_default_layer(session, network):
    assert session.layer == network.default_layer.name
    assert (session.target, session.channel, session.position) == (None, 0, None)


def test_takes_a_class_by_name_or_number(session):
    session.target = "bird"
    assert session.target == 2
    session.target = 3
    assert session.target == 3
    session.target = None
    assert session.target is None


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("target", "horse", "horse"),
        ("target", 4, "4"),
        ("layer", "conv9", "conv9"),
        ("channel", 12, "0 … 11"),
        ("position", (12, 0), "position"),
        ("image", torch.full((3, 8, 8), float("nan")), "image|source"),
        ("network", 3, "network"),
        ("network", Network(nn.Conv2d(1, 2, 3), input_size=16, name="broken"), "broken"),
        ("position", 5, "position"),
        ("dataset", "no/such/folder", "no/such/folder"),
        ("position", (1.5, 2), "position"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(session, name, value, says):
    before = {n: getattr(session, n) for n in session.trait_names()}
    with pytest.raises(UserError, match=says):
        setattr(session, name, value)
    assert all(getattr(session, n) is v for n, v in before.items())


def test_a_dataset_is_anything_that_load_dataset_takes(network, photo):
    session = Session(network, photo, dataset=[photo, "coffee"])
    assert [name for _, name in session.dataset] == ["picture 0", "coffee"]
    session.dataset = samples()
    assert session.dataset.source == "cnnviz.load_dataset(cnnviz.samples())"
    session.dataset = None
    assert session.dataset is None


def test_a_new_layer_keeps_the_channel_where_it_can(session):
    session.channel = 5
    session.layer = "0"
    assert session.channel == 5
    session.layer = "3"
    session.channel = 11
    session.position = (2, 3)
    session.layer = "0"
    assert (session.channel, session.position) == (0, None)


def test_a_new_network_is_never_seen_with_the_old_layer(session):
    other = Network(nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU()), input_size=16, output=lambda y: y.mean((2, 3)))
    session.channel = 11
    seen = []

    def look(change):
        layer = session.network.layer(session.layer)
        seen.append(session.channel < layer.channels)

    session.observe(look, ["network", "layer", "channel", "target", "position"])
    session.network = other
    assert session.layer == other.default_layer.name
    assert seen
    assert all(seen)


def test_unknown_names_are_refused(network, photo):
    with pytest.raises(UserError, match="chanel"):
        Session(network, photo, chanel=3)


def test_settings_may_be_given_in_any_order(network, photo):
    session = Session(network, photo, position=(3, 4), channel=7, layer="0")
    assert (session.layer, session.channel, session.position) == ("0", 7, (3, 4))
