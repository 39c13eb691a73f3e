"""G3: integrated gradients: the gradients along the path from a baseline to the picture, averaged."""

from numbers import Real
from typing import Annotated, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.drawing.results import GradientPicture
from cnnviz_widgets.engine.backward import BACK, check, like
from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.engine.fills import fill_picture
from cnnviz_widgets.engine.relu_rules import RuleName
from cnnviz_widgets.engine.repeated import gradient_sum, look, settled
from cnnviz_widgets.engine.targets import Neuron, Target, goal
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.gate import OWN, Range, came, gate
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture, as_picture
from cnnviz_widgets.remarks import remark

__all__ = ["integrated_gradients"]
example = dict(steps=3)

Path = Literal["gauss-legendre", "trapezoid", "left", "right", "midpoint"]
Baseline = Literal["black", "gray", "white", "mean", "blurred"]
PATHS, BASELINES = get_args(Path), get_args(Baseline)
_EVEN = {"black": 0.0, "gray": 0.5, "white": 1.0}


@gate
def integrated_gradients(
    network: Network,
    image: AnyPicture,
    target: Target = None,
    *,
    steps: Annotated[int, Range(1, 1000)] = 50,
    baseline: Annotated[Baseline | float | Tensor, OWN] = "black",
    path: Path = "gauss-legendre",
    rule: RuleName = "backprop",
) -> GradientPicture:
    """What each pixel adds to one score on the way from a baseline to the picture (Sundararajan et al., 2017).

    ``(x - x') · ∫ ∂s/∂x(x' + α(x - x')) dα`` for α from 0 to 1, so that all values add up to ``s(x) - s(x')``; by how
    much they do not, because the integral is a sum of ``steps`` terms, is ``completeness_error`` of the result.

    image      (3, H, W) or (B, 3, H, W), values 0…1, any device
    target     class index or name, None = the top class of the picture, a ``Neuron``, or a callable on the logits; for
               a batch also a list of classes, one per picture
    steps      gradients to be computed
    baseline   x', in the picture's units: "black" (0), "gray" (0.5), "white" (1), "mean" (the picture's mean color),
               "blurred" (the picture, blurred), a number 0…1, or a picture of its own, for a batch also one for each
    path       where on the straight way, with which weights: "gauss-legendre", "trapezoid" (both ends count half),
               "left", "right" or "midpoint" of equal parts; the weights add up to 1
    rule       what a ReLU passes back; the values add up to the score with "backprop" alone
    Returns a GradientPicture, values (3, H, W) or (B, 3, H, W), signed, in units of the score.
    Raises UserError for an unknown class, layer, rule, baseline or path, steps below 1 (2 for the trapezoid rule).

        integrated_gradients(load_network("mini"), load_image("chelsea"), "tabby").completeness_error
    """
    points, weights = quadrature(path, steps)
    pictures = network.prepare(image)
    baselines = _baselines(network, pictures, baseline)
    aim = goal(network, target, len(pictures))
    first = look(network, pictures, aim)

    def attribute(picture: Tensor, base: Tensor, start: object, score: float) -> tuple[Tensor, float]:
        x, origin = network.normalize(torch.stack([picture, base])).split(1)
        fixed = settled(network, target, start, steps)
        mean = gradient_sum(
            network,
            fixed,
            rule,
            steps,
            x.shape[-2:],
            lambda piece: torch.lerp(origin, x, points[piece.start : piece.stop, None, None, None].to(x)),
            lambda piece, gradients: torch.tensordot(weights[piece.start : piece.stop].to(gradients), gradients, 1),
        )
        check(network, mean[None])
        if torch.equal(x, origin):
            remark("The picture is its own baseline: there is no way between them, and all values are 0.")
        values = mean * (x - origin)[0].cpu()
        gain = score - look(network, base[None], fixed).scores[0]
        return values, float(values.sum()) - gain

    values, errors = zip(*map(attribute, pictures, baselines, first.start, first.scores), strict=True)
    way = f"{steps} × {path} from {baseline if isinstance(baseline, str) else 'given'} baseline"
    return GradientPicture(
        like(image, torch.stack(values).to(network.dtype)),
        like(image, pictures.cpu()),
        convention=f"{aim.unit} {BACK[rule]}, mean over the way ({way}), times the way, signed",
        of=like(image, first.names),
        score=like(image, first.scores),
        position=like(image, first.start) if isinstance(target, Neuron) else None,
        completeness_error=like(image, errors),
    )


def quadrature(path: str, steps: int) -> tuple[Tensor, Tensor]:
    """Places in 0…1 and their weights, which add up to 1: both (steps,), float64."""
    if path not in PATHS:
        raise UserError(f"path must be one of {', '.join(map(repr, PATHS))}, not {path!r}.")
    steps = whole_number("steps", steps, 2 if path == "trapezoid" else 1)
    if path == "gauss-legendre":
        points, weights = map(torch.from_numpy, np.polynomial.legendre.leggauss(steps))
        return (points + 1) / 2, weights / 2
    if path == "trapezoid":
        weights = torch.full((steps,), 1 / (steps - 1), dtype=torch.float64)
        weights[[0, -1]] /= 2
        return torch.linspace(0, 1, steps, dtype=torch.float64), weights
    within = {"left": 0.0, "midpoint": 0.5, "right": 1.0}[path]
    weights = torch.full((steps,), 1 / steps, dtype=torch.float64)
    return (torch.arange(steps, dtype=torch.float64) + within) / steps, weights


def _baselines(network: Network, pictures: Tensor, baseline: str | float | Tensor) -> Tensor:
    """As many as pictures, and of their shape (B, C, H, W)."""
    if isinstance(baseline, Tensor) and baseline.ndim:
        with naming("baseline"):
            given = network.prepare(as_picture("baseline", baseline)).to(pictures)
        if given.shape[1:] != pictures.shape[1:] or len(given) not in (1, len(pictures)):
            raise UserError(
                f"baseline must have the shape of the picture, {tuple(pictures.shape)}, not {tuple(given.shape)}."
            )
        return given.expand_as(pictures)
    if isinstance(baseline, str) and baseline in BASELINES:
        if baseline in _EVEN:
            return torch.full_like(pictures, _EVEN[baseline])
        return torch.stack([fill_picture(picture, baseline) for picture in pictures])
    if isinstance(baseline, Real | Tensor) and 0 <= baseline <= 1:
        return torch.full_like(pictures, float(baseline))
    names = ", ".join(map(repr, BASELINES))
    raise UserError(f"baseline must be one of {names}, a number 0…1 or a picture, not {came(baseline)}.")
