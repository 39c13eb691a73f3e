"""Each transform against the pixels that it must move, on pictures that are not square."""

import numpy as np
import pytest
import torch
from ascent import slope
from scipy import ndimage

from cnnviz_widgets.engine.optimize import objectives as o
from cnnviz_widgets.engine.optimize import transforms as t
from cnnviz_widgets.errors import UserError

PICTURES = torch.rand(2, 3, 9, 14, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def many(transform, number=200, pictures=PICTURES):
    generator = seeded()
    return [transform(pictures, generator) for _ in range(number)]


def test_pad():
    padded = t.pad(3, 0.25)(PICTURES, seeded())
    expected = torch.nn.functional.pad(PICTURES, [3] * 4, value=0.25)
    torch.testing.assert_close(padded, expected)
    mirrored = t.pad(2, "reflect")(PICTURES, seeded())
    expected = np.pad(PICTURES.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)), "symmetric")
    torch.testing.assert_close(mirrored, torch.from_numpy(expected))


def test_rolling_jitter_goes_all_ways_by_whole_pixels():
    seen = set()
    for rolled in many(t.jitter(2, wrap=True), 400):
        (move,) = [
            (y, x) for y in range(-2, 3) for x in range(-2, 3) if torch.equal(rolled, PICTURES.roll((y, x), (-2, -1)))
        ]
        seen.add(move)
    assert len(seen) == 25


def test_reflected_jitter_goes_all_ways_by_whole_pixels_for_each_picture():
    wide = np.pad(PICTURES.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)), "symmetric")
    seen, together = set(), 0
    for moved in many(t.jitter(2), 200):
        moves = []
        for i in range(2):
            (move,) = [
                (y, x)
                for y in range(5)
                for x in range(5)
                if np.allclose(moved[i], wide[i, :, y : y + 9, x : x + 14], atol=1e-12)
            ]
            moves.append(move)
        seen.update(moves)
        together += moves[0] == moves[1]
    assert len(seen) == 25
    assert together < 40


def test_padded_jitter_shows_the_border():
    for moved in many(lambda x, g: t.apply([t.pad(2, 0.5), t.jitter(2)], x, g), 50):
        assert moved.shape == (2, 3, 13, 18)
        for one, picture in zip(moved, PICTURES, strict=True):
            border = (one - 0.5).abs() < 1e-12
            rows, columns = (~border.all(0)).nonzero().T
            top, left = rows.min(), columns.min()
            torch.testing.assert_close(one[:, top : top + 9, left : left + 14], picture, rtol=0, atol=1e-12)


@pytest.mark.parametrize("factor", [0.5, 1.7])
def test_scale_by_scipy(factor):
    scaled = t.apply([t.pad(0, 0.0), t.scale(factor, factor)], PICTURES, seeded())
    assert_as_affine(scaled, np.eye(2) / factor)


@pytest.mark.parametrize("degrees", [7.0, 40.0, 90.0])
def test_rotate_by_scipy(degrees):
    """Turned by some angle within the bound, about the center, with the same scale along both axes."""
    for seed in range(3):
        turned = t.apply([t.pad(0, 0.0), t.rotate(degrees)], PICTURES, seeded(seed))
        generator = seeded(seed)
        angles = np.deg2rad(-degrees + 2 * degrees * torch.rand(2, generator=generator, dtype=torch.float64).numpy())
        for one, picture, angle in zip(turned, PICTURES, angles, strict=True):
            c, s = np.cos(angle), np.sin(angle)
            assert_as_affine(one[None], np.array([[c, s], [-s, c]]), picture[None])  # in (row, column)


def assert_as_affine(found, matrix, pictures=PICTURES):
    center = (np.array(pictures.shape[2:]) - 1) / 2
    for one, picture in zip(found.flatten(0, 1), pictures.flatten(0, 1), strict=True):
        expected = ndimage.affine_transform(
            np.pad(picture.numpy(), 20), matrix, center + 20 - matrix @ center, output_shape=picture.shape, order=1
        )
        np.testing.assert_allclose(one, expected, atol=1e-9)


def test_flip():
    seen = [torch.allclose(flipped[0], PICTURES[0].flip(-1)) for flipped in many(t.flip())]
    assert 60 < sum(seen) < 140
    for flipped in many(t.flip(), 20):
        for one, picture in zip(flipped, PICTURES, strict=True):
            assert min((one - picture).abs().max(), (one - picture.flip(-1)).abs().max()) < 1e-12


def test_ranges():
    white = torch.ones(1, 1, 101, 201, dtype=torch.float64)
    sizes = [
        float(t.apply([t.pad(20, 0.0), t.scale(0.9, 1.1)], white, generator).sum()) / white.numel()
        for generator in map(seeded, range(60))
    ]
    assert 0.81 <= min(sizes) < 0.85
    assert 1.16 < max(sizes) <= 1.2101


def test_neighbors_are_one_resampling(monkeypatch):
    """As if done one after the other on a picture that has no pixels: a smooth function of the place."""
    count = []
    sample = torch.nn.functional.grid_sample
    monkeypatch.setattr(torch.nn.functional, "grid_sample", lambda *a, **k: count.append(1) or sample(*a, **k))
    smooth = torch.linspace(-1, 1, 60, dtype=torch.float64)[:, None] + torch.linspace(0, 3, 90, dtype=torch.float64)
    list_ = [t.scale(0.8, 1.2), t.rotate(10), t.jitter(4), t.flip(), t.jitter(3)]
    at_once = t.apply(list_, smooth[None, None], seeded(4))
    assert len(count) == 1
    generator, one_by_one = seeded(4), smooth[None, None]
    for transform in list_:
        one_by_one = transform(one_by_one, generator)
    assert len(count) == 6
    inner = (..., slice(20, 40), slice(25, 65))
    torch.testing.assert_close(at_once[inner], one_by_one[inner], rtol=0, atol=1e-9)


def test_others_stand_between():
    list_ = [t.jitter(2), t.blur(1.0, 1.0), t.jitter(3, wrap=True), t.scale(0.9, 0.9)]
    generator, one_by_one = seeded(), PICTURES
    for transform in list_:
        one_by_one = transform(one_by_one, generator)
    torch.testing.assert_close(t.apply(list_, PICTURES, seeded()), one_by_one)


def test_none_change_nothing():
    assert t.apply([], PICTURES, seeded()) is PICTURES
    still = [t.pad(0), t.jitter(0), t.scale(1, 1), t.rotate(0), t.jitter(0, wrap=True), t.blur(0, 0), t.color(0, 0, 0)]
    torch.testing.assert_close(t.apply([*still, t.noise(0)], PICTURES, seeded()), PICTURES, rtol=0, atol=1e-12)


def test_seeds_repeat():
    everything = [*t.robust(), t.flip(), t.blur(), t.color(), t.noise(), t.jitter(4, wrap=True)]
    first, again, other = (t.apply(everything, PICTURES, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_color_and_noise_stay_within_what_they_say():
    for changed in many(t.color(0.1, 0.0, 0.0), 50):
        move = changed - PICTURES
        torch.testing.assert_close(move, move[:, :1, :1, :1].expand_as(move))
        assert move.abs().max() <= 0.1
    for changed in many(t.color(0.0, 0.2, 0.0), 50):
        ratio = (changed - 0.5) / (PICTURES - 0.5)
        torch.testing.assert_close(ratio, ratio[:, :1, :1, :1].expand_as(ratio))
        assert 0.8 <= ratio.min() <= ratio.max() <= 1.2
    noise = torch.stack(many(t.noise(0.1), 50)) - PICTURES
    assert 0.095 < noise.std() < 0.105


def test_blur_by_scipy():
    blurred = t.blur(0.7, 0.7)(PICTURES, seeded())
    expected = ndimage.gaussian_filter(PICTURES.numpy(), (0, 0, 0.7, 0.7), mode="mirror", truncate=4)
    torch.testing.assert_close(blurred, torch.from_numpy(expected))


def test_a_retina_is_sharp_in_the_middle_and_leaves_even_pictures_alone():
    pictures = torch.rand(2, 3, 65, 65, dtype=torch.float64, generator=seeded())
    seen = t.retina(3.0, sharp=0.3)(pictures, seeded())
    place = torch.arange(65) - 32
    sharp = torch.hypot(place[:, None].double(), place.double()) <= 0.3 * 32 * 2**0.5
    assert torch.equal(seen[..., sharp], pictures[..., sharp])
    assert (seen[..., ~sharp] != pictures[..., ~sharp]).all()
    even = torch.full_like(pictures, 0.37)
    assert torch.allclose(t.retina(3.0)(even, seeded()), even, rtol=0, atol=1e-14)
    assert t.retina(0.0)(pictures, seeded()).allclose(pictures, rtol=0, atol=1e-14)


def test_a_retina_takes_from_a_grating_what_a_gaussian_does():
    """Whose weights are w: Σ w · cos(2πfk) is left; between two blurs the mean, weighted. It falls monotonically."""
    side, frequency, widest, sharp, levels = 257, 1 / 8, 2.0, 0.25, 4
    place = np.arange(side) - side // 2
    grating = torch.from_numpy(np.cos(2 * np.pi * frequency * place)).expand(1, 1, side, side)
    seen = t.retina(widest, sharp, levels)(grating, seeded())[0, 0]
    crests = np.arange(0, side // 2 - 16, 8)  # the border is a mirror, and so is another grating
    row = seen[side // 2, side // 2 + crests].numpy()

    def left(sigma):
        offsets = np.arange(-round(4 * sigma), round(4 * sigma) + 1)
        weights = np.exp(-0.5 * (offsets / sigma) ** 2)
        return weights @ np.cos(2 * np.pi * frequency * offsets) / weights.sum()

    level = levels * ((crests / (side // 2 * 2**0.5) - sharp) / (1 - sharp)).clip(0)
    contrasts = [1.0, *(left(widest * number / levels) for number in range(1, levels + 1))]
    np.testing.assert_allclose(row, np.interp(level, range(levels + 1), contrasts), rtol=0, atol=1e-6)
    assert (np.diff(row) <= 1e-12).all()
    assert row[0] == 1
    assert row[-1] < 0.8


def test_a_retinas_gradient_by_finite_differences():
    pictures = torch.rand(1, 1, 7, 6, dtype=torch.float64, generator=seeded(), requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: t.retina(1.0)(x, seeded()), pictures)


def test_the_gradient_comes_back_to_where_it_belongs(network):
    """Rolled into the network, the center's gradient is rolled back onto the pixel that was there."""
    pictures = torch.rand(1, 3, 5, 6, dtype=torch.float64)
    found = slope(network, o.neuron("maps", 0, (2, 3)), pictures, transforms=[t.jitter(2, wrap=True)], seed=5)
    at = found.abs().sum((0, 1)).nonzero()
    generator = torch.Generator().manual_seed(5)
    y, x = torch.randint(-2, 3, (2,), generator=generator).tolist()
    assert at.tolist() == [[(2 - y) % 5, (3 - x) % 6]]


def test_random_colors_shine_through():
    alpha = torch.zeros(2, 1, 9, 14, dtype=torch.float64)
    alpha[..., :7] = 1
    mixed = t.over_colors(PICTURES, alpha, seeded())
    assert torch.equal(mixed[..., :7], PICTURES[..., :7])
    other = t.over_colors(PICTURES, alpha, seeded(1))
    assert (mixed - other)[..., 7:].abs().mean() > 0.1
    assert 0 <= mixed.min() <= mixed.max() <= 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: t.pad(-1), "pixels must be a whole number at least 0, not -1"),
        (lambda: t.pad(2, "black"), "fill must be a gray value 0…1 or 'reflect', not 'black'"),
        (lambda: t.jitter(1.5), "pixels must be a whole number"),
        (lambda: t.scale(1.1, 0.9), "least and greatest must be factors above 0 in this order, not 1.1 and 0.9"),
        (lambda: t.scale(0, 1), "not 0 and 1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(UserError, match=message):
        call()
