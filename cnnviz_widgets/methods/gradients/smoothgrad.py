"""G2: SmoothGrad and VarGrad, statistics of gradients over noisy copies of the picture."""

import math
from typing import Annotated, Any, Literal, NamedTuple

import torch
from torch import Tensor

from cnnviz_widgets.drawing.results import GradientPicture, Heatmap
from cnnviz_widgets.engine.backward import BACK, check, like
from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.engine.relu_rules import RuleName
from cnnviz_widgets.engine.repeated import Look, gradient_sum, look, settled
from cnnviz_widgets.engine.targets import Neuron, Target, goal
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Range, Seed, gate
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.renamed import tell

__all__ = ["smoothgrad", "vargrad"]
example = dict(samples=2)

MOST_SAMPLES = 10_000
Statistic = Literal["mean", "square", "variance", "signed"]
STATISTICS = {
    "mean": "mean over {}, maximum of absolute value over color channels",
    "square": "mean of the square over {}, maximum over color channels",
    "variance": "unbiased variance over {}, maximum over color channels",
    "signed": "mean over {}, signed",
}


@gate
def smoothgrad(
    network: Network,
    image: AnyPicture,
    target: Target = None,
    *,
    samples: Annotated[int, Range(1, MOST_SAMPLES)] = 25,
    noise: float = 0.15,
    statistic: Statistic = "mean",
    rule: RuleName = "backprop",
    seed: Seed = 0,
) -> Heatmap | GradientPicture:
    """SmoothGrad: a statistic of the gradients ``g`` of one score over noisy copies of the picture.

    image       (3, H, W) or (B, 3, H, W), values 0…1, any device
    target      class index or name, None = the top class of the picture without noise, a ``Neuron``, or a callable on
                the logits; for a batch also a list of classes, one per picture
    samples     how many noisy copies
    noise       standard deviation of the Gaussian noise, as a share of the range (greatest - least value) of each
                normalized picture
    statistic   "mean": ``max_c |mean(g)|``, signs cancel over the samples, not over colors (Smilkov et al., 2017);
                "square": ``max_c mean(g²)`` (Hooker et al., 2019); "variance": ``max_c var(g)``, unbiased, as
                ``vargrad``; "signed": ``mean(g)`` itself, signed and in color
    rule        what a ReLU passes back: "backprop", "deconvnet" or "guided"
    seed        the same seed on the same kind of device gives the same noise, for each picture of a batch
    Returns a Heatmap, values (H, W) or (B, H, W) ≥ 0: score per unit of normalized input, or the square of that. For
    "signed" a GradientPicture, values (3, H, W) or (B, 3, H, W).
    Raises UserError for an unknown class, layer, rule or statistic, samples below 1 (2 for the variance), noise < 0.

        smoothgrad(load_network("mini"), load_image("chelsea"), "tabby").values
    """
    whole_number("samples", samples, 2 if statistic == "variance" else 1)
    noisy = _noisy(network, image, target, samples, noise, rule, seed)
    convention = f"{noisy.convention}, {STATISTICS[statistic].format(_words(samples, noise))}"
    if statistic == "signed":
        return GradientPicture(
            like(image, noisy.mean.to(network.dtype)),
            like(image, noisy.pictures.cpu()),
            convention=convention,
            of=like(image, noisy.first.names),
            score=like(image, noisy.first.scores),
            position=like(image, noisy.first.start) if isinstance(target, Neuron) else None,
        )
    if statistic == "mean":
        values = noisy.mean.abs()
    elif statistic == "square":
        values = noisy.square
    else:
        values = (noisy.square - noisy.mean.square()).clamp(min=0) * (samples / (samples - 1))
    return Heatmap(
        like(image, values.amax(1).to(network.dtype)),
        like(image, noisy.pictures.cpu()),
        convention=convention,
        of=like(image, noisy.first.names),
        target=like(image, noisy.first.start),
    )


@gate
def vargrad(
    network: Network,
    image: AnyPicture,
    target: Target = None,
    *,
    samples: Annotated[int, Range(2, MOST_SAMPLES)] = 25,
    noise: float = 0.15,
    rule: RuleName = "backprop",
    seed: Seed = 0,
) -> Heatmap:
    """VarGrad: the variance of the gradients over noisy copies of the picture (Adebayo et al., 2018).

    ``smoothgrad`` with ``statistic="variance"``; arguments, result and errors are described there.

        vargrad(load_network("mini"), load_image("chelsea"), "tabby").values
    """
    found = smoothgrad(network, image, target, samples=samples, noise=noise, statistic="variance", rule=rule, seed=seed)
    assert isinstance(found, Heatmap)  # as it is but for "signed"
    return found


def smooth_gradient(*given: Any, **options: Any) -> GradientPicture:
    """Deprecated: ``smoothgrad`` with ``statistic="signed"``."""
    tell("smooth_gradient", 'smoothgrad(…, statistic="signed")')
    found = smoothgrad(*given, **options, statistic="signed")
    assert isinstance(found, GradientPicture)
    return found


class _Noisy(NamedTuple):
    """Moments of the gradients of B pictures (B, C, H, W), and whose gradients they are."""

    mean: Tensor
    square: Tensor
    pictures: Tensor
    first: Look
    convention: str


def _noisy(
    network: Network, image: AnyPicture, target: Target, samples: int, noise: float, rule: RuleName, seed: int
) -> _Noisy:
    samples = whole_number("samples", samples, 1)
    if not (isinstance(noise, int | float) and math.isfinite(noise) and noise >= 0):
        raise UserError(f"noise must be a number of at least 0, a share of the picture's range, not {noise!r}.")
    # A seed for each sample, so that neither the pieces nor a piece that is done again make a difference.
    seeds = torch.randint(2**62, (samples,), generator=torch.Generator().manual_seed(whole_number("seed", seed, 0)))
    pictures = network.prepare(image)
    aim = goal(network, target, len(pictures))
    first = look(network, pictures, aim)

    def moments(picture: Tensor, start: object) -> Tensor:
        x = network.normalize(picture[None])
        deviation = noise * (x.max() - x.min())
        if noise and not deviation:
            remark("The picture is the same everywhere: its range is 0, and so is the noise.")
        total = gradient_sum(
            network,
            settled(network, target, start, samples),
            rule,
            samples,
            x.shape[-2:],
            lambda piece: x + deviation * normal(x, seeds[piece.start : piece.stop]),
            lambda piece, gradients: torch.stack([gradients.sum(0), gradients.square().sum(0)]),
        )
        return total / samples

    mean, square = torch.stack([*map(moments, pictures, first.start)], 1)
    check(network, square)
    return _Noisy(mean, square, pictures, first, f"{aim.unit} {BACK[rule]}")


def normal(x: Tensor, seeds: Tensor) -> Tensor:
    """Standard normal noise for one picture (1, C, H, W), where that is: (n, C, H, W), one for each seed."""
    generator = torch.Generator(x.device)
    draws = [
        torch.randn(x.shape[1:], generator=generator.manual_seed(seed), device=x.device, dtype=x.dtype)
        for seed in seeds.tolist()
    ]
    return torch.stack(draws)


def _words(samples: int, noise: float) -> str:
    return f"{samples} samples with noise of {noise:.3g} × the range"
