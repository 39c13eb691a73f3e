"""Class names: by number, by any unambiguous part, and what is said when that fails."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.models.squeezenet import SqueezeNet1_0_Weights

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.pictures import Labels, labels

SMALL = Labels(["tabby cat", "catfish", "Dog", "hot dog", "jack-o'-lantern", "A", "a", "+"])


def test_imagenet_is_torchvisions_list():
    assert list(labels) == SqueezeNet1_0_Weights.DEFAULT.meta["categories"]
    assert len(labels) == 1000
    assert labels[99] == "goose"
    assert labels("goose") == labels.index("goose") == labels(99) == 99


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("Egyptian cat", 285),
        ("egyptian", 285),
        ("EGYPTIAN_CAT", 285),
        ("gyptian c", 285),  # any part, if nothing fits in whole words
        ("crane", 517),  # a whole name goes before "crane bird"
        ("espresso", 967),  # a whole name goes before "espresso maker"
        ("Jack O Lantern", 607),
    ],
)
def test_part_of_a_name(query, index):
    assert labels(query) == index


def test_strictest_level_wins():
    assert SMALL("dog") == 2  # whole name
    assert SMALL("cat") == 0  # whole word
    assert SMALL("fish") == 1  # part
    assert SMALL("A") == 5
    assert SMALL("a") == 6  # names that differ only in case
    assert SMALL("+") == 7


def test_ambiguous_name_lists_the_candidates():
    with pytest.raises(
        UserError, match="'cat' could be any of 282 tiger cat, 283 Persian cat, 284 Siamese cat, 285 Egyptian cat"
    ):
        labels("cat")
    with pytest.raises(UserError, match=r"0 m, 1 m, .*11 m, and 8 more: give"):
        Labels(["m"] * 20)("m")


def test_unknown_name_offers_the_nearest():
    with pytest.raises(UserError, match="did you mean 'goose'"):
        labels("gose")
    with pytest.raises(UserError, match="'Persian cat'"):
        labels("persain")
    with pytest.raises(UserError, match="the 1000 names go from 'tench' to 'toilet tissue'"):
        labels("qqqq")


@pytest.mark.parametrize("query", ["", " ", "!?"])
def test_nothing_is_no_name(query):
    with pytest.raises(UserError, match="no class is called"):
        labels(query)


@pytest.mark.parametrize("number", [7, np.int64(7), np.uint8(7), torch.tensor(7)])
def test_numbers_of_any_integer_type(number):
    index = labels(number)
    assert index == 7
    assert type(index) is int


@pytest.mark.parametrize("number", [1000, -1])
def test_number_out_of_range(number):
    with pytest.raises(UserError, match="numbers go from 0 to 999"):
        labels(number)


@pytest.mark.parametrize("query", [True, 1.0, None, [1]])
def test_neither_number_nor_name(query):
    with pytest.raises(UserError, match="by its number or name"):
        labels(query)


def test_find():
    assert labels.find("goose") == [(99, "goose"), (298, "mongoose")]
    assert (282, "tiger cat") in labels.find("CAT")
    assert len(labels.find("")) == 1000
    assert labels.find("qqqq") == []


@pytest.mark.parametrize("names", ["cat", [], [1, 2], 5])
def test_what_cannot_be_names(names):
    with pytest.raises(UserError, match="classes must be"):
        Labels(names)


def test_is_a_sequence():
    assert SMALL[1:3] == ("catfish", "Dog")
    assert "Dog" in SMALL
    assert Labels(list(SMALL)) == SMALL
    assert len({SMALL, Labels(SMALL)}) == 1
    assert repr(Labels(["a", "b"])) == "Labels(2 classes: a, b)"
    assert repr(labels) == "Labels(1000 classes: tench, goldfish, …, toilet tissue)"
    with pytest.raises(IndexError):
        SMALL[99]


@settings(deadline=None)
@given(st.lists(st.text("aAbß -'_+", max_size=6), min_size=1, max_size=8, unique=True))
def test_every_distinct_name_finds_itself(names):
    some = Labels(names)
    assert [some(name) for name in names] == list(range(len(names)))


@settings(deadline=None)
@given(st.lists(st.text("ab c", max_size=6), min_size=1, max_size=8), st.text("ab c", max_size=4))
def test_an_answer_holds_what_was_asked(names, query):
    some = Labels(names)
    try:
        index = some(query)
    except UserError:
        return
    assert " ".join(query.split()) in " ".join(some[index].split())
