"""The runner against its promises: newest wins, nothing queues up, Stop and errors keep what was reached."""

import subprocess
import sys
import threading
import time

import pytest

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.remarks import remark
from cnnviz_widgets.runtime import runner as runner_module
from cnnviz_widgets.runtime.runner import Frame, Runner


class Screen:
    """Records what is drawn and reported, by which thread."""

    def __init__(self) -> None:
        self.drawn, self.reports, self.threads = [], [], []
        self.runner = Runner(self.draw, self.reports.append)

    def draw(self, parts: dict) -> None:
        self.drawn.append(parts["value"])
        self.threads.append(threading.current_thread())

    def states(self) -> list[str]:
        return [report.state for report in self.reports]


@pytest.fixture
def screen() -> Screen:
    return Screen()


def steps(value, count=1, seconds=0.0, log=None):
    """``count`` frames, each after ``seconds`` of work."""

    def start():
        for step in range(count):
            time.sleep(seconds)
            if log is not None:
                log.append((value, step))
            yield Frame({"value": (value, step)}, step + 1, count)

    return start


def test_all_frames_of_slow_work_are_drawn_in_order(screen):
    screen.runner.submit(steps("a", 4, 0.06))
    assert screen.runner.wait(5)
    assert screen.drawn == [("a", i) for i in range(4)]
    assert screen.states()[0] == "running"
    assert screen.states()[-1] == "done"
    assert screen.reports[-1].progress == 1


def test_frames_are_drawn_at_most_twenty_times_a_second_and_the_last_one_always(screen):
    began = time.monotonic()
    screen.runner.submit(steps("a", 200, 0.002))
    screen.runner.wait(20)
    allowed = (time.monotonic() - began) / runner_module.FRAME_INTERVAL + 2
    assert len(screen.drawn) <= allowed
    assert screen.drawn[-1] == ("a", 199)


def test_drawing_takes_no_more_than_half_of_the_time():
    drawn = []

    def draw(parts):
        time.sleep(0.1)
        drawn.append(parts["value"])

    began = time.monotonic()
    Runner(draw).run(steps("a", 80, 0.005))
    assert 2 <= len(drawn) <= (time.monotonic() - began) / 0.2 + 1
    assert drawn[-1] == ("a", 79)


def test_a_burst_of_requests_is_coalesced_and_the_last_one_is_computed(screen):
    log, began = [], time.monotonic()
    for value in range(100):
        screen.runner.submit(steps(value, 1, 0.2, log))
        time.sleep(0.005)
    assert screen.runner.wait(10)
    assert log[-1] == (99, 0)
    assert len(log) <= (time.monotonic() - began) / 0.2 + 2  # at 0.2 s each, also where a busy machine sleeps longer
    assert screen.drawn[-1] == (99, 0)


def test_pictures_keep_coming_during_a_drag(screen):
    began = time.monotonic()
    for value in range(40):
        screen.runner.submit(steps(value, 3, 0.05))
        time.sleep(0.025)
    during = len(screen.drawn)
    assert screen.runner.wait(10)
    assert during >= 3, f"{during} frames in {time.monotonic() - began:.1f} s"


def test_a_newer_request_cancels_long_work_after_the_grace_time(screen):
    log = []
    screen.runner.submit(steps("long", 100, 0.05, log))
    time.sleep(0.2)
    asked = time.monotonic()
    screen.runner.submit(steps("new", 1, 0.0, log))
    assert screen.runner.wait(5)
    assert time.monotonic() - asked < runner_module.GRACE + 0.3
    assert log[-1] == ("new", 0)
    assert len(log) < 20


def test_a_stroke_ends_what_runs_with_its_step(screen):
    log = []
    screen.runner.submit(steps("long", 100, 0.05, log))
    while len(log) < 3:
        time.sleep(0.01)
    screen.runner.submit(steps("new", 1, 0.0, log), at_once=True)
    done, drawn = len(log), len(screen.drawn)
    assert screen.runner.wait(5)
    assert len(log) <= done + 2  # the step under way, and the new one
    assert screen.drawn[-1] == ("new", 0)
    assert len(screen.drawn) <= drawn + 2  # one may have been drawn just then


def test_work_that_ends_within_the_grace_time_is_finished(screen):
    log = []
    screen.runner.submit(steps("short", 4, 0.05, log))
    time.sleep(0.06)
    screen.runner.submit(steps("new", 1, 0.0, log))
    screen.runner.wait(5)
    assert log == [("short", 0), ("short", 1), ("short", 2), ("short", 3), ("new", 0)]


def test_short_work_is_done_in_the_callback(screen):
    screen.runner.submit(steps("first"))
    screen.runner.wait(5)
    screen.runner.submit(steps("second"))
    assert screen.drawn[-1] == ("second", 0)
    assert screen.threads[-1] is threading.current_thread()


def test_work_that_turns_out_long_leaves_the_callback(screen):
    screen.runner.submit(steps("first"))
    screen.runner.wait(5)
    began = time.monotonic()
    screen.runner.submit(steps("long", 20, 0.05))
    assert time.monotonic() - began < runner_module.SHORT + 0.15
    assert screen.runner.wait(10)
    assert screen.drawn[-1] == ("long", 19)


def test_stop_answers_after_the_current_step_and_keeps_the_picture(screen):
    screen.runner.submit(steps("a", 1000, 0.02))
    time.sleep(0.3)
    asked = time.monotonic()
    screen.runner.stop()
    assert screen.runner.wait(5)
    assert time.monotonic() - asked < 0.3
    assert screen.states()[-1] == "stopped"
    reached = screen.drawn[-1][1]
    assert 5 <= reached <= 20
    assert screen.reports[-1].progress == pytest.approx((reached + 1) / 1000, abs=0.002)


def test_stop_forgets_the_request_that_waits(screen):
    log = []
    screen.runner.submit(steps("a", 50, 0.02, log))
    screen.runner.submit(steps("b", 1, 0.0, log))
    screen.runner.stop()
    screen.runner.wait(5)
    assert all(value == "a" for value, _ in log)


@pytest.mark.parametrize("error", [UserError("size must be even, not 3."), RuntimeError("boom")])
def test_an_error_keeps_the_picture_and_the_runner_goes_on(screen, error):
    def start():
        yield Frame({"value": "reached"})
        raise error

    screen.runner.submit(start)
    screen.runner.wait(5)
    status = screen.reports[-1]
    assert status.state == "failed"
    assert status.sentence == (str(error) if isinstance(error, UserError) else "RuntimeError: boom")
    assert "Traceback" in status.details
    assert screen.drawn == ["reached"]
    screen.runner.submit(steps("after"))
    screen.runner.wait(5)
    assert screen.drawn[-1] == ("after", 0)
    assert screen.states()[-1] == "done"


def test_run_computes_in_this_thread_and_raises(screen):
    screen.runner.run(steps("a", 3))
    assert screen.drawn[-1] == ("a", 2)
    assert set(screen.threads) == {threading.current_thread()}

    def fail():
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        screen.runner.run(fail)
    assert screen.states()[-1] == "failed"


def test_run_replaces_what_runs(screen):
    log = []
    screen.runner.submit(steps("slow", 100, 0.02, log))
    time.sleep(0.1)
    screen.runner.run(steps("now", 1, 0.0, log))
    assert log[-1] == ("now", 0)
    assert screen.drawn[-1] == ("now", 0)


def test_an_interrupt_ends_run_and_keeps_the_picture(screen):
    def start():
        yield Frame({"value": "reached"})
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        screen.runner.run(start)
    assert screen.drawn == ["reached"]
    assert screen.states()[-1] == "stopped"
    screen.runner.run(steps("after"))
    assert screen.drawn[-1] == ("after", 0)


def test_a_browser_that_has_not_drawn_gets_no_further_frame_until_the_time_out(screen):
    blind = Screen()
    blind.runner = Runner(blind.draw, blind.reports.append, seen=lambda: False)
    blind.runner.submit(steps("a", 60, 0.02))
    blind.runner.wait(10)
    assert 2 <= len(blind.drawn) <= 5  # the first, one each half second, and the last
    assert blind.drawn[-1] == ("a", 59)


def test_parts_that_were_skipped_are_merged_into_the_next_frame():
    seen = {}
    runner = Runner(seen.update)

    def start():
        yield Frame({"map": 1})
        yield Frame({"bars": 2})
        yield Frame({"map": 3})

    runner.run(start)
    assert seen == {"map": 3, "bars": 2}


def test_one_computation_at_a_time_across_panels():
    busy, most = [0], [0]

    def start():
        for _ in range(10):
            busy[0] += 1
            most[0] = max(most[0], busy[0])
            time.sleep(0.01)
            busy[0] -= 1
            yield Frame({})

    runners = [Runner(lambda parts: None) for _ in range(4)]
    for runner in runners:
        runner.submit(start)
    assert all(runner.wait(10) for runner in runners)
    assert most[0] == 1


def test_a_closed_runner_accepts_nothing(screen):
    screen.runner.submit(steps("a", 100, 0.02))
    time.sleep(0.1)
    screen.runner.close()
    assert screen.runner.wait(5)
    count = len(screen.drawn)
    screen.runner.submit(steps("b"))
    time.sleep(0.05)
    assert len(screen.drawn) == count


def test_no_thread_is_left_behind(screen):
    before = threading.active_count()
    for value in range(20):
        screen.runner.submit(steps(value, 2, 0.01))
    screen.runner.wait(5)
    time.sleep(0.05)
    assert threading.active_count() <= before


def test_an_interrupt_of_the_callback_leaves_the_runner_usable(screen):
    screen.runner.run(steps("first"))

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        screen.runner.submit(interrupted)
    assert screen.runner.wait(1)
    screen.runner.run(steps("after"))
    assert screen.drawn[-1] == ("after", 0)


def test_a_report_that_fails_leaves_the_runner_usable():
    drawn = []

    def report(status):
        raise RuntimeError("the browser is gone")

    runner = Runner(drawn.append, report)
    with pytest.raises(RuntimeError):
        runner.run(steps("a"))
    assert runner.wait(1)
    with pytest.raises(RuntimeError):
        runner.run(steps("b"))
    assert drawn[-1] == {"value": ("b", 0)}


def test_work_on_something_new_is_not_expected_to_be_short(screen):
    screen.runner.run(steps("first"))
    screen.runner.submit(steps("second", 1, 0.1), afresh=True)
    assert screen.drawn == [("first", 0)]
    screen.runner.wait(5)
    assert screen.threads[-1] is not threading.current_thread()


def test_stop_says_that_it_has_heard(screen):
    screen.runner.submit(steps("a", 5, 0.3))
    time.sleep(0.1)
    screen.runner.stop()
    assert screen.states()[-1] == "stopping"
    screen.runner.wait(5)
    assert screen.states()[-1] == "stopped"


def test_what_a_computation_has_to_say_is_told_with_its_status(screen, recwarn):
    def start(sentence):
        def frames():
            remark(sentence)
            yield Frame({"value": 0})
            remark(sentence + " again")

        return frames

    screen.runner.submit(start("one"))
    assert screen.runner.wait(5)
    assert screen.reports[-1].remarks == ("one", "one again")
    screen.runner.run(start("two"))
    assert screen.reports[-1].remarks == ("two", "two again")
    assert not recwarn.list


LEFT = """
import time
import torch
from cnnviz_widgets.runtime.runner import Frame, Runner

def frames():
    large = torch.rand(1500, 1500)
    while True:
        large @ large  # without the interpreter, which is gone when this returns
        yield Frame()

runner = Runner(lambda parts: None)
runner.submit(frames)
time.sleep(0.5)
{end}
"""


@pytest.mark.parametrize("end", ["runner.close()", ""], ids=["closed", "left running"])
def test_python_ends_in_peace_while_a_step_runs(end):
    """Without the wait for the step, four of four such processes were aborted."""
    done = subprocess.run([sys.executable, "-c", LEFT.format(end=end)], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def synchronous(monkeypatch):
    monkeypatch.setenv("CNNVIZ_SYNC", "1")


@pytest.mark.usefixtures("synchronous")
def test_where_no_thread_may_be_all_is_computed_at_once(screen):
    for value in range(3):
        screen.runner.submit(steps(value, 3, 0.06))
        assert screen.drawn[-1] == (value, 2)
    assert {*screen.threads} == {threading.current_thread()}
    assert screen.states()[-1] == "done"


@pytest.mark.usefixtures("synchronous")
def test_where_no_thread_may_be_an_interrupt_ends_the_work_and_keeps_the_picture(screen):
    def start():
        yield from steps("a", 1, 0.06)()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        screen.runner.submit(start)
    assert (screen.drawn[-1], screen.states()[-1]) == (("a", 0), "stopped")
    screen.runner.submit(steps("b"))
    assert screen.drawn[-1] == ("b", 0)


@pytest.mark.usefixtures("synchronous")
def test_where_no_thread_may_be_a_request_that_work_itself_makes_comes_next(screen):
    def start():
        screen.runner.submit(steps("after"))
        yield from steps("before")()

    screen.runner.submit(start)
    assert screen.drawn == [("before", 0), ("after", 0)]
