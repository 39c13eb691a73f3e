"""E3: many pictures in the cells of a grid, similar ones side by side."""

import io
from collections.abc import Iterator
from dataclasses import replace
from math import ceil, sqrt
from typing import Any

import ipywidgets

from cnnviz_widgets.content import Content
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.embeddings.embed import Embedding, embed
from cnnviz_widgets.methods.embeddings.features import Features
from cnnviz_widgets.methods.embeddings.image_map import ImageMap as Grid
from cnnviz_widgets.methods.embeddings.image_map import image_map, map_picture
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.gathering import Gathering, comparing, gathering, layer_of, mapping, pictures
from cnnviz_widgets.panels.making import slug
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets.actions import Actions

SIDES = 1000, 4000, 6000  # px of files


class ImageMap(Gathering):
    """A map of pictures as a grid, which can be saved as one large picture (Karpathy 2014).

    The pictures are those of the session's dataset, or the samples. Click one to look at it in all panels.

    method, perplexity  of the map under the grid, as in ``cnnviz.embed``
    compare             by a "layer" of the network, or by "pixels"
    """

    title = "Image map"
    family = "embeddings"
    chapters = ("04",)
    shows = "many pictures in a grid, similar ones side by side, to be saved as one large picture"
    as_call = "cnnviz.image_map(positions, pictures=found)"
    pickers = ("layer",)
    compare = comparing()
    method = option(embed, label="Map by", words={"tsne": "t-SNE", "pca": "PCA"})
    perplexity = option(embed, 2, 100, step=1, form=".0f", more=True)

    def build(self) -> list[ipywidgets.Widget]:
        self._grid: Grid | None = None
        look: dict[str, Any] = {"cursor": "tile", "controls": False, "smooth": True}
        grid = View("Pictures in a grid: click one to look at it", "whole", max_width=1160, max_height=720, **look)
        self._buttons = Actions({
            str(side): (f"Save {side:,} px", f"The grid as a JPEG, {side:,} px on its longer side") for side in SIDES
        })  # fmt: skip
        self._buttons.on_action(self.guarded(self._save))
        buttons = ipywidgets.Box([self._buttons]).add_class("cnnviz-part").add_class("cnnviz-whole")
        return [self.tiles("grid", grid, self._look_at), buttons]

    def _look_at(self, number: int) -> None:
        if number >= 0:  # a cell that is not empty
            self.choose(number)

    def jpeg(self, side: int = SIDES[1]) -> bytes:
        """The grid as one picture, from the pictures themselves; a JPEG file."""
        if self._grid is None:
            raise UserError("there is no grid yet.")
        found = self.known(layer_of(self._now()))
        every = pictures(self.session)
        whole = found is not None and len(found.values) == len(every)  # else some could not be read
        buffer = io.BytesIO()
        map_picture(self._grid, side, pictures=every if whole else None).save(buffer, "JPEG", quality=90)
        return buffer.getvalue()

    def _save(self, side: str) -> None:
        name = slug(f"image map {self.session.network.name} {layer_of(self._now())}")
        self._buttons.give(f"{name}.jpg", "image/jpeg", self.jpeg(int(side)))

    def compute(self, now: Now) -> Iterator[Frame]:
        found = None
        for found in self.gathered(now, layer_of(now)):
            yield Frame({"grid": _thumbnails(found)}, found.step, 3 * found.total)
        assert found is not None
        places: Embedding | None = None
        for places in _embed(now, found)():
            rough = next(_place(places, found)(exact=False))  # by rows: quick
            yield Frame({"grid": _content(found, rough)}, places.total + places.step, 3 * places.total)
        for grid in _place(places, found)():
            self._grid = grid
            yield Frame(
                {"grid": _content(found, grid), "grid_chosen": None}, 2 * grid.total + grid.step, 3 * grid.total
            )

    def call(self, now: Now) -> str:
        found = self.known(layer_of(now))
        return program(
            gathering(now, found=layer_of(now)),
            {"places": As(None, f"cnnviz.last({_embed(now, found)})")},
            {"grid": As(None, f"cnnviz.last({_place(None, found)})")},
            "grid",
        )


def _embed(now: Now, found: Features | None) -> Call:
    count = len(pictures(now)) if found is None else len(found.values)
    return Call(embed, As(found, "found"), **mapping(now, count))


def _place(places: Embedding | None, found: Features | None) -> Call:
    return Call(image_map, As(places, "places"), pictures=As(found, "found"))


def _thumbnails(found: Features) -> Content:
    """The pictures so far, in their own order."""
    return replace(found.content(), columns=ceil(sqrt(len(found.values))))


def _content(found: Features, grid: Grid) -> Content:
    """With the numbers of the pictures as keys; −1 is an empty cell."""
    content = grid.content()
    numbers = found.numbers.tolist()
    return replace(content, keys=tuple(numbers[row] if row >= 0 else -1 for row in grid.order.tolist()))
