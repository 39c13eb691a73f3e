"""The name of a unit against labels that are counted by hand."""

import pytest
import torch
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.errors import UserError

LABELS = ["red ring 1", "red ring 2", "blue ring 3", "red cross 4", "red ring 5", "blue cross 6"]


@pytest.fixture(scope="module")
def network():
    """Its only channel is the brightness."""
    module = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    nn.init.ones_(module[0].weight)
    return cnnviz.Network(module, input_size=2, mean=0, std=1, scores="binary")


def named(network, order, k):
    """Pictures in the order of their brightness, the first one the brightest."""
    pictures = [(torch.full((1, 2, 2), 1 - at / 10), LABELS[label]) for at, label in enumerate(order)]
    return cnnviz.last(cnnviz.scan(network, pictures, "0", k), progress=False)


def test_words_of_more_than_half_of_the_best_and_the_strongest_without_them(network):
    found = cnnviz.unit_name(named(network, [0, 1, 2, 3, 4, 5], 5), "0", 0)
    assert found.words == ("red", "ring")  # 4 of 5 each
    assert found.share == 3 / 5
    assert found.counter.name == "blue ring 3"
    assert found.content().names[-1].endswith("blue ring 3")
    assert found.values.tolist() == pytest.approx([1, 0.9, 0.8, 0.7, 0.6])


def test_where_all_have_the_words_the_least_active_that_has_them_speaks_against_it(network):
    found = cnnviz.unit_name(named(network, [0, 1, 5, 3, 4], 3), "0", 0, count=2)
    assert (found.words, found.share) == (("red", "ring"), 1)
    assert found.counter.name == "red ring 5"


def test_no_word_of_most_is_no_name(network):
    found = cnnviz.unit_name(named(network, [3, 2], 2), "0", 0)
    assert (found.name, found.share, found.counter) == ("no name", 0, None)
    with pytest.raises(UserError, match="channel"):
        cnnviz.unit_name(named(network, [3, 2], 2), "0", 1)
