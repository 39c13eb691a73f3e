"""O1: slide a square over the picture and watch the class go."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import ipywidgets
from traitlets import Tuple

from cnnviz_widgets.methods import occluded, occlusion
from cnnviz_widgets.methods.passes.occlusion import FILLS, positions
from cnnviz_widgets.methods.results import rgb
from cnnviz_widgets.panels.controls import choice, slider
from cnnviz_widgets.panels.maps import class_argument
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import Bars, Mark, View
from cnnviz_widgets.pictures.render import Content
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer


class Occlusion(Panel):
    """What the class depends on: cover a place, and see what is left of the class's probability (Zeiler & Fergus 2014).

    size    side of the square, in pixels of the picture as the network sees it
    stride  pixels between two positions of the square
    fill    what the square is filled with
    place   (x, y) of the covered place that is shown beside the map, or None = nothing covered
    """

    title = "Occlusion"
    pickers = ("image", "target")
    size = slider(32, 4, 128, step=4, label="Square", help="Side of the square that covers the picture, in pixels")
    stride = slider(8, 2, 64, step=2, label="Stride", help="Pixels between two positions: small is fine, and slow")
    fill = choice("grey", FILLS, label="Fill", help="What the square is filled with")
    place = Tuple(default_value=None, allow_none=True).tag(setting=True)

    def build(self) -> list[ipywidgets.Widget]:
        side = min(self.session.network.prepare(self.session.image).shape[-2:])
        if self.size > side:
            self.size = max(4, side // 4)
        heat = View("Probability lost when covered", colormap="inferno", opacity=0.6)
        heat.image.on_hover(self.guarded(self._look_under))
        heat.image.on_click(self.guarded(self._look_under))
        self._parts["square"] = Mark(heat, "rectangle")
        return [
            self.part("map", heat),
            self.part("covered", View("What the network sees", controls=False)),
            self.part("bars", Bars("What it answers")),
        ]

    def _look_under(self, pointer: Pointer | None) -> None:
        if pointer is not None:  # the last place stays when the pointer leaves
            self.place = (pointer.x, pointer.y)

    @computes("network", "image", "target", "size", "stride", "fill")
    def compute(self, now: SimpleNamespace) -> Iterator[Frame]:
        for state in occlusion(now.network, now.image, now.target, size=now.size, stride=now.stride, fill=now.fill):
            content = replace(state.content(), caption=f"{state.of}, {state.baseline:.3f} uncovered")
            yield Frame({"map": content}, state.step, state.total)

    @computes("network", "image", "target", "size", "stride", "fill", "place")
    def look(self, now: SimpleNamespace) -> Frame:
        """The picture under the square nearest to the chosen place, and what the network says to it."""
        picture = now.network.prepare(now.image)[0]
        target = now.network.predict(picture, 1)[0].index if now.target is None else now.target
        square = None
        caption = "all of it: hover the map"
        if now.place is not None:
            extent = picture.shape[-2:]
            top, left = (
                min(positions(n, now.size, now.stride), key=lambda p, at=at: abs(p + now.size / 2 - at))
                for n, at in zip(extent, now.place[::-1], strict=True)
            )
            picture = occluded(now.network, now.image, top, left, now.size, now.fill)
            square = (left, top, now.size, now.size)
            caption = f"covered at x {left}, y {top}"
        return Frame(
            {
                "square": square,
                "covered": Content(rgb(picture), caption=caption),
                "bars": (now.network.predict(picture), target),
            }
        )

    def call(self, now: SimpleNamespace) -> str:
        target = class_argument(now.network, now.target)
        return (
            f"states = cv.occlusion(net, photo{target}, size={now.size}, stride={now.stride}, fill={now.fill!r})\n"
            "cv.last(states)"
        )
