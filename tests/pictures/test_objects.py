"""What a rendered object says of itself is what is seen in it."""

import math
from colorsys import hsv_to_rgb

import numpy as np
import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.pictures.objects import (
    AMBIENT,
    BACKGROUND,
    CENTER,
    DISTANCE,
    KINDS,
    LIGHT,
    RANGES,
    REACH,
    SAMPLES,
    SHAPES,
    SIDE,
    Box,
    Shape,
    View,
    traced,
)  # fmt: skip

FRONT = (0, 0, 1, 0, 0, 0, 1)


@pytest.fixture(scope="module")
def some():
    return list(cnnviz.objects(24, seed=4))


def covered(box, view=FRONT, side=SIDE):
    shade, cover, depth = traced(Shape((box,)), View.of(*view), side)
    return shade, cover, depth


def test_a_box_from_the_front_is_the_rectangle_of_its_front_corners():
    low, high = (CENTER + np.array(end) for end in ((-0.3, -0.2, -0.1), (0.5, 0.4, 0.25)))
    shade, cover, depth = covered(Box(tuple(low), tuple(high), 0.5))
    grow = DISTANCE / (DISTANCE - 0.25) / REACH * SIDE / 2  # px for a unit of length, in the plane of the front
    top, bottom, left, right = (SIDE / 2 + grow * one for one in (-0.4, 0.2, -0.3, 0.5))
    assert cover.sum() == pytest.approx((bottom - top) * (right - left), abs=(bottom - top + right - left) / SAMPLES)
    rows, columns = (np.flatnonzero(cover.any(axis)) for axis in (1, 0))
    assert rows.min() == math.floor(top)
    assert rows.max() == math.ceil(bottom) - 1
    assert columns.min() == math.floor(left)
    assert columns.max() == math.ceil(right) - 1
    np.testing.assert_allclose(depth[cover > 0], DISTANCE - 0.25, rtol=1e-12)  # the front is one plane
    tones = shade[cover == 1]
    np.testing.assert_allclose(tones, tones[0], rtol=1e-12)


def test_rays_and_projection_are_inverse_of_each_other():
    view = View.of(77, 33, 0.9, 0.1, -0.05, 12, 1.2)
    rows, columns = np.random.default_rng(0).uniform(0, 64, (2, 50))
    lengths = np.random.default_rng(1).uniform(0.5, 1.5, 50)
    points = view.camera[:, None] + lengths * view.rays(rows, columns, 64)
    np.testing.assert_allclose(view.project(points.T, 64), np.stack([rows, columns], -1), atol=1e-9)


def test_nearest_of_two_boxes_by_brute_force():
    """Each ray in small steps, through all boxes of an object."""
    view, side = View.of(40, 30, 1, 0, 0, 5, 1.1), 12 * SAMPLES
    shape = SHAPES["armchair"]
    _, _, depth = traced(shape, view, 12)
    rows, columns = (one.ravel() + 0.5 for one in np.mgrid[:side, :side])
    rays = view.rays(rows, columns, side)
    steps = np.linspace(0.7, 1.3, 2401)
    points = view.camera[:, None, None] + rays[..., None] * steps
    inside = np.zeros(points.shape[1:], bool)
    for box in shape.boxes:
        low, high = (np.array(end)[:, None, None] for end in (box.low, box.high))
        inside |= ((points >= low) & (points <= high)).all(0)
    first = np.where(inside.any(1), steps[inside.argmax(1)], np.inf) * DISTANCE
    expected = first.reshape(12, SAMPLES, 12, SAMPLES).min((1, 3))
    assert (np.isfinite(expected) == np.isfinite(depth)).mean() > 0.99  # a step may pass over a corner
    both = np.isfinite(expected) & np.isfinite(depth)
    late = expected[both] - depth[both]  # a step may also pass over an edge, never begin too early
    assert late.min() > -1e-9
    assert (late < 0.0011).mean() > 0.94


def test_a_turn_is_a_turn():
    for kind in KINDS:
        one, other = cnnviz.render_object(kind, 0, 25), cnnviz.render_object(kind, 360, 25)
        torch.testing.assert_close(one.image, other.image, atol=0.02, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mirrored_azimuth_gives_the_mirrored_picture(kind):
    one, other = (cnnviz.render_object(kind, azimuth, 22.3) for azimuth in (31.7, -31.7))
    torch.testing.assert_close(one.image, other.image.flip(-1), atol=1e-5, rtol=0)
    for name, mark in one.landmarks.items():
        swapped = name[: -len("left")] + "right" if name.endswith("left") else name[: -len("right")] + "left"
        mirrored = other.landmarks[swapped]
        assert (mark.row, mark.column) == pytest.approx((mirrored.row, SIDE - mirrored.column), abs=1e-9)
        assert mark.visible == mirrored.visible


def test_the_mask_is_where_the_depth_is_finite(some):
    for one in some:
        assert torch.equal(one.mask > 0, one.depth.isfinite())
        bare = one.mask == 0
        torch.testing.assert_close(one.image[:, bare], torch.full((3, int(bare.sum())), BACKGROUND))


def test_landmarks_are_where_the_object_is(some):
    """A corner is a corner of the mask or an inner edge: next to it, something is covered; if it is seen, by itself."""
    for one in some:
        for mark in one.landmarks.values():
            if not mark.visible:
                continue
            row, column = int(mark.row), int(mark.column)
            around = np.s_[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
            assert one.mask[around].max() > 0


def test_landmarks_of_a_box_are_its_corners_in_closed_form():
    marks = cnnviz.render_object("stool", 0, 0).landmarks
    plate = SHAPES["stool"].boxes[0]
    x, y, z = np.array(plate.high) - CENTER
    grow = DISTANCE / (DISTANCE - z) / REACH * SIDE / 2
    left = marks["top front left"]
    assert (left.row, left.column) == pytest.approx((SIDE / 2 - grow * y, SIDE / 2 + grow * x), abs=1e-9)
    assert left.visible
    assert not marks["foot back left"].visible  # behind the front leg
    assert cnnviz.render_object("stool", 180, 0).landmarks["foot back left"].visible


def test_landmarks_do_not_move_with_color_or_size():
    one, other = cnnviz.render_object("sofa", hue=0.1), cnnviz.render_object("sofa", hue=0.6, size=128)
    for name, mark in one.landmarks.items():
        assert 2 * mark.row == pytest.approx(other.landmarks[name].row)
        assert 2 * mark.column == pytest.approx(other.landmarks[name].column)


def test_the_brightest_face_has_the_color():
    object = cnnviz.render_object("table", 0, 89, 0.6, saturation=0.5, brightness=0.8)
    light = LIGHT[1] / np.linalg.norm(LIGHT)
    color = np.array(hsv_to_rgb(0.6, 0.5, 0.8)) * (AMBIENT + (1 - AMBIENT) * light)
    np.testing.assert_allclose(object.image[:, SIDE // 2, SIDE // 2], color, rtol=1e-5)


def test_shift_and_stretch_move_the_landmarks_by_what_they_say():
    plain = cnnviz.render_object("table").landmarks["top front left"]
    moved = cnnviz.render_object("table", right=0.1, up=0.05).landmarks["top front left"]
    assert (moved.row, moved.column) == pytest.approx((plain.row - 0.05 * SIDE, plain.column + 0.1 * SIDE))
    wide = cnnviz.render_object("table", stretch=1.2).landmarks["top front left"]
    assert wide.column - SIDE / 2 == pytest.approx(1.2 * (plain.column - SIDE / 2))
    turned = cnnviz.render_object("table", roll=90).landmarks["top front left"]
    assert (turned.row, turned.column) == pytest.approx((SIDE - plain.column, plain.row))


def test_an_object_belongs_to_its_seed_and_number(some):
    assert torch.equal(cnnviz.objects(3, seed=4)[2].image, some[2].image)
    assert not torch.equal(cnnviz.objects(3)[2].image, some[2].image)
    given = some[2].parameters
    assert torch.equal(cnnviz.render_object(**given).image, some[2].image)
    assert all(low <= given[name] <= high for name, (low, high) in RANGES.items())


def test_load_dataset_takes_them():
    dataset = cnnviz.load_dataset(cnnviz.objects(3, seed=2))
    picture, name = dataset[2]
    object = cnnviz.objects(3, seed=2)[2]
    assert torch.equal(picture, object.image)
    assert name == object.label
    assert eval(dataset.source, {"cnnviz": cnnviz})[2][1] == name


def test_bad_input_gets_one_sentence():
    with pytest.raises(cnnviz.UserError, match="kind must be one of 'chair'"):
        cnnviz.render_object("lamp")
    for wrong, said in ((dict(elevation=95), "elevation"), (dict(hue=1.5), "hue"), (dict(scale=0), "scale")):
        with pytest.raises(cnnviz.UserError, match=said):
            cnnviz.render_object(**wrong)
