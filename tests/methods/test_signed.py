"""What falls below 0 is seen: in diverging colors with 0 in their middle, in every picture of every result."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from cnnviz_widgets import activations, important_channels, last, occlusion
from cnnviz_widgets.drawing.render import Content, draw, falls_below, table
from cnnviz_widgets.drawing.results import ActivationMaps, Heatmap
from cnnviz_widgets.networks import load_network
from cnnviz_widgets.pictures import load_image

GRAY = torch.full((3, 30, 40), 0.5)


def pixels(result) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(result._repr_png_())).convert("RGB")).astype(int)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0, 1], False), ([-0.04, 1], False), ([-0.06, 1], True), ([-1, 0], True), ([-1e-9, -1e-9], True), ([0, 0], False),
     ([float("nan"), 1], False), ([float("nan")], False), ([float("-inf"), 1], False)],
)  # fmt: skip
def test_what_reaches_far_below(values, expected):
    assert falls_below(torch.tensor(values)) is expected


def test_color_of_a_number_tells_its_sign():
    values = torch.linspace(-1, 1, 40).expand(30, 40)
    picture = pixels(Heatmap(values, GRAY, "score lost"))
    red, blue = picture[..., 0], picture[..., 2]
    sign = np.sign((red - blue)[picture.shape[0] // 2])
    assert (sign[: len(sign) // 2 - 12] == -1).all()
    assert (sign[len(sign) // 2 + 12 :] == 1).all()


def test_small_values_below_may_be_drawn_as_0():
    values = torch.rand(30, 40) + 1
    values[0] = -0.01
    content = Heatmap(values, GRAY, "score").content()
    assert (content.signed, content.low) == (False, 0)


def test_what_a_method_calls_signed_keeps_0_in_the_middle():
    content = Heatmap(torch.rand(30, 40), GRAY, "score", signed=True).content()
    assert content.signed
    assert content.low == -content.high


@pytest.mark.parametrize("by", ["layer", "channel"])
def test_maps_of_a_layer_before_and_after_its_relu(by):
    values = torch.randn(6, 5, 5)
    before, after = (ActivationMaps(one, GRAY, "conv").content(normalize_by=by) for one in (values, values.relu()))
    assert before.signed
    assert not after.signed
    low, high = before.range
    assert (low == -high).all()
    assert (after.range[0] == 0).all()


def test_strongest_channels_of_a_layer_before_its_relu():
    net, photo = load_network("mini"), load_image("chelsea")
    assert important_channels(net, photo, layer="conv4").content().signed
    assert not important_channels(net, photo, layer="relu4").content().signed
    assert activations(net, photo, "conv4").content().signed


def test_an_asked_for_diverging_map_is_taken():
    content = Content(values=np.array([[-1.0, 1.0]]), low=-1, high=1, signed=True)
    drawn = {name: np.asarray(draw(content, colormap=name, width=64))[0, 0, :3].tolist() for name in ("RdBu", "gray")}
    assert drawn == {"RdBu": table("RdBu")[0].tolist(), "gray": table("coolwarm")[0].tolist()}


@pytest.mark.parametrize("network", ["mini", "real"])
def test_occlusion_of_the_second_guess_is_not_black(network, request):
    """Most of its pixels are below 0: covering them takes something from the first guess, and the second gains."""
    net = load_network("mini") if network == "mini" else request.getfixturevalue("real_squeezenet")
    photo = load_image("chelsea")
    for guess in net.predict(photo, 3):
        state = last(occlusion(net, photo, guess.index, stride=16), progress=False)
        content, values = state.content(), state.heatmap
        assert content.signed
        np.testing.assert_array_equal(content.values, values.float())
        plain = Content(values=values, low=content.low, high=content.high, signed=True)
        colors = np.asarray(draw(plain, width=values.shape[1]))
        assert colors[..., :3].max(-1).min() > 100  # nowhere black
        at = np.unravel_index(int(values.argmin()), values.shape)
        assert values[at] < 0
        assert int(colors[at][2]) > int(colors[at][0])  # blue
