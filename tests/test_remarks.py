import threading
import warnings
from contextlib import suppress
from functools import partial

import pytest
import torch
from torch import nn

from cnnviz_widgets import guided_grad_cam, input_x_gradient, saliency, smoothgrad
from cnnviz_widgets.networks import Network
from cnnviz_widgets.remarks import listening, remark


def test_a_remark_is_a_warning_where_nobody_listens():
    with pytest.warns(UserWarning, match="a constant map") as heard:
        remark("a constant map")
    assert heard[0].filename == __file__


def test_the_line_is_the_users_however_deep_it_is_made():
    network = Network(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Sigmoid(), nn.Flatten(), nn.Linear(8, 2)), input_size=4)
    for method in (saliency, input_x_gradient, partial(smoothgrad, samples=2), guided_grad_cam):
        options = {"layer": "0"} if method is guided_grad_cam else {}
        with pytest.warns(UserWarning, match="met no ReLU") as heard:
            method(network, torch.rand(3, 4, 4), 0, rule="guided", **options)
        ours = [one for one in heard if "met no ReLU" in str(one.message)]  # others: of what is collected
        assert {one.filename for one in ours} == {__file__}


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
