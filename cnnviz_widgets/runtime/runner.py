"""Run one computation of a panel again and again, as its inputs change, without ever falling behind.

A computation is an iterator of frames. The newest request wins: a request that arrives while an older one runs waits
in a slot of size one, and the older one may go on for ``GRACE`` seconds (cancelling at once would starve the screen
during a drag: the picture would change only after the release; a stroke is told of once, and ends it ``at_once``).
Between two frames the device is given up, so that panels take turns. What lasted less than ``SHORT`` seconds last time
is computed at once in the calling thread, and moves to the worker if it takes longer this time: a computation must
therefore not hold a thread-local context, such as ``torch.no_grad()``, across a ``yield``. Where no worker may be
(``host.synchronous``) all is computed at once.
"""

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.remarks import listening
from cnnviz_widgets.runtime.device import turn
from cnnviz_widgets.runtime.host import synchronous
from cnnviz_widgets.runtime.leaving import begin

SHORT = 0.15  # s: up to here a slider's callback computes by itself
GRACE = 0.3  # s: how long a running computation may go on after a newer request
FRAME_INTERVAL = 0.05  # s: 20 frames a second at most
UNSEEN = 0.5  # s: draw again after this long even if no browser says that it has drawn
PATIENCE = 0.5  # s: before this, the remaining time is a guess


@dataclass(frozen=True)
class Frame:
    """What to draw, by part of the panel, and how far the work is: step ``step`` of ``total``."""

    parts: dict[str, Any] = field(default_factory=dict)
    step: int = 1
    total: int = 1


@dataclass(frozen=True)
class Status:
    """What the panel says about its work.

    progress   0…1
    remaining  seconds, None = too early to say
    remarks    what the methods had to say so far
    """

    state: str  # "running", "stopping", "done", "stopped", "failed"
    progress: float = 0.0
    remaining: float | None = None
    error: Exception | None = None
    elapsed: float = 0.0
    remarks: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The error in plain words."""
        if self.error is None or isinstance(self.error, UserError):
            return str(self.error or "")
        return f"{type(self.error).__name__}: {self.error}"

    @property
    def details(self) -> str:
        return "".join(traceback.format_exception(self.error)) if self.error else ""


Start = Callable[[], Iterator[Frame]]


@dataclass
class _Job:
    """One request: where its frames come from, what is not yet drawn, and why it should end early."""

    start: Start
    frames: Iterator[Frame] | None = None
    undrawn: dict[str, Any] = field(default_factory=dict)
    latest: Frame = field(default_factory=lambda: Frame(step=0))
    elapsed: float = 0.0
    stopped: bool = False
    superseded_at: float | None = None
    error: Exception | None = None
    remarks: list[str] = field(default_factory=list)

    @property
    def overdue(self) -> bool:
        return self.superseded_at is not None and time.monotonic() - self.superseded_at > GRACE


class Runner:
    """The slot of one computation.

    draw(parts)     draws what a frame holds; called by one thread at a time
    report(status)  is told of every change of state, and of the progress of long work
    seen()          whether the browser has drawn the last frame that was sent
    """

    def __init__(
        self,
        draw: Callable[[dict[str, Any]], None],
        report: Callable[[Status], None] = lambda status: None,
        seen: Callable[[], bool] = lambda: True,
    ) -> None:
        self._draw, self._report, self._seen = draw, report, seen
        self._lock = threading.Lock()
        self._waiting: _Job | None = None
        self._running: _Job | None = None
        self._idle = threading.Event()
        self._idle.set()
        self._drawn_at = 0.0
        self._drawing = 0.0  # s: what the last frame took, so that no more than half of the time goes into drawing
        self._last_elapsed = float("inf")
        self._closed = False

    def submit(self, start: Start, *, afresh: bool = False, at_once: bool = False) -> None:
        """Compute ``start()`` soon, instead of a request that still waits.

        afresh    how long the last one took says nothing about this one
        at_once   the one that runs ends with its step, and draws no more
        """
        job = _Job(start)
        with self._lock:
            if self._closed:
                return
            if afresh:
                self._last_elapsed = float("inf")
            if self._running is not None:
                self._waiting = job
                self._running.superseded_at = self._running.superseded_at or time.monotonic()
                self._running.stopped |= at_once
                return
            self._begin(job)
        try:
            ended = self._last_elapsed < SHORT and not synchronous() and self._advance(job, seconds=SHORT)
        except BaseException:  # the kernel's interrupt reaches what is computed in a callback, too
            job.stopped = True
            self._finish(job)
            raise
        if ended:
            self._finish(job)
        else:
            self._spawn(job)

    def run(self, start: Start) -> None:
        """Compute ``start()`` here and now, instead of what runs or waits; raises what it raises.

        An interrupt ends it and keeps the picture reached so far.
        """
        job = _Job(start)
        while True:
            with self._lock:
                if self._running is None:
                    self._begin(job)
                    break
                self._waiting, self._running.stopped = None, True
            self._idle.wait(FRAME_INTERVAL)  # not for ever: another request may have come in between
        try:
            self._advance(job)
        except KeyboardInterrupt:
            job.stopped = True
            raise
        finally:
            self._finish(job)
        if job.error is not None:
            raise job.error

    def stop(self) -> None:
        """End after the current step and keep what has been drawn."""
        with self._lock:
            self._waiting = None
            if self._running is not None and not self._running.stopped:
                self._running.stopped = True
                self._report(self._status(self._running, "stopping"))

    def wait(self, timeout: float | None = None) -> bool:
        """Whether all work ended within ``timeout`` seconds."""
        return self._idle.wait(timeout)

    def close(self) -> None:
        """Accept no more work, and end what runs after its current step."""
        self._closed = True
        self.stop()

    def leave(self) -> None:
        """As ``close``, without a word: nobody is there any more."""
        with self._lock:
            self._closed, self._waiting = True, None
            if self._running is not None:
                self._running.stopped = True

    def _begin(self, job: _Job) -> None:
        self._running = job
        self._idle.clear()

    def _spawn(self, job: _Job) -> None:
        if synchronous():
            self._work(job)
            return
        # A thread per job, not one that waits for jobs: nothing is left behind when a panel is forgotten unclosed.
        begin(partial(self._work, job), "cnnviz-runner", self.leave)

    def _work(self, job: _Job) -> None:
        try:
            if not job.stopped:
                self._report(self._status(job, "running"))
            self._advance(job)
        except KeyboardInterrupt:  # of the kernel's own thread, where that works
            job.stopped = True
            raise
        finally:
            self._finish(job)

    def _advance(self, job: _Job, seconds: float | None = None) -> bool:
        """Take frames until the job ends (True) or, where ``seconds`` is given, until they are over (False).

        With ``seconds``, a device that is busy is not waited for.
        """
        began = time.monotonic()
        before = job.elapsed
        try:
            while not (job.stopped or job.overdue):
                with turn(wait=seconds is None) as mine:
                    if not mine:
                        return False
                    if job.stopped:  # while waiting for the turn
                        break
                    with listening(job.remarks.append):
                        if job.frames is None:
                            job.frames = iter(job.start())
                        frame = next(job.frames, None)
                job.elapsed = before + time.monotonic() - began
                if frame is None:
                    return True
                job.latest = frame
                job.undrawn |= frame.parts
                pause = max(self._drawing, FRAME_INTERVAL if self._seen() else UNSEEN)
                if time.monotonic() - self._drawn_at > pause:
                    self._flush(job)
                    if job.elapsed > SHORT and not job.stopped:
                        self._report(self._status(job, "running"))
                if seconds is not None and job.elapsed > seconds:
                    return False
        except Exception as error:
            job.error = error
        return True

    def _flush(self, job: _Job) -> None:
        parts, job.undrawn = job.undrawn, {}
        replaced = job.stopped and self._waiting is not None
        if parts and not (self._closed or replaced):
            began = time.monotonic()
            self._draw(parts)
            self._drawn_at = time.monotonic()
            self._drawing = self._drawn_at - began

    def _finish(self, job: _Job) -> None:
        """Close the job, draw its last frame, say how it ended, and begin the request that waits."""
        try:
            if close := getattr(job.frames, "close", None):
                close()
            self._flush(job)
        except Exception as error:
            job.error = job.error or error
        finally:
            following = self._release(job)
            if following is not None:
                self._spawn(following)

    def _release(self, job: _Job) -> _Job | None:
        """Give up the slot, whatever happens, to the request that waits, if there is one."""
        with self._lock:
            following, self._waiting = self._waiting, None
            try:
                if following is None and not self._closed:
                    # Under the lock, so that a request that comes now cannot be reported before this end is.
                    self._report(self._status(job, "failed" if job.error else "stopped" if job.stopped else "done"))
            finally:
                if not (job.error or job.stopped or following):
                    self._last_elapsed = job.elapsed
                self._running = following
                if following is None:
                    self._idle.set()
        return following

    def _status(self, job: _Job, state: str) -> Status:
        progress = 1.0 if state == "done" else job.latest.step / max(job.latest.total, 1)
        early = job.elapsed < PATIENCE or not 0 < progress < 1
        remaining = None if early else job.elapsed * (1 - progress) / progress
        return Status(state, progress, remaining, job.error, job.elapsed, tuple(job.remarks))
