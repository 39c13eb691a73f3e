"""G1, G4: what the class, or one neuron, is sensitive to, and what a ReLU passes back."""

from types import SimpleNamespace

import ipywidgets

from cnnviz_widgets.methods import class_gradient, neuron_gradient
from cnnviz_widgets.methods.passes.relu_rules import RULES
from cnnviz_widgets.panels.controls import choice
from cnnviz_widgets.panels.maps import centre, channel_map, class_argument, over_picture, strongest
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import Mark, Note, View
from cnnviz_widgets.pictures.render import Content
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer


class Gradients(Panel):
    """The gradient of a class score, or of one neuron, with respect to the picture.

    source   "class": the chosen class's score; "neuron": the place of the chosen channel that was clicked in its map
    rule     what a ReLU passes back: the true gradient ("backprop"), positive signals only ("deconvnet"; Zeiler &
             Fergus 2014), or positive signals through active units only ("guided"; Springenberg et al. 2015)
    """

    title = "Gradients"
    pickers = ("image", "target", "layer", "channel")
    source = choice("class", ["class", "neuron"], label="From", help="Go back from the class score, or from one neuron")
    rule = choice("backprop", RULES, label="ReLU", help="What a ReLU passes back")

    def build(self) -> list[ipywidgets.Widget]:
        maps = View("The channel: click a neuron", colormap="inferno", opacity=0.7)
        maps.image.on_click(self.guarded(self._choose))
        self._parts["neuron"] = Mark(maps, "crosshair")
        return [
            self.part("maps", maps),
            self.part("gradient", View("Gradient, grey = 0", controls=False)),
            self.part("saliency", View("Sensitivity, largest colour", colormap="inferno")),
            self.part("note", Note()),
        ]

    def _choose(self, pointer: Pointer) -> None:
        if pointer.row is not None:
            self.session.position = (pointer.row, pointer.column)
            self.source = "neuron"

    @computes("network", "image", "target", "layer", "channel", "position", "source", "rule")
    def compute(self, now: SimpleNamespace) -> Frame:
        if now.source == "class":
            gradient = class_gradient(now.network, now.image, now.target, rule=now.rule)
        else:
            gradient = neuron_gradient(now.network, now.image, now.layer, now.channel, now.position, rule=now.rule)
        strength = gradient.values.abs().amax(0).numpy()
        nothing = "" if strength.any() else f"Nothing came back: with the rule {now.rule!r}, ReLUs cut every path."
        return Frame(
            {
                "gradient": gradient.content(),
                "saliency": Content(values=strength, low=0, caption=f"at most {strength.max():.3g}"),
                "note": nothing,
            }
        )

    @computes("network", "image", "layer", "channel", "position", "source")
    def look(self, now: SimpleNamespace) -> Frame:
        """The map in which a neuron can be clicked, and the neuron."""
        values = channel_map(now.network, now.image, now.layer, now.channel)
        row, column = now.position or strongest(values)
        caption = f"{now.layer} · {now.channel}: {values[row, column]:.3g} at ({row}, {column})"
        content = over_picture(now.network, now.image, now.layer, values, caption)
        neuron = centre(now.network.layer(now.layer), row, column) if now.source == "neuron" else None
        return Frame({"maps": content, "neuron": neuron})

    def call(self, now: SimpleNamespace) -> str:
        if now.source == "neuron":
            return f"cv.neuron_gradient(net, photo, {now.layer!r}, {now.channel}, {now.position}, rule={now.rule!r})"
        arguments = f"net, photo{class_argument(now.network, now.target)}, rule={now.rule!r}"
        return f"gradient = cv.class_gradient({arguments})\ncv.saliency({arguments})"
