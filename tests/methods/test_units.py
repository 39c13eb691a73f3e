"""Atlas, activation grid, semantic dictionary, groups and neighbors of channels, against closed forms."""

import itertools
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets import activation_grid, atlas, factor_groups, last, load_atlas, semantic_dictionary, unit_neighbors
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.units.atlas import BUNDLED, SIZE


@pytest.fixture(scope="module")
def mini():
    return cnnviz.load_network("mini", device="cpu")


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU(), nn.Conv2d(6, 5, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4),
    )  # fmt: skip
    return cnnviz.Network(module.double(), input_size=(12, 16), name="tiny")


def whole(states):
    return last(states, progress=False)


def alike(one, other):
    """The correlation of two pictures."""
    return float(np.corrcoef(one.astype(float).ravel(), other.astype(float).ravel())[0, 1])


def test_a_picture_does_not_depend_on_those_that_are_drawn_beside_it(tiny):
    every = whole(atlas(tiny, ["0", "2"], 12, steps=6))
    some = whole(atlas(tiny, "2", 12, channels=[4, 1], steps=6))
    assert every.layers == ("0", "2")
    assert some.drawn["2"].tolist() == [False, True, False, False, True]
    assert (some.of_channels("2", [4, 1]) == every.of_channels("2", [4, 1])).all()
    on = whole(atlas(tiny, "2", 12, steps=6, start=some))
    assert (on.pictures["2"] == every.pictures["2"]).all()
    assert on.total == 6  # one run, of the three that were missing


def test_a_picture_excites_its_channel_more_than_those_of_others_do(tiny):
    made = whole(atlas(tiny, "2", 12, steps=64))
    maps = tiny.forward(tiny.normalize(made.values.double()), ["2"], to_output=False)[1]["2"]
    means = maps.mean((2, 3))
    others = (means.sum(0) - means.diagonal()) / 4
    assert (means.diagonal() > others).all()


def test_what_is_drawn_halfway_is_shown_and_not_kept(tiny, tmp_path):
    states = atlas(tiny, "2", 12, steps=6)
    halfway = next(itertools.islice(states, 3, None))
    assert (halfway.step, halfway.total) == (3, 6)
    assert not halfway.drawn["2"].any()
    assert (halfway.pictures["2"] != 128).any()
    halfway.save(tmp_path / "a.atlas")
    assert (load_atlas(tmp_path / "a.atlas", tiny).pictures["2"] == 128).all()


def test_a_file_holds_what_was_drawn_and_for_whom(tiny, mini, tmp_path):
    path, made = tmp_path / "a.atlas", whole(atlas(tiny, "2", 12, channels=[0, 3], steps=32))
    made.save(path)
    kept = load_atlas(path, tiny)
    assert (kept.drawn["2"] == made.drawn["2"]).all()
    assert all(alike(kept.pictures["2"][one], made.pictures["2"][one]) > 0.9 for one in (0, 3))  # WebP loses a little
    assert whole(atlas(tiny, "2", 12, channels=[3], steps=32, start=kept)).total == 0
    with pytest.raises(UserError, match="is an atlas of another network, called tiny, than this mini"):
        load_atlas(path, mini)
    with pytest.raises(UserError, match="start has steps 32, not 8"):
        atlas(tiny, "2", 12, steps=8, start=kept)
    with pytest.raises(UserError, match="start is an atlas of another network"):
        atlas(mini, "conv2", 12, steps=32, start=kept)
    with pytest.raises(UserError, match="layer '0' is not in the atlas, which has '2'"):
        kept.of_channels("0", [1])
    for wrong in (b"", b"no zip", path.read_bytes()[:-9]):
        (tmp_path / "b.atlas").write_bytes(wrong)
        with pytest.raises(UserError, match="is not the file of an atlas"):
            load_atlas(tmp_path / "b.atlas", tiny)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "c.atlas", "w") as new:
        new.writestr("atlas.json", old.read("atlas.json").replace(b'"size": 12', b'"size": 13'))
        new.writestr("0.webp", old.read("0.webp"))
    with pytest.raises(UserError, match="is not the file of an atlas"):
        load_atlas(tmp_path / "c.atlas", tiny)


def test_the_bundled_atlas_is_there_at_once_and_is_what_would_be_drawn(mini):
    known = next(atlas(mini))
    assert known.total == 0
    assert BUNDLED.stat().st_size <= 1.2e6
    assert {layer: one.sum() for layer, one in known.drawn.items()} == {
        f"conv{number}": width for number, width in enumerate((64, 128, 128, 256, 256, 256), 1)
    }
    chosen = [3, 77, 200]
    nothing = cnnviz.Atlas(
        0, 0, mini, {"conv4": np.full((256, SIZE, SIZE, 3), 128, np.uint8)}, {"conv4": np.zeros(256, bool)}, 128, 0
    )
    again = whole(atlas(mini, "conv4", channels=chosen, start=nothing))
    for one, other in itertools.product(chosen, chosen):
        match = alike(again.pictures["conv4"][one], known.pictures["conv4"][other])
        assert match > 0.9 if one == other else match < 0.5


def test_an_activation_grid_is_sorted_by_hand(tiny):
    picture = torch.rand(3, 12, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    maps = tiny.activations(picture, "2")["2"]
    grid = activation_grid(tiny, picture, "2", 3)
    assert grid.channels.shape == (3, *maps.shape[1:])
    for row, column in itertools.product(*map(range, maps.shape[1:])):
        order = sorted(range(5), key=lambda one: (-maps[one, row, column].item(), one))[:3]
        assert grid.channels[:, row, column].tolist() == order
        assert grid.values[:, row, column].tolist() == [maps[one, row, column].item() for one in order]
    assert activation_grid(tiny, picture, "2", 9).channels.shape[0] == 5  # all that there are


def test_a_dictionary_shows_the_picture_of_the_strongest_channel_as_large_as_it_is_active(mini):
    photo = cnnviz.load_image("chelsea")
    found = whole(semantic_dictionary(mini, photo, "conv5", 2))
    content, values, channels = found.content(), found.grid.values[0], found.grid.channels[0]
    assert content.pictures.shape == (64, SIZE, SIZE, 3)
    assert content.keys[9] == (1, 1)
    row, column = divmod(int(values.argmax()), 8)
    strongest = int(channels[row, column])
    assert (content.pictures[row * 8 + column] == found.atlas.pictures["conv5"][strongest]).all()
    for at, value in enumerate(values.flatten().tolist()):
        side = (content.pictures[at] != 24).any(2).any(0).sum()
        assert side == pytest.approx(SIZE * max(0.35, (value / float(values.max())) ** 0.5), abs=1.5)
    assert content.names[9] == f"(1, 1): {found.named(1, 1)}"
    assert found.strongest(row, column).keys[0] == strongest


def test_nmf_of_a_product_of_two_vectors_is_these():
    module = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([4.0, 5.0]).view(2, 1, 1, 1))
    network = cnnviz.Network(module, input_size=(1, 3), mean=0, std=1)
    picture = torch.tensor([[[1.0, 2.0, 3.0]]], dtype=torch.float64) / 3
    groups = whole(factor_groups(network, [picture], "0", 1, steps=0))
    length = 41**0.5
    assert groups.error < 1e-12
    np.testing.assert_allclose(groups.factors, [[4 / length, 5 / length]], rtol=1e-6)
    np.testing.assert_allclose(groups.values[0, 0, 0], np.array([1, 2, 3]) * length / 3, rtol=1e-6)
    assert groups.shares.tolist() == [1]


def test_groups_of_disjoint_channels_are_these(tiny):
    """Two patterns that share no position and no channel."""
    module = nn.Sequential(nn.Conv2d(2, 4, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[3.0, 0], [0, 1], [4, 0], [0, 2]]).view(4, 2, 1, 1))
    network = cnnviz.Network(module, input_size=(2, 2), mean=0, std=1)
    picture = torch.tensor([[[1.0, 0], [0.5, 0]], [[0, 1.0], [0, 0.25]]], dtype=torch.float64)
    groups = whole(factor_groups(network, [picture], "0", 2, steps=0))
    assert groups.error < 1e-6
    np.testing.assert_allclose(groups.factors, [[0.6, 0, 0.8, 0], [0, 1 / 5**0.5, 0, 2 / 5**0.5]], atol=1e-5)
    np.testing.assert_allclose(groups.values[0, 0], [[5, 0], [2.5, 0]], atol=1e-5)
    assert groups.content().values.tolist() == [[0, 1], [0, 1]]
    with pytest.raises(UserError, match="k must be at most 4, the channels or positions of '0', not 5"):
        factor_groups(network, [picture], "0", 5)
    with pytest.raises(UserError, match="must have finite activations above 0"):
        factor_groups(network, [torch.zeros_like(picture)], "0", 1)


@pytest.mark.parametrize(
    "look",
    [activation_grid, semantic_dictionary, lambda network, photo, layer: factor_groups(network, [photo], layer, 1)],
)
def test_a_layer_without_positions_is_told(mini, look):
    with pytest.raises(UserError, match="layer must have spatial positions, which 'fc' has not"):
        look(mini, cnnviz.load_image("chelsea"), "fc")


def test_neighbors_of_a_unit_are_those_of_its_weights_by_hand():
    module = nn.Sequential(nn.Conv2d(1, 5, (1, 2)), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[1.0, 0], [-2, 0], [3, 4], [0, 0], [5, 0]]).view(5, 1, 1, 2))
    network = cnnviz.Network(module, input_size=4)
    found = unit_neighbors(network, "0", 0)
    assert found.channels == (4, 2, 3, 1)
    assert found.values.tolist() == pytest.approx([1, 0.6, 0, -1], abs=1e-12)
    assert unit_neighbors(network, "1", 0, 2).channels == (4, 2)  # of the ReLU's channels
    with pytest.raises(UserError, match="layer must be a convolution"):
        unit_neighbors(network, "2", 0)
