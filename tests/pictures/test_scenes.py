"""What a scene says of itself is what is seen in it."""

import math

import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.pictures.scenes import COLORS, SHAPES, SIDE, TEXTURES

AREAS = {  # in squares of the radius
    "circle": math.pi,
    "square": 1.5**2,
    "triangle": 3 * math.sqrt(3) / 4,
    "star": 5 * 0.4 * math.sin(math.pi / 5),
    "ring": math.pi * (1 - 0.5**2),
    "cross": 4 * 0.3 * 0.95 + 4 * 0.3 * (0.95 - 0.3),
}


@pytest.fixture(scope="module")
def some():
    return list(cnnviz.scenes(300, seed=4))


def test_a_mask_covers_its_shape(some):
    for scene in some:
        area = float(scene.mask.sum()) / scene.radius**2
        assert area == pytest.approx(AREAS[scene.label], rel=0.06, abs=0.06), scene.label
        y, x = scene.mask.nonzero().double().mean(0) + 0.5
        assert math.hypot(y - scene.center[0], x - scene.center[1]) < 0.5 + 0.05 * scene.radius
        far = (scene.mask.nonzero() + 0.5 - torch.tensor(scene.center)).norm(dim=1).max()
        assert far <= 1.09 * scene.radius + 1


def test_plain_shapes_have_their_color(some):
    for scene in some:
        if scene.texture == "plain":
            inside = scene.image[:, scene.mask].median(1).values
            torch.testing.assert_close(inside, torch.tensor(COLORS[scene.color]), atol=0.01, rtol=0)


def test_textures_darken_a_part(some):
    for scene in some:
        if scene.texture != "plain":
            bright = torch.tensor(COLORS[scene.color]).sum()
            dark = (scene.image[:, scene.mask].sum(0) < 0.7 * bright).float().mean()
            assert 0.08 < dark < 0.75, scene.texture


def test_all_there_is_comes_about_equally_often(some):
    for name, words in (("label", SHAPES), ("color", COLORS), ("texture", TEXTURES)):
        counts = [sum(getattr(one, name) == word for one in some) for word in words]
        assert min(counts) > 300 / len(words) / 2


def test_a_scene_belongs_to_its_seed_and_number():
    few, many, other = cnnviz.scenes(3), cnnviz.scenes(10), cnnviz.scenes(3, seed=1)
    assert torch.equal(few[2].image, many[2].image)
    assert not torch.equal(few[2].image, other[2].image)
    assert few[0].image.shape == (3, SIDE, SIDE)
    assert few[0].image.dtype == torch.float32
    with pytest.raises(IndexError):
        few[3]


def test_load_dataset_takes_them():
    dataset = cnnviz.load_dataset(cnnviz.scenes(5, seed=2))
    scene = cnnviz.scenes(5, seed=2)[4]
    picture, name = dataset[4]
    assert torch.equal(picture, scene.image)
    assert name == f"{scene.label} {scene.color} {scene.texture}"
    assert eval(dataset.source, {"cnnviz": cnnviz})[4][1] == name
