"""Rendered pictures of one shape each: as many as are wanted, without a download, and all about them is known."""

from collections.abc import Mapping
from math import pi
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.gate import Positive, Seed, gate
from cnnviz_widgets.pictures.rendered import Rendered

SIDE = 64  # px
SHAPES = ("circle", "square", "triangle", "star", "ring", "cross")
COLORS: Mapping[str, tuple[float, float, float]] = {
    "red": (0.85, 0.15, 0.12),
    "orange": (0.95, 0.55, 0.1),
    "yellow": (0.95, 0.85, 0.2),
    "green": (0.15, 0.65, 0.25),
    "blue": (0.15, 0.3, 0.85),
    "purple": (0.55, 0.2, 0.7),
    "white": (0.95, 0.95, 0.95),
    "black": (0.07, 0.07, 0.07),
}
TEXTURES = ("plain", "stripes", "dots", "checks")
SOFT = 0.05  # of the radius: how wide an edge is


class Scene(NamedTuple):
    """One shape on a background of low contrast.

    image    (3, 64, 64) float32, 0…1
    label    its shape, the class
    color, texture
             of the shape
    center   (row, column) in px;  radius  in px;  angle  in degrees, counterclockwise
    mask     (64, 64) bool: the pixels of which it covers more than half
    """

    image: Tensor
    label: str
    color: str
    texture: str
    center: tuple[float, float]
    radius: float
    angle: float
    mask: Tensor


class Scenes(Rendered):
    """Scenes by number; ``scenes`` makes it. ``classes`` are the shapes.

    scenes(1000)[3].mask → (64, 64) bool. ``load_dataset`` takes it, and names pictures by shape, color and texture.
    """

    call, classes = "scenes", SHAPES

    def render(self, generator: np.random.Generator) -> Scene:
        return _rendered(generator)


@gate
def scenes(n: Positive = 1000, seed: Seed = 0) -> Scenes:
    """Rendered pictures of 64 × 64 px: a shape with a color and a texture, at any place, of any size, turned.

    n     of the pictures; each is rendered when it is asked for
    seed  of all of them; picture i of a seed is the same whatever n is

    Returns a sequence of scenes, (image, label, color, texture, center, radius, angle, mask).

        scenes(1000)[3].label
    """
    return Scenes(n, seed)


def _rendered(generator: np.random.Generator) -> Scene:
    label, color, texture = (str(generator.choice(words)) for words in (SHAPES, list(COLORS), TEXTURES))
    radius, angle = generator.uniform(0.15, 0.35) * SIDE, generator.uniform(0, 360)
    row, column = generator.uniform(radius, SIDE - radius, 2)
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    turn = angle * pi / 180
    right, up = (x - column) / radius, (row - y) / radius
    u, v = right * np.cos(turn) + up * np.sin(turn), up * np.cos(turn) - right * np.sin(turn)
    cover = np.clip(0.5 + _inside(label, u, v) / SOFT, 0, 1)
    paint = np.array(COLORS[color])[:, None, None] * (1 - 0.6 * _marks(texture, u, v))
    image = cover * paint + (1 - cover) * _background(generator, x / SIDE, y / SIDE)
    return Scene(
        torch.from_numpy(np.clip(image, 0, 1).astype(np.float32)),
        label,
        color,
        texture,
        (float(row), float(column)),
        float(radius),
        float(angle),
        torch.from_numpy(cover > 0.5),
    )


def _inside(shape: str, u: Any, v: Any) -> Any:
    """About how far a point (right, up), in radii, lies inside the shape; below 0 outside."""
    distance, around = np.hypot(u, v), np.arctan2(u, v)  # from the top, clockwise
    if shape == "circle":
        return 1 - distance
    if shape == "ring":
        return 0.25 - np.abs(distance - 0.75)
    if shape == "square":
        return 0.75 - np.maximum(np.abs(u), np.abs(v))
    if shape == "cross":
        return np.maximum(np.minimum(0.3 - np.abs(u), 0.95 - np.abs(v)), np.minimum(0.95 - np.abs(u), 0.3 - np.abs(v)))
    corners = 3 if shape == "triangle" else 5
    side = np.abs((around * corners / (2 * pi) + 0.5) % 1 - 0.5) * 2 * pi / corners  # angle from the nearest corner
    if shape == "triangle":
        return 0.5 - distance * np.cos(pi / 3 - side)
    inner = 0.4  # radius of a star's notches
    edge = np.array([inner * np.sin(pi / 5), 1 - inner * np.cos(pi / 5)]) / np.hypot(
        inner * np.sin(pi / 5), 1 - inner * np.cos(pi / 5)
    )
    return (1 - distance * np.cos(side)) * edge[0] - distance * np.sin(side) * edge[1]


def _marks(texture: str, u: Any, v: Any) -> Any:
    """0…1: how dark the texture is."""
    if texture == "stripes":
        return ((u * 2.5) % 1 < 0.5).astype(float)
    if texture == "dots":
        return (np.hypot((u * 2.5) % 1 - 0.5, (v * 2.5) % 1 - 0.5) < 0.28).astype(float)
    if texture == "checks":
        return ((np.floor(u * 2.5) + np.floor(v * 2.5)) % 2).astype(float)
    return np.zeros_like(u)


def _background(generator: np.random.Generator, x: Any, y: Any) -> Any:
    """A slope between two colors near gray, with a little noise."""
    one, other = generator.uniform(0.3, 0.7, (2, 3, 1, 1))
    turn = generator.uniform(0, 2 * pi)
    share = 0.5 + 0.5 * (np.cos(turn) * (x - 0.5) + np.sin(turn) * (y - 0.5)) / 0.75
    return one * (1 - share) + other * share + generator.normal(0, 0.02, (3, *x.shape))
