"""What is made goes on where it was left, is steered on the way, and its program tells how it came to be."""

from dataclasses import dataclass
from itertools import islice

import numpy as np
import pytest
import torch

import cnnviz_widgets as cnnviz
from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.panels.call import As, Call
from cnnviz_widgets.panels.growth import Growth, Kept, Plan
from cnnviz_widgets.panels.making import side_by_side
from cnnviz_widgets.panels.terms import POINTS, Terms
from cnnviz_widgets.remarks import listening, remark


@dataclass(frozen=True)
class State:
    step: int
    total: int
    values: float


def add(picture=None, *, weight=1.0, steps=4, start=None):
    """Adds ``weight`` in every step."""
    value, done = (picture or 0.0, 0) if start is None else (start.values, start.step)
    for step in range(done + 1, steps + 1):
        value += weight
        yield State(step, steps, value)


def fails(*, steps=4, start=None):
    yield from islice(add(start=start), 1)
    raise ValueError("no more")


def interrupted(*, start=None):
    for state in add(start=start):
        if state.step == 3 and start is None:
            raise KeyboardInterrupt
        yield state


def going_on(weight, steps=4):
    return Plan("sum", (steps,), lambda number, before: Call(add, weight=weight, steps=number * steps))


def of_pictures(weight):
    def begin(number, before):
        return Call(add, As(0.0 if before is None else before.values, "picture"), weight=weight)

    return Plan("sum", (), begin, "picture")


def made_by(lines, monkeypatch):
    monkeypatch.setattr(cnnviz, "add", add, raising=False)
    scope = {"cnnviz": cnnviz, "picture": 0.0}
    exec("\n".join(lines), scope)
    return scope["state"]


@pytest.mark.parametrize("plan", [going_on, of_pictures])
@pytest.mark.parametrize("stops", [(), (1,), (2, 1), (4,), (5, 1, 1)])
def test_left_and_taken_up_it_is_as_never_left(plan, stops, monkeypatch):
    growth, told = Growth(), []
    for stop in stops:
        told += islice(growth.states(plan(1.0), 2), stop)
    told += growth.states(plan(1.0), 2)
    assert told[-1][1].values == growth.last.values == 8
    numbers = [4 * (number - 1) + (state.step - 1) % 4 for number, state in told]
    assert numbers == sorted(numbers)
    program = growth.program(plan(1.0), 2, "state")
    assert len([line for line in program if "last" in line]) == 2
    assert made_by(program, monkeypatch).values == 8


@pytest.mark.parametrize("plan", [going_on, of_pictures])
def test_steered_it_keeps_what_it_has(plan, monkeypatch):
    growth = Growth()
    list(islice(growth.states(plan(1.0), 2), 3))
    list(islice(growth.states(plan(10.0), 2), 3))  # again the third, then the end of the round, and a step of the next
    states = [state for _, state in growth.states(plan(100.0), 2)]
    assert [state.values for state in states[-3:]] == [123, 223, 323]
    assert growth.last.values == 323
    program = growth.program(plan(100.0), 2, "state")
    assert ["until=" in line for line in program if "last" in line] == [True, False, True, False]
    assert made_by(program, monkeypatch).values == 323


def test_the_program_is_known_before_the_next_step():
    growth = Growth()
    list(islice(growth.states(going_on(1.0), 1), 2))
    assert growth.program(going_on(10.0), 1, "state") == [
        "state = cnnviz.last(cnnviz.add(), until=2)",
        "state = cnnviz.last(cnnviz.add(weight=10.0, start=state))",
    ]


def test_what_made_no_step_is_not_told():
    growth = Growth()
    list(islice(growth.states(going_on(1.0), 1), 2))
    for weight in range(2, 9):
        list(islice(growth.states(going_on(float(weight)), 1), 1))  # only what was reached is shown
    list(growth.states(going_on(9.0), 1))
    assert growth.program(going_on(9.0), 1, "state") == [
        "state = cnnviz.last(cnnviz.add(), until=2)",
        "state = cnnviz.last(cnnviz.add(weight=9.0, start=state))",
    ]


def test_what_is_whole_begins_anew():
    growth = Growth()
    list(growth.states(going_on(1.0), 1))
    assert growth.program(going_on(2.0), 1, "state") == ["state = cnnviz.last(cnnviz.add(weight=2.0))"]
    assert [state.values for _, state in growth.states(going_on(2.0), 1)] == [2, 4, 6, 8]
    assert [state.values for _, state in growth.states(going_on(2.0), 1)] == [8]


def test_a_round_more_and_one_less():
    growth = Growth()
    list(growth.states(going_on(1.0), 1))
    assert [state.values for _, state in growth.states(going_on(1.0), 2)] == [4, 5, 6, 7, 8]
    assert [state.values for _, state in growth.states(going_on(1.0), 1)] == [4]
    assert growth.program(going_on(1.0), 1, "state") == ["state = cnnviz.last(cnnviz.add())"]


def test_what_fails_begins_its_round_anew():
    growth = Growth()
    list(growth.states(going_on(1.0), 1))
    with pytest.raises(ValueError, match="no more"):
        list(growth.states(Plan("sum", (), lambda *_: Call(fails)), 2))
    assert [state.values for _, state in growth.states(going_on(1.0), 2)] == [4, 5, 6, 7, 8]


def test_an_interrupt_loses_no_step():
    plan, growth = Plan("sum", (), lambda *_: Call(interrupted)), Growth()
    with pytest.raises(KeyboardInterrupt):
        list(growth.states(plan, 1))
    assert [state.step for _, state in growth.states(plan, 1)] == [2, 3, 4]

    kept = Kept()
    with pytest.raises(KeyboardInterrupt):
        list(kept.states(interrupted))
    assert [state.step for state in kept.states(lambda: add())] == [1, 2, 3, 4]


def test_an_iterator_is_kept():
    kept = Kept()
    assert [state.step for state in islice(kept.states(add), 2)] == [1, 2]
    assert [state.step for state in kept.states(lambda: pytest.fail("it is there"))] == [2, 3, 4]
    assert [state.step for state in kept.states(lambda: pytest.fail("it is there"))] == [4]


def remarking():
    for state in add():
        remark(f"step {state.step}")
        yield state


def test_what_was_remarked_upon_is_said_again():
    kept, heard = Kept(), []
    with listening(heard.append):
        list(islice(kept.states(remarking), 2))
        assert heard == ["step 1", "step 2"]
        heard.clear()
        assert [state.step for state in islice(kept.states(remarking), 2)] == [2, 3]
    assert heard == ["step 1", "step 2", "step 3"]


def test_what_is_halted_is_looked_at_and_makes_no_more():
    kept = Kept()
    list(islice(kept.states(add), 2))
    kept.halted = True
    assert [state.step for state in kept.states(add)] == [2]
    kept.halted = False
    assert [state.step for state in kept.states(add)] == [2, 3, 4]


def test_a_tile_that_is_still_to_come_is_gray():
    picture = torch.rand(3, 4, 6)
    shown = side_by_side({"one": picture, "two …": None}, keys=(7, 8), caption="1 of 2")
    np.testing.assert_array_equal(shown.picture, [rgb(picture), np.full((4, 6, 3), 128, np.uint8)])
    assert (shown.names, shown.keys, shown.caption) == (("one", "two …"), (7, 8), "1 of 2")
    assert side_by_side({"one …": None}, 5).size == (5, 5)


def test_terms_are_drawn_up_to_a_step_and_not_too_often(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("cnnviz_widgets.panels.terms.time.monotonic", lambda: now[0])
    terms = Terms()
    for step in range(1, 501):
        terms.note(step, {"score": float(step)} | ({"l2": 0.5} if step > 250 else {}))
    drawn = terms.chart(500, 900)["curves"]
    (steps, values), late = drawn["curves"]["score"], drawn["curves"]["l2"][0]
    assert values == [float(step) for step in steps]
    assert steps[-1] == 500
    assert len(steps) <= POINTS + 1
    assert min(late) > 250
    assert (drawn["numbers"], drawn["end"]) == ({"score": "500", "l2": "0.5"}, 900)
    assert terms.chart(500, 900) == {}
    assert terms.chart(500, 500)["curves"]["curves"]["score"][0] == steps  # the end is always drawn
    now[0] += 1
    assert terms.chart(10, 900)["curves"]["curves"]["score"][0][-1] == 10
    assert len(terms.known) == 500
    terms.note(1, {"score": 3.0})  # begins anew, and is drawn at once
    assert [*terms.known] == [1]
    assert terms.chart(1, 900)["curves"]["curves"] == {"score": ([1], [3.0])}
