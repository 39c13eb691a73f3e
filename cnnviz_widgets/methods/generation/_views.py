"""Rendered objects as a generator learns them: how bright and how covered each pixel is, and of which parameters."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.engine.generators import PLACED, VIEWED, mirrored_placement
from cnnviz_widgets.pictures.objects import KINDS, RANGES, SHAPES, SIDE, View, traced

WINDOW = 30.0  # degrees: of so many azimuths of each kind, and of their mirror images, no picture is learned


class Views(NamedTuple):
    """parameters  (N, 23), as ``ObjectGenerator`` takes them;   shade, cover  (N, 64, 64), 0…1"""

    parameters: Tensor
    shade: Tensor
    cover: Tensor


def never_learned(kind: int, azimuth: float) -> bool:
    """Whether a view is left out of the training: a window of 30° that lies elsewhere for each kind, on both sides."""
    middle = WINDOW / 2 + (180 - WINDOW) * kind / (len(KINDS) - 1)
    return abs(abs((azimuth + 180) % 360 - 180) - middle) < WINDOW / 2


def rendered(number: int, seed: int, *, learned: bool = True) -> Views:
    """So many objects, of all kinds in turn, from views that are learned, or from those that never are."""
    generator = np.random.default_rng([seed, number, learned])
    parameters, shades, covers = torch.zeros(number, len(KINDS) + len(VIEWED) + len(PLACED)), [], []
    for at in range(number):
        kind = at % len(KINDS)
        drawn = {name: generator.uniform(*RANGES[name]) for name in (*VIEWED, *PLACED)}
        while never_learned(kind, drawn["azimuth"]) == learned:
            drawn["azimuth"] = generator.uniform(*RANGES["azimuth"])
        shade, cover, _ = traced(SHAPES[KINDS[kind]], View.of(**drawn), SIDE)
        parameters[at, kind] = 1
        parameters[at, len(KINDS) :] = torch.tensor([*drawn.values()])
        shades.append(torch.from_numpy(shade.astype(np.float32)))
        covers.append(torch.from_numpy(cover.astype(np.float32)))
    return Views(parameters, torch.stack(shades), torch.stack(covers))


def mirrored(views: Views) -> Views:
    """The same objects from the other side: exactly their mirror images."""
    kinds, placement = views.parameters[:, : len(KINDS)], views.parameters[:, len(KINDS) :]
    parameters = torch.cat([kinds, mirrored_placement(placement)], 1)
    return Views(parameters, views.shade.flip(-1), views.cover.flip(-1))
