"""What was reached of a picture in the making: it goes on where it was left, and can be steered on the way."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cnnviz_widgets.panels.call import Call
from cnnviz_widgets.remarks import noting, remark


@dataclass(frozen=True)
class Plan:
    """How a picture is made: in rounds, each of which is a call that yields states and can ``start`` from one of them.

    name     of what is made, in its panel: anything that can be a key
    of       what makes it another picture, such as its size and seed: where that differs, it begins anew. Whatever else
             the calls say may change on the way
    begin    (round from 1, last state of the round before, or None) -> call
    picture  the variable of a picture, as the calls write it, where a round begins with the picture of the one before;
             otherwise it goes on from its state
    options  (round) -> what its call is given beside, and what does not change the pictures: it is not written
    """

    name: Any
    of: tuple
    begin: Callable[[int, Any], Call]
    picture: str = ""
    options: Callable[[int], dict[str, Any]] = lambda number: {}


@dataclass
class Segment:
    """A call that made steps ``until`` the next one took over; 0 = it is still to come."""

    round: int
    call: Call
    until: int = 0


class Growth:
    """The states of a plan, as far as they have come.

    Where the plan says something else than the call under way, that call ends where it is, and the new one starts from
    its last state. What has come to its end begins anew.
    """

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self.ends: list[Any] = []  # last state of every whole round
        self._latest: Any = None  # of the round under way
        self.segments: list[Segment] = []

    @property
    def last(self) -> Any:
        """The last state of all, or None."""
        return self._latest or (self.ends[-1] if self.ends else None)

    def states(self, plan: Plan, rounds: int) -> Iterator[tuple[int, Any]]:
        """(round, state), from what was reached to the end of so many rounds."""
        if self._whole_otherwise(plan, rounds):
            self._forget()
        done = min(len(self.ends), rounds)
        if done < rounds and self._latest is not None:
            yield done + 1, self._latest
        elif done:
            yield done, self.ends[done - 1]
        while len(self.ends) < rounds:
            number, before = len(self.ends) + 1, self.ends[-1] if self.ends else None
            segment = Segment(number, plan.begin(number, before))
            if self.segments and _alike(self.segments[-1], segment):
                segment = self.segments[-1]
            start = self._latest or (None if plan.picture else before)
            begun = {} if start is None else {"start": start}  # else where the call itself says
            try:
                for state in segment.call(**begun, **plan.options(number)):
                    self._note(segment, state)
                    yield number, state
            except Exception:
                self._latest = None
                self.segments = [one for one in self.segments if one.round < number]
                raise

    def _note(self, segment: Segment, state: Any) -> None:
        if segment not in self.segments:
            self.segments.append(segment)
        segment.until = state.step
        if state.step < state.total:
            self._latest = state
        else:
            self.ends.append(state)
            self._latest = None

    def _whole_otherwise(self, plan: Plan, rounds: int) -> bool:
        """Whether all rounds have come to their end, and the last one in another way than is planned."""
        if len(self.ends) < rounds:
            return False
        made = [one for one in self.segments if one.round == rounds]
        return not _alike(made[-1], Segment(rounds, plan.begin(rounds, None)))

    def program(self, plan: Plan, rounds: int, variable: str) -> list[str]:
        """The lines that leave the last state in a variable: the calls that led here, and those that are to come."""
        known = Growth() if self._whole_otherwise(plan, rounds) else self
        segments = [one for one in known.segments if one.round <= rounds]
        for number in range(len(known.ends) + 1, rounds + 1):
            planned = Segment(number, plan.begin(number, None))
            if not (segments and _alike(segments[-1], planned)):
                segments.append(planned)
        lines: list[str] = []
        before = 0
        for segment, following in zip(segments, [*segments[1:], None], strict=True):
            more = {"start": variable} if lines and not (plan.picture and segment.round != before) else {}
            if lines and not more:
                lines.append(f"{plan.picture} = {variable}.values")
            until = f", until={segment.until}" if following and following.round == segment.round else ""
            lines.append(f"{variable} = cnnviz.last({segment.call.written(**more)}{until})")
            before = segment.round
        return lines


class Kept:
    """An iterator of states that goes on where it was left, and says again what it had to say.

    halted  whether it stays where it is: what is there is looked at, and no more is computed
    """

    def __init__(self) -> None:
        self.halted = False
        self._forget()

    def _forget(self) -> None:
        self.last: Any = None
        self._states: Iterator[Any] | None = None
        self._heard: list[str] = []

    def states(self, begin: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        """The last state, if there is one, and those that are still to come."""
        if self.last is not None:
            for sentence in self._heard:
                remark(sentence)
            yield self.last
        states = self._states = self._states or begin()
        try:
            while not self.halted:
                with noting(self._heard):
                    state = next(states, None)
                if state is None:
                    break
                self.last = state
                yield state
        except (Exception, KeyboardInterrupt):  # an iterator that was interrupted is at its end
            self._forget()
            raise


def _alike(one: Segment, other: Segment) -> bool:
    return one.round == other.round and str(one.call) == str(other.call)
