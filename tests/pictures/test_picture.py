"""A picture is a tensor like any other, but for knowing where it came from."""

import copy
import gc
import io
import pickle
import weakref

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

import cnnviz_widgets as cnnviz
from cnnviz_widgets.pictures import Picture, source_of


@pytest.fixture
def photo():
    return cnnviz.load_image("chelsea", 24)


@pytest.fixture
def values(photo):
    return torch.from_numpy(photo.numpy().copy())


def said(picture):
    return picture.source, picture.name, picture.uploaded


def saved_and_loaded(picture):
    file = io.BytesIO()
    torch.save(picture, file)
    file.seek(0)
    return torch.load(file)  # which by default refuses classes that it does not know


def test_shares_the_values_it_is_made_of(values):
    picture = Picture(values, "cnnviz.load_image(array)")
    assert picture.data_ptr() == values.data_ptr()
    assert said(picture) == ("cnnviz.load_image(array)", None, False)
    assert said(Picture(values)) == (None, None, False)
    assert source_of(values) is None


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: x + 1,
        lambda x: 1 - x,
        lambda x: x[0],
        lambda x: x[None],
        lambda x: x[:, ::2],
        lambda x: x.clone(),
        lambda x: x.detach(),
        lambda x: x.double(),
        lambda x: x.mT,
        lambda x: x.flatten(),
        lambda x: torch.empty_like(x).copy_(x),
        lambda x: torch.stack([x, x]),
        lambda x: torch.cat([x, x], 2),
        lambda x: x.split(1)[1],
        lambda x: torch.where(x > 0.5, x, 0),
        lambda x: torch.einsum("chw,dhw->cd", x, x),
        lambda x: nn.functional.interpolate(x[None], 9, mode="bilinear"),
        lambda x: nn.functional.pad(x, (1, 1, 1, 1), mode="reflect"),
        lambda x: torch.func.vmap(lambda one: one.sum())(x),
    ],
)
def test_what_is_computed_from_it_is_a_plain_tensor(compute, photo, values):
    found = compute(photo)
    assert type(found) is Tensor
    torch.testing.assert_close(found, compute(values), rtol=0, atol=0)


@pytest.mark.parametrize(
    "copied",
    [
        copy.copy,
        copy.deepcopy,
        lambda one: pickle.loads(pickle.dumps(one)),
        saved_and_loaded,
        lambda one: one.cpu(),  # as any tensor that is there already, it is itself
    ],
    ids=["copy", "deepcopy", "pickle", "torch.save", "cpu"],
)
@pytest.mark.parametrize("upload", [False, True])
def test_a_copy_knows_it_too(copied, upload, photo):
    picture = cnnviz.load_image({"name": "größe.png", "content": encoded(photo)}) if upload else photo
    found = copied(picture)
    assert type(found) is Picture
    assert said(found) == said(picture)
    assert found.uploaded == upload
    torch.testing.assert_close(found.detach(), picture.detach(), rtol=0, atol=0)


def encoded(picture):
    from torchvision.transforms.functional import to_pil_image

    file = io.BytesIO()
    to_pil_image(picture).save(file, "PNG")
    return file.getvalue()


def test_a_deep_copy_is_made_once_and_apart(photo):
    one, other = copy.deepcopy([photo, photo])
    assert one is other
    one.zero_()
    assert photo.any()
    assert photo.source
    assert one.source is None


@pytest.mark.parametrize("grad", [False, True])
def test_a_copy_requires_a_gradient_as_it_does(grad, photo):
    photo.requires_grad_(grad)
    assert copy.deepcopy(photo).requires_grad == pickle.loads(pickle.dumps(photo)).requires_grad == grad


@pytest.mark.parametrize("write", [lambda x: x.zero_(), lambda x: x[0].mul_(0.5), lambda x: x.detach().clamp_(max=0.5)])
def test_written_to_it_is_of_no_source_any_more(write, photo):
    write(photo)
    assert said(photo) == said(copy.deepcopy(photo)) == (None, None, False)
    assert said(cnnviz.load_image(photo)) == (None, None, False)


def test_in_inference_mode():
    with torch.inference_mode():
        photo = cnnviz.load_image("chelsea", 24)
        assert type(photo * 2) is Tensor
    assert photo.source == 'cnnviz.load_image("chelsea", size=24)'


def test_autograd_takes_it_as_a_leaf(photo, values):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
    gradients = []
    for x in (photo.requires_grad_(), values.requires_grad_()):
        scores = module(x[None])
        assert type(scores) is Tensor
        scores[0, 1].backward()
        assert type(x.grad) is Tensor
        gradients.append(x.grad)
    torch.testing.assert_close(*gradients, rtol=0, atol=0)
    assert photo.is_leaf
    assert photo.source


def test_function_modes_see_what_they_see_of_a_plain_tensor(photo, values):
    class Seen(TorchFunctionMode):
        def __init__(self):
            super().__init__()
            self.names = []

        def __torch_function__(self, func, types, args=(), kwargs=None):
            self.names.append(func.__name__)
            return func(*args, **(kwargs or {}))

    names = []
    for x in (photo, values):
        with Seen() as seen:
            nn.functional.max_pool2d((x - 0.5).relu()[None], 2).mean()
        names.append(seen.names)
    assert names[0] == names[1] != []


def test_a_network_answers_to_it_as_to_a_plain_tensor(photo, values):
    network = cnnviz.load_network("mini")
    torch.testing.assert_close(network.logits(photo), network.logits(values), rtol=0, atol=0)
    assert cnnviz.saliency(network, photo).values.equal(cnnviz.saliency(network, values).values)
    assert type(network.prepare(photo)) is Tensor


def test_it_goes_when_nobody_needs_it():
    alive = weakref.ref(cnnviz.load_image("chelsea", 8))
    gc.collect()
    assert alive() is None


def test_samples_and_data_sets_give_pictures():
    assert cnnviz.samples()["coffee"].source == 'cnnviz.load_image("coffee")'
    picture, name = cnnviz.load_dataset(cnnviz.samples())[0]
    assert picture.name == name == "chelsea"
