"""Many pictures, each loaded when it is asked for."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import index as whole_number
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

import numpy as np
from torch import Tensor

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import Count, Positive, came, gate
from cnnviz_widgets.pictures.archives import Archive, is_archive
from cnnviz_widgets.pictures.load import Unreadable, drafted, load_image
from cnnviz_widgets.pictures.picture import Picture
from cnnviz_widgets.pictures.rendered import Rendered
from cnnviz_widgets.pictures.samples import Samples
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.runtime.batching import memory_budget

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
PICTURES = ("image", "img", "picture", "pixel_values")  # keys of an entry that is a mapping, the first that is there
LABELS = ("label", "labels", "target", "class")
MOST_LISTED = 100_000  # entries of an iterable
MOST_NAMED = 5  # of the pictures that could not be read


class Dataset:
    """Pictures by number. ``load_dataset`` makes it.

    source    the Python expression that makes it again, or None
    channels  what a network takes, see ``load_image``
    draft     px that the shorter side of a JPEG file keeps, see ``load_dataset``

    Iterating leaves out what cannot be read, and says so at the end; UserError if that is all.
    """

    def __init__(self, pictures: Any, source: str | None = None, channels: int = 3, draft: int = 0) -> None:
        self._pictures = pictures
        self.source = source
        self.channels = channels
        self._draft = draft

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, number: int) -> tuple[Picture, str]:
        """(picture (C, H, W) float32, 0…1; its name). UserError, with its number, for what is no picture."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        try:
            picture, key, label = _parts(self._entry(number))
            name = _name(picture, self._label(key, label)) or f"picture {number}"
            if self._draft:
                picture = drafted(picture, self._draft)
            return load_image(picture, channels=self.channels), name
        except UserError as error:
            raise type(error)(f"picture {number} of the dataset: {error}") from error

    def __iter__(self) -> Iterator[tuple[Picture, str]]:
        unread = Unread(self)
        for _, picture, name in unread.reading(range(len(self))):
            yield picture, name
        unread.tell()

    def __repr__(self) -> str:
        return f"Dataset({len(self)} pictures)"

    def for_channels(self, channels: int) -> "Dataset":
        """The same pictures for a network that takes so many channels."""
        same = channels == self.channels
        return self if same else Dataset(self._pictures, self.source, channels, self._draft)

    def file_name(self, number: int) -> str:
        """What a picture is called among those that could not be read."""
        if isinstance(self._pictures, Archive):
            return PurePosixPath(self._pictures.names[number]).name
        files = isinstance(self._pictures, list) and isinstance(self._pictures[number], str | os.PathLike)
        return Path(self._pictures[number]).name if files else f"picture {number}"

    def _entry(self, number: int) -> Any:
        try:
            return self._pictures[number]
        except Exception as error:  # somebody's own code
            # What torchvision's folders raise for a file that does not decode: the others may be fine.
            kind = Unreadable if isinstance(error, OSError | SyntaxError) else UserError
            raise kind(f"{type(self._pictures).__name__} raised {type(error).__name__}: {error}") from error

    def _label(self, key: str | None, label: Any) -> Any:
        """A number becomes the name of the class, where the data set knows it."""
        names = self._names(key)
        try:
            number = whole_number(label)
        except TypeError:  # no number
            return label
        return names[number] if 0 <= number < len(names) else label

    def _names(self, key: str | None) -> Sequence[str]:
        """Of the classes: ImageFolder's, also of a Subset of it, or those of Hugging Face's features."""
        source = self._pictures
        while not hasattr(source, "classes") and hasattr(source, "dataset"):
            source = source.dataset
        names = getattr(source, "classes", None)
        if names is None and isinstance(features := getattr(source, "features", None), Mapping):
            names = getattr(features.get(key), "names", None)
        return names if isinstance(names, list | tuple) else ()


class Unread:
    """What of a data set could not be read, while the rest is worked on."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._total = len(dataset)
        self._tried = 0
        self._names: list[str] = []
        self._first: Unreadable | None = None

    def reading(self, numbers: Iterable[int]) -> Iterator[tuple[int, Picture, str]]:
        """(number, picture, name) of those that can be read."""
        for number in numbers:
            if number >= len(self._dataset):
                raise UserError(f"{self._changed()}: picture {number} is not there any more.")
            self._tried += 1
            try:
                picture, name = self._dataset[number]
            except Unreadable as error:
                self._names.append(self._dataset.file_name(number))
                self._first = self._first or error
            else:
                yield number, picture, name

    def tell(self) -> None:
        """Remark which could not be read, once all have been tried; UserError if it was every one."""
        if len(self._dataset) != self._total:
            remark(f"{self._changed()}: the others were not looked at.")
        missed, total = len(self._names), self._tried
        if missed == total > 0:
            raise UserError(f"none of the {total:,} pictures of the dataset could be read: {self._first}")
        if missed:
            more = " …" if missed > MOST_NAMED else ""
            remark(f"{missed:,} of {total:,} pictures could not be read: {', '.join(self._names[:MOST_NAMED])}{more}.")

    def _changed(self) -> str:
        return f"the dataset had {self._total:,} pictures at first, and has {len(self._dataset):,} now"


@gate
def load_dataset(source: Any, *, channels: Positive = 3, draft: Count = 0) -> Dataset:
    """Many pictures, by number, from any of:

    - the path of a folder: all pictures in it and in the folders below, by their paths' alphabet; hidden files and
      folders are left out; or of a zip or tar file, also a compressed one, that holds such a folder
    - a list of anything that ``load_image`` takes; ``samples()``, ``scenes()`` or ``objects()``; a batch (N, C, H, W),
      torch, or (N, H, W, C), numpy
    - a torch or Hugging Face ``Dataset`` with a length, whose entries are pictures, or tuples that begin with one, such
      as (picture, label), or mappings with "image" and perhaps "label". Values are bytes or 0…1: give it no transform
      that normalizes. Where it knows the names of its classes, a label is shown by its name
    - any other iterable of these, which is read to its end at once: it must have one, and fit into memory

    channels: what a network takes, ``network.channels``; see ``load_image``.
    draft: px; JPEG files are decoded at 1/2, 1/4 or 1/8 of their size, which is up to four times as quick, as long as
    their shorter side keeps so many. 0 = whole.

    Nothing else is read yet; ``load_dataset(…)[number]`` → (picture, name), and UserError for what cannot be read.
    Iterating leaves that out, and remarks at the end how many these were, and which. UserError for what holds no
    pictures.
    """
    if isinstance(source, Dataset):
        return source.for_channels(channels)
    if isinstance(source, Samples):
        return Dataset(list(source), "cnnviz.load_dataset(cnnviz.samples())", channels, draft)
    if isinstance(source, str | os.PathLike):
        more = f", draft={draft}" if draft else ""
        written = f"cnnviz.load_dataset({json.dumps(os.fsdecode(source), ensure_ascii=False)}{more})"
        return Dataset(_archived(source) if is_archive(source) else _files(source), written, channels, draft)
    kind = type(source).__name__
    refused = isinstance(source, Mapping | bytes | bytearray | memoryview)
    if not refused and not (hasattr(source, "__len__") and hasattr(source, "__getitem__")):
        refused = not isinstance(source, Iterable)
        source = source if refused else _listed(source)
    if refused or (isinstance(source, Tensor | np.ndarray) and source.ndim != 4):
        shape = f" {tuple(source.shape)}" if isinstance(source, Tensor | np.ndarray) else ""
        raise UserError(
            "dataset must be a folder, a zip or tar file, a list or another iterable of pictures, a batch or a torch "
            f"Dataset, not {kind}{shape}."
        )
    if not len(source):
        raise UserError(f"dataset must hold at least one picture: this {kind} is empty.")
    made = isinstance(source, Rendered)
    return Dataset(source, f"cnnviz.load_dataset(cnnviz.{source!r})" if made else None, channels, draft)


def _listed(source: Iterable) -> list[Any]:
    """All that an iterable gives; UserError where that does not end, or does not fit into memory."""
    kind, entries, room = type(source).__name__, list[Any](), memory_budget()
    try:
        for entry in source:
            picture, *_ = _parts(entry)
            room -= int(getattr(picture, "nbytes", 0))
            if room < 0 or len(entries) == MOST_LISTED:
                raise UserError(
                    f"dataset: this {kind} gives more than {len(entries):,} pictures, too many to be kept in memory: "
                    "end it earlier, as itertools.islice does, or give a Dataset that reads each picture when asked."
                )
            entries.append(entry)
    except UserError:
        raise
    except Exception as error:  # somebody's own code
        raise UserError(f"dataset: this {kind} raised {type(error).__name__}: {error}") from error
    return entries


def _archived(path: str | os.PathLike) -> Archive:
    archive = Archive(Path(path).expanduser(), _may_be_a_picture)
    if not len(archive):
        raise UserError(f"dataset {came(os.fsdecode(path))} holds no pictures ({', '.join(SUFFIXES)}).")
    return archive


def _files(folder: str | os.PathLike) -> list[Path]:
    path = Path(folder).expanduser()
    if not os.fspath(folder) or not os.path.isdir(path):  # Path("") is the folder that one is in
        raise UserError(
            f"dataset {came(os.fsdecode(folder))} is no folder, and no zip or tar file: give one with pictures."
        )
    files = sorted(file for file in path.rglob("*") if _may_be_a_picture(file.relative_to(path)) and file.is_file())
    if not files:
        raise UserError(f"dataset {came(os.fsdecode(folder))} holds no pictures ({', '.join(SUFFIXES)}).")
    return files


def _may_be_a_picture(path: PurePath) -> bool:
    """By its name: macOS, Jupyter and others leave hidden files that are called like pictures."""
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden


def _parts(entry: Any) -> tuple[Any, str | None, Any]:
    """(picture, key of the label, label) of an entry; None where there is no label."""
    if isinstance(entry, Mapping) and "content" not in entry:  # that would be an upload
        picture = next((entry[key] for key in PICTURES if key in entry), None)
        if picture is None:
            raise UserError(
                f"this entry has no picture under {', '.join(map(repr, PICTURES))}, only {', '.join(map(repr, entry))}."
            )
        if isinstance(picture, Mapping) and "bytes" in picture:  # Hugging Face's, when it does not decode
            picture = picture["bytes"] or picture.get("path")
        key = next((key for key in LABELS if key in entry), None)
        return picture, key, entry.get(key)
    picture, *label = entry if isinstance(entry, tuple | list) and entry else (entry,)
    several = " ".join(str(one) for one in label if isinstance(one, str | int))
    return picture, None, label[0] if len(label) == 1 else several


def _name(picture: Any, label: Any) -> str:
    if isinstance(picture, str | os.PathLike):
        return Path(picture).stem
    return str(label) if isinstance(label, str | int) else ""
