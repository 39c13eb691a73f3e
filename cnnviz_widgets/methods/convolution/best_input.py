"""F7: of all inputs of the same norm, a filter responds most to the one that looks like it."""

from dataclasses import dataclass
from math import hypot, pi
from typing import Annotated, Any

import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content, as_array
from cnnviz_widgets.drawing.results import Result, rgb, robust_maximum
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, gate
from cnnviz_widgets.methods.convolution._window import array

__all__ = ["BestInput", "best_input"]


@dataclass(frozen=True, eq=False, repr=False)
class BestInput(Result):
    """The input of norm 1 to which a filter responds most.

    values    as the weights, divided by their norm
    weights   of the filter
    response  to it: the norm of the weights
    """

    values: Tensor
    weights: Tensor
    response: float
    of: str = "best input"
    convention: str = "the input of norm 1 with the greatest response: the weights, divided by their norm"

    def response_to(self, input: Any) -> float:
        """The response to another input once that has norm 1: |w| times the cosine of the angle between the two.

        UserError for another shape, and for an input of zeros, which has no direction.
        """
        given = array("input", input, range(1, 5), f"{tuple(self.weights.shape)}")
        if given.shape != self.weights.shape:
            raise UserError(
                f"input must have the shape of the weights, {tuple(self.weights.shape)}, not {tuple(given.shape)}."
            )
        if not given.any():
            raise UserError("input must not be 0 everywhere: zeros cannot be scaled to norm 1.")
        return float((self.weights * (given / given.norm())).sum())

    def on_sphere(self, x: float, y: float, seed: int = 0) -> Tensor:
        """An input of norm 1 on the near half of a unit sphere that holds the best one.

        x, y  of the point as it is seen from in front, in −1…1: right and up; beyond the rim, the rim counts
        seed  of the sphere, in a space of three dimensions through the best input, and of where that lies on it: in
              front, half a radius from the middle
        Returns a tensor as the weights. Its response is the norm of the weights times the cosine of its angle with the
        best input. Raises UserError where the weights are less than three numbers: they have no such sphere.
        """
        reach = max(1.0, hypot(x, y))
        point = torch.tensor([x / reach, y / reach, 0.0], dtype=torch.float64)
        point[2] = (1 - point.square().sum()).clamp(min=0).sqrt()
        return (self._axes(seed) @ point).view_as(self.values)

    def best_on_sphere(self, seed: int = 0) -> tuple[float, float]:
        """(x, y) at which ``on_sphere`` gives the best input."""
        x, y, _ = (self.values.flatten() @ self._axes(seed)).tolist()
        return x, y

    def _axes(self, seed: int) -> Tensor:
        """(n, 3): the inputs to the right, above and in front of the sphere's center."""
        if self.values.numel() < 3:
            raise UserError(f"weights must be at least three numbers for a sphere, not {self.values.numel()}.")
        generator = torch.Generator().manual_seed(seed)
        angle = 2 * pi * torch.rand((), generator=generator, dtype=torch.float64)
        best = torch.stack([angle.cos() / 2, angle.sin() / 2, torch.tensor(0.75, dtype=torch.float64).sqrt()])
        others = torch.randn(self.values.numel(), 2, generator=generator, dtype=torch.float64)
        space = _orthonormal(torch.cat([self.values.flatten()[:, None], others], 1))
        turn = _orthonormal(torch.cat([best[:, None], torch.eye(3, 2, dtype=torch.float64)], 1))
        return space @ turn.T

    def content(self) -> Content:
        caption = f"response {self.response:.4g}, the norm of the weights"
        if self.values.ndim == 3 and len(self.values) == 3:
            return Content(rgb(0.5 + self.values / (2 * self.values.abs().max())), caption=caption)
        rows = self.values.reshape(-1, self.values.shape[-1])
        bound = float(robust_maximum(rows, 1))
        return Content(values=as_array(rows), low=-bound, high=bound, signed=True, caption=caption)


def _orthonormal(columns: Tensor) -> Tensor:
    """By Gram and Schmidt: the first column keeps its direction."""
    axes, triangle = torch.linalg.qr(columns)
    return axes * triangle.diagonal().sign()


@gate
def best_input(weights: Annotated[Any, OWN]) -> BestInput:
    """Of all inputs of norm 1, the one to which a filter responds most: the filter itself, by Cauchy and Schwarz.

    So looking at the weights of a first layer tells what it looks for.

    weights   (k,), (h, w) or (C, h, w) numbers; a bias changes nothing
    Returns BestInput, values of the same shape: the weights, divided by their norm, which is the response.
    Raises UserError for what are no finite numbers, and for weights of 0, which respond to nothing.

        best_input([3, -4, 0, 12]).response
    """
    given = array("weights", weights, range(1, 5), "(k,), (h, w) or (C, h, w)")
    norm = given.norm()
    if not norm > 0 or not norm.isfinite():
        raise UserError("weights must not be 0 everywhere, nor too large for their norm: there is no best input then.")
    return BestInput(given / norm, given, float(norm))
