"""Draws the sample pictures that no package at hand has: ``python -m tools.draw_samples`` writes them into the package.

Each is a scene of a class that the bundled network knows, from shaded solids, noise and soft shadows. They are drawn,
not photographed, and say so.
"""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, zoom

FOLDER = Path(__file__).resolve().parents[1] / "cnnviz_widgets" / "pictures" / "drawn"
SIDE, FINE = 320, 2  # px of the file; how much finer it is drawn
LIGHT = np.array([-0.45, -0.6, 0.66])
Y, X = np.mgrid[-1 : 1 : SIDE * FINE * 1j, -1 : 1 : SIDE * FINE * 1j]
SCENES: dict[str, Callable[["Canvas"], None]] = {}


def scene(draw: Callable[["Canvas"], None]) -> Callable[["Canvas"], None]:
    SCENES[draw.__name__] = draw
    return draw


class Canvas:
    """A picture in the making, (H, W, 3), 0…1; coordinates go from −1 to 1, y downward."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.pixels, self.cover = np.zeros((*X.shape, 3)), np.zeros(X.shape)

    def noise(self, cells: float, octaves: int = 4) -> np.ndarray:
        """(H, W) of mean 0 and about −1…1: patches of several sizes, ``cells`` of the largest across."""
        total = np.zeros(X.shape)
        for octave in range(octaves):
            n = max(2, int(cells * 2**octave))
            total += (
                zoom(self.random.normal(size=(n, n)), X.shape[0] / n, order=3)[: X.shape[0], : X.shape[1]] / 2**octave
            )
        return total / 2

    def paint(self, mask: np.ndarray, color: np.ndarray | tuple) -> None:
        mask = np.clip(mask, 0, 1)
        self.pixels = self.pixels * (1 - mask[..., None]) + mask[..., None] * np.asarray(color)
        self.cover = 1 - (1 - self.cover) * (1 - mask)

    def put(self, thing: Callable[["Canvas"], None], x: float, y: float, scale: float) -> None:
        """A thing that is drawn by itself, smaller, with its middle at (x, y)."""
        other = Canvas(int(self.random.integers(99)))
        thing(other)
        side = round(scale * len(X))
        drawn = Image.fromarray(np.uint8(255 * np.dstack([other.pixels, other.cover]).clip(0, 1)), "RGBa")
        sheet = np.asarray(drawn.resize((side, side), Image.Resampling.LANCZOS)) / 255
        top, left = (round((at + 1) / 2 * len(X) - side / 2) for at in (y, x))
        rows, columns = (slice(max(0, at), min(len(X), at + side)) for at in (top, left))
        part = sheet[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        self.pixels[rows, columns] = self.pixels[rows, columns] * (1 - part[..., 3:]) + part[..., :3]

    def shadow(self, x: float, y: float, wide: float, tall: float, dark: float = 0.6) -> None:
        inside = gaussian_filter(ellipse(x, y, wide, tall), 12 * FINE)
        self.paint(dark * inside, (0, 0, 0))

    def solid(self, mask: np.ndarray, normal: np.ndarray, color: np.ndarray | tuple, gloss: float = 0.4) -> None:
        """Something round: its normals (H, W, 3), lit from the upper left."""
        normal = normal / np.linalg.norm(normal, axis=-1, keepdims=True).clip(1e-9)
        light = LIGHT / np.linalg.norm(LIGHT)
        bright = 0.32 + 0.75 * np.clip(normal @ light, 0, 1)
        half = light + np.array([0, 0, 1])
        shine = gloss * np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** 40
        self.paint(mask, np.clip(np.asarray(color) * bright[..., None] + shine[..., None], 0, 1))

    def table(self, color: tuple, wall: tuple, line: float = -0.1) -> None:
        """A wall, out of focus, and a wooden table that comes toward us."""
        wood = self.noise(3, 5)
        grain = np.sin(60 * (Y + 0.12 * self.noise(2, 3)) / (1.6 + Y)) * 0.04 + 0.06 * wood
        self.pixels[:] = np.asarray(wall) * (1 + 0.12 * gaussian_filter(self.noise(4, 2), 20 * FINE))[..., None]
        self.paint(
            edge(Y - line, 0.02), np.asarray(color) * (1 + grain)[..., None] * (0.75 + 0.3 * (Y[..., None] + 1) / 2)
        )

    def lines(self, points: list, wide: float, color: tuple, blur: float = 0.8) -> None:
        """A line through points (x, y)."""
        sheet = Image.new("L", X.shape[::-1])
        place = [tuple((np.asarray(point) + 1) / 2 * (X.shape[1] - 1)) for point in points]
        ImageDraw.Draw(sheet).line(place, 255, max(1, round(wide * X.shape[1] / 2)), joint="curve")
        self.paint(gaussian_filter(np.asarray(sheet) / 255, blur * FINE), color)

    def shape(self, points: list, blur: float = 0.8) -> np.ndarray:
        """The mask of a polygon."""
        sheet = Image.new("L", X.shape[::-1])
        place = [tuple((np.asarray(point) + 1) / 2 * (X.shape[1] - 1)) for point in points]
        ImageDraw.Draw(sheet).polygon(place, 255)
        return gaussian_filter(np.asarray(sheet) / 255, blur * FINE)

    def finished(self) -> Image.Image:
        pixels = np.clip(self.pixels + 0.012 * self.random.normal(size=self.pixels.shape), 0, 1)
        return Image.fromarray(np.uint8(255 * pixels)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def edge(distance: np.ndarray, soft: float = 0.006) -> np.ndarray:
    """1 where the distance is above 0, with a soft step."""
    return np.clip(distance / soft + 0.5, 0, 1)


def ellipse(x: float, y: float, wide: float, tall: float) -> np.ndarray:
    return edge(1 - np.hypot((X - x) / wide, (Y - y) / tall), 0.02)


def ball(x: float, y: float, wide: float, tall: float, turn: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Mask and normals of an ellipsoid, turned in the plane."""
    c, s = np.cos(turn), np.sin(turn)
    u, v = ((X - x) * c + (Y - y) * s) / wide, ((Y - y) * c - (X - x) * s) / tall
    depth = np.sqrt(np.clip(1 - u**2 - v**2, 0, 1))
    return edge(1 - np.hypot(u, v), 0.02), np.stack([u * c - v * s, u * s + v * c, depth], -1)


def rough(canvas: Canvas, normal: np.ndarray, cells: float, size: float) -> np.ndarray:
    """Normals with bumps."""
    bumps = canvas.noise(cells, 2)
    return normal + size * np.stack([*np.gradient(bumps)[::-1], np.zeros_like(bumps)], -1)


@scene
def orange(canvas: Canvas) -> None:
    canvas.table((0.55, 0.36, 0.2), (0.8, 0.82, 0.8))
    for x, y, r in ((0.32, -0.02, 0.42), (-0.28, 0.22, 0.52)):
        canvas.shadow(x + 0.12, y + 0.85 * r, r, 0.35 * r)
        mask, normal = ball(x, y, r, r * 0.96)
        canvas.solid(mask, rough(canvas, normal, 70, 1.2), (1.0, 0.52, 0.05), 0.35)
        canvas.paint(0.7 * ellipse(x + 0.05, y - 0.62 * r, 0.05 * r, 0.03 * r), (0.35, 0.4, 0.12))


def lemons(canvas: Canvas) -> None:
    for x, y, r, turn in ((0.3, -0.02, 0.36, 0.5), (-0.2, 0.25, 0.5, -0.35)):
        canvas.shadow(x + 0.1, y + 0.72 * r, r * 1.1, 0.35 * r)
        for end in (-1, 1):
            mask, normal = ball(
                x + end * 1.12 * r * np.cos(turn), y + end * 1.12 * r * np.sin(turn), 0.3 * r, 0.24 * r, turn
            )
            canvas.solid(mask, normal, (0.95, 0.85, 0.12), 0.2)
        mask, normal = ball(x, y, 1.18 * r, 0.84 * r, turn)
        canvas.solid(mask, rough(canvas, normal, 60, 1.2), (1.0, 0.9, 0.1), 0.35)


def water(canvas: Canvas) -> None:
    canvas.pixels[:] = (
        np.array([0.12, 0.38, 0.42]) * (1.15 - 0.5 * Y + 0.25 * gaussian_filter(canvas.noise(4, 3), 8))[..., None]
    )
    for _ in range(26):
        x, y = canvas.random.uniform(-1, 1), canvas.random.uniform(0.2, 1)
        canvas.lines([(x, 1.1), (x + 0.15, y)], 0.03, (0.16, 0.45, 0.18), 4)


def a_goldfish(canvas: Canvas) -> None:
    stripes = 0.82 + 0.18 * np.sin(70 * np.arctan2(Y, X - 0.2))
    for points in (
        [(0.35, 0.02), (0.95, -0.42), (0.86, 0.02), (0.97, 0.46)],
        [(-0.25, -0.28), (0.05, -0.62), (0.36, -0.5), (0.3, -0.18)],
        [(-0.1, 0.26), (0.02, 0.58), (0.22, 0.5), (0.2, 0.22)],
    ):
        canvas.paint(0.88 * canvas.shape(points, 2), np.array([1.0, 0.5, 0.1]) * stripes[..., None])
    mask, normal = ball(-0.08, 0, 0.6, 0.34)
    scales = 1 + 0.1 * np.sin(38 * (X + 0.4 * Y**2)) * np.sin(38 * Y)
    canvas.solid(
        mask,
        normal,
        np.array([1.0, 0.45, 0.06]) * scales[..., None] + np.array([0, 0.25, 0.15]) * np.clip(2.4 * Y, 0, 1)[..., None],
        0.5,
    )
    canvas.paint(
        0.75 * canvas.shape([(-0.2, 0.1), (0.02, 0.28), (0.1, 0.16)], 3), np.array([1.0, 0.6, 0.2]) * stripes[..., None]
    )
    canvas.lines([(-0.4, -0.2), (-0.34, 0), (-0.4, 0.2)], 0.02, (0.8, 0.3, 0.05), 2)
    canvas.paint(ellipse(-0.5, -0.06, 0.06, 0.06), (0.95, 0.85, 0.4))
    canvas.paint(ellipse(-0.5, -0.06, 0.036, 0.036), (0.02, 0.02, 0.02))


@scene
def goldfish(canvas: Canvas) -> None:
    water(canvas)
    a_goldfish(canvas)


@scene
def spider_web(canvas: Canvas) -> None:
    canvas.pixels[:] = (
        np.array([0.1, 0.17, 0.1]) * (1 + 0.8 * gaussian_filter(canvas.noise(4, 2), 22 * FINE))[..., None]
    )
    spokes = np.sort(np.linspace(0, 2 * np.pi, 22, endpoint=False) + canvas.random.uniform(-0.07, 0.07, 22))
    center, silk = np.array([0.05, -0.03]), (0.85, 0.88, 0.86)
    for turn in spokes:
        canvas.lines([center, center + 1.6 * np.array([np.cos(turn), np.sin(turn)])], 0.006, silk, 0.5)
    for ring in range(2, 22):
        ends = [(ring + k / 22) * 0.043 * (1 + canvas.random.uniform(-0.03, 0.03)) for k in range(23)]
        for k in range(22):
            a, b = spokes[k], spokes[(k + 1) % 22]
            p, q = (center + r * np.array([np.cos(t), np.sin(t)]) for r, t in ((ends[k], a), (ends[k + 1], b)))
            canvas.lines([p, 0.93 * (p + q) / 2 + 0.07 * center, q], 0.005, silk, 0.5)


def a_teapot(canvas: Canvas) -> None:
    canvas.shadow(0.1, 0.66, 0.75, 0.14)
    glaze = (0.25, 0.42, 0.62)
    turn = np.linspace(-1.9, 1.9, 40)
    for wide, color in ((0.13, (0.12, 0.22, 0.36)), (0.07, (0.3, 0.5, 0.72))):
        canvas.lines([(0.48 + 0.34 * np.cos(t), 0.12 + 0.32 * np.sin(t)) for t in turn], wide, color, 1.5)
    spout = [(-0.4, 0.34), (-0.62, 0.2), (-0.74, -0.02), (-0.86, -0.14), (-0.74, -0.18), (-0.6, -0.06), (-0.42, 0.02)]
    canvas.solid(canvas.shape(spout, 2), np.dstack([-0.4 + 0 * X, -np.sin(4 * Y), 0.8 + 0 * X]), glaze, 0.3)
    mask, normal = ball(0, 0.2, 0.56, 0.46)
    canvas.solid(mask * edge(0.62 - Y), normal, glaze, 0.9)
    mask, normal = ball(0, -0.2, 0.32, 0.12)
    canvas.solid(mask, normal, (0.22, 0.38, 0.57), 0.8)
    mask, normal = ball(0, -0.35, 0.08, 0.08)
    canvas.solid(mask, normal, glaze, 0.9)
    canvas.paint(edge(0.012 - abs(Y + 0.13 - 0.1 * X**2), 0.01) * edge(0.36 - abs(X)), (0.1, 0.18, 0.3))


@scene
def teapot(canvas: Canvas) -> None:
    canvas.table((0.5, 0.38, 0.28), (0.72, 0.7, 0.62), 0.2)
    a_teapot(canvas)


@scene
def teapot_and_lemons(canvas: Canvas) -> None:
    canvas.table((0.5, 0.38, 0.28), (0.72, 0.7, 0.62), -0.1)
    canvas.put(a_teapot, 0.3, -0.2, 0.6)
    canvas.put(lemons, -0.5, 0.35, 0.6)


@scene
def beacon(canvas: Canvas) -> None:
    clouds = np.clip(gaussian_filter(canvas.noise(3, 5), 4), -0.2, 1)
    canvas.pixels[:] = np.array([0.36, 0.58, 0.86]) * (1.05 + 0.25 * Y)[..., None] + 0.3 * clouds[..., None]
    canvas.paint(edge(Y - 0.45, 0.01), np.array([0.1, 0.3, 0.45]) * (1 + 0.2 * canvas.noise(30, 3))[..., None])
    rocks = canvas.noise(6, 5)
    canvas.paint(
        edge(Y - 0.5 + 0.35 * np.exp(-(((X - 0.05) / 0.55) ** 2)) + 0.07 * rocks, 0.02),
        np.array([0.36, 0.33, 0.28]) * (1 + 0.5 * rocks)[..., None],
    )
    half = 0.13 + 0.06 * (Y + 0.5)
    tower = edge(half - abs(X)) * edge(Y + 0.5) * edge(0.42 - Y)
    bands = np.where((np.floor((Y + 0.5) / 0.2) % 2 == 0)[..., None], (0.95, 0.95, 0.93), (0.82, 0.12, 0.1))
    canvas.solid(
        tower, np.stack([X / half, np.zeros_like(X), np.sqrt(np.clip(1 - (X / half) ** 2, 0, 1))], -1), bands, 0.1
    )
    canvas.paint(edge(0.19 - abs(X)) * edge(0.025 - abs(Y + 0.5)), (0.15, 0.15, 0.17))
    canvas.paint(edge(0.1 - abs(X)) * edge(0.1 - abs(Y + 0.6)), (0.95, 0.9, 0.6))
    for x in (-0.1, -0.033, 0.033, 0.1):
        canvas.lines([(x, -0.7), (x, -0.5)], 0.012, (0.15, 0.15, 0.17))
    canvas.solid(
        canvas.shape([(-0.13, -0.69), (0, -0.86), (0.13, -0.69)]),
        np.dstack([X * 7, 0 * X - 0.3, 0.5 + 0 * X]),
        (0.75, 0.1, 0.08),
        0.2,
    )


@scene
def banana(canvas: Canvas) -> None:
    canvas.table((0.82, 0.8, 0.78), (0.6, 0.66, 0.7), -0.5)
    for lift in (0.16, 0.0):
        radius, across = np.hypot(X, Y + 0.75 + lift), np.arctan2(X, Y + 0.75 + lift)
        wide = 0.17 * np.sqrt(np.clip(1 - (across / 0.95) ** 4, 0, 1)) + 0.02
        canvas.pixels *= (
            1 - 0.4 * gaussian_filter(edge(wide - abs(radius - 0.98)) * edge(0.95 - abs(across)), 9 * FINE)[..., None]
        )
        v = (radius - 0.92) / wide
        mask = edge(1 - abs(v), 0.03) * edge(1.0 - abs(across), 0.02)
        normal = np.stack([v * np.sin(across), v * np.cos(across), np.sqrt(np.clip(1 - v**2, 0, 1))], -1)
        color = np.array([0.98, 0.83, 0.15]) * (1 - 0.1 * edge(0.06 - abs(v - 0.25), 0.05))[..., None]
        color = (
            np.where((abs(across) > 0.93)[..., None], (0.35, 0.28, 0.1), color)
            * (1 - 0.25 * edge(canvas.noise(40, 2) - 0.9, 0.3))[..., None]
        )
        canvas.solid(mask, normal, color, 0.25)


@scene
def school_bus(canvas: Canvas) -> None:
    canvas.pixels[:] = np.array([0.6, 0.74, 0.88]) * (1 + 0.12 * gaussian_filter(canvas.noise(3, 4), 10))[..., None]
    trees = canvas.noise(7, 5)
    canvas.paint(
        edge(Y + 0.25 + 0.25 * canvas.noise(3, 4)[0][None] + 0.05 * trees, 0.03),
        np.array([0.2, 0.36, 0.14]) * (1 + 0.5 * trees)[..., None],
    )
    canvas.paint(edge(Y - 0.38), np.array([0.42, 0.42, 0.43]) * (1 + 0.06 * canvas.noise(60, 3))[..., None])
    canvas.shadow(0, 0.55, 0.9, 0.07, 0.8)
    yellow = np.array([1.0, 0.72, 0.05]) * (1.05 - 0.25 * Y)[..., None]
    canvas.paint(
        canvas.shape([(-0.9, -0.42), (0.6, -0.42), (0.64, -0.02), (0.92, 0.04), (0.94, 0.45), (-0.92, 0.45)], 1.2),
        yellow,
    )
    canvas.paint(canvas.shape([(-0.88, -0.44), (0.58, -0.44), (0.56, -0.4), (-0.88, -0.4)], 1), (0.95, 0.9, 0.75))
    for x in np.linspace(-0.84, 0.34, 7):
        canvas.paint(
            canvas.shape([(x, -0.32), (x + 0.15, -0.32), (x + 0.15, -0.06), (x, -0.06)], 1),
            np.array([0.12, 0.16, 0.2]) + 0.25 * np.clip(-X - Y, 0, 1)[..., None],
        )
    canvas.paint(canvas.shape([(0.56, -0.32), (0.6, -0.32), (0.63, -0.05), (0.56, -0.05)], 1), (0.2, 0.25, 0.3))
    for y in (0.04, 0.14, 0.3):
        canvas.lines([(-0.92, y), (0.62, y)], 0.018, (0.08, 0.08, 0.08))
    for x in (-0.5, 0.6):
        for r, color in ((0.18, (0.07, 0.07, 0.07)), (0.08, (0.6, 0.6, 0.6)), (0.04, (0.2, 0.2, 0.2))):
            canvas.paint(ellipse(x, 0.46, r, r), color)
    canvas.paint(ellipse(0.9, 0.2, 0.035, 0.05), (1, 1, 0.85))


@scene
def king_penguin(canvas: Canvas) -> None:
    canvas.pixels[:] = np.array([0.62, 0.7, 0.78]) * (1 + 0.15 * gaussian_filter(canvas.noise(4, 4), 8))[..., None]
    canvas.paint(
        edge(Y - 0.45 - 0.03 * canvas.noise(4, 3), 0.02),
        np.array([0.6, 0.58, 0.52]) * (1 + 0.25 * canvas.noise(30, 4))[..., None],
    )
    canvas.shadow(0.15, 0.86, 0.4, 0.08)
    mask, normal = ball(0, 0.18, 0.36, 0.7)
    canvas.solid(mask, normal, np.array([0.25, 0.29, 0.34]) * (1 + 0.1 * canvas.noise(60, 2))[..., None], 0.1)
    mask, normal = ball(-0.06, 0.24, 0.26, 0.6)
    canvas.solid(mask, normal * (0.6, 0.6, 1), (0.97, 0.96, 0.93), 0.05)
    canvas.paint(0.8 * gaussian_filter(ellipse(-0.06, -0.26, 0.18, 0.14), 10), (1.0, 0.72, 0.2))
    canvas.solid(
        canvas.shape([(0.2, -0.25), (0.38, 0.0), (0.44, 0.42), (0.34, 0.45), (0.26, 0.2)], 2),
        np.dstack([0.5 + 0 * X, 0 * X, 0.8 + 0 * X]),
        (0.2, 0.23, 0.28),
        0.1,
    )
    mask, normal = ball(0.0, -0.55, 0.2, 0.22)
    canvas.solid(mask, normal, (0.08, 0.08, 0.09), 0.3)
    canvas.lines([(-0.12, -0.58), (-0.3, -0.6), (-0.46, -0.52)], 0.05, (0.1, 0.1, 0.1), 1)
    canvas.lines([(-0.16, -0.555), (-0.34, -0.565)], 0.025, (0.95, 0.5, 0.15), 1)
    canvas.paint(gaussian_filter(ellipse(0.1, -0.5, 0.07, 0.13), 5), (1.0, 0.65, 0.1))
    canvas.paint(ellipse(-0.07, -0.6, 0.022, 0.022), (0.5, 0.3, 0.15))
    for x in (-0.12, 0.14):
        canvas.paint(ellipse(x, 0.88, 0.13, 0.05), (0.12, 0.11, 0.11))


@scene
def monarch(canvas: Canvas) -> None:
    canvas.pixels[:] = (
        np.array([0.3, 0.45, 0.18]) * (1 + 0.7 * gaussian_filter(canvas.noise(5, 2), 16 * FINE))[..., None]
    )
    outer = [(0.04, -0.12), (0.3, -0.55), (0.72, -0.72), (0.9, -0.58), (0.84, -0.25), (0.6, 0.02), (0.06, 0.06)]
    inner = [(0.05, 0.04), (0.55, 0.05), (0.74, 0.25), (0.62, 0.55), (0.35, 0.66), (0.12, 0.4)]
    for side in (-1, 1):
        for wing, hub in ((outer, (0.04, -0.05)), (inner, (0.05, 0.08))):
            points = [(side * x, y) for x, y in wing]
            canvas.paint(canvas.shape(points, 1.5), (0.05, 0.04, 0.03))
            middle = np.mean(points, 0)
            canvas.paint(
                canvas.shape([tuple(middle + 0.86 * (np.asarray(p) - middle)) for p in points], 3),
                np.array([0.95, 0.48, 0.08]) * (1 + 0.1 * canvas.noise(8, 3))[..., None],
            )
            for x, y in points[1:-1]:
                canvas.lines([(side * hub[0], hub[1]), (x, y)], 0.02, (0.06, 0.05, 0.04))
            for (x0, y0), (x1, y1) in pairwise(points[1:-1]):
                for share in np.linspace(0.1, 0.9, 5):
                    at = np.array([x0 + share * (x1 - x0), y0 + share * (y1 - y0)]) * 0.965 + 0.035 * middle
                    canvas.paint(ellipse(at[0], at[1], 0.018, 0.018), (0.97, 0.95, 0.9))
        canvas.lines([(0, -0.25), (side * 0.14, -0.6)], 0.012, (0.05, 0.04, 0.03))
    mask, normal = ball(0, 0.05, 0.055, 0.36)
    canvas.solid(mask, normal, (0.1, 0.08, 0.07), 0.3)


def a_jellyfish(canvas: Canvas) -> None:
    for number in range(26):
        x, phase, long = canvas.random.uniform((-0.42, 0, 0.75), (0.42, 6, 0.95))
        down = np.linspace(0, 1, 30)
        path = [(x * (1 + 0.2 * t) + 0.06 * t * np.sin(6 * t + phase), 0.02 + long * t) for t in down]
        thin = number % 3
        canvas.lines(path, 0.012 if thin else 0.06, (0.75, 0.55, 0.75) if thin else (0.85, 0.62, 0.7), 2)
    mask, normal = ball(0, -0.12, 0.6, 0.52)
    bell = mask * edge(0.1 + 0.04 * np.cos(30 * X) - Y, 0.05)
    rim = 1 - normal[..., 2]
    canvas.paint(bell * (0.35 + 0.6 * rim**1.5), (0.95, 0.78, 0.88))
    for turn in np.linspace(-1.2, 1.2, 9):
        canvas.lines(
            [(0.55 * np.sin(turn) * np.sin(t), -0.62 + 0.7 * (1 - np.cos(t)) * 0.95) for t in np.linspace(0, 1.45, 14)],
            0.012,
            (0.98, 0.85, 0.9),
            3,
        )


@scene
def jellyfish(canvas: Canvas) -> None:
    deep = 1.2 - 0.7 * Y + 0.2 * gaussian_filter(canvas.noise(3, 2), 20)
    canvas.pixels[:] = np.array([0.02, 0.14, 0.42]) * deep[..., None]
    a_jellyfish(canvas)


@scene
def goldfish_and_jellyfish(canvas: Canvas) -> None:
    water(canvas)
    canvas.put(a_goldfish, -0.35, 0.45, 0.75)
    canvas.put(a_jellyfish, 0.5, -0.35, 0.62)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for number, (name, draw) in enumerate(SCENES.items()):
        canvas = Canvas(number)
        draw(canvas)
        canvas.finished().save(FOLDER / f"{name}.jpg", quality=88)


if __name__ == "__main__":
    main()
