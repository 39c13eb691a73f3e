"""G1 to G5, C3: what the class, or one neuron, is sensitive to, by several methods and rules side by side."""

import secrets
from collections.abc import Iterator
from typing import Any, ClassVar

import ipywidgets

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.relu_rules import RULES
from cnnviz_widgets.engine.targets import Neuron
from cnnviz_widgets.methods.evaluation.segment import segment
from cnnviz_widgets.panels.attributions import ATTRIBUTIONS, labels
from cnnviz_widgets.panels.call import As, Call, class_named, written
from cnnviz_widgets.panels.controls import checks, choice, toggle
from cnnviz_widgets.panels.maps import (
    Tiles,
    Window,
    caption,
    center,
    channel_map,
    cropped,
    field_of,
    over_picture,
    strongest,
)
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import Mark, View
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer

CELLS = labels(
    "gradient", "saliency", "input_x_gradient", "guided_grad_cam", "integrated_gradients", "smoothgrad", "vargrad"
)
SALIENCY = ("saliency", "backprop")  # the cell from which the object is cut


class Gradients(Panel):
    """The gradient of a class score, or of one neuron, with respect to the picture: up to six ways to see it.

    source       what is explained: the chosen "class", or the "neuron" that was clicked in the map of its channel
    cells        (method, rule) pairs. Methods: "gradient" (in color, gray = 0), "saliency" (its size), and what others
                 make of it: "input_x_gradient", "guided_grad_cam", "integrated_gradients", "smoothgrad", "vargrad".
                 The rule is what a ReLU passes back: the true gradient ("backprop"), positive signals only
                 ("deconvnet"; Zeiler & Fergus 2014), or these through active units only ("guided"; Springenberg et al.
                 2015)
    color_scale  "each" cell at its full contrast, or a "shared" one for all that have the same unit
    mask         whether the object is cut out, too, as the saliency map shows where it is (Simonyan et al. 2014)
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
    old_names: ClassVar = {"scale": ("color_scale", {"one": "shared"})}
    source = choice("class", ["class", "neuron"], label="Explain", help="A class score, or one neuron")
    color_scale = choice(
        "each", ["each", "shared"], label="Color scale", help="Each cell's own, or a shared one for the same unit"
    )
    cells = checks(
        [(method, rule) for method in ("gradient", "saliency") for rule in RULES],
        CELLS,
        {rule: rule for rule in RULES},
        most=6,
        label="Cells",
        help="What is shown side by side: a method, and what a ReLU passes back",
    )
    mask = toggle(
        False, label="Object mask", help="Cut out the object by GrabCut, from the class's saliency map", more=True
    )

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.observe(self._arrange, "mask")
        self._arrange()

    def build(self) -> list[ipywidgets.Widget]:
        group = secrets.token_hex(4)
        look = {"colormap": "inferno", "group": group}
        maps = View("The channel: click a neuron", opacity=0.7, max_width=300, **look)
        maps.image.on_click(self.guarded(self._choose))
        photo = View("The picture", controls=False, max_width=176, group=group)  # both above the fold
        self._parts |= {"neuron": Mark(maps, "crosshair"), "linked": Mark(maps, "group")}
        sizes = {"labels": True, "max_width": 900, "max_height": 560}
        cells = View("Gradient with respect to the picture (gray or black is 0)", "most", opacity=1, **sizes, **look)
        self._tiles = Tiles()
        self._cut = self.part("mask", View("Object mask from the saliency map (GrabCut)", controls=False, group=group))
        beside = ipywidgets.VBox([self.part("photo", photo), self.part("maps", maps)]).add_class("cnnviz-part")
        return [self.part("cells", cells), beside, self._cut]

    def _arrange(self, _: Any = None) -> None:
        self._cut.layout.display = None if self.mask else "none"

    def _choose(self, pointer: Pointer) -> None:
        if pointer.row is not None:
            self.session.position = (pointer.row, pointer.column)
            self.source = "neuron"

    def compute(self, now: Now) -> Iterator[Frame]:
        of, total = _explained(now), len(now.cells)
        self._tiles.about(now.network, now.image, of)
        picture, window = rgb(now.network.prepare(now.image)[0]), _window(now)
        names = {cell: f"{CELLS[cell[0]]} · {cell[1]}" for cell in now.cells}
        group = _unit if now.color_scale == "shared" else lambda cell: cell
        if self._tiles.empty:  # room for all that will come
            yield Frame({"cells": cropped(self._tiles.content(picture, names, "…"), window)}, 0, total)
        for number, found in self._tiles.find({cell: _call(now, cell, of) for cell in now.cells}, names):
            self._tiles.put(found, group)
            what = next((one.of for one in found.values()), "")
            errors = caption(what, {names[cell]: result for cell, result in found.items()})
            yield Frame({"cells": cropped(self._tiles.content(picture, names, errors), window)}, number, total)

    @computes
    def look(self, now: Now) -> Frame:
        """The picture, the map in which a neuron can be clicked, and the neuron."""
        values = channel_map(now.network, now.image, now.layer, now.channel)
        row, column = now.position or strongest(values)
        what = f"{now.layer} · channel {now.channel}: {values[row, column]:.3g} at ({row}, {column})"
        content = over_picture(now.network, now.image, now.layer, values, what)
        neuron = center(content, row, column) if now.source == "neuron" else None
        window = _window(now)
        photo = cropped(Content(content.picture, caption="as the network sees it", fields=content.fields), window)
        linked = "" if window else self._parts["photo"].image.group  # a part cannot point to the whole
        return Frame({"photo": photo, "maps": content, "neuron": neuron, "linked": linked})

    @computes
    def cut(self, now: Now) -> Frame:
        """The object, as far as the saliency map shows where it is."""
        return Frame({"mask": _segment(now, _call(now, SALIENCY, _explained(now))())().content()} if now.mask else {})

    def call(self, now: Now) -> str:
        of = _explained(now)
        target = As(of, "None" if of is None else "target")
        cells = [f"    {_call(now, cell, target)}," for cell in now.cells if self._tiles.fits(cell)]
        lines = [] if of is None else [f"target = {written(_named(now, of))}"]
        shown = "*cells"
        if now.mask:
            shown += f", {_segment(now, As(None, str(_call(now, SALIENCY, target))))}"
        return "\n".join([*lines, "cells = [", *cells, "]", f"display({shown})"])


def _explained(now: Now) -> int | Neuron | None:
    return now.target if now.source == "class" else Neuron(now.layer, now.channel, now.position)


def _window(now: Now) -> Window | None:
    return field_of(now.network, now.image, _explained(now)) if now.source == "neuron" else None


def _named(now: Now, of: int | Neuron) -> As | Neuron:
    return of if isinstance(of, Neuron) else class_named(now.network, of)


def _call(now: Now, cell: tuple[str, str], target: Any) -> Call:
    method, rule = cell
    return ATTRIBUTIONS[method].call(now.network, now.image, target, rule=rule)


def _segment(now: Now, heatmap: Any) -> Call:
    return Call(segment, now.image, heatmap)


def _unit(cell: tuple[str, str]) -> str:
    return ATTRIBUTIONS[cell[0]].unit
