"""A prior for pictures that will be printed."""

from functools import cache
from itertools import product
from math import prod

import torch
from torch import Tensor

from cnnviz_widgets.engine.optimize.objectives.algebra import BoundTerm, Term, remembers_call
from cnnviz_widgets.gate import gate

# sRGB of offset inks on white paper, by (cyan, magenta, yellow) of 0 or 1; what lies between is a mixture of them in
# their shares of the area (Neugebauer, 1937).
INKS = {
    (0, 0, 0): (255, 255, 255), (1, 0, 0): (0, 174, 239), (0, 1, 0): (236, 0, 140), (0, 0, 1): (255, 242, 0),
    (0, 1, 1): (237, 28, 36), (1, 0, 1): (0, 166, 81), (1, 1, 0): (46, 49, 146), (1, 1, 1): (35, 31, 32),
}  # fmt: skip
STEPS = (0, 1 / 3, 2 / 3, 1)  # of each ink


@cache
def colors() -> Tensor:
    """(64, 3), 0…1: what a printer has."""
    mixed = []
    for asked in product(STEPS, repeat=3):
        shares = (prod(a if on else 1 - a for a, on in zip(asked, ink, strict=True)) for ink in INKS)
        mixed.append([*shares])
    return torch.tensor(mixed) @ torch.tensor([*INKS.values()]).float() / 255


@remembers_call
@gate
def unprintable() -> Term:
    """The mean squared distance of the pixels to the nearest of 64 colors of a printer (after Sharif et al., 2016).

    A cost, on the picture before the transforms: subtract it.
    """

    def value(pictures: Tensor) -> Tensor:
        wide = pictures.expand(-1, 3, -1, -1) if pictures.shape[1] == 1 else pictures[:, :3]
        points = wide.flatten(2).mT
        known = colors().to(points).expand(len(points), -1, -1)
        with torch.no_grad():
            nearest = torch.cdist(points, known).argmin(2)
        return (points - colors().to(points)[nearest]).square().sum(2).mean(1)

    return Term("unprintable()", lambda network, count: BoundTerm(lambda inputs: value(inputs.pictures)))
