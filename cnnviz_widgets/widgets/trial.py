"""Trials with a choice: a picture, for a few frames or until the answer, and a key; the browser counts the frames."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import traitlets as t

from cnnviz_widgets.widgets.front_end import BrowserWidget, spoken
from cnnviz_widgets.widgets.traits import Number


class Answer(NamedTuple):
    """What was chosen in a trial, from 0; the frames that the picture stood, and ms from first to last.

    frames  None where the picture stood until it was answered
    """

    trial: int
    choice: int
    frames: int | None
    ms: float


Asked = tuple[str, Sequence[str]]  # a question, and the answers to choose from


class Trials(BrowserWidget):
    """Shows a cross, a picture for ``milliseconds``, and its mask, until a key (or a button) answers; then the next.

    question      what is asked;  choices  the answers in words: two have the keys ← and →, several 1, 2 …
    milliseconds  for which a picture stands: so many frames of the screen as come nearest to it; 0 = until the answer,
                  without cross and mask
    stage         width and height of the place for the pictures, in px
    count         trials that are loaded; 0 = none yet, and ``waiting`` says why
    loaded        how often others were loaded: an answer to earlier ones does not count
    table, note   what is said of the answers so far: rows of cells, the first one the head, and a sentence
    file          the answers as a text that a button downloads; "" = there is no button

    From one picture to the next at least a second passes, and each changes to its mask and back to gray: that is fewer
    than three flashes a second. Where the page asks for reduced motion, nothing flashes. The browser sends only
    messages and never sets a trait, so a worker thread may set them. The pictures are sent when it begins, and are not
    saved with the notebook.
    """

    module = "trial.js"

    question = t.Unicode("").tag(sync=True, to_json=spoken)
    choices = t.List(t.Unicode(), ["left", "right"], minlen=2, maxlen=9).tag(sync=True, to_json=spoken)
    milliseconds = Number(70, 0, 2000, whole=True).tag(sync=True)
    stage = t.Tuple(t.Int(), t.Int(), default_value=(320, 320)).tag(sync=True)
    count = t.Int(0).tag(sync=True)
    loaded = t.Int(0).tag(sync=True)
    waiting = t.Unicode("").tag(sync=True, to_json=spoken)
    table = t.List(t.List(t.Unicode())).tag(sync=True, to_json=spoken)
    note = t.Unicode("").tag(sync=True, to_json=spoken)
    file = t.Unicode("").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._loaded: tuple[Sequence[bytes], Sequence[tuple[int, int]], Sequence[Asked]] = ((), (), ())
        self._handlers: list[Callable[[Answer | None], None]] = []
        self.on_msg(self._receive)

    def load(self, pictures: Sequence[bytes], trials: Sequence[tuple[int, int]], asked: Sequence[Asked] = ()) -> None:
        """pictures: files, such as PNG;  trials: the numbers of the picture and of its mask, in this order.

        asked: for each trial its own question, and its choices; () = it is the same for all
        """
        self._loaded = pictures, trials, asked
        self.count = len(trials)
        self.loaded += 1

    def on_answer(self, handler: Callable[[Answer | None], None]) -> None:
        """Call ``handler`` with every answer, and with None when the trials begin, or begin anew."""
        self._handlers.append(handler)

    def _receive(self, _: Any, message: dict, __: Any) -> None:
        match message:
            case {"do": "begin"}:
                pictures, trials, asked = self._loaded
                self._tell(None)
                begun = {"do": "pictures", "serial": self.loaded, "trials": list(map(list, trials))}
                self.send(begun | {"asked": [[question, [*choices]] for question, choices in asked]}, [*pictures])
            case {"do": "answer", "serial": self.loaded, "trial": int(trial), "choice": int(choice), "ms": ms}:
                asked = self._loaded[2]
                if 0 <= choice < len(asked[trial][1] if asked else self.choices):
                    frames = message.get("frames")
                    self._tell(Answer(trial, choice, None if frames is None else int(frames), float(ms)))

    def _tell(self, answer: Answer | None) -> None:
        for handler in self._handlers:
            handler(answer)
