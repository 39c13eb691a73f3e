import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnviz_widgets.exercises import check_by_hand, check_guided_relu

RIGHT = {
    "backprop": [2, 0, -1, 0, 0, 1],
    "deconvnet": [2, 4, 0, 0, 5, 1],
    "guided": [2, 0, 0, 0, 0, 1],
}


@pytest.mark.parametrize(
    ("name", "answer", "says"),
    [
        ("backprop", RIGHT["guided"], "you have written what guided passes back"),
        ("deconvnet", RIGHT["backprop"], "you have written what backprop passes back"),
        ("guided", RIGHT["deconvnet"], "you have written what deconvnet passes back"),
        ("guided", [1, 0, 0, 0, 0, 1], "has the mask"),
        ("backprop", [6, 0, -2, 0, 0, 5], "multiplied by f itself"),
        ("guided", [3, 0, 2, 0, 0, 5], "in the forward pass"),
        ("backprop", [2, 0, -1, 0, 5, 1], "f is exactly 0"),
        ("guided", [2, 0, 0, 0, 0, 2], "number 5, where f = 5 and R = 1: it has 2"),
        ("guided", [2, 0, 0, 0, 0], "(6,) is asked for"),
        ("guided", "2 0 0", "cannot be read as numbers: it is `'2 0 0'`"),
    ],
)
def test_wrong_by_hand(name, answer, says):
    feedback = check_by_hand(**RIGHT | {name: answer})
    assert feedback.right is False
    assert f"`{name}`" in feedback.text
    assert says in feedback.text


def test_right_and_missing_by_hand():
    assert check_by_hand(**RIGHT)
    missing = check_by_hand(**RIGHT | {"deconvnet": None})
    assert missing.right is None
    assert "`deconvnet`" in missing.text


@given(st.sampled_from(list(RIGHT)), st.integers(0, 5), st.integers(-9, 9).filter(bool))
def test_no_other_numbers_by_hand_are_taken(name, place, off):
    answer = list(RIGHT[name])
    answer[place] += off
    assert not check_by_hand(**RIGHT | {name: answer})


def relu(back=lambda f, r: (f > 0) * (r > 0) * r, forth=lambda f: f.clamp(min=0)):
    """A solution of task 2, and its usual mistakes."""

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx, f):
            ctx.save_for_backward(f.clone())
            return forth(f)

        @staticmethod
        def backward(ctx, r):
            return back(*ctx.saved_tensors, r)

    return Function


def overwriting(f):
    f.clamp_(min=0)
    return f.clone()


FUNCTIONS = {
    "passes negative signals back: you forgot (R > 0)": relu(lambda f, r: (f > 0) * r),
    "units that were not active: you forgot (f > 0)": relu(lambda f, r: (r > 0) * r),
    "as if there were no ReLU": relu(lambda f, r: r.clone()),
    "the mask is passed back": relu(lambda f, r: ((f > 0) & (r > 0)).double()),
    "write f > 0, not f >= 0": relu(lambda f, r: (f >= 0) * (r > 0) * r),
    "joined by *or*": relu(lambda f, r: ((f > 0) | (r > 0)) * r),
    "`abs` is not (R > 0)": relu(lambda f, r: (f > 0) * r.abs()),
    "f decides only whether": relu(lambda f, r: (f > 0) * (r > 0) * r * f),
    "only zeros are passed back": relu(lambda f, r: 0 * r),
    "must return R where both": relu(lambda f, r: (f > 0) * (r > 0) * r * 2),
    "`forward` returns its input": relu(forth=lambda f: f.clone()),
    "`forward` returns the mask": relu(forth=lambda f: (f > 0).double()),
    "`forward` takes the absolute value": relu(forth=lambda f: f.abs()),
    "`forward` writes into its input": relu(forth=overwriting),
    "`forward` is not an ordinary ReLU": relu(forth=lambda f: f.clamp(min=0, max=1)),
    "give the class itself": torch.relu,
    "the code stopped with `NameError": relu(lambda f, r: forgotten * r),  # noqa: F821
}


@pytest.mark.parametrize("says", FUNCTIONS)
def test_wrong_guided_relu(says):
    feedback = check_guided_relu(FUNCTIONS[says])
    assert feedback.right is False
    assert says in feedback.text


def test_right_and_missing_guided_relu():
    assert check_guided_relu(relu())
    assert check_guided_relu(relu(lambda f, r: r.clamp(min=0) * (f > 0)))
    assert check_guided_relu(relu(lambda f, r: None)).right is None
    assert check_guided_relu(None).right is None
