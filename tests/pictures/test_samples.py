"""The sample photographs: installed ones only, each as its own library reads it."""

import io
import socket

import numpy as np
import pytest
import skimage.data
from PIL import Image

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import load_network
from cnnviz_widgets.pictures import Samples, load_image, samples, source_of


@pytest.fixture(scope="module")
def mini():
    return load_network("mini", device="cpu")


def test_more_than_ten_in_color_and_in_gray():
    gray = [name for name in samples() if (samples()[name] == samples()[name][:1]).all()]
    assert len(samples()) >= 10
    assert {"camera", "coins", "moon"} <= set(gray)
    assert {"chelsea", "coffee", "astronaut", "rocket", "china", "flower"} <= set(samples()) - set(gray)
    assert all(samples().path(name).is_file() for name in samples())


@pytest.mark.parametrize("name", ["chelsea", "coffee", "astronaut", "camera", "immunohistochemistry"])
def test_same_pixels_as_scikit_image(name):
    expected = np.atleast_3d(getattr(skimage.data, name)())
    picture = (samples()[name].numpy() * 255).round()
    np.testing.assert_array_equal(picture, np.broadcast_to(expected, (*expected.shape[:2], 3)).transpose(2, 0, 1))


@pytest.mark.parametrize("name", ["china", "flower"])
def test_same_pixels_as_scikit_learn(name):
    from sklearn.datasets import load_sample_image

    expected = load_sample_image(f"{name}.jpg").transpose(2, 0, 1)
    np.testing.assert_array_equal((samples()[name].numpy() * 255).round(), expected)


@pytest.mark.parametrize("name", [name for name in samples() if len(samples().classes(name)) == 1])
def test_the_bundled_network_knows_what_a_sample_shows(name, mini):
    (first,) = mini.predict(samples()[name], 1)
    assert (first.name,) == samples().classes(name)
    assert first.probability > 0.5


def test_ten_or_more_show_one_known_object_and_two_show_two(mini):
    counts = [len(samples().classes(name)) for name in samples()]
    assert counts.count(1) >= 10
    assert counts.count(2) == 2
    for name in samples():
        if len(samples().classes(name)) == 2:
            assert {one.name for one in mini.predict(samples()[name], 2)} == set(samples().classes(name))


def test_those_that_the_network_knows_come_first():
    known = [bool(samples().classes(name)) for name in samples()]
    assert known == sorted(known, reverse=True)


def test_a_real_network_knows_the_drawn_ones(real_squeezenet):
    drawn = [name for name in samples() if "drawn" in samples().about(name) and len(samples().classes(name)) == 1]
    first = {name: real_squeezenet.predict(samples()[name], 1)[0].name for name in drawn}
    assert [first[name] for name in drawn] == [samples().classes(name)[0] for name in drawn]


def test_three_or_more_are_styles_that_may_be_passed_on():
    styles = samples().styles
    assert len(styles) >= 3
    for name in styles:
        assert "drawn" in samples().about(name)
        assert samples().path(name).stat().st_size < 60_000


@pytest.mark.parametrize("name", samples().styles)
def test_a_style_has_strong_textures_everywhere(name):
    """More steps from pixel to pixel than in a photograph, in most of its squares of 32 px."""
    steps = samples()[name].diff(dim=-1).abs().mean(0)[:320, :288]
    squares = steps.unfold(0, 32, 32).unfold(1, 32, 32).mean((2, 3))
    assert squares.quantile(0.25) > 0.01
    assert samples()[name].std((1, 2)).min() > 0.1  # and many colors


def test_no_download(monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for name in samples():
        assert samples()[name].shape[0] == 3


def test_what_is_not_installed_is_not_listed(monkeypatch):
    from cnnviz_widgets.pictures import load

    only = Samples({"coffee": samples().path("coffee")})
    monkeypatch.setattr(load, "installed", lambda: {"coffee": only.path("coffee")})
    assert list(only) == ["coffee"]
    with pytest.raises(UserError, match="source 'chelsea' is neither a file nor a sample: samples are coffee"):
        load_image("chelsea")


def test_item_is_the_loaded_picture():
    assert source_of(samples()["chelsea"]) == 'cnnviz.load_image("chelsea")'
    assert "chelsea" in samples()
    assert "dog" not in samples()
    assert samples().about("chelsea") == "a tabby cat"


def test_unknown_name():
    with pytest.raises(UserError, match=r"no sample called 'Chelsae' \(did you mean 'chelsea'\?\)"):
        samples()["Chelsae"]
    with pytest.raises(UserError, match="no sample called 3: samples are"):
        samples()[3]


def test_thumbnails():
    for name in samples():
        with Image.open(io.BytesIO(samples().thumbnail(name))) as thumbnail, Image.open(samples().path(name)) as photo:
            assert max(thumbnail.size) == 112
            assert abs(thumbnail.width / thumbnail.height - photo.width / photo.height) < 0.05


def test_shows_itself():
    html = samples()._repr_html_()
    assert html.count("<img") == len(samples())
    assert all(f">{name}</figcaption>" in html for name in samples())
    assert repr(samples()).startswith("samples: chelsea, coffee, ")
