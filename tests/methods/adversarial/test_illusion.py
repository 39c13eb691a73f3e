"""Illusions against what they claim: equal grays, straight lines, equal discs, even bands, spectra without overlap."""

from itertools import pairwise

import numpy as np
import pytest
import torch

import cnnviz_widgets as cnnviz

KINDS = ("checker_shadow", "cafe_wall", "hering", "ebbinghaus", "mach_bands", "kanizsa")
SIZES = (64, 129, 256)


def cut(picture, place):
    x, y, width, height = place
    return picture[:, y : y + height, x : x + width]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_the_two_squares_are_the_same_gray_to_the_bit(size, strength):
    made = cnnviz.illusion("checker_shadow", strength, size=size)
    lit, shaded = (cut(made.values, place) for place in made.places)
    assert torch.equal(lit, shaded)
    assert lit.unique().numel() == 1
    assert made.fact == f"both are {int(lit[0, 0, 0] * 255)} of 255"


def test_what_deceives_is_around_the_squares():
    """The dark square lies among lighter ones, and the other among darker ones."""
    made = cnnviz.illusion("checker_shadow", size=256)
    own = cut(made.values, made.places[0]).mean()
    means = []
    for x, y, width, height in made.places:
        around = made.values[0, max(0, y - height) : y + 2 * height, x - width : x + 2 * width]
        means.append(around[around != own].mean())
    assert means[0] > own > means[1]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["cafe_wall", "hering"])
def test_lines_are_parallel(kind, size):
    """A straight line fitted to the centroids of each column has slope 0."""
    made = cnnviz.illusion(kind, size=size)
    for place in made.places:
        part = cut(made.values, place)[0].double()
        weight = (part - part.mean(0, keepdim=True)).abs() + 1
        rows = torch.arange(len(part), dtype=torch.float64)[:, None]
        centers = (weight * rows).sum(0) / weight.sum(0)
        slope = np.polyfit(np.arange(size), centers.numpy(), 1)[0]
        assert abs(slope) < 1e-9
        assert part.unique().numel() == 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_discs_are_equal(size, strength):
    made = cnnviz.illusion("ebbinghaus", strength, size=size)
    left, right = (cut(made.values, place) for place in made.places)
    inside = (left[0] < 0.3) | (right[0] < 0.3)
    assert torch.equal(left[:, inside], right[:, inside])
    area = float(((1 - left[0].double()) / 0.8).clamp(max=1).sum())
    assert area == pytest.approx(np.pi * (size / 20) ** 2, rel=0.12)  # its edge lies on parts of pixels


def test_rings_are_equal_without_the_illusion_only():
    def darkness(strength):
        picture = 1 - cnnviz.illusion("ebbinghaus", strength, size=256).values[0]
        return picture[:, :128].sum(), picture[:, 128:].sum()

    assert torch.allclose(*darkness(0.0), rtol=1e-3)
    large, small = darkness(1.0)
    assert large > 2 * small


@pytest.mark.parametrize("size", SIZES)
def test_bands_are_even_and_rise(size):
    made = cnnviz.illusion("mach_bands", size=size)
    bands = [cut(made.values, place) for place in made.places]
    assert all(band.unique().numel() == 1 for band in bands)
    levels = [float(band[0, 0, 0]) for band in bands]
    assert all(a < b for a, b in pairwise(levels))
    assert sum(place[2] for place in made.places) == size


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_the_triangle_has_no_edge(size, strength):
    """The ground on both sides of where it is seen is the same to the bit; sectors of 60° are cut out, no more."""
    made = cnnviz.illusion("kanizsa", strength, size=size)
    for place in made.places:
        assert (cut(made.values, place) == 1).all()
    discs = ((1 - made.values[0].double()) / 0.85).sum()
    assert float(discs) == pytest.approx(3 * np.pi * (0.18 * size) ** 2 * (1 - strength / 6), rel=0.02)
    (_, above, _, side), (_, below, _, _) = made.places
    assert above + side <= below


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_is_one_of_256_and_the_proof_is_the_same_picture(kind):
    made = cnnviz.illusion(kind, 0.7)
    assert torch.equal((made.values * 255).round() / 255, made.values)
    assert made.proof.shape == made.values.shape
    assert not torch.equal(made.proof, made.values)


@pytest.mark.parametrize("cutoff", [3.0, 8.0, 20.0])
def test_no_frequency_shows_both(cutoff):
    made = cnnviz.hybrid("teapot", "goldfish", cutoff=cutoff, size=128)
    low, high = (torch.fft.fft2(one).abs().amax(0) for one in (made.low, made.high))
    height = torch.fft.fftfreq(128, 1 / 128, dtype=torch.float64)
    frequency = torch.hypot(height[:, None], height[None])
    assert float(low[frequency >= cutoff].max()) < 1e-9
    assert float(high[frequency <= cutoff].max()) < 1e-9
    assert float((low * high).max()) < 1e-9
    assert float(low.max()) > 1
    assert float(high.max()) > 1
    assert torch.allclose(made.values.double(), 0.5 + made.scale * (made.low + made.high - 0.5), atol=1e-6)


def test_from_afar_only_the_low_frequencies_are_left():
    made = cnnviz.hybrid("teapot", "goldfish", cutoff=8, size=256)
    field = made.seen_from(8)
    small = field[:, 112:144, 112:144]
    wanted = torch.nn.functional.interpolate(
        (0.5 + made.scale * (made.low - 0.5))[None].float(), (32, 32), mode="bilinear", antialias=True
    )[0]
    assert float((small - wanted).abs().mean()) < 0.03
    assert torch.all(field[:, :112] == 0.5)


def test_a_cutoff_beyond_the_picture_is_refused():
    with pytest.raises(cnnviz.UserError, match="cutoff must be below a quarter of size"):
        cnnviz.hybrid("teapot", "goldfish", cutoff=64, size=128)
