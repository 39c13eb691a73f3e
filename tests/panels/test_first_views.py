"""A panel opens where there is something to see, and what was asked for is never changed."""

import pytest

import cnnviz_widgets as cnnviz
from cnnviz_widgets import panels
from cnnviz_widgets.drawing.render import falls_below
from cnnviz_widgets.methods.evaluation.sanity_check import stages
from cnnviz_widgets.panels import Session


def test_activations_open_at_a_middle_layer_with_its_strongest_channel():
    panel = panels.Activations("mini", "chelsea").run()
    session = panel.session
    layers = [layer.name for layer in session.network.layers if layer.spatial]
    assert 0 < layers.index(session.layer) < len(layers) - 1
    assert session.network.layer(session.layer).kind == "ReLU"
    maps = cnnviz.activations(session.network, session.image, session.layer)
    assert session.channel == int(maps.order("strength")[0])
    chosen = session.layer, session.channel
    panel.session.layer = layers[0]
    panel.reset()
    assert (session.layer, session.channel) == chosen
    panel.close()


@pytest.mark.parametrize("settings", [{"layer": "0"}, {"channel": 3}, {"layer": "3", "channel": 0}])
def test_activations_open_where_they_are_told_to(network, photo, settings):
    panel = panels.Activations(network, photo, **settings)
    assert {name: getattr(panel.session, name) for name in settings} == settings
    panel.close()


def test_activations_leave_a_shared_session_alone(network, photo):
    session = Session(network, photo)
    panel = panels.Activations(session=session)
    assert (session.layer, session.channel) == (network.default_layer.name, 0)
    panel.close()


def test_activations_open_in_a_lab_as_alone_unless_somebody_has_chosen():
    alone = panels.Activations("mini", "chelsea").session
    lab = cnnviz.lab("mini", "chelsea")
    lab.open("Activations")
    assert (lab.session.layer, lab.session.channel) == (alone.layer, alone.channel)
    lab.open("ClassActivation")  # for which the last layer is the best
    assert lab.session.layer == lab.session.network.default_layer.name
    lab.close()
    lab = cnnviz.lab("mini", "chelsea")
    lab.session.layer = "conv2"
    lab.open("Activations")
    assert (lab.session.layer, lab.session.channel) == ("conv2", 0)
    lab.close()


def test_controls_that_need_a_row_of_their_own_come_last(network, photo):
    """Class activation has two rows of controls in sight, and no third one."""
    panel = panels.ClassActivation(network, photo)
    sight = panel.children[1].children
    assert list(sight) == [panel.controls[name] for name in ("image", "target", "method", "walk")]
    assert ["cnnviz-wide" in one._dom_classes for one in sight] == [False, False, False, True]
    panel.close()


def test_the_grid_and_the_large_map_have_one_zero(network, photo):
    """Also where the chosen channel has nothing below 0, and others have."""
    panel = panels.Activations(network, photo, layer="3", order="strength").run()
    maps = cnnviz.activations(network, photo, "3")
    assert falls_below(maps.values)
    panel.session.channel = int(maps.values.amin((1, 2)).argmax())
    assert panel.wait(10)
    assert panel._parts["grid"].image.content.signed
    assert panel._parts["large"].image.content.signed
    panel.close()


def test_a_sanity_check_opens_where_half_of_the_layers_are_random(network, photo):
    panel = panels.Sanity(network, photo, methods=["saliency"])
    assert panel.step == 2
    assert len(stages(network)) == 3
    panel.run()
    assert panel._parts["large"].image.content.caption == "randomized: 7, 3"
    panel.step = 0
    panel.reset()
    assert panel.step == 2
    panel.close()
    told = panels.Sanity(network, photo, step=0)
    assert told.step == 0
    told.close()


def test_gradients_show_the_picture(network, photo):
    panel = panels.Gradients(network, photo).run()
    assert panel._parts["photo"].image.content.size == (48, 48)
    panel.close()
