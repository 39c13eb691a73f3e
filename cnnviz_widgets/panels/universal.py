"""X7: one change for all pictures, as it is found, and how often it works on others."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import chain

import ipywidgets
import torch
from torch import Tensor

from cnnviz_widgets.drawing.render import Content
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.counts import Counted
from cnnviz_widgets.engine.optimize import OptimizationState
from cnnviz_widgets.methods.adversarial.patch import prepared
from cnnviz_widgets.methods.adversarial.universal import UniversalSuccess, universal, universal_success
from cnnviz_widgets.panels.attack import LEVELS
from cnnviz_widgets.panels.call import As, Call, program
from cnnviz_widgets.panels.controls import slider, stops
from cnnviz_widgets.panels.making import Making, StepView
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import computes
from cnnviz_widgets.panels.parts import Chart, View
from cnnviz_widgets.panels.photographs import photographs
from cnnviz_widgets.runtime.runner import Frame

SHOWN = 32  # photographs
AT_ONCE = 16  # photographs of a trial, before it may be stopped
TRIALS = 10  # how often the change is tried on the way to its end


class Universal(Making):
    """One change that, added to any picture, makes the network answer something else (Moosavi-Dezfooli et al. 2017).

    It is found with every other photograph, of the session's dataset or else of the samples, and tried on those
    between them. The control is the same change with its pixels in another order.

    levels  ε, in levels of 255: by how much a value may change
    times   how many times as strong the change is shown
    Other settings as in ``cnnviz.universal``.
    """

    title = "Universal change"
    family = "adversarial"
    chapters = ("13",)
    shows = "one change for all pictures, and how often it works on those that it was not found with"
    as_call = "cnnviz.universal(net, photos)"
    looks_back = False  # the chart shows how often the earlier ones worked
    at_end = "the attack is at its end: more steps go further."
    pickers = ()
    levels = stops(
        10, [one for one in LEVELS if one >= 1], label="ε of 255", help="By how many of 255 levels a value may change"
    )
    steps = option(universal, 1, 400, help="In each, every value moves up or down by a tenth of ε")
    pictures = slider(
        64,
        4,
        512,
        label="Pictures, at most",
        help="How many are used, if there are so many: of the dataset, or the samples",
    )
    times = slider(10, 1, 50, label="Change ×", help="How many times as strong the change is shown", more=True)
    samples = option(
        universal, 1, 32, label="Photographs in a step", help="Parts of them, drawn anew each time", more=True
    )
    seed = option(universal, 0, 99, more=True)

    def views(self) -> list[ipywidgets.Widget]:
        change = StepView("The change", max_width=330)
        shares = Chart("Another answer", "step", "share", share=True, height=300)
        others = View("On photographs that it was not found with", "whole", labels=True, controls=False, max_width=1076)
        return [self.part("change", change), self.part("shares", shares), self.part("others", others)]

    def compute(self, now: Now) -> Iterator[Frame]:
        found_with, others = (torch.stack(prepared(now.network, some.value())) for some in _photos(now))
        of = (now.network, now.levels, now.steps, now.samples, now.seed, now.pictures, now.dataset)
        tried = self._memo("tried", dict[int, tuple[UniversalSuccess, UniversalSuccess]]).reached(*of)
        for state in self.keep("change", of, _call(now, found_with)):
            yield Frame({"change": partial(_enlarged, state, self.times)}, state.step, state.total)
            if state.step not in _trials(state.total):
                continue
            if state.step not in tried:
                found: list[list[UniversalSuccess]] = []
                for some in (found_with, others):
                    found.append([])
                    for piece in some.split(AT_ONCE):
                        found[-1].append(universal_success(now.network, piece, state.values))
                        yield Frame({}, state.step, state.total)  # it may be stopped here
                own, new = map(_joined, found)
                tried[state.step] = own, new
            parts = {"shares": _curves(tried, state.total), "others": _first(tried[state.step][1])}
            yield Frame(parts, state.step, state.total)

    @computes
    def look(self, now: Now) -> Frame:
        """The change, as strong as is chosen."""
        state, times = self.kept("change"), now.times
        return Frame({} if state is None else {"change": partial(_enlarged, state, times)})

    def subject(self) -> str:
        now = self._drawn or self._now()
        return f"universal change {now.network.name} {now.levels:g} / 255"

    def call(self, now: Now) -> str:
        photos, state = As(None, photographs(now).written), As(None, f"cnnviz.last({_call(now)})")
        found = Call(universal_success, now.network, _photos(now)[1], As(None, "state.values"))
        return program({"photos": photos, "state": state, "found": found}, "found")


def _photos(now: Now) -> tuple[As, As]:
    """Those that it is found with, and the others."""
    photos = photographs(now).value
    return As(Call(_every_other, photos, 0), "photos[::2]"), As(Call(_every_other, photos, 1), "photos[1::2]")


def _every_other(photos: list, first: int) -> list:
    return photos[first::2]


def _call(now: Now, photos: Tensor | None = None) -> Call:
    """photos   those that it is found with, where it is made and not only written"""
    epsilon = As(now.levels / 255, f"{now.levels:g} / 255")
    how = {name: getattr(now, name) for name in ("steps", "samples", "seed")}
    return Call(universal, now.network, As(photos, _photos(now)[0].written), epsilon, **how)


def _trials(total: int) -> set[int]:
    """The steps at which it is tried: the first, the last, and some between them."""
    return {1, total, *range(0, total, max(1, total // TRIALS))}


def _enlarged(state: OptimizationState, times: int, at: None) -> Content:
    change = (0.5 + times * (state.values - 0.5)).clamp(0, 1)
    return Content(rgb(change), caption=f"step {state.step} of {state.total}; × {times}, around gray")


def _curves(tried: dict[int, tuple[UniversalSuccess, UniversalSuccess]], total: int) -> dict:
    steps = sorted(tried)
    counts = {
        "found with": [tried[step][0].changed for step in steps],
        "others": [tried[step][1].changed for step in steps],
        "pixels shuffled": [tried[step][1].control for step in steps],
    }
    curves = {name: (steps, [one.share for one in each]) for name, each in counts.items()}
    numbers = {name: f"{each[-1].hits} of {each[-1].total}" for name, each in counts.items()}
    return {"curves": curves, "numbers": numbers, "end": total}


def _joined(pieces: list[UniversalSuccess]) -> UniversalSuccess:
    """The success with all photographs, from that with some at a time."""

    def total(name: str) -> Counted:
        return Counted(*map(sum, zip(*(getattr(one, name) for one in pieces), strict=True)))

    before, names = (tuple(chain.from_iterable(getattr(one, name) for one in pieces)) for name in ("before", "names"))
    return UniversalSuccess(
        torch.cat([one.values for one in pieces]), total("changed"), total("control"), before, names
    )


def _first(found: UniversalSuccess) -> Content:
    shown = {name: getattr(found, name)[:SHOWN] for name in ("values", "before", "names")}
    return replace(found, **shown).content()
