from dataclasses import dataclass

import pytest

from cnnviz_widgets import last
from cnnviz_widgets.errors import UserError


@dataclass(frozen=True)
class State:
    step: int
    total: int = 3


def test_last_state_and_bar(capsys):
    assert last(State(i) for i in (1, 2, 3)).step == 3
    assert capsys.readouterr().err != ""
    assert last((State(i) for i in (1, 3)), progress=False).step == 3
    assert capsys.readouterr().err == ""


def test_nothing_left():
    states = iter([State(3)])
    last(states, progress=False)
    with pytest.raises(UserError, match="only once"):
        last(states, progress=False)


def test_until_a_step():
    states = (State(i) for i in (1, 2, 3))
    assert last(states, progress=False, until=2).step == 2
    assert next(states).step == 3  # the rest can be taken later
    assert last((State(i) for i in (1, 2)), progress=False, until=5).step == 2
    with pytest.raises(UserError, match="until must be a whole number at least 1 or None, not 0"):
        last(states, until=0)
