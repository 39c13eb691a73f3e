"""The pictures of ``docs/style-gallery.md``: ``python -m tools.style_gallery [figure …]``, or all of them.

Everything is made with what the package brings, and with SqueezeNet 1.0: its ImageNet weights are torchvision's.
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d

import cnnviz_widgets as cnnviz
from cnnviz_widgets.drawing.render import tile
from cnnviz_widgets.drawing.results import rgb

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "style-gallery"
PHOTOS = "chelsea", "astronaut", "coffee"  # scikit-image's, free to be passed on
TEXTURES = "brick", "gravel", "stained_glass"
SIDE = 224  # px of a picture
GAP = 4  # px between two
REGIONS = 3  # of the doodle


def main(names: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, figure in figures().items():
        if not names or name in names:
            began, file = time.process_time(), FOLDER / f"{name}.jpg"
            Image.fromarray(figure()).save(file, quality=72, optimize=True)
            print(f"{file.name}: {file.stat().st_size} bytes, {time.process_time() - began:.0f} s", flush=True)


def figures() -> dict[str, Callable[[], np.ndarray]]:
    """By the name of its file, what makes a figure."""
    return {style: lambda style=style: styled(style) for style in cnnviz.styles()} | {
        "textures": textures,
        "doodle": doodled,
    }


def styled(style: str) -> np.ndarray:
    """Photographs; below them by optimization (T4), and by the bundled network of the style (T6)."""
    network, painting = cnnviz.load_network("squeezenet1_0"), cnnviz.load_image(style)
    photos = [square(name) for name in PHOTOS]
    optimized = [cnnviz.last(cnnviz.transfer(network, one, painting, size=None)).values for one in photos]
    painted = cnnviz.load_style(style)(torch.stack(photos)).values
    return sheet([*photos, *optimized, *painted])


def textures() -> np.ndarray:
    """Samples, each beside what grows from it pixel by pixel (T1, in half the size), and by its Gram matrices (T2)."""
    network = cnnviz.load_network("squeezenet1_0")

    def row(name: str) -> Iterator[Tensor]:
        sample = square(name)
        yield sample
        small = avg_pool2d(sample, 2)  # it takes windows of a few pixels
        grown = cnnviz.last(cnnviz.grow_texture(small, size=SIDE // 2, window=11)).values
        yield grown.repeat_interleave(2, 1).repeat_interleave(2, 2)
        yield cnnviz.last(cnnviz.texture(network, sample, size=SIDE)).values

    return sheet([picture for name in TEXTURES for picture in row(name)])


def doodled() -> np.ndarray:
    """A painting and its regions; below them a doodle, and what becomes of it (T5)."""
    network, painting = cnnviz.load_network("squeezenet1_0"), square("swirling_strokes")
    there, wanted = cnnviz.suggest_mask(painting, REGIONS), sun_over_hills()
    made = cnnviz.last(cnnviz.doodle(network, painting, there, wanted, size=SIDE)).values
    return sheet([painting, in_colors(there, painting, there), in_colors(wanted, painting, there), made], columns=2)


def square(name: str) -> Tensor:
    """The middle of a sample, in color."""
    photo = cnnviz.load_image(name, size=SIDE)
    top, left = ((side - SIDE) // 2 for side in photo.shape[-2:])
    return photo[:, top : top + SIDE, left : left + SIDE].expand(3, -1, -1)


def sun_over_hills() -> Tensor:
    """(SIDE, SIDE), whole numbers: the doodle. A disk (0), the sky around it (1), and hills (2)."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, SIDE), torch.linspace(-1, 1, SIDE), indexing="ij")
    sky = ((x + 0.35).square() + (y + 0.4).square() > 0.3**2).long()
    return sky.masked_fill(y > 0.35 + 0.2 * torch.sin(4 * x), 2)


def in_colors(mask: Tensor, painting: Tensor, there: Tensor) -> Tensor:
    """A mask, each of its regions in the mean color of that region of the painting."""
    means = torch.stack([painting[:, there == label].mean(1) for label in range(REGIONS)])
    return means[mask].permute(2, 0, 1)


def sheet(pictures: list[Tensor], columns: int = 3) -> np.ndarray:
    return tile(rgb(torch.stack([one.expand(3, -1, -1) for one in pictures])), columns, GAP)


if __name__ == "__main__":
    main(sys.argv[1:])
