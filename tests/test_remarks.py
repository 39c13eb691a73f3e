import threading
import warnings
from contextlib import suppress

import pytest

from cnnviz_widgets.remarks import listening, remark


def test_a_remark_is_a_warning_where_nobody_listens():
    with pytest.warns(UserWarning, match="a constant map") as heard:
        remark("a constant map", stacklevel=1)
    assert heard[0].filename == __file__


def test_the_stack_level_is_that_of_warnings_warn():
    def method(level):
        remark("ours", stacklevel=level)
        warnings.warn("theirs", stacklevel=level)

    for level in (1, 2):
        with pytest.warns(UserWarning, match="ours|theirs") as heard:
            method(level)
        assert heard[0].lineno == heard[1].lineno - (level == 1)


def test_a_listener_hears_it_instead_each_time_and_in_its_own_thread_only():
    heard, elsewhere = [], []

    def other():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            remark("from another thread")
        elsewhere.extend(str(one.message) for one in caught)

    with listening(heard.append):
        for _ in range(2):
            remark("again")
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert heard == ["again", "again"]
    assert elsewhere == ["from another thread"]
    with pytest.warns(UserWarning, match="after"):
        remark("after")


def test_listeners_may_be_nested_and_end_with_an_error():
    outer, inner = [], []
    with listening(outer.append):
        with suppress(ZeroDivisionError), listening(inner.append):
            remark("inside")
            1 / 0  # noqa: B018
        remark("outside")
    assert (outer, inner) == (["outside"], ["inside"])
