"""Dictionary and Unit: what they show is what the methods give, and a click goes on from there."""

import numpy as np
import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets import panels
from cnnviz_widgets.panels.own_pictures import draw, known_atlas, own_pictures
from cnnviz_widgets.widgets import Pointer


@pytest.fixture
def pictures():
    return torch.rand(12, 3, 48, 48, generator=torch.Generator().manual_seed(0))


def content(panel, part):
    return panel._parts[part].image.content


def test_what_one_panel_has_drawn_another_has(network):
    assert own_pictures(network, "3", [1]) is None
    states = list(draw(network, "3", [1, 4]))
    assert known_atlas(network) is states[-1]
    assert known_atlas(network).drawn["3"].nonzero()[0].tolist() == [1, 4]
    assert (own_pictures(network, "4", [4, 1]) == states[-1].pictures["3"][[4, 1]]).all()  # its ReLU
    assert [state.total for state in draw(network, "3", [4])] == [0]


def test_a_dictionary_looks_where_one_points_and_chooses_where_one_clicks(network, photo):
    panel = panels.Dictionary(network, photo, layer="3", groups=2).run()
    grid = cnnviz.activation_grid(network, photo, "3")
    assert content(panel, "words").count == 144
    assert content(panel, "photo").levels == ("group 1", "group 2")
    panel._look_at(panel._tile, Pointer(2 * 12 + 5, 0, 0, None, None))
    assert panel.place == (5, 2)
    panel.run()
    assert content(panel, "here").keys == tuple(grid.channels[:, 2, 5].tolist())
    panel._choose(panel._tile, Pointer(2 * 12 + 5, 0, 0, None, None))
    assert panel.session.position == (2, 5)
    assert panel.session.channel == int(grid.channels[0, 2, 5])
    panel.run()
    assert panel._parts["here"].image.selected == 0
    panel.session.layer = "0"  # a place that its maps have, too
    panel.run()
    assert content(panel, "here").caption == "0 at (2, 5)"
    panel.close()


def test_a_unit_has_what_the_scan_and_the_weights_say(network, photo, pictures):
    scan = cnnviz.last(cnnviz.scan(network, pictures, k=6), progress=False)
    panel = panels.Unit(network, photo, scan=scan, layer="3", channel=5).run()
    assert panel.session.scan is scan
    shown = content(panel, "patches")
    rows = {"top": 0, "positive": 2, "bottom": 3}
    for which, row in rows.items():
        listed = cnnviz.top_patches(scan, "3", 5, which, count=6)
        tiles = shown.pictures[6 * row : 6 * row + len(listed.examples)]
        assert (tiles == listed.content().pictures).all()
    assert (shown.pictures[6:12] == cnnviz.deconvnet_patches(scan, "3", 5, count=6).shown()).all()
    inputs = cnnviz.circuit(network, "3", 5)
    np.testing.assert_array_equal(content(panel, "weights").values, inputs.values[inputs.order])
    assert content(panel, "inputs").keys == tuple(("0", one) for one in inputs.order.tolist())
    assert content(panel, "neighbors").keys == cnnviz.unit_neighbors(network, "3", 5).channels
    assert (content(panel, "own").picture == known_atlas(network).pictures["3"][5]).all()
    panel.close()


def test_a_click_on_an_input_goes_back_to_the_first_layer_which_has_a_filter(network, photo, pictures):
    panel = panels.Unit(network, photo, dataset=pictures, layer="3", channel=5).run()
    panel._go_back(content(panel, "inputs").keys[2])
    assert panel.session.layer == "0"
    panel.run()
    kernel = cnnviz.filters(network, "0").content().pictures[panel.session.channel]
    assert (content(panel, "weights").picture == kernel).all()
    assert content(panel, "inputs").count == 0
    panel.close()


def test_important_channels_have_patches_a_name_and_what_speaks_against_it(network, photo):
    labeled = [(torch.rand(3, 48, 48), f"{'red' if at % 3 else 'blue'} thing {at}") for at in range(9)]
    scan = cnnviz.last(cnnviz.scan(network, labeled, "4", k=5), progress=False)
    panel = panels.ClassActivation(network, photo, scan=scan, layer="4", evidence=True).run()
    channels = content(panel, "channels").keys
    shown = content(panel, "evidence")
    assert shown.columns == len(channels)
    for at, channel in enumerate(channels):
        found = cnnviz.unit_name(scan, "4", channel)
        assert shown.heads[at] == found.name
        assert (shown.pictures[at] == found.content().pictures[0]).all()
        if found.counter:
            assert (shown.pictures[3 * len(channels) + at] == found.content().pictures[-1]).all()
    panel.close()
