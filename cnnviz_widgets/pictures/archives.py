"""Picture files in a zip or tar archive, each read when it is asked for."""

import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from threading import RLock
from typing import Any, BinaryIO

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came
from cnnviz_widgets.pictures.load import MOST_BYTES, Unreadable

ENDS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


class Archive:
    """The bytes of the files in an archive, by number, in the order of their names.

    path    of the archive
    wanted  whether a file is one, by its path in the archive
    A copy by ``pickle`` opens the archive again.
    """

    def __init__(self, path: Path, wanted: Callable[[PurePosixPath], bool]) -> None:
        self._path, self._wanted, self._lock = path, wanted, RLock()
        try:
            self._open()
        except (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
            raise UserError(f"dataset {came(str(path))} cannot be opened as an archive ({error}).") from error

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, number: int) -> tuple[bytes, str]:
        """(content of the file, its name without folder and ending)."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        entry = self._entries[number]
        if (entry.file_size if isinstance(entry, zipfile.ZipInfo) else entry.size) > MOST_BYTES:
            raise Unreadable(f"{self.names[number]} is too large: files of at most {MOST_BYTES // 2**30} GiB are read.")
        try:
            with self._lock, self._reader(entry) as file:
                return file.read(MOST_BYTES), PurePosixPath(self.names[number]).stem
        except Exception as error:  # a damaged archive, a password …
            raise Unreadable(f"{self.names[number]} cannot be read from the archive ({error}).") from error

    def _open(self) -> None:
        self._entries: list[Any]
        self._reader: Callable[[Any], BinaryIO]
        if self._path.name.lower().endswith(".zip"):
            zipped = zipfile.ZipFile(self._path)
            found: dict[str, Any] = {one.filename: one for one in zipped.infolist() if not one.is_dir()}
            self._reader = zipped.open  # type: ignore[assignment]
        else:
            file: Any = self._path.open("rb")
            if not self._path.name.lower().endswith(".tar"):
                file = _unpacked(self._path)
            tar = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115  # stays open
            found = {one.name: one for one in tar if one.isfile()}
            self._reader = tar.extractfile  # type: ignore[assignment]  # of files alone
        self.names = sorted(name for name in found if self._wanted(PurePosixPath(name)))
        self._entries = [found[name] for name in self.names]

    def __getstate__(self) -> dict[str, Any]:
        return {"_path": self._path, "_wanted": self._wanted}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_path"], state["_wanted"])  # type: ignore[misc]


def is_archive(path: str | os.PathLike) -> bool:
    return os.fsdecode(path).lower().endswith(ENDS) and os.path.isfile(os.path.expanduser(path))


def _unpacked(path: Path) -> BinaryIO:
    """The tar file in a compressed one, in a file without a name: a compressed one can only be read forward."""
    import bz2
    import gzip
    import lzma

    name = path.name.lower()
    kind: Any = gzip if name.endswith("gz") else bz2 if name.endswith("bz2") else lzma
    file = tempfile.TemporaryFile()  # noqa: SIM115
    try:
        with kind.open(path) as packed:
            shutil.copyfileobj(packed, file, 2**20)
    except lzma.LZMAError as error:
        raise OSError(str(error)) from error
    file.seek(0)
    return file
