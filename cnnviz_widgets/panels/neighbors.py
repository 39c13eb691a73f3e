"""E1: the pictures that are nearest to one, by their pixels and by a layer."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ipywidgets

from cnnviz_widgets.content import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.states import last
from cnnviz_widgets.methods.embeddings.features import Features, features
from cnnviz_widgets.methods.embeddings.neighbors import neighbors
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.gathering import PIXELS, Gathering, gathering, pictures
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.runtime.runner import Frame

COLUMNS, LETTERS = 8, 10  # of a row, and of a name over a picture


class Neighbors(Gathering):
    """The pictures nearest to the session's one, by pixels and by a layer (Krizhevsky et al. 2012).

    The pictures are those of the session's dataset, or the samples. Click one to make it the query.

    k, metric  as in ``cnnviz.neighbors``
    """

    title = "Neighbors"
    family = "embeddings"
    chapters = ("04",)
    shows = "the most similar pictures of a data set, by their pixels and by the features of a layer"
    as_call = "cnnviz.neighbors(found, query)"
    pickers = ("image", "layer")
    k = option(neighbors, 2, 16, label="Neighbors", help="How many pictures are in a row")
    metric = option(neighbors, words={"cosine": "cosine", "euclidean": "distance"})

    def build(self) -> list[ipywidgets.Widget]:
        row: dict[str, Any] = {"labels": True, "cursor": "tile", "controls": False, "smooth": True}
        row |= {"max_width": 1160, "max_height": 160}  # as high as a row: what is below does not jump
        return [
            self.part("query", View("The query", controls=False, max_width=176)),
            self.tiles("by_pixels", View("Nearest by pixels: click one", "whole", **row), self.choose),
            self.tiles("by_layer", View("Nearest by the layer: click one", "whole", **row), self.choose),
        ]

    def compute(self, now: Now) -> Iterator[Frame]:
        yield Frame({"query": Content(rgb(now.network.prepare(now.image)[0].cpu()))}, 0, 2)
        for at, (name, layer) in enumerate(_layers(now).items()):
            for found in self.gathered(now, layer):
                parts: dict[str, Any] = {}
                if found.step == found.total:
                    parts[name] = _row(now, found, last(_query(now, layer)(), progress=False))
                    parts[f"{name}_chosen"] = None
                yield Frame(parts, at * found.total + found.step, 2 * found.total)

    def call(self, now: Now) -> str:
        lines: list[Any] = []
        for name, layer in _layers(now).items():
            asked = As(None, f"cnnviz.last({_query(now, layer)})")
            lines += [{"query": asked}, f"display({_nearest(now, As(self.known(layer), name), As(None, 'query'))})"]
        return program(gathering(now, **_layers(now)), *lines)


def _layers(now: Now) -> dict[str, str]:
    return {"by_pixels": PIXELS, "by_layer": now.layer}


def _query(now: Now, layer: str) -> Call:
    return Call(features, now.network, As([now.image], "[photo]"), layer)


def _nearest(now: Now, found: As, query: As) -> Call:
    every = pictures(now) if found.value is None else found.value.values
    return Call(neighbors, found, query, min(now.k, len(every)), metric=now.metric)


def _row(now: Now, found: Features, query: Features) -> Content:
    if now.k > len(found.values):
        remark(f"The data set has {len(found.values)} pictures: all of them are shown.")
    nearest = _nearest(now, As(found, "found"), As(query, "query"))()
    values = nearest.values[0].tolist()
    return replace(
        nearest.content(),
        heads=tuple(f"{value:.2f} {_short(name)}" for name, value in zip(nearest.names, values, strict=True)),
        columns=min(len(values), COLUMNS),
        keys=tuple(found.numbers[nearest.indices[0]].tolist()),
    )


def _short(name: str) -> str:
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1].rstrip()}…"
