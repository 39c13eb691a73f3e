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
    assert trials.sent == [({"do": "pictures", "serial": 1, "trials": [[0, 1], [1, 0]]}, [b"one", b"two"])]


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
