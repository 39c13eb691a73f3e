"""Questions with a few answers to choose from: a reply for each says why it is wrong, or why it is right."""

from collections.abc import Mapping
from typing import Any

from traitlets import observe, validate

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.exercises.feedback import Feedback
from cnnviz_widgets.gate import came
from cnnviz_widgets.language import said
from cnnviz_widgets.widgets.choice import Choice

OPEN = Feedback(None, "choose one of the answers, and press *Check*.")


class Question(Choice):
    """A choice task, drawn as radio buttons, and answered in the browser or by ``question.answer = "b"``.

    question  what is asked; ``code`` between backticks and *emphasis* between stars are typeset
    answers   name of each answer, such as "a" -> (what it says, the reply to whoever chooses it)
    right     the name of the right answer

    The replies stay in Python until an answer is given. ``answer`` is None until then, and ``feedback`` says how it
    was, in the form of any check of the course. Where no browser draws it, a notebook shows it as text.
    Raises UserError for fewer than two answers, for a ``right`` that is none of them, and when another is given.

        Question("Is 1 a prime number?", {"a": ("Yes.", "it has one divisor only."), "b": ("No.", "It has one.")}, "b")
    """

    def __init__(self, question: str, answers: Mapping[str, tuple[str, str]], right: str) -> None:
        if len(answers) < 2:
            raise UserError(f"answers must be at least two, not {len(answers)}.")
        if right not in answers:
            raise UserError(f"right must be one of {', '.join(map(repr, answers))}, not {came(right)}.")
        self._replies = {name: reply for name, (_, reply) in answers.items()}
        self._right = right
        super().__init__(question, {name: words for name, (words, _) in answers.items()})

    @property
    def feedback(self) -> Feedback:
        """How the answer was: right, wrong, or not yet given."""
        return OPEN if self.answer is None else Feedback(self.answer == self._right, self._replies[self.answer])

    def __repr__(self) -> str:
        return repr(self.feedback)

    @validate("answer")
    def _one_of_them(self, proposal: Any) -> str | None:
        answer = proposal["value"]
        if answer is None or answer in self._replies:
            return answer
        raise UserError(f"answer must be one of {', '.join(map(repr, self._replies))}, not {came(answer)}.")

    @observe("answer")
    def _reply(self, _: Any) -> None:
        feedback = self.feedback
        self.verdict, self.reply = (feedback.verdict, feedback.text) if self.answer else ("", "")

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        listed = "".join(f"\n- **{name}** {said(words)}" for name, words in self.answers)
        text = f"{said(self.question)}\n{listed}\n\n{self.feedback._repr_markdown_()}"
        return data | {"text/plain": repr(self), "text/markdown": text}, metadata
