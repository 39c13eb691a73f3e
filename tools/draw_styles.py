"""Draws the sample pictures that are painted in a style: ``python -m tools.draw_styles`` writes them into the package.

Each has one strong texture at several scales, and colors that a photograph has not: what a style transfer takes over.
"""

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, laplace
from scipy.spatial import cKDTree

from tools.draw_samples import FINE, FOLDER, Canvas, X, Y, edge

PX = (X.shape[0] - 1) / 2  # px in a unit


def colors_between(stops: list[tuple[float, tuple]], at: np.ndarray) -> np.ndarray:
    """(…, 3): the colors at the stops, blended linearly."""
    places, colors = zip(*stops, strict=True)
    return np.stack([np.interp(at, places, channel) for channel in np.transpose(colors)], -1)


def stained_glass(canvas: Canvas) -> None:
    """A sun over hills and a river, of Voronoi cells that are held by lead."""
    random, sun = canvas.random, np.array([0.3, -0.35])
    points = random.uniform(-1.15, 1.15, (6000, 2))
    spacing = 0.07 + 0.09 * np.clip(np.hypot(*(points - sun).T) - 0.25, 0, 1)
    cells = np.empty((0, 2))
    for point, least in zip(points, spacing, strict=True):
        if not len(cells) or np.hypot(*(cells - point).T).min() > least:
            cells = np.vstack([cells, point])
    x, y = cells.T
    far = np.hypot(x - sun[0], y - sun[1])
    sky = colors_between(
        [(0.3, (0.98, 0.62, 0.1)), (0.55, (0.9, 0.25, 0.12)), (0.9, (0.45, 0.1, 0.42)), (1.5, (0.06, 0.12, 0.55))], far
    )
    hills = colors_between([(0, (0.05, 0.5, 0.3)), (0.25, (0.02, 0.32, 0.28)), (0.6, (0.3, 0.55, 0.08))], y - 0.1)
    river = abs(x + 0.1 + 0.25 * np.sin(4 * y)) < 0.08 + 0.25 * (y - 0.15)
    ground = y > 0.15 + 0.12 * np.sin(3 * x + 1)
    color = np.where(ground[:, None], np.where(river[:, None], (0.05, 0.5, 0.85), hills), sky)
    color = np.where((far < 0.27)[:, None], (1.0, 0.86, 0.25), color)
    color = np.clip(color * random.uniform(0.65, 1.25, (len(cells), 1)) + random.normal(0, 0.05, color.shape), 0.02, 1)

    wavy = np.stack([X, Y], -1) + 0.02 * np.stack([canvas.noise(5, 2), canvas.noise(5, 2)], -1)
    distances, nearest = cKDTree(cells).query(wavy, k=2)
    apart = np.linalg.norm(cells[nearest[..., 0]] - cells[nearest[..., 1]], axis=-1)
    to_lead = (distances[..., 1] ** 2 - distances[..., 0] ** 2) / (2 * apart)
    streaks = canvas.noise(4, 5) + 0.5 * gaussian_filter(canvas.noise(40, 2), (1, 6 * FINE))
    glow = 0.7 + 0.4 * np.clip(to_lead / 0.06, 0, 1) + 0.22 * streaks
    canvas.pixels[:] = np.clip(color[nearest[..., 0]] * glow[..., None], 0, 1)
    lead = 0.011 + 0.002 * canvas.noise(20, 2)
    canvas.paint(edge(lead - to_lead, 0.006), (0.05, 0.045, 0.06))
    canvas.paint(0.45 * edge(0.0025 - to_lead, 0.003), (0.5, 0.5, 0.55))


def swirling_strokes(canvas: Canvas) -> None:
    """A night sky over wheat: thick strokes of oil along a stream with eddies, lit from the side."""
    random = canvas.random
    along = np.stack([np.ones_like(X), 0.35 * np.cos(3 * X)], -1)
    for x, y, turn, size in (
        (-0.35, -0.45, 1, 0.33),
        (0.45, -0.2, -1, 0.26),
        (0.75, -0.75, 1, 0.2),
        (-0.85, 0, -1, 0.18),
    ):
        eddy = 3.2 * turn * np.exp(-(((X - x) ** 2 + (Y - y) ** 2) / size**2))
        along += eddy[..., None] * np.stack([-(Y - y), X - x], -1) / size
    wheat = edge(Y - 0.42 - 0.08 * np.sin(3 * X), 0.1)[..., None]
    along = along * (1 - wheat) + wheat * np.stack([0.35 + 0.3 * np.sin(5 * X), -1 + 0 * X], -1)
    along /= np.linalg.norm(along, axis=-1, keepdims=True).clip(1e-6)

    night = colors_between(
        [(0, (0.04, 0.1, 0.35)), (0.4, (0.1, 0.3, 0.66)), (0.7, (0.35, 0.62, 0.78)), (1, (0.85, 0.9, 0.7))],
        0.45 + 0.5 * canvas.noise(4, 3),
    )
    for x, y, size in (
        (-0.35, -0.45, 0.16),
        (0.45, -0.2, 0.11),
        (0.75, -0.75, 0.15),
        (-0.85, 0, 0.08),
        (0.1, -0.85, 0.07),
    ):
        night += (np.exp(-(((X - x) ** 2 + (Y - y) ** 2) / size**2)))[..., None] * np.array([1.1, 0.75, 0.0])
    field = colors_between(
        [(0, (0.35, 0.22, 0.05)), (0.45, (0.85, 0.6, 0.1)), (0.8, (0.98, 0.82, 0.3)), (1, (0.3, 0.42, 0.12))],
        0.5 + 0.5 * canvas.noise(7, 3),
    )
    wanted = np.clip(night * (1 - wheat) + wheat * field, 0, 1)

    paint, relief = Image.fromarray(np.uint8(180 * wanted)), Image.new("L", X.shape[::-1])
    brush, height = ImageDraw.Draw(paint), ImageDraw.Draw(relief)
    side = len(X)
    for count, steps, wide in ((2200, 15, 13), (3600, 11, 9), (2600, 7, 6)):
        for _ in range(count):
            place, path = random.uniform(0, side, 2), []
            color = wanted[tuple(place.astype(int)[::-1])] * random.uniform(0.75, 1.25) + random.normal(0, 0.045, 3)
            for _ in range(steps):
                path.append(place)
                place = np.clip(place + 4.5 * along[tuple(place.astype(int)[::-1])], 0, side - 1)
            points = np.array(path)
            way = points[-1] - points[0]
            across = np.array([-way[1], way[0]]) / max(np.hypot(*way), 1e-6)
            for hair in np.linspace(-0.5, 0.5, wide // 2):
                line = [tuple(one) for one in points + across * hair * wide + random.normal(0, 0.5, 2)]
                shade = (255 * np.clip(color * random.uniform(0.86, 1.14), 0, 1)).astype(np.uint8)
                brush.line(line, tuple(map(int, shade)), 3, joint="curve")
                height.line(line, int(random.integers(90, 255)), 3, joint="curve")
    bumps = gaussian_filter(np.asarray(relief) / 255, 1.2)
    down, right = np.gradient(bumps)
    canvas.pixels[:] = np.clip(
        np.asarray(paint) / 255 * (1 + 1.6 * (down + right))[..., None] + 0.25 * (down + right)[..., None], 0, 1
    )


def watercolor(canvas: Canvas) -> None:
    """Poppies in wet washes: pigment that diffuses in the paper, gathers at the edges and in the grain."""
    random = canvas.random
    grain = gaussian_filter(random.normal(size=X.shape), 1.1 * FINE)
    grain /= grain.std()
    paper = np.array([0.985, 0.97, 0.93]) * (1 + 0.012 * grain)[..., None]
    canvas.pixels[:] = paper

    def wash(shape: np.ndarray, color: tuple, steps: int, strength: float = 1.0) -> None:
        wet = np.clip(0.5 + 0.5 * canvas.noise(9, 4), 0.02, 1)
        dye = shape * (0.75 + 0.35 * canvas.noise(5, 4)).clip(0.1)
        for _ in range(steps):
            dye = dye + 0.24 * wet * laplace(dye)
        rim = np.clip(dye - gaussian_filter(dye, 4 * FINE), 0, 1)
        dye = strength * (0.75 * dye + 2 * rim) * (1 + 0.13 * grain)
        canvas.pixels *= np.exp(-np.clip(dye, 0, None)[..., None] * -np.log(np.asarray(color)))

    def ragged(distance: np.ndarray, rough: float = 0.05) -> np.ndarray:
        return edge(distance + rough * canvas.noise(6, 5), 0.015)

    wash(edge(0.35 - Y, 0.7), (0.5, 0.74, 0.92), 300)
    wash(ragged(0.4 - np.hypot(X - 0.5, (Y + 0.7) * 1.2), 0.12), (0.98, 0.8, 0.35), 150)
    wash(ragged(Y + 0.05 - 0.12 * np.sin(2.5 * X), 0.08), (0.42, 0.6, 0.8), 60)
    wash(ragged(Y - 0.25 - 0.1 * np.cos(3 * X), 0.1), (0.55, 0.8, 0.4), 50)
    for _ in range(22):
        x, bend = random.uniform(-1, 1), random.uniform(-0.25, 0.25)
        stem = abs(X - x - bend * (Y - 0.4) ** 2)
        wash(edge(0.014 - stem, 0.01) * edge(Y - random.uniform(-0.3, 0.4), 0.05), (0.35, 0.6, 0.3), 8, 0.8)
        y, turn = random.uniform(0.3, 1), random.uniform(-1, 1)
        u, v = (X - x) * np.cos(turn) + (Y - y) * np.sin(turn), (Y - y) * np.cos(turn) - (X - x) * np.sin(turn)
        wash(ragged(0.2 - np.hypot(u * 4.5, v), 0.02), (0.25, 0.62, 0.42), 15, 0.8)
    petals = (0.95, 0.2, 0.15), (0.98, 0.5, 0.15), (0.72, 0.25, 0.65), (0.9, 0.3, 0.42)
    for number in range(26):
        grid = np.array([-0.85 + 0.35 * (number % 6), -0.55 + 0.33 * (number // 6)])
        x, y = grid + random.uniform(-0.15, 0.15, 2)
        r = random.uniform(0.15, 0.27)
        for petal in range(5):
            turn = 2 * np.pi / 5 * petal + random.uniform(-0.3, 0.3)
            away = np.hypot(X - x - 0.55 * r * np.cos(turn), 1.2 * (Y - y - 0.5 * r * np.sin(turn)))
            wash(ragged(0.55 * r - away, 0.03), petals[number % 4], 14, 0.6)
        wash(ragged(0.2 * r - np.hypot(X - x, Y - y), 0.015), (0.2, 0.12, 0.3), 12, 1.2)
    for _ in range(90):
        x, y, r = *random.uniform(-1, 1, 2), 0.004 + 0.016 * random.random() ** 3
        drop = 0.5 * edge(r - np.hypot(X - x, Y - y), 0.006)[..., None]
        canvas.pixels *= 1 - drop * (1 - np.array(petals[random.integers(4)]))


STYLES = stained_glass, swirling_strokes, watercolor


def main() -> None:
    for number, draw in enumerate(STYLES):
        canvas = Canvas(number)
        draw(canvas)
        canvas.finished().save(FOLDER / f"{draw.__name__}.jpg", quality=85, optimize=True)


if __name__ == "__main__":
    main()
