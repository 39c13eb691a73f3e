"""Against closed forms on linear networks, and brute force."""

import pytest
import torch
from torch import nn

from cnnviz_widgets import Heatmap, class_gradient, input_x_gradient
from cnnviz_widgets.engine.fills import FILLS, fill_picture
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.evaluation.deletion_curve import deletion_curve, insertion_curve
from cnnviz_widgets.networks import Network


def linear(classes=2, size=(6, 5), mean=(0.4, 0.5, 0.6)):
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * size[0] * size[1], classes)).double()
    return Network(module, input_size=size, mean=mean, std=[0.2, 0.3, 0.4])


@pytest.fixture
def picture():
    return torch.rand(3, 6, 5, dtype=torch.float64)


@pytest.mark.parametrize("curve", [deletion_curve, insertion_curve])
@pytest.mark.parametrize("fill", FILLS)
def test_closed_form_on_a_linear_network(curve, fill):
    """Each pixel has its own share of the difference of the two logits, and loses it when it is filled."""
    network, picture = linear(size=(12, 10)), torch.rand(3, 12, 10, dtype=torch.float64)
    filling = fill_picture(picture, fill)
    weight = (network.module[1].weight[1] - network.module[1].weight[0]).detach().view(3, 12, 10)
    share = (
        (weight * (picture - filling) / torch.tensor(network.std, dtype=torch.float64)[:, None, None]).sum(0).flatten()
    )
    logits = network.logits(picture)
    whole = logits[1] - logits[0]
    lost = torch.cat([torch.zeros(1).double(), share.sort(descending=True).values.cumsum(0)])
    difference = whole - lost if curve is deletion_curve else whole - share.sum() + lost

    result = curve(network, picture, share.view(12, 10), 1, steps=120, fill=fill)
    torch.testing.assert_close(result.values, torch.sigmoid(difference), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(result.fractions, torch.arange(121).double() / 120)
    expected = torch.sigmoid(difference)
    assert result.area == pytest.approx(float((expected[1:] + expected[:-1]).mean() / 2), abs=1e-13)
    assert result.target == 1
    assert result.of == "class 1"


def test_by_brute_force(picture):
    network = linear(4)
    network.module.insert(2, nn.ReLU())
    heatmap = torch.randn(6, 5)
    heatmap[1, 2] = heatmap[4, 0] = 9.0  # the greatest, twice: the one further up goes first
    places = sorted((-float(heatmap[r, c]), r, c) for r in range(6) for c in range(5))
    for curve, values, rest in (
        (deletion_curve, picture.clone(), torch.full_like(picture, 0.5)),
        (insertion_curve, torch.full_like(picture, 0.5), picture),
    ):
        expected, counts = [], [0, 4, 9, 13, 17, 21, 26, 30]  # 30 / 7 apart, rounded
        for done in range(31):
            if done in counts:
                expected.append(network.logits(values).softmax(0)[2])
            if done < 30:
                _, row, column = places[done]
                values[:, row, column] = rest[:, row, column]
        result = curve(network, picture, heatmap, 2, steps=7, fill="gray")
        assert (result.fractions * 30).round().tolist() == counts
        torch.testing.assert_close(result.values, torch.stack(expected), rtol=1e-12, atol=1e-15)


def test_it_begins_with_the_picture_and_ends_with_the_filling(picture):
    network, heatmap = linear(), torch.rand(6, 5)
    whole = network.logits(picture).softmax(0).max()
    removed, inserted = (
        deletion_curve(network, picture, heatmap, fill="mean"),
        insertion_curve(network, picture, heatmap),
    )
    assert float(removed.values[0]) == pytest.approx(float(whole))
    assert float(inserted.values[-1]) == pytest.approx(float(whole))
    assert removed.target == inserted.target == int(network.logits(picture).argmax())
    assert len(removed.values) == 51


def test_any_map_of_the_right_size(picture):
    network = linear()
    signed = class_gradient(network, picture, 0)
    expected = deletion_curve(network, picture, signed.values.sum(0), 0).values
    assert torch.equal(deletion_curve(network, picture, signed, 0).values, expected)
    assert torch.equal(deletion_curve(network, picture, signed.heatmap(), 0).values, expected)


def test_it_shows_itself(picture):
    network = linear()
    result = deletion_curve(network, picture, torch.rand(6, 5), 0, steps=5)
    assert result._repr_png_().startswith(b"\x89PNG")
    shown = result.content().picture
    assert len(set(map(tuple, shown.reshape(-1, 3).tolist()))) > 3
    assert repr(result).startswith("Curve(class 0: 6, probability with the most important pixels removed, gray")


def test_a_good_map_is_better_than_chance(real_squeezenet, real_pictures):
    from cnnviz_widgets import saliency
    from cnnviz_widgets.pictures import load_image

    ladybug = load_image(real_pictures["n02165456_ladybug"])
    smooth = nn.AvgPool2d(15, 1, 7)
    good = smooth(saliency(real_squeezenet, ladybug, "ladybug").values[None])[0]
    poor = smooth(torch.rand(1, 224, 224))[0]
    areas = [
        curve(real_squeezenet, ladybug, heatmap, "ladybug", steps=16).area
        for curve in (deletion_curve, insertion_curve)
        for heatmap in (good, poor)
    ]
    assert areas[0] < 0.7 * areas[1]
    assert areas[2] > 1.3 * areas[3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heatmap": torch.zeros(6, 5)}, "heatmap is constant \\(0 everywhere\\)"),
        ({"heatmap": torch.rand(5, 6)}, "heatmap must have the picture's 6×5 pixels, not 5×6"),
        ({"heatmap": torch.full((6, 5), torch.inf)}, "not finite"),
        ({"heatmap": Heatmap(torch.rand(2, 6, 5), torch.rand(2, 3, 6, 5), "two")}, "one picture, not of a batch of 2"),
        ({"steps": 0}, "steps must be a whole number at least 1, not 0"),
        ({"fill": "white"}, "fill must be one of .* not 'white'"),
        ({"target": 2}, "class 2 is not one of the 2 classes"),
        ({"image": torch.rand(2, 3, 6, 5)}, "one picture"),
    ],
)
def test_bad_input(picture, change, message):
    arguments = {"network": linear(), "image": picture, "heatmap": torch.rand(6, 5)} | change
    with pytest.raises(UserError, match=message):
        deletion_curve(**arguments)


def test_a_network_without_answers(picture):
    network = linear()
    nn.init.constant_(network.module[1].bias, torch.nan)
    with pytest.raises(UserError, match="not finite"):
        insertion_curve(network, picture, torch.rand(6, 5), 0)


def test_gradient_times_input_is_the_best_order_of_a_linear_network(picture):
    """Where the filling is 0 in the network's units it is each pixel's very share of the score."""
    network = linear(mean=(0.5, 0.5, 0.5))
    nn.init.zeros_(network.module[1].weight.data[0])
    best = deletion_curve(network, picture, input_x_gradient(network, picture, 1), 1, steps=30).area
    others = [deletion_curve(network, picture, torch.rand(6, 5), 1, steps=30).area for _ in range(20)]
    assert best < min(others)
