"""T1: a texture that grows pixel by pixel, and from where in the sample each pixel was taken."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import ipywidgets
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.methods.texture.grow_texture import TextureGrowth as State
from cnnviz_widgets.methods.texture.grow_texture import grow_texture
from cnnviz_widgets.methods.texture.matches import Matches, matches
from cnnviz_widgets.panels.call import As, Call
from cnnviz_widgets.panels.controls import another_picture, chosen, slider
from cnnviz_widgets.panels.making import Making, StepView, side_by_side
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import computes
from cnnviz_widgets.panels.parts import Mark, View
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer
from cnnviz_widgets.widgets.traits import Place

BEST = 6  # windows of the sample that are shown beside that of a pixel
TILES = ("its window", "drawn", *(f"match {number}" for number in range(1, BEST)))


class TextureGrowth(Making):
    """A texture that grows pixel by pixel (Efros & Leung 1999; Wei & Levoy 2000).

    Hover a pixel: its window, the windows of the sample that match it best, and the one that it was copied from.

    sample       the texture: a sample's name, or what ``load_image`` takes
    sample_size  px to which its shorter side is scaled
    window, order, size, tolerance, seed
                 as in ``cnnviz.grow_texture``
    place        (x, y) of the pixel that is looked at, or None
    """

    title = "Texture growth"
    family = "texture"
    chapters = ("14",)
    shows = "a texture that is made by copying, and what every pixel is a copy of"
    as_call = "cnnviz.grow_texture(sample)"
    looks_back = False  # what is there does not change any more
    at_end = "the texture is whole: there is nothing to continue."
    pickers = ()
    sample = another_picture(
        "stained_glass", label="Texture", styles=True, help="A piece of the texture that is to be continued"
    )
    window = option(grow_texture, 3, 31, step=2, help="px of a side of the surroundings that are compared; odd")
    order = option(grow_texture, help="Onion: around what is there, most neighbors first. Raster: row by row, quicker")
    size = slider(64, 16, 256, step=8, label="Size", help="px of a side of what is made")
    sample_size = slider(56, 16, 128, step=8, label="Sample size", more=True, help="px of the sample's shorter side")
    tolerance = option(grow_texture, 0, 1, step=0.05, more=True)
    seed = option(grow_texture, 0, 99, more=True)
    place = Place(None).tag(setting=True)

    def views(self) -> list[ipywidgets.Widget]:
        texture = StepView("The texture: hover a pixel", max_width=420)
        texture.image.on_hover(self.guarded(self._look_at))
        texture.image.on_click(self.guarded(self._look_at))
        sample = View("Similar surroundings", colormap="magma", opacity=0.5)
        source = View("Source of each pixel", controls=False, max_width=420)
        windows = View("Its window, and the best matches", "whole", labels=True, controls=False, max_width=1076)
        self._parts["pixel"] = Mark(texture, "rectangle")
        self._parts["copied"] = Mark(sample, "rectangle")
        parts = {"texture": texture, "sample": sample, "source": source, "windows": windows}
        return [self.part(name, part) for name, part in parts.items()]

    def _look_at(self, pointer: Pointer | None) -> None:
        if pointer is not None:  # the last place stays when the pointer leaves
            self.place = pointer.x, pointer.y

    def subject(self) -> str:
        now = self._drawn or self._now()
        return f"texture {now.sample!r} window {now.window}"

    def compute(self, now: Now) -> Iterator[Frame]:
        call = _call(now)
        for state in self.keep("growth", (str(call), now.sample), call):
            parts = {"texture": partial(_content, state), "source": state.by_source()}
            if state.step == state.total:  # not of now: a pixel that is hovered is no other texture
                parts |= _comparison(now, state, self.place)
            yield Frame(parts, state.step, state.total)

    @computes
    def look(self, now: Now) -> Frame:
        """The comparison by which the chosen pixel was filled."""
        return Frame(_comparison(now, self.kept("growth"), now.place))

    def call(self, now: Now) -> str:
        return f"sample = {_sample(now).written}\ncnnviz.last({_call(now)})"


def _sample(now: Now) -> As:
    return chosen(now.sample, 3, now.sample_size)


def _call(now: Now) -> Call:
    how = {name: getattr(now, name) for name in ("window", "order", "tolerance", "seed")}
    return Call(grow_texture, As(_sample(now).value, "sample"), size=now.size, **how)


def _content(state: State, _: object) -> Content:
    return state.content()


def _comparison(now: Now, state: State | None, place: tuple[int, int] | None) -> dict[str, Any]:
    """How the pixel at (x, y) was found; None = one between the seed and the corner."""
    sample, window = _sample(now).value, now.window
    column, row = place or (now.size // 4, now.size // 4)
    found = None
    if state is not None and max(row, column) < now.size and window <= min(sample.shape[-2:]):
        found = matches(sample, state, row, column, window, now.tolerance)
    if found is None:
        return {"sample": Content(rgb(sample)), "copied": None, "pixel": None, "windows": _tiles({}, window)}
    reach = window // 2
    top, left = (found.drawn - reach).tolist()
    return {
        "pixel": (column - reach, row - reach, window, window),
        "copied": (left, top, window, window),
        "sample": _likeness(sample, found),
        "windows": _windows(sample, found, window),
    }


def _likeness(sample: Tensor, found: Matches) -> Content:
    """The sample, brighter where its windows are more like that of the pixel."""
    caption = f"{len(found.places)} of {int(found.distance.isfinite().sum()):,} places match"
    return Content(rgb(sample), -found.distance.sqrt().numpy(), caption=caption)


def _windows(sample: Tensor, found: Matches, window: int) -> Content:
    reach, (row, column) = window // 2, found.drawn.tolist()
    others = [place for place in found.places.tolist() if place != [row, column]][: BEST - 1]
    cuts = [sample[:, y - reach : y + reach + 1, x - reach : x + reach + 1] for y, x in [(row, column), *others]]
    return _tiles(dict(zip(TILES, [found.around, *cuts], strict=False)), window)


def _tiles(windows: dict[str, Tensor], side: int) -> Content:
    """In a row, with room for those that there are not yet."""
    return side_by_side({name: windows.get(name) for name in TILES}, side, columns=len(TILES))
