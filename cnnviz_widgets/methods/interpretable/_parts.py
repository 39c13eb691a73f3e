"""Objects whose parts are known, a small network for them, and how steadily its filters fire at the parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came
from cnnviz_widgets.methods.interpretable.filter_loss import template_mask
from cnnviz_widgets.pictures.objects import Kind, render_object
from cnnviz_widgets.pictures.rendered import Rendered

HELD_OUT = 8  # every eighth picture is kept for measuring
SHOWN = 12  # pictures of a result
SIDE, CELLS = 64, 16  # px of a picture, and cells of a map: its rows, and its columns
KINDS: tuple[Kind, ...] = ("chair", "armchair", "stool", "table", "bench", "office chair")
RANGES = {  # of what is drawn for each object: it stands upright, at any place, and shows its front
    "azimuth": (-60, 60),
    "elevation": (10, 40),
    "hue": (0, 1),
    "scale": (0.5, 0.75),
    "saturation": (0.3, 1),
    "brightness": (0.5, 1),
    "right": (-0.22, 0.22),
    "up": (-0.22, 0.22),
}
RARE = 1.5  # standard deviations above its mean at which a filter begins to fire
FEWEST = 10  # pictures of a kind in which a filter must fire for its instability there to be told


class Furniture(Rendered):
    """Chairs and tables at many places of the picture. Each is rendered once, and kept."""

    call, classes = "furniture", KINDS

    def __init__(self, n: int, seed: int) -> None:
        super().__init__(n, seed)
        self._kept: dict[int, Any] = {}

    def __getitem__(self, number: int) -> Any:
        if number not in self._kept:
            self._kept[number] = super().__getitem__(number)
        return self._kept[number]

    def render(self, generator: np.random.Generator) -> Any:
        kind: Kind = KINDS[int(generator.integers(len(KINDS)))]
        drawn: dict[str, Any] = {name: float(generator.uniform(*ends)) for name, ends in RANGES.items()}
        return render_object(kind, **drawn)


@cache
def furniture(n: int = 2000) -> Furniture:
    return Furniture(n, 0)


class Lesson(NamedTuple):
    """Pictures (B, 3, 64, 64), 0…1; labels (B,); landmarks (B, P, 2): row and column in px."""

    pictures: Tensor
    labels: Tensor
    landmarks: Tensor


@dataclass(frozen=True, eq=False)
class Objects:
    """Objects by number, the names of their kinds, and of the landmarks that all of them have."""

    every: Any
    classes: tuple[str, ...]
    landmarks: tuple[str, ...]

    def some(self, numbers: Sequence[int]) -> Lesson:
        chosen = [self.every[number] for number in numbers]
        return Lesson(
            torch.stack([one.image for one in chosen]),
            torch.tensor([self.classes.index(one.label) for one in chosen]),
            torch.tensor([[one.landmarks[name][:2] for name in self.landmarks] for one in chosen]),
        )

    @cached_property
    def held(self) -> Lesson:
        """Those that are kept for measuring."""
        return self.some(range(0, len(self.every), HELD_OUT))

    @cached_property
    def shown(self) -> Lesson:
        """The first of these: to render all takes a second."""
        return self.some(range(0, SHOWN * HELD_OUT, HELD_OUT))


def known(objects: Any, fewest: int) -> Objects:
    """UserError for what are not so many rendered objects of 64 px, of two kinds at least."""
    if objects is None:
        chair = render_object()
        return Objects(furniture(), KINDS, tuple(name for name in chair.landmarks if not name.startswith("back ")))
    several = hasattr(objects, "__len__") and hasattr(objects, "__getitem__") and not isinstance(objects, str | dict)
    if not several or len(objects) < fewest:
        given = len(objects) if several else came(objects)
        raise UserError(
            f"objects must be at least {fewest} rendered ones, of cnnviz.objects(1000), or None, not {given}."
        )
    every = [objects[number] for number in range(len(objects))]
    sizes = {getattr(getattr(one, "image", None), "shape", None) for one in every}
    if sizes != {(3, SIDE, SIDE)} or not all(hasattr(one, "landmarks") for one in every):
        raise UserError(f"objects must have {SIDE}×{SIDE} px and landmarks, as those of cnnviz.objects(1000) have.")
    classes = tuple(dict.fromkeys(one.label for one in every))
    landmarks = tuple(name for name in every[0].landmarks if all(name in one.landmarks for one in every))
    if len(classes) < 2 or not landmarks:
        raise UserError("objects must be of at least two kinds, with a landmark that all of them have.")
    return Objects(every, classes, landmarks)


class PartNetwork(nn.Module):
    """Four convolutions, of which the last has the filters that are looked at; then what classifies their maps.

    Its maps are normalized for each filter and begin RARE standard deviations above the mean, so that no filter falls
    silent and none fires everywhere.

    masked  whether only the region around the greatest value of a map goes on to the classifier
    """

    def __init__(self, filters: int, classes: int, masked: bool = False) -> None:
        super().__init__()
        self.masked = masked
        self.features = nn.Sequential(
            *_block(3, 16, 5, 2), *_block(16, 32, 3, 2), *_block(32, 32, 3, 1),
            nn.Conv2d(32, filters, 3, padding=1, padding_mode="replicate", bias=False),
            nn.BatchNorm2d(filters, affine=False),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            *_block(filters, 48, 3, 2), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * 48, classes)
        )

    def maps(self, pictures: Tensor) -> Tensor:
        """(B, filters, 16, 16), at least 0."""
        return (self.features(pictures) - RARE).relu()

    def classified(self, maps: Tensor) -> Tensor:
        """Scores (B, classes)."""
        return self.classifier(maps * template_mask(maps) if self.masked else maps)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.classified(self.maps(pictures))


def _block(channels: int, width: int, kernel: int, stride: int) -> list[nn.Module]:
    """Its border repeats the edge of the picture: zeros there would be something to fire at."""
    convolution = nn.Conv2d(channels, width, kernel, stride, kernel // 2, padding_mode="replicate", bias=False)
    return [convolution, nn.BatchNorm2d(width), nn.ReLU()]


def peaks(maps: Tensor) -> Tensor:
    """(B, K, 2): row and column in px of the middle of the cell where each map is greatest."""
    at = maps.flatten(2).argmax(2)
    size = maps.shape[-1]
    return (torch.stack([at // size, at % size], -1) + 0.5) * SIDE / size


def distances(maps: Tensor, landmarks: Tensor) -> Tensor:
    """(B, K, P): from the greatest value of each map to each landmark, in diagonals of the picture."""
    return (peaks(maps)[:, :, None] - landmarks[:, None]).norm(dim=-1) / (SIDE * 2**0.5)


def spreads(maps: Tensor, landmarks: Tensor, labels: Tensor) -> Tensor:
    """(kinds, K, P): the standard deviation of these distances over the pictures of a kind in which a filter fires.

    NaN where these are fewer than FEWEST.
    """
    away, fires = distances(maps, landmarks), maps.flatten(2).amax(2) > 0
    found = torch.full((int(labels.max()) + 1, *away.shape[1:]), float("nan"))
    for kind, filter in product(range(len(found)), range(maps.shape[1])):
        chosen = (labels == kind) & fires[:, filter]
        if chosen.sum() >= FEWEST:
            found[kind, filter] = away[chosen, filter].std(0)
    return found


def instability(maps: Tensor, landmarks: Tensor, labels: Tensor) -> Tensor:
    """(K,): for each filter the mean of its spreads over landmarks and kinds; NaN where it fires in none."""
    return spreads(maps, landmarks, labels).nanmean((0, 2))
