"""A3: a unit's whole range, from what it dislikes to what it likes."""

from collections.abc import Iterator

import ipywidgets

from cnnviz_widgets.content import Content
from cnnviz_widgets.methods.scan.spectrum import MOST, spectrum
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.own_pictures import own_pictures
from cnnviz_widgets.panels.panel import computes
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.panels.scanning import Scanning, scan_lines
from cnnviz_widgets.runtime.runner import Frame


class Spectrum(Scanning):
    """Dataset examples of a unit from its least to its greatest activation, and optimized ones (Olah et al. 2017).

    Click a patch: its picture becomes the picture of all panels that share the session.

    count, steps, seed  as in ``cnnviz.spectrum``
    """

    title = "Spectrum"
    family = "scan"
    chapters = ("05",)
    shows = "what a unit dislikes, hardly notices and likes, in a data set and optimized"
    as_call = "cnnviz.last(cnnviz.spectrum(scan, layer, channel))"
    count = option(spectrum, 1, MOST, label="Examples")
    steps = option(spectrum, 0, 256, step=16, label="Steps", more=True)
    seed = option(spectrum, 0, 99, more=True)

    def build(self) -> list[ipywidgets.Widget]:
        rows = View("From the least to the greatest: click one", cursor="tile", labels=True, controls=False)
        listed = self.tiles("rows", rows, self.choose)
        ends = self.part("ends", View("Optimized", labels=True, controls=False, max_width=420))
        return [
            ipywidgets.VBox([listed, self.more_pictures()]).add_class("cnnviz-part"),
            ipywidgets.VBox([ends, self.whole_picture()]).add_class("cnnviz-part"),
        ]

    @computes
    def look(self, now: Now) -> Iterator[Frame]:
        """The examples, and once all pictures have been looked at, the optimized ones."""
        if now.scan is None:
            return
        whole = now.scan.step >= min(now.amount, now.scan.total)
        for state in _spectrum(now)(**({} if whole else {"steps": 0})):
            parts = {"ends": state.pictures() if state.optimized else _drawn_before(now)}
            if state.step == 0:
                content = state.content()
                every = [one for examples in state.examples.values() for one in examples]
                chosen = [at for at, (number, _) in enumerate(content.keys) if (number,) == now.selection]
                greatest = state.examples["maximum"] + tuple(every)
                parts |= {"rows": content, "rows_chosen": chosen[0] if chosen else None}
                parts |= self.shown_whole(now, greatest)
            yield Frame(parts, state.step, state.total)

    def call(self, now: Now) -> str:
        return program(scan_lines(now), f"cnnviz.last({_spectrum(now)})")


def _drawn_before(now: Now) -> Content:
    """The unit's picture in the atlas, until both ends are optimized."""
    known = own_pictures(now.network, now.layer, [now.channel])
    if known is None:
        return Content()
    return Content(known, names=("positive",), caption=f"{now.layer} channel {now.channel}, from the atlas")


def _spectrum(now: Now) -> Call:
    options = {"count": now.count, "steps": now.steps, "seed": now.seed}
    return Call(spectrum, As(now.scan, "scan"), now.layer, now.channel, **options)
