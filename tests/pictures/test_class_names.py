"""Class names in every form in which people have them, and what is said where their order cannot be known."""

import itertools
import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.datasets import ImageFolder
from torchvision.models import AlexNet_Weights

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network
from cnnviz_widgets.pictures import Labels
from cnnviz_widgets.pictures.class_names import class_names

ANIMALS = ["ant", "bee", "cat"]


@pytest.fixture
def folder(tmp_path):
    for name in ("10", "9", "ant"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (4, 4)).save(tmp_path / name / "a.png")
    return ImageFolder(tmp_path)


@pytest.mark.parametrize(
    "given",
    [
        ANIMALS,
        tuple(ANIMALS),
        iter(ANIMALS),
        np.array(ANIMALS),
        Labels(ANIMALS),
        {0: "ant", 1: "bee", 2: "cat"},
        {2: "cat", 0: "ant", 1: "bee"},
        {"2": "cat", "0": "ant", "1": "bee"},
        json.loads(json.dumps({2: "cat", 0: "ant", 1: "bee"})),
        {"cat": 2, "ant": 0, "bee": 1},
        {np.int64(1): "bee", np.int64(0): "ant", np.int64(2): "cat"},
        {"cat": np.int64(2), "ant": torch.tensor(0), "bee": 1},
        {"ant": 0, "bee": 1, "cat": 2}.keys(),
        {"0": ["n01440764", "ant"], "1": ["n01443537", "bee", "honeybee"], "2": ["cat"]},
    ],
)
def test_every_form(given):
    assert class_names(given) == Labels(ANIMALS)


def test_a_dataset_says_its_own(folder):
    assert list(class_names(folder)) == ["10", "9", "ant"]  # sorted as text, as its labels are
    half = torch.utils.data.Subset(folder, [0, 1])
    for one in (folder.class_to_idx, half, torch.utils.data.DataLoader(half)):
        assert class_names(one) == class_names(folder)
    folder.class_to_idx = {"9": 0, "10": 1, "ant": 2}  # as people change it who want them sorted as numbers
    assert list(class_names(folder)) == ["9", "10", "ant"]
    network = Network(nn.Sequential(nn.Conv2d(3, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()), classes=folder)
    assert list(network.classes) == ["9", "10", "ant"]
    assert class_names(network) == network.classes


def test_the_lists_of_imagenet():
    categories = AlexNet_Weights.DEFAULT.meta["categories"]
    assert list(class_names(categories)) == categories
    usual = ["crane" if name == "crane bird" else "maillot" if "maillot" in name else name for name in categories]
    assert list(class_names(usual)) == usual
    with pytest.raises(UserError, match="there are several 'goose', 'crane', 'maillot'"):
        class_names(["goose", *usual[1:]])


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"ant", "bee"}, "in the order of the outputs, and a set has none"),
        (frozenset({"ant", "bee"}), "a frozenset has none"),
        (["ant", "bee", "ant"], "different names: there are several 'ant'"),
        (["ant", "bee", "ant", "bee"], "different names: there are several 'ant', 'bee'"),
        (["ant", None, "cat", None], "all have a name: there is None for 1, 3"),
        ({0: "ant", 1: None}, "all have a name: there is None for 1"),
        ({0: "ant", 2: "cat"}, "from 0 to 1 without a gap: there is no name for 1, and the numbers go from 0 to 2"),
        ({1: "ant", 2: "cat"}, "from 0 to 1 without a gap: there is no name for 0, and the numbers go from 1 to 2"),
        ({"ant": 0, "cat": 10**12}, "there is no name for 1, and the numbers go from 0 to 1000000000000"),
        ({"ant": 0, "bee": 0, "cat": 1}, "one name each: there are several for 0"),
        ({0: "ant", "0": "bee"}, "one name each: there are several for 0"),
        ({0: "ant", 1: "ant"}, "different names: there are several 'ant'"),
        ({"ant": "bee"}, "there is no number for 'ant'"),
        ({True: "ant", False: "bee"}, "there is no number for True, False"),
        ({0: 1, 1: 0}, "must be names"),
        ({}, "an empty list came"),
        ([], "an empty list came"),
        ("ant", "a dictionary or a dataset that has classes, not 'ant'"),
        (3, "a dictionary or a dataset that has classes, not 3"),
        ([1, 2], "must be names"),
        (itertools.count(), "must be names"),
        ([f"n{number % 7}" for number in range(14)], "there are several 'n0', 'n1', 'n2', 'n3', 'n4' and 2 more"),
    ],
)
def test_what_has_no_order_or_no_name(given, sentence):
    with pytest.raises(UserError, match=sentence):
        class_names(given)
    with pytest.raises(UserError):
        Network(nn.Conv2d(3, 2, 3), classes=given)
