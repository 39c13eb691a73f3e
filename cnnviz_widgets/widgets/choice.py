"""A question with radio buttons, and what is said of the answer."""

from collections.abc import Mapping

import traitlets as t

from cnnviz_widgets.widgets.front_end import BrowserWidget, described, spoken


class Choice(BrowserWidget):
    """Choose one of a few answers and press Check. What the answer is worth, Python says.

    question  what is asked; it names the group of buttons for screen readers
    answers   [name, words] of each
    answer    name of the one that was handed in; None = none yet
    verdict, reply
              what is shown below, such as "✔ Right." and why

    The arrow keys go from answer to answer, Enter hands in. `code` and *emphasis* are typeset in all texts.
    """

    module = "choice.js"

    question = t.Unicode("").tag(sync=True, to_json=spoken)
    answers = t.List(t.List(t.Unicode())).tag(sync=True, to_json=described)
    answer = t.Unicode(None, allow_none=True).tag(sync=True)
    verdict = t.Unicode("").tag(sync=True, to_json=spoken)
    reply = t.Unicode("").tag(sync=True, to_json=spoken)

    def __init__(self, question: str, answers: Mapping[str, str]) -> None:
        super().__init__(question=question, answers=[list(pair) for pair in answers.items()])
