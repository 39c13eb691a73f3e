"""C1, C2, C4: which positions of a layer contribute to a class score, and which channels."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import ipywidgets
import numpy as np

from cnnviz_widgets.content import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.drawing.words import percent
from cnnviz_widgets.methods.activations.top_examples import Example
from cnnviz_widgets.methods.cam.grad_cam import grad_cam
from cnnviz_widgets.methods.cam.important_channels import ImportantChannels, important_channels
from cnnviz_widgets.methods.scan.scan import Scan, scan
from cnnviz_widgets.methods.scan.top_patches import patches_of
from cnnviz_widgets.methods.units.unit_name import UnitName, unit_name
from cnnviz_widgets.panels.attributions import ATTRIBUTIONS, labels
from cnnviz_widgets.panels.call import As, Call, class_named, program, written
from cnnviz_widgets.panels.controls import choice, several_classes, toggle
from cnnviz_widgets.panels.maps import Tiles, seen_by
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.pictures import scenes
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.runtime.runner import Frame

METHODS = labels("grad_cam", "grad_cam_pp", "hires_cam", "layer_cam", "cam", "score_cam")
MOST, IMPORTANT = 4, 5
SCENES, BEST = 200, 3  # pictures that are looked at, and patches of a channel that are shown


class ClassActivation(Panel):
    """Which positions of a layer contribute to a class score: walk through the layers, and compare up to four classes.

    method          "grad_cam" (Selvaraju et al. 2017), "grad_cam_pp", "hires_cam", "layer_cam", "cam" (Zhou et al.
                    2016; for networks that end in global average pooling and a linear layer) or "score_cam" (slow)
    evidence        under the important channels, the patches of a data set that excite each most, and a name, as
                    ``cnnviz.unit_name`` finds it, in the session's scan, or else in one of ``cnnviz.scenes``
    classes         up to four class names or numbers; () = the chosen class and the most probable others
    relu, counterfactual
                    as in ``cnnviz.grad_cam``
    upsampled       as its ``upsample``
    color_scale     "each" class at its full contrast, or a "shared" one for all
    """

    title = "Class activation"
    family = "cam"
    chapters = ("09",)
    shows = "where in a layer a class is seen: CAM, Grad-CAM and its relatives, several classes side by side"
    as_call = "cnnviz.grad_cam(net, photo)"
    quick = True
    pickers = ("image", "target", "walk")
    old_names: ClassVar = {"scale": ("color_scale", {"one": "shared"})}
    method = choice("grad_cam", METHODS, label="Method", help="How channels are weighted, and what is summed up")
    color_scale = choice("each", ["each", "shared"], label="Color scale", help="Each map's own, or one for all classes")
    relu = option(grad_cam, label="ReLU: positive contributions only")
    counterfactual = option(grad_cam)
    upsampled = option(grad_cam, name="upsample", label="Upsampled")
    evidence = toggle(
        False, label="Patches and names", help="What excites each of the important channels, and a counterexample"
    )
    classes = several_classes(MOST, label="Classes", help="Up to four: type a name. None = the most probable ones")

    def build(self) -> list[ipywidgets.Widget]:
        look = {"colormap": "inferno", "labels": True}
        maps = View("Class activation maps", "whole", opacity=0.6, max_height=420, **look)
        words = "Most and least important channels: click one"
        strip = View(words, "whole", cursor="tile", controls=False, max_height=236, **look)
        named = View("What excites them most; below, what speaks against the name", "whole", max_height=420, **look)
        self._scanned: Memo[list[Scan]] = Memo(list)
        self._tiles = Tiles()
        self.session.observe(self._forget, "network")
        choose = partial(setattr, self.session, "channel")
        parts = [self.part("maps", maps), self.tiles("channels", strip, choose), self.part("evidence", named)]
        self.shown_if("evidence", parts[-1])
        return parts

    def _free(self) -> None:
        with contextlib.suppress(ValueError):  # a constructor that failed did not observe it
            self.session.unobserve(self._forget, "network")
        super()._free()

    def _forget(self, _: dict) -> None:
        self.classes = ()

    def compute(self, now: Now) -> Iterator[Frame]:
        guesses = {one.index: one for one in now.network.predict(now.image, len(now.network.classes))}
        first = () if now.target is None else (now.target,)
        wanted = now.classes or tuple(dict.fromkeys((*first, *guesses)))[:MOST]
        labels = {index: f"{guesses[index].name} · {percent(guesses[index].probability)}" for index in wanted}
        calls = {index: _call(now, index) for index in wanted}
        group = (lambda index: "all") if now.color_scale == "shared" else lambda index: index
        self._tiles.about(now.network, now.image, now.layer, now.method, _options(now))
        picture = rgb(now.network.prepare(now.image)[0])
        for number, content in self._tiles.grow(picture, calls, labels, group, skip=False, network=now.network):
            yield Frame({"maps": replace(content, caption=_caption(now))}, number, len(wanted))

    @computes
    def look(self, now: Now) -> Frame:
        """The channels with the largest and the smallest weights."""
        found = _important(now)
        names = tuple(f"{one} · {found.values[one]:+.2g}" for one in found.channels)  # short: the tiles are small
        caption = "channel · its weight α: the greatest, then the least"
        content = found.content()
        assert content.values is not None
        rows, columns = content.values.shape[1:]
        seen = seen_by(now.network, now.layer, (rows, columns))
        content = replace(content, columns=None, names=names, keys=found.channels, caption=caption, fields=(seen,))
        chosen = found.channels.index(now.channel) if now.channel in found.channels else None
        return Frame({"channels": content, "channels_chosen": chosen})

    @computes
    def name(self, now: Now) -> Iterator[Frame]:
        """The patches of the important channels, and names for them."""
        if not now.evidence:
            return
        layer, found = now.layer, [now.scan] if now.scan and now.layer in now.scan.layers else []
        known = found or self._scanned.reached(now.network, layer)
        if not known:
            for state in scan(now.network, scenes(SCENES), layer):
                yield Frame({}, state.step, state.total)
            known.append(state)
        yield Frame({"evidence": _evidence(known[0], layer, _important(now).channels)})

    def call(self, now: Now) -> str:
        top = f"(guess.index for guess in net.predict(photo, {MOST}))"
        if now.classes:
            classes = written([class_named(now.network, index) for index in now.classes])
        elif now.target is None:
            classes = f"list{top}"
        else:
            classes = f"list(dict.fromkeys([{now.target}, *{top}]))[:{MOST}]"
        maps = f"[{_call(now, As(0, 'one'))} for one in classes]"
        return program(f"classes = {classes}", f"maps = {maps}", "display(*maps)")


def _important(now: Now) -> ImportantChannels:
    number = max(1, min(IMPORTANT, now.network.layer(now.layer).channels // 2))
    return important_channels(now.network, now.image, now.target, now.layer, number)


def _evidence(scan: Scan, layer: str, channels: Sequence[int]) -> Content:
    """In a column for each channel its name, its best patches, and in the last row what speaks against the name."""
    found = [unit_name(scan, layer, one) for one in channels]
    patches = iter(patches_of(tuple(one for each in found for one in _listed(each))))
    columns = [[next(patches) for _ in _listed(each)] for each in found]
    gray = np.full_like(columns[0][0], 128)
    rows = [[column[row] if row < len(column) - 1 else gray for column in columns] for row in range(BEST)]
    last = [column[-1] if each.counter else gray for each, column in zip(found, columns, strict=True)]
    heads = [each.name for each in found], *[[""] * len(found)] * (BEST - 1), [_against(each) for each in found]
    names = [f"channel {each.channel}: {each.name}, {each.evidence}" for each in found] * BEST
    names += [f"channel {each.channel}, but: {each.counter.name if each.counter else 'none listed'}" for each in found]
    return Content(
        np.stack([one for row in (*rows, last) for one in row]),
        columns=len(found),
        heads=tuple(head for row in heads for head in row),
        names=tuple(names),
        caption=f"{layer}: from the labels of {scan.step} pictures",
    )


def _listed(found: UnitName) -> tuple[Example, ...]:
    """The best ones, and at the end the counterexample, or the best one again."""
    return (*found.examples[:BEST], found.counter or found.examples[0])


def _against(found: UnitName) -> str:
    return f"but {found.counter.value:.2g}" if found.counter else "none listed"


def _call(now: Now, target: int | As) -> Call:
    return ATTRIBUTIONS[now.method].call(now.network, now.image, target, now.layer, **_options(now))


def _options(now: Now) -> dict[str, Any]:
    counterfactual = {} if now.method == "score_cam" else {"counterfactual": now.counterfactual}
    return {"relu": now.relu, "upsample": now.upsampled, **counterfactual}


def _caption(now: Now) -> str:
    default = now.layer == now.network.default_layer.name
    return f"{METHODS[now.method]} at {now.layer}{default * f', {now.network.default_layer_reason}'}"
