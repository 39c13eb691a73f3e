"""The gallery's pictures: ``python -m tools.pictures [technique …]`` → ``docs/gallery/<technique>.jpg``.

Every technique is called with the bundled network and a sample photograph, and with its defaults otherwise; what its
file gives as ``example`` counts where an argument has no default. One whose result does not draw itself has no picture.
"""

import argparse
import inspect
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

import cnnviz_widgets as cnnviz
from cnnviz_widgets import registry

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "gallery"
SIZE = 480, 320  # px: at most
PHOTO = "chelsea"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("techniques", nargs="*", help="names; none = those that have no picture yet")
    asked = parser.parse_args().techniques
    FOLDER.mkdir(exist_ok=True)
    for technique in registry.techniques():
        path = FOLDER / f"{technique.name}.jpg"
        if technique.name in asked or (not asked and not path.exists()):
            began = time.perf_counter()
            drawn = picture(technique)
            if drawn is not None:
                path.write_bytes(drawn)
            print(f"{technique.name}: {len(drawn or b'')} bytes, {time.perf_counter() - began:.1f} s", flush=True)


def picture(technique: registry.Technique) -> bytes | None:
    """A JPEG file; None where the arguments cannot be guessed, or the result does not draw itself."""
    network = cnnviz.load_network("mini")
    photo = cnnviz.load_image(PHOTO)
    known = {
        "network": network,
        "image": photo,
        "pictures": [cnnviz.load_image(name) for name in cnnviz.samples()],
        "layer": "conv4",
        "channel": 7,
        "target": "bell pepper",
        "unit_a": ("conv4", 7),
        "unit_b": ("conv4", 12),
        "method": cnnviz.saliency,
        "heatmap": cnnviz.grad_cam(network, photo),
    } | technique.example
    function = getattr(cnnviz, technique.name)
    asked = [one for one in inspect.signature(function).parameters.values() if one.default is one.empty]
    needed = [one.name for one in asked if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    if not known.keys() >= set(needed):
        return None
    result: Any = function(**{name: known[name] for name in needed})
    if isinstance(result, Iterator):
        first = next(result)
        result = cnnviz.last(result) if hasattr(first, "_repr_png_") else first
    return small(result._repr_png_()) if hasattr(result, "_repr_png_") else None


def small(png: bytes) -> bytes:
    image = Image.open(io.BytesIO(png)).convert("RGBA")
    on_white = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    on_white.thumbnail(SIZE, Image.Resampling.LANCZOS)
    file = io.BytesIO()
    on_white.save(file, "JPEG", quality=75, optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    main()
