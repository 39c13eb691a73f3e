"""All that is known of one unit, on one page."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets
import numpy as np

from cnnviz_widgets.content import Content
from cnnviz_widgets.drawing.words import percent
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.filters.circuit import Circuit, circuit
from cnnviz_widgets.methods.filters.filters import filters
from cnnviz_widgets.methods.scan.deconvnet_patches import deconvnet_patches, projections_of
from cnnviz_widgets.methods.scan.scan import Which
from cnnviz_widgets.methods.scan.top_patches import patches_of, top_patches
from cnnviz_widgets.methods.units.atlas import unit_layer
from cnnviz_widgets.methods.units.tuning import tuning
from cnnviz_widgets.methods.units.unit_name import named
from cnnviz_widgets.methods.units.unit_neighbors import unit_neighbors
from cnnviz_widgets.networks.layers import convolutions
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.growth import Kept
from cnnviz_widgets.panels.maps import channel_over
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.own_pictures import draw, own_pictures
from cnnviz_widgets.panels.panel import computes
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.panels.scanning import Scanning, scan_lines
from cnnviz_widgets.panels.tuning import WORDS
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.runtime.runner import Frame

COUNT = 6  # patches of a kind
UNITS = 8  # inputs, and neighbors
ANGLES = 12  # of the stimuli
ROWS: dict[Which, str] = {"top": "best", "positive": "just above 0", "bottom": "worst"}


class Unit(Scanning):
    """The page of a unit, as in the deep visualization toolbox (Yosinski et al. 2015).

    Its own picture, its map of the photograph, its best, middling and worst patches in a data set, the deconvnet
    projections of the best, its tuning, the inputs that excite and inhibit it, and the channels with the most similar
    weights. Click a patch to look at its picture, and an input or a neighbor to go on to that unit.

    stimulus  as in ``cnnviz.tuning``
    """

    title = "Unit"
    family = "units"
    chapters = ("05",)
    shows = "one unit on one page: its picture, map, patches, projections, tuning, inputs and neighbors"
    as_call = "cnnviz.top_patches(scan, layer, channel)"
    pickers = ("image", "layer", "channel")
    stimulus: Any = option(tuning, words=WORDS, label="Stimuli", more=True)

    def build(self) -> list[ipywidgets.Widget]:
        self._tuned: Memo[Kept] = Memo(Kept)
        tiles: dict[str, Any] = {"cursor": "tile", "labels": True, "controls": False}
        small = tiles | {"smooth": True, "max_width": 420}
        own = self.part("own", View("Its own picture", controls=False, smooth=True, max_width=200))
        here = self.part("here", View("Its map of the photograph", colormap="RdBu", opacity=0.7, max_width=300))
        patches = self.tiles("patches", View("Patches: click one", **tiles), self.choose)
        pictures = self.tiles("inputs", View("The inputs that count most: click one", **small), self._go_back)
        look = small | {"colormap": "RdBu", "smooth": False}
        weights = self.part("weights", View("Its weights", **look))
        choose = partial(setattr, self.session, "channel")
        neighbors = self.tiles("neighbors", View("Channels with similar weights: click one", **small), choose)
        curve = View("Its tuning: activation by angle", controls=False, max_width=420)
        columns = [own, here], [patches, self.more_pictures(), neighbors], [pictures, weights]
        first, second, inputs = (ipywidgets.VBox(one).add_class("cnnviz-part") for one in columns)
        beside = ipywidgets.Box([self.part("tuned", curve).add_class("cnnviz-large"), inputs])
        return [first, second, beside.add_class("cnnviz-part").add_class("cnnviz-several")]

    def _go_back(self, key: tuple[str, int]) -> None:
        """Go on with an input."""
        with self.session.turn:
            self.session.layer, self.session.channel = key

    @computes
    def look(self, now: Now) -> Frame:
        """What the scan knows of it."""
        if now.scan is None:
            return Frame()
        patches = _patches(now)
        chosen = [at for at, key in enumerate(patches.keys) if key[:1] == now.selection]
        return Frame({"patches": patches, "patches_chosen": chosen[0] if chosen else None})

    @computes
    def here(self, now: Now) -> Frame:
        """Its map of the photograph."""
        return Frame({"here": channel_over(now.network, now.image, now.layer, now.channel, signed=True)})

    @computes
    def tuning(self, now: Now) -> Iterator[Frame]:
        """Its tuning curve: that of all channels of the layer is computed once."""
        known = self._tuned.reached(now.network, now.layer, now.stimulus)
        for state in known.states(partial(_tuning(now))):
            yield Frame({"tuned": state.of_channel(now.channel).content()}, state.step, state.total)

    @computes
    def relations(self, now: Now) -> Iterator[Frame]:
        """Its weights, its own picture, and those of its inputs and its neighbors, which are drawn where need be."""
        found, near = _inputs(now), _neighbors(now)
        yield Frame({"weights": _weights(now, found)})
        layer = unit_layer(now.network, now.layer).name
        asked = [(layer, [now.channel, *(near.channels if near else ())])]
        asked += [(found.inputs, found.order[:UNITS].tolist())] if found else []
        yield Frame(_pictures(now, found, near))
        for at, (name, channels) in enumerate(asked):
            for state in draw(now.network, name, channels):
                if state.total:
                    done = at + state.step / state.total
                    yield Frame(_pictures(now, found, near), round(100 * done), 100 * len(asked))

    def call(self, now: Now) -> str:
        tuned = As(None, f"cnnviz.last({_tuning(now)})")
        lines: dict[str, Any] = {"best": _listed(now, "top"), "projections": _projections(now), "tuned": tuned}
        shown = [*lines]
        if _inputs(now):
            lines["inputs"] = Call(circuit, now.network, unit_layer(now.network, now.layer).name, now.channel)
            shown.append("inputs")
        if now.scan is None or not now.scan.examples(now.layer, now.channel, "top"):
            raise UserError("scan holds no picture yet.")
        return program(scan_lines(now), lines, f"display({', '.join(shown)})")


def _listed(now: Now, which: Which) -> Call:
    return Call(top_patches, As(now.scan, "scan"), now.layer, now.channel, which=which, count=COUNT)


def _projections(now: Now) -> Call:
    return Call(deconvnet_patches, As(now.scan, "scan"), now.layer, now.channel, count=COUNT)


def _tuning(now: Now) -> Call:
    return Call(tuning, now.network, now.layer, now.channel, now.stimulus, angles=ANGLES, phases=2)


def _patches(now: Now) -> Content:
    """The patches of each kind in a row, and under the best ones their projections."""
    listed = {which: _listed(now, which)() for which in ROWS}
    found = {which: one.examples for which, one in listed.items()}
    if not found["top"]:
        return Content(caption="no picture has been looked at")
    words, share, *_ = named(now.scan, listed["top"])
    name = f"“{' · '.join(words)}” {percent(share, 0)}"
    caption = "rows: best, projections, just above 0, worst"
    if words:
        caption = f"{name}: best, projections, just above 0, worst"
    every = patches_of(tuple(one for examples in found.values() for one in examples))
    gray, at = np.full_like(every[0], 128), 0
    pictures: list[np.ndarray] = []
    names, heads, keys = list[str](), list[str](), list[tuple]()
    for which, word in ROWS.items():
        examples, rest = found[which], COUNT - len(found[which])
        pictures += [*every[at : at + len(examples)], *[gray] * rest]
        at += len(examples)
        names += [f"{word}: {one.value:.3g} · {one.name}" for one in examples] + [f"{word}: none"] * rest
        heads += [f"{one.value:.2g}" for one in examples] + [""] * rest
        keys += [(one.index, one.position) for one in examples] + [(None, None)] * rest
        if which == "top":
            projected = projections_of(now.network, listed["top"]).shown()
            pictures += [*projected, *[gray] * rest]
            names += [f"projection of the patch above: {one.name}" for one in examples] + ["none"] * rest
            heads += [""] * COUNT
            keys += [(one.index, one.position) for one in examples] + [(None, None)] * rest
    return Content(
        np.stack(pictures), columns=COUNT, names=tuple(names), heads=tuple(heads), keys=tuple(keys),
        caption=caption,
    )  # fmt: skip


def _inputs(now: Now) -> Circuit | None:
    """The weights from the convolution before; None where there is none."""
    layer = unit_layer(now.network, now.layer)
    before = convolutions(now.network.layers)
    if not layer.spatial or not before or before[0].name == layer.name:
        return None
    try:
        return circuit(now.network, layer.name, now.channel)
    except UserError:  # such as a layer before the first convolution
        return None


def _neighbors(now: Now) -> Any:
    """Channels with similar weights; None where the layer is no convolution."""
    try:
        return unit_neighbors(now.network, now.layer, now.channel, UNITS)
    except UserError:
        return None


def _weights(now: Now, found: Circuit | None) -> Content:
    """From the inputs that count most, or of a first layer its filter."""
    if found:
        return replace(found.content(UNITS), columns=UNITS // 2, caption=f"of {found.inputs} (red +, blue −)")
    layer = unit_layer(now.network, now.layer)
    if not layer.kind.startswith("Conv2d"):
        return Content(caption=f"{layer.name} has no weights of its own")
    every = filters(now.network, layer.name).content()
    assert every.picture is not None
    return Content(every.picture[now.channel], caption=f"{layer.name} filter {now.channel}")


def _pictures(now: Now, found: Circuit | None, near: Any) -> dict[str, Any]:
    """Own pictures of the unit, its inputs and its neighbors, as far as they are drawn."""
    own = own_pictures(now.network, now.layer, [now.channel])
    parts: dict[str, Any] = {"inputs_chosen": None, "neighbors_chosen": None}
    parts |= {"own": Content() if own is None else Content(own[0], caption=f"{now.layer} channel {now.channel}")}
    if found:
        channels = found.order[:UNITS].tolist()
        sums = found.values.sum((1, 2))
        heads = {one: f"{one}: {float(sums[one]):+.2f}" for one in channels}
        keys = tuple((found.inputs, one) for one in channels)
        parts["inputs"] = _row(now, found.inputs, heads, keys, f"of {found.inputs}, with sums of weights")
    else:
        parts["inputs"] = Content(caption="it sees the picture itself")
    if near:
        heads = {one: f"{one}: {cosine:.2f}" for one, cosine in zip(near.channels, near.values.tolist(), strict=True)}
        parts["neighbors"] = _row(now, near.layer, heads, near.channels, f"of {near.layer}, with cosines")
    else:
        parts["neighbors"] = Content(caption=f"{now.layer} has no weights of its own")
    return parts


def _row(now: Now, layer: str, heads: dict[int, str], keys: tuple, caption: str) -> Content:
    pictures = own_pictures(now.network, layer, [*heads])
    if pictures is None or not heads:
        return Content(caption=caption)
    names = tuple(f"channel {one}" for one in heads.values())
    return Content(pictures, columns=UNITS // 2, names=names, heads=tuple(heads.values()), keys=keys, caption=caption)
