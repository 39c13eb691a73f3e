"""Style transfer as a panel: what the faders and curves say, what steers a run, and what begins anew."""

import numpy as np
import pytest

import cnnviz_widgets as cnnviz
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.texture._view import style_layers
from cnnviz_widgets.panels import style_transfer
from cnnviz_widgets.panels.style_transfer import StyleTransfer


@pytest.fixture
def make(network, photo):
    made = []

    def make_it(**settings):
        made.append(StyleTransfer(network, photo, **{"steps": 6, "size": 64} | settings))
        return made[-1]

    yield make_it
    for one in made:
        one.close()


def picture(panel):
    return panel._parts["result"].image.content.picture


def execute(panel):
    lines = [line for line in panel.code().splitlines() if not line.startswith(("net =", "photo ="))]
    scope = {"net": panel.session.network, "photo": panel.session.image}
    exec("\n".join(lines), scope)
    return scope["state"]


def test_losses_are_relative_and_without_their_weights(make):
    plain, weighted = make(steps=1).run(), make(steps=1, beta=10, weights={"1": 0.5, "4": 2})
    weighted.run()
    layers = list(style_layers(plain.session.network, None))
    faders = plain._parts["faders"].faders
    assert faders.names == layers
    assert faders.losses.keys() == {*layers}
    for one in (plain, weighted):
        assert one._terms.known[1]["style"] == pytest.approx(np.mean([*one._parts["faders"].faders.losses.values()]))
    assert weighted._parts["faders"].faders.losses == pytest.approx(faders.losses)  # of the same picture
    assert weighted._terms.known[1] == pytest.approx(plain._terms.known[1])


def test_the_losses_are_those_of_the_gram_matrices(make):
    panel = make(steps=1).run()
    network = panel.session.network
    first = network.module[:2]  # convolution and ReLU: layer "1"
    grams = []
    for given in (panel.session.image, "stained_glass"):
        seen = network.normalize(cnnviz.load_image(given, size=64)[None])
        grams.append(cnnviz.gram(first(seen)[0].detach()))
    ours = panel._parts["faders"].faders.losses["1"]
    assert ours == pytest.approx(float((grams[0] - grams[1]).square().sum() / grams[1].square().sum()), rel=0.02)


def test_a_fader_and_the_trait_are_alike(make):
    panel = make()
    faders = panel._parts["faders"].faders
    faders.value = {"4": 0.25}
    assert panel.weights == {"4": 0.25}
    panel.weights = {"1": 2, "4": 1}
    assert faders.value == {"1": 2.0}
    panel.reset()
    assert faders.value == panel.weights == {}


@pytest.mark.parametrize("value", [{"1": 3}, {"1": -0.1}, {"1": "a"}, {"no": 1}, 3])
def test_a_weight_that_is_none_is_refused(make, value):
    with pytest.raises(UserError, match="weights"):
        make(weights=value)


def test_another_network_has_other_layers(make):
    panel = make(weights={"1": 0.5})
    panel.session.network = "mini"
    assert panel.weights == {}


@pytest.mark.parametrize(
    "change", [{"beta": 1000.0}, {"weights": {"1": 0.0}}, {"match": "moments"}, {"style_size": 0.5}]
)
def test_a_setting_steers_the_picture_that_is_there(make, change, monkeypatch):
    panel = make(steps=8)
    compute, seen = StyleTransfer.compute, []

    def stopping(self, now):
        for frame in compute(self, now):
            seen.append(frame.step)
            if len(seen) == 3:
                self.stop()
            yield frame

    monkeypatch.setattr(StyleTransfer, "compute", stopping)
    panel.shown = True
    panel._request_all()
    assert panel.wait(60)
    assert seen == [1, 2, 3]
    for name, value in change.items():
        setattr(panel, name, value)
    assert panel.wait(60)
    assert seen == [1, 2, 3, 3, 4, 5, 6, 7, 8]
    assert [*panel._terms.known] == [*range(1, 9)]  # the curve goes on
    assert "until=3" in panel.code()
    np.testing.assert_array_equal(picture(panel), rgb(execute(panel).values))


@pytest.mark.parametrize("change", [{"size": 96}, {"begin": "noise"}, {"seed": 3, "begin": "noise"}])
def test_what_makes_another_picture_begins_anew(make, change):
    panel = make().run()
    for name, value in change.items():
        setattr(panel, name, value)
    panel.run()
    assert "until=" not in panel.code()
    np.testing.assert_array_equal(picture(panel), rgb(execute(panel).values))


def test_the_divider_has_the_photograph_and_the_strength_is_offered(make):
    panel = make().run()
    view = panel._parts["result"].image
    assert view.content.before.shape == view.content.picture.shape
    assert view.blend
    assert panel.snapshot()


def test_the_grid_comes_after_the_picture(make, monkeypatch):
    monkeypatch.setattr(style_transfer, "GRID", {"size": 32, "steps": 2})
    panel = make(steps=2, grid=True).run()
    shown = panel._parts["grid"].image.content
    layers = list(style_layers(panel.session.network, None))
    assert shown.count == 4 * len(layers)
    assert shown.columns == 4
    assert shown.names[4] == f"β 1 · {layers[0]}–{layers[1]}"
    assert panel._table.layout.display is None
    displayed = []
    lines = [line for line in panel.code().splitlines() if not line.startswith(("net =", "photo ="))]
    exec("\n".join(lines), {"net": panel.session.network, "photo": panel.session.image, "display": displayed.append})
    np.testing.assert_array_equal(shown.picture, rgb(displayed[0].values))
