"""T3: what each layer knows of the content of a photograph, and of the style of a painting."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import ipywidgets

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.optimize import OptimizationState
from cnnviz_widgets.methods.style.reconstructions import reconstructions
from cnnviz_widgets.methods.style.transfer import transfer
from cnnviz_widgets.methods.texture._view import style_layers
from cnnviz_widgets.panels.call import As, Call
from cnnviz_widgets.panels.controls import another_picture, chosen, slider
from cnnviz_widgets.panels.growth import Plan
from cnnviz_widgets.panels.making import Making, StepView, at_step, planned, seed_slider, steps_slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.runtime.runner import Frame


class Reconstructions(Making):
    """From noise, the content of a photograph and the style of a painting, as layers know them (Gatys et al. 2016).

    painting  whose style is reconstructed: a sample's name, or what ``load_image`` takes
    match, color, size, pooling, seed
              as in ``cnnviz.reconstructions``
    All but size and seed steer a run under way.
    """

    title = "Content and style by layers"
    family = "style"
    chapters = ("15",)
    shows = "what each layer keeps of a photograph, and of a painting's style"
    as_call = "cnnviz.reconstructions(net, photo, painting)"
    pickers = ("image",)
    painting = another_picture("swirling_strokes", label="Painting", styles=True, help="Whose style is reconstructed")
    steps = steps_slider(reconstructions, 512)
    size = slider(96, 48, 192, step=16, label="Size", help="px of the shorter side of each picture")
    match = option(transfer, more=True)
    color = option(transfer, 0, 2, step=0.1, form=".1f", label="Color weight", more=True)
    pooling = option(transfer, more=True)
    seed = seed_slider()

    def views(self) -> list[ipywidgets.Widget]:
        table = StepView("Above from the features of one layer, below from Gram matrices", "most", labels=True)
        small: dict[str, Any] = {"controls": False, "max_width": 240, "max_height": 240}
        content, style = View("Content", **small), View("Style", **small)
        made = self.part("made", table)  # first, also in a saved notebook
        given = ipywidgets.VBox([self.part("content", content), self.part("style", style)]).add_class("cnnviz-part")
        return [given, made]

    def compute(self, now: Now) -> Iterator[Frame]:
        given = {"content": Content(rgb(now.image)), "style": Content(rgb(_painting(now).value))}
        total = now.rounds * now.steps
        names = _names([*style_layers(now.network, None)])
        for _, state in self.grow(_plan(now), now.rounds):
            yield Frame(given | {"made": partial(_content, state, names, total)}, state.step, total)

    def subject(self) -> str:
        now = self._drawn or self._now()
        return f"reconstructions {now.painting!r}"

    def call(self, now: Now) -> str:
        return "\n".join([f"painting = {_painting(now).written}", *self.program(_plan(now), now.rounds), "state"])


def _painting(now: Now) -> As:
    return chosen(now.painting, len(now.image))


def _plan(now: Now) -> Plan:
    how = {name: getattr(now, name) for name in ("match", "color", "size", "pooling")}
    call = Call(reconstructions, now.network, now.image, As(_painting(now).value, "painting"), **how)
    return planned("state", now, call, now.image, now.size)


def _names(layers: list[str]) -> tuple[str, ...]:
    """Of the pictures: first those of the content, then those of the style."""
    so_far = ["–".join(dict.fromkeys((layers[0], last))) for last in layers]
    return (*(f"content: {name}" for name in layers), *(f"style: {names}" for names in so_far))


def _content(state: OptimizationState, names: tuple[str, ...], total: int, at: int | None) -> Content:
    step, pictures = at_step(state, at)
    return Content(rgb(pictures), names=names, columns=len(names) // 2, caption=f"step {step} of {total}")
