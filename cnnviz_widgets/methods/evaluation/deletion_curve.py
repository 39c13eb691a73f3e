"""S2: deletion and insertion curves: the class probability as the most important pixels are removed or inserted."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.drawing import chart
from cnnviz_widgets.drawing.render import Content, alt_of
from cnnviz_widgets.drawing.results import Result
from cnnviz_widgets.engine.checks import whole_number
from cnnviz_widgets.engine.fills import Fill, fill_picture
from cnnviz_widgets.engine.planes import plane, varied
from cnnviz_widgets.gate import OWN, Positive, gate
from cnnviz_widgets.methods.activations.activations import one_picture
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture
from cnnviz_widgets.runtime import batching

__all__ = ["Curve", "deletion_curve", "insertion_curve"]
example = dict(steps=3)

MOST_STEPS = 1000  # or as many as the picture has pixels


@dataclass(frozen=True, eq=False, repr=False)
class Curve(Result):
    """A class probability as more and more pixels change.

    fractions   (steps + 1,) from 0 to 1: share of the pixels, the most important ones first
    values      (steps + 1,) probability of the class when these are removed, or inserted
    area        under the curve, by the trapezoid rule: the mean probability
    target, of  class index and name
    """

    fractions: Tensor
    values: Tensor
    area: float
    target: int
    convention: str
    of: str

    def content(self) -> Content:
        known = {self.of: (self.fractions.tolist(), self.values.tolist())}
        numbers = {self.of: f"area {self.area:.3f}"}
        picture = chart.draw(chart.curves(known, "share of the pixels", "probability", share=True, numbers=numbers))
        return Content(np.asarray(picture), caption=f"{self.of}: area {self.area:.3f}", alt=alt_of(picture))


@gate
def deletion_curve(
    network: Network,
    image: AnyPicture,
    heatmap: Annotated[Result | Tensor, OWN],
    target: int | str | None = None,
    *,
    steps: Positive = 50,
    fill: Fill = "gray",
) -> Curve:
    """The class as the most important pixels are removed: a good map has a small area (Petsiuk et al., RISE, 2018).

    image    (3, H, W), values 0…1, any device
    heatmap  numbers as large as the picture that the network sees, great where a pixel matters; of colors the sum.
             Of equal numbers the ones further up, then further left, come first
    target   class index or name; None = the top class of the whole picture
    steps    in which the pixels are removed, equally many in each
    fill     what stands in their place: "black", "gray" (0.5), "mean" (the picture's mean color), "blurred" (the
             picture, blurred) or "noise"
    Returns a Curve, values (steps + 1,): from the whole picture to none of it.
    Raises UserError for an unknown class or fill, steps below 1 or far above the number of pixels, and a map of another
    size, constant or not finite.

        deletion_curve(network, photo, grad_cam(network, photo)).area
    """
    return _curve(network, image, heatmap, target, steps, fill, "removed")


@gate
def insertion_curve(
    network: Network,
    image: AnyPicture,
    heatmap: Annotated[Result | Tensor, OWN],
    target: int | str | None = None,
    *,
    steps: Positive = 50,
    fill: Fill = "blurred",
) -> Curve:
    """The class as the most important pixels are inserted: a good map has a large area (Petsiuk et al., RISE, 2018).

    As ``deletion_curve``, from none of the picture, which is ``fill``, to the whole. A blurred picture is the start in
    which inserted pixels make the least edges of their own.
    """
    return _curve(network, image, heatmap, target, steps, fill, "inserted")


def _curve(
    network: Network,
    image: AnyPicture,
    heatmap: Annotated[Result | Tensor, OWN],
    target: int | str | None,
    steps: int,
    fill: str,
    change: str,
) -> Curve:
    picture = one_picture(network, image)
    filling = fill_picture(picture, fill)
    values = varied(plane(heatmap, tuple(picture.shape[-2:])))
    steps = whole_number("steps", steps, 1, max(MOST_STEPS, values.numel()))
    order = values.flatten().argsort(descending=True, stable=True)
    rank = torch.empty_like(order).scatter_(0, order, torch.arange(len(order))).view_as(values).to(network.device)
    counts = (torch.linspace(0, 1, steps + 1, dtype=torch.float64) * values.numel()).round().long()

    whole = network.logits(picture)
    chosen = int(network.top(whole)) if target is None else network.class_index(target)
    normal, normal_filling = network.normalize(torch.stack([picture, filling]))
    first, rest = (normal_filling, normal) if change == "removed" else (normal, normal_filling)

    def probabilities(some: Tensor) -> Tensor:
        changed = rank < some.to(rank.device)[:, None, None, None]
        logits = network.forward(torch.where(changed, first, rest))[0].cpu().double()
        return network.probabilities(logits)[:, chosen]

    pieces = batching.run(probabilities, counts, network.bytes_per_image(picture.shape[-2:]), where=network.device)
    found = network.finite(torch.cat([some for _, some in pieces]))
    fractions = counts.double() / values.numel()
    return Curve(
        fractions,
        found,
        area=float(torch.trapezoid(found, fractions)),
        target=chosen,
        convention=f"probability with the most important pixels {change}, {fill} in place of the picture",
        of=network.classes[chosen],
    )
