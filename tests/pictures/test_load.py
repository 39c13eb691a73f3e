"""load_image: right values from every kind of source, and one clear sentence for what is no picture."""

import contextlib
import io
import os
import socket
import struct
import subprocess
import sys
import zlib
from datetime import datetime
from pathlib import Path

import ipywidgets
import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageFile
from torchvision.transforms import functional as tv

import cnnviz_widgets as cnnviz
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.pictures import Picture, load, load_image, samples, source_of

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
EXPECTED = torch.from_numpy(RGB.transpose(2, 0, 1).astype(np.float32)) / 255
DEEP = np.array([[0, 1, 256], [1000, 40000, 65535]], np.uint16)  # 16 bits


def encoded(image, form="PNG", **options) -> bytes:
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, form, **options)
    return file.getvalue()


def gray(values) -> torch.Tensor:
    return torch.as_tensor(np.asarray(values), dtype=torch.float32).expand(3, -1, -1)


def same(picture, expected) -> None:
    assert picture.dtype == torch.float32
    assert picture.is_contiguous()
    torch.testing.assert_close(picture, expected, rtol=0, atol=0)


def near(picture, expected, atol=2e-7) -> None:
    torch.testing.assert_close(picture, expected, rtol=0, atol=atol)


# --- where it comes from -------------------------------------------------------------------------------------------


def test_every_kind_of_source_gives_the_same_picture(tmp_path, monkeypatch):
    png = encoded(RGB)
    path = tmp_path / "photo.png"
    path.write_bytes(png)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    upload = {"name": "photo.png", "type": "image/png", "size": len(png), "content": memoryview(png)}
    upload["last_modified"] = datetime.now()
    chosen = ipywidgets.FileUpload(value=(upload,)).value
    sources = [path, str(path), "photo.png", "~/photo.png", png, bytearray(png), memoryview(png), io.BytesIO(png)]
    for source in [*sources, (upload,), [upload], upload, chosen, Image.fromarray(RGB), RGB, EXPECTED]:
        same(load_image(source), EXPECTED)
    with path.open("rb") as file:
        same(load_image(file), EXPECTED)
        assert not file.closed


def test_values_are_torchvisions(real_pictures):
    for path in list(real_pictures.values())[:5]:
        with Image.open(path) as photo:
            same(load_image(path), tv.to_tensor(photo.convert("RGB")))


def test_a_sample_goes_before_a_file_of_that_name_and_a_path_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("chelsea").write_bytes(encoded(RGB))
    same(load_image("chelsea"), samples()["chelsea"])
    same(load_image("./chelsea"), EXPECTED)
    same(load_image(Path("chelsea")), EXPECTED)


def test_the_source_is_left_alone_and_shares_no_memory():
    array, tensor = RGB / np.float32(255), EXPECTED.clone().requires_grad_()
    for source in (array, tensor):
        load_image(source).zero_()
    np.testing.assert_array_equal(array, RGB / np.float32(255))
    assert torch.equal(tensor, EXPECTED)
    image = Image.fromarray(RGB).convert("P")
    load_image(image)
    assert image.mode == "P"


# --- kinds of file -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["JPEG", "TIFF", "WEBP", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(form, orientation):
    # What the eye should see: a red corner at the top left of a landscape picture. The file holds it turned.
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :16] = (250, 0, 0)
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
        8: lambda a: np.rot90(a, -1),
    }[orientation](upright)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if form == "JPEG" else {"lossless": True} if form == "WEBP" else {}
    picture = load_image(encoded(np.ascontiguousarray(stored), form, exif=exif, **options))
    near(picture, torch.from_numpy(upright.transpose(2, 0, 1).copy()) / 255, atol=0.03)


def test_a_pil_photograph_is_turned_too():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.open(io.BytesIO(encoded(RGB, exif=exif)))
    same(load_image(image), torch.rot90(EXPECTED, -1, (1, 2)).contiguous())


@pytest.mark.filterwarnings("ignore:.*EXIF:UserWarning", "ignore:Truncated File Read:UserWarning")
@pytest.mark.parametrize("exif", [b"Exif\0\0rubbish", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0"])
def test_damaged_exif_is_ignored(exif):
    assert load_image(encoded(RGB, "JPEG", exif=exif)).shape == (3, 5, 7)


def test_palette():
    image = Image.fromarray(RGB).quantize(8)
    same(load_image(encoded(image)), tv.to_tensor(image.convert("RGB")))


def test_palette_with_transparency_over_white():
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    one_color = load_image(encoded(image, transparency=1))
    same(one_color, torch.tensor([[1.0, 1, 0], [0, 1, 0], [0, 1, 1]])[:, None])
    by_color = load_image(encoded(image, transparency=bytes([255, 51, 0])))
    near(by_color, torch.tensor([[1, 0.8, 1], [0, 1, 1], [0, 0.8, 1]])[:, None])
    same(load_image(encoded(image, "GIF", transparency=1)), one_color)


@settings(deadline=None)
@given(hnp.arrays(np.uint8, (5, 6, 4)))
def test_alpha_over_white(rgba):
    color, alpha = rgba[..., :3] / 255, rgba[..., 3:] / 255
    expected = torch.from_numpy((color * alpha + 1 - alpha).transpose(2, 0, 1)).float()
    for source in (encoded(rgba), rgba, rgba / 255, torch.from_numpy(rgba), torch.from_numpy(rgba).permute(2, 0, 1)):
        near(load_image(source), expected)


def test_opaque_alpha_changes_nothing():
    same(load_image(Image.fromarray(RGB).convert("RGBA")), EXPECTED)


def test_gray_with_alpha_and_color_key():
    image = Image.new("LA", (2, 1))
    image.putdata([(100, 255), (100, 51)])
    near(load_image(encoded(image)), gray([[100 / 255, 100 / 255 * 0.2 + 0.8]]))
    near(load_image(encoded(np.array([[10, 20]], np.uint8), transparency=20)), gray([[10 / 255, 1]]))
    near(load_image(encoded(RGB, transparency=tuple(RGB[0, 0].tolist())))[:, 0, 0], torch.ones(3))


def test_gray_and_one_bit():
    same(load_image(encoded(RGB[..., 0])), EXPECTED[:1].repeat(3, 1, 1))
    same(load_image(encoded(Image.fromarray(np.array([[True, False]])))), gray([[1, 0]]).contiguous())
    same(load_image(np.array([[True, False]])), gray([[1, 0]]).contiguous())


def test_sixteen_bit_gray():
    expected = (torch.from_numpy(DEEP.astype(np.float32)) / 65535).repeat(3, 1, 1)
    big_endian = io.BytesIO()
    tifffile.imwrite(big_endian, DEEP, byteorder=">")
    portable = b"P5 3 2 65535 " + DEEP.astype(">u2").tobytes()  # a format that PIL reads as mode "I"
    whole = Image.fromarray(DEEP.astype(np.int32))
    assert whole.mode == "I"
    sources = [encoded(DEEP), encoded(DEEP, "TIFF"), big_endian.getvalue(), portable, whole, encoded(whole, "TIFF")]
    for source in [*sources, DEEP, DEEP.astype(">u2"), DEEP[..., None], torch.from_numpy(DEEP)]:
        same(load_image(source), expected)


def test_sixteen_bit_color_to_the_nearest_byte():
    deep = np.random.default_rng(1).integers(0, 65536, (3, 4, 3), dtype=np.uint16)
    header = struct.pack(">IIBBBBB", 4, 3, 16, 2, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    expected = torch.from_numpy(deep.transpose(2, 0, 1) / np.float32(65535))
    near(load_image(png), expected, atol=1 / 255)
    near(load_image(deep), expected)


def test_float_tiff():
    values = np.random.default_rng(2).random((4, 5), dtype=np.float32)
    image = Image.fromarray(values)
    assert image.mode == "F"
    for source in (image, encoded(image, "TIFF")):
        same(load_image(source), torch.from_numpy(values).repeat(3, 1, 1))


def test_cmyk():
    ink = Image.new("CMYK", (2, 1))
    ink.putdata([(255, 0, 0, 0), (0, 0, 0, 51)])
    near(load_image(encoded(ink, "TIFF")), torch.tensor([[0, 0.8], [1, 0.8], [1, 0.8]])[:, None])
    flat = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    near(load_image(encoded(flat, "JPEG", quality=100)).mean((1, 2)), torch.tensor([1.0, 0, 0]), atol=0.02)


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_first_frame_of_an_animation(form):
    red, blue = (Image.new("RGB", (4, 4), color) for color in ("red", "blue"))
    options = {"lossless": True} if form == "WEBP" else {}
    content = encoded(red, form, save_all=True, append_images=[blue], **options)
    assert Image.open(io.BytesIO(content)).n_frames == 2
    same(load_image(content), torch.tensor([1.0, 0, 0])[:, None, None].expand(3, 4, 4).contiguous())


@pytest.mark.parametrize("mode", ["HSV", "YCbCr", "LAB", "RGBX", "RGBa", "PA", "1", "I;16"])
def test_every_mode_of_pil(mode):
    assert load_image(Image.new(mode, (3, 2))).shape == (3, 2, 3)


# --- arrays and tensors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, bool, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4), (1, 5, 7), (3, 5, 7), (4, 5, 7)])
@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy])
def test_shapes_and_types(dtype, shape, library):
    white = {"uint8": 255, "uint16": 65535}.get(np.dtype(dtype).name, 1)
    array = (np.random.default_rng(3).random(shape) * white).round(0 if white > 1 else 3).astype(dtype)
    first = {2: lambda a: a[None], 3: lambda a: a if shape[0] < 5 else a.transpose(2, 0, 1)}[len(shape)](array)
    expected = first.astype(np.float64) / white
    if len(expected) == 4:
        expected = expected[:3] * expected[3] + 1 - expected[3]
    near(load_image(library(array)), torch.from_numpy(np.broadcast_to(expected, (3, 5, 7)).astype(np.float32)))


def test_a_doubtful_shape_is_read_the_librarys_way():
    array = np.random.default_rng(4).random((3, 5, 3), dtype=np.float32)
    same(load_image(array), torch.from_numpy(array.transpose(2, 0, 1).copy()))
    same(load_image(torch.from_numpy(array)), torch.from_numpy(array))


def test_odd_memory():
    same(load_image(RGB[::-1, ::-1]), EXPECTED.flip(1, 2).contiguous())
    same(load_image(torch.from_numpy(RGB).permute(2, 0, 1)), EXPECTED)
    same(load_image(np.ma.masked_array(RGB)), EXPECTED)
    near(load_image(EXPECTED.bfloat16()), EXPECTED.bfloat16().float())


@settings(deadline=None)
@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6)))
def test_bytes_are_exact(values):
    for source in (values, torch.from_numpy(values), encoded(values)):
        same(load_image(source), (torch.from_numpy(values) / 255).repeat(3, 1, 1))


def test_loading_twice_changes_nothing():
    once = load_image("chelsea")
    same(load_image(once), once)
    near(load_image(np.array([[1 + 1e-4, -1e-4]])), gray([[1, 0]]), 0)  # rounding noise is clipped


# --- size ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [64, 300, 333, (40, 90), [40, 90], (500, 20)])
def test_size_is_torchvisions_resize(size):
    photo = load_image("chelsea")
    expected = tv.resize(photo, [size] if isinstance(size, int) else list(size), antialias=True).clamp(0, 1)
    near(load_image("chelsea", size), expected, 1e-6)


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 20))
def test_size_is_the_shorter_side(height, width, size):
    shape = load_image(np.zeros((height, width, 3), np.uint8), size).shape
    assert min(shape[1:]) == size
    assert max(shape[1:]) == size * max(height, width) // min(height, width)


@pytest.mark.parametrize("size", [0, -3, 2.5, "64", True, (), (1, 2, 3), (0, 5), (5, None)])
def test_wrong_size(size):
    with pytest.raises(UserError, match="size must be the shorter side in px"):
        load_image(RGB, size)


def test_size_too_large():
    with pytest.raises(UserError, match="size would make a picture of 100000 × 140000 px"):
        load_image(RGB, 100_000)


# --- what is no picture --------------------------------------------------------------------------------------------

CAME = {
    "an unknown name": ("chelsae", r"source 'chelsae' is neither a file nor a sample \(did you mean 'chelsea'\?\)"),
    "an unknown path": (Path("no") / "photo.jpg", "source '.*photo.jpg' is neither a file nor a sample"),
    "a folder": (".", "source '.' is a folder"),
    "a null character": ("a\0b", "cannot be opened"),
    "an address": ("https://example.org/cat.jpg", "is a web address: save the picture to a file"),
    "no bytes": (b"", r"source is empty \(0 bytes\)"),
    "text": (b"hello, world", "source is not a picture that can be recognized"),
    "half a header": (encoded(RGB)[:12], "source is not a picture that can be recognized"),
    "a text file": (io.StringIO("hello"), "open a file in binary mode"),
    "an empty upload": ((), "source is an empty upload: choose a file first"),
    "an empty choice": (ipywidgets.FileUpload().value, "source is an empty upload: choose a file first"),
    "two uploads": (({"content": b"1"}, {"content": b"2"}), "source holds 2 uploaded files: give one of them"),
    "an upload of text": (({"name": "a.txt", "content": memoryview(b"text")},), "source 'a.txt' is not a picture"),
    "an upload of nothing": (({"name": "a.png", "content": memoryview(b"")},), "source 'a.png' is empty"),
    "a list": ([[0, 1], [1, 0]], "source must be a sample's name, .* not list"),
    "None": (None, "source must be a sample's name, .* not NoneType"),
    "whole numbers": (np.zeros((4, 4), np.int64), "source has values of type int64"),
    "complex numbers": (torch.zeros(4, 4, dtype=torch.complex64), "source has values of type complex64"),
    "objects": (np.array([["a", None]]), "source has values of type object"),
    "two channels": (np.zeros((5, 7, 2)), r"source has the shape \(5, 7, 2\): a picture is \(H, W\)"),
    "one dimension": (torch.zeros(9), r"source has the shape \(9,\)"),
    "a batch": (torch.zeros(1, 3, 5, 7), r"source has the shape \(1, 3, 5, 7\), which looks like a batch"),
    "no pixels": (np.zeros((0, 7, 3)), r"source has the shape \(0, 7, 3\)"),
    "a PIL picture without pixels": (Image.new("I", (0, 3)), r"source has the shape \(3, 0\)"),
    "NaN": (np.array([[0.5, np.nan]]), "source has NaN or infinite values"),
    "infinity": (torch.tensor([[0.5, torch.inf]]), "source has NaN or infinite values"),
    "bytes as floats": (RGB * 1.0, r"source has values from \d to 2\d\d: .*divide bytes by 255"),
    "a normalized picture": (EXPECTED * 4 - 2, "source has values from -.* undo a network's normalization"),
    "a float picture over 1": (Image.fromarray(np.float32([[0, 9]])), "source has values from 0 to 9"),
    "32-bit gray": (Image.fromarray(np.int32([[0, 70000]])), "source has gray values from 0 to 70000"),
    "negative gray": (Image.fromarray(np.int32([[-4, 7]])), "source has gray values from -4 to 7"),
}


@pytest.mark.parametrize(("source", "sentence"), CAME.values(), ids=CAME)
def test_one_clear_sentence(source, sentence):
    with pytest.raises(UserError, match=sentence) as raised:
        load_image(source)
    assert "\n" not in str(raised.value)
    assert str(raised.value).endswith(".")


def test_unreadable_file(tmp_path):
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    with pytest.raises(UserError, match=r"loop.png' cannot be opened"):
        load_image(tmp_path / "loop.png")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP"])
def test_truncated(form):
    whole = encoded(np.random.default_rng(5).integers(0, 256, (64, 64, 3), dtype=np.uint8), form)
    with pytest.raises(UserError, match=r"source is (a damaged or incomplete picture|not a picture)"):
        load_image(whole[: len(whole) * 2 // 3])


@pytest.mark.filterwarnings("ignore::UserWarning")  # PIL tells what it skips
@settings(deadline=None)
@given(st.data())
def test_any_damage_is_told_plainly(data):
    content = bytearray(encoded(RGB, data.draw(st.sampled_from(["PNG", "GIF", "TIFF", "BMP", "JPEG"]))))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(UserError):  # anything else is a failure
        picture = load_image(bytes(content))
        assert ((picture >= 0) & (picture <= 1)).all()


@pytest.mark.parametrize("side", [9_000, 12_000, 60_000])  # over our limit; over PIL's for a warning; for an error
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_decompression_bomb(side):
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    )
    with pytest.raises(UserError, match=r"source is too large.* at most 67 million pixels"):
        load_image(bomb)


# --- how to get it again -------------------------------------------------------------------------------------------


def test_source_of_recreates_the_picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["photo.png", 'it\'s "mine" \\ 1.png', "größe 猫 🐈.png"]
    for name in names:
        Path(name).write_bytes(encoded(RGB))
    photo = load_image("chelsea", 50)
    pictures = [load_image("chelsea"), photo, load_image("chelsea", (30, 40)), load_image(photo, (9, 8))]
    pictures += [load_image(name) for name in names] + [load_image(Path(names[0]))]
    for picture in pictures:
        same(eval(source_of(picture), {"cnnviz": cnnviz}), picture)


def test_source_of_reads_well():
    photo = load_image("chelsea")
    assert source_of(photo) == 'cnnviz.load_image("chelsea")'
    assert source_of(load_image(photo)) == 'cnnviz.load_image("chelsea")'
    assert source_of(load_image("chelsea", size=64)) == 'cnnviz.load_image("chelsea", size=64)'
    assert source_of(load_image("chelsea", size=(64, 32))) == 'cnnviz.load_image("chelsea", size=(64, 32))'
    assert source_of(load_image([{"name": "a cat.png", "content": encoded(RGB)}])) == 'cnnviz.load_image("a cat.png")'
    assert source_of(Picture(load_image(RGB), "cnnviz.load_image(array)")) == "cnnviz.load_image(array)"


def test_source_of_is_none_for_what_nobody_can_recreate():
    photo = load_image("chelsea")
    for picture in (torch.zeros(3, 4, 4), photo.clone(), photo * 0.5, load_image(RGB), load_image(encoded(RGB))):
        assert source_of(picture) is None
    photo[:, :9] = 0
    assert source_of(photo) is None
    assert source_of(load_image(photo)) is None


def test_source_of_in_inference_mode():
    with torch.inference_mode():
        photo = load_image("chelsea", 20)
    assert source_of(photo) == 'cnnviz.load_image("chelsea", size=20)'


def test_names(tmp_path):
    path = tmp_path / "größe 1.png"
    path.write_bytes(encoded(RGB))
    upload = [{"name": "a cat.png", "content": encoded(RGB)}]
    for source, name, uploaded in (
        ("chelsea", "chelsea", False),
        (path, "größe 1.png", False),
        (str(path), "größe 1.png", False),
        (upload, "a cat.png", True),
        (upload[0], "a cat.png", True),
        ({"content": encoded(RGB)}, None, False),
        (encoded(RGB), None, False),
        (RGB, None, False),
    ):
        for picture in (load_image(source), load_image(load_image(source), 8)):
            assert (picture.name, picture.uploaded) == (name, uploaded)


# --- files that are no pictures, and pictures that are too large ---------------------------------------------------

POSTSCRIPT = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n1 0 0 setrgbcolor 0 0 20 20 rectfill\nshowpage\n%%EOF\n"
)


@pytest.mark.parametrize("form", ["EPS", "ICNS", "ICO", "PCX", "TGA", "IM", "SGI", "PDF"])
def test_only_the_formats_that_are_promised_reach_a_decoder(tmp_path, form, monkeypatch):
    from PIL import EpsImagePlugin

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("PostScript is run"))
    content = POSTSCRIPT if form == "EPS" else encoded(Image.new("RGB", (32, 32)), form)
    (tmp_path / "holiday.png").write_bytes(content)
    for source in (tmp_path / "holiday.png", content, io.BytesIO(content), {"name": "a.png", "content": content}):
        with pytest.raises(UserError, match="is not a picture that can be recognized: give a whole PNG, JPEG"):
            load_image(source)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["pipe", "device", "socket", "folder"])
def test_what_is_no_file_is_refused_at_once(tmp_path, kind):
    path = tmp_path / "photo.png"
    with socket.socket(socket.AF_UNIX) as listener:
        {
            "pipe": lambda: os.mkfifo(path),
            "device": lambda: path.symlink_to("/dev/zero"),
            "socket": lambda: listener.bind(str(path)),
            "folder": path.mkdir,
        }[kind]()
        says = "is a folder" if kind == "folder" else "is a pipe, a socket or a device"
        with pytest.raises(UserError, match=f"photo.png' {says}: give the path of a picture file"):
            load_image(path)


def test_a_file_that_cannot_be_read():
    closed = io.BytesIO()
    closed.close()
    with pytest.raises(UserError, match="source cannot be read"):
        load_image(closed)

    class Endless:
        def read(self, most):
            return memoryview(np.broadcast_to(np.uint8(0), (most,)))

    with pytest.raises(UserError, match="source is too large: files of at most 1 GiB are read"):
        load_image(Endless())


@pytest.mark.parametrize(
    "source",
    [
        torch.zeros(1, 1, 1).expand(3, 60_000, 60_000),
        torch.zeros(1, 1).expand(60_000, 60_000),
        torch.zeros(1, 1, 1, dtype=torch.float16).expand(60_000, 60_000, 3),
        torch.zeros((), dtype=torch.uint8).expand(3, 10_000, 10_000),
        np.broadcast_to(np.float32(0), (60_000, 60_000, 3)),
        np.broadcast_to(np.uint8(0), (8193, 8193)),
    ],
    ids=lambda source: f"{type(source).__name__} {tuple(source.shape)}",
)
def test_an_expanded_array_is_refused_before_anything_is_allocated(source):
    with pytest.raises(UserError, match=r"source is too large .* at most 67 million pixels"):
        load_image(source)


@pytest.mark.parametrize("source", [torch.zeros(3, 4, 4).to_sparse(), torch.empty(3, 4, 4, device="meta")])
def test_a_tensor_without_values_to_read(source):
    with pytest.raises(UserError, match="source is a torch tensor whose values cannot be read"):
        load_image(source)


def test_what_the_memory_has_no_room_for_is_refused_with_figures(monkeypatch):
    monkeypatch.setattr(load.batching, "free_memory", lambda: 100 * 10**6)
    large = Image.new("L", (4000, 3000))
    with pytest.raises(UserError, match="has 12 million pixels, which take 192 MB of memory, and 100 MB are free"):
        load_image(large)
    assert load_image(large, 30).shape == (3, 30, 40)  # 48 MB
    with pytest.raises(UserError, match="which take 144 MB of memory"):
        load_image(np.broadcast_to(np.uint8(0), (3000, 4000)))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF"])
def test_a_large_picture_takes_little_more_than_its_own_memory(tmp_path, form):
    """Decoded it takes 4 bytes a pixel, and 12 as floats; before, a PNG file of 196 kB took 2 GB.

    The smaller one first: the peak only grows.
    """
    side = 6000
    Image.new("RGB", (side, side), (9, 99, 199)).save(tmp_path / "large", form)
    program = (
        "import resource, cnnviz_widgets as cnnviz\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "cnnviz.load_image('chelsea', 64); before = peak()\n"
        f"for size in (224, None): cnnviz.load_image({str(tmp_path / 'large')!r}, size); print(peak() - before)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    small, whole = map(int, ran.stdout.split())
    assert small <= 5 * side**2 + 40e6  # and the bands
    assert whole <= 16 * side**2 + 40e6


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [None, 40, (30, 70), (90, 20)])
def test_bands_make_no_difference(monkeypatch, orientation, size):
    exif = Image.Exif()
    exif[0x0112] = orientation
    values = np.random.default_rng(6).integers(0, 256, (57, 83, 4), dtype=np.uint8)
    content = encoded(values, exif=exif)
    whole = load_image(content, size)
    monkeypatch.setattr(load, "BAND", 83 * 5)
    near(load_image(content, size), whole, 1e-6 if size else 0)
    near(load_image(values, size), load_image(encoded(values), size), 0)


@pytest.mark.parametrize(
    ("sides", "orientation", "size", "becomes"),
    [
        ((1600, 1200), 1, 30, (200, 150)),
        ((1600, 1200), 6, 30, (200, 150)),
        ((1600, 1200), 1, (60, 50), (400, 300)),
        ((1600, 1200), 6, (100, 150), (800, 600)),
        ((1600, 1200), 1, (200, 10), (1600, 1200)),
        ((1602, 1200), 1, 30, (801, 600)),
        ((1601, 1200), 1, 30, (1601, 1200)),  # it cannot be halved
    ],
)
def test_a_very_large_jpeg_is_decoded_smaller_and_looks_the_same(monkeypatch, sides, orientation, size, becomes):
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = Image.fromarray((samples()["chelsea"].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8))
    content = encoded(photo.resize(sides, Image.Resampling.BICUBIC), "JPEG", exif=exif)
    whole = load_image(content, size)
    decoded = []
    monkeypatch.setattr(load, "DRAFTED", 10**6)
    read = ImageFile.ImageFile.load
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: (read(image), decoded.append(image.size))[0])
    part = load_image(content, size)
    assert set(decoded) == {becomes}
    assert part.shape == whole.shape
    near(part, whole, 2 / 255)
    assert (part - whole).abs().mean() < 0.2 / 255


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x04\0\0\0six\0\0\0\0\0",  # an orientation in letters
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x00\0\0\0\x06\0\0\0",  # none of it
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01\x03\0\x01\0\0\0\x63\0\0\0",  # 99, and the rest is missing
        b"Exif\0\0" + b"MM\0*" + b"\xff" * 40,
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow tells what it skips
def test_a_whole_picture_with_broken_exif_is_read(form, exif):
    options = {"quality": 100, "subsampling": 0} if form == "JPEG" else {"lossless": True} if form == "WEBP" else {}
    near(load_image(encoded(RGB, form, exif=exif, **options)), EXPECTED, 0.03)


def test_broken_profiles_and_phones_pictures_are_read():
    near(load_image(encoded(RGB, icc_profile=b"no profile")), EXPECTED, 0)
    red, blue = (Image.new("RGB", (8, 8), color) for color in ("red", "blue"))
    content = encoded(red, "MPO", save_all=True, append_images=[blue])
    near(load_image(content).mean((1, 2)), torch.tensor([1.0, 0, 0]), 0.02)


# --- networks that see more than colors ---------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_other_numbers_of_channels_stay_as_they_are(channels):
    values = np.random.default_rng(7).random((6, 7, channels), dtype=np.float32)
    expected = torch.from_numpy(values.transpose(2, 0, 1).copy())
    for source in (values, expected, torch.from_numpy(values), values.transpose(2, 0, 1)):
        same(load_image(source, channels=channels), expected)
    assert load_image(values, (3, 4), channels=channels).shape == (channels, 3, 4)
    same(load_image(RGB, channels=channels), EXPECTED)
    says = "C = 1, 3 or 4" if channels == 4 else f"C = 1, 3, 4 or {channels}"
    with pytest.raises(UserError, match=says):
        load_image(np.zeros((6, 7, 9)), channels=channels)


def test_four_channels_of_a_file_are_color_and_alpha():
    rgba = np.random.default_rng(8).integers(0, 256, (5, 6, 4), dtype=np.uint8)
    same(load_image(encoded(rgba), channels=4), torch.from_numpy(rgba.transpose(2, 0, 1).astype(np.float32)) / 255)


@pytest.mark.parametrize("channels", [0, -1, 2.0, "3", True, None])
def test_wrong_channels(channels):
    with pytest.raises(UserError, match="channels must be a whole number at least 1"):
        load_image(RGB, channels=channels)
