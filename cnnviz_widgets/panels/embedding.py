"""E2: many pictures on a map, as it forms."""

from collections.abc import Iterator
from typing import Any

import ipywidgets
from PIL import Image

from cnnviz_widgets.content import Content
from cnnviz_widgets.methods.embeddings.embed import embed
from cnnviz_widgets.methods.embeddings.features import Features
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.gathering import (
    Gathering,
    cloud,
    comparing,
    gathering,
    layer_of,
    mapping,
    pictures,
    scattered,
)
from cnnviz_widgets.panels.growth import Plan
from cnnviz_widgets.panels.making import Making, seed_slider, steps_slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.parts import Note
from cnnviz_widgets.panels.points import PointsView, drawn
from cnnviz_widgets.runtime.runner import Frame

LARGE = 2000  # px of a file


class Embedding(Gathering, Making):
    """A map on which similar pictures lie together (van der Maaten & Hinton 2008).

    The pictures are those of the session's dataset, or the samples. Click one to look at it in all panels.

    method, perplexity, steps, seed
             as in ``cnnviz.embed``; perplexity steers a run under way
    compare  by a "layer" of the network, or by "pixels"
    """

    title = "Embedding"
    family = "embeddings"
    chapters = ("04",)
    shows = "many pictures on a map: those that a layer finds similar lie together"
    as_call = "cnnviz.embed(cnnviz.last(cnnviz.features(net, pictures, layer)))"
    pickers = ("layer",)
    looks_back = False
    compare = comparing()
    method = option(embed, label="Map by", words={"tsne": "t-SNE", "pca": "PCA"})
    perplexity = option(embed, 2, 100, step=1, form=".0f")
    steps = steps_slider(embed, 2000, help="Of t-SNE in a round")
    seed = seed_slider()

    def views(self) -> list[ipywidgets.Widget]:
        self._map = PointsView("Pictures on a map: click one to look at it")
        self._map.scatter.on_pick(self.guarded(self.choose))
        self._map.scatter.on_select(self.guarded(self.select))
        return [self.part("map", self._map), self.part("note", Note())]

    def compute(self, now: Now) -> Iterator[Frame]:
        found = None
        for found in self.gathered(now, layer_of(now)):
            if found.step < found.total:
                note = f"{found.step:,} of {found.total:,} pictures so far, by their two principal components"
                yield Frame({"map": (scattered(found), None), "note": note}, found.step, 2 * found.total)
        assert found is not None
        total = now.rounds * now.steps
        yield Frame({"map": (scattered(found), None)}, 1, 2)
        for _, state in self.grow(_plan(now, found), now.rounds):
            done = total if state.step == state.total else state.step
            yield Frame(
                {"map": (cloud(found, state.unit.numpy()), state), "note": _told(found, state)}, total + done, 2 * total
            )

    def call(self, now: Now) -> str:
        plan = _plan(now, self.known(layer_of(now)))
        return program(gathering(now, found=layer_of(now)), *self.program(plan, now.rounds), "state")

    def subject(self) -> str:
        now = self._drawn or self._now()
        return f"map {now.network.name} {layer_of(now)}"

    def _shown(self) -> Content:
        return self._map.content

    def _kept_picture(self) -> Image.Image:
        assert self._map.scatter.cloud is not None
        return drawn(self._map.scatter.cloud, LARGE)


def _plan(now: Now, found: Features | None) -> Plan:
    count = len(pictures(now)) if found is None else len(found.values)
    how = mapping(now, count)
    if "method" in how:
        return Plan("map", (found, how), lambda number, _: Call(embed, As(found, "found"), **how))
    seed = {"seed": now.seed} if now.seed else {}

    def begin(number: int, _: Any) -> Call:
        return Call(embed, As(found, "found"), steps=number * now.steps, **how, **seed)

    return Plan("map", (found, now.steps, now.seed), begin)


def _told(found: Features, state: Any) -> str:
    if state.method == "PCA":
        return "PCA: the two directions in which the pictures differ most. The axes are the same for every run."
    more = "neighbors attract each other more than later" if state.step <= 250 else f"divergence {state.divergence:.3f}"
    return (
        f"t-SNE, step {state.step} of {state.total}: {more}. Near pictures are similar; how far apart groups are, and "
        "how large, means little, and the axes mean nothing."
    )
