"""A5: which orientation, curvature or hue a unit prefers."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets

from cnnviz_widgets.drawing.polar import angle_at, highest, place
from cnnviz_widgets.methods.units._stimuli import STIMULI
from cnnviz_widgets.methods.units.tuning import Tuning as Curve
from cnnviz_widgets.methods.units.tuning import tuning
from cnnviz_widgets.networks.layers import convolutions
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.growth import Kept
from cnnviz_widgets.panels.maps import channel_over
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel
from cnnviz_widgets.panels.parts import Chart, Mark, View
from cnnviz_widgets.panels.session import Session
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer
from cnnviz_widgets.widgets.traits import Number

WORDS = {"grating": "gratings", "curve": "curves", "color": "colors"}


class Tuning(Panel):
    """Tuning curves of a unit, by the orientation of gratings, the bulge of curves, or hue (Cammarata et al. 2020).

    Click around the curve: the stimulus at that angle, and what the channel makes of it.

    stimulus, pool, contrast, phases, places, seed
             as in ``cnnviz.tuning``
    angle    in degrees, of the stimulus that is shown; None = at the peak
    """

    title = "Tuning"
    family = "units"
    chapters = ("05",)
    shows = "the orientation, curvature or hue that a unit prefers, and how strictly"
    as_call = "cnnviz.tuning(net, layer, channel)"
    pickers = ("layer", "channel")
    stimulus: Any = option(tuning, words=WORDS, label="Stimuli")
    pool = option(tuning, label="Per angle", help="What counts of the sizes and phases at an angle")
    contrast = option(tuning, 0.1, 1, step=0.1, form=".1f", more=True)
    phases = option(tuning, 1, 8, more=True)
    places = option(tuning, 1, 8, more=True)
    seed = option(tuning, 0, 99, more=True)
    angle: Any = Number(None, 0, 360).tag(setting=True)

    @classmethod
    def first_view(cls, session: Session) -> None:
        """The first layer: gratings and colors are what it is about."""
        session.layer = convolutions(session.network.layers)[0].name

    def build(self) -> list[ipywidgets.Widget]:
        self._found: Memo[Kept] = Memo(Kept)
        drawing = View("Activation by angle: click one", controls=False, max_width=420)
        stimulus = View("Stimulus and channel map", colormap="RdBu", opacity=0.5, max_width=420)
        sizes = Chart("By the size of the stimuli", "angle, degrees", "activation", top=None, height=240)
        drawing.image.on_click(self.guarded(self._choose))
        marks = {"point": (drawing, "crosshair"), "field": (stimulus, "rectangle")}
        self._parts |= {name: Mark(*where) for name, where in marks.items()}
        return [self.part("polar", drawing), self.part("stimulus", stimulus), self.part("sizes", sizes)]

    def _choose(self, pointer: Pointer) -> None:
        self.angle = angle_at(pointer.x, pointer.y) % STIMULI[self.stimulus].turn

    def _on_change(self, change: dict) -> None:
        if change["name"] in ("network", "layer", "channel", "stimulus"):
            self.angle = None  # it was chosen on another curve
        super()._on_change(change)

    def compute(self, now: Now) -> Iterator[Frame]:
        options = _options(now)
        of = (now.network, now.layer, now.stimulus, *(options[name] for name in sorted(options)))
        known = self._found.reached(*of)
        for state in known.states(partial(_call(now))):
            state = replace(state.of_channel(now.channel), pool=now.pool)
            yield Frame(_shown(now, state), state.step, state.total)

    def call(self, now: Now) -> str:
        found = As(None, f"cnnviz.last({_call(now, pool=now.pool)})")
        angle = "" if now.angle is None else f"{now.angle:g}"
        return program({"found": found}, f"stimulus = found.picture({angle})", "found")


def _call(now: Now, **more: Any) -> Call:
    return Call(tuning, now.network, now.layer, now.channel, now.stimulus, **_options(now), **more)


def _options(now: Now) -> dict[str, Any]:
    return {name: getattr(now, name) for name in ("contrast", "phases", "places", "seed")}


def _shown(now: Now, state: Curve) -> dict[str, Any]:
    """Parts: the curves, and the stimulus at the angle that is chosen, with its map."""
    number = state.nearest(state.preferred if now.angle is None else now.angle)
    angle, value, turn = float(state.angles[number]), float(state.values[number]), STIMULI[state.stimulus].turn
    blank = float(state.blank[state.channel])
    curves = {name: ([*x, turn], [*y, y[0]]) for name, (x, y) in state.by_size().items()}
    over = channel_over(now.network, state.picture(angle), state.layer, state.channel, signed=True)
    layer, size = now.network.layer(state.layer), state.shape[1:]
    field = None
    if layer.spatial:
        left, top, right, bottom = layer.field((layer.shape[1] // 2, layer.shape[2] // 2), size)
        field = max(left, 0), max(top, 0), min(right, size[1]) - max(left, 0), min(bottom, size[0]) - max(top, 0)
    return {
        "polar": state.content(),
        "point": place(angle, max(0.0, value) / highest(state.values.tolist(), blank)),
        "stimulus": replace(over, caption=f"at {angle:g}°: {value:.3g} at the unit in the frame"),
        "field": field,
        "sizes": {"curves": curves, "end": turn, "marker": angle},
    }
