"""The lab: a gallery from the registry, and panels that are made when they are opened."""

import json

import pytest
import torch
from ipywidgets.widgets import widget as widget_module

from cnnviz_widgets import panels, registry
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.panels import cells
from cnnviz_widgets.panels.lab import THUMBNAILS
from cnnviz_widgets.panels.panel import Panel

NAMES = [entry.name for entry in registry.panels()]


@pytest.fixture
def lab(network, photo):
    lab = panels.lab(network, photo)
    yield lab
    lab.close()


@pytest.fixture
def reader(monkeypatch):
    """Somebody looks at the notebook."""
    monkeypatch.setattr(cells, "_request", lambda: {"content": {"allow_stdin": True}})


@pytest.fixture
def sent(monkeypatch) -> list[int]:
    """Bytes of every message that goes to a browser from now on."""
    sizes: list[int] = []

    def count(_, msg_type, data=None, metadata=None, buffers=None, **__):
        sizes.append(len(json.dumps(data or {})) + sum(memoryview(one).nbytes for one in buffers or ()))

    monkeypatch.setattr("comm.DummyComm.publish_msg", count)
    return sizes


def test_every_panel_of_the_registry_has_a_card_and_none_is_made(lab):
    assert [card["name"] for card in lab._gallery.cards] == NAMES
    assert all(card["title"] and card["line"] and card["group"] and card["note"] for card in lab._gallery.cards)
    assert lab.panels == []


def test_a_new_panel_file_has_a_card_that_can_be_searched_by_paper(lab):
    words = {card["name"]: card["words"] for card in lab._gallery.cards}
    assert "Zeiler & Fergus 2014" in words["Occlusion"]
    assert "Simonyan et al. 2014" in words["ClassModel"]


def test_the_lab_and_its_first_panel_are_small(network, photo, sent, widget_count):
    before = widget_count()
    lab = panels.lab(network, photo)
    assert widget_count() - before <= 40
    lab.open("Filters").wait(10)
    assert widget_count() - before <= 120
    assert sum(sent) <= 300_000  # of which a card with its picture is some 4,500
    lab.close()


def test_a_panel_is_made_when_it_is_opened_and_is_kept(lab):
    occlusion = lab.open("Occlusion")
    assert lab.panels == [occlusion]
    assert lab._page.children == (occlusion,)
    filters = lab.open("Filters")
    assert lab.panels == [filters, occlusion]  # in the order of the gallery
    assert lab._page.children == (filters,)
    assert lab.open("Occlusion") is occlusion
    lab._gallery.opened = ""  # the way back
    assert lab._page.children == ()
    assert lab.panels == [filters, occlusion]
    assert type(lab.open("Class activation")) is panels.ClassActivation


def test_what_a_click_opens_is_shown(lab, reader):
    lab._gallery.opened = "Activations"
    (panel,) = lab.panels
    assert panel.wait(10)
    assert panel._bar.state == "done"


def test_a_panel_that_there_is_not_is_named(lab):
    with pytest.raises(UserError, match=r"name must be one of .*, Filters, .*, not 'Oclusion'"):
        lab.open("Oclusion")
    assert lab._gallery.opened == ""


def test_what_cannot_be_made_or_chosen_is_told(lab, monkeypatch):
    monkeypatch.setattr(Panel, "_furnish", lambda self: 1 / 0)
    lab._gallery.opened = "Filters"
    assert "division by zero" in lab._gallery.error
    assert lab._page.children == ()
    monkeypatch.undo()
    lab._gallery.opened = "Occlusion"
    assert lab._gallery.error == ""
    lab.children[1].children[2].value = "zebra"
    assert "zebra" in lab._gallery.error


@pytest.mark.usefixtures("reader")
def test_close_frees_every_widget(network, photo, monkeypatch):
    monkeypatch.setattr(Panel, "show", lambda self: None)

    def opened():
        lab = panels.lab(network, photo)
        for name in NAMES:
            panel = lab.open(name)
            assert lab._page.children == (panel,)
        return lab

    opened().close()
    before = len(widget_module._instances)
    opened().close()
    assert len(widget_module._instances) == before


def test_it_changes_the_session_that_it_is_given(network, photo):
    session = panels.Session(network, photo)
    lab = panels.lab(image=1 - photo, dataset=[photo, photo], session=session)
    assert lab.session is session
    assert session.network is network
    torch.testing.assert_close(session.image, 1 - photo)
    assert len(session.dataset) == 2
    lab.close()


def test_the_strip_shows_every_layer_and_chooses_those_that_have_maps(lab, network):
    strip = lab.children[1].children[3]
    assert [layer["name"] for layer in strip.layers] == [layer.name for layer in network.layers]
    assert strip.layers[0] | {"name": "", "label": ""} == {
        "name": "", "label": "", "kind": "Conv2d", "channels": 8, "height": 24, "width": 24, "can": True
    }  # fmt: skip
    strip.value = network.layers[1].name
    assert lab.session.layer == network.layers[1].name
    lab.session.layer = network.layers[3].name
    assert strip.value == network.layers[3].name


def test_without_a_browser_it_has_a_picture_of_its_quick_panels(lab):
    assert lab._repr_mimebundle_()[0]["image/png"]
    assert [panel.title for panel in lab.panels if panel.shown] == [
        "Receptive field", "Filters", "Activations", "Occlusion", "Gradients", "Class activation",
        "Ten numbers",
    ]  # fmt: skip


@pytest.mark.usefixtures("reader")
def test_in_a_browser_nothing_is_computed_before_a_panel_is_opened_and_its_picture_is_the_gallery(lab):
    assert lab._repr_mimebundle_()[0]["image/png"]
    assert lab.panels == []


@pytest.mark.usefixtures("reader")
def test_a_lab_on_a_screen_is_not_closed_where_its_cell_has_a_twin(network, photo, monkeypatch):
    def rerun(run):
        request = {"header": {"msg_id": str(run)}, "content": {"code": "lab(c)", "allow_stdin": True}}
        monkeypatch.setattr(cells, "_request", lambda: request)

    rerun(1)
    lab = panels.lab(network, photo)
    panel = lab.open("Filters")
    lab._output._receive(None, {"do": "shown", "view": "1"}, None)
    panel._output._receive(None, {"do": "shown", "view": "2"}, None)
    lab._gallery.opened = ""
    panel._output._receive(None, {"do": "gone", "view": "2"}, None)
    rerun(2)
    another = panels.lab(network, photo)
    assert not lab._closed
    assert not panel._closed
    for one in (lab, another):
        one.close()


def test_every_panel_has_a_thumbnail_of_a_few_kb():
    for entry in registry.panels():
        file = THUMBNAILS / f"{entry.module.rpartition('.')[2]}.webp"
        assert file.is_file(), f"python -m tools.thumbnails {entry.name}"
        assert file.stat().st_size <= 4_000
