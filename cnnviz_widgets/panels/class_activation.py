"""C1, C2, C4: which places of a layer speak for a class, and which channels."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets

import cnnviz_widgets as cnnviz
from cnnviz_widgets.drawing.results import rgb, robust_maximum
from cnnviz_widgets.methods.cam.grad_cam import grad_cam
from cnnviz_widgets.panels.attributions import ATTRIBUTIONS, labels
from cnnviz_widgets.panels.controls import choice, default, several_classes, toggle
from cnnviz_widgets.panels.maps import Tiles, target_code
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.panel import Panel, computes
from cnnviz_widgets.panels.parts import Mark, View
from cnnviz_widgets.runtime.runner import Frame
from cnnviz_widgets.widgets import Pointer

METHODS = labels("grad_cam", "grad_cam_pp", "hires_cam", "layer_cam", "cam", "score_cam")
MOST, IMPORTANT = 4, 5


class ClassActivation(Panel):
    """Which places of a layer speak for a class: walk through the layers, and compare up to four classes.

    method          "grad_cam" (Selvaraju et al. 2017), "grad_cam_pp", "hires_cam", "layer_cam", "cam" (Zhou et al.
                    2016; for networks that end in global average pooling and a linear layer) or "score_cam" (slow)
    classes         up to four class names or numbers; () = the chosen class and the most probable others
    relu            only what speaks for the class; else what speaks against it, too, in blue
    counterfactual  the places whose absence would help the class
    upsampled       blended up to the picture's size; else the layer's own cells
    scale           every class at full contrast ("each"), or all on one scale ("one")
    """

    title = "Class activation"
    family = "cam"
    chapters = ("09",)
    shows = "where in a layer a class is seen: CAM, Grad-CAM and its relatives, several classes side by side"
    as_call = "cnnviz.grad_cam(net, photo)"
    quick = True
    pickers = ("image", "target", "walk")
    method = choice("grad_cam", METHODS, label="Method", help="How channels are weighed, and what is summed up")
    scale = choice("each", ["each", "one"], label="Scale", help="Each class at full contrast, or all on one scale")
    relu = toggle(
        default(grad_cam, "relu"),
        label="ReLU: only what speaks for it",
        help="Off: red speaks for the class, blue against it",
    )
    counterfactual = toggle(
        default(grad_cam, "counterfactual"), label="Counterfactual",
        help="The places without which the class would win",
    )  # fmt: skip
    upsampled = toggle(
        default(grad_cam, "upsample"), label="Upsampled",
        help="Blended up to the picture's size; off: the layer's own cells",
    )  # fmt: skip
    classes = several_classes(MOST, label="Classes", help="Up to four: type a name. None = the most probable ones")

    def build(self) -> list[ipywidgets.Widget]:
        look = {"colormap": "inferno", "labels": True, "max_width": 1076}
        maps = View("What speaks for the class", "whole", opacity=0.6, max_height=420, **look)
        strip = View("Channels: click one", "whole", cursor="tile", controls=False, max_height=236, **look)
        strip.image.on_click(self.guarded(self._choose))
        self._parts["chosen"] = Mark(strip, "selected")
        self._tiles = Tiles()
        self.session.observe(self._forget, "network")
        return [self.part("maps", maps), self.part("channels", strip)]

    def _free(self) -> None:
        with contextlib.suppress(ValueError):  # a constructor that failed did not observe it
            self.session.unobserve(self._forget, "network")
        super()._free()

    def _forget(self, _: dict) -> None:
        self.classes = ()

    def _choose(self, pointer: Pointer) -> None:
        name = self._parts["channels"].image.content.names[pointer.tile]  # of what is on the screen: "17 · +0.3"
        self.session.channel = int(name.split()[0])

    def compute(self, now: Now) -> Iterator[Frame]:
        guesses = {one.index: one for one in now.network.predict(now.image, len(now.network.classes))}
        first = () if now.target is None else (now.target,)
        wanted = now.classes or tuple(dict.fromkeys((*first, *guesses)))[:MOST]
        names = {index: f"{guesses[index].name} · {guesses[index].probability:.1%}" for index in wanted}
        options = self._options(now)
        self._tiles.about(now.network, now.image, now.layer, now.method, options)
        picture = rgb(now.network.prepare(now.image)[0])
        if self._tiles.empty:  # room for all that will come
            yield Frame({"maps": self._tiles.content(picture, names, self._caption(now))}, 0, len(wanted))
        shown = {}
        for number, index in enumerate(wanted, 1):
            waited = index not in self._tiles.known
            ask = partial(ATTRIBUTIONS[now.method], now.network, now.image, index, **options)
            shown[index] = result = self._tiles.know(index, ask).result
            if waited or number == len(wanted):
                most = {one: float(robust_maximum(shown[one].values)) for one in shown}
                for one, high in most.items():
                    self._tiles.put(one, shown[one], max(most.values()) if now.scale == "one" else high)
                content = self._tiles.content(picture, names, self._caption(now), result.extent)
                yield Frame({"maps": content}, number, len(wanted))

    def _options(self, now: Now) -> dict[str, Any]:
        counterfactual = {} if now.method == "score_cam" else {"counterfactual": now.counterfactual}
        layer = ATTRIBUTIONS[now.method].arguments(now.network, now.layer)
        return {**layer, "relu": now.relu, "upsample": now.upsampled, **counterfactual}

    def _caption(self, now: Now) -> str:
        default = now.layer == now.network.default_layer.name
        return f"{METHODS[now.method]} at {now.layer}{default * f', {now.network.default_layer_reason}'}"

    @computes
    def look(self, now: Now) -> Frame:
        """The channels with the largest and the smallest weights."""
        found = cnnviz.important_channels(now.network, now.image, now.target, now.layer, self._number(now))
        names = [f"{one} · {found.values[one]:+.2g}" for one in found.channels]  # short: the tiles are small
        caption = "channel · its weight α: the greatest, then the least"
        content = replace(found.content(), columns=None, names=names, caption=caption)
        chosen = found.channels.index(now.channel) if now.channel in found.channels else None
        return Frame({"channels": content, "chosen": chosen})

    def _number(self, now: Now) -> int:
        return max(1, min(IMPORTANT, now.network.layer(now.layer).channels // 2))

    def call(self, now: Now) -> str:
        guesses = f"(guess.index for guess in net.predict(photo, {MOST}))"
        if now.classes:
            chosen = f"[{', '.join(target_code(now.network, index) for index in now.classes)}]"
        elif now.target is None:
            chosen = f"[{guesses[1:-1]}]"
        else:
            chosen = f"list(dict.fromkeys([{now.target}, *{guesses}]))[:{MOST}]"
        call = ATTRIBUTIONS[now.method].code("one", **self._options(now))
        return f"classes = {chosen}\nmaps = [{call} for one in classes]\ndisplay(*maps)"
