"""Kernels to begin with: what they are good for is their name."""

import math


def _gabor(side: int = 7, wavelength: float = 4, width: float = 2) -> list[list[float]]:
    """An even Gabor function of vertical stripes, whose weights sum to 0; to three digits, as they are edited."""
    from_middle = range(-(side // 2), side // 2 + 1)
    bell = [math.exp(-(x**2) / (2 * width**2)) for x in from_middle]
    waves = [math.cos(2 * math.pi * x / wavelength) for x in from_middle]
    mean = sum(one * wave for one, wave in zip(bell, waves, strict=True)) / sum(bell)
    return [[round(down * one * (wave - mean), 3) for one, wave in zip(bell, waves, strict=True)] for down in bell]


def _binomial(*row: int) -> list[list[float]]:
    """The product of a row of Pascal's triangle with itself, of sum 1: nearly a Gaussian."""
    return [[one * other / sum(row) ** 2 for one in row] for other in row]


PICTURES = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "shift": [[0, 0, 0], [0, 0, 1], [0, 0, 0]],
    "box blur": [[1 / 9] * 3] * 3,
    "Gaussian blur": _binomial(1, 4, 6, 4, 1),
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "Sobel, across": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "Sobel, down": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "Laplacian": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "Gabor": _gabor(),
}
SIGNALS = {
    "mean of 3": [[1 / 3] * 3],
    "mean of 5": [[1 / 5] * 5],
    "mean of 9": [[1 / 9] * 9],
    "binomial": [[1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16]],
    "difference": [[-1, 0, 1]],
    "shift": [[0, 0, 1]],
}
