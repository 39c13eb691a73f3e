"""By hand, against torchvision's own scaling of a drawn box, and on real pictures with hand-drawn boxes."""

from math import hypot

import pytest
import torch
from benchmarks.pointing_game import BOXES, examples, only_small
from torch import nn

from cnnviz_widgets import Heatmap, class_gradient, grad_cam, saliency
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.evaluation.pointing_game import boxes_in_view, pointing_game
from cnnviz_widgets.networks import Network, load_network


@pytest.fixture
def network():
    return Network(nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()), input_size=(20, 30))


@pytest.fixture
def picture():
    return torch.rand(3, 20, 30)


def pointer(row, column):
    """A method that points there."""

    def method(network, image, target):
        values = torch.zeros(network.prepare(image).shape[-2:])
        values[row, column] = 1
        return Heatmap(values, image, "a point")

    return method


@pytest.mark.parametrize("tolerance", [0, 1, 3, 4.3, 15])
def test_every_place_by_brute_force(network, picture, tolerance):
    boxes = [(4, 5, 9, 7), (20, 0, 30, 3)]
    pixels = [(r, c) for left, top, right, bottom in boxes for r in range(top, bottom) for c in range(left, right)]
    hits = 0
    for row in range(20):
        for column in range(30):
            (one,) = pointing_game(pointer(row, column), network, [(picture, 0, boxes)], tolerance).results
            assert one.point == (row, column)
            assert one.distance == pytest.approx(min(hypot(row - r, column - c) for r, c in pixels))
            assert one.hit == (one.distance <= tolerance)
            hits += one.hit
    assert one.area == pytest.approx(len(pixels) / 600)
    assert one.chance == pytest.approx(hits / 600)


def test_the_score(network, picture):
    examples = [(picture, 0, [(0, 0, 30, 2)]), (picture, 1, [(0, 18, 30, 20)]), (picture, 1, [(3, 1, 6, 6)])]
    game = pointing_game(pointer(4, 4), network, examples, tolerance=3)
    assert game.values.tolist() == [True, False, True]
    assert (game.hits, game.misses, game.accuracy) == (2, 1, pytest.approx(2 / 3))
    assert game.area == pytest.approx((60 + 60 + 15) / 1800)
    assert [one.boxes for one in game.results] == [((0, 0, 30, 2),), ((0, 18, 30, 20),), ((3, 1, 6, 6),)]
    assert repr(game) == "PointingGame(method: 3, maximum within 3 px of a box)"
    assert game._repr_png_().startswith(b"\x89PNG")


def test_colors_are_added_up_and_the_first_maximum_counts(network, picture):
    box = [(0, 0, 1, 1)]
    (one,) = pointing_game(class_gradient, network, [(picture, 1, box)]).results
    total = class_gradient(network, picture, 1).values.sum(0)
    assert one.point == divmod(int(total.argmax()), 30)

    several = torch.zeros(20, 30)
    several[[3, 8, 8], [20, 2, 25]] = 5
    (one,) = pointing_game(lambda *_: several, network, [(picture, 1, box)]).results
    assert one.point == (3, 20)


def test_a_constant_map_points_nowhere(network, picture):
    game = pointing_game(lambda *_: torch.zeros(20, 30), network, [(picture, 0, [(0, 0, 30, 20)])])
    assert game.results[0].point is None
    assert game.misses == 1
    assert game._repr_png_().startswith(b"\x89PNG")


def test_the_target_is_handed_on(network, picture):
    asked = []

    def method(network, image, target):
        asked.append(target)
        return saliency(network, image, target)

    pointing_game(method, network, [(picture, "class 1", [(0, 0, 5, 5)]), (picture, 0, [(0, 0, 5, 5)])])
    assert asked == ["class 1", 0]


@pytest.mark.parametrize("size", [(300, 448), (448, 300), (160, 240), (224, 224), (500, 4000)])
@pytest.mark.parametrize("name", ["squeezenet1_0", "efficientnet_b0", "mini"])
def test_boxes_go_the_way_of_the_picture(name, size):
    """A white box on black, scaled and cropped as every picture: at its border it is half white."""
    network = load_network(name) if name == "mini" else load_network(name, weights=None)
    height, width = size
    left, top = width // 2 - height // 3, height // 5
    box = (left, top, left + height // 2, top + height // 2)
    photo = torch.zeros(3, *size)
    photo[:, box[1] : box[3], box[0] : box[2]] = 1
    seen = network.prepare(photo)[0, 0] > 0.5
    ((left, top, right, bottom),) = boxes_in_view(network, photo, [box])
    drawn = torch.zeros_like(seen)
    drawn[top:bottom, left:right] = True
    rows, _ = (drawn ^ seen).nonzero(as_tuple=True)
    assert seen.sum() > 100
    assert set(rows.tolist()) <= {
        top - 1,
        top,
        bottom - 1,
        bottom,
    }  # a border that lies within a pixel may go either way
    assert (drawn ^ seen).sum() <= max(right - left, bottom - top) * 2


def test_boxes_that_are_cut_or_gone(network):
    """60×120 becomes 20×40, of which the middle 30 columns are seen: the original ones from 15 to 105."""
    photo = torch.rand(3, 60, 120)
    boxes = [(0, 0, 120, 60), (0, 30, 45, 60), (105, 0, 120, 60), (30, 15, 33, 18)]
    assert boxes_in_view(network, photo, boxes) == [(0, 0, 30, 20), (0, 10, 10, 20), (5, 5, 6, 6)]
    gray = Network(nn.Conv2d(1, 2, 3), input_size=(20, 30))
    assert boxes_in_view(gray, photo, boxes[:2]) == [(0, 0, 30, 20), (0, 10, 10, 20)]
    padded = Network(nn.Conv2d(3, 2, 3), input_size=(20, 30), resize=10)  # 10×20 in the middle of black
    assert boxes_in_view(padded, photo, boxes[:1]) == [(5, 5, 25, 15)]
    as_it_is = Network(nn.Conv2d(3, 2, 3), input_size=None)
    assert boxes_in_view(as_it_is, photo, boxes) == boxes


@pytest.mark.parametrize("box", [(0, 0, 31, 5), (5, 5, 5, 9), (-1, 0, 3, 3), (0, 0, 5), None])
def test_bad_boxes(network, picture, box):
    with pytest.raises(UserError, match=r"boxes of example 1 must be .* 20×30 pixels"):
        pointing_game(saliency, network, [(picture, 0, [(0, 0, 5, 5)]), (picture, 0, [] if box is None else [box])])


def test_bad_input(network, picture):
    good = (picture, 0, [(0, 0, 5, 5)])
    with pytest.raises(UserError, match=r"tolerance must be .* not -1"):
        pointing_game(saliency, network, [good], -1)
    with pytest.raises(UserError, match="examples must be at least one"):
        pointing_game(saliency, network, [])
    with pytest.raises(UserError, match="heatmap must have the picture's 20×30 pixels, not 5×5"):
        pointing_game(lambda *_: torch.rand(5, 5), network, [good])
    with pytest.raises(UserError, match="not finite"):
        pointing_game(lambda *_: torch.full((20, 30), torch.nan), network, [good])


def test_real_boxes_are_in_their_pictures(real_pictures):
    from PIL import Image

    assert len(BOXES) >= 36
    for name, drawn in BOXES.items():
        width, height = drawn["size"]
        assert Image.open(real_pictures[name]).size == (width, height)
        for left, top, right, bottom in drawn["boxes"]:
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height


def test_real_maps_point_at_the_object(real_squeezenet, real_pictures):
    """The boxes cover 36 % of the pictures, and 13 % of those of small objects: what random points would hit."""
    shown = examples(real_squeezenet, real_pictures)
    everything, small = (pointing_game(saliency, real_squeezenet, some, 0) for some in (shown, only_small(shown)))
    assert everything.area == everything.chance < 0.4
    assert small.area < 0.2
    assert everything.accuracy > 0.7
    assert small.accuracy > 0.5
    assert pointing_game(grad_cam, real_squeezenet, shown, 0).accuracy > 0.7
