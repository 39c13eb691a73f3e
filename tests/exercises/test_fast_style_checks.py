"""The checks of chapter 16: right answers, missing ones, and mistakes that are told by their own result."""

from math import log, log10

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from cnnviz_widgets.exercises import check_instance_norm, check_quality
from cnnviz_widgets.exercises.fast_style import NOISY, PICTURE


def norm(
    *over,
    correction=0,
    give=lambda maps, mean, variance, eps: (maps - mean) / (variance + eps).sqrt(),
):
    def my_instance_norm(maps, eps):
        mean = maps.mean(over or (2, 3), keepdim=True)
        variance = maps.var(over or (2, 3), correction=correction, keepdim=True)
        return give(maps, mean, variance, eps)

    return my_instance_norm


def overwriting(maps, eps):
    maps -= maps.mean((2, 3), keepdim=True)
    return norm()(maps, eps)


def stretched(maps, eps):
    low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
    return (maps - low) / (high - low)


NORMS = {
    "this is *batch* norm": norm(0, 2, 3),
    "this is *layer* norm": norm(1, 2, 3),
    "taken over everything": norm(0, 1, 2, 3),
    "of a position over its channels": norm(1),
    "each row": norm(3),
    "each column": norm(2),
    "divide by n − 1": norm(correction=1),
    "and the deviation is the unbiased one": norm(
        correction=1, give=lambda maps, mean, variance, eps: (maps - mean) / (variance.sqrt() + eps)
    ),
    "not σ + ε": norm(give=lambda maps, mean, variance, eps: (maps - mean) / (variance.sqrt() + eps)),
    "ε is missing": norm(give=lambda maps, mean, variance, eps: (maps - mean) / variance.sqrt()),
    "the root is missing": norm(give=lambda maps, mean, variance, eps: (maps - mean) / (variance + eps)),
    "the mean is not taken away": norm(give=lambda maps, mean, variance, eps: maps / (variance + eps).sqrt()),
    "contrast is still in it": norm(give=lambda maps, mean, variance, eps: maps - mean),
    "scaled to 0…1": stretched,
    "writes into the maps": overwriting,
    "it must be `(maps": norm(give=lambda maps, mean, variance, eps: (mean - maps) / (variance + eps).sqrt()),
    "is asked for": lambda maps, eps: norm()(maps, eps)[0],
    "as `keepdim=True` leaves them": lambda maps, eps: maps - maps.mean((2, 3)),
}


@pytest.mark.parametrize("says", NORMS)
def test_wrong_instance_norm(says):
    feedback = check_instance_norm(NORMS[says])
    assert feedback.right is False
    assert says in feedback.text


def test_right_instance_norm():
    assert check_instance_norm(norm())
    assert check_instance_norm(lambda maps, eps: torch.nn.functional.instance_norm(maps, eps=eps))


def ssim(x, y, c1=1e-4, c2=9e-4, ddof=0):
    """Wang et al. (2004), equation 13, written out."""
    (var_x, both), (_, var_y) = np.cov(x, y, ddof=ddof)
    top = (2 * x.mean() * y.mean() + c1) * (2 * both + c2)
    return top / ((x.mean() ** 2 + y.mean() ** 2 + c1) * (var_x + var_y + c2))


X, Y = np.array(PICTURE).ravel(), np.array(NOISY).ravel()
MSE = ((X - Y) ** 2).mean()
PSNR, SSIM = 20.0, ssim(X, Y)


def test_right_quality():
    assert peak_signal_noise_ratio(X, Y, data_range=1) == pytest.approx(PSNR)
    feedback = check_quality(PSNR, SSIM)
    assert feedback
    assert f"{ssim(X, X + 0.1):.3f} in place of {SSIM:.3f}" in feedback.text


QUALITIES = {
    "is the mean squared error": (MSE, SSIM),
    "is the root of": (MSE**0.5, SSIM),
    "wrong sign": (-PSNR, SSIM),
    "*deci*bels": (PSNR / 10, SSIM),
    "natural logarithm": (10 * log(1 / MSE), SSIM),
    "twice too large": (20 * log10(1 / MSE), SSIM),
    "255 for the largest": (10 * log10(255**2 / MSE), SSIM),
    "the *sum* of the squared": (10 * log10(1 / (4 * MSE)), SSIM),
    "brightest pixel": (10 * log10(0.8**2 / MSE), SSIM),
    "the mean *size*": (10 * log10(1 / abs(X - Y).mean()), SSIM),
    "mean of four squared": (17, SSIM),
    "divided by n − 1": (PSNR, ssim(X, Y, ddof=1)),
    "without c₁ and c₂": (PSNR, ssim(X, Y, 0, 0)),
    "are *squares*": (PSNR, ssim(X, Y, 0.01, 0.03)),
    "for values 0…255": (PSNR, ssim(X, Y, 2.55**2, 7.65**2)),
    "deviations below": (PSNR, (0.1 + 9e-4) / (0.05**0.5 + 0.06**0.5 + 9e-4)),
    "a factor 2 is missing": (PSNR, (0.05 + 9e-4) / (0.11 + 9e-4)),
    "this is the correlation": (PSNR, np.corrcoef(X, Y)[0, 1]),
    "the means alone": (PSNR, 1),
    "with plain means over the four": (PSNR, 0.5),
    "one number": ("good", SSIM),
}


@pytest.mark.parametrize("says", QUALITIES)
def test_wrong_quality(says):
    feedback = check_quality(*QUALITIES[says])
    assert feedback.right is False
    assert says in feedback.text


def test_nothing_yet():
    assert check_instance_norm(None).right is None
    assert check_instance_norm(lambda maps, eps: None).right is None
    assert check_quality(None, SSIM).right is None
    assert check_quality(PSNR, None).right is None
