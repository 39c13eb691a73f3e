"""E2: many pictures on a map, as it forms."""

from collections.abc import Iterator
from typing import Any

import ipywidgets
from PIL import Image

from cnnviz_widgets.content import Content
from cnnviz_widgets.methods.embeddings.embed import embed
from cnnviz_widgets.methods.embeddings.features import Features
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.gathering import Gathering, cloud, gathering, layer_of, scattered
from cnnviz_widgets.panels.growth import Plan
from cnnviz_widgets.panels.making import Making, seed_slider, steps_slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.parts import Note
from cnnviz_widgets.panels.points import PointsView, drawn
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.runtime.runner import Frame

LARGE = 2000  # px of a file
FEWEST = 6  # points that t-SNE takes


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
        found = self._features(now)
        lines = ["state"]
        if found is not None:
            lines = [*self.program(_plan(now, found), now.rounds), "state"]
        return program(gathering(now, layer_of(now)), *lines)

    def _features(self, now: Now) -> Features | None:
        memo = self._found.get(layer_of(now))
        return memo.held.last if memo and memo.held else None

    def subject(self) -> str:
        now = self._drawn or self._now()
        return f"map {now.network.name} {layer_of(now)}"

    def _shown(self) -> Content:
        return self._map.content

    def _kept_picture(self) -> Image.Image:
        assert self._map.scatter.cloud is not None
        return drawn(self._map.scatter.cloud, LARGE)


def _plan(now: Now, found: Features) -> Plan:
    if now.method == "pca" or len(found.values) < FEWEST:
        if now.method != "pca":
            remark(f"t-SNE takes at least {FEWEST} pictures: these {len(found.values)} are placed by PCA.")
        pca = Call(embed, As(found, "found"), "pca")
        return Plan("map", (found, "pca"), lambda number, _: pca)
    most = len(found.values) // 3
    perplexity = min(now.perplexity, float(most))
    if perplexity < now.perplexity:
        remark(f"The perplexity is {most}, the most that {len(found.values)} pictures allow.")

    def begin(number: int, _: Any) -> Call:
        seed = {"seed": now.seed} if now.seed else {}
        return Call(embed, As(found, "found"), perplexity=perplexity, steps=number * now.steps, **seed)

    return Plan("map", (found, now.steps, now.seed), begin)


def _told(found: Features, state: Any) -> str:
    if state.method == "PCA":
        return "PCA: the two directions in which the pictures differ most. The axes are the same for every run."
    more = "neighbors attract each other more than later" if state.step <= 250 else f"divergence {state.divergence:.3f}"
    return (
        f"t-SNE, step {state.step} of {state.total}: {more}. Near pictures are similar; how far apart groups are, and "
        "how large, means little, and the axes mean nothing."
    )
