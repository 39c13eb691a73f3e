"""The best pictures are those that a look at every single one finds."""

import numpy as np
import pytest
import torch
from architectures import tiny_network
from PIL import Image
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets import last, top_examples
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.activations.top_examples import Example
from cnnviz_widgets.networks import Network
from cnnviz_widgets.networks.layers import within
from cnnviz_widgets.pictures import load_dataset


@pytest.fixture
def network() -> Network:
    return tiny_network()


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(23, 3, 20, 28, generator=torch.Generator().manual_seed(1))


def brute_force(network: Network, pictures, layer: str, channel: int, by: str) -> list[tuple[float, int, tuple]]:
    """(value, number, place) of every picture, the greatest value first."""
    found = []
    for number, picture in enumerate(pictures):
        one = network.activations(picture, layer)[layer][channel]
        at = (one == one.max()).nonzero()[0].tolist()
        found.append((float(one.max() if by == "max" else one.mean()), number, tuple(at)))
    return sorted(found, key=lambda one: -one[0])


@pytest.mark.parametrize("by", ["max", "mean"])
@pytest.mark.parametrize(("layer", "channel", "k"), [("0", 2, 9), ("2", 4, 1), ("1", 0, 23)])
def test_finds_what_brute_force_finds(network, pictures, layer, channel, k, by):
    best = last(top_examples(network, pictures, layer, channel, k, by=by), progress=False)
    expected = brute_force(network, pictures, layer, channel, by)[:k]
    assert best.indices == tuple(number for _, number, _ in expected)
    assert best.positions == tuple(position for *_, position in expected)
    assert [one.value for one in best.examples] == pytest.approx([value for value, *_ in expected], rel=1e-12)
    for number, picture in zip(best.indices, best.pictures, strict=True):
        assert torch.equal(picture, pictures[number])


def test_every_state_is_the_best_of_the_pictures_so_far(network, pictures):
    steps = []
    for state in top_examples(network, pictures, "2", 1, 4):
        expected = brute_force(network, pictures[: state.step], "2", 1, "max")[:4]
        assert state.indices == tuple(number for _, number, _ in expected)
        assert state.total == 23
        steps.append(state.step)
    assert steps[0] == 1
    assert steps[-1] == 23
    assert len(steps) > 2


def test_a_window_is_what_the_unit_sees(network, pictures):
    """What lies outside the window of an example has no influence on its value."""
    best = last(top_examples(network, pictures, "2", 3, 23), progress=False)
    windows = [one.window for one in best.examples]
    assert any(left == 0 for left, *_ in windows)
    assert any(right == 28 for _, _, right, _ in windows)
    height, width = network.layer("2").receptive_field
    for one in best.examples:
        left, top, right, bottom = one.window
        assert 0 <= left < right <= 28
        assert 0 <= top < bottom <= 20
        assert one.patch.shape == (3, height, width)
        noise = torch.rand(one.picture.shape)
        noise[:, top:bottom, left:right] = one.picture[:, top:bottom, left:right]
        value = network.activations(noise, "2")["2"][3][one.position]
        assert float(value) == pytest.approx(one.value, rel=1e-12)


@pytest.mark.parametrize(
    ("layer", "place", "window"),
    [("conv6", (0, 0), (0, 0, 81, 81)), ("conv4", (7, 2), (0, 76, 81, 128)), ("conv2", (15, 2), (4, 108, 33, 128))],
)
def test_at_the_border_a_window_is_what_is_left_of_the_field(layer, place, window):
    """By hand, and the pixels that have a gradient; around them the patch is gray, and the unit in its middle."""
    network = cnnviz.load_network("mini", weights=None)
    picture = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(2))
    seen = torch.zeros(128, 128, dtype=torch.bool)
    for channel in range(network.layer(layer).channels // 8):
        seen |= cnnviz.neuron_gradient(network, picture[0], layer, channel, place).values.any(0)
    rows, columns = seen.any(1).nonzero().flatten().tolist(), seen.any(0).nonzero().flatten().tolist()
    assert (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) == window
    field = network.layer(layer).field(place, (128, 128))
    example = Example(0, "", 1.0, place, within(field, (128, 128)), picture[0], field)
    assert example.window == window
    size = network.layer(layer).receptive_field
    assert example.patch.shape == (3, *size)
    left, top, right, bottom = window
    inner = torch.zeros(size, dtype=torch.bool)
    inner[top - field[1] : bottom - field[1], left - field[0] : right - field[0]] = True
    assert torch.equal(example.patch[:, inner], picture[0, :, top:bottom, left:right].flatten(1))
    assert (example.patch[:, ~inner] == 128 / 255).all()


def test_where_every_unit_sees_all_the_window_is_the_picture(pictures):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    best = last(top_examples(Network(module, input_size=None), pictures, "1", 1, 3), progress=False)
    assert {one.window for one in best.examples} == {(0, 0, 28, 20)}


def test_a_field_larger_than_the_picture_and_a_mean_show_all_of_it(network, pictures):
    for settings in ({"layer": "0", "by": "mean"}, {"layer": "5"}):
        best = last(top_examples(network, pictures, **settings, k=2), progress=False)
        assert [one.window for one in best.examples] == [(0, 0, 28, 20)] * 2
        assert torch.equal(best.examples[0].patch, best.pictures[0])


def test_a_layer_without_places(network, pictures):
    best = last(top_examples(network, pictures, "5", 2, 3), progress=False)
    scores = network.logits(pictures)[:, 2].sort(descending=True)
    assert best.indices == tuple(scores.indices[:3].tolist())
    torch.testing.assert_close(best.values.double(), scores.values[:3].double(), rtol=1e-6, atol=0)
    assert best.positions == (None, None, None)


def test_equal_values_keep_the_order_of_the_dataset(network, pictures):
    same = [pictures[0]] * 5
    assert last(top_examples(network, same, "0", 1, 3), progress=False).indices == (0, 1, 2)


def test_pictures_of_several_sizes(pictures):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    network = Network(module, input_size=None)
    several = [pictures[0], pictures[1, :, :16], pictures[2, :, :, :20], pictures[3]]
    best = last(top_examples(network, several, "0", 1, 4, by="mean"), progress=False)
    expected = brute_force(network, several, "0", 1, "mean")
    assert best.indices == tuple(number for _, number, _ in expected)
    assert best.content().pictures.shape == (4, 20, 28, 3)


def test_shows_the_patches_with_their_values(network, pictures):
    best = last(top_examples(network, pictures, "0", 2, 3), progress=False)
    content = best.content()
    for shown, one in zip(content.pictures, best.examples, strict=True):
        assert (shown == rgb(one.patch)).all()
    assert content.names[0] == f"{best.examples[0].value:.3g} · picture {best.indices[0]}"
    assert content.caption == "0 channel 2: the best of 23 pictures"
    assert best._repr_png_().startswith(b"\x89PNG")
    assert repr(best) == "TopExamples(0 channel 2: 3, the max of the channel's map)"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"layer": "9"}, "9"),
        ({"channel": 6}, "channel must be a whole number from 0 to 5 in layer '0', not 6"),
        ({"k": 0}, "k must be a whole number at least 1, not 0"),
        ({"by": "sum"}, "by must be one of 'max', 'mean', not 'sum'"),
        ({"pictures": []}, "dataset must hold at least one picture"),
        ({"pictures": torch.zeros(3, 8, 8)}, r"not Tensor \(3, 8, 8\)"),
    ],
)
def test_what_does_not_fit_is_told_before_any_work(network, pictures, wrong, says):
    with pytest.raises(UserError, match=says):
        top_examples(network, **{"pictures": pictures, "layer": "0"} | wrong)


def test_values_that_are_not_finite_are_told(pictures):
    module = nn.Sequential(nn.Conv2d(3, 1, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2))
    network = Network(module, input_size=16)
    nn.init.constant_(module[0].weight, float("nan"))
    with pytest.raises(UserError, match="0 gives values that are not finite for picture 0 of the dataset"):
        last(top_examples(network, pictures, "0"), progress=False)


def test_a_file_that_cannot_be_read_does_not_end_the_search(network, tmp_path):
    generator = np.random.default_rng(0)
    for number in range(6):
        Image.fromarray(generator.integers(0, 256, (20, 28, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    whole = load_dataset([path for number, path in enumerate(sorted(tmp_path.iterdir())) if number not in (0, 3)])
    expected = last(top_examples(network, whole, "0", 2), progress=False)
    for name in ("0.png", "3.png"):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:200])
    with pytest.warns(UserWarning, match=r"2 of 6 pictures could not be read: 0.png, 3.png\."):
        states = list(top_examples(network, tmp_path, "0", 2))
    assert all(state.examples for state in states)
    assert states[-1].step == 6
    assert [one.name for one in states[-1].examples] == [one.name for one in expected.examples]
    assert torch.equal(states[-1].values, expected.values)


def test_nothing_that_can_be_read_is_told(network, tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.png").touch()
    with pytest.raises(UserError, match=r"none of the 3 pictures of the dataset could be read: picture 0 of"):
        list(top_examples(network, tmp_path, "0"))


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_networks_of_other_numbers_of_channels(channels):
    module = nn.Sequential(nn.Conv2d(channels, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    network, pictures = Network(module, input_size=16), torch.rand(5, channels, 16, 16)
    best = last(top_examples(network, pictures, "0", 1), progress=False)
    assert best.indices == tuple(number for _, number, _ in brute_force(network, pictures, "0", 1, "max"))
    assert best.content().pictures.shape == (5, 3, 3, 3)
