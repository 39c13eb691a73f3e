"""Many pictures, each loaded when it is asked for."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import gate
from cnnviz_widgets.pictures.load import load_image
from cnnviz_widgets.pictures.samples import Samples

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")


class Dataset:
    """Pictures by number. ``load_dataset`` makes it.

    source  the Python expression that makes it again, or None
    """

    def __init__(self, pictures: Any, source: str | None = None) -> None:
        self._pictures = pictures
        self.source = source

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, number: int) -> tuple[Tensor, str]:
        """(picture (3, H, W) float32, 0…1; its name). UserError, with its number, for what is no picture."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        item = self._pictures[number]
        picture, *label = item if isinstance(item, tuple | list) and item else (item,)
        try:
            return load_image(picture), _name(picture, label) or f"picture {number}"
        except UserError as error:
            raise UserError(f"picture {number} of the dataset: {error}") from error

    def __iter__(self) -> Iterator[tuple[Tensor, str]]:
        return (self[number] for number in range(len(self)))

    def __repr__(self) -> str:
        return f"Dataset({len(self)} pictures)"


@gate
def load_dataset(source: Any) -> Dataset:
    """Many pictures, by number, from any of:

    - the path of a folder: all pictures in it and in the folders below, by their paths' alphabet
    - a list of anything that ``load_image`` takes; ``samples()``; a batch (N, C, H, W), torch, or (N, H, W, C), numpy
    - a torch ``Dataset`` with a length, whose entries are pictures, or tuples that begin with one, such as (picture,
      label). Values are bytes or 0…1: give it no transform that normalises.

    Nothing is read yet; ``load_dataset(…)[number]`` → (picture, name). UserError for what holds no pictures.
    """
    if isinstance(source, Dataset):
        return source
    if isinstance(source, str | os.PathLike):
        return Dataset(_files(source), f"cv.load_dataset({json.dumps(os.fsdecode(source), ensure_ascii=False)})")
    if isinstance(source, Samples):
        return Dataset(list(source), "cv.load_dataset(cv.samples())")
    sequence = hasattr(source, "__len__") and hasattr(source, "__getitem__") and not isinstance(source, dict | bytes)
    if not sequence or (isinstance(source, Tensor | np.ndarray) and source.ndim != 4):
        shape = f" {tuple(source.shape)}" if isinstance(source, Tensor | np.ndarray) else ""
        raise UserError(
            "dataset must be a folder, a list of pictures, a batch or a torch Dataset with a length, not "
            f"{type(source).__name__}{shape}."
        )
    if not len(source):
        raise UserError(f"dataset must hold at least one picture: this {type(source).__name__} is empty.")
    return Dataset(source)


def _files(folder: str | os.PathLike) -> list[Path]:
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise UserError(f"dataset {os.fsdecode(folder)!r} is no folder: give the path of one that holds pictures.")
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise UserError(f"dataset {os.fsdecode(folder)!r} holds no pictures ({', '.join(SUFFIXES)}).")
    return files


def _name(picture: Any, label: list) -> str:
    if isinstance(picture, str | os.PathLike):
        return Path(picture).stem
    return " ".join(str(one) for one in label if isinstance(one, str | int))
