"""G1 to G5, C3: what the class, or one neuron, is sensitive to, by several methods and rules side by side."""

import secrets
from collections.abc import Iterator
from typing import ClassVar

import ipywidgets
import numpy as np

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.relu_rules import RULES
from cnnviz_widgets.engine.targets import Neuron
from cnnviz_widgets.methods.evaluation.segment import segment
from cnnviz_widgets.networks.layers import Box
from cnnviz_widgets.panels.attributions import ATTRIBUTIONS, labels
from cnnviz_widgets.panels.call import As, Call, class_named, program
from cnnviz_widgets.panels.controls import checks, choice, toggle
from cnnviz_widgets.panels.guess import GuessedTile
from cnnviz_widgets.panels.maps import Tiles, center, channel_over, cropped, field_of, strongest
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import Mark, View
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer
from cnnviz_widgets.widgets.traits import OneOf

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
    guess        "cell" asks which of the cells is a certain one before it names them: click it; "" asks nothing
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
    guess = OneOf(("", "cell"), "").tag(setting=True)

    def build(self) -> list[ipywidgets.Widget]:
        group = secrets.token_hex(4)
        look = {"colormap": "inferno", "group": group}
        maps = View("The channel: click a neuron", opacity=0.7, max_width=300, **look)
        maps.image.on_click(self.guarded(self._choose))
        photo = View("The picture", controls=False, max_width=176, group=group)  # both above the fold
        self._parts |= {"neuron": Mark(maps, "crosshair"), "linked": Mark(maps, "group")}
        sizes = {"labels": True, "max_width": 900, "max_height": 560}
        title = "Gradient with respect to the picture (gray or black is 0)"
        cells = GuessedTile(title, "most", opacity=1, **sizes, **look)
        cells.asked_by(self, "cell")
        self._tiles = Tiles()
        cut = self.part("mask", View("Object mask from the saliency map (GrabCut)", controls=False, group=group))
        self.shown_if("mask", cut)
        beside = ipywidgets.VBox([self.part("photo", photo), self.part("maps", maps)]).add_class("cnnviz-part")
        return [self.part("cells", cells), beside, cut]

    def _choose(self, pointer: Pointer) -> None:
        if pointer.row is not None:
            self.session.position = (pointer.row, pointer.column)
            self.source = "neuron"

    def compute(self, now: Now) -> Iterator[Frame]:
        self._tiles.about(now.network, now.image, _explained(now))
        picture, field = rgb(now.network.prepare(now.image)[0]), _field(now)
        calls = {cell: _call(now, cell) for cell in now.cells}
        labels = {(method, rule): f"{CELLS[method]} · {rule}" for method, rule in calls}
        group = _unit if now.color_scale == "shared" else lambda cell: cell
        for number, content in self._tiles.grow(picture, calls, labels, group):
            yield Frame({"cells": cropped(content, field)}, number, len(calls))

    @computes
    def look(self, now: Now) -> Frame:
        """The picture, the map in which a neuron can be clicked, and the neuron."""
        content = channel_over(now.network, now.image, now.layer, now.channel)
        place = now.position or strongest(np.asarray(content.values))
        neuron = center(content, *place) if now.source == "neuron" else None
        field = _field(now)
        photo = cropped(Content(content.picture, caption="as the network sees it", fields=content.fields), field)
        linked = "" if field else self._parts["photo"].image.group  # a part cannot point to the whole
        return Frame({"photo": photo, "maps": content, "neuron": neuron, "linked": linked})

    @computes
    def cut(self, now: Now) -> Frame:
        """The object, as far as the saliency map shows where it is."""
        return Frame({"mask": _segment(now)().content()} if now.mask else {})

    def call(self, now: Now) -> str:
        cells = [_call(now, cell) for cell in now.cells if self._tiles.fits(cell)]
        return program({"cells": cells}, f"display(*cells, {_segment(now)})" if now.mask else "display(*cells)")


def _explained(now: Now) -> As | Neuron:
    return class_named(now.network, now.target) if now.source == "class" else _neuron(now)


def _neuron(now: Now) -> Neuron:
    return Neuron(now.layer, now.channel, now.position)


def _field(now: Now) -> Box | None:
    """The receptive field of the neuron, where one is explained."""
    return field_of(now.network, now.image, _neuron(now)) if now.source == "neuron" else None


def _call(now: Now, cell: tuple[str, str]) -> Call:
    method, rule = cell
    return ATTRIBUTIONS[method].call(now.network, now.image, _explained(now), rule=rule)


def _segment(now: Now) -> Call:
    return Call(segment, now.image, _call(now, SALIENCY))


def _unit(cell: tuple[str, str]) -> str:
    return ATTRIBUTIONS[cell[0]].unit
