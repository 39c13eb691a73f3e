"""Many pictures from anything that holds them."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.pictures import load_dataset, load_image, samples


class Labelled(Dataset):
    def __init__(self, label=3):
        self._label = label

    def __len__(self):
        return 4

    def __getitem__(self, number):
        return torch.full((3, 8, 8), number / 10), self._label


@pytest.fixture
def folder(tmp_path):
    for name, grey in (("b/two.PNG", 20), ("a.jpg", 10), ("b/three.webp", 30)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (12, 8), (grey,) * 3).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_a_folder_and_those_below_it(folder):
    dataset = load_dataset(folder)
    assert len(dataset) == 3
    assert [name for _, name in dataset] == ["a", "three", "two"]
    assert [round(float(picture.mean()) * 255) for picture, _ in dataset] == [10, 30, 20]
    again = eval(dataset.source, {"cv": __import__("cnnviz_widgets")})
    assert [name for _, name in again] == ["a", "three", "two"]


def test_samples():
    dataset = load_dataset(samples())
    picture, name = dataset[1]
    assert name == "coffee"
    assert torch.equal(picture, load_image("coffee"))
    assert len(eval(dataset.source, {"cv": __import__("cnnviz_widgets")})) == len(samples())


def test_a_list_of_all_sorts(folder):
    grey = np.full((6, 7), 51, np.uint8)
    dataset = load_dataset([folder / "a.jpg", "coffee", grey, torch.zeros(3, 5, 5), Image.new("L", (4, 4))])
    assert [name for _, name in dataset] == ["a", "coffee", "picture 2", "picture 3", "picture 4"]
    assert torch.equal(dataset[2][0], torch.full((3, 6, 7), 0.2))
    assert dataset.source is None


@pytest.mark.parametrize(
    "batch", [torch.rand(4, 3, 6, 7), np.random.default_rng(0).integers(0, 256, (4, 6, 7, 3), np.uint8)]
)
def test_a_batch(batch):
    dataset = load_dataset(batch)
    assert len(dataset) == 4
    assert torch.equal(dataset[2][0], load_image(batch[2]))


@pytest.mark.parametrize(("label", "name"), [(3, "3"), ("goose", "goose"), (torch.tensor(3), "picture 2")])
def test_pairs_with_a_label(label, name):
    picture, said = load_dataset(Labelled(label))[2]
    assert torch.equal(picture, torch.full((3, 8, 8), 0.2))
    assert said == name


def test_a_dataset_stays_itself():
    dataset = load_dataset(samples())
    assert load_dataset(dataset) is dataset


def test_pictures_end_where_the_dataset_ends():
    with pytest.raises(IndexError):
        load_dataset(["coffee"])[1]


class Stream(IterableDataset):
    def __iter__(self):
        yield torch.zeros(3, 8, 8)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("chelsea", "dataset 'chelsea' is no folder"),
        (3, "not int"),
        ({"a": 1}, "not dict"),
        (Stream(), "with a length, not Stream"),
        (torch.zeros(3, 8, 8), r"not Tensor \(3, 8, 8\)"),
        (np.zeros((8, 8)), r"not ndarray \(8, 8\)"),
        ([], "this list is empty"),
    ],
)
def test_what_holds_no_pictures_is_told(source, says):
    with pytest.raises(UserError, match=says):
        load_dataset(source)


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(UserError, match=r"holds no pictures \(.jpg, "):
        load_dataset(tmp_path)


def test_the_picture_that_is_none_is_named():
    normalised = torch.stack([torch.zeros(3, 8, 8), torch.full((3, 8, 8), -2.0)])
    with pytest.raises(UserError, match=r"picture 1 of the dataset: source has values from -2 to -2"):
        load_dataset(normalised)[1]
