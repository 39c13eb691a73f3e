"""Patches, spectra and projections of units against a look at every picture and every position."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets import deconvnet_patches, last, scan, spectrum, top_patches
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network

K = 4


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 6, 5, 2, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 5, 3, 1, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4),
    )  # fmt: skip
    return Network(module.double(), input_size=(20, 28), name="tiny")


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return torch.rand(30, 3, 20, 28, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def found(network, pictures):
    return last(scan(network, pictures, ["0", "1", "3", "7"], K), progress=False)


@pytest.mark.parametrize("which", ["top", "bottom"])
@pytest.mark.parametrize(("layer", "channel"), [("0", 2), ("3", 4)])
def test_top_patches_are_those_of_brute_force(network, pictures, found, layer, channel, which):
    maps = network.activations(pictures, layer)[layer][:, channel]
    best = maps.amax((1, 2)) if which == "top" else maps.amin((1, 2))
    order = best.argsort(descending=which == "top")[:K]
    patches = top_patches(found, layer, channel, which)
    assert [one.index for one in patches.examples] == order.tolist()
    torch.testing.assert_close(patches.values.double(), best[order], rtol=1e-6, atol=0)
    for one in patches.examples:
        assert torch.equal(one.picture, pictures[one.index])
        assert float(maps[one.index][one.position]) == pytest.approx(one.value, rel=1e-12)
        left, top, right, bottom = network.layer(layer).field(one.position, (20, 28))
        beyond = F.pad(pictures[one.index], (9, 9, 9, 9), value=128 / 255)  # fields reach at most so far
        assert torch.equal(one.patch, beyond[:, top + 9 : bottom + 9, left + 9 : right + 9])


@pytest.mark.parametrize("which", ["top", "bottom"])
def test_without_suppression_every_position_counts(network, pictures, found, which):
    maps = network.activations(pictures, "3")["3"][:, 4]
    flat = maps.flatten().sort(descending=which == "top")
    patches = top_patches(found, "3", 4, which, suppress=False)
    torch.testing.assert_close(patches.values.double(), flat.values[:K], rtol=1e-6, atol=0)
    for one, at in zip(patches.examples, flat.indices.tolist(), strict=False):
        assert (one.index, *one.position) == tuple(int(i) for i in torch.unravel_index(torch.tensor(at), maps.shape))
    every = [(one.index, one.position) for one in patches.examples]
    assert len(set(every)) == K


def test_a_layer_without_positions_shows_whole_pictures(network, pictures, found):
    patches = top_patches(found, "7", 1)
    assert [one.index for one in patches.examples] == network.logits(pictures)[:, 1].argsort(descending=True)[
        :K
    ].tolist()
    assert all(torch.equal(one.patch, pictures[one.index]) for one in patches.examples)
    with pytest.raises(UserError, match="suppress must be True in layer '7', which has no positions"):
        top_patches(found, "7", 1, suppress=False)


def test_shows_patches_under_their_values(found):
    patches = top_patches(found, "0", 2, count=3)
    content = patches.content()
    assert content.pictures.shape == (3, 5, 5, 3)
    assert content.names[0] == f"{patches.examples[0].value:.3g} · picture {patches.examples[0].index}"
    assert content.keys[0] == (patches.examples[0].index, patches.examples[0].position)
    assert patches._repr_png_().startswith(b"\x89PNG")


def test_a_list_may_be_empty(found):
    patches = top_patches(found, "1", 2, "negative")
    assert patches.examples == ()
    assert patches.content().count == 0
    with pytest.raises(UserError, match="which: no picture is in the list 'negative' of 1 channel 2"):
        deconvnet_patches(found, "1", 2, "negative")


def test_a_scan_without_pictures_says_so(network, found, tmp_path):
    found.save(tmp_path / "a.scan")
    loaded = cnnviz.load_scan(tmp_path / "a.scan", network)
    for look in (top_patches, deconvnet_patches, spectrum):
        with pytest.raises(UserError, match="scan has no pictures to show"):
            look(loaded, "0", 1)


def test_a_projection_is_a_deconvnet_pass_by_hand(network, pictures, found):
    """Transposed convolutions, switches, and at each ReLU the positive part; 1 at the unit, cropped as the patch."""
    layer, channel = "3", 4
    projections, patches = deconvnet_patches(found, layer, channel), top_patches(found, layer, channel)
    first, second = network.module[0], network.module[3]
    for values, one in zip(projections.values, patches.examples, strict=True):
        x = network.normalize(pictures[one.index][None])
        rectified = first(x).relu().detach()
        pooled, switches = F.max_pool2d(rectified, 2, return_indices=True)
        unit = torch.zeros_like(second(pooled))
        unit[(0, channel, *one.position)] = 1
        signal = F.conv_transpose2d(unit, second.weight, padding=1)
        signal = F.max_unpool2d(signal, switches, 2, output_size=rectified.shape[-2:]).clamp(min=0)
        back = F.conv_transpose2d(signal, first.weight, stride=2, padding=2, output_padding=1)[0]
        left, top, right, bottom = one.field
        whole = F.pad(back, (30, 30, 30, 30))
        expected = whole[:, top + 30 : bottom + 30, left + 30 : right + 30]
        torch.testing.assert_close(values, expected.to(values.dtype), rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(whole.abs().sum(), expected.abs().sum())  # nothing comes back beside
    assert projections.score == tuple(one.value for one in patches.examples)
    torch.testing.assert_close(projections.picture, torch.stack([one.patch for one in patches.examples]))


def test_a_spectrum_holds_the_lists_of_the_scan(found):
    (state,) = spectrum(found, "3", 4, count=3, steps=0)
    lists = {"minimum": "bottom", "slightly negative": "negative", "slightly positive": "positive", "maximum": "top"}
    assert list(state.examples) == list(lists)
    for name, which in lists.items():
        expected = found.examples("3", 4, which, 3)
        assert [(one.index, one.value, one.position) for one in state.examples[name]] == list(expected)
    content = state.content()
    assert content.columns == 3
    assert content.count == 12
    assert len(state.values) == sum(map(len, state.examples.values()))


def test_the_optimized_pictures_are_at_the_ends():
    network = cnnviz.load_network("mini")
    found = last(scan(network, cnnviz.scenes(40), "conv4"), progress=False)
    states = list(spectrum(found, "conv4", 9, steps=12))
    assert [one.step for one in states] == list(range(25))
    assert [list(states[at].optimized) for at in (0, 1, 24)] == [[], ["negative"], ["negative", "positive"]]

    def mean(picture):
        return float(network.forward(network.normalize(picture[None]), ["conv4"])[1]["conv4"][0, 9].mean())

    ends = {name: mean(one) for name, one in states[-1].optimized.items()}
    scenes = [mean(network.prepare(scene.image)[0]) for scene in cnnviz.scenes(40)]
    assert ends["negative"] < min(scenes)
    assert ends["positive"] > max(scenes)


def test_behind_a_relu_there_is_no_negative_side(found):
    with pytest.warns(UserWarning, match=r"1 has no negative side: none .* as behind a ReLU. 0 has both sides\."):
        (state,) = spectrum(found, "1", 2, steps=0)
    assert list(state.examples) == ["minimum", "slightly positive", "maximum"]
