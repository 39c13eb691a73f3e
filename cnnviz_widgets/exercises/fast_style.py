"""Chapter 16: networks that paint in one pass, how they normalize, and how pictures are compared."""

from collections.abc import Callable
from math import log, log10
from typing import Any

import torch
from torch import Tensor

from cnnviz_widgets.exercises.feedback import Wrong, check, given, number, refute, same, tensor
from cnnviz_widgets.exercises.question import Question

PICTURE = ((0.2, 0.4), (0.6, 0.8))
NOISY = ((0.3, 0.3), (0.5, 0.9))
C1, C2 = 0.01**2, 0.03**2  # of SSIM, for values 0…1


@check
def check_instance_norm(function: Callable[[Tensor, float], Tensor]) -> str:
    """function(maps, eps): ``(x − μ) / √(σ² + ε)``, μ and σ² of each channel of each picture; maps (B, C, h, w)."""
    given(function, "write the function `my_instance_norm`.")
    draw = torch.Generator().manual_seed(0)
    strength = torch.tensor((1.0, 3.0)).view(2, 1, 1, 1) * torch.tensor((1.0, 2.0, 0.5)).view(1, 3, 1, 1)
    maps = (torch.rand(2, 3, 4, 5, generator=draw) * strength + strength / 3).double()
    untouched, eps = maps.clone(), 0.05  # so large that its place is seen
    answer = function(maps, eps)
    given(answer, "`my_instance_norm` returns nothing yet: let it return maps of the same shape.")
    if not same(maps, untouched):
        raise Wrong("`my_instance_norm` writes into the maps that it was given: make new ones.")

    def normalized(*over: int) -> Tensor:
        variance, mean = torch.var_mean(maps, over, correction=0, keepdim=True)
        return (maps - mean) / (variance + eps).sqrt()

    variance, mean = torch.var_mean(maps, (2, 3), correction=0, keepdim=True)
    centered, unbiased = maps - mean, maps.var((2, 3), keepdim=True)
    values = tensor(answer, tuple(maps.shape), "what `my_instance_norm` returns")
    mistakes = {
        "this is *batch* norm: mean and variance are taken over the pictures, too. Take them over dims 2, 3 alone.": (
            normalized(0, 2, 3)
        ),
        "this is *layer* norm: mean and variance are taken over the channels, too. Take them over dims 2, 3 alone.": (
            normalized(1, 2, 3)
        ),
        "mean and variance are taken over everything: take them over dims 2 and 3, for each picture and channel.": (
            normalized(0, 1, 2, 3)
        ),
        "mean and variance are those of a position over its channels: take them over the positions, dims 2 and 3.": (
            normalized(1)
        ),
        "each row is normalized by itself: take both dims of the map, 2 and 3.": normalized(3),
        "each column is normalized by itself: take both dims of the map, 2 and 3.": normalized(2),
        "`var` and `std` divide by n − 1 unless they are told `correction=0`: the plain mean of the squared deviations "
        "is asked for.": centered / (unbiased + eps).sqrt(),
        "ε is outside of the root, and the deviation is the unbiased one: √(σ² + ε), with `correction=0`.": centered
        / (unbiased.sqrt() + eps),
        "ε is outside of the root: √(σ² + ε) is asked for, not σ + ε.": centered / (variance.sqrt() + eps),
        "ε is missing: a channel that is the same everywhere would be divided by 0.": centered / variance.sqrt(),
        "the root is missing: it is divided by the variance, not by the deviation.": centered / (variance + eps),
        "the mean is not taken away.": maps / (variance + eps).sqrt(),
        "the mean is taken away, but nothing is divided by the deviation: contrast is still in it.": centered,
        "it is scaled to 0…1 by the least and the greatest value: mean and deviation are asked for.": (
            (maps - maps.amin((2, 3), keepdim=True))
            / (maps.amax((2, 3), keepdim=True) - maps.amin((2, 3), keepdim=True))
        ),
    }
    if refute(values, normalized(2, 3), mistakes):
        return (
            "Two means per channel, of the very picture that passes. So x and 10x + 3 become the same (but for ε): "
            "contrast and brightness of the photograph are gone, and the network paints all alike."
        )
    raise Wrong(
        "it must be `(maps - mean) / (variance + eps).sqrt()`, mean and variance over dims 2 and 3 with `keepdim=True`."
    )


def ask_contrast() -> Question:
    """Where a network with batch norm sees the contrast of the photograph."""
    return Question(
        "A network with *batch* norm has been trained, and now paints one photograph at full and at low contrast. Why "
        "are the two paintings different, and with *instance* norm nearly the same?",
        {
            "a": (
                "Batch norm has learned weights, instance norm has none.",
                "both have the same: a factor and an offset per channel. The difference is whose mean is taken.",
            ),
            "b": (
                "After the training batch norm uses the mean and deviation of the *training* pictures. A photograph "
                "with less contrast has weaker maps, and is still divided by the same numbers.",
                "So the contrast goes through to the end, and the network has to spend its layers on it. Instance norm "
                "measures the picture that is there, and takes its contrast away at the very start.",
            ),
            "c": (
                "Batch norm normalizes the batch, and a batch of one has no contrast.",
                "in use, batch norm does not look at the batch at all: its numbers are stored in the network.",
            ),
            "d": (
                "The training of the network with batch norm was shorter.",
                "it was as long, on the same pictures and from the same seed. A longer one does not change it.",
            ),
        },
        right="b",
    )


@check
def check_quality(psnr: Any, ssim: Any) -> str:
    """psnr, ssim: of NOISY against PICTURE, values 0…1; SSIM with all four pixels as its one window, plain means."""
    given(psnr, "put one number, in dB, in `psnr`.")
    given(ssim, "put one number in `ssim`.")
    x, y = torch.tensor(PICTURE).double().flatten(), torch.tensor(NOISY).double().flatten()
    mse = float((x - y).square().mean())
    decibels = -10 * log10(mse)
    of_psnr = {
        "`psnr` is the mean squared error: it goes into 10 · log₁₀(1 / MSE).": mse,
        "`psnr` is the root of the mean squared error.": mse**0.5,
        "`psnr` has the wrong sign: the smaller the error, the *more* dB.": -decibels,
        "`psnr` is 10 times too small: it is in *deci*bels, 10 · log₁₀.": decibels / 10,
        "`psnr` was made with the natural logarithm: take `log10`.": -10 * log(mse),
        "`psnr` is twice too large: 20 · log₁₀ belongs to the *root* of the mean squared error.": 2 * decibels,
        "`psnr` takes 255 for the largest value: here it is 1.": decibels + 20 * log10(255),
        "`psnr` was made of the *sum* of the squared errors: take their mean.": -10 * log10(mse * len(x)),
        "`psnr` takes the brightest pixel of the picture for the peak: the peak is what a value *can* be, 1.": decibels
        + 20 * log10(float(x.max())),
        "`psnr` was made of the mean *size* of the errors: square them.": -10 * log10(float((x - y).abs().mean())),
    }
    if not refute(number(psnr), decibels, of_psnr):
        raise Wrong("`psnr` is 10 · log₁₀(1 / MSE), and the MSE is the mean of four squared differences.")
    if not refute(number(ssim), _ssim(x, y), _usual_ssims(x, y)):
        raise Wrong(
            "`ssim` is (2 μₓμᵧ + c₁)(2 σₓᵧ + c₂) / ((μₓ² + μᵧ² + c₁)(σₓ² + σᵧ² + c₂)), with plain means over the four "
            "pixels."
        )
    brighter = _ssim(x, x + mse**0.5)
    return (
        f"And if every pixel is {mse**0.5:.1g} brighter, the PSNR is {decibels:.0f} dB as well, but the SSIM "
        f"{brighter:.3f} in place of {_ssim(x, y):.3f}: for SSIM, as for us, light on everything is a smaller fault "
        "than a structure that is not there."
    )


def _ssim(x: Tensor, y: Tensor, c1: float = C1, c2: float = C2, correction: int = 0) -> float:
    covariance = torch.cov(torch.stack((x, y)), correction=correction)
    means = (2 * x.mean() * y.mean() + c1) / (x.mean() ** 2 + y.mean() ** 2 + c1)
    return float(means * (2 * covariance[0, 1] + c2) / (covariance.trace() + c2))


def _usual_ssims(x: Tensor, y: Tensor) -> dict[str, float]:
    (var_x, both), (_, var_y) = torch.cov(torch.stack((x, y)), correction=0)
    return {
        "`ssim` has variances that are divided by n − 1: take plain means here, `correction=0`.": _ssim(
            x, y, correction=1
        ),
        "`ssim` is without c₁ and c₂.": _ssim(x, y, 0, 0),
        "c₁ and c₂ are *squares*: 0.01² and 0.03².": _ssim(x, y, 0.01, 0.03),
        "c₁ and c₂ are those for values 0…255: here the largest value is 1.": _ssim(x, y, C1 * 255**2, C2 * 255**2),
        "`ssim` has deviations below, where variances belong: σ².": float(
            (2 * both + C2) / (var_x.sqrt() + var_y.sqrt() + C2)
        ),
        "a factor 2 is missing before the covariance.": float((both + C2) / (var_x + var_y + C2)),
        "this is the correlation: SSIM compares contrasts, too.": float(both / (var_x * var_y).sqrt()),
        "this is the comparison of the means alone: the other factor has the variances and the covariance.": 1.0,
    }


def ask_blur() -> Question:
    """Why a network trained with the pixel loss gives blurred pictures."""
    return Question(
        "A small picture fits many large ones: the edge may lie half a pixel to the left or to the right. Trained on "
        "the squared error of the *pixels*, a network makes a blurred edge. Why?",
        {
            "a": (
                "It has too few layers to draw a sharp edge.",
                "the same network, trained on the error of *features*, draws sharp ones.",
            ),
            "b": (
                "It was not trained long enough.",
                "longer training brings it only nearer to what this loss rewards, and that is blurred.",
            ),
            "c": (
                "The squared error is least for the *mean* of all pictures that are possible, and the mean of edges at "
                "many places is a blurred edge.",
                "A sharp edge at the wrong place costs twice: where it is, and where it should be. The blurred one "
                "wins the PSNR, and looks worse. Features of a network hardly change when an edge moves a little, but "
                "do when it is blurred.",
            ),
            "d": (
                "The squared error does not count small differences.",
                "it counts small differences little, but a blurred edge is no small difference: it is a safe one.",
            ),
        },
        right="c",
    )
