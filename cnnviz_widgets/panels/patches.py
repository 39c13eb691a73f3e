"""A2, A4: the patches of a data set that excite a unit most, and their projections."""

from dataclasses import replace
from typing import Any

import ipywidgets

from cnnviz_widgets.content import Content
from cnnviz_widgets.methods.scan.deconvnet_patches import deconvnet_patches
from cnnviz_widgets.methods.scan.top_patches import top_patches
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.controls import toggle
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import computes
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.panels.scanning import Scanning, scan_lines
from cnnviz_widgets.runtime.runner import Frame

WORDS = {"top": "greatest", "bottom": "least", "positive": "just above 0", "negative": "just below 0"}


class Patches(Scanning):
    """What excites a unit: the patches of a data set with its greatest activations (Girshick et al. 2014).

    Click a patch: its picture becomes the picture of all panels that share the session, and its position theirs.

    which, suppress  as in ``cnnviz.top_patches``
    project          the deconvnet projection of each patch beside it (Zeiler & Fergus 2014)
    """

    title = "Patches"
    family = "scan"
    chapters = ("05",)
    shows = "the patches of a data set that a unit likes most, or least"
    as_call = "cnnviz.top_patches(scan, layer, channel)"
    which = option(top_patches, words=WORDS, label="Activation")
    project = toggle(False, label="Projections", help="Each activation projected to the pixels by a deconvnet")
    suppress = option(top_patches, label="One patch a picture", more=True)

    def build(self) -> list[ipywidgets.Widget]:
        look: dict[str, Any] = {"labels": True, "controls": False, "max_width": 420}
        patches = View("Patches: click one", cursor="tile", **look)
        projections = self.part("projections", View("Deconvnet projections", **look))
        self.shown_if("project", projections)
        listed = self.tiles("patches", patches, self.choose)
        return [
            ipywidgets.VBox([listed, self.more_pictures()]).add_class("cnnviz-part"),
            projections,
            self.whole_picture(),
        ]

    @computes
    def look(self, now: Now) -> Frame:
        """What is in the list, as far as pictures have been looked at."""
        if now.scan is None:
            return Frame()
        found = _patches(now)()
        chosen = [number for number, one in enumerate(found.examples) if (one.index,) == now.selection]
        parts = {"patches": found.content(), "patches_chosen": chosen[0] if chosen else None}
        if now.project:
            parts["projections"] = _projected(now) if found.examples and now.suppress else Content()
        return Frame(parts | self.shown_whole(now, found.examples))

    def call(self, now: Now) -> str:
        shown = ["patches", "projections"] if now.project and now.suppress else ["patches"]
        calls = {"patches": _patches(now), "projections": _projections(now)}
        lines = {name: calls[name] for name in shown}
        return program(scan_lines(now), lines, f"display({', '.join(shown)})")


def _projected(now: Now) -> Content:
    found = _projections(now)()
    assert isinstance(found.score, tuple)  # of several patches
    heads = tuple(f"{score:.3g}" for score in found.score)
    return replace(found.content(), heads=heads, caption="each begins with 1 at its unit")


def _patches(now: Now) -> Call:
    scan = As(now.scan, "scan")
    return Call(top_patches, scan, now.layer, now.channel, which=now.which, suppress=now.suppress)


def _projections(now: Now) -> Call:
    return Call(deconvnet_patches, As(now.scan, "scan"), now.layer, now.channel, which=now.which)
