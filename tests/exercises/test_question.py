"""Choice tasks: the reply is that of the answer, and nobody sees it before."""

import inspect

import pytest
from traitlets import TraitError

from cnnviz_widgets import UserError, exercises
from cnnviz_widgets.exercises import Feedback, Question
from cnnviz_widgets.widgets.tree import close_tree

RIGHT = {
    "ask_between": "b",
    "ask_dictionary": "b",
    "ask_distances": "c",
    "ask_8_bits": "b",
    "ask_black": "d",
    "ask_blur": "c",
    "ask_brush": "c",
    "ask_checkerboard": "c",
    "ask_contrast": "b",
    "ask_dumbbell": "b",
    "ask_edges": "c",
    "ask_flipped": "d",
    "ask_forgotten": "d",
    "ask_gradient": "a",
    "ask_learned": "d",
    "ask_head": "c",
    "ask_honest_report": "c",
    "ask_sure": "b",
    "ask_which_map": "a",
    "ask_which_robot": "c",
    "ask_jpeg": "c",
    "ask_keep_colors": "a",
    "ask_name": "c",
    "ask_noise": "b",
    "ask_price": "c",
    "ask_prior": "b",
    "ask_same_picture": "b",
    "ask_shuffle": "b",
    "ask_two_maps": "c",
    "ask_transfer": "b",
    "ask_which_is_right": "d",
    "ask_why_equal": "b",
    "ask_zero": "b",
}


@pytest.fixture
def question():
    made = Question("Is *1* a prime number?", {"a": ("Yes.", "it has one divisor."), "b": ("No.", "It has one.")}, "b")
    yield made
    close_tree(made)


def test_every_question_of_the_course_is_listed():
    assert sorted(name for name in exercises.__all__ if name.startswith("ask_")) == sorted(RIGHT)


@pytest.mark.parametrize("name", RIGHT)
def test_every_answer_has_a_reply_of_its_own(name):
    asked = getattr(exercises, name)()
    assert asked.question.endswith("?")
    assert [letter for letter, _ in asked.answers] == ["a", "b", "c", "d"]
    assert inspect.getdoc(getattr(exercises, name))
    replies = {}
    for letter in "abcd":
        asked.answer = letter
        replies[letter] = asked.feedback
    assert [letter for letter, reply in replies.items() if reply] == [RIGHT[name]]
    assert len({reply.text for reply in replies.values()}) == 4
    close_tree(asked)


def test_answer_and_feedback(question):
    assert question.feedback.right is None
    assert repr(question).startswith("… Not yet: ")
    question.answer = "a"
    assert question.feedback == Feedback(False, "it has one divisor.")
    assert (question.verdict, question.reply) == ("✘ Not quite:", "it has one divisor.")
    question.answer = "b"
    assert question.feedback
    assert repr(question) == "✔ Right. It has one."
    question.answer = None
    assert (question.verdict, question.reply) == ("", "")


def test_answer_of_the_browser(question):
    question.set_state({"answer": "b"})
    assert question.verdict == "✔ Right."


def test_browser_learns_no_reply_before_the_answer(question):
    state = str(question.get_state())
    assert "it has one divisor." not in state
    assert "It has one." not in state
    assert "right" not in question.get_state()
    question.answer = "a"
    assert "It has one." not in str(question.get_state())


@pytest.mark.parametrize("answer", ["c", "B", "", 1, ["a"]])
def test_what_is_no_answer(question, answer):
    with pytest.raises((UserError, TraitError), match="answer"):
        question.answer = answer
    assert question.answer is None


def test_where_no_browser_draws_it(question):
    data, _ = question._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == repr(question)
    text = "Is *1* a prime number?\n\n- **a** Yes.\n- **b** No.\n\n**… Not yet:** "
    assert data["text/markdown"].startswith(text)
    question.answer = "b"
    assert question._repr_mimebundle_()[0]["text/markdown"].endswith("\n\n**✔ Right.** It has one.")


def test_bad_questions():
    with pytest.raises(UserError, match="answers must be at least two, not 1"):
        Question("?", {"a": ("Yes.", "so")}, "a")
    with pytest.raises(UserError, match="right must be one of 'a', 'b', not 'c'"):
        Question("?", {"a": ("Yes.", "so"), "b": ("No.", "so")}, "c")
