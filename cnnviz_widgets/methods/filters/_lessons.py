"""Pictures with classes to learn from: rendered ones, or those of a data set."""

from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cnnviz_widgets.engine.optimize.smoothing import resize
from cnnviz_widgets.errors import UserError, naming
from cnnviz_widgets.pictures.dataset import Unread, load_dataset
from cnnviz_widgets.pictures.load import load_image
from cnnviz_widgets.pictures.scenes import COLORS, SHAPES, scene_of

SIDE = 64  # px
HELD_OUT = 4  # every fourth picture of a class is not learned
FEWEST = 4  # pictures of a class
MOST = 20_000  # pictures of a data set that are looked at
RENDERED = [(SHAPES[at % len(SHAPES)], [*COLORS][at % len(COLORS)]) for at in range(24)]  # then they repeat themselves


class Lessons(NamedTuple):
    """Pictures (N, C, 64, 64) uint8, their labels (N,), and of which classes; some to learn from, some held out."""

    pictures: Tensor
    labels: Tensor
    unseen: Tensor
    truth: Tensor
    classes: tuple[str, ...]


@lru_cache(maxsize=2)  # it takes a second
def rendered(classes: int, each: int, seed: int) -> Lessons:
    """Scenes of a shape and a color, such as "red circle"."""
    if classes > len(RENDERED):
        raise UserError(f"classes must be at most {len(RENDERED)}, where pictures are rendered, not {classes}.")
    chosen = RENDERED[:classes]
    pictures = [_bytes(scene_of(*one, number, seed).image) for one, number in product(chosen, range(each))]
    labels = torch.arange(classes).repeat_interleave(each)
    return _parted(torch.stack(pictures), labels, tuple(f"{color} {shape}" for shape, color in chosen))


def read(pictures: Any, classes: int, each: int) -> Lessons:
    """Of a data set, the first classes in the order in which they appear, and the first pictures of each.

    UserError for fewer than two classes of at least four pictures.
    """
    with naming("pictures"):
        dataset = load_dataset(pictures)
    found: dict[str, list[Tensor]] = {}
    unread = Unread(dataset)
    for _, picture, name in unread.reading(range(min(len(dataset), MOST))):
        known = found.setdefault(name, []) if name in found or len(found) < MOST else []
        if len(known) < each:
            known.append(_bytes(load_image(picture, size=(SIDE, SIDE))))
    unread.tell()
    chosen = {name: one for name, one in found.items() if len(one) >= FEWEST}
    chosen = dict([*chosen.items()][:classes])
    if len(chosen) < 2:
        raise UserError(
            f"pictures must be of at least 2 classes with {FEWEST} pictures each, as (picture, label); "
            f"so many have {len(chosen)} of the classes of these {len(dataset):,}."
        )
    labels = torch.cat([torch.full((len(one),), label) for label, one in enumerate(chosen.values())])
    return _parted(torch.stack([one for several in chosen.values() for one in several]), labels, tuple(chosen))


def _bytes(picture: Tensor) -> Tensor:
    if picture.shape[-2:] != (SIDE, SIDE):
        picture = resize(picture[None], (SIDE, SIDE))[0]
    return (picture * 255).round().clamp(0, 255).byte()


def _parted(pictures: Tensor, labels: Tensor, classes: tuple[str, ...]) -> Lessons:
    held = torch.cat([torch.arange(int((labels == one).sum())) % HELD_OUT == 0 for one in range(len(classes))])
    return Lessons(pictures[~held], labels[~held], pictures[held], labels[held], classes)
