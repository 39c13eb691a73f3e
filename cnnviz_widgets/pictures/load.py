"""A picture from anything that may hold one."""

import io
import json
import os
import stat
from collections.abc import Callable, Mapping
from operator import index as whole_number
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import numpy as np
import torch
import torch.nn.functional as F
from PIL import ExifTags, Image
from torch import Tensor

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import OWN, Positive, came, gate
from cnnviz_widgets.pictures.picture import Picture, source_of
from cnnviz_widgets.pictures.sample_files import SampleFiles, installed
from cnnviz_widgets.runtime import batching

KINDS = "PNG, JPEG, GIF, WebP, TIFF, BMP or PPM"
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM")
MOST_PIXELS = 2**26  # 8192 × 8192: 0.8 GB as float32. What claims to be larger is refused before it is unpacked.
ROUNDING = 1e-3  # floats may leave 0…1 by this much, as arithmetic does, and are clipped
WHITE = {"bool": 1, "uint8": 255, "uint16": 65535}  # of each type; floats are 0…1 as they are
CHANNELS = (1, 3, 4)  # gray, color, color and alpha
MOST_BYTES = 2**30  # of a file: MOST_PIXELS in the widest of types take less
PILLOWS, FLOATS = 4, 12  # bytes of a pixel: as Pillow decodes it, as three float32
ASKED_FROM = 2**26  # bytes; for less, nobody asks how much memory is free
BAND = 2**20  # px that are converted to floats at a time
DRAFTED, DRAFT = 2**24, 4  # px from which a JPEG is decoded smaller, and how many times what is wanted it then is
# EXIF orientation -> the rows of the file, as a view of the upright picture (C, H, W)
STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, :, ::-1],
    3: lambda upright: upright[:, ::-1, ::-1],
    4: lambda upright: upright[:, ::-1],
    5: lambda upright: upright.swapaxes(1, 2),
    6: lambda upright: np.rot90(upright, 1, (1, 2)),
    7: lambda upright: upright[:, ::-1, ::-1].swapaxes(1, 2),
    8: lambda upright: np.rot90(upright, -1, (1, 2)),
}

Size = int | tuple[int, int] | None


class Unreadable(UserError):
    """A file, or what else one picture comes from, cannot be read: others beside it may be fine."""


@gate
def load_image(source: Any, size: Annotated[Size, OWN] = None, *, channels: Positive = 3) -> Picture:
    """A picture as (3, H, W) float32 on the CPU, values 0…1, from any of:

    - the name of a sample (see ``samples()``); a path; the bytes of a file; an open binary file
    - what ipywidgets' ``FileUpload`` or a panel's button "Upload" holds (its ``value``, or one entry of it)
    - a PIL picture
    - a numpy array (H, W), (H, W, C) or (C, H, W), or a torch tensor (H, W), (C, H, W) or (H, W, C), with C = 1 (gray),
      3 (color) or 4 (color and alpha), of bool, uint8, uint16, or floats in 0…1. Where both readings of a shape are
      possible, numpy means channels last, and torch channels first.

    Photographs are turned as their EXIF orientation says; of an animation the first frame is taken; alpha is laid over
    white; gray is repeated; color profiles are ignored. Values are exact: a byte b becomes b / 255, a 16-bit gray
    value v becomes v / 65535 (files with 16 bits per color are read to 8). Files are PNG, JPEG, GIF, WebP, TIFF, BMP
    or PPM, whatever they are called.

    size: None; the length of the shorter side in px, the other in proportion; or (height, width), whatever the
    proportions. Scaling is bilinear and antialiased, as torchvision's ``Resize``; JPEG files of over 16 million pixels
    are decoded at a part of their size first, at least four times that which is wanted.

    channels: what a network takes, ``network.channels``. What has as many, if they are neither 1 nor 3, stays as it is,
    (channels, H, W): arrays (H, W, 5), tensors (5, H, W), or for 4 color and alpha. All else becomes (3, H, W).

    UserError, one sentence, for what is no picture, or damaged, too large (over 67 million pixels, or for the memory
    that is free) or empty, for pipes and devices, and for arrays of another shape or type, with NaN or infinite values,
    or with floats outside 0…1.
    """
    if size is not None:
        size = _checked_size(size)
    return Picture(_read(source, size, channels), _expression(source, size), *_name(source))


def _name(source: Any) -> tuple[str | None, bool]:
    """Of the sample or the file, and whether it was uploaded."""
    if isinstance(source, Picture):
        return source.name, source.uploaded
    if isinstance(source, Mapping | tuple | list):
        name = _files(source)[0].get("name")
        return name, name is not None
    return (Path(os.fsdecode(source)).name, False) if isinstance(source, str | os.PathLike) else (None, False)


def _expression(source: Any, size: Size) -> str | None:
    """Python that loads it again; None for what has neither a name nor a path."""
    if isinstance(source, Tensor):
        argument = source_of(source)
        if argument is None or size is None:
            return argument
    elif isinstance(source, str | os.PathLike):
        argument = json.dumps(os.fsdecode(source), ensure_ascii=False)
    elif isinstance(source, Mapping | tuple | list) and (name := _files(source)[0].get("name")):
        argument = json.dumps(name, ensure_ascii=False)  # the file that was uploaded
        size = size or _files(source)[0].get("scaled")
    else:
        return None
    return f"cnnviz.load_image({argument})" if size is None else f"cnnviz.load_image({argument}, size={size})"


def _read(source: Any, size: Size, channels: int) -> Tensor:
    if isinstance(source, Tensor):
        return _from_tensor(source, size, channels)
    if isinstance(source, np.ndarray):
        return _from_array(np.asarray(source), size, channels)
    if isinstance(source, Image.Image):
        return _from_pil(source, "source", size, channels)
    if isinstance(source, str) and source in installed():
        return _from_path(installed()[source], size, channels)
    if isinstance(source, str | os.PathLike):
        if "://" in (text := os.fsdecode(source)):
            raise UserError(f"source {came(text)} is a web address: save the picture to a file and give its path.")
        return _from_path(Path(os.path.expanduser(text)), size, channels)
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(source, "source", size, channels)
    if isinstance(source, Mapping | tuple | list):
        return _from_upload(source, size, channels)
    if hasattr(source, "read"):
        return _from_bytes(_content(source), "source", size, channels)
    raise _wrong_type(source)


def _wrong_type(source: Any) -> UserError:
    return UserError(
        "source must be a sample's name, a path, bytes, an open binary file, an upload, a PIL picture, a numpy array or"
        f" a torch tensor, not {type(source).__name__}."
    )


def _from_path(path: Path, size: Size, channels: int) -> Tensor:
    what = f"source {came(str(path))}"
    try:
        about = path.stat()
        if stat.S_ISDIR(about.st_mode):
            raise UserError(f"{what} is a folder: give the path of a picture file.")
        if not stat.S_ISREG(about.st_mode):  # to open one may wait for ever, and to read it may never end
            raise Unreadable(f"{what} is a pipe, a socket or a device: give the path of a picture file.")
        file = path.open("rb")
    except FileNotFoundError:
        known = SampleFiles(installed())
        raise Unreadable(
            f"{what} is neither a file nor a sample{known.hint(path)}: samples are {known.listed}."
        ) from None
    except UserError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        raise Unreadable(
            f"{what} cannot be opened ({getattr(error, 'strerror', None) or error}): give the path of a picture file."
        ) from error
    with file:
        return _decode(file, what, size, channels)


def _content(file: Any) -> Any:
    try:
        return file.read(MOST_BYTES + 1)
    except Exception as error:  # closed, not for reading, or whatever a file-like object of somebody's raises
        raise Unreadable(f"source cannot be read ({type(error).__name__}: {error}).") from error


def _from_upload(value: Any, size: Size, channels: int) -> Tensor:
    """`value` of ipywidgets' FileUpload: one dict per file, with its "name" and "content"."""
    files = _files(value)
    if not files:
        raise UserError("source is an empty upload: choose a file first.")
    if not all(isinstance(file, Mapping) and "content" in file for file in files):
        raise _wrong_type(value)
    if len(files) > 1:
        raise UserError(f"source holds {len(files)} uploaded files: give one of them, such as upload.value[0].")
    return _from_bytes(files[0]["content"], f"source {came(files[0].get('name', 'upload'))}", size, channels)


def _files(value: Any) -> Any:
    return [value] if isinstance(value, Mapping) else value


def _from_bytes(content: Any, what: str, size: Size, channels: int) -> Tensor:
    if not isinstance(content, bytes | bytearray | memoryview):
        raise UserError(f"{what} must hold bytes, not {type(content).__name__}: open a file in binary mode ('rb').")
    if len(content) > MOST_BYTES:
        raise Unreadable(f"{what} is too large: files of at most {MOST_BYTES // 2**30} GiB are read.")
    return _decode(io.BytesIO(content), what, size, channels)


def _decode(file: BinaryIO, what: str, size: Size, channels: int) -> Tensor:
    try:
        # Only these: Pillow would hand PostScript, whatever its file is called, to Ghostscript, which runs it.
        image = Image.open(file, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(what) from error
    except Exception as error:  # a format's reader may fail in any way on bytes that only begin like that format
        file.seek(0)
        if not file.read(1):
            raise Unreadable(f"{what} is empty (0 bytes): give a whole {KINDS} file.") from error
        raise Unreadable(f"{what} is not a picture that can be recognized: give a whole {KINDS} file.") from error
    size = _drafted(image, size)
    return _from_pil(image, what, size, channels)


def _drafted(image: Image.Image, size: Size) -> Size:
    """Let a very large JPEG be decoded at a part of its size, still DRAFT times what is wanted; the size as a pair."""
    if size is None or image.format not in ("JPEG", "MPO") or image.width * image.height < DRAFTED:
        return size
    turned, sides = _orientation(image) > 4, (image.height, image.width)
    size = _target(size, sides[::-1] if turned else sides)
    wanted = size[::-1] if turned else size
    for part in (8, 4, 2):  # of a side that cannot be divided, the last pixel would be stretched
        if all(side % part == 0 and side >= part * DRAFT * one for side, one in zip(sides, wanted, strict=True)):
            image.draft(None, (image.width // part, image.height // part))
            break
    return size


def drafted(source: Any, side: int) -> Any:
    """A JPEG file, by its path or its bytes, as a PIL picture that is decoded at 1/2, 1/4 or 1/8 of its size.

    The shorter side keeps at least ``side`` px. All else, also what is damaged, is returned as it is.
    """
    path = isinstance(source, str | os.PathLike) and os.path.isfile(os.path.expanduser(source))
    if not path and not isinstance(source, bytes):
        return source
    try:
        image = Image.open(os.path.expanduser(source) if path else io.BytesIO(source), formats=("JPEG",))
    except Exception:  # no JPEG, or none that can be read: load_image says why
        return source
    shorter = min(image.size)
    if image.width * image.height <= MOST_PIXELS and shorter >= 2 * side:
        image.draft(None, (image.width * side // shorter, image.height * side // shorter))
    return image


def _too_large(what: str, size: str = "") -> UserError:
    return Unreadable(
        f"{what} is too large{size}: at most {MOST_PIXELS // 10**6} million pixels are read; scale it down."
    )


def _check_room(pixels: int, bytes_each: int, what: str) -> None:
    """UserError, before anything is allocated, for a picture that would not fit into the memory that is free."""
    needed = pixels * bytes_each
    if needed > ASKED_FROM and needed > (free := batching.free_memory()):
        raise Unreadable(
            f"{what} has {pixels / 1e6:.0f} million pixels, which take {needed / 1e6:.0f} MB of memory, and"
            f" {free / 1e6:.0f} MB are free: scale it down."
        )


def _from_pil(image: Image.Image, what: str, size: Size, channels: int) -> Tensor:
    pixels = image.width * image.height
    if pixels > MOST_PIXELS:
        raise _too_large(what, f" ({image.width} × {image.height} px)")
    _check_room(pixels, PILLOWS + (FLOATS if size is None else 0), what)
    try:
        image.load()
        # Asked for now: what is read of a TIFF is turned already.
        orientation = _orientation(image)
        if image.mode == "F" or image.mode.startswith("I"):
            values = np.asarray(image)  # converting these to RGB would clip them
        else:
            mode = "RGBA" if image.has_transparency_data else "RGB"
            kept = 4 if mode == "RGBA" and channels == 4 else 3

            def rows(top: int, bottom: int) -> np.ndarray:
                band = image if bottom - top == image.height else image.crop((0, top, image.width, bottom))
                return _floats(np.moveaxis(np.asarray(band if band.mode == mode else band.convert(mode)), 2, 0), kept)

            if pixels:
                return _assembled(rows, (kept, image.height, image.width), size, orientation)
            values = np.empty((image.height, image.width, 3), np.uint8)
    except UserError:
        raise
    except Exception as error:  # damaged data: each decoder has its own exceptions
        raise Unreadable(f"{what} is a damaged or incomplete picture ({error}).") from error
    if image.mode.startswith("I"):
        low, high = values.min(initial=0), values.max(initial=0)
        if low < 0 or high > WHITE["uint16"]:
            raise UserError(
                f"{what} has gray values from {low} to {high}: whole numbers must lie in 0…65535 (16 bits)."
            )
        values = values.astype(np.uint16)
    return _from_array(values, size, channels, what=what, orientation=orientation)


def _orientation(image: Image.Image) -> int:
    """1…8, as EXIF counts; 1, upright, where EXIF is missing, damaged or says something else."""
    try:
        found = image.getexif().get(ExifTags.Base.Orientation)
        return found if found in STORED else 1
    except Exception:  # whatever comes of damaged bytes; the pixels are whole
        return 1


def _from_tensor(source: Tensor, size: Size, channels: int) -> Tensor:
    if source.numel() > MOST_PIXELS * max(*CHANNELS, channels):  # expanded, it may take no memory yet
        raise _too_large("source", f" (its shape is {tuple(source.shape)})")
    try:
        there = source.detach().cpu()
        # numpy has no bfloat16
        values = (there.float() if there.is_floating_point() else there).resolve_conj().resolve_neg().numpy()
    except (RuntimeError, TypeError, NotImplementedError) as error:  # sparse, on "meta", quantized …
        raise UserError(
            f"source is a torch tensor whose values cannot be read ({source.layout}, on {source.device}): give a dense"
            " one with numbers."
        ) from error
    return _from_array(values, size, channels, channels_first=True)


def _from_array(
    values: np.ndarray,
    size: Size,
    channels: int,
    *,
    channels_first: bool = False,
    what: str = "source",
    orientation: int = 1,
) -> Tensor:
    """Any of the shapes and types that load_image allows -> (C, H, W) float32 of its own memory."""
    if values.dtype.name not in WHITE and values.dtype.kind != "f":
        raise UserError(
            f"{what} has values of type {values.dtype}: a picture is of bool, uint8, uint16 or floats in 0…1."
        )
    values = _channels_first(values, channels_first, what, channels)
    pixels = values.shape[1] * values.shape[2]
    if pixels > MOST_PIXELS:
        raise _too_large(what, f" ({values.shape[2]} × {values.shape[1]} px)")
    kept = len(values) if len(values) == channels != 1 else 3
    _check_room(pixels, 0 if size is not None else 4 * kept, what)
    if values.dtype.kind == "f":
        low, high = values.min(), values.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            raise UserError(f"{what} has NaN or infinite values: the floats of a picture lie in 0…1.")
        if low < -ROUNDING or high > 1 + ROUNDING:
            raise UserError(
                f"{what} has values from {low:.4g} to {high:.4g}: the floats of a picture lie in 0…1 (divide bytes by"
                " 255; undo a network's normalization, or give a data set no transform that normalizes)."
            )

    def rows(top: int, bottom: int) -> np.ndarray:
        return _floats(values[:, top:bottom], kept)

    return _assembled(rows, (kept, *values.shape[1:]), size, orientation)


def _floats(values: np.ndarray, kept: int) -> np.ndarray:
    """(C, h, w) of any type -> (kept, h, w) float32, 0…1: as they are, or in color, alpha laid over white."""
    white = WHITE.get(values.dtype.name)
    # Bytes are put in order before they are floats, which take four times as much.
    picture = np.ascontiguousarray(values.clip(0, 1) if white is None else values).astype(np.float32)
    picture /= np.float32(white or 1)
    if len(picture) == 4 != kept:
        picture = picture[:3] * picture[3] + (1 - picture[3])
    return picture if len(picture) == kept else picture.repeat(3, 0)


def _assembled(
    rows: Callable[[int, int], np.ndarray], stored: tuple[int, int, int], size: Size, orientation: int
) -> Tensor:
    """The picture whose ``rows(top, bottom)`` are (C, bottom - top, W) float32, upright and scaled.

    It comes in bands, each of which is scaled across at once: all of it in floats would take gigabytes.
    """
    channels, height, width = stored
    turned = orientation > 4
    upright = (width, height) if turned else (height, width)
    final = upright if size is None else _target(size, upright)
    across = final[0] if turned else final[1]  # px of a stored row, once it is scaled
    if height * across > max(MOST_PIXELS, height * width):
        raise UserError(f"size {came(size)} is out of all proportion to a picture of {upright[0]} × {upright[1]} px.")
    picture = np.empty((channels, across, height) if turned else (channels, height, across), np.float32)
    lines = STORED[orientation](picture)
    step = max(1, BAND // width)
    for top in range(0, height, step):
        band = rows(top, min(top + step, height))
        lines[:, top : top + step] = (
            band if across == width else _scaled(torch.from_numpy(band), (len(band[0]), across))
        )
    whole = torch.from_numpy(picture)
    return whole if whole.shape[1:] == final else _scaled(whole, final)


def _scaled(picture: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(picture[None], size, mode="bilinear", antialias=True)[0].clamp_(0, 1)


def _channels_first(values: np.ndarray, likely_first: bool, what: str, channels: int) -> np.ndarray:
    allowed = CHANNELS if channels in CHANNELS else (*CHANNELS, channels)
    if values.size and values.ndim == 2:
        return values[None]
    if values.size and values.ndim == 3:
        first, last = values.shape[0] in allowed, values.shape[2] in allowed
        if first and (likely_first or not last):
            return values
        if last:
            return np.moveaxis(values, 2, 0)
    batch = ", which looks like a batch, take one of it:" if values.ndim == 4 else ":"
    counts = f"{', '.join(map(str, allowed[:-1]))} or {allowed[-1]}"
    raise UserError(
        f"{what} has the shape {values.shape}{batch} a picture is (H, W), (H, W, C) or (C, H, W) with C = {counts}."
    )


def _checked_size(size: Any) -> int | tuple[int, int]:
    sides = size if isinstance(size, tuple | list) else (size,)
    try:
        numbers = tuple(whole_number(side) for side in sides)
    except TypeError:
        numbers = ()
    if len(numbers) not in (1, 2) or min(numbers) < 1 or isinstance(size, bool):
        raise UserError(f"size must be the shorter side in px, or (height, width), of at least 1 px, not {came(size)}.")
    return numbers if len(numbers) == 2 else numbers[0]


def _target(size: int | tuple[int, int], upright: tuple[int, int]) -> tuple[int, int]:
    """(height, width) that a picture of another (height, width) shall have."""
    sides = (size * side // min(upright) for side in upright) if isinstance(size, int) else size
    height, width = sides
    if height * width > MOST_PIXELS:
        raise UserError(
            f"size would make a picture of {came(height)} × {came(width)} px: at most {MOST_PIXELS} pixels are made."
        )
    return height, width
