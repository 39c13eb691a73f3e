"""X5: pictures of nothing that a network is sure of, made by gradient, by evolution, or bred by hand."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import ipywidgets

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.drawing.words import percent
from cnnviz_widgets.methods.adversarial.fool import Population, breed, fool
from cnnviz_widgets.panels.call import As, Call, class_named, program
from cnnviz_widgets.panels.controls import several_classes
from cnnviz_widgets.panels.making import Making, StepView, seed_slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.parts import Chart
from cnnviz_widgets.runtime.runner import Frame


class Fooling(Making):
    """A picture that means nothing to people, and that the network is sure of (Nguyen et al. 2015).

    With evolution, click a picture to breed it: it and the one before it have the next generation.

    toward   the class; () = the first one
    The rest is as in ``cnnviz.fool``.
    """

    title = "Fooling pictures"
    family = "adversarial"
    chapters = ("13",)
    shows = "noise and patterns that the network is sure are a class"
    as_call = 'cnnviz.fool(net, "goose")'
    looks_back = False  # the best so far is kept
    at_end = "it is at its end: more steps go further."
    pickers = ()
    toward = several_classes(
        1, label="Class", none="(its first)", help="What the network shall be sure of; none = its first class"
    )
    encoding = option(fool, words={"pixels": "pixels", "cppn": "CPPN"}, label="Encoding")
    search = option(fool, label="Search")
    steps = option(fool, 1, 400, label="Steps")
    seed = seed_slider()

    def views(self) -> list[ipywidgets.Widget]:
        self._bred: Population | None = None
        self._parents: list[int] = []
        pictures = StepView("The most convincing first", "most", labels=True, cursor="tile", max_height=640)
        best = Chart("Probability of the class", "step", "probability", share=True, height=200)
        return [self.tiles("pictures", pictures, self._breed), self.part("best", best)]

    def _breed(self, number: Any) -> None:
        """The next generation of the two pictures that were clicked last."""
        now = self._drawn or self._now()
        population = self._bred or self.kept("fool")
        if now.search != "evolution" or population is None or number is None:
            return
        self.stop()
        self._parents = [*self._parents[-1:], number]
        self._bred = breed(now.network, population, self._parents, seed=now.seed + population.step)
        self._parents = [0]
        for name, shown in _parts(self._bred).items():
            self._parts[name].show(shown)

    def compute(self, now: Now) -> Iterator[Frame]:
        call = _call(now)
        self._bred = None
        for state in self.keep("fool", (now.network, str(call)), call):
            yield Frame(_parts(state), state.step, state.total)

    def subject(self) -> str:
        now = self._drawn or self._now()
        return f"fooling {now.network.classes[_target(now)]} {now.encoding}"

    def call(self, now: Now) -> str:
        return program({"state": As(None, f"cnnviz.last({_call(now)})")}, "state")


def _target(now: Now) -> int:
    return now.toward[0] if now.toward else 0


def _call(now: Now) -> Call:
    target = class_named(now.network, _target(now))
    return Call(fool, now.network, target, now.encoding, now.search, steps=now.steps, seed=now.seed)


def _parts(state: Population) -> dict[str, Any]:
    steps = [*range(1, len(state.best) + 1)]
    curve = {
        "curves": {state.of: (steps, [*state.best])},
        "numbers": {state.of: percent(state.best[-1])},
        "end": max(state.total, len(steps)),
    }
    return {"pictures": partial(_content, state), "best": curve}


def _content(state: Population, at: Any) -> Content:
    names = tuple(percent(chance) for chance in state.probabilities.tolist())
    caption = f"{state.of}, step {state.step} of {state.total}, {state.queries:,} pictures asked"
    if len(names) > 1:
        caption = f"{caption}; click one to breed from it"
    return Content(rgb(state.values), names=names, keys=tuple(range(len(names))), caption=caption)
