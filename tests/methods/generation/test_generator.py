"""Generators against the rendered truth, and arithmetic against its laws."""

import json
import math
from colorsys import hsv_to_rgb

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import cnnviz_widgets as cnnviz
from cnnviz_widgets.engine.generators import (
    HALF,
    NODES,
    PLACED,
    ObjectGenerator,
    RayGenerator,
    _coordinates,
    painted,
    places,
    rgb_of,
    sampled,
)  # fmt: skip
from cnnviz_widgets.methods.generation._views import WINDOW, mirrored, never_learned, rendered
from cnnviz_widgets.pictures.objects import CENTER, KINDS, REACH, SHAPES, SIDE, View


@pytest.fixture(scope="module")
def generator():
    return cnnviz.load_generator()


def test_a_generator_reproduces_the_few_pictures_that_it_learns():
    *_, state = cnnviz.train_generator(pictures=16, batch=4, steps=900, learning_rate=6e-3)
    views = rendered(16, 0)
    with torch.no_grad():
        drawn = state.network(views.parameters)
    assert (drawn[:, 0] - views.shade).square().mean() < 0.1 * views.shade.square().mean()
    assert ((drawn[:, 1] > 0) == (views.cover > 0.5)).float().mean() > 0.95


def test_what_is_painted_of_the_truth_is_the_rendered_picture():
    one = cnnviz.render_object("armchair", 40, 15, 0.6)
    views = rendered(16, 3)
    shade, cover = views.shade.double(), views.cover.double()
    color = torch.rand(16, 3, dtype=torch.float64)
    pictures, masks = painted(torch.stack([shade, cover.logit()], 1), color)
    expected = color[:, :, None, None] * shade[:, None] + 0.95 * (1 - cover[:, None])
    torch.testing.assert_close(pictures, expected.clamp(0, 1))
    torch.testing.assert_close(masks, cover)
    assert one.image.shape == pictures.shape[1:]


def test_colors_are_those_of_colorsys():
    hues, saturations, values = torch.rand(3, 50, dtype=torch.float64)
    expected = [hsv_to_rgb(*one) for one in zip(hues.tolist(), saturations.tolist(), values.tolist(), strict=True)]
    torch.testing.assert_close(rgb_of(hues, saturations, values), torch.tensor(expected, dtype=torch.float64))


def test_places_of_the_first_maps_are_those_that_the_renderer_projects_to():
    """The inverse of the renderer's map from the object's plane to the picture."""
    placed = {"scale": 0.9, "right": 0.1, "up": -0.05, "roll": 17.0, "stretch": 1.2}
    numbers = torch.tensor([[placed[name] for name in PLACED]], dtype=torch.float64)
    found = _coordinates(numbers, 16)[0].flatten(1)
    view = View.of(0, 0, **placed)
    right, up = torch.tensor(view.to) @ found + torch.tensor(view.move)[:, None]
    line = (torch.arange(16, dtype=torch.float64) + 0.5) / 8 - 1
    torch.testing.assert_close(right.view(16, 16), line.expand(16, 16))
    torch.testing.assert_close(up.view(16, 16), -line[:, None].expand(16, 16))
    assert math.isclose(REACH, 1 / view.to[1, 1] * 0.9 * math.cos(math.radians(17)))


def test_points_of_rays_are_projected_to_their_pixels_and_lie_in_the_block():
    numbers = 40.0, 25.0, 0.9, 0.1, -0.05, 17.0, 1.2  # azimuth, elevation, scale, right, up, roll, stretch
    placement, view, count = torch.tensor([numbers], dtype=torch.float64), View.of(*numbers), 8
    points, step = (one[0].numpy() for one in sampled(placement, places(placement), count))
    pixels = np.mgrid[:SIDE, :SIDE].reshape(2, -1).T + 0.5
    for number in range(count):
        np.testing.assert_allclose(view.project(CENTER + points[:, number], SIDE), pixels, atol=1e-9)
    ways = np.linalg.norm(np.diff(points, axis=1), axis=2)
    np.testing.assert_allclose(ways, np.broadcast_to(step, ways.shape), atol=1e-12)
    inside = (step[:, 0] > 0)[:, None, None] & (np.abs(points) > HALF)
    assert 0.3 < (step > 0).mean() < 0.9
    assert not inside.any()


def test_the_block_holds_every_object():
    for shape in SHAPES.values():
        for box in shape.boxes:
            assert (np.abs(np.array([box.low, box.high]) - CENTER) <= HALF).all()


def test_what_is_behind_is_hidden():
    """Of two opaque layers, a ray shows the brightness of the one that the camera meets first."""

    class Layers(RayGenerator):
        def block(self, code):
            z = torch.linspace(-1, 1, NODES[2]).view(1, -1, 1, 1)
            density = torch.where(z.abs() > 0.5, 20.0, -20.0)
            return torch.stack([density, (z > 0).float()], 1).expand(-1, -1, -1, NODES[1], NODES[0])

    network, middle = Layers(), torch.zeros(1, 1, 2)
    for azimuth, expected in ((0, 1), (180, 0)):
        placement = torch.tensor([[azimuth, 0, 1, 0, 0, 0, 1]], dtype=torch.float32)
        bright, logit = network.shade(torch.zeros(1, 1), placement, middle)[0, 0]
        assert bright == pytest.approx(expected, abs=1e-3)
        assert logit > 10


def test_a_ray_is_drawn_by_itself_and_its_mirror_image():
    torch.manual_seed(0)
    network, views = RayGenerator().double(), rendered(16, 0)
    parameters, other = (one.parameters.double() for one in (views, mirrored(views)))
    drawn, (row, column) = network(parameters), (20, 30)
    torch.testing.assert_close(network(other), drawn.flip(3))
    placement = parameters[:, len(KINDS) :]
    found = network.shade(network.code(parameters), placement, places(placement)[:, [row * SIDE + column]])
    torch.testing.assert_close(found[:, 0], drawn[:, :, row, column])


def test_mirrored_views_are_the_views_of_mirrored_parameters():
    views = rendered(16, 1)
    other = mirrored(views)
    numbers = dict(zip(("azimuth", "elevation", *PLACED), other.parameters[5, len(KINDS) :].tolist(), strict=True))
    again = cnnviz.render_object(KINDS[5], **numbers)
    torch.testing.assert_close(again.mask, other.cover[5], atol=0.12, rtol=0)  # one of nine rays may fall otherwise
    assert (again.mask - other.cover[5]).abs().mean() < 1e-3


def test_what_is_left_out_is_left_out():
    for kind in range(len(KINDS)):
        shares = [never_learned(kind, azimuth) for azimuth in range(-180, 180)]
        assert sum(shares) == pytest.approx(2 * WINDOW, abs=3)
        assert [never_learned(kind, -azimuth) for azimuth in range(-180, 180)] == shares
    for learned in (True, False):
        views = rendered(32, 2, learned=learned)
        azimuths = views.parameters[:, len(KINDS)].tolist()
        assert all(never_learned(at % 16, one) != learned for at, one in enumerate(azimuths))


def test_both_ends_of_a_morph_are_the_ends(generator):
    made = generator.morph("chair", "sofa", 5, azimuth=50)
    assert made.values.shape == (5, 3, SIDE, SIDE)
    for at, kind in ((0, "chair"), (-1, "sofa")):
        torch.testing.assert_close(made.values[at], generator(kind, azimuth=50).values, atol=1e-5, rtol=1e-5)


def test_arithmetic_undoes_itself(generator):
    a, b = generator.code("armchair", hue=0.2, roll=5), generator.code("table", azimuth=200, scale=0.8)
    made = generator.draw(a - a + b).values[0]
    torch.testing.assert_close(made, generator("table", azimuth=200, scale=0.8).values, atol=1e-4, rtol=1e-4)


def test_the_bundled_generator_draws_what_it_never_saw(generator):
    views = rendered(64, 5, learned=False)
    with torch.no_grad():
        drawn = generator.module(views.parameters)
    color = torch.full((64, 3), 0.7)
    made, mask = painted(drawn, color)
    truth, cover = painted(torch.stack([views.shade, views.cover.logit(eps=1e-6)], 1), color)
    psnr = -10 * (made - truth).square().mean((1, 2, 3)).log10()
    one, other = mask > 0.5, cover > 0.5
    overlap = (one & other).sum((1, 2)) / (one | other).sum((1, 2))
    assert psnr.mean() > 27.5
    assert overlap.mean() > 0.945


@pytest.mark.parametrize("up", ["resize", "transposed", "rays"])
def test_generators_are_saved_and_resumed(tmp_path, up):
    how = {"pictures": 16, "batch": 4, "up": up}
    *_, whole = cnnviz.train_generator(steps=6, **how)
    half = next(one for one in cnnviz.train_generator(steps=6, **how) if one.step == 3)
    half.save(tmp_path / "half")
    *_, resumed = cnnviz.train_generator(steps=6, start=tmp_path / "half", **how)
    for name, one in whole.weights.items():
        assert torch.equal(one, resumed.weights[name]), name
    cnnviz.save_generator(whole, tmp_path / "whole")
    again = cnnviz.load_generator(tmp_path / "whole")
    torch.testing.assert_close(again("sofa").values, cnnviz.load_generator(whole)("sofa").values, atol=0.01, rtol=0)


def test_transposed_convolutions_leave_a_checkerboard():
    """The share of the pattern that changes its sign with every pixel, both ways."""

    def checkered(up):
        made = cnnviz.last(cnnviz.train_generator(pictures=16, batch=8, steps=10, up=up), progress=False).preview[:6]
        rows = made[..., ::2, :] - made[..., 1::2, :]
        return (rows[..., ::2] - rows[..., 1::2]).square().mean() / made.var((2, 3)).mean()

    assert checkered("transposed") > 20 * checkered("resize")


def test_first_weights_are_he_initialized():
    torch.manual_seed(0)
    network = ObjectGenerator()
    layer = network.encode[2]
    assert float(layer.weight.detach().std()) == pytest.approx(math.sqrt(2 / layer.in_features), rel=0.02)


def test_bad_input_gets_one_sentence(generator, tmp_path):
    for wrong, said in ((dict(kind="lamp"), "kind"), (dict(scale=2), "scale"), (dict(elevation=80), "elevation")):
        with pytest.raises(cnnviz.UserError, match=said):
            generator(**wrong)
    with pytest.raises(cnnviz.UserError, match="source must be None"):
        cnnviz.load_generator(3)
    with pytest.raises(cnnviz.UserError, match="not a file"):
        cnnviz.load_generator(tmp_path / "none")
    with pytest.raises(cnnviz.UserError, match="pictures must be"):
        cnnviz.train_generator(pictures=3)


@pytest.mark.parametrize(
    "about", [{"kind": "RayGenerator", "layout": {"lines": 128}}, {"kind": "Painter", "layout": {}}]
)
def test_a_file_of_another_version_is_refused_in_a_sentence(about, tmp_path):
    save_file({"weight": torch.zeros(3)}, tmp_path / "old.safetensors", {"network": json.dumps(about)})
    with pytest.raises(cnnviz.UserError, match=r"old.safetensors' is not the file of a trained network for pictures\."):
        cnnviz.load_generator(tmp_path / "old.safetensors")
