"""Rendered chairs and tables: of each picture the view, the color, the mask and the landmarks are known exactly.

An object is a few boxes. x points to its left (the viewer's right when it is seen from the front), y up, z to the
front; it stands on y = 0. For every pixel, rays are cast through 3 × 3 points and meet the nearest box.
"""

from collections.abc import Mapping
from colorsys import hsv_to_rgb
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.gate import Positive, Range, Seed, Share, gate
from cnnviz_widgets.pictures.rendered import Rendered

SIDE = 64  # px
SAMPLES = 3  # along each side of a pixel
CENTER = np.array([0.0, 0.45, 0.0])  # what the camera looks at
DISTANCE = 4.0  # of the camera from there
REACH = 0.86  # from the middle of the picture to its edge, at the center and for scale 1
BACKGROUND = 0.95
LIGHT = np.array([0.0, 0.8, 0.45])  # it moves with the object: from above and from its front
AMBIENT = 0.58

Kind = Literal[
    "chair", "ladder chair", "spindle chair", "armchair", "sofa", "bar chair", "office chair", "sled chair", "throne",
    "bench", "stool", "table", "coffee table", "pedestal table", "desk", "cabinet table",
]  # fmt: skip
Vector = np.ndarray[Any, np.dtype[np.float64]]


class Box(NamedTuple):
    """low, high  opposite corners (x, y, z);  tone  how bright its color is, 0…1."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    tone: float = 1.0


class Shape(NamedTuple):
    """boxes  of the object, first its seat or plate;  back  number of the box that is its back, None for a table."""

    boxes: tuple[Box, ...]
    back: int | None = None


class Landmark(NamedTuple):
    """A corner in the picture: row and column in px, as pixel centers are at n + 0.5; whether nothing hides it."""

    row: float
    column: float
    visible: bool


class RenderedObject(NamedTuple):
    """A chair or a table.

    image      (3, size, size) float32, 0…1
    label      its kind
    mask       (size, size) float32: which share of a pixel it covers
    depth      (size, size) float32: how far in front of the camera it begins, as the object is about 1 high; infinite
               where it is not
    landmarks  corners by name: of the feet, of the seat or plate ("top"), and of the back, if there is one
    parameters all arguments of ``render_object`` but the size
    """

    image: Tensor
    label: str
    mask: Tensor
    depth: Tensor
    landmarks: dict[str, Landmark]
    parameters: dict[str, Any]


def _block(x: float, y: float, z: float, height: float, width: float, depth: float, tone: float = 1.0) -> Box:
    """By the middle of its lower face."""
    return Box((x - width / 2, y, z - depth / 2), (x + width / 2, y + height, z + depth / 2), tone)


def _pair(x: float, *more: float) -> tuple[Box, Box]:
    return _block(-x, *more), _block(x, *more)


def _legs(x: float, z: float, height: float, thick: float = 0.1) -> tuple[Box, ...]:
    """Four, whose outer corners are at ±x, ±z."""
    x, z = x - thick / 2, z - thick / 2
    return *_pair(x, 0, z, height, thick, thick, 0.7), *_pair(x, 0, -z, height, thick, thick, 0.7)


def _seat(y: float, width: float = 0.6, depth: float = 0.6, height: float = 0.1, tone: float = 1.0) -> Box:
    return _block(0, y, 0, height, width, depth, tone)


SHAPES: Mapping[Kind, Shape] = {
    "chair": Shape((_seat(0.38), _block(0, 0.48, -0.26, 0.5, 0.6, 0.08), *_legs(0.3, 0.3, 0.38)), 1),
    "ladder chair": Shape(
        (_seat(0.38), _block(0, 0.88, -0.26, 0.1, 0.6, 0.08), _block(0, 0.67, -0.26, 0.1, 0.6, 0.08),
         *_pair(0.26, 0.48, -0.26, 0.4, 0.08, 0.08, 0.85), *_legs(0.3, 0.3, 0.38)), 1),
    "spindle chair": Shape(
        (_seat(0.38), _block(0, 0.86, -0.26, 0.12, 0.6, 0.08), *_pair(0.26, 0.48, -0.26, 0.38, 0.08, 0.08, 0.85),
         _block(0, 0.48, -0.26, 0.38, 0.1, 0.06, 0.85), *_legs(0.3, 0.3, 0.38)), 1),
    "armchair": Shape(
        (_seat(0.2, 0.56, 0.66, 0.2), _block(0, 0.2, -0.3, 0.64, 0.8, 0.16),
         *_pair(0.34, 0.08, 0.06, 0.5, 0.14, 0.58, 0.85), *_legs(0.38, 0.33, 0.2)), 1),
    "sofa": Shape(
        (_seat(0.08, 0.92, 0.6, 0.24), _block(0, 0.08, -0.25, 0.54, 1.16, 0.14),
         *_pair(0.52, 0, 0.02, 0.42, 0.14, 0.62, 0.85)), 1),
    "bar chair": Shape(
        (_seat(0.58, 0.44, 0.44), _block(0, 0.68, -0.18, 0.24, 0.44, 0.08), *_legs(0.22, 0.22, 0.58, 0.08),
         *_pair(0.18, 0.2, 0, 0.07, 0.06, 0.3, 0.85), _block(0, 0.2, 0.18, 0.07, 0.3, 0.06, 0.85)), 1),
    "office chair": Shape(
        (_seat(0.36, 0.56, 0.54, 0.12), _block(0, 0.56, -0.25, 0.42, 0.46, 0.08),
         _block(0, 0.4, -0.3, 0.4, 0.1, 0.06, 0.5),
         _block(0, 0.08, 0, 0.28, 0.12, 0.12, 0.5), _block(0, 0, 0, 0.08, 0.5, 0.5, 0.6)), 1),
    "sled chair": Shape(
        (_seat(0.38), _block(0, 0.6, -0.28, 0.38, 0.6, 0.08), *_pair(0.26, 0, 0, 0.07, 0.08, 0.6, 0.7),
         *_pair(0.26, 0.07, 0.26, 0.31, 0.08, 0.08, 0.7), *_pair(0.26, 0.48, -0.28, 0.12, 0.08, 0.08, 0.7)), 1),
    "throne": Shape(
        (_seat(0.3, 0.6, 0.6, 0.14), _block(0, 0, -0.26, 1.05, 0.6, 0.12),
         *_pair(0.26, 0.44, 0.05, 0.2, 0.1, 0.46, 0.85), _block(0, 0, 0.04, 0.3, 0.6, 0.48, 0.7)), 1),
    "bench": Shape((_seat(0.32, 1.1, 0.4), *_pair(0.42, 0, 0, 0.32, 0.1, 0.36, 0.7))),
    "stool": Shape((_seat(0.42, 0.5, 0.5, 0.12), *_legs(0.25, 0.25, 0.42))),
    "table": Shape((_seat(0.58, 1.1, 0.7), *_legs(0.5, 0.3, 0.58))),
    "coffee table": Shape((_seat(0.32, 1.1, 0.66, 0.08), _seat(0.1, 0.9, 0.5, 0.06, 0.85), *_legs(0.53, 0.31, 0.32))),
    "pedestal table": Shape(
        (_seat(0.62, 0.84, 0.84, 0.08), _block(0, 0.08, 0, 0.54, 0.16, 0.16, 0.7),
         _block(0, 0, 0, 0.08, 0.5, 0.5, 0.7))),
    "desk": Shape(
        (_seat(0.6, 1.14, 0.6), _block(-0.4, 0, 0, 0.6, 0.28, 0.54, 0.7), _block(0.4, 0, 0, 0.6, 0.28, 0.54, 0.7),
         *_pair(0.4, 0.36, 0.27, 0.16, 0.2, 0.04), *_pair(0.4, 0.1, 0.27, 0.16, 0.2, 0.04))),
    "cabinet table": Shape(
        (_seat(0.72, 0.62, 0.5, 0.08), _block(0, 0.46, 0, 0.26, 0.56, 0.44, 0.7),
         _block(0, 0.52, 0.22, 0.14, 0.42, 0.04), *_legs(0.28, 0.22, 0.46, 0.09))),
}  # fmt: skip
KINDS: tuple[Kind, ...] = tuple(SHAPES)

# Of the parameters that are numbers, from where to where random objects are drawn and networks are trained.
RANGES: Mapping[str, tuple[float, float]] = {
    "azimuth": (0, 360),
    "elevation": (0, 50),
    "hue": (0, 1),
    "scale": (0.75, 1.1),
    "saturation": (0.2, 1),
    "brightness": (0.4, 1),
    "right": (-0.12, 0.12),
    "up": (-0.12, 0.12),
    "roll": (-20, 20),
    "stretch": (0.8, 1.25),
}


@gate
def render_object(
    kind: Kind = "chair",
    azimuth: float = 30.0,
    elevation: Annotated[float, Range(-90, 90)] = 20.0,
    hue: Share = 0.05,
    scale: Annotated[float, Range(0.1, 4)] = 1.0,
    *,
    saturation: Share = 0.7,
    brightness: Share = 0.9,
    right: Annotated[float, Range(-1, 1)] = 0.0,
    up: Annotated[float, Range(-1, 1)] = 0.0,
    roll: Annotated[float, Range(-180, 180)] = 0.0,
    stretch: Annotated[float, Range(0.25, 4)] = 1.0,
    size: Annotated[int, Range(8, 1024)] = SIDE,
) -> RenderedObject:
    """A chair or a table, rendered: a picture of which all is known (data as in Dosovitskiy et al., 2017).

    azimuth     degrees, how far the camera goes round the object: 0 sees its front, 90 its left side
    elevation   degrees, how far the camera is raised
    hue, saturation, brightness
                of the color, 0…1, as in HSV; parts and sides of an object differ in tone
    scale       1 = the object fits into the picture
    right, up   shift, as a share of the picture's side
    roll        degrees, turns the picture counterclockwise
    stretch     how many times wider the object appears, before it is turned and shifted
    size        of the picture in px

    Returns RenderedObject: (image, label, mask, depth, landmarks, parameters). An azimuth and its negative give
    mirrored pictures, where right and roll are 0. See ``objects`` for many at random.

        render_object("armchair", 30, 20).image
    """
    parameters = {
        "kind": kind, "azimuth": azimuth, "elevation": elevation, "hue": hue, "scale": scale, "saturation": saturation,
        "brightness": brightness, "right": right, "up": up, "roll": roll, "stretch": stretch,
    }  # fmt: skip
    view = View.of(azimuth, elevation, scale, right, up, roll, stretch)
    shade, cover, depth = traced(SHAPES[kind], view, size)
    image = colored(shade, cover, np.array(hsv_to_rgb(hue % 1, saturation, brightness)))
    return RenderedObject(
        torch.from_numpy(image.astype(np.float32)),
        kind,
        torch.from_numpy(cover.astype(np.float32)),
        torch.from_numpy(depth.astype(np.float32)),
        _landmarks(SHAPES[kind], view, size),
        parameters,
    )


class View(NamedTuple):
    """Where an object is seen from, and where in the picture: directions of the camera, and the map to the picture.

    axes  (3, 3): to the right, upward, and toward the camera, as rows
    to    (2, 2): from points (right, up) of the plane through the center to the picture, whose edges are at ±1
    move  (2,): where the center comes to be
    """

    axes: Vector
    to: Vector
    move: Vector

    @classmethod
    def of(
        cls, azimuth: float, elevation: float, scale: float, right: float, up: float, roll: float, stretch: float
    ) -> "View":
        a, e, r = np.radians([azimuth, elevation, roll])
        axes = [
            [np.cos(a), 0, -np.sin(a)],
            [-np.sin(a) * np.sin(e), np.cos(e), -np.cos(a) * np.sin(e)],
            [np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)],
        ]
        turn = np.array([[np.cos(r), -np.sin(r)], [np.sin(r), np.cos(r)]])
        return cls(np.array(axes), turn @ np.diag([stretch, 1]) * scale / REACH, 2 * np.array([right, up]))

    @property
    def camera(self) -> Vector:
        return CENTER + DISTANCE * self.axes[2]

    def project(self, points: Vector, side: int) -> Vector:
        """Points (N, 3) as (N, 2), row and column in a picture of so many px."""
        x, y, near = self.axes @ (points - CENTER).T
        right, up = self.to @ np.stack([x, y]) * DISTANCE / (DISTANCE - near) + self.move[:, None]
        return np.stack([1 - up, 1 + right], -1) * side / 2

    def rays(self, rows: Vector, columns: Vector, side: int) -> Vector:
        """(3, N): from the camera to the plane through the center, for places of the picture in px."""
        places = np.stack([columns, -rows]) * 2 / side - [[1], [-1]]
        right, up = np.linalg.solve(self.to, places - self.move[:, None])
        return self.axes.T @ np.stack([right, up, np.full_like(right, -DISTANCE)])


def traced(shape: Shape, view: View, size: int) -> tuple[Vector, Vector, Vector]:
    """(size, size) each: how bright a color would be there, the share that is covered, and the depth.

    The brightness is a mean over the whole pixel, with 0 where nothing is.
    """
    side = size * SAMPLES
    nearest, shade = np.full((side, side), np.inf), np.zeros((side, side))
    for box in shape.boxes:
        outline = view.project(_corners(box), side)
        (top, left), (bottom, right) = (
            np.clip(end, 0, side).astype(int) for end in (np.floor(outline.min(0)), np.ceil(outline.max(0)))
        )
        if top == bottom or left == right:
            continue
        rows, columns = np.mgrid[top:bottom, left:right] + 0.5
        at, tone = _met(box, view.camera, view.rays(rows.ravel(), columns.ravel(), side))
        part = np.s_[top:bottom, left:right]
        at, tone = at.reshape(rows.shape), tone.reshape(rows.shape)
        closer = at < nearest[part]
        nearest[part] = np.where(closer, at, nearest[part])
        shade[part] = np.where(closer, tone, shade[part])
    whole = (size, SAMPLES, size, SAMPLES)
    mean = [one.reshape(whole).mean((1, 3)) for one in (shade, np.isfinite(nearest).astype(float))]
    return mean[0], mean[1], DISTANCE * nearest.reshape(whole).min((1, 3))


def colored(shade: Vector, cover: Vector, color: Vector) -> Vector:
    """Pictures (…, 3, H, W), from what ``traced`` gives, of colors (…, 3), on the background."""
    return color[..., None, None] * shade[..., None, :, :] + BACKGROUND * (1 - cover[..., None, :, :])


def _met(box: Box, camera: Vector, rays: Vector) -> tuple[Vector, Vector]:
    """Where rays (3, N) enter a box, in lengths of the ray, infinite where they miss it; and how bright it is there."""
    rays = np.where(np.abs(rays) < 1e-12, 1e-12, rays)
    low, high = ((np.array(end) - camera)[:, None] / rays for end in (box.low, box.high))
    enter, leave = np.minimum(low, high), np.maximum(low, high).min(0)
    axis = enter.argmax(0)
    at = enter.max(0)
    side = np.sign(camera - (np.array(box.low) + box.high) / 2)  # of the faces that can be seen
    tones = box.tone * (AMBIENT + (1 - AMBIENT) * side * LIGHT / np.linalg.norm(LIGHT))
    return np.where(at <= leave, at, np.inf), tones[axis]


def _corners(box: Box) -> Vector:
    """(8, 3)."""
    return np.stack(np.meshgrid(*zip(box.low, box.high, strict=True), indexing="ij"), -1).reshape(-1, 3)


def _landmarks(shape: Shape, view: View, size: int) -> dict[str, Landmark]:
    points = _named_corners(shape)
    places = view.project(np.array([*points.values()]), size)
    rays = np.array([*points.values()]).T - view.camera[:, None]  # each reaches its point after its whole length
    first = np.min([_met(box, view.camera, rays)[0] for box in shape.boxes], axis=0)
    inside: Any = np.logical_and(places >= 0, places < size).all(1)
    return {
        name: Landmark(float(row), float(column), bool(seen and at > 1 - 1e-9))
        for name, (row, column), at, seen in zip(points, places, first, inside, strict=True)
    }


def _named_corners(shape: Shape) -> dict[str, tuple[float, float, float]]:
    """Of the feet, of the upper face of the seat or plate, and of the upper edge of the back, in its front."""
    feet = [box for box in shape.boxes if box.low[1] == 0]
    stand = Box(tuple(np.min([one.low for one in feet], 0)), tuple(np.max([one.high for one in feet], 0)))
    plate = shape.boxes[0]
    points: dict[str, tuple[float, float, float]] = {}
    for part, box, y in (("foot", stand, 0.0), ("top", plate, plate.high[1])):
        for end, z in (("front", box.high[2]), ("back", box.low[2])):
            points |= {f"{part} {end} right": (-box.high[0], y, z), f"{part} {end} left": (box.high[0], y, z)}
    if shape.back is not None:
        x, y, z = shape.boxes[shape.back].high
        points |= {"back right": (-x, y, z), "back left": (x, y, z)}
    return points


class Objects(Rendered):
    """Rendered objects by number; ``objects`` makes it. ``classes`` are the kinds.

    objects(1000)[3].mask → (64, 64). ``load_dataset`` takes it, and names pictures by their kind.
    """

    call, classes = "objects", KINDS

    def render(self, generator: np.random.Generator) -> RenderedObject:
        kind: Any = str(generator.choice(KINDS))
        drawn: dict[str, Any] = {name: float(generator.uniform(*ends)) for name, ends in RANGES.items()}
        return render_object(kind, **drawn)


@gate
def objects(n: Positive = 1000, seed: Seed = 0) -> Objects:
    """Rendered chairs and tables at random, 64 × 64 px: of every kind, from every side, in every color.

    n     of the pictures; each is rendered when it is asked for
    seed  of all of them; picture i of a seed is the same whatever n is

    Returns a sequence of RenderedObject, see ``render_object``.

        objects(1000)[3].landmarks
    """
    return Objects(n, seed)
