"""T2: a texture from noise that has the statistics of a sample in the layers of a network."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import ipywidgets

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.optimize import OptimizationState
from cnnviz_widgets.methods.texture.texture import texture
from cnnviz_widgets.panels.call import As, Call
from cnnviz_widgets.panels.controls import another_picture, choice, chosen, slider
from cnnviz_widgets.panels.growth import Plan
from cnnviz_widgets.panels.making import StepView, at_step, planned, seed_slider, steps_slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.panels.styling import STYLE, Styling, layers_of
from cnnviz_widgets.runtime.runner import Frame


class Texture(Styling):
    """From noise, a picture with the statistics of a sample (Gatys et al. 2015).

    sample      the texture: a sample's name, or what ``load_image`` takes
    parameters  by how many numbers it is described, at most; "" = by all that the statistics have
    weights     layer -> weight 0…2; what is not named has 1
    match, sample_size, color, size, pooling, scales, seed
                as in ``cnnviz.texture``
    All but size, scales and seed steer a run under way.
    """

    title = "Texture"
    family = "texture"
    chapters = ("14",)
    shows = "a texture from noise, with nothing but the statistics of a sample"
    as_call = "cnnviz.texture(net, sample)"
    pickers = ()
    sample = another_picture("stained_glass", label="Sample", styles=True, help="The texture that is wanted")
    match = option(texture, help="Gram matrices; or means and deviations; or means and covariances")
    parameters = choice(
        "", {"": "all", "10000": "10,000", "1000": "1,000", "100": "100"}, label="Numbers at most",
        help="Gram matrices of as many principal components of each layer as these numbers describe",
    )  # fmt: skip
    steps = steps_slider(texture, 512)
    size = slider(160, 64, 512, step=32, label="Size", more=True, help="px of a side of the texture")
    sample_size = option(texture, 0.25, 2, step=0.05, label="Sample size", more=True)
    color = option(texture, 0, 2, step=0.1, form=".1f", label="Color weight", more=True)
    pooling = option(texture, more=True)
    scales = option(texture, 1, 4, more=True)
    seed = seed_slider()

    def views(self) -> list[ipywidgets.Widget]:
        sample = View("The sample", "aside", controls=False, max_height=240)
        made = StepView("The texture", "most", max_width=520, max_height=520)
        grown = self.part("texture", made)  # first, also in a saved notebook
        return [self.part("sample", sample), grown, self.losses()]

    def compute(self, now: Now) -> Iterator[Frame]:
        given = {"sample": Content(rgb(_sample(now).value))}
        total, factors = now.rounds * now.steps, {STYLE: 1.0, "color": now.color}
        for _, state in self.grow(_plan(now), now.rounds):
            shown = {"texture": partial(_content, state, total)}
            yield Frame(given | shown | dict(self.told(now, state, factors)), state.step, total)

    def subject(self) -> str:
        now = self._drawn or self._now()
        return f"texture {now.sample!r} {now.match}"

    def call(self, now: Now) -> str:
        return "\n".join([f"sample = {_sample(now).written}", *self.program(_plan(now), now.rounds), "state"])


def _sample(now: Now) -> As:
    return chosen(now.sample, now.network.channels)


def _plan(now: Now) -> Plan:
    names = ("match", "sample_size", "color", "size", "pooling", "scales")
    how: dict[str, Any] = {name: getattr(now, name) for name in names}
    most = {"parameters": int(now.parameters)} if now.parameters else {}
    call = Call(texture, now.network, As(_sample(now).value, "sample"), **layers_of(now), **most, **how)
    return planned("state", now, call, now.size, now.scales)


def _content(state: OptimizationState, total: int, at: int | None) -> Content:
    step, picture = at_step(state, at)
    return Content(rgb(picture), caption=f"{state.of}: step {step} of {total}")
