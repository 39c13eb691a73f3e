"""Trials: what is loaded is sent when it begins, and only answers to that count."""

import pytest

from cnnviz_widgets.widgets.trial import Answer, Trials


@pytest.fixture
def trials(monkeypatch):
    made = Trials(question="Which?", choices=["a", "b"])
    sent = []
    monkeypatch.setattr(made, "send", lambda message, buffers=None: sent.append((message, buffers)))
    made.sent = sent
    yield made
    made.close()


def test_pictures_are_sent_when_it_begins_and_not_before(trials):
    trials.load([b"one", b"two"], [(0, 1), (1, 0)])
    assert trials.count == 2
    assert trials.sent == []
    assert not any(isinstance(value, bytes) for value in trials.get_state(["count", "table", "question"]).values())
    trials._receive(trials, {"do": "begin"}, [])
    begun = {"do": "pictures", "serial": 1, "trials": [[0, 1], [1, 0]], "asked": []}
    assert trials.sent == [(begun, [b"one", b"two"])]


def test_questions_of_their_own_go_with_the_pictures_and_bound_the_answers(trials):
    heard = []
    trials.on_answer(heard.append)
    trials.load([b"one"], [(0, 0), (0, 0)], [("Which?", ("a", "b")), ("How?", ("x", "y", "z"))])
    trials._receive(trials, {"do": "begin"}, [])
    assert trials.sent[0][0]["asked"] == [["Which?", ["a", "b"]], ["How?", ["x", "y", "z"]]]
    answer = {"do": "answer", "serial": 1, "choice": 2, "frames": None, "ms": 1000.0}
    trials._receive(trials, {**answer, "trial": 0}, [])  # it has two answers
    trials._receive(trials, {**answer, "trial": 1}, [])
    assert heard == [None, Answer(1, 2, None, 1000.0)]


def test_answers_to_what_was_loaded_before_do_not_count(trials):
    heard = []
    trials.on_answer(heard.append)
    trials.load([b"one"], [(0, 0)])
    trials._receive(trials, {"do": "begin"}, [])
    answer = {"do": "answer", "serial": 1, "trial": 0, "choice": 1, "frames": 4, "ms": 66.7}
    trials._receive(trials, answer, [])
    trials._receive(trials, {**answer, "frames": None}, [])
    trials.load([b"other"], [(0, 0)])
    for message in (answer, {**answer, "serial": 2, "choice": 2}, {"do": "answer"}, {}):
        trials._receive(trials, message, [])
    assert heard == [None, Answer(0, 1, 4, 66.7), Answer(0, 1, None, 66.7)]
