"""Many pictures from anything that holds them."""

import itertools
import os
import pickle
import tarfile
import warnings
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset

from cnnviz_widgets.drawing.render import to_uint8
from cnnviz_widgets.errors import UserError
from cnnviz_widgets.pictures import load_dataset, load_image, samples


class Labeled(Dataset):
    def __init__(self, label=3):
        self._label = label

    def __len__(self):
        return 4

    def __getitem__(self, number):
        return torch.full((3, 8, 8), number / 10), self._label


@pytest.fixture
def folder(tmp_path):
    for name, gray in (("b/two.PNG", 20), ("a.jpg", 10), ("b/three.webp", 30)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (12, 8), (gray,) * 3).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_a_folder_and_those_below_it(folder):
    dataset = load_dataset(folder)
    assert len(dataset) == 3
    assert [name for _, name in dataset] == ["a", "three", "two"]
    assert [round(float(picture.mean()) * 255) for picture, _ in dataset] == [10, 30, 20]
    again = eval(dataset.source, {"cnnviz": __import__("cnnviz_widgets")})
    assert [name for _, name in again] == ["a", "three", "two"]


def test_samples():
    dataset = load_dataset(samples())
    picture, name = dataset[1]
    assert name == "coffee"
    assert torch.equal(picture, load_image("coffee"))
    assert len(eval(dataset.source, {"cnnviz": __import__("cnnviz_widgets")})) == len(samples())


def test_a_list_of_all_sorts(folder):
    gray = np.full((6, 7), 51, np.uint8)
    dataset = load_dataset([folder / "a.jpg", "coffee", gray, torch.zeros(3, 5, 5), Image.new("L", (4, 4))])
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
    picture, said = load_dataset(Labeled(label))[2]
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


def stream(pictures):
    yield from pictures


def test_an_iterable_is_read_to_its_end(folder):
    assert [name for _, name in load_dataset(Stream())] == ["picture 0"]
    pictures = load_dataset(stream([folder / "a.jpg", "coffee", torch.ones(3, 2, 2)]))
    assert [name for _, name in pictures] == ["a", "coffee", "picture 2"]
    assert [name for _, name in pictures] == ["a", "coffee", "picture 2"]


@pytest.mark.parametrize(
    "endless", [lambda: itertools.repeat("coffee"), lambda: map(torch.rand, itertools.repeat((3, 64, 64)))]
)
def test_an_endless_iterable_is_told(endless, monkeypatch):
    monkeypatch.setattr("cnnviz_widgets.pictures.dataset.memory_budget", lambda: 2**20)
    with pytest.raises(UserError, match=r"dataset: this \w+ gives more than [\d,]+ pictures, too many to be kept"):
        load_dataset(endless())


def test_what_an_iterable_raises_is_told():
    def broken():
        yield "coffee"
        raise RuntimeError("disk gone")

    with pytest.raises(UserError, match="dataset: this generator raised RuntimeError: disk gone"):
        load_dataset(broken())
    with pytest.raises(UserError, match="this generator is empty"):
        load_dataset(stream([]))


def packed(folder, path):
    """The folder as an archive."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as file:
            for one in sorted(folder.rglob("*")):
                file.write(one, one.relative_to(folder))
    else:
        with tarfile.open(path, "w:" + {"tar": "", "tgz": "gz"}.get(path.suffix[1:], path.suffix[1:])) as file:
            file.add(folder, "top")
    return path


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.TGZ", "a.tar.bz2", "a.tar.xz"])
def test_an_archive_is_what_its_folder_is(folder, tmp_path_factory, name):
    (folder / "b/._two.PNG").write_bytes(b"of a Mac")
    (folder / "b/torn.jpg").write_bytes((folder / "a.jpg").read_bytes()[:300])
    path = tmp_path_factory.mktemp("packed") / name.lower()
    path = packed(folder, path).rename(path.with_name(name))
    archived, whole = load_dataset(path), load_dataset(folder)
    with pytest.warns(UserWarning, match=r"1 of 4 pictures could not be read: torn.jpg\."):
        ours = list(archived)
    with pytest.warns(UserWarning, match="torn.jpg"):
        theirs = list(whole)
    assert [name for _, name in ours] == [name for _, name in theirs]
    assert all(torch.equal(one, other) for (one, _), (other, _) in zip(ours, theirs, strict=True))
    copy = pickle.loads(pickle.dumps(archived))
    assert torch.equal(copy[3][0], ours[2][0])
    assert archived.source == f'cnnviz.load_dataset("{path}")'


def test_archives_that_are_none_are_told(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"no archive")
    (tmp_path / "a.tar.gz").write_bytes(b"no archive")
    for name in ("a.zip", "a.tar.gz"):
        with pytest.raises(UserError, match=r"cannot be opened as an archive"):
            load_dataset(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as file:
        file.writestr("notes.txt", "no picture")
    with pytest.raises(UserError, match=r"empty.zip' holds no pictures"):
        load_dataset(tmp_path / "empty.zip")


def test_a_draft_is_smaller_and_nearly_the_same(tmp_path):
    whole = load_image("coffee")
    Image.fromarray(to_uint8(whole)).save(tmp_path / "coffee.jpg", quality=95)
    Image.fromarray(to_uint8(whole)).save(tmp_path / "other.png")
    (_, width), shorter = whole.shape[1:], min(whole.shape[1:])
    for draft, part in ((0, 1), (shorter, 1), (shorter // 2, 2), (shorter // 4, 4), (64, 4), (2, 8)):
        (drafted, _), (other, _) = load_dataset(tmp_path, draft=draft)
        assert abs(drafted.shape[2] - width / part) < 1
        assert min(drafted.shape[1:]) >= draft
        assert torch.equal(other, whole)
        small = load_image(whole, size=tuple(drafted.shape[1:]))
        assert (drafted - small).abs().mean() < 0.015
    (tmp_path / "coffee.jpg").write_bytes((tmp_path / "coffee.jpg").read_bytes()[:5000])
    with pytest.raises(UserError, match=r"picture 0 of the dataset: .* damaged"):
        load_dataset(tmp_path, draft=64)[0]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("chelsea", "dataset 'chelsea' is no folder"),
        ("", "dataset '' is no folder"),
        (3, "not int"),
        ({"a": 1}, "not dict"),
        (b"abc", "or a torch Dataset, not bytes"),
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
    normalized = torch.stack([torch.zeros(3, 8, 8), torch.full((3, 8, 8), -2.0)])
    with pytest.raises(UserError, match=r"picture 1 of the dataset: source has values from -2 to -2"):
        load_dataset(normalized)[1]


def test_hidden_files_and_what_is_no_file_are_no_pictures(folder):
    """What macOS, Jupyter and unpacked archives leave behind."""
    for name in ("b/._two.PNG", "__MACOSX/a.jpg", ".ipynb_checkpoints/a-checkpoint.jpg", ".cache/b/a.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((folder / "a.jpg").read_bytes())
    (folder / "folder.jpg").mkdir()
    os.mkfifo(folder / "pipe.png")
    (folder / "gone.png").symlink_to("nowhere")
    assert [name for _, name in load_dataset(folder)] == ["a", "three", "two"]


def test_a_folder_inside_a_hidden_one_may_be_asked_for(folder):
    hidden = folder.rename(folder.with_name(".hidden"))
    assert len(load_dataset(hidden)) == 3


@pytest.fixture
def damaged(folder):
    """Of five pictures the second and the fourth are cut off."""
    for name in ("aa.jpg", "b/thr.webp"):
        (folder / name).write_bytes((folder / "a.jpg").read_bytes()[:300])
    return folder


def test_what_cannot_be_read_is_left_out_counted_and_named_at_the_end(damaged):
    dataset = load_dataset(damaged)
    pictures = iter(dataset)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [next(pictures)[1] for _ in range(3)] == ["a", "three", "two"]
    with pytest.warns(UserWarning, match=r"^2 of 5 pictures could not be read: aa.jpg, thr.webp\.$"):
        assert list(pictures) == []
    with pytest.raises(UserError, match=r"picture 1 of the dataset: source '.*aa.jpg' is .* picture"):
        dataset[1]


def test_only_a_few_are_named(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "whole.png")
    for number in range(1200):
        (tmp_path / f"{number:04}.jpg").touch()
    says = r"1,200 of 1,201 pictures could not be read: 0000.jpg, 0001.jpg, 0002.jpg, 0003.jpg, 0004.jpg …\.$"
    with pytest.warns(UserWarning, match=says):
        assert len(list(load_dataset(tmp_path))) == 1


def test_nothing_that_can_be_read_is_an_error(tmp_path):
    (tmp_path / "a.jpg").touch()
    says = r"none of the 1 pictures of the dataset could be read: picture 0 of the dataset: source '.*' is empty"
    with pytest.raises(UserError, match=says):
        list(load_dataset(tmp_path))


class Mappings(Dataset):
    def __init__(self, key="image", features=None, **more):
        self.key, self.more = key, more
        if features:
            self.features = features

    def __len__(self):
        return 3

    def __getitem__(self, number):
        return {self.key: torch.full((3, 8, 8), number / 10), **self.more}


class ClassLabel:
    names = ("cat", "dog")


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        (Mappings(), "picture 2"),
        (Mappings("img", label="goose"), "goose"),
        (Mappings("pixel_values", labels=7), "7"),
        (Mappings("image", label=1, features={"label": ClassLabel()}), "dog"),
        (Mappings("image", label=-1, features={"label": ClassLabel()}), "-1"),
        (Mappings("image", label=None), "picture 2"),
    ],
)
def test_entries_that_are_mappings(dataset, name):
    picture, said = load_dataset(dataset)[2]
    assert torch.equal(picture, torch.full((3, 8, 8), 0.2))
    assert said == name


def test_undecoded_entries_of_hugging_face(folder):
    content = (folder / "a.jpg").read_bytes()
    entries = [{"image": {"bytes": content, "path": None}}, {"image": {"bytes": None, "path": str(folder / "a.jpg")}}]
    first, second = (picture for picture, _ in load_dataset(entries))
    assert torch.equal(first, second)


def test_a_mapping_without_a_picture_says_what_is_looked_for():
    says = "picture 0 of the dataset: this entry has no picture under 'image', 'img', .* only 'x', 'label'"
    with pytest.raises(UserError, match=says):
        load_dataset(Mappings("x", label=1))[0]


def test_image_folders_and_parts_of_them_know_the_names_of_classes(tmp_path):
    from torch.utils.data import Subset
    from torchvision.datasets import ImageFolder

    for name in ("goose", "beaver"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / name / "a.png")
    folder = ImageFolder(tmp_path)
    assert [name for _, name in load_dataset(folder)] == ["beaver", "goose"]
    assert [name for _, name in load_dataset(Subset(Subset(folder, [1]), [0]))] == ["goose"]
    (tmp_path / "beaver/a.png").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match=r"1 of 2 pictures could not be read: picture 0\."):
        assert [name for _, name in load_dataset(folder)] == ["goose"]


class Failing(Mappings):
    def __getitem__(self, number):
        if number == 1:
            raise RuntimeError("disk gone")
        return super().__getitem__(number)


def test_what_a_dataset_raises_carries_the_number():
    dataset = load_dataset(Failing())
    with pytest.raises(UserError, match="picture 1 of the dataset: Failing raised RuntimeError: disk gone"):
        list(dataset)


def test_a_transform_that_normalizes_is_told():
    normalized = [(torch.rand(3, 8, 8) - 0.45) / 0.225, 0]
    with pytest.raises(UserError, match=r"picture 0 of .* has values from .* give a data set no transform that"):
        list(load_dataset([normalized]))


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_pictures_of_other_numbers_of_channels(channels):
    batch = torch.rand(3, channels, 6, 7)
    dataset = load_dataset(batch, channels=channels)
    assert torch.equal(dataset[1][0], batch[1])
    assert torch.equal(load_dataset(load_dataset(batch), channels=channels)[2][0], batch[2])
    assert load_dataset(dataset, channels=channels) is dataset
