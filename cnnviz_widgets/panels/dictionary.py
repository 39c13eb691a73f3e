"""A6: a photograph in the words of a layer, and the groups that its channels form."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.methods.units.activation_grid import activation_grid
from cnnviz_widgets.methods.units.atlas import unit_layer
from cnnviz_widgets.methods.units.factor_groups import factor_groups
from cnnviz_widgets.methods.units.semantic_dictionary import SemanticDictionary, semantic_dictionary
from cnnviz_widgets.networks.layers import convolutions
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.making import StepView
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.own_pictures import keep_atlas, known_atlas
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.panels.session import Session
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer
from cnnviz_widgets.widgets.traits import Place


class Dictionary(Panel):
    """At every position of a layer, the picture of its strongest channel (Olah et al. 2018).

    Hover a position to see which channels are active there, and click it to choose the strongest one.

    groups  how many groups of channels are colored on the photograph: ``k`` of ``cnnviz.factor_groups``
    seed    of these
    place   (x, y) of the position in the layer's maps that is looked at; None = the session's, or the strongest
    """

    title = "Semantic dictionary"
    family = "units"
    chapters = ("05",)
    shows = "a photograph in the words of a layer: the channels at each position, as their own pictures, and in groups"
    as_call = "cnnviz.semantic_dictionary(net, photo)"
    pickers = ("image", "walk")
    groups = option(factor_groups, name="k", label="Groups")
    seed = option(factor_groups, 0, 99, more=True)
    place = Place(None).tag(setting=True)

    @classmethod
    def first_view(cls, session: Session) -> None:
        """A late convolution, whose channels are about things, and which still has several positions."""
        layers = [one for one in convolutions(session.network.layers) if min(one.shape[1:]) > 1]
        if layers:
            session.layer = layers[max(0, len(layers) - 2)].name

    def build(self) -> list[ipywidgets.Widget]:
        photo = View("Groups of channels", opacity=0.5)
        words = StepView("Strongest: click a position", cursor="tile", smooth=True)
        for view, position in ((photo, _cell), (words, self._tile)):
            view.image.on_hover(self.guarded(partial(self._look_at, position)))
            view.image.on_click(self.guarded(partial(self._choose, position)))
        pictures = [self.part("photo", photo), self.part("words", words)]
        look: dict[str, Any] = {"controls": False, "labels": True, "smooth": True, "max_width": 560}
        here = self.tiles("here", View("Strongest there: click a channel", cursor="tile", **look), self._channel)
        groups = self.part("groups", View("What each group responds to", **look))
        return [*pictures, ipywidgets.Box([here, groups]).add_class("cnnviz-part").add_class("cnnviz-several")]

    def _tile(self, pointer: Pointer) -> tuple[int, int]:
        return self._parts["words"].image.content.keys[pointer.tile]

    def _look_at(self, position: Any, pointer: Pointer | None) -> None:
        if pointer is not None:  # the last one stays when the pointer leaves
            row, column = position(pointer)
            self.place = column, row

    def _choose(self, position: Any, pointer: Pointer) -> None:
        """Position and strongest channel become those of the session."""
        self._look_at(position, pointer)
        row, column = position(pointer)
        channel = int(_grid(self._now())().channels[0, row, column])
        with self.session.turn:
            self.session.position, self.session.channel = (row, column), channel

    def _channel(self, channel: int) -> None:
        self.session.channel = channel

    def compute(self, now: Now) -> Iterator[Frame]:
        for state in _dictionary(now)(start=known_atlas(now.network)):
            keep_atlas(state.atlas)
            # not of now: a position that is hovered is no other dictionary
            there = _there(state, self.place or _xy(self.session.position))
            parts = {"words": partial(_words, state), "here": there}
            yield Frame(parts, state.step, state.total)

    @computes
    def look(self, now: Now) -> Frame:
        """The channels at one position, as far as they are drawn."""
        known, drawn = known_atlas(now.network), unit_layer(now.network, now.layer).name
        if known is None or drawn not in known.layers:  # ``compute`` will show them
            return Frame()
        state = SemanticDictionary(0, 0, _grid(now)(), known, drawn)
        here = _there(state, now.place or _xy(now.position))
        chosen = here.keys.index(now.channel) if now.channel in here.keys else None
        return Frame({"here": here, "here_chosen": chosen})

    @computes
    def group(self, now: Now) -> Iterator[Frame]:
        """The groups, and then their pictures."""
        yield Frame({"photo": Content(rgb(now.network.prepare(now.image)[0].cpu()))})
        for state in _groups(now)():
            parts = {"groups": state.groups()}
            if state.step == 0:
                parts["photo"] = replace(state.content(), caption=f"{state.error:.0%} left out of the groups")
            yield Frame(parts, state.step, state.total)

    def call(self, now: Now) -> str:
        found, groups = As(None, f"cnnviz.last({_dictionary(now)})"), As(None, f"cnnviz.last({_groups(now)})")
        return program({"found": found, "groups": groups}, "display(found, groups)")


def _dictionary(now: Now) -> Call:
    return Call(semantic_dictionary, now.network, now.image, now.layer)


def _grid(now: Now) -> Call:
    return Call(activation_grid, now.network, now.image, now.layer)


def _groups(now: Now) -> Call:
    layer = now.network.layer(now.layer)
    most = min(now.groups, layer.channels, layer.shape[1] * layer.shape[2])
    return Call(factor_groups, now.network, As([now.image], "[photo]"), now.layer, most, seed=now.seed)


def _words(state: SemanticDictionary, at: object) -> Content:
    return state.content()


def _cell(pointer: Pointer) -> tuple[int, int]:
    return pointer.row or 0, pointer.column or 0


def _xy(position: tuple[int, int] | None) -> tuple[int, int] | None:
    return position and (position[1], position[0])


def _there(state: SemanticDictionary, place: tuple[int, int] | None) -> Content:
    """The channels at (x, y); at the strongest position, where that is None or not in these maps."""
    column, row = place or (-1, -1)
    rows, columns = state.values.shape[1:]
    if not (0 <= row < rows and 0 <= column < columns):
        row, column = divmod(int(state.values[0].argmax()), columns)
    return state.strongest(row, column)
