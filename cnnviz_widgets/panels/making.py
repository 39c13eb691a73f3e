"""Base of the panels that make pictures by optimization: streaming, resuming, steering, snapshots, export."""

import json
import re
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, TypeVar

import ipywidgets
import numpy as np
from ipywidgets.widgets.trait_types import TypedTuple
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor
from traitlets import TraitType, Unicode

import cnnviz_widgets as cnnviz
from cnnviz_widgets.drawing.render import Content, tile
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.engine.optimize import OptimizationState, optimize
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came
from cnnviz_widgets.language import said
from cnnviz_widgets.panels.call import Call
from cnnviz_widgets.panels.controls import NATURAL, slider
from cnnviz_widgets.panels.growth import Growth, Kept, Plan
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.options import option
from cnnviz_widgets.panels.panel import FIRST_LOOK, Panel
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.runtime.memo import Memo
from cnnviz_widgets.widgets.actions import Actions
from cnnviz_widgets.widgets.front_end import spoken

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

STOPS = sorted({2**n for n in range(13)} | {3 * 2**n for n in range(11)})  # steps that can be looked at later
LATEST = "latest"
MOST_ROUNDS = 16
GRAY = 128  # where a picture will be
GAP = 2  # px between the pictures of a batch in a file


class _Steps(ipywidgets.SelectionSlider):
    """Of the pictures that were kept. Its word for the last one is in the language that is set, not its value."""

    _options_labels = TypedTuple(trait=Unicode(), read_only=True).tag(sync=True, to_json=spoken)


def heading(words: str, help: str) -> TraitType:
    """A line over the controls that are declared after it."""

    def build(panel: Panel) -> ipywidgets.Widget:
        line = ipywidgets.HTML(description=said(words), tooltip=said(help), style=NATURAL)
        return line.add_class("cnnviz-wide").add_class("cnnviz-heading")

    return Unicode("", read_only=True).tag(control=build, more=True)


def steps_slider(function: Callable, most: int = 1024, *, help: str = "Optimization steps in a round") -> option:
    """The ``steps`` of a method as a setting."""
    return option(function, 1, most, name="steps", help=help)


def seed_slider() -> option:
    return option(
        optimize, 0, 99, name="seed", more=True, help="Of the noise at the start and of the random transforms"
    )


class StepView(View):
    """A view of pictures in the making. ``show`` takes a function: the step that is looked at, or None -> Content."""

    def __init__(self, heading: str, room: str = "part", **traits: Any) -> None:
        super().__init__(heading, room, controls=False, **traits)
        self._lock = Lock()  # the worker shows new steps, and the kernel's thread earlier ones
        self._content: Callable[[Any], Content] = lambda at: Content()
        self._at: Any = None

    def show(self, content: Callable[[Any], Content]) -> None:
        with self._lock:
            self._content = content
            super().show(content(self._at))

    def look_at(self, at: Any) -> None:
        with self._lock:
            self._at = at
            super().show(self._content(at))


class Making(Panel):
    """Base of the panels that make pictures. An author writes ``views`` in place of ``build``.

    What was reached is kept: a stopped run goes on from there, another round from the end of the one before; settings
    that a ``Plan`` allows to change on the way steer the run, and all others begin anew.
    """

    looks_back: ClassVar[bool] = True  # whether steps are kept to look at
    in_rounds: ClassVar[tuple[str, str]] = "steps", "step"  # the trait that says how long one is, and of what
    at_end: ClassVar[str] = ""  # why there is no other round, where there is none
    steps: Any  # of a round; an author declares it with ``steps_slider``
    rounds = slider(
        1, 1, MOST_ROUNDS, label="Rounds", more=True,
        help="Each goes on from the end of the one before, as Continue does",
    )  # fmt: skip

    def views(self) -> list[ipywidgets.Widget]:
        """As ``build``."""
        raise NotImplementedError

    def build(self) -> list[ipywidgets.Widget]:
        self._memos: dict[Hashable, Memo] = {}
        rows = self.views()
        self._buttons = Actions({
            "continue": ("Continue", "Go on from here: to the end, or from the end for another round"),
            **self.files(),
        })  # fmt: skip
        self._buttons.on_action(self.guarded(self._press))
        self._bar.observe(lambda _: self._tell_buttons(), "state")
        tools = ipywidgets.Box([*self.tools(), self._buttons]).add_class("cnnviz-part").add_class("cnnviz-whole")
        tools.layout.align_items, tools.layout.flex_flow, tools.layout.overflow = "center", "row wrap", "visible"
        return [*rows, tools]

    def files(self) -> dict[str, tuple[str, str]]:
        """The buttons that save something: name -> label, tooltip."""
        return {"png": ("Save PNG", "The picture in its own size, with all settings and the program inside the file")}

    def tools(self) -> list[ipywidgets.Widget]:
        """What stands under the pictures: here the step that is looked at."""
        if not self.looks_back:
            return []
        self._scrubber = _Steps(
            options=[LATEST],
            description=said(f"Look at {self.in_rounds[1]}"),
            tooltip=said("Those that were kept, from the first to the latest; also during the run"),
            style=NATURAL,
        )
        layout = self._scrubber.layout
        layout.flex, layout.width, layout.margin = "1 1 260px", "auto", "2px 8px 2px 2px"  # "latest" beside a button
        self._offering = False
        self._offer_steps()
        self.observe(self._offer_steps, [self.in_rounds[0], "rounds"])
        self._scrubber.observe(self.guarded(self._scrub), "value")
        return [self._scrubber]

    def stops(self, total: int) -> list[int]:
        """The steps that are kept, of so many."""
        return [stop for stop in STOPS if stop < total]

    def go_on(self) -> None:
        """Go on from the picture that was reached: to its end, or, where that was reached, for another round."""
        self.shown = True
        if self._work().state != "done":
            self._request_all()
        elif self.at_end:
            raise UserError(self.at_end)
        elif self.rounds < MOST_ROUNDS:
            self.rounds += 1
        else:
            raise UserError(f"rounds must be at most {MOST_ROUNDS}: further ones hardly change the picture.")

    def save(self, path: str | Path) -> None:
        """The pictures that are shown, in their own size, as a PNG file that tells how they were made."""
        file = Path(path)
        if not str(path) or file.is_dir():
            raise UserError(f"path must be that of a PNG file, not {came(str(path))}.")
        file.write_bytes(self.png())

    def png(self) -> bytes:
        """As ``save``. The file's text chunks are Title, Software, Settings (as JSON) and Code."""
        told = {
            "Title": self.subject(),
            "Software": f"cnnviz-widgets {cnnviz.__version__}",
            "Settings": json.dumps(self._told(), ensure_ascii=False, default=repr),
            "Code": self.code(),
        }
        info = PngInfo()
        for name, text in told.items():
            info.add_itxt(name, text)
        buffer = BytesIO()
        self._kept_picture().save(buffer, "PNG", pnginfo=info)
        return buffer.getvalue()

    def subject(self) -> str:
        """What the pictures are of, in a few words: for titles and file names."""
        return self.title

    def reset(self) -> None:
        self._memos = {}
        super().reset()

    # ------------------------------------------------------------------ for panels of this kind

    def grow(self, plan: Plan, rounds: int) -> Iterator[tuple[int, Any]]:
        """(round, state) of a plan, from where it is: the states that its call yields."""
        return self._memo(plan.name, Growth).reached(*plan.of).states(plan, rounds)

    def program(self, plan: Plan, rounds: int, variable: str = "state") -> list[str]:
        """The lines that leave the last state of a plan in a variable: every call that led, or will lead, to it."""
        growth = self._memo(plan.name, Growth).known(*plan.of) or Growth()
        return growth.program(plan, rounds, variable)

    def keep(self, name: Hashable, of: tuple, begin: Callable[[], Iterator[T]]) -> Iterator[T]:
        """What an iterator yields, from where it is; where ``of`` has changed, it begins anew."""
        return self._memo(name, Kept).reached(*of).states(begin)

    def kept(self, name: Hashable) -> Any:
        """The last of what an iterator has yielded, or None."""
        held = self._memo(name, Kept).held
        return held and held.last

    def _memo(self, name: Hashable, kind: type) -> Memo:
        return self._memos.setdefault(name, Memo(kind))

    def _first_look(self) -> None:
        """Only until there is a picture: what grows is better watched."""
        end = time.monotonic() + FIRST_LOOK
        while not self._shown().count and time.monotonic() < end and not self.wait(0.02):
            pass

    def _shown(self) -> Content:
        """What is saved."""
        return next(part.image.content for part in self._parts.values() if isinstance(part, StepView))

    def _kept_picture(self) -> Image.Image:
        pictures = self._shown().pictures
        if pictures is None:
            raise UserError("there is no picture yet.")
        return Image.fromarray(tile(pictures, -(-len(pictures) // round(len(pictures) ** 0.5)), GAP))

    def _told(self) -> dict[str, Any]:
        now = self._drawn or self._now()
        shared = [name for name in ("layer", "channel", "position") if name in self.reads()]
        return {
            "panel": type(self).__name__,
            "network": now.network.name,
            "of": self.subject(),
            **{name: getattr(now, name) for name in (*shared, *self._own_traits())},
            "shown": self._shown().caption,
        }

    def _press(self, button: str) -> None:
        if button == "continue":
            self.go_on()
        elif button == "png":
            self._buttons.give(f"{slug(self.subject())}.png", "image/png", self.png())

    def _tell_buttons(self) -> None:
        self._buttons.asleep = ("continue",) if self._bar.state in ("running", "stopping") else ()

    def _offer_steps(self, _: Any = None) -> None:
        chosen = self._scrubber.value
        options = [*self.stops(getattr(self, self.in_rounds[0]) * self.rounds), LATEST]
        self._offering = True  # new options select the first one: nobody chose that
        self._scrubber.options = options
        self._offering = False
        self._scrubber.value = chosen if chosen in options else LATEST

    def _scrub(self, change: dict) -> None:
        if not self._offering:
            for part in self._parts.values():
                if isinstance(part, StepView):
                    part.look_at(None if change["new"] == LATEST else change["new"])


def planned(name: Hashable, now: Now, call: Call, *of: Any) -> Plan:
    """``call`` in rounds of the panel's steps, from the panel's seed; all but ``of`` may change on the way."""
    seed = {"seed": now.seed} if now.seed else {}

    def begin(number: int, _: OptimizationState | None) -> Call:
        return Call(call.function, *call.given, **call.options, **seed, steps=number * now.steps)

    def kept(number: int) -> dict[str, list[int]]:
        return {"snapshots": [stop for stop in STOPS if stop <= number * now.steps]}

    return Plan(name, (now.network, now.steps, now.seed, *of), begin, options=kept)


def at_step(state: OptimizationState, step: int | None) -> tuple[int, Tensor]:
    """(step, picture): the kept one, or the state's own where it was not kept; None = the latest."""
    if step is None or state.step <= step or step not in state.snapshots:
        return state.step, state.values
    return step, state.snapshots[step]


def side_by_side(pictures: Mapping[str, Tensor | None], side: int = 0, **words: Any) -> Content:
    """Pictures (C, H, W) under their names. None is one that is still to come: gray, as large as the others.

    side   px, while none is there;   words   of the Content
    """
    known = {name: rgb(one) for name, one in pictures.items() if one is not None}
    gray = np.full_like(next(iter(known.values()), np.empty((side, side, 3), np.uint8)), GRAY)
    return Content(np.stack([known.get(name, gray) for name in pictures]), names=tuple(pictures), **words)


def together(runs: Mapping[K, Iterator[Any]]) -> Iterator[dict[K, Any]]:
    """By turns a state of each run, always with the latest of the others."""
    latest: dict[K, Any] = {}
    for states in zip_longest(*runs.values()):
        latest |= {name: state for name, state in zip(runs, states, strict=True) if state is not None}
        yield latest.copy()


def slug(words: str) -> str:
    """A file name that every system takes."""
    return re.sub(r"[^\w]+", "-", words).strip("-").lower()[:80] or "picture"
