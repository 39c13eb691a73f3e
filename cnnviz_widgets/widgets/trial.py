"""Two-choice trials: a picture for a few frames, a mask, and a key; the browser counts the frames."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import traitlets as t

from cnnviz_widgets.widgets.front_end import BrowserWidget
from cnnviz_widgets.widgets.traits import Number


class Answer(NamedTuple):
    """What was chosen in a trial (0 = left, 1 = right); the frames that the picture stood, and ms from first to last.

    frames  None where the page asks for reduced motion: the picture then stands until it is answered
    """

    trial: int
    choice: int
    frames: int | None
    ms: float


class Trials(BrowserWidget):
    """Shows a cross, a picture for ``milliseconds``, and its mask, until ← or → (or a button) answers; then the next.

    question      what is asked;  choices  the words of the left and the right answer
    milliseconds  for which a picture stands: so many frames of the screen as come nearest to it
    count         trials that are loaded; 0 = none yet, and ``waiting`` says why
    loaded        how often others were loaded: an answer to earlier ones does not count
    table, note   what is said of the answers so far: rows of cells, the first one the head, and a sentence

    From one picture to the next at least a second passes, and each changes to its mask and back to gray: that is fewer
    than three flashes a second. Where the page asks for reduced motion, nothing flashes. The browser sends only
    messages and never sets a trait, so a worker thread may set them. The pictures are sent when it begins, and are not
    saved with the notebook.
    """

    module = "trial.js"

    question = t.Unicode("").tag(sync=True)
    choices = t.List(t.Unicode(), ["left", "right"], minlen=2, maxlen=2).tag(sync=True)
    milliseconds = Number(70, 1, 2000, whole=True).tag(sync=True)
    count = t.Int(0).tag(sync=True)
    loaded = t.Int(0).tag(sync=True)
    waiting = t.Unicode("").tag(sync=True)
    table = t.List(t.List(t.Unicode())).tag(sync=True)
    note = t.Unicode("").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._loaded: tuple[Sequence[bytes], Sequence[tuple[int, int]]] = ((), ())
        self._handlers: list[Callable[[Answer | None], None]] = []
        self.on_msg(self._receive)

    def load(self, pictures: Sequence[bytes], trials: Sequence[tuple[int, int]]) -> None:
        """pictures: files, such as PNG;  trials: the numbers of the picture and of its mask, in this order."""
        self._loaded = pictures, trials
        self.count = len(trials)
        self.loaded += 1

    def on_answer(self, handler: Callable[[Answer | None], None]) -> None:
        """Call ``handler`` with every answer, and with None when the trials begin, or begin anew."""
        self._handlers.append(handler)

    def _receive(self, _: Any, message: dict, __: Any) -> None:
        match message:
            case {"do": "begin"}:
                pictures, trials = self._loaded
                self._tell(None)
                self.send({"do": "pictures", "serial": self.loaded, "trials": list(map(list, trials))}, [*pictures])
            case {"do": "answer", "serial": self.loaded, "trial": trial, "choice": 0 | 1 as choice, "ms": ms}:
                frames = message.get("frames")
                self._tell(Answer(int(trial), choice, None if frames is None else int(frames), float(ms)))

    def _tell(self, answer: Answer | None) -> None:
        for handler in self._handlers:
            handler(answer)
