"""T4: style transfer: a photograph that becomes a painting, and is steered while it does."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import ipywidgets
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.optimize import OptimizationState
from cnnviz_widgets.methods.style.transfer import transfer
from cnnviz_widgets.methods.style.transfer_grid import transfer_grid
from cnnviz_widgets.methods.texture._view import style_layers
from cnnviz_widgets.panels.call import As, Call
from cnnviz_widgets.panels.controls import another_picture, chosen, log_slider, slider, toggle
from cnnviz_widgets.panels.growth import Plan
from cnnviz_widgets.panels.making import StepView, at_step, planned, seed_slider, steps_slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import argument, option
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.panels.styling import STYLE, Styling, layers_of
from cnnviz_widgets.pictures import load_image
from cnnviz_widgets.runtime.runner import Frame

BETAS = argument(transfer_grid, "betas").default
GRID = {"size": 96, "steps": 60}


class StyleTransfer(Styling):
    """A photograph painted in the style of another picture (Gatys et al. 2016).

    style       the painting: a sample's name, or what ``load_image`` takes
    beta        weight of the style; that of the content is 1
    weights     layer -> weight 0…2 of its part in the style; what is not named has 1
    style_size, match, color, smoothness, size, scales, pooling, begin
                as in ``cnnviz.transfer``
    grid        whether, when it has come to its end, pictures for several β and numbers of layers are made (figure 3)
    All but size, scales, begin and grid steer a run under way. The divider, the strength and the colors that are kept
    are changed in the browser, after the fact.
    """

    title = "Style transfer"
    family = "style"
    chapters = ("15",)
    shows = "a photograph becoming a painting, content against style"
    as_call = "cnnviz.transfer(net, photo, style)"
    pickers = ("image",)
    style = another_picture("stained_glass", label="Style", styles=True, help="The painting that gives the style")
    beta = log_slider(
        argument(transfer, "beta").default,
        1,
        10_000,
        label="Content ↔ style β",
        help="Weight of the style; of the content: 1",
    )
    style_size = option(
        transfer, 0.25, 2, step=0.05, label="Brush size", help="Size of the style, of the picture's own"
    )
    steps = steps_slider(transfer, 256)
    size = slider(192, 64, 512, step=32, label="Size", more=True, help="px of the picture's shorter side")
    match = option(transfer, more=True)
    color = option(transfer, 0, 2, step=0.1, form=".1f", label="Color weight", more=True)
    smoothness = option(transfer, 0, 50, step=0.5, form=".1f", label="TV weight", more=True)
    pooling = option(transfer, more=True)
    scales = option(transfer, 1, 4, label="Scales", more=True)
    begin = option(transfer, label="Begin with", more=True)
    seed = seed_slider()
    grid = toggle(
        False, label="Grid (fig. 3)", more=True, help="Then also β from left to right, layers from top to bottom"
    )

    def views(self) -> list[ipywidgets.Widget]:
        result = StepView("The painting", "most", max_width=640, max_height=520, wipe=0, blend=True)
        small: dict[str, Any] = {"controls": False, "max_width": 240, "max_height": 240}
        content, style = View("Content", **small), View("Style", **small)
        painted = self.part("result", result)  # first, also in a saved notebook
        given = ipywidgets.Box([self.part("content", content), self.part("style", style)])
        given.add_class("cnnviz-aside").add_class("cnnviz-several")
        table = StepView("β against the layers of the style (fig. 3)", "whole", labels=True, max_width=1076)
        self._table = self.part("grid", table)
        self.observe(self._lay_out, "grid")
        self._lay_out()
        return [given, painted, self.losses(), self._table]

    def _lay_out(self, _: Any = None) -> None:
        self._table.layout.display = None if self.grid else "none"

    def reset(self) -> None:
        self._parts["result"].image.send_state(("wipe", "strength", "keep_colors"))  # the browser has changed them
        super().reset()

    def compute(self, now: Now) -> Iterator[Frame]:
        photo, style, plan = now.image, chosen(now.style, len(now.image)).value, _plan(now)
        given = {"content": Content(rgb(photo)), "style": Content(rgb(style))}
        total = now.rounds * now.steps
        factors = {STYLE: now.beta, "target_features": 1.0, "color": now.beta * now.color}
        for _, state in self.grow(plan, now.rounds):
            shown = {"result": partial(_content, photo, state, total)}
            yield Frame(
                given | shown | dict(self.told(now, state, factors)), state.step, total + now.grid * GRID["steps"]
            )
        if now.grid:
            for _, state in self.grow(_grid(now), 1):
                parts = {"grid": partial(_table, state, list(style_layers(now.network, None)))}
                yield Frame(parts, total + state.step, total + state.total)

    def subject(self) -> str:
        now = self._drawn or self._now()
        return f"style {now.style!r} beta {now.beta:g}"

    def call(self, now: Now) -> str:
        style = f"style = {chosen(now.style, len(now.image)).written}"
        grid = [*self.program(_grid(now), 1, "grid"), "display(grid)"] if now.grid else []
        return "\n".join([style, *grid, *self.program(_plan(now), now.rounds), "state"])


def _plan(now: Now) -> Plan:
    style = As(chosen(now.style, len(now.image)).value, "style")
    names = ("style_size", "match", "color", "smoothness", "size", "pooling", "scales", "begin")
    how = {name: getattr(now, name) for name in names}
    call = Call(transfer, now.network, now.image, style, beta=float(f"{now.beta:.3g}"), **layers_of(now), **how)
    return planned("state", now, call, now.image, now.size, now.scales, now.begin)


def _grid(now: Now) -> Plan:
    style = As(chosen(now.style, len(now.image)).value, "style")
    how = {"match": now.match, "color": now.color, "pooling": now.pooling}
    call = Call(transfer_grid, now.network, now.image, style, BETAS, **how, **GRID)
    return Plan("grid", (now.network, now.image, now.style), lambda number, before: call)


def _table(state: OptimizationState, layers: list[str], _: int | None) -> Content:
    names = tuple(f"β {beta:g} · {'–'.join(dict.fromkeys((layers[0], last)))}" for last in layers for beta in BETAS)
    return Content(rgb(state.values), names=names, columns=len(BETAS), caption=f"step {state.step} of {state.total}")


def _content(photo: Tensor, state: OptimizationState, total: int, at: int | None) -> Content:
    step, picture = at_step(state, at)
    before = load_image(photo, size=(picture.shape[-2], picture.shape[-1]), channels=len(photo))
    return Content(rgb(picture), before=rgb(before), caption=f"{state.of}: step {step} of {total}")
