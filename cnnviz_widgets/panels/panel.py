"""The base of every panel: traits, the controls bound to them, and computations that read them.

An author writes the traits (``controls.slider`` …), ``build``, which makes the parts that show things, ``compute``, and
``call``, the line of code that does the same::

    class Saliency(Panel):
        '''Where the class score is sensitive.'''

        title = "Saliency"
        pickers = ("target",)
        rule = option(saliency, label="ReLU")

        def build(self):
            return [self.part("map", ImageView())]

        def compute(self, now):
            return Frame({"map": self.saliency(now)().content()})

        def call(self, now):
            return str(self.saliency(now))

        def saliency(self, now):
            return Call(saliency, now.network, now.image, class_named(now.network, now.target), rule=now.rule)

``compute`` may yield frames instead: the picture then grows on the screen, and Stop works between two of them. It gets
``now``, a copy of all traits, because they may change while it works; and ``now`` notes which of them are read, so that
only a change of these lets it compute again. Threads, cancelling, progress and errors are the
:class:`~cnnviz_widgets.runtime.runner.Runner`'s business.
"""

import asyncio
import difflib
import json
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from threading import RLock
from typing import Any, ClassVar, TypeVar

import ipywidgets
import numpy as np
from PIL import Image

from cnnviz_widgets import renamed
from cnnviz_widgets.drawing.render import alt_of
from cnnviz_widgets.drawing.snapshot import arrange
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.panels import cells
from cnnviz_widgets.panels.controls import PICKERS, bound_controls, declared
from cnnviz_widgets.panels.displayed import Displayed, renew_pictures
from cnnviz_widgets.panels.now import Now
from cnnviz_widgets.panels.parts import Mark, View
from cnnviz_widgets.panels.pinned import Pinned
from cnnviz_widgets.panels.session import SHARED, Session, in_order
from cnnviz_widgets.runtime.memo import same
from cnnviz_widgets.runtime.runner import Frame, Runner, Status
from cnnviz_widgets.widgets.cell_output import CellOutput
from cnnviz_widgets.widgets.panel_head import PanelHead
from cnnviz_widgets.widgets.run_bar import RunBar
from cnnviz_widgets.widgets.tree import close_tree, has_class

log = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable)

URGENCY = ("stopping", "running", "failed", "stopped", "done")  # states of the work
IN_SIGHT = 4  # controls over the pictures; the others stand under Settings, below them, so that no picture moves
FIRST_LOOK = 0.6  # s: how long a cell waits for quick panels, so that their picture is saved with the notebook


def computes(method: F) -> F:
    """Mark a method as a computation of its own beside ``compute``, with what it reads and draws."""
    marked: Any = method
    marked.is_computation = True
    return method


class Panel(Displayed):
    """Controls, pictures and a run bar around one technique.

    network, image   what to look at; or ``session``, shared with other panels
    hide             pickers to leave out, where something else shows them
    settings         any trait of the panel, and ``target``, ``layer``, ``channel``, ``position`` of the session
    """

    controls: dict[str, ipywidgets.Widget]  # of pickers and traits, by name, in the order of declaration
    title: ClassVar[str]
    pickers: ClassVar[tuple[str, ...]] = ("image",)  # controls of the session's traits, see controls.PICKERS
    more: ClassVar[tuple[str, ...]] = ()  # those of them that stand under Settings
    at_once: ClassVar[tuple[str, ...]] = ()  # traits that a whole gesture changes: what runs ends with its step
    old_names: ClassVar[Mapping[str, tuple[str, Mapping[str, str]]]] = {}  # old trait -> today's, old words -> today's

    def __init__(
        self,
        network: Any = None,
        image: Any = None,
        *,
        session: Session | None = None,
        hide: Collection[str] = (),
        **settings: Any,
    ) -> None:
        settings = dict(self._as_called_now(*one) for one in settings.items())
        self.check_settings(settings)
        if unknown := set(hide) - set(PICKERS):
            raise TypeError(f"hide must name some of {', '.join(PICKERS)}, not {', '.join(sorted(unknown))}.")
        given = {k: v for k, v in {"network": network, "image": image}.items() if v is not None}
        self.session = session or Session(**given)
        if session is None and not {"layer", "channel", "position"} & settings.keys():
            self.first_view(self.session)
        before = self._shared()
        self._pickers = tuple(name for name in self.pickers if name not in hide)
        self.last_error: Exception | None = None
        self.shown = False
        self._parts: dict[str, Any] = {}
        self._asking = RLock()  # whoever asks for a computation: the kernel, or one that has come to its end
        self._asked: dict[str, dict[str, Any]] = {}  # computation -> the traits when it was asked for last
        self._reads: dict[str, set[str]] = {}  # computation -> the traits that it read last time, and reads now
        self._drawn: Now | None = None  # the traits of the computation that began last
        self._statuses: dict[str, Status] = {}  # computation -> how far it is
        self._wrong: dict[str, tuple[str, str]] = {}  # computation or "control" -> sentence, traceback
        self._remarks: dict[str, tuple[str, ...]] = {}  # computation -> what its methods had to say
        self._runners: dict[str, Runner] = {}
        self._pinned: Pinned | None = None
        self._loose: list[ipywidgets.Widget] = []  # made, and not yet in the panel
        super().__init__()
        self._watch(self._on_change)
        try:
            for name, value in (given if session else {}).items():
                setattr(self.session, name, value)
            self.apply(settings)
            self._initial_shared = self._shared()
            self._furnish()
        except BaseException:
            self._free()
            for name in SHARED:
                if getattr(self.session, name) is not before[name]:
                    setattr(self.session, name, before[name])
            raise
        cells.replace_earlier(self)

    def _furnish(self) -> None:
        """Make and arrange every widget."""
        self._bar = RunBar()
        self._bar.on_action(self._act)
        self._output = CellOutput(self._appear, lambda: renew_pictures(self))
        self._loose += [self._bar, self._output]
        self._views = ipywidgets.Box(self.build()).add_class("cnnviz-views")
        self._initial = {name: getattr(self, name) for name in self._own_traits()}
        self._runners = {name: self._runner(name) for name in self._computations()}
        self.session.panels.add(self)
        self.controls = {}
        for name in self._pickers:
            self.controls[name] = PICKERS[name](self.session, self.complain)
            self._loose.append(self.controls[name])
        self.controls |= bound_controls(self)
        kind: Any = type(self)
        more = {*self.more, *declared(kind, "more")}
        sight = [name for name in self.controls if name not in more][:IN_SIGHT]
        sight.sort(key=lambda name: has_class(self.controls[name], "cnnviz-wide"))  # these have rows of their own
        settings = [control for name, control in self.controls.items() if name not in sight]
        self._bar.settings = len(settings)
        self.children = [
            PanelHead(self.title),
            ipywidgets.Box([self.controls[name] for name in sight]).add_class("cnnviz-controls"),
            self._views,
            self._bar,
            ipywidgets.Box(settings).add_class("cnnviz-controls").add_class("cnnviz-settings"),
            self._output,
        ]
        self.add_class("cnnviz-panel").add_class(self.session.css)

    @classmethod
    def check_settings(cls, names: Iterable[str]) -> None:
        """TypeError for the first name that is no setting of the panel or its session."""
        known = [*cls._own_traits(), *SHARED]
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}."
                raise TypeError(f"{cls.__name__} has no setting {name!r}: {hint}")

    # ------------------------------------------------------------------ what a panel's author writes

    @classmethod
    def first_view(cls, session: Session) -> None:
        """Choose a layer that the panel shows well, where nobody has chosen one: here the network's default layer."""
        session.layer = session.network.default_layer.name

    def build(self) -> list[ipywidgets.Widget]:
        """Make the parts (see :meth:`part`) and return the widgets that hold them, from left to right."""
        raise NotImplementedError

    def compute(self, now: Now) -> "Frame | Iterator[Frame]":
        """What to draw for the traits in ``now``."""
        raise NotImplementedError

    def call(self, now: Now) -> str:
        """The code that computes what is shown, given ``net`` and ``photo``."""
        raise NotImplementedError

    def reads(self, computation: str = "compute") -> frozenset[str]:
        """The traits that a computation has read, the last time and until now; before the first time, all."""
        known = self._reads.get(computation)
        return frozenset((*SHARED, *self._own_traits()) if known is None else known)

    def part(self, name: str, part: Any) -> ipywidgets.Widget:
        """Register something that can ``show(value)``: frames name it. Returns its widget."""
        self._parts[name] = part
        return getattr(part, "widget", part)

    def tiles(self, name: str, view: View, choose: Callable[[Any], None]) -> ipywidgets.Widget:
        """As ``part``, for a view whose tiles can be clicked: ``choose`` is given the key of the one on the screen.

        The frame around the chosen one is a part, too: its name has ``_chosen`` at its end.
        """
        view.image.on_click(self.guarded(lambda pointer: choose(view.image.content.keys[pointer.tile])))
        self._parts[f"{name}_chosen"] = Mark(view, "selected")
        return self.part(name, view)

    def shown_if(self, trait: str, *widgets: ipywidgets.Widget) -> None:
        """Let widgets be in sight only while a trait is set."""

        def arrange(_: Any = None) -> None:
            for widget in widgets:
                widget.layout.display = None if getattr(self, trait) else "none"

        self.observe(arrange, trait)
        arrange()

    def guarded(self, handler: Callable[[Any], None]) -> Callable[[Any], None]:
        """For clicks and hovers: what the handler raises is told in the panel; elsewhere nobody would see it."""

        def answer(event: Any) -> None:
            try:
                handler(event)
            except Exception as error:
                self.complain(error)

        return answer

    # ------------------------------------------------------------------ what a user calls

    def apply(self, settings: Mapping[str, Any]) -> None:
        """Set traits of the panel and of its session, in the order in which they depend on each other."""
        for name in in_order(settings):
            setattr(self.session if name in SHARED else self, name, settings[name])

    def run(self) -> "Panel":
        """Compute everything now, in this thread, until it is done or interrupted: for scripts."""
        for name, runner in self._runners.items():
            runner.run(self._start(name, self._values()))
        self.shown = True
        return self

    def stop(self) -> None:
        """End the work after its current step; what has been drawn stays."""
        for runner in self._runners.values():
            runner.stop()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is computed any more; False if ``timeout`` seconds were not enough."""
        end = None if timeout is None else time.monotonic() + timeout
        return all(
            runner.wait(None if end is None else max(0.0, end - time.monotonic())) for runner in self._runners.values()
        )

    async def finished(self) -> "Panel":
        """``await panel.finished()`` waits while the notebook stays alive."""
        await asyncio.to_thread(self.wait)
        return self

    def reset(self) -> None:
        """All that this panel's controls show, as it was when the panel was made; computes again if it was stopped."""
        self.complain(None)
        self._unpin()
        shared = {PICKERS[name].chooses for name in self._pickers}
        shared |= {"channel", "position"} if "layer" in shared else set()
        if self.session.network is not self._initial_shared["network"]:
            shared &= {"image"}  # the rest was chosen in another network
        with self.session.turn:
            shown, self.shown = self.shown, False  # not at every single control
            try:
                for name in in_order(shared):
                    setattr(self.session, name, self._initial_shared[name])
                for name, value in self._initial.items():
                    setattr(self, name, value)
            finally:
                self.shown = shown
        for part in self._parts.values():
            if hasattr(part, "reset"):
                part.reset()
        if shown:
            self._request_all()

    def code(self) -> str:
        """The program that computes what this panel shows."""
        now = self._drawn or self._now()
        net = now.network.source or cells.name_of(now.network) or "...  # the network that you gave to the panel"
        photo = now.image.source or "...  # the picture that you gave to the panel"
        name = json.dumps(now.image.name, ensure_ascii=False)
        where = f"# Put the file {name} beside this notebook first.\n" if now.image.uploaded else ""
        return f"import cnnviz_widgets as cnnviz\n\nnet = {net}\n{where}photo = {photo}\n{self.call(now)}"

    def sheets(self) -> list[Image.Image]:
        every = [*self._parts.values(), *(self._pinned.parts if self._pinned else ())]
        drawn = [
            part
            for part in every
            if hasattr(part, "snapshot") and getattr(part, "widget", part).layout.display != "none"
        ]
        return [arrange(self.title, drawn)]

    def close(self) -> None:
        """Free every widget, layout and style of this panel. The session stays."""
        if self._closed:
            return
        with self.session.turn:  # whoever changes it meanwhile tells every control of the panel, or none
            if not self._closed:
                self._free()

    def _free(self) -> None:
        self._closed = True
        for runner in self._runners.values():
            runner.close()
        self._watch(self._on_change, remove=True)
        made = [getattr(part, "widget", part) for part in self._parts.values()]
        close_tree(*self.children, *self._loose, *(one for one in made if isinstance(one, ipywidgets.Widget)))
        close_tree(self.layout)
        super().close()

    def __repr__(self) -> str:
        settings = "".join(f", {name}={_short(getattr(self, name))}" for name in self._own_traits())
        return f"{type(self).__name__}({self.session.network.name}{settings})"

    def show(self) -> None:
        if cells.has_reader():
            if not self.shown:
                self.shown = True
                self._request_all()
            if not cells.in_callback():
                self._first_look()
        elif self.shown:
            self.wait()
        else:
            self.run()

    @property
    def at_rest(self) -> bool:
        """Whether nothing is computed."""
        return self.wait(0)

    @property
    def on_screen(self) -> bool:
        """Whether a browser shows it."""
        return self._output.on_screen

    @property
    def gone(self) -> bool:
        """Whether a browser has shown it, and does not any more."""
        return self._output.seen and not self.on_screen

    def give_picture(self, output: str, picture: bytes) -> None:
        """Let the browser put a new picture beside the view of the widget with this model id."""
        self._output.give(output, picture, alt_of(picture))

    # ------------------------------------------------------------------ wiring

    def _appear(self) -> None:
        """A browser shows the panel, perhaps in a box or in a page that was loaded again."""
        self.show()
        if self.at_rest:
            self._output.settled += (
                1  # what was computed before anybody could hear of it may not be in the saved picture
            )

    def _first_look(self) -> None:
        """Wait a little before the cell ends, so that there is something to see, also in its saved picture."""
        self.wait(FIRST_LOOK)

    @classmethod
    def _own_traits(cls) -> tuple[str, ...]:
        kind: Any = cls
        return declared(kind, "setting")

    @classmethod
    def _computations(cls) -> list[str]:
        """Names of the computations, ``compute`` first."""
        methods = {name: method for base in reversed(cls.__mro__) for name, method in vars(base).items()}
        return ["compute", *(name for name, method in methods.items() if hasattr(method, "is_computation"))]

    def _watch(self, handler: Callable, remove: bool = False) -> None:
        for owner, names in ((self, self._own_traits()), (self.session, SHARED)):
            (owner.unobserve if remove else owner.observe)(handler, names)

    def pin(self) -> None:
        """Keep what is shown beside what comes next, and say what was set otherwise; let go of it the next time."""
        if self._unpin():
            return
        now, drawn = self._values(), self._drawn or self._now()
        self._pinned = Pinned(self._parts.values(), {name: getattr(drawn, name) for name in now})
        self._pinned.compare(now)
        self._views.children += tuple(self._pinned.widgets)
        self._bar.tell(pinned=True)

    def _unpin(self) -> bool:
        """Free what was pinned; whether there was anything."""
        pinned, self._pinned = self._pinned, None
        if pinned is not None:
            self._views.children = tuple(one for one in self._views.children if one not in pinned.widgets)
            self._bar.tell(pinned=False)
            pinned.close()
        return pinned is not None

    def _on_change(self, change: dict) -> None:
        if self._pinned is not None:
            self._pinned.compare(self._values())
        if self.shown:
            for name in self._runners:
                if change["name"] in self.reads(name):
                    self._request(name, at_once=change["name"] in self.at_once)

    def _as_called_now(self, name: str, value: Any = None) -> tuple[str, Any]:
        """Of a trait that may be given by its old name: today's name and value."""
        if name not in self.old_names:
            return name, value
        today, words = self.old_names[name]
        renamed.tell(name, today)
        return today, words.get(value, value) if isinstance(value, str) else value

    def __getattr__(self, name: str) -> Any:
        if name not in self.old_names:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.")
        return getattr(self, self._as_called_now(name)[0])

    def __setattr__(self, name: str, value: Any) -> None:
        name, value = self._as_called_now(name, value)
        if name not in self._own_traits():
            return super().__setattr__(name, value)
        with self.session.turn:  # control and panel are alike again before anybody else changes something
            super().__setattr__(name, value)

    def _shared(self) -> dict[str, Any]:
        return {name: getattr(self.session, name) for name in SHARED}

    def _value(self, trait: str) -> Any:
        return getattr(self.session if trait in SHARED else self, trait)

    def _values(self) -> dict[str, Any]:
        return {trait: self._value(trait) for trait in (*SHARED, *self._own_traits())}

    def _now(self) -> Now:
        return Now(self._values())

    def _request_all(self) -> None:
        for name in self._runners:
            self._request(name)

    def _request(self, name: str, at_once: bool = False) -> None:
        """Ask for a computation, unless the very same one was asked for last and has come to its end."""
        with self._asking:
            traits, before, reads = self._values(), self._asked.get(name), self.reads(name)
            if before is not None and _alike(traits, before, reads):
                return
            self._asked[name] = traits
            known = before is not None and _alike(traits, before, reads & {"network", "image"})
            self._runners[name].submit(self._start(name, traits), afresh=not known, at_once=at_once)

    def _start(self, name: str, traits: dict[str, Any]) -> Callable[[], Iterator[Frame]]:
        def start() -> Iterator[Frame]:
            reads: set[str] = set()
            self._reads.setdefault(name, reads)

            def read(trait: str) -> None:
                if trait not in reads:
                    reads.add(trait)
                    self._reads[name].add(trait)
                    if self.shown and not same(traits[trait], self._value(trait)):  # it has changed before
                        self._request(name)

            self._drawn = Now(traits)
            frames = getattr(self, name)(Now(traits, read))
            yield from [frames] if isinstance(frames, Frame) else frames or []
            self._reads[name] = reads

        return start

    def _runner(self, name: str) -> Runner:
        def report(status: Status) -> None:
            if status.state in ("failed", "stopped"):
                self._asked.pop(name, None)  # the same may be asked for again
            if status.error is not None:
                self.last_error = status.error
                log.debug("%s failed", self.title, exc_info=status.error)  # not louder: it would be printed
                details = "" if isinstance(status.error, UserError) else status.details
                self._wrong[name] = status.sentence, details
            elif status.state == "done":
                self._wrong.pop(name, None)
            if status.remarks or status.state != "running":  # the earlier ones stay until there is something new to say
                self._remarks[name] = status.remarks
            self._statuses[name] = status
            self._tell()
            if status.state not in ("running", "stopping") and self._output.seen:
                self._output.settled += 1

        return Runner(self._draw, report, self._seen)

    def _work(self) -> Status:
        """Of all computations that which matters most to who waits: the panel is done when every one is."""
        known = [self._statuses[name] for name in self._runners if name in self._statuses]  # "compute" first
        return min(known, key=lambda status: URGENCY.index(status.state), default=Status("idle"))

    def _draw(self, parts: dict[str, Any]) -> None:
        for name, value in parts.items():
            self._parts[name].show(value)
        if self._bar.code_shown:
            self._bar.tell(code=self.code())

    def _seen(self) -> bool:
        return all(getattr(part, "seen", True) for part in self._parts.values())

    def complain(self, error: Exception | None) -> None:
        """Say what is wrong with what was chosen or clicked; None = nothing any more. All else stays as it was."""
        if error is None:
            self._wrong.pop("control", None)
        else:
            self.last_error = error
            self._wrong["control"] = str(error) if isinstance(error, UserError) else repr(error), ""
        self._tell()

    def _tell(self) -> None:
        """Show the state of the work, what the methods had to say, and every error that still stands."""
        wrong, work = list(self._wrong.values()), self._work()
        errors = dict.fromkeys(sentence for sentence, _ in wrong)
        every = (self.session.network.notes, *self._remarks.values())
        told = dict.fromkeys(sentence for remarks in every for sentence in remarks)
        self._bar.tell(
            state="failed" if wrong and work.state not in ("running", "stopping") else work.state,
            progress=work.progress,
            remaining=work.remaining,
            note=" ".join(sentence for sentence in told if sentence and sentence not in errors),
            error=" ".join(errors),
            details="\n".join(traceback for _, traceback in wrong if traceback),
        )

    def _act(self, action: str) -> None:
        if action == "stop":
            self.stop()
        elif action == "pin":
            self.guarded(lambda _: self.pin())(None)
        elif action == "reset":
            self.guarded(lambda _: self.reset())(None)
        elif action == "code":
            self._bar.tell(code=self.code())


def _short(value: Any) -> str:
    return "<mask {}×{}>".format(*value.shape) if isinstance(value, np.ndarray) else repr(value)


def _alike(traits: dict[str, Any], others: dict[str, Any], names: Collection[str]) -> bool:
    return all(same(traits[name], others[name]) for name in names)
