"""S2: the pointing game: whether the maximum of a map lies on the object."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import Result, rgb
from cnnviz_widgets.engine.checks import somebodys
from cnnviz_widgets.engine.planes import plane
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came, gate
from cnnviz_widgets.methods.activations.activations import one_picture
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures.given import AnyPicture

__all__ = ["PointingGame", "boxes_in_view", "pointing_game"]

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels; the last two are the first outside
THUMBNAIL = 112  # px


@dataclass(frozen=True, eq=False)
class Pointing:
    """Where a map pointed in one picture.

    point     (row, column) of the greatest value; None for a constant map, which points nowhere
    distance  pixels from there to the nearest box; 0 inside
    hit       whether that is within the tolerance
    area      share of the picture in the boxes
    chance    share of the picture where a point would be a hit
    picture   (C, H, W), 0…1: as the network sees it
    boxes     of the objects in it
    """

    point: tuple[int, int] | None
    distance: float
    hit: bool
    area: float
    chance: float
    picture: Tensor
    boxes: tuple[Box, ...]


@dataclass(frozen=True, eq=False, repr=False)
class PointingGame(Result):
    """How often a method points at the object.

    results     of the examples, in their order
    """

    results: tuple[Pointing, ...]
    convention: str
    of: str

    @property
    def values(self) -> Tensor:
        """(examples,) bool: the hits."""
        return torch.tensor([one.hit for one in self.results])

    @property
    def hits(self) -> int:
        return sum(one.hit for one in self.results)

    @property
    def misses(self) -> int:
        return len(self.results) - self.hits

    @property
    def accuracy(self) -> float:
        return self.hits / len(self.results)

    @property
    def area(self) -> float:
        """Mean share of the pictures in the boxes."""
        return sum(one.area for one in self.results) / len(self.results)

    @property
    def chance(self) -> float:
        """The accuracy to expect of random points."""
        return sum(one.chance for one in self.results) / len(self.results)

    def content(self) -> Content:
        """The pictures with their boxes and points: green is a hit, red a miss."""
        caption = f"{self.of}: {self.hits} of {len(self.results)}, {self.accuracy:.0%}; by chance {self.chance:.0%}"
        return Content(picture=np.stack([_drawn(one) for one in self.results]), caption=caption)


@gate
def pointing_game(
    method: Callable[[Network, Tensor, Any], Any],
    network: Network,
    examples: Iterable[tuple[Tensor, Any, Sequence[Box]]],
    tolerance: float = 15,
) -> PointingGame:
    """How often the maximum of a map lies on the object (Zhang et al., Top-down neural attention, 2018).

    method     ``method(network, image, target)`` → a result with ``values`` (H, W) or (C, H, W), or such a tensor, as
               large as the picture that the network sees; channels are added up, and the first of several maxima counts
    examples   (image, target, boxes) each: what the method takes, and the boxes (left, top, right, bottom) of all
               objects of that class, in pixels of the picture as the network sees it (``boxes_in_view`` converts them)
    tolerance  pixels by which the maximum may miss a box; 15 is the paper's
    Raises UserError for no examples, boxes outside the picture, and maps of another size or not finite.

        pointing_game(grad_cam, network, [(photo, "goose", boxes_in_view(network, photo, [(10, 20, 200, 300)]))])
    """
    if not 0 <= tolerance < float("inf"):
        raise UserError(f"tolerance must be a number of pixels, at least 0, not {tolerance!r}.")
    results = []
    for number, example in enumerate(examples):
        if len(example) != 3:
            raise UserError(f"examples must be (image, target, boxes) each, not {came(example)}.")
        image, target, boxes = example
        picture = one_picture(network, image).cpu()
        height, width = picture.shape[-2:]
        distance = _distance((height, width), boxes, number)
        with somebodys("method"):
            values = plane(method(network, image, target), (height, width))
        point = None if values.min() == values.max() else divmod(int(values.argmax()), values.shape[1])
        away = float("inf") if point is None else float(distance[point])
        results.append(
            Pointing(
                point=point,
                distance=away,
                hit=away <= tolerance,
                area=float((distance == 0).double().mean()),
                chance=float((distance <= tolerance).double().mean()),
                picture=picture,
                boxes=tuple(boxes),
            )
        )
    if not results:
        raise UserError("examples must be at least one (image, target, boxes), not none.")
    name = getattr(method, "__name__", type(method).__name__)
    return PointingGame(tuple(results), f"maximum within {tolerance:g} px of a box", name)


@gate
def boxes_in_view(network: Network, image: AnyPicture, boxes: Sequence[Box]) -> list[Box]:
    """Boxes in pixels of an image (…, H, W) as boxes in pixels of what the network sees of it, scaled and cropped.

    Boxes are cut at the border, to whole pixels: those whose centers are inside. What is not seen at all is left out.
    """
    network.prepare(image)  # what is no picture is told
    height, width = image.shape[-2:]
    # Pictures whose values are their own coordinates go the way of every picture, so whatever that is, it is followed.
    # They stay off 0, the color of a padding.
    x, y = (0.25 + (torch.arange(side) + 0.5).double() / (2 * side) for side in (width, height))
    columns = network.prepare(x.expand(network.channels, height, width))[0, 0].amax(0)
    rows = network.prepare(y[:, None].expand(network.channels, height, width))[0, 0].amax(1)
    columns, rows = (columns - 0.25) * 2 * width, (rows - 0.25) * 2 * height
    seen = []
    for left, top, right, bottom in boxes:
        across = ((columns >= left) & (columns < right)).nonzero().flatten().tolist()
        down = ((rows >= top) & (rows < bottom)).nonzero().flatten().tolist()
        if across and down:
            seen.append((across[0], down[0], across[-1] + 1, down[-1] + 1))
    return seen


def _distance(size: tuple[int, int], boxes: Sequence[Box], number: int) -> Tensor:
    """(H, W): pixels from the center of each pixel to that of the nearest one in a box."""
    height, width = size
    inside = [len(box) == 4 and 0 <= box[0] < box[2] <= width and 0 <= box[1] < box[3] <= height for box in boxes]
    if not inside or not all(inside):
        raise UserError(
            f"boxes of example {number} must be (left, top, right, bottom) within the {height}×{width} pixels that the "
            f"network sees, at least one, not {boxes!r}: boxes_in_view(…) converts those of the original picture."
        )
    x, y = torch.arange(width).double(), torch.arange(height).double()[:, None]
    each = [
        torch.hypot(
            torch.maximum(left - x, x - (right - 1)).clamp(min=0), torch.maximum(top - y, y - (bottom - 1)).clamp(min=0)
        )
        for left, top, right, bottom in boxes
    ]
    return torch.stack(each).amin(0)


def _drawn(one: Pointing) -> np.ndarray:
    from PIL import Image, ImageDraw

    image = Image.fromarray(rgb(one.picture))
    draw = ImageDraw.Draw(image)
    pen = max(1, max(image.size) // 75)
    for left, top, right, bottom in one.boxes:
        draw.rectangle([left, top, right - 1, bottom - 1], outline="white", width=pen)
    if one.point is not None:
        row, column = one.point
        draw.ellipse(
            [column - 3 * pen, row - 3 * pen, column + 3 * pen, row + 3 * pen], fill="lime" if one.hit else "red"
        )
    return np.asarray(image.resize((THUMBNAIL, THUMBNAIL)))
