"""Several classes at a layer, and the layer's most important channels."""

import numpy as np
import pytest
import torch
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets import panels
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels.class_activation import METHODS


@pytest.fixture
def panel(network, photo):
    panel = panels.ClassActivation(network, photo)
    yield panel
    panel.close()


def content(panel, part="maps"):
    return panel._parts[part].image.content


def control(panel, description):
    return next(one for one in panel.controls.values() if getattr(one, "description", "") == description)


@pytest.mark.parametrize("method", METHODS)
def test_a_map_is_what_its_method_returns(panel, network, photo, method):
    panel.method = method
    panel.run()
    top = network.predict(photo, 4)
    assert content(panel).names == tuple(f"{one.name} · {one.probability:.1%}" for one in top)
    for tile, one in enumerate(top):
        expected = getattr(cnnviz, method)(network, photo, one.index, panel.session.layer).values
        np.testing.assert_allclose(content(panel).values[tile], expected, rtol=1e-5, atol=1e-9)


def test_the_options_reach_the_method(panel, network, photo):
    panel.relu, panel.counterfactual, panel.upsampled = False, True, False
    panel.session.layer = "1"
    panel.run()
    top = network.predict(photo, 1)[0].index
    expected = cnnviz.grad_cam(network, photo, top, "1", relu=False, counterfactual=True, upsample=False)
    shown = content(panel)
    np.testing.assert_array_equal(shown.values[0], expected.values)
    assert shown.extent == expected.extent
    assert panel._parts["maps"].image.colormap == "coolwarm"
    assert shown.low[0] == -shown.high[0]
    panel.relu = True
    panel.wait(10)
    assert panel._parts["maps"].image.colormap == "inferno"


def test_the_chosen_class_comes_first_and_chosen_classes_alone(panel, network):
    panel.run()
    least = network.predict(panel.session.image, 4)[-1]
    panel.session.target = least.name
    panel.wait(10)
    assert content(panel).names[0].startswith(least.name)
    assert content(panel).count == 4
    panel.classes = ["bird", 1]
    panel.wait(10)
    assert [name.split()[0] for name in content(panel).names] == ["bird", "dog"]
    assert panel.classes == (2, 1)


def test_classes_are_typed_taken_away_and_explained(panel):
    field = control(panel, "Classes")
    field.names = ("bir",)
    assert (panel.classes, field.names) == ((2,), ("bird",))
    field.names = ("bird", "unicorn")
    assert "unicorn" in panel._bar.error
    assert (panel.classes, field.names) == ((2,), ("bird",))
    field.names = ()
    assert (panel.classes, panel._bar.error) == ((), "")
    panel.classes = ["cat", "dog", "bird", "fish", 0, 1]
    assert panel.classes == (0, 1, 2, 3)  # each once


def test_no_more_than_four_classes(photo):
    module = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(UserError, match="classes must be at most 4 classes, not 5"):
        panels.ClassActivation(Network(module, input_size=16), photo, classes=range(5))


def test_another_network_has_other_classes(panel):
    panel.classes = ["fish"]
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    panel.run()
    panel.session.network = Network(module, input_size=16, classes=["sun", "moon"])
    assert panel.wait(10)
    assert panel.classes == ()
    assert content(panel).count == 2
    assert control(panel, "Classes").options == ["sun", "moon"]
    assert panel._bar.error == ""


def test_one_scale_for_all_classes(panel):
    panel.run()
    apart = content(panel).high
    panel.color_scale = "shared"
    panel.wait(10)
    assert content(panel).high == [max(apart)] * 4


def test_the_layers_are_walked_through_in_order(panel, network):
    slider = control(panel, "Layer")
    names = [layer["name"] for layer in slider.layers if layer["can"]]
    assert names == [layer.name for layer in network.layers if layer.spatial and layer.shape[1] > 1]
    slider.value = names[0]
    assert panel.session.layer == names[0]
    panel.session.layer = "2"
    assert slider.value == "2"
    panel.session.layer = network.layers[-1].name  # no maps: it is shown, and cannot be chosen
    assert slider.value == network.layers[-1].name


def test_a_layer_without_places_is_explained(panel, network):
    panel.run()
    panel.session.layer = network.layers[-1].name
    panel.wait(10)
    assert "more than one position" in panel._bar.error


def test_important_channels_are_clicked(panel, network, photo):
    panel.run()
    found = cnnviz.important_channels(network, photo, None, panel.session.layer)
    assert content(panel, "channels").names[0] == f"{found.channels[0]} · {found.values.max():+.2g}"
    strip = panel._parts["channels"].image
    strip._receive(strip, {"do": "click", "at": [2, 1, 1, 1, 1]}, [])
    assert panel.session.channel == found.channels[2]
    panel.wait(10)
    assert strip.selected == 2


def test_a_constant_map_is_remarked_upon_also_when_it_is_known_already(photo):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    nn.init.zeros_(module[4].weight)
    panel = panels.ClassActivation(Network(module, input_size=16), photo).run()
    assert "same everywhere" in panel._bar.note
    panel.color_scale = "shared"
    panel.wait(10)
    assert "same everywhere" in panel._bar.note
    panel.close()


@pytest.mark.parametrize(
    "settings",
    [{}, {"target": "fish", "method": "score_cam"}, {"classes": ["cat", "bird"], "relu": False, "upsampled": False}],
)
def test_the_program_computes_what_is_shown(network, photo, settings):
    panel = panels.ClassActivation(network, photo, **settings).run()
    lines = [line for line in panel.code().splitlines() if not line.startswith(("net =", "photo ="))]
    scope = {"net": network, "photo": photo, "display": lambda *results: None}
    exec("\n".join(lines), scope)
    theirs = np.stack([one.values for one in scope["maps"]])
    np.testing.assert_allclose(content(panel).values, theirs, rtol=1e-5, atol=1e-9)
    panel.close()
