"""X6: a network is fooled by a pixel or a few, found without a gradient."""

from collections.abc import Iterator
from functools import partial

import ipywidgets
import numpy as np

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.optimize.balls import in_8_bits
from cnnviz_widgets.methods.adversarial.one_pixel import OnePixelState, one_pixel
from cnnviz_widgets.panels.call import Call, class_named
from cnnviz_widgets.panels.controls import several_classes
from cnnviz_widgets.panels.growth import Kept
from cnnviz_widgets.panels.making import Making, StepView
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.parts import Bars, Chart, Mark, View
from cnnviz_widgets.runtime.runner import Frame


class OnePixel(Making):
    """One pixel, or a few, that fool the network, found by differential evolution (Su et al. 2019).

    toward  the class that the picture shall be taken for; () = any other
    Other settings as in ``cnnviz.one_pixel``.
    """

    title = "One pixel"
    family = "adversarial"
    chapters = ("13",)
    shows = "a search for the pixel that fools the network, and where it has looked"
    as_call = "cnnviz.one_pixel(net, photo)"
    looks_back = False  # each generation begins where the one before ended
    at_end = "the search is at its end: more generations go further."
    pickers = ("image",)
    pixels = option(one_pixel, 1, 10, label="Pixels")
    toward = several_classes(
        1, label="Toward", none="(any other)", help="The class that it shall be taken for; none = any other"
    )
    generations = option(one_pixel, 1, 200, label="Generations")
    population = option(one_pixel, 10, 400, step=10, label="Population", more=True)
    seed = option(one_pixel, 0, 99, more=True)

    def views(self) -> list[ipywidgets.Widget]:
        best = StepView("The best picture so far", max_width=440)
        searched = View("Where the search has been", colormap="inferno", opacity=0.75, max_width=440)
        self._parts["place"] = Mark(best, "crosshair")
        margins = Chart("Margin of the right class", "generation", "logits", top=None, height=220)
        return [
            self.part("best", best),
            self.part("searched", searched),
            self.part("margins", margins),
            self.part("bars", Bars("What the network sees")),
        ]

    def compute(self, now: Now) -> Iterator[Frame]:
        call = _call(now)
        of = (now.network, now.image, now.pixels, now.toward, now.generations, now.population, now.seed)
        if self._memo("search", Kept).reached(*of).last is None:  # a generation takes longer than to show something
            yield Frame({"best": partial(_begun, now)}, 0, now.generations)
        for state in self.keep("search", of, call):
            row, column = state.pixels[0].tolist()
            parts = {
                "best": partial(_content, state),
                "place": (column + 0.5, row + 0.5) if len(state.pixels) == 1 else None,
                "searched": _searched(state),
                "margins": _curve(state),
                "bars": (now.network.predict(state.values), state.source),
            }
            yield Frame(parts, state.total if state.fooled else state.step, state.total)

    def subject(self) -> str:
        now = self._drawn or self._now()
        return f"one pixel {now.network.name}"

    def call(self, now: Now) -> str:
        return f"state = cnnviz.last({_call(now)})\nstate"


def _call(now: Now) -> Call:
    target = class_named(now.network, now.toward[0] if now.toward else None)
    how = {name: getattr(now, name) for name in ("pixels", "population", "generations", "seed")}
    return Call(one_pixel, now.network, now.image, target, **how)


def _begun(now: Now, at: None) -> Content:
    """The picture that the search begins with."""
    return Content(rgb(in_8_bits(now.network.prepare(now.image)[0])))


def _content(state: OnePixelState, at: None) -> Content:
    done = "fooled" if state.fooled else "not fooled"
    return Content(rgb(state.values), before=rgb(state.picture), caption=f"{done} after {state.queries:,} queries")


def _searched(state: OnePixelState) -> Content:
    """The candidates that changed a pixel, in blocks that hold about one each."""
    height, width = state.tried.shape
    block = max(1, min(height, width) // 32)
    rows, columns = height // block, width // block
    cut = state.tried[: rows * block, : columns * block]
    counts = cut.reshape(rows, block, columns, block).sum((1, 3))
    picture = rgb(state.picture[:, : rows * block, : columns * block])
    return Content(picture, np.asarray(counts), low=0, caption=f"candidates in squares of {block} px")


def _curve(state: OnePixelState) -> dict:
    steps = [*range(1, state.step + 1)]
    numbers = {"margin": f"{state.margins[0]:.2f} to {state.margin:.2f}; below 0 it is fooled"}
    return {"curves": {"margin": (steps, [*state.margins])}, "numbers": numbers, "end": state.total}
