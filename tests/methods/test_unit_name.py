"""The name of a unit against labels that are counted by hand, and its chance against scipy."""

import pytest
import torch
from scipy.stats import binom
from torch import nn

import cnnviz_widgets as cnnviz
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.methods.units.unit_name import at_least

COMMON = ["blue ring thing", "red disk thing", "green cross thing"] * 8


@pytest.fixture(scope="module")
def network():
    """Its only channel is the brightness, and so is its score."""
    module = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    nn.init.ones_(module[0].weight)
    return cnnviz.Network(module, input_size=2, mean=0, std=1, scores="binary")


def scanned(network, labels, k):
    """Pictures in the order of their brightness, the first one the brightest."""
    pictures = [(torch.full((1, 2, 2), 1 - at / 100), f"{label} {at}") for at, label in enumerate(labels)]
    return cnnviz.last(cnnviz.scan(network, pictures, "0", k), progress=False)


def test_words_that_most_have_together_and_the_strongest_without_them(network):
    best = ["red ring thing", "red ring thing", "blue ring thing", "red ring thing", "red cross thing"]
    found = cnnviz.unit_name(scanned(network, best + COMMON, 5), "0", 0)
    assert found.words == ("red", "ring")  # each in 4 of 5, together in 3; and no "thing", which all have
    assert (found.share, found.usual) == (3 / 5, 3 / 29)
    assert found.chance == pytest.approx(binom.sf(2, 5, 3 / 29), rel=1e-12)
    assert found.counter.name == "blue ring thing 2"
    assert found.content().names[-1].endswith("blue ring thing 2")
    assert found.values.tolist() == pytest.approx([1, 0.99, 0.98, 0.97, 0.96])
    assert found.evidence == "60% of the best pictures, 10% of all"


def test_words_that_most_have_but_not_together_are_no_name_together(network):
    best = ["red star thing", "red star thing", "red cross thing", "red disk thing", "blue star thing"]
    found = cnnviz.unit_name(scanned(network, best + ["blue cross thing", "blue disk thing"] * 12, 5), "0", 0)
    assert (found.words, found.share) == (("red",), 4 / 5)  # a star in 3, but a red one in 2
    assert found.name == "red"


def test_where_all_have_the_words_the_least_active_that_has_them_speaks_against_it(network):
    labels = ["red ring"] * 5 + COMMON + ["red ring"]
    found = cnnviz.unit_name(scanned(network, labels, 6), "0", 0, count=5)
    assert (set(found.words), found.share) == ({"red", "ring"}, 1)
    assert found.counter.name == f"red ring {len(labels) - 1}"


@pytest.mark.parametrize("labels", [["red ring", "blue cross", *COMMON], ["red disk thing"] * 3 + COMMON[1:2] * 20])
def test_no_word_of_most_or_one_that_chance_explains_is_no_name(network, labels):
    scan = scanned(network, labels, 2)
    found = cnnviz.unit_name(scan, "0", 0)
    assert (found.name, found.share, found.chance, found.counter) == ("no name", 0, 1, None)
    with pytest.raises(UserError, match="channel"):
        cnnviz.unit_name(scan, "0", 1)


def test_the_classes_are_those_of_the_mean_probability(network):
    found = cnnviz.unit_name(scanned(network, ["red ring"] * 3, 3), "0", 0)
    (_, likelier), (_, other) = found.classes
    wanted = torch.tensor([1, 0.99, 0.98]).double().sigmoid().mean()
    assert likelier == pytest.approx(float(wanted), rel=1e-7)  # float32
    assert likelier + other == pytest.approx(1, abs=1e-6)


def test_labels_stay_with_a_scan_in_its_file(network, tmp_path):
    one = scanned(network, ["red ring"] * 3 + COMMON, 3)
    one.save(tmp_path / "a.scan")
    again = cnnviz.load_scan(tmp_path / "a.scan", network, one.pictures)
    assert cnnviz.unit_name(again, "0", 0).evidence == cnnviz.unit_name(one, "0", 0).evidence


@pytest.mark.parametrize("trials", [1, 9, 30])
@pytest.mark.parametrize("probability", [0, 0.125, 0.5, 1])
def test_at_least_so_many_is_the_tail_of_the_binomial_distribution(trials, probability):
    for successes in range(1, trials + 1):
        wanted = binom.sf(successes - 1, trials, probability)
        assert at_least(successes, trials, probability) == pytest.approx(wanted, rel=1e-9, abs=1e-15)
