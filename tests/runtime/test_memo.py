"""What was reached is kept as long as it is of the same."""

from typing import NamedTuple

import numpy as np
import pytest
import torch

from cnnviz_widgets.engine.targets import Neuron
from cnnviz_widgets.runtime.memo import Memo, same


class Pair(NamedTuple):
    a: int
    b: int


TENSOR, ARRAY, OBJECT = torch.zeros(3), np.zeros(3), object()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TENSOR, TENSOR), (ARRAY, ARRAY), (OBJECT, OBJECT), (1, 1.0), ("a", "a"), (None, None),
        ((1, (2, TENSOR)), (1, (2, TENSOR))), ([1], [1]), ({"a": 1, "b": TENSOR}, {"b": TENSOR, "a": 1}),
        (Neuron("relu1", 3, (1, 2)), Neuron("relu1", 3, (1, 2))), ((), ()), (Pair(1, 2), Pair(1, 2)),
    ],
)  # fmt: skip
def test_same(one, other):
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TENSOR, TENSOR.clone()), (TENSOR, 0), (0, TENSOR), (ARRAY, ARRAY.copy()), (ARRAY, TENSOR), (OBJECT, object()),
        (1, 2), ("a", None), ((1,), (1, 2)), ((1,), [1]), ({"a": 1}, {"b": 1}), ({"a": 1}, {"a": 1, "b": 2}),
        ((TENSOR,), (TENSOR.clone(),)), ({"a": TENSOR}, {"a": TENSOR.clone()}), (float("nan"), float("nan")),
        (Neuron("relu1", 3), Neuron("relu1", 4)), (Pair(1, 2), (1, 2)),
    ],
)  # fmt: skip
def test_not_same(one, other):
    assert not same(one, other)


def test_what_was_reached_is_kept_until_it_is_of_something_else():
    memo = Memo(dict)
    known = memo.reached(TENSOR, 3)
    known["a"] = 1
    assert memo.reached(TENSOR, 3) is known
    assert memo.reached(TENSOR.clone(), 3) == {}
    assert memo.reached(TENSOR, 3) == {}  # only the last one is held


def test_what_was_forgotten_begins_anew():
    memo = Memo(list)
    first = memo.reached()
    assert memo.reached() is first
    memo.forget()
    assert memo.reached() is not first


def test_what_is_known_begins_nothing():
    memo = Memo(list)
    assert memo.known("seed 1") is None
    held = memo.reached("seed 1")
    assert memo.known("seed 1") is held
    assert memo.known("seed 2") is None
    assert memo.held is held
