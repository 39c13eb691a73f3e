"""Pictures with labels to learn from: those that are given, or that are there without a download."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz_widgets.engine.optimize.balls import in_8_bits
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came
from cnnviz_widgets.pictures.load import load_image

HELD_OUT = 4  # every fourth picture is kept for measuring
TEXTURES = ("brick", "grass", "gravel")
CROP, STRIDE, LEARNED = 64, 32, 320  # px: of a crop, between two of them, and of the photographs' left part


class Labeled(NamedTuple):
    """Pictures (N, C, H, W) float32, 0…1; labels (N,) int64; names of the classes; held (N,): kept for measuring."""

    pictures: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    held: Tensor


def digits(times: int = 1) -> Labeled:
    """scikit-learn's 1,797 handwritten digits of 8×8 px, enlarged so many times."""
    # From its file: sklearn.datasets takes more than a second to be imported, and pictures wait for them.
    package = find_spec("sklearn")
    assert package
    assert package.origin
    known = np.loadtxt(Path(package.origin).parent / "datasets/data/digits.csv.gz", delimiter=",")
    pictures = torch.from_numpy(known[:, :-1] / 16).float().view(-1, 1, 8, 8)
    if times > 1:
        pictures = in_8_bits(F.interpolate(pictures, scale_factor=times, mode="bilinear"))
    return Labeled(pictures, torch.from_numpy(known[:, -1]).long(), tuple(map(str, range(10))), _every(len(pictures)))


def textures() -> Labeled:
    """Crops of 64×64 px of scikit-image's photographs of brick, grass and gravel; those held out share no pixel."""
    pictures, labels, held = [], [], []
    for label, name in enumerate(TEXTURES):
        photo = load_image(name)[:1]  # it is gray
        for part, kept in ((photo[..., :LEARNED], False), (photo[..., LEARNED:], True)):
            crops = part.unfold(1, CROP, STRIDE).unfold(2, CROP, STRIDE).reshape(-1, 1, CROP, CROP)
            pictures.append(crops)
            labels.append(torch.full((len(crops),), label))
            held.append(torch.full((len(crops),), kept))
    return Labeled(torch.cat(pictures), torch.cat(labels), TEXTURES, torch.cat(held))


def given(images: Any, labels: Any) -> Labeled:
    """UserError, with what is wrong, for what is no batch of pictures with as many labels."""
    if not isinstance(images, Tensor) or images.ndim != 4 or not images.is_floating_point() or len(images) < 8:
        raise UserError(f"images must be at least 8 pictures (N, C, H, W), values 0…1, not {came(images)}.")
    if not (images.isfinite().all() and 0 <= float(images.min()) <= float(images.max()) <= 1):
        raise UserError("images must have values 0…1.")
    try:
        numbers = torch.as_tensor(np.asarray(labels) if isinstance(labels, Sequence) else labels)
    except (TypeError, ValueError, RuntimeError):
        numbers = torch.empty(0)
    whole = numbers.ndim == 1 and not numbers.is_floating_point() and not numbers.is_complex()
    if not whole or len(numbers) != len(images) or numbers.dtype == torch.bool or not 0 <= int(numbers.min()) < 10**4:
        raise UserError(f"labels must be {len(images)} whole numbers from 0, one for each picture, not {came(labels)}.")
    classes = tuple(f"class {one}" for one in range(int(numbers.max()) + 1))
    return Labeled(images.detach().float().cpu(), numbers.long().cpu(), classes, _every(len(images)))


def without_labels(labels: Any, what: str) -> None:
    """UserError for labels beside pictures that have their own."""
    if labels is not None:
        raise UserError(f"labels must be left out where images is {what}: those pictures have their own.")


def _every(count: int) -> Tensor:
    return torch.arange(count) % HELD_OUT == 0
