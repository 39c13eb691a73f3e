"""Patches and Spectrum: what they scan, what they leave alone, and what a click chooses."""

import time

import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets import panels
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.panels.scanning import FEW, MANY

KINDS = [panels.Patches, panels.Spectrum]
QUICK = {panels.Spectrum: {"steps": 4}}


def opened(kind, *given, **settings):
    return kind(*given, **QUICK.get(kind, {}), **settings)


def pictures(count=80):
    return torch.rand(count, 3, 48, 48, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_scan_a_few_pictures_are_looked_at_and_more_are_offered(kind, network, photo):
    panel = opened(kind, network, photo).run()
    assert panel.session.scan.step == FEW
    ((_, words, _),) = panel._more._buttons
    assert words.startswith(f"Scan {MANY} pictures (about ")
    assert not panel._more.asleep
    panel.close()


@pytest.mark.parametrize("kind", KINDS)
def test_the_button_goes_on_where_the_scan_is(kind, network, photo):
    panel = opened(kind, network, photo, dataset=pictures())
    panel.show()
    assert panel.wait(30)
    before = panel.session.scan
    seen = []
    panel.session.observe(lambda change: seen.append(change["new"].step), "scan")
    panel._more._receive(None, {"do": "scan"}, [])
    ending = time.monotonic() + 30
    while panel.session.scan.step < 80 and time.monotonic() < ending:
        time.sleep(0.05)
    assert panel.wait(30)
    assert panel.amount == 80  # all that there are
    assert before.step == FEW < seen[0]
    assert panel.session.scan.done == ((0, 80),)
    assert panel._more.asleep == ("scan",)
    whole = cnnviz.last(cnnviz.scan(network, pictures()), progress=False)
    for layer in ("0", "3"):
        ours, theirs = (one.examples(layer, 2) for one in (panel.session.scan, whole))
        assert [(one.number, one.position) for one in ours] == [(one.number, one.position) for one in theirs]
    panel.close()


def test_a_scan_that_was_given_is_looked_up_and_left_alone(network, photo):
    given = cnnviz.last(cnnviz.scan(network, pictures(12), "3", k=4), progress=False)
    panel = panels.Patches(network, photo, scan=given, layer="3", channel=5, which="bottom").run()
    assert panel.session.scan is given
    assert panel._more.asleep == ("scan",)
    content = panel._parts["patches"].image.content
    assert (content.pictures == cnnviz.top_patches(given, "3", 5, "bottom").content().pictures).all()
    assert "...  # the scan that you gave to the panel" in panel.code()
    panel.session.layer = "0"
    with pytest.raises(UserError, match="layer '0' is not in the scan, which has '3'"):
        panel.run()
    panel.close()


def test_a_click_chooses_picture_position_and_number(network, photo):
    session = cnnviz.Session(network, photo, dataset=pictures(40))
    panel = panels.Patches(session=session, channel=3).run()
    content = panel._parts["patches"].image.content
    number, position = content.keys[4]
    panel.choose((number, position))
    assert session.selection == (number,)
    assert session.position == position
    assert torch.equal(torch.as_tensor(session.image), pictures(40)[number])
    value = cnnviz.activations(network, session.image, session.layer).values[3][position]
    assert float(value) == pytest.approx(session.scan.examples(session.layer, 3)[4].value, rel=1e-5)
    panel.run()
    assert panel._parts["patches"].image.selected == 4
    left, top, right, bottom = network.layer(session.layer).field(position, (48, 48))
    x, y, width, height = panel._parts["whole"].image.rectangle
    assert (x, y) == (max(0, left), max(0, top))
    assert (x + width, y + height) == (min(48, right), min(48, bottom))
    panel.close()


def test_projections_are_a_switch(network, photo):
    panel = panels.Patches(network, photo, dataset=pictures(32))
    assert panel._parts["projections"].widget.layout.display == "none"
    panel.project = True
    assert panel._parts["projections"].widget.layout.display is None
    panel.run()
    session = panel.session
    expected = cnnviz.deconvnet_patches(session.scan, session.layer, session.channel).content()
    assert (panel._parts["projections"].image.content.pictures == expected.pictures).all()
    panel.close()


def test_a_layer_that_is_no_convolution_is_scanned_when_it_is_chosen(network, photo):
    panel = panels.Patches(network, photo, dataset=pictures(32)).run()
    assert panel.session.scan.layers == ("0", "3")
    panel.session.layer = "1"
    panel.run()
    assert panel.session.scan.layers == ("0", "1", "3")
    panel.session.layer = "3"
    scan = panel.session.scan
    panel.run()
    assert panel.session.scan.layers == scan.layers
    panel.close()


def test_a_session_takes_scans_of_its_network_alone(network, photo):
    found = cnnviz.last(cnnviz.scan(network, pictures(8), "3"), progress=False)
    other = cnnviz.last(cnnviz.scan("small_plain", cnnviz.scenes(2)), progress=False)
    session = cnnviz.Session(network, photo, scan=found, selection=[3, 1])
    assert session.selection == (3, 1)
    for name, wrong, says in (
        ("scan", other, "scan must be one of this"),
        ("scan", 3, "scan must be one that cnnviz.scan"),
        ("selection", [8], "selection must be numbers of the 8 pictures at hand"),
        ("selection", 5, "selection must be numbers"),
    ):
        with pytest.raises(UserError, match=says):
            setattr(session, name, wrong)
    session.dataset = pictures(3)
    assert session.scan is None
    assert session.selection == ()
    session.scan = found
    session.network = "mini"
    assert session.scan is None


def test_a_spectrum_optimizes_both_ends_once_all_is_looked_at(network, photo):
    panel = panels.Spectrum(network, photo, dataset=pictures(32), steps=4, count=2).run()
    assert panel._parts["ends"].image.content.names == ("negative", "positive")
    assert panel._parts["rows"].image.content.columns == 2
    panel.close()
