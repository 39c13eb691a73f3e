"""What a check says, and that it never fails itself."""

import pytest
import torch

from cnnviz_widgets.exercises.feedback import (
    Feedback,
    NotYet,
    Wrong,
    check,
    given,
    number,
    refute,
    same,
    tensor,
    whole_numbers,
)


@check
def check_seven(answer):
    given(answer, "say a number.")
    if refute(number(answer), 7, {"this is twice as much.": 14}):
        return "Seven it is."
    raise Wrong("it is another number.")


@pytest.mark.parametrize(
    ("answer", "right", "text"),
    [
        (7, True, "✔ Right. Seven it is."),
        (torch.tensor(7), True, "✔ Right. Seven it is."),
        (None, None, "… Not yet: say a number."),
        (..., None, "… Not yet: say a number."),
        (14, False, "✘ Not quite: this is twice as much."),
        (8, False, "✘ Not quite: it is another number."),
        ("x", False, "✘ Not quite: one number is asked for, not `'x'`."),
        (float("nan"), False, "✘ Not quite: `nan` is not a finite number: is something divided by zero?"),
    ],
)
def test_answers(answer, right, text):
    feedback = check_seven(answer)
    assert feedback.right is right
    assert repr(feedback) == text
    assert bool(feedback) is (right is True)
    assert feedback._repr_markdown_() == f"**{feedback.verdict}** {feedback.text}"


def test_student_error_is_told_with_its_line():
    @check
    def check_function(function):
        return function()

    def broken():
        return [][3]

    feedback = check_function(broken)
    line = broken.__code__.co_firstlineno + 1
    assert feedback.right is False
    expected = f"the code stopped with `IndexError: list index out of range`, in line {line} of the cell with `broken`."
    assert feedback.text == expected


def unfollowed():
    torch.rand(2).sum().backward()


def many_scores():
    torch.rand(2, requires_grad=True).exp().backward()


def another_tensor():
    x = torch.rand(2, requires_grad=True)
    torch.autograd.grad(x.sum(), x.clone().detach().requires_grad_())


def a_tuple():
    x = torch.rand(2, requires_grad=True)
    torch.autograd.grad(x.sum(), x).mean()


def missing_axes():
    return torch.rand(3) * torch.rand(3, 4, 5)


def joined_by_and():
    return torch.rand(2) > 0 and torch.rand(2) > 0


def no_leaf():
    return torch.rand(2).grad.abs()


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (unfollowed, "`requires_grad_()` comes before"),
        (many_scores, "A gradient is that of one number"),
        (another_tensor, "a copy of it is another one"),
        (a_tuple, "even for one tensor: take its `[0]`"),
        (missing_axes, "Axes are matched from the right"),
        (joined_by_and, "join masks"),
        (no_leaf, "has a `.grad`, and only after"),
    ],
)
def test_what_is_behind_an_error_of_pytorch(function, hint):
    text = check(lambda: function())().text
    assert f"of the cell with `{function.__name__}`. " in text
    assert hint in text


def test_check_called_without_an_answer_does_not_fail():
    assert "missing 1 required positional argument" in check_seven().text


def test_interrupt_is_not_swallowed():
    @check
    def check_patience(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_patience(1)


@pytest.mark.parametrize("answer", [3, (1, 2), (1, 2, 2.5), "abc", None, (1, 2, float("nan")), (1, 2, 3, 4)])
def test_whole_numbers_refuse(answer):
    with pytest.raises(Wrong, match=r"whole numbers \(a, b, c\) are asked for"):
        whole_numbers(answer, ("a", "b", "c"))


def test_whole_numbers_take_anything_like_them():
    assert (
        whole_numbers(torch.tensor([1, 2]), ("a", "b")) == whole_numbers((1.0, torch.tensor(2)), ("a", "b")) == (1, 2)
    )


def test_tensor_says_what_is_wrong():
    assert tensor([[1, 2]], (1, 2), "`x`").dtype == torch.float64
    with pytest.raises(Wrong, match=r"`x` cannot be read as numbers: it is `'picture'`\."):
        tensor("picture", (1,), "`x`")
    with pytest.raises(Wrong, match=r"`x` is a pair, as `max\(dim\)` returns it: take its `values`\."):
        tensor(torch.rand(2, 3).max(0), (3,), "`x`")
    with pytest.raises(Wrong, match=r"`x` has the shape \(2,\), \(1,\) is asked for: one too many\."):
        tensor([1, 2], (1,), "`x`", {(2,): "one too many"})
    with pytest.raises(Wrong, match="not finite"):
        tensor([float("inf")], (1,), "`x`")


def test_same_forgives_rounding_only():
    values = torch.rand(10).double()
    assert same(values.float(), values)
    assert not same(values + 1e-3, values)
    assert not same(values[:5], values)
    assert not same(1e-9, 0)


def test_not_yet_is_not_wrong():
    with pytest.raises(NotYet, match="do it"):
        given(None, "do it")
    given(0, "do it")
    assert Feedback(None, "") != Feedback(False, "")
