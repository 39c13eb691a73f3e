"""X13: illusions made by code: what people see, what is there, and what the network sees."""

import ipywidgets
import numpy as np
import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb, robust_maximum
from cnnviz_widgets.methods.adversarial.illusion import Hybrid, hybrid, illusion
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.controls import another_picture, choice, chosen, float_slider, toggle
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import Bars, View
from cnnviz_widgets.runtime.runner import Frame

KINDS = {
    "checker_shadow": "checker shadow",
    "cafe_wall": "café wall",
    "hering": "Hering",
    "ebbinghaus": "Ebbinghaus",
    "mach_bands": "Mach bands",
    "kanizsa": "Kanizsa",
    "hybrid": "hybrid picture",
}


class Illusion(Panel):
    """Illusions that fool people (Adelson 1995; Gregory & Heard 1979; Oliva et al. 2006), and what the network sees.

    kind      which; "hybrid" shows ``far`` from afar and ``near`` from close by
    strength  of what deceives; at 0 there is none of it
    proof     whether a divider shows the picture with its measure
    distance  from which a hybrid is seen, as a multiple of the first
    """

    title = "Illusions"
    family = "adversarial"
    chapters = ("13",)
    shows = "illusions that fool people, the measure that proves it, and what a first layer makes of them"
    as_call = 'cnnviz.illusion("checker_shadow")'
    pickers = ()
    kind = choice("checker_shadow", KINDS, label="Illusion", help="All are made by code")
    strength = option(illusion, 0, 1, step=0.05, label="Strength")
    proof = toggle(False, label="Show the proof", help="The measure, drawn into the picture: move the divider")
    distance = float_slider(
        1, 1, 16, step=0.5, form=".1f", label="Distance", help="Of a hybrid picture: so many times as far away"
    )
    far = another_picture("teapot", label="From afar", help="What a hybrid picture shows from afar", more=True)
    near = another_picture("goldfish", label="From near", help="What a hybrid picture shows from close by", more=True)
    cutoff = option(hybrid, 2, 32, step=1, form=".0f", label="Cutoff", more=True)

    def build(self) -> list[ipywidgets.Widget]:
        picture = View("What do you see?", controls=False, max_width=440)
        seen = View("The first layer: where it responds", colormap="inferno", opacity=1.0, max_width=440)
        return [
            self.part("picture", picture),
            self.part("seen", seen),
            self.part("bars", Bars("What the network sees")),
        ]

    def compute(self, now: Now) -> Frame:
        if now.kind == "hybrid":
            made = _hybrid(now)()
            shown = made.seen_from(now.distance)
            content = Content(rgb(shown), caption=_told(made, now.distance))
        else:
            found = illusion(now.kind, now.strength)
            shown = found.values
            content = found.content() if now.proof else Content(rgb(shown), caption=f"it seems: {found.seems}")
        return Frame({
            "picture": content,
            "seen": _responses(now.network, shown),
            "bars": (now.network.predict(shown), None),
        })  # fmt: skip

    def call(self, now: Now) -> str:
        if now.kind == "hybrid":
            made = _hybrid(now)
            return program({"far": _chosen(now, "far"), "near": _chosen(now, "near"), "shown": made},
                           f"print(net.predict(shown.seen_from({now.distance:g}))[0])", "shown")  # fmt: skip
        return program(
            {"shown": Call(illusion, now.kind, now.strength)}, "print(net.predict(shown.values)[0])", "shown"
        )


def _chosen(now: Now, name: str) -> As:
    return chosen(getattr(now, name), 3)


def _hybrid(now: Now) -> Call:
    pictures = (As(_chosen(now, name).value, name) for name in ("far", "near"))
    return Call(hybrid, *pictures, cutoff=now.cutoff)


def _told(made: Hybrid, distance: float) -> str:
    period = made.values.shape[-1] / made.cutoff / distance
    return f"the two meet at periods of {period:.1f} px"


def _responses(network: Network, picture: Tensor) -> Content:
    """The root mean square over the channels of the first layer with positions."""
    layer = next((one for one in network.layers if one.spatial and max(one.shape[1:]) > 1), network.layers[0])
    maps = network.activations(picture, layer.name)[layer.name]
    size = maps.square().mean(0).sqrt() if maps.ndim == 3 else torch.zeros(1, 1)
    return Content(
        values=np.asarray(size), low=0, high=float(robust_maximum(size)), caption=f"{layer.name}, all channels (RMS)"
    )
