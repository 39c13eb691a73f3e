"""G1 to G4, C3: what the class, or one neuron, is sensitive to, by several methods and rules side by side."""

import secrets
from collections.abc import Iterator
from functools import partial
from typing import Any

import ipywidgets

from cnnviz_widgets.drawing.results import rgb, robust_maximum
from cnnviz_widgets.engine.relu_rules import RULES
from cnnviz_widgets.engine.targets import Neuron
from cnnviz_widgets.panels.attributions import ATTRIBUTIONS, labels
from cnnviz_widgets.panels.controls import checks, choice
from cnnviz_widgets.panels.maps import Tiles, caption, center, channel_map, over_picture, strongest, target_code
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import Mark, View
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer

CELLS = labels(
    "gradient", "saliency", "input_x_gradient", "guided_grad_cam", "integrated_gradients", "smoothgrad", "vargrad"
)


class Gradients(Panel):
    """The gradient of a class score, or of one neuron, with respect to the picture: up to six ways to see it.

    cells    (method, rule) pairs. Methods: "gradient" (in color, gray = 0), "saliency" (its size), and what others
             make of it: "input_x_gradient", "guided_grad_cam", "integrated_gradients", "smoothgrad", "vargrad".
             The rule is what a ReLU passes back: the true gradient ("backprop"), positive signals only ("deconvnet";
             Zeiler & Fergus 2014), or these through active units only ("guided"; Springenberg et al. 2015)
    scale    every cell at its full contrast ("each"), or all that have the same unit on one scale ("one")
    source   "class": the chosen class's score; "neuron": the place of the chosen channel that was clicked in its map
    """

    title = "Gradients"
    family = "gradients"
    chapters = ("07", "08")
    shows = (
        "the pixels that a class or a neuron depends on: gradient, SmoothGrad, integrated gradients … under "
        "backprop, deconvnet and guided backprop"
    )
    as_call = "cnnviz.saliency(net, photo)"
    quick = True
    pickers = ("image", "target", "layer", "channel")
    source = choice("class", ["class", "neuron"], label="From", help="Go back from the class score, or from one neuron")
    scale = choice(
        "each", ["each", "one"], label="Scale", help="Each cell at full contrast, or one scale for the same unit"
    )
    cells = checks(
        [(method, rule) for method in ("gradient", "saliency") for rule in RULES],
        CELLS,
        {rule: rule for rule in RULES},
        most=6,
        label="Cells",
        help="What is shown side by side: a method, and what a ReLU passes back",
    )

    def build(self) -> list[ipywidgets.Widget]:
        group = secrets.token_hex(4)
        look = {"colormap": "inferno", "group": group}
        maps = View("The channel: click a neuron", opacity=0.7, max_width=360, **look)
        maps.image.on_click(self.guarded(self._choose))
        self._parts["neuron"] = Mark(maps, "crosshair")
        sizes = {"max_width": 900, "max_height": 560}
        cells = View("What comes back: gray or black is 0", "most", opacity=1, labels=True, **sizes, **look)
        self._tiles = Tiles()
        return [self.part("cells", cells), self.part("maps", maps)]

    def _choose(self, pointer: Pointer) -> None:
        if pointer.row is not None:
            self.session.position = (pointer.row, pointer.column)
            self.source = "neuron"

    def compute(self, now: Now) -> Iterator[Frame]:
        of = now.target if now.source == "class" else Neuron(now.layer, now.channel, now.position)
        self._tiles.about(now.network, now.image, of)
        picture = rgb(now.network.prepare(now.image)[0])
        names = {cell: f"{CELLS[cell[0]]} · {cell[1]}" for cell in now.cells}
        if self._tiles.empty:  # room for all that will come
            yield Frame({"cells": self._tiles.content(picture, names, "…")}, 0, len(now.cells))
        shown = {}
        for number, cell in enumerate(now.cells, 1):
            waited = cell not in self._tiles.known
            ask = partial(ATTRIBUTIONS[cell[0]], now.network, now.image, of, rule=cell[1])
            result = self._tiles.know(cell, ask, names[cell]).result
            shown |= {} if result is None else {cell: result}
            if waited or number == len(now.cells):
                for one, high in self._bounds(shown, now.scale).items():
                    self._tiles.put(one, shown[one], high)
                what = caption(next((one.of for one in shown.values()), ""), {names[one]: shown[one] for one in shown})
                yield Frame({"cells": self._tiles.content(picture, names, what)}, number, len(now.cells))

    def _bounds(self, results: dict[tuple[str, str], Any], scale: str) -> dict[tuple[str, str], float]:
        """The value of full contrast for each cell."""
        most = {cell: float(robust_maximum(result.values)) for cell, result in results.items()}
        if scale == "each":
            return most
        unit = {cell: ATTRIBUTIONS[cell[0]].unit for cell in results}
        return {cell: max(most[one] for one in most if unit[one] == unit[cell]) for cell in results}

    @computes
    def look(self, now: Now) -> Frame:
        """The map in which a neuron can be clicked, and the neuron."""
        values = channel_map(now.network, now.image, now.layer, now.channel)
        row, column = now.position or strongest(values)
        what = f"{now.layer} · channel {now.channel}: {values[row, column]:.3g} at ({row}, {column})"
        content = over_picture(now.network, now.image, values, what)
        neuron = center(content, row, column) if now.source == "neuron" else None
        return Frame({"maps": content, "neuron": neuron})

    def call(self, now: Now) -> str:
        neuron = f"cnnviz.Neuron({now.layer!r}, {now.channel}, {now.position})"
        lines = [f"target = {target_code(now.network, now.target) if now.source == 'class' else neuron}", "cells = ["]
        cells = [cell for cell in now.cells if self._tiles.fits(cell)]
        lines += [f"    {ATTRIBUTIONS[method].code('target', rule=rule)}," for method, rule in cells]
        return "\n".join([*lines, "]", "display(*cells)"])
