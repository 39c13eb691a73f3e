"""A picture from anything that may hold one."""

import io
import json
import os
from collections.abc import Mapping
from operator import index as whole_number
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.pictures.samples import samples

MOST_PIXELS = 2**26  # 8192 × 8192: 0.8 GB as float32. What claims to be larger is refused before it is unpacked.
ROUNDING = 1e-3  # floats may leave 0…1 by this much, as arithmetic does, and are clipped
WHITE = {"bool": 1, "uint8": 255, "uint16": 65535}  # of each type; floats are 0…1 as they are
CHANNELS = (1, 3, 4)  # grey, colour, colour and alpha

Size = int | tuple[int, int] | None

_sources: WeakTensorKeyDictionary = WeakTensorKeyDictionary()  # loaded picture -> (expression, version when loaded)


def load_image(source: Any, size: Size = None) -> Tensor:
    """A picture as (3, H, W) float32 on the CPU, values 0…1, from any of:

    - the name of a sample (see ``samples()``); a path; the bytes of a file; an open binary file
    - what ipywidgets' ``FileUpload`` holds (its ``value``, or one entry of it)
    - a PIL picture
    - a numpy array (H, W), (H, W, C) or (C, H, W), or a torch tensor (H, W), (C, H, W) or (H, W, C), with C = 1 (grey),
      3 (colour) or 4 (colour and alpha), of bool, uint8, uint16, or floats in 0…1. Where both readings of a shape are
      possible, numpy means channels last, and torch channels first.

    Photographs are turned as their EXIF orientation says; of an animation the first frame is taken; alpha is laid over
    white; grey is repeated; colour profiles are ignored. Values are exact: a byte b becomes b / 255, a 16-bit grey
    value v becomes v / 65535 (files with 16 bits per colour are read to 8).

    size: None; the length of the shorter side in px, the other in proportion; or (height, width), whatever the
    proportions. Scaling is bilinear and antialiased, as torchvision's ``Resize``.

    UserError, one sentence, for what is no picture, or damaged, too large (over 67 million pixels) or empty, and for
    arrays of another shape or type, with NaN or infinite values, or with floats outside 0…1.
    """
    if size is not None:
        size = _checked_size(size)
    picture = _read(source)
    if size is not None:
        picture = _resized(picture, size)
    expression = _expression(source, size)
    if expression:
        remember(picture, expression)
    return picture


def source_of(picture: Tensor) -> str | None:
    """The Python expression that loads this very tensor again, as ``cv.load_image("chelsea")``.

    None if nobody knows one (a name, a path or an upload does; for others see ``remember``), or if the tensor has been
    written to since.
    """
    expression, version = _sources.get(picture, (None, None))
    return expression if version == _version(picture) else None


def remember(picture: Tensor, expression: str) -> None:
    """Let ``source_of`` answer with this expression."""
    _sources[picture] = (expression, _version(picture))


def _version(picture: Tensor) -> int:
    return 0 if picture.is_inference() else picture._version  # tensors made in inference mode keep no count


def _expression(source: Any, size: Size) -> str | None:
    if isinstance(source, Tensor):
        argument = source_of(source)
        if argument is None or size is None:
            return argument
    elif isinstance(source, str | os.PathLike):
        argument = json.dumps(os.fsdecode(source), ensure_ascii=False)
    elif isinstance(source, Mapping | tuple | list) and (name := _files(source)[0].get("name")):
        argument = json.dumps(name, ensure_ascii=False)  # the file that was uploaded
    else:
        return None
    return f"cv.load_image({argument})" if size is None else f"cv.load_image({argument}, size={size})"


def _read(source: Any) -> Tensor:
    if isinstance(source, Tensor):
        values = source.detach().cpu()
        # numpy has no bfloat16
        return _from_array((values.float() if values.is_floating_point() else values).numpy(), channels_first=True)
    if isinstance(source, np.ndarray):
        return _from_array(np.asarray(source))
    if isinstance(source, Image.Image):
        return _from_pil(source, "source")
    if isinstance(source, str) and source in samples():
        return _from_path(samples().path(source))
    if isinstance(source, str | os.PathLike):
        if "://" in (text := os.fsdecode(source)):
            raise UserError(f"source {text!r} is a web address: save the picture to a file and give its path.")
        return _from_path(Path(os.path.expanduser(text)))
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(source)
    if isinstance(source, Mapping | tuple | list):
        return _from_upload(source)
    if hasattr(source, "read"):
        return _from_bytes(source.read())
    raise _wrong_type(source)


def _wrong_type(source: Any) -> UserError:
    return UserError(
        "source must be a sample's name, a path, bytes, an open binary file, an upload, a PIL picture, a numpy array or"
        f" a torch tensor, not {type(source).__name__}."
    )


def _from_path(path: Path) -> Tensor:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        known = samples()
        raise UserError(
            f"source {str(path)!r} is neither a file nor a sample{known.hint(path)}: samples are {', '.join(known)}."
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        reason = "is a folder" if isinstance(error, IsADirectoryError) else f"cannot be opened ({error})"
        raise UserError(f"source {str(path)!r} {reason}: give the path of a picture file.") from error
    with file:
        return _decode(file, f"source {str(path)!r}")


def _from_upload(value: Any) -> Tensor:
    """`value` of ipywidgets' FileUpload: one dict per file, with its "name" and "content"."""
    files = _files(value)
    if not files:
        raise UserError("source is an empty upload: choose a file first.")
    if not all(isinstance(file, Mapping) and "content" in file for file in files):
        raise _wrong_type(value)
    if len(files) > 1:
        raise UserError(f"source holds {len(files)} uploaded files: give one of them, such as upload.value[0].")
    return _from_bytes(files[0]["content"], f"source {files[0].get('name', 'upload')!r}")


def _files(value: Any) -> Any:
    return [value] if isinstance(value, Mapping) else value


def _from_bytes(content: Any, what: str = "source") -> Tensor:
    if not isinstance(content, bytes | bytearray | memoryview):
        raise UserError(f"{what} must hold bytes, not {type(content).__name__}: open a file in binary mode ('rb').")
    return _decode(io.BytesIO(content), what)


def _decode(file: BinaryIO, what: str) -> Tensor:
    try:
        image = Image.open(file)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(what) from error
    except Exception as error:  # a format's reader may fail in any way on bytes that only begin like that format
        file.seek(0)
        came = "is not a picture that can be recognised" if file.read(1) else "is empty (0 bytes)"
        raise UserError(f"{what} {came}: give a whole PNG, JPEG, GIF, WebP, TIFF or BMP file.") from error
    return _from_pil(image, what)


def _too_large(what: str, size: str = "") -> UserError:
    return UserError(
        f"{what} is too large{size}: at most {MOST_PIXELS // 10**6} million pixels are read; scale it down."
    )


def _from_pil(image: Image.Image, what: str) -> Tensor:
    if image.width * image.height > MOST_PIXELS:
        raise _too_large(what, f" ({image.width} × {image.height} px)")
    try:
        image = ImageOps.exif_transpose(image)
        if image.mode == "F" or image.mode.startswith("I"):
            values = np.asarray(image)  # converting these to RGB would clip them
        else:
            values = np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))
    except Exception as error:  # damaged data: each decoder has its own exceptions
        raise UserError(f"{what} is a damaged or incomplete picture ({error}).") from error
    if image.mode.startswith("I"):
        low, high = values.min(initial=0), values.max(initial=0)
        if low < 0 or high > WHITE["uint16"]:
            raise UserError(
                f"{what} has grey values from {low} to {high}: whole numbers must lie in 0…65535 (16 bits)."
            )
        values = values.astype(np.uint16)
    return _from_array(values, what=what)


def _from_array(values: np.ndarray, *, channels_first: bool = False, what: str = "source") -> Tensor:
    """Any of the shapes and types that load_image allows -> (3, H, W) float32 of its own memory."""
    white = WHITE.get(values.dtype.name, 1)
    if values.dtype.name not in WHITE and values.dtype.kind != "f":
        raise UserError(
            f"{what} has values of type {values.dtype}: a picture is of bool, uint8, uint16 or floats in 0…1."
        )
    values = _channels_first(values, channels_first, what)
    if values.dtype.kind == "f":
        low, high = values.min(), values.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            raise UserError(f"{what} has NaN or infinite values: the floats of a picture lie in 0…1.")
        if low < -ROUNDING or high > 1 + ROUNDING:
            raise UserError(
                f"{what} has values from {low:.4g} to {high:.4g}: the floats of a picture lie in 0…1 (divide bytes by"
                " 255; undo a network's normalisation)."
            )
        values = values.clip(0, 1)
    picture = values.astype(np.float32, order="C")
    picture /= np.float32(white)
    if len(picture) == 4:
        picture = picture[:3] * picture[3] + (1 - picture[3])
    return torch.from_numpy(picture if len(picture) == 3 else picture.repeat(3, 0))


def _channels_first(values: np.ndarray, likely_first: bool, what: str) -> np.ndarray:
    if values.size and values.ndim == 2:
        return values[None]
    if values.size and values.ndim == 3:
        first, last = values.shape[0] in CHANNELS, values.shape[2] in CHANNELS
        if first and (likely_first or not last):
            return values
        if last:
            return np.moveaxis(values, 2, 0)
    batch = ", which looks like a batch, take one of it:" if values.ndim == 4 else ":"
    raise UserError(
        f"{what} has the shape {values.shape}{batch} a picture is (H, W), (H, W, C) or (C, H, W) with C = 1, 3 or 4."
    )


def _checked_size(size: Any) -> int | tuple[int, int]:
    sides = size if isinstance(size, tuple | list) else (size,)
    try:
        numbers = tuple(whole_number(side) for side in sides)
    except TypeError:
        numbers = ()
    if len(numbers) not in (1, 2) or min(numbers) < 1 or isinstance(size, bool):
        raise UserError(f"size must be the shorter side in px, or (height, width), of at least 1 px, not {size!r}.")
    return numbers if len(numbers) == 2 else numbers[0]


def _resized(picture: Tensor, size: int | tuple[int, int]) -> Tensor:
    height, width = picture.shape[1:]
    if isinstance(size, int):
        short = min(height, width)
        size = (size * height // short, size * width // short)
    if size[0] * size[1] > MOST_PIXELS:
        raise UserError(
            f"size would make a picture of {size[0]} × {size[1]} px: at most {MOST_PIXELS} pixels are made."
        )
    if size == (height, width):
        return picture
    return F.interpolate(picture[None], size, mode="bilinear", antialias=True)[0].clamp_(0, 1)
