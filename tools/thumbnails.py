"""Makes the pictures of the lab's gallery by running the panels: ``python -m tools.thumbnails [Panel …]``, or all.

Each is the first view of the panel, computed with the bundled network on a sample, in a WebP file of a few kB.
"""

import sys
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from cnnviz_widgets import registry
from cnnviz_widgets.drawing.render import Content, draw
from cnnviz_widgets.panels.lab import THUMBNAILS
from cnnviz_widgets.panels.making import StepView
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import CAPTION, View

SIZE = (336, 192)  # px: twice that of a card, for sharp screens
TILES = 8
_Y, _X = np.mgrid[0:1:128j, 0:1:128j]
BANDS = (1 + np.clip(3 * (_Y + 0.05 * np.sin(7 * _X)), 0, 2)).astype(np.uint8)  # of three regions, from the top
LARGEST = 4_000  # bytes: the gallery sends them all
QUALITIES = (30, 24, 18, 12, 8, 6, 4, 2)
BETTER: dict[str, dict[str, Any]] = {  # settings that show more at this size than a panel's own
    "Activations": {"layer": "relu2", "order": "strength"},
    "ClassModel": {"target": "goldfish"},
    "Defense": {"steps": 200},
    "Doodle": {"mask": BANDS},
    "Attacker": {"steps": 96},
    "FastStyle": {"steps": 96, "size": 64, "style_size": 128, "batch": 1},
    "FeatureVisualization": {"layer": "relu5"},
    "Patch": {"steps": 96, "area": 0.08},
    "Training": {"epochs": 4},
    "Universal": {"steps": 24, "times": 3},
    "Normalization": {"steps": 48, "size": 64, "style_size": 128},
}


def main(names: list[str]) -> None:
    THUMBNAILS.mkdir(exist_ok=True)
    for entry in registry.panels():
        if not names or entry.name in names:
            kind = getattr(import_module(entry.module), entry.name)
            panel = kind("mini", "chelsea", **BETTER.get(entry.name, {})).run()
            file = THUMBNAILS / f"{entry.module.rpartition('.')[2]}.webp"
            picture = thumbnail(panel)
            for quality in QUALITIES:
                picture.save(file, quality=quality, method=6)
                if file.stat().st_size <= LARGEST:
                    break
            print(f"written: {file.name}, {file.stat().st_size} bytes", flush=True)
            panel.close()


def thumbnail(panel: Panel) -> Image.Image:
    views = [part for part in panel._parts.values() if isinstance(part, View) and part.image.content.count]
    if not views:  # of what the browser computes, a file has the numbers
        still = next(iter(panel._parts.values())).snapshot()
        return ImageOps.fit(still.crop((0, CAPTION, *still.size)).convert("RGB"), SIZE, centering=(0.5, 0.3))
    view = min(views, key=lambda part: not isinstance(part, StepView))  # what is made, before what it is made of
    look = {"colormap": view.image.colormap, "opacity": view.image.opacity}
    picture = draw(few(view.image.content), **look, width=SIZE[0], labels=False)
    return ImageOps.fit(picture.convert("RGB"), SIZE, centering=(0.5, 0.3))


def few(content: Content) -> Content:
    """As many of the tiles as can be told apart at this size."""
    if content.count <= 1:
        return content
    count = min(content.count, TILES)
    tiles: dict[str, Any] = {
        name: getattr(content, name)[:count] for name in ("picture", "values") if getattr(content, name) is not None
    }
    ends: dict[str, Any] = {
        name: end[:count] for name, end in zip(("low", "high"), content.range, strict=True) if len(end) > 1
    }
    unseen = tuple(tile for tile in content.unseen if tile < count)
    return replace(content, **tiles, **ends, names=(), keys=(), heads=(), unseen=unseen, columns=min(count, 4))


if __name__ == "__main__":
    main(sys.argv[1:])
