"""What panels share that make a picture: it grows, goes on from where it was, is looked at step by step, is kept."""

import json
import re
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import ipywidgets
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor
from traitlets import TraitType, Unicode

import cnnviz_widgets as cnnviz
from cnnviz_widgets.drawing.render import Content, tile
from cnnviz_widgets.engine.optimize import OptimizationState, optimize
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.gate import came
from cnnviz_widgets.networks import Network
from cnnviz_widgets.panels.controls import NATURAL, default, slider
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.panel import FIRST_LOOK, Panel
from cnnviz_widgets.panels.parts import View
from cnnviz_widgets.widgets.actions import Actions

STOPS = sorted({2**n for n in range(13)} | {3 * 2**n for n in range(11)})  # steps that can be looked at later
LATEST = "latest"
MOST_ROUNDS = 16
GAP = 2  # px between the pictures of a batch in a file


def heading(words: str, help: str) -> TraitType:
    """A line over the controls that are declared after it."""

    def build(panel: Panel) -> ipywidgets.Widget:
        line = ipywidgets.HTML(description=words, tooltip=help, style=NATURAL)
        return line.add_class("cnnviz-wide").add_class("cnnviz-heading")

    return Unicode("", read_only=True).tag(control=build, more=True)


def steps_slider(default: int, most: int = 1024) -> TraitType:
    return slider(default, 1, most, label="Steps", help="How long a round goes on")


def seed_slider(help: str) -> TraitType:
    return slider(default(optimize, "seed"), 0, 99, label="Seed", help=help)


def rounds_slider() -> TraitType:
    return slider(
        1, 1, MOST_ROUNDS, label="Rounds", help="Each goes on where the one before ended, as Continue does", more=True
    )


class Reel(View):
    """A view of what is in the making. ``show`` takes a function from what is looked at (a step, …) to its Content."""

    def __init__(self, heading: str, room: str = "part", **traits: Any) -> None:
        super().__init__(heading, room, controls=False, **traits)
        self._lock = Lock()  # the worker shows what is new, and the scrubber what has been
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


class As(NamedTuple):
    """An argument that is not written as its ``repr``."""

    value: Any
    written: str


class Run:
    """A call of ``cnnviz.<function>(net, …)`` that makes pictures: to be made here, and written in a program."""

    def __init__(self, function: str, *given: Any, **options: Any) -> None:
        self._function, self._given, self._options = function, given, options

    def states(self, network: Network, steps: int, **more: Any) -> Iterator[Any]:
        given = [one.value if isinstance(one, As) else one for one in self._given]
        return getattr(cnnviz, self._function)(network, *given, **self._options, steps=steps, **more)

    def __str__(self) -> str:
        """Without the last bracket: there may be more arguments."""
        written = [*map(_literal, self._given), *(f"{name}={_literal(one)}" for name, one in self._options.items())]
        return f"cnnviz.{self._function}({', '.join(['net', *written])}"


def _literal(value: Any) -> str:
    if isinstance(value, As):
        return value.written
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


@dataclass(eq=False)
class _Reached:
    """How far something has come: what it is of, its rounds' last states, and the states of the round that goes on."""

    of: tuple
    ends: list[Any] = field(default_factory=list)
    states: Iterator[Any] | None = None
    latest: Any = None

    @property
    def last(self) -> Any:
        """The last state of all, or None."""
        return self.latest or (self.ends[-1] if self.ends else None)


class Making(Panel):
    """Base of the panels that make pictures. An author writes ``views`` in place of ``build``.

    What was reached is kept: what is stopped goes on from there, another round from the end of the one before, and all
    else begins anew.
    """

    steps: int  # of a round; an author declares it with ``steps_slider``
    rounds: int  # with ``rounds_slider``

    def views(self) -> list[ipywidgets.Widget]:
        """As ``build``."""
        raise NotImplementedError

    def build(self) -> list[ipywidgets.Widget]:
        self._reached: dict[Hashable, _Reached] = {}
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
        self._scrubber = ipywidgets.SelectionSlider(
            options=[LATEST],
            description="Look at step",
            tooltip="Steps that were kept, from the first to the latest; also while it goes on",
            style=NATURAL,
        )
        self._scrubber.layout.flex, self._scrubber.layout.width = "1 1 260px", "auto"
        self._offering = False
        self._offer_steps()
        self.observe(self._offer_steps, ["steps", "rounds"])
        self._scrubber.observe(self.guarded(self._scrub), "value")
        return [self._scrubber]

    def go_on(self) -> None:
        """Go on from the picture that was reached: to its end, or, where that was reached, for another round."""
        self.shown = True
        if self._work().state != "done":
            self._request_all()
        elif self.rounds < MOST_ROUNDS:
            self.rounds += 1
        else:
            raise UserError(f"rounds must be at most {MOST_ROUNDS}: from there on nothing much happens any more.")

    def save(self, path: str | Path) -> None:
        """The pictures that are shown, in their own size, as a PNG file that tells how they were made."""
        file = Path(path)
        if not str(path) or file.is_dir():
            raise UserError(f"path must be that of a PNG file, not {came(str(path))}.")
        file.write_bytes(self.png())

    def png(self) -> bytes:
        """As ``save``. The file's text chunks are Title, Software, Settings (as JSON) and Code."""
        from cnnviz_widgets import __version__

        told = {
            "Title": self.subject(),
            "Software": f"cnnviz-widgets {__version__}",
            "Settings": json.dumps(self._told(), ensure_ascii=False),
            "Code": self.code(),
        }
        info = PngInfo()
        for name, text in told.items():
            info.add_itxt(name, text)
        buffer = BytesIO()
        self._kept().save(buffer, "PNG", pnginfo=info)
        return buffer.getvalue()

    def subject(self) -> str:
        """What the pictures are of, in a few words: for titles and file names."""
        return self.title

    def reset(self) -> None:
        self._reached = {}
        super().reset()

    # ------------------------------------------------------------------ for panels of this kind

    def _first_look(self) -> None:
        """Only until there is a picture: what grows is better watched."""
        end = time.monotonic() + FIRST_LOOK
        while not self._reel().image.content.count and time.monotonic() < end and not self.wait(0.02):
            pass

    def _going_on(
        self, name: Hashable, of: tuple, rounds: int, begin: Callable[[int, Any], Iterator[Any]]
    ) -> Iterator[Any]:
        """The states of ``begin(round, last state of the round before)``, from where they are.

        name   what of this panel they make
        of     all that they depend on: where that has changed, they begin anew
        """
        known = self._reached.get(name)
        if known is None or not _alike(known.of, of):
            known = self._reached[name] = _Reached(of)
        if known.ends[:rounds]:
            yield known.ends[:rounds][-1]
        while len(known.ends) < rounds:
            if known.states is None:
                known.states = begin(len(known.ends) + 1, known.ends[-1] if known.ends else None)
            elif known.latest is not None:
                yield known.latest
            try:
                for state in known.states:
                    known.latest = state
                    yield state
            except Exception:
                known.states = known.latest = None
                raise
            known.ends.append(known.latest)
            known.states = known.latest = None

    def _run(self, name: Hashable, now: Now, run: Run, *of: Any) -> Iterator[OptimizationState]:
        """As ``_going_on``, with a run that takes ``start`` and ``snapshots``; ``of``: what it does not write out."""

        def begin(round: int, state: OptimizationState | None) -> Iterator[OptimizationState]:
            steps = round * now.steps
            return run.states(now.network, steps, snapshots=[stop for stop in STOPS if stop <= steps], start=state)

        return self._going_on(name, (now.network, now.steps, str(run), *of), now.rounds, begin)

    def _reel(self) -> Reel:
        """What is saved."""
        return next(part for part in self._parts.values() if isinstance(part, Reel))

    def _kept(self) -> Image.Image:
        pictures = self._reel().image.content.pictures
        if pictures is None:
            raise UserError("there is no picture yet.")
        return Image.fromarray(tile(pictures, -(-len(pictures) // round(len(pictures) ** 0.5)), GAP))

    def _told(self) -> dict[str, Any]:
        now = self._drawn or self._now()
        reads = self.reads()
        shared = {name: getattr(now, name) for name in ("layer", "channel", "position") if name in reads}
        own = {name: getattr(now, name) for name in self._own_traits()}
        shown = self._reel().image.content.caption
        return {
            "panel": type(self).__name__,
            "network": now.network.name,
            "of": self.subject(),
            **shared,
            **own,
            "shown": shown,
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
        options = [*(stop for stop in STOPS if stop < self.steps * self.rounds), LATEST]
        self._offering = True  # new options select the first one: nobody chose that
        self._scrubber.options = options
        self._offering = False
        self._scrubber.value = chosen if chosen in options else LATEST

    def _scrub(self, change: dict) -> None:
        if not self._offering:
            for part in self._parts.values():
                if isinstance(part, Reel):
                    part.look_at(None if change["new"] == LATEST else change["new"])


def seen_at(state: Any, step: int | None) -> tuple[int, Tensor]:
    """Of an OptimizationState (step, picture): the last one that was kept until ``step``; None = the latest."""
    if step is None or state.step <= step or step not in state.snapshots:
        return state.step, state.values
    return step, state.snapshots[step]


def together(runs: Mapping[Hashable, Iterator[Any]]) -> Iterator[dict[Hashable, Any]]:
    """By turns a state of each run, always with the latest of the others."""
    latest: dict[Hashable, Any] = {}
    for states in zip_longest(*runs.values()):
        latest |= {name: state for name, state in zip(runs, states, strict=True) if state is not None}
        yield latest.copy()


def in_rounds(run: Run, now: Now, name: str = "state") -> str:
    """The program that leaves the last state of a run in the variable ``name``."""
    if now.rounds == 1:
        return f"{name} = cnnviz.last({run}, steps={now.steps}))"
    totals = ", ".join(str(now.steps * number) for number in range(1, now.rounds + 1))
    return f"{name} = None\nfor steps in ({totals}):\n    {name} = cnnviz.last({run}, steps=steps, start={name}))"


def slug(words: str) -> str:
    """A file name that every system takes."""
    return re.sub(r"[^\w]+", "-", words).strip("-").lower()[:80] or "picture"


def _alike(a: tuple, b: tuple) -> bool:
    return len(a) == len(b) and all(
        x is y or (not isinstance(x, Tensor) and not isinstance(y, Tensor) and x == y)
        for x, y in zip(a, b, strict=True)
    )
