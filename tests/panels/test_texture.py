"""Textures by statistics as a panel: the losses fall, the numbers are limited, and the program makes the same."""

import numpy as np
import pytest

from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.texture.texture import texture_numbers
from cnnviz_widgets.panels.texture import Texture


@pytest.fixture
def make(network):
    made = []

    def make_it(**settings):
        made.append(Texture(network, **{"steps": 4, "size": 64} | settings))
        return made[-1]

    yield make_it
    for one in made:
        one.close()


@pytest.mark.parametrize("settings", [{}, {"match": "moments"}, {"weights": {"1": 0.5}}, {"parameters": "100"}])
def test_the_program_makes_the_texture(make, settings):
    panel = make(**settings).run()
    assert panel.last_error is None
    lines = [line for line in panel.code().splitlines() if not line.startswith(("net =", "photo ="))]
    scope = {"net": panel.session.network}
    exec("\n".join(lines), scope)
    content = panel._parts["texture"].image.content
    np.testing.assert_array_equal(content.picture, rgb(scope["state"].values))
    most = int(settings.get("parameters", 0)) or None
    numbers = texture_numbers(panel.session.network, None, settings.get("match", "gram"), most)
    assert f"by {numbers:,} numbers" in content.caption


def test_the_style_loss_falls(make):
    panel = make(steps=12).run()
    losses = [panel._terms.known[step]["style"] for step in range(1, 13)]
    assert losses[-1] < 0.95 * losses[0]
    assert panel._parts["faders"].faders.losses


def test_only_gram_matrices_have_components(make):
    with pytest.raises(UserError, match="parameters"):
        make(match="moments", parameters="100").run()
