"""Every operator by hand on 3×3 pictures, and against scipy."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from cnnviz_widgets.engine.optimize import operators as op
from cnnviz_widgets.engine.optimize.smoothing import gaussian, merged, pyramid
from cnnviz_widgets.errors import UserError

NINE = torch.arange(1.0, 10, dtype=torch.float64).view(1, 1, 3, 3) / 10  # 0.1 … 0.9
GRAY = torch.full((1, 1, 1), 0.5, dtype=torch.float64)


def after(operator, pictures=NINE, gradient=None, step=4, mean=GRAY):
    return operator(op.Update(step, pictures, torch.ones_like(pictures) if gradient is None else gradient, mean))


def three(*rows):
    return torch.tensor(rows, dtype=torch.float64)[None, None]


def test_normalize():
    gradient = three([3, 0, 0], [0, -4, 0], [0, 0, 0])
    torch.testing.assert_close(op.normalize()(gradient), gradient / 5)
    torch.testing.assert_close(op.normalize("mean")(gradient), gradient * 9 / 7)
    both = torch.cat([gradient, 10 * gradient])
    torch.testing.assert_close(op.normalize()(both)[1], gradient[0] / 5)
    assert not op.normalize()(torch.zeros(1, 1, 3, 3)).any()


def test_laplacian_normalize_makes_every_octave_equally_strong():
    gradient = torch.randn(2, 3, 40, 56, dtype=torch.float64)
    gradient[1] *= 100
    normal = [level / level.square().mean((1, 2, 3), keepdim=True).sqrt() for level in pyramid(gradient, 3)]
    torch.testing.assert_close(op.laplacian_normalize(3)(gradient), merged(normal))
    one = op.laplacian_normalize(1)(gradient)
    torch.testing.assert_close(one, gradient / gradient.square().mean((1, 2, 3), keepdim=True).sqrt())


@pytest.mark.parametrize("size", [(40, 56), (37, 21), (5, 3)])
def test_pyramid_and_back(size):
    pictures = torch.rand(2, 3, *size, dtype=torch.float64)
    levels = pyramid(pictures, 3)
    assert len(levels) == 3
    torch.testing.assert_close(merged(levels), pictures, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (12, 5)])
def test_fourier_smooth(size):
    gradient = torch.randn(1, 2, *size, dtype=torch.float64)
    f = np.hypot(np.fft.fftfreq(size[0])[:, None], np.fft.fftfreq(size[1])).clip(1 / max(size))
    expected = np.fft.ifft2(np.fft.fft2(gradient.numpy()) / (f / f.min()) ** 1.5).real
    torch.testing.assert_close(op.fourier_smooth(1.5)(gradient), torch.from_numpy(expected))
    torch.testing.assert_close(op.fourier_smooth(0)(gradient), gradient)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.3])
def test_blurs_as_scipy(sigma):
    pictures = torch.rand(2, 3, 20, 31, dtype=torch.float64)
    expected = ndimage.gaussian_filter(pictures.numpy(), (0, 0, sigma, sigma), mode="mirror", truncate=4)
    for blurred in (gaussian(pictures, sigma), op.smooth(sigma)(pictures), after(op.blur(sigma, 2), pictures)):
        torch.testing.assert_close(blurred, torch.from_numpy(expected), rtol=1e-12, atol=1e-12)


def test_blur_of_nine():
    """σ = 0.5 reaches two pixels; those beyond the border are mirrored."""
    w = np.exp(-2 * np.arange(-2, 3) ** 2.0)
    w /= w.sum()
    rows = NINE.numpy()[0, 0]
    mirrored = rows[[2, 1, 0, 1, 2, 1, 0]][:, [2, 1, 0, 1, 2, 1, 0]]
    expected = [[w @ mirrored[y : y + 5, x : x + 5] @ w for x in range(3)] for y in range(3)]
    torch.testing.assert_close(after(op.blur(0.5, 1)), three(*expected))


def test_every_k_steps():
    for operator in (op.blur(1.0, 3), op.bilateral(1.0, 0.5, 3)):
        changed = [not torch.equal(after(operator, step=step), NINE) for step in range(1, 7)]
        assert changed == [False, False, True, False, False, True]


def test_decay():
    expected = three([0.18, 0.26, 0.34], [0.42, 0.5, 0.58], [0.66, 0.74, 0.82])  # a fifth of the way to 0.5
    torch.testing.assert_close(after(op.decay(0.2)), expected)


def test_small_norms_become_the_mean_color():
    # distances from 0.5: 4 3 2 / 1 0 1 / 2 3 4, so a third are 0, 1, 1
    expected = three([0.1, 0.2, 0.3], [0.5, 0.5, 0.5], [0.7, 0.8, 0.9])
    torch.testing.assert_close(after(op.clip_small_norms(1 / 3)), expected)
    assert torch.equal(after(op.clip_small_norms(0.0)), NINE)
    torch.testing.assert_close(after(op.clip_small_norms(1.0)), torch.full_like(NINE, 0.5))


def test_the_norm_is_over_colors():
    pictures = torch.full((1, 3, 1, 2), 0.5, dtype=torch.float64)
    pictures[0, :, 0, 0] = torch.tensor([0.8, 0.5, 0.5])  # 0.3 from the mean
    pictures[0, :, 0, 1] = torch.tensor([0.7, 0.7, 0.7])  # 0.35
    clipped = after(op.clip_small_norms(0.5), pictures, mean=GRAY.expand(3, 1, 1))
    assert (clipped[0, :, 0, 0] == 0.5).all()
    assert torch.equal(clipped[..., 1], pictures[..., 1])


def test_small_contributions_become_the_mean_color():
    gradient = three([0, 1, 1], [9, 9, 9], [1, -9, 0])  # times the differences: 0 .3 .2 / .9 0 .9 / .2 2.7 0
    expected = three([0.5, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.5])
    torch.testing.assert_close(after(op.clip_small_contributions(1 / 3), gradient=gradient), expected)


def test_clips_treat_every_picture_by_itself():
    pictures = torch.cat([NINE, 0.5 + (NINE - 0.5) / 10])
    clipped = after(op.clip_small_norms(1 / 3), pictures)
    torch.testing.assert_close(clipped[1], 0.5 + (clipped[0] - 0.5) / 10)


def test_bilateral_by_brute_force():
    pictures, sigma, tone = torch.rand(1, 3, 6, 7, dtype=torch.float64), 1.0, 0.3
    x = pictures.numpy()[0]
    expected = np.zeros_like(x)
    for y, z in np.ndindex(6, 7):
        total, weights = np.zeros(3), 0.0
        for dy, dz in np.ndindex(5, 5):
            other = x[:, min(max(y + dy - 2, 0), 5), min(max(z + dz - 2, 0), 6)]
            weight = np.exp(-((dy - 2) ** 2 + (dz - 2) ** 2) / 2 / sigma**2)
            weight *= np.exp(-((other - x[:, y, z]) ** 2).sum() / 2 / tone**2)
            total, weights = total + weight * other, weights + weight
        expected[:, y, z] = total / weights
    torch.testing.assert_close(after(op.bilateral(sigma, tone, 1), pictures)[0], torch.from_numpy(expected))


def test_bilateral_keeps_an_edge_and_clears_noise():
    edge = torch.zeros(1, 1, 16, 16, dtype=torch.float64)
    edge[..., 8:] = 1
    noisy = edge + 0.02 * torch.randn_like(edge)
    cleared = after(op.bilateral(1.0, 0.1, 1), noisy)
    assert (cleared - edge).std() < 0.5 * (noisy - edge).std()


def test_ball():
    center = torch.zeros(2, 1, 3, 3, dtype=torch.float64)
    pictures = torch.cat([NINE, NINE / 100])
    flat = after(op.ball(center, 0.3), pictures)
    torch.testing.assert_close(flat, pictures.clamp(max=0.3))
    round_ = after(op.ball(center, 1.0, "l2"), pictures)
    torch.testing.assert_close(round_[0], NINE[0] / NINE.norm())  # from outside to the surface
    torch.testing.assert_close(round_[1], pictures[1])  # inside stays


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: op.normalize("size"), "by must be 'norm' or 'mean', not 'size'"),
        (lambda: op.blur(1.0, 0), "every must be a whole number at least 1, not 0"),
        (lambda: op.ball(NINE, 0), "must be above 0, not 0"),
        (lambda: op.ball(NINE, 1, "l1"), "norm must be 'linf' or 'l2', not 'l1'"),
        (lambda: op.laplacian_normalize(0), "levels must be a whole number at least 1"),
        (lambda: op.clip_small_norms(1.5), "share must be a number 0…1, not 1.5"),
        (lambda: op.decay(-1), "rate must be a number 0…1, not -1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(UserError, match=message):
        call()
